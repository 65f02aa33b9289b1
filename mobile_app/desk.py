"""What lies on the technician's desk: the sessions, the one that is open, the camera, the pack that reads fields.

No Kivy: the screens ask it, the tests drive it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import List, Optional, Sequence

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import decode_image
from edge_wbc.core.pack import read_pack
from edge_wbc.core.reading import NamedCell, Reader, open_reader
from edge_wbc.core.records import Cell
from edge_wbc.core.taxonomy import RAABIN_LABELS
from mobile_app.live.worker import Answer, Worker
from mobile_app.session.rows import MarkedCell, Suggestion
from mobile_app.session.session import Session
from mobile_app.session.shelf import Setup, Shelf
from mobile_app.session.store import Store
from mobile_app.session.tally import Tally, tally
from mobile_app.sources.frames import FrameSource, Photograph

__all__ = ["BUTTONS", "DEFAULT_PACK", "Desk", "square"]

DEFAULT_PACK = Path(__file__).parent / "packs" / "default"
BUTTONS = tuple(name for name in RAABIN_LABELS if name != "not_labelled") + ("erythroblast",)
"""The twelve labels of the big buttons, in their fixed places."""
AROUND = 1.7  # what is shown round a cell, in its box's longer sides


class Desk:
    """Opens what was open last.

    Args:
        home: the app's own folder; made if need be.
        source: what gives frames, or None without a camera.
        pack: a model pack.

    Raises:
        BadInput: the database is of a newer version, or broken; said in words.
    """

    def __init__(self, home: Path, source: Optional[FrameSource] = None, pack: Path = DEFAULT_PACK) -> None:
        self.store = Store(home)
        self.shelf = Shelf(self.store)
        self.source = source
        self.session: Optional[Session] = self.shelf.resume()
        self._reader: Optional[Reader] = None
        self._pack = pack
        self._shown: Optional[tuple] = None
        self.worker = Worker(self.read)

    def read(self, photograph: Photograph) -> Sequence[NamedCell]:
        """Names a photograph's cells, on the worker's thread; opens the pack the first time."""
        if self._reader is None:
            self._reader = open_reader(read_pack(self._pack))
        return self._reader.read(photograph.rgb)

    @property
    def open(self) -> Session:
        """The session that is open; raises `BadInput` where there is none."""
        if self.session is None:
            raise BadInput("session", "none is open", "begin one, or open one of the list")
        return self.session

    def begin(self, setup: Setup, expert: str) -> Session:
        """Begins a session and opens it."""
        self.session = self.shelf.create(setup, expert)
        return self.session

    def delete(self, session: int) -> None:
        """Deletes a session for good; closes it if it is open."""
        self.shelf.delete(session, confirm=True)
        if self.session is not None and self.session.id == session:
            self.session = None

    def keep(self, answer: Answer) -> int:
        """Keeps a frozen field with its cells and what the pack says of each; returns the field's number."""
        photograph = answer.photograph
        if photograph is None:
            raise BadInput("field", "nothing was frozen", "freeze a field first")
        name = self._reader.pack.path.name if self._reader else ""
        cells = [Cell(cell.box, {}, cell.found, cell.cut) for cell in answer.cells]
        said: List[Optional[Suggestion]] = [Suggestion(cell.label, cell.score, name) for cell in answer.cells]
        height, width = photograph.rgb.shape[:2]
        return self.open.add_field(photograph.data, (width, height), cells, said)

    def setup(self) -> Setup:
        """What the open session is about."""
        return self.shelf.listed(self.open.id).setup

    def set_target(self, target: int) -> None:
        """Cells to count in the open session."""
        self.shelf.edit(self.open.id, replace(self.setup(), target=target))

    def tally(self) -> Tally:
        """The open session's differential as far as it has come."""
        setup = self.setup()
        return tally(self.open.counts(), setup.classes, setup.target)

    def picture(self, cell: MarkedCell, side: int = 360) -> np.ndarray:
        """A cell with what is round it -> (side, side, 3) uint8 RGB; its photograph is decoded once."""
        return square(self.photograph(cell.field), cell.cell.box, side)

    def photograph(self, field: int) -> np.ndarray:
        """A field's photograph, (H, W, 3) uint8; the last one shown is kept."""
        if self._shown is None or self._shown[0] != field:
            path = self.open.field(field).photograph
            try:
                self._shown = (field, decode_image(path.read_bytes(), path.name))
            except OSError as error:
                raise BadInput(path.name, f"cannot be read ({error.strerror})", "its labels are kept") from error
        return self._shown[1]

    def close(self) -> None:
        """Lets go of camera and thread; everything is on the disk already."""
        self.worker.stop(wait_s=1.0)
        if self.source is not None:
            self.source.stop()
        self.store.close()


def square(rgb: np.ndarray, box: Sequence[int], side: int) -> np.ndarray:
    """A box with what is round it -> (side, side, 3) uint8; what lies beyond the photograph is its border repeated."""
    x0, y0, x1, y1 = box
    half = max(x1 - x0, y1 - y0) * AROUND / 2
    scale = side / (2 * half)
    centre = (x0 + x1) / 2, (y0 + y1) / 2
    place = np.array([[scale, 0, side / 2 - scale * centre[0]], [0, scale, side / 2 - scale * centre[1]]])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.warpAffine(rgb, place, (side, side), flags=how, borderMode=cv2.BORDER_REPLICATE)
