"""What lies on the technician's desk: the sessions, the one that is open, the camera, the pack that reads fields.

No Kivy: the screens ask it, the tests drive it.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple
from weakref import WeakKeyDictionary

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.focus import look
from edge_wbc.core.pack import read_pack
from edge_wbc.core.reading import NamedCell, Reader, open_reader
from edge_wbc.core.records import Cell
from edge_wbc.core.taxonomy import RAABIN_LABELS
from mobile_app.live.benchmark import Desktop, Device
from mobile_app.live.calibrate import Calibration, calibrated, read_calibration, write_calibration
from mobile_app.live.worker import Answer, Worker
from mobile_app.packs import DEFAULT_PACK, install_pack, installed_packs, open_pack
from mobile_app.photographs import Photographs
from mobile_app.session.export import export_csv, export_zip
from mobile_app.session.report import write_report
from mobile_app.session.rows import MarkedCell, Suggestion
from mobile_app.session.session import Session
from mobile_app.session.shelf import Setup, Shelf
from mobile_app.session.store import Store
from mobile_app.session.tally import Tally, tally
from mobile_app.sources.frames import FrameSource, Photograph
from mobile_app.twins import Twins

__all__ = ["BUTTONS", "DEFAULT_PACK", "Desk", "square"]

BUTTONS = tuple(name for name in RAABIN_LABELS if name != "not_labelled") + ("erythroblast",)
"""The twelve labels of the big buttons, in their fixed places."""
AROUND = 1.7  # what is shown round a cell, in its box's longer sides


class Desk:
    """Opens what was open last.

    Args:
        home: the app's own folder; made if need be.
        source: what gives frames, or None without a camera.
        pack: a model pack; the default one stands for the one that was chosen in the settings.

    Raises:
        BadInput: the database is of a newer version, or broken; said in words.
    """

    def __init__(self, home: Path, source: Optional[FrameSource] = None, pack: Path = DEFAULT_PACK) -> None:
        self.store = Store(home)
        self.shelf = Shelf(self.store)
        self.source = source
        self.session: Optional[Session] = self.shelf.resume()
        self._reader: Optional[Reader] = None
        kept = self.store.setting("pack")
        self.pack = home / "packs" / kept if kept and pack == DEFAULT_PACK else pack
        self.pack_fault: Optional[BadInput] = None
        self._named_by: WeakKeyDictionary[Photograph, str] = WeakKeyDictionary()
        self._photographs = Photographs()
        self.device: Device = Desktop()
        self.versions: Dict[str, str] = {}
        self.twins = Twins()
        self.faults: List[BadInput] = []
        self.calibration: Optional[Calibration] = None
        try:
            if self._calibrated.is_dir():
                self.calibration = read_calibration(self._calibrated)
        except BadInput as fault:
            self.faults.append(fault)
        self.worker = Worker(self.read)

    def read(self, photograph: Photograph) -> Sequence[NamedCell]:
        """Names a photograph's cells, on the worker's thread; opens the pack the first time.

        Where that one is gone or damaged the default pack reads, and `pack_fault` says so.
        """
        if self._reader is None:
            self._reader, self.pack_fault = open_pack(self.pack)
        reader = self._reader
        self._named_by[photograph] = reader.pack.path.name
        calibration = self.calibration
        return reader.read(photograph.rgb) if calibration is None else calibrated(reader, calibration)(photograph)

    # Calibration

    @property
    def _calibrated(self) -> Path:
        return self.store.folder / "calibration"

    def calibrate(self, calibration: Optional[Calibration]) -> None:
        """Keeps a calibration and reads with it from the next field on; None forgets the one that is kept.

        Raises:
            BadInput: it cannot be written; the one before stays.
        """
        try:
            if calibration is not None:
                write_calibration(self._calibrated, calibration)
            elif self._calibrated.is_dir():
                shutil.rmtree(self._calibrated)
        except OSError as error:
            raise BadInput(self._calibrated, f"cannot be written ({error.strerror})", "free some space") from error
        self.calibration = calibration
        scale = None if calibration is None else calibration.scale
        light = "" if calibration is None or calibration.light is None else calibration.name
        um_per_px = None if scale is None else scale.um_per_px
        self.change(replace(self.setup(), um_per_px=um_per_px, white=light, flat=light))

    # Packs

    def packs(self) -> List[Path]:
        """The packs to choose from, the default one first."""
        return installed_packs(self.store.folder)

    def use_pack(self, path: Path) -> None:
        """Reads with another pack from the next field on; one from elsewhere is installed first.

        Raises:
            BadInput: it does not verify or does not run; the one in use stays.
        """
        here = path in self.packs()
        reader = open_reader(read_pack(path)) if here else install_pack(self.store.folder, path)
        self.pack = reader.pack.path
        self.store.set("pack", "" if self.pack == DEFAULT_PACK else self.pack.name)
        self._reader, self.pack_fault = reader, None

    @property
    def open(self) -> Session:
        """The session that is open; raises `BadInput` where there is none."""
        if self.session is None:
            raise BadInput("session", "none is open", "begin one, or open one of the list")
        return self.session

    def begin(self, setup: Setup, expert: str) -> Session:
        """Begins a session and opens it."""
        self.session = self.shelf.create(setup, expert)
        self.store.set("expert", self.session.expert)
        return self.session

    @property
    def expert(self) -> str:
        """Who works here, or "" before anybody has said so."""
        return self.session.expert if self.session is not None else self.store.setting("expert") or ""

    def sign(self, expert: str) -> None:
        """Goes on as another expert, who sees nothing of what the others said; raises `BadInput` for no name."""
        if not expert.strip():
            raise BadInput("expert", "is empty", "type a name")
        if self.session is not None:
            self.take_up(self.session.id, expert)
        else:
            self.store.set("expert", expert.strip())

    def take_up(self, session: int, expert: str) -> Session:
        """Opens a session for whoever works on it; what the others said of its cells stays unseen."""
        self.session = self.shelf.open(session, expert)
        self.store.set("expert", self.session.expert)
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
        name = self._named_by.get(photograph, "")
        cells = [Cell(cell.box, {}, cell.found, cell.cut) for cell in answer.cells]
        said: List[Optional[Suggestion]] = [Suggestion(cell.label, cell.score, name) for cell in answer.cells]
        height, width = photograph.rgb.shape[:2]
        um_per_px = None if self.calibration is None else self.calibration.um_per_px(width)
        sharpness = look(photograph.rgb).sharpness
        return self.open.add_field(photograph.data, (width, height), cells, said, um_per_px, sharpness)

    def compare(self, photograph: Photograph) -> None:
        """Begins to compare a frozen field with those kept in the open session; `twins` tells what came of it."""
        if self.session is not None:
            fields = [(one.id, one.photograph) for one in self.session.fields(limit=-1)]
            self.twins.compare(photograph, self.session.id, fields)

    def setup(self) -> Setup:
        """What the open session is about; where none is open, what the next one will be."""
        return self.shelf.usual() if self.session is None else self.shelf.listed(self.session.id).setup

    def change(self, setup: Setup) -> None:
        """Keeps what the open session is about, and what holds beyond its slide for the next one.

        Raises:
            BadInput: something in it will not do; nothing is changed.
        """
        if self.session is not None:
            self.shelf.edit(self.session.id, setup)
        self.shelf.set_usual(setup)

    def tally(self) -> Tally:
        """The open session's differential as far as it has come."""
        setup = self.setup()
        return tally(self.open.counts(), setup.classes, setup.target)

    def picture(self, cell: MarkedCell, side: int = 360) -> np.ndarray:
        """A cell with what is round it -> (side, side, 3) uint8 RGB; its photograph is decoded once."""
        return square(self.photograph(cell.field), cell.cell.box, side)

    def photograph(self, field: int) -> np.ndarray:
        """A field's photograph, (H, W, 3) uint8; the last one shown is kept."""
        return self._photographs.get(self.open.field(field).photograph)

    def look_ahead(self, cell: int) -> None:
        """Reads the photograph of a cell that will be shown next, off this thread."""
        self._photographs.ahead(self.open.field(self.open.cell(cell).field).photograph)

    def export(self, session: int, say: Callable[[str], str], rtl: bool) -> Tuple[List[Path], Sequence[str]]:
        """Writes a session into `exports`: the lab's zip; a table and a page of what the one who works here said.

        Args:
            say, rtl: the page's language, as `write_report` takes it.

        Returns:
            The three files, and the photographs that are missing or damaged.

        Raises:
            BadInput: no such session, or a file cannot be written; each is written whole or not at all.
        """
        listed, folder = self.shelf.listed(session), self.store.folder / "exports"
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise BadInput(folder, f"cannot be written ({error.strerror})", "free some space") from error
        one = Session(self.store, session, self.expert or listed.expert)
        stem = f"{_plain(listed.setup.name)}-{session}"
        whole = folder / f"{stem}.zip"
        table, page = (folder / f"{stem}-{_plain(one.expert)}.{kind}" for kind in ("csv", "html"))
        lost = export_zip(self.store, session, whole)
        export_csv(one, table)
        write_report(one, page, say, rtl)
        return [whole, table, page], lost

    def close(self) -> None:
        """Lets go of camera and thread; everything is on the disk already."""
        self.worker.stop(wait_s=1.0)
        self._photographs.close()
        if self.source is not None:
            self.source.stop()
        self.store.close()


def _plain(text: str) -> str:
    """A text as part of a file's name on any disk."""
    return re.sub(r"[^\w.]+", "-", text).strip("-.")[:40] or "session"


def square(rgb: np.ndarray, box: Sequence[int], side: int) -> np.ndarray:
    """A box with what is round it -> (side, side, 3) uint8; what lies beyond the photograph is its border repeated."""
    x0, y0, x1, y1 = box
    half = max(x1 - x0, y1 - y0) * AROUND / 2
    scale = side / (2 * half)
    centre = (x0 + x1) / 2, (y0 + y1) / 2
    place = np.array([[scale, 0, side / 2 - scale * centre[0]], [0, scale, side / 2 - scale * centre[1]]])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.warpAffine(rgb, place, (side, side), flags=how, borderMode=cv2.BORDER_REPLICATE)
