"""What lies on the technician's desk: the sessions, the one that is open, the camera, the pack that reads fields.

No Kivy: the screens ask it, the tests drive it.
"""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Union
from weakref import WeakKeyDictionary

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.pack import read_pack
from edge_wbc.core.reading import NamedCell, Reader, open_reader
from edge_wbc.core.records import Cell
from edge_wbc.core.taxonomy import RAABIN_LABELS
from mobile_app.live.benchmark import Desktop, Device
from mobile_app.live.calibrate import Calibration, calibrated, read_calibration, write_calibration
from mobile_app.live.jobs import Jobs
from mobile_app.live.sender import Sender
from mobile_app.live.worker import Answer, Worker
from mobile_app.packs import DEFAULT_PACK, install_pack, installed_packs, open_pack
from mobile_app.photographs import Photographs
from mobile_app.session.outlines import AROUND, SessionOutlines
from mobile_app.session.rows import MarkedCell, Suggestion
from mobile_app.session.session import Session
from mobile_app.session.shelf import Setup, Shelf
from mobile_app.session.store import Store
from mobile_app.session.tally import Tally, tally
from mobile_app.session.upload import Uploads
from mobile_app.sources.frames import FrameSource, Photograph
from mobile_app.tracing.folder import FolderOutlines
from mobile_app.twins import Twins

__all__ = ["BUTTONS", "DEFAULT_PACK", "Desk", "square"]

BUTTONS = tuple(name for name in RAABIN_LABELS if name != "not_labelled") + ("erythroblast",)
"""The twelve labels of the big buttons, in their fixed places."""
_SENDING = "sending"


class Desk:
    """Opens what was open last.

    Args:
        home: the app's own folder; made if need be.
        source: what gives frames, or None without a camera.
        pack: a model pack; the default one stands for the one that was chosen in the settings.
        crops: a folder of crops that are outlined in place of the session's cells.

    Raises:
        BadInput: the database is of a newer version, or broken; said in words.
    """

    def __init__(
        self,
        home: Path,
        source: Optional[FrameSource] = None,
        pack: Path = DEFAULT_PACK,
        crops: Optional[FolderOutlines] = None,
    ) -> None:
        self.store = Store(home)
        self.shelf = Shelf(self.store)
        self.source, self.crops = source, crops
        try:
            self.session: Optional[Session] = self.shelf.resume()
            kept = self.store.setting("pack")
        except BadInput:
            self.store.close()  # it leaves nothing beside a database that is damaged
            raise
        self._reader: Optional[Reader] = None
        self._choosing = threading.Lock()
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
        self.jobs = Jobs()
        self.uploads = Uploads(self.store)
        self.sender = Sender(home)
        if self.store.setting(_SENDING):
            self.sender.start()

    def read(self, photograph: Photograph) -> Sequence[NamedCell]:
        """Names a photograph's cells, on the worker's thread; opens the pack the first time.

        Where that one is gone or damaged the default pack reads, and `pack_fault` says so.
        """
        reader = self._opened()
        self._named_by[photograph] = reader.pack.path.name
        calibration = self.calibration
        return reader.read(photograph.rgb) if calibration is None else calibrated(reader, calibration)(photograph)

    def _opened(self) -> Reader:
        pack, reader = self.pack, self._reader
        if reader is not None:
            return reader
        reader, fault = open_pack(pack)
        with self._choosing:
            # Another may have been chosen while this one was opened.
            if self._reader is None and self.pack == pack:
                self._reader, self.pack_fault = reader, fault
            return self._reader or reader

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
        self.change(replace(self.setup(), um_per_px=None if scale is None else scale.um_per_px))

    # Packs

    def packs(self) -> List[Path]:
        """The packs to choose from, the default one first."""
        return installed_packs(self.store.folder)

    def verified(self, path: Path) -> Reader:
        """Opens a pack to read with; one from elsewhere is installed first. Changes nothing here: for any thread.

        Raises:
            BadInput: it does not verify or does not run.
        """
        here = path in self.packs()
        return open_reader(read_pack(path)) if here else install_pack(self.store.folder, path)

    def choose(self, reader: Reader) -> None:
        """Reads with a verified pack from the next field on; raises `BadInput` where that cannot be kept."""
        path = reader.pack.path
        self.store.set("pack", "" if path == DEFAULT_PACK else path.name)
        with self._choosing:
            self.pack, self._reader, self.pack_fault = path, reader, None

    def use_pack(self, path: Path) -> None:
        """Verifies and chooses a pack at once; where that raises, the one in use stays."""
        self.choose(self.verified(path))

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
        """Deletes a session for good; closes it if it is open; refused as `BadInput` while it is written."""
        if any(self.jobs.share((kind, session)) is not None for kind in ("export", "send")):
            raise BadInput("session", "is being written", "delete it when that is done")
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
        lit = None if self.calibration is None or self.calibration.light is None else self.calibration.light.png()
        about = (um_per_px, None if answer.view is None else answer.view.sharpness, lit)
        return self.open.add_field(photograph.data, (width, height), cells, said, *about)

    def outlines(self) -> Optional[Union[SessionOutlines, FolderOutlines]]:
        """What is outlined: the folder's crops, else the open session's cells; None without both."""
        if self.crops is not None:
            self.crops.person = self.expert
            return self.crops
        return None if self.session is None else SessionOutlines(self.session, self.photograph)

    def send(self, on: bool) -> None:
        """Sends what is queued, now and after the app's next start too, or no longer; raises `BadInput` as a store."""
        self.store.set(_SENDING, "1" if on else "")
        (self.sender.start if on else self.sender.stop)()

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

    def reaches(self, before: Optional[str], after: str) -> bool:
        """Whether a label in place of another, or of none, has just brought the open session to its target."""
        setup = self.setup()
        if after not in setup.classes or before in setup.classes:
            return False
        counts = self.open.counts()
        return sum(counts.get(name, 0) for name in setup.classes) == setup.target

    def picture(self, cell: MarkedCell, side: int = 360) -> np.ndarray:
        """A cell with what is round it -> (side, side, 3) uint8 RGB; its photograph is decoded once."""
        return square(self.photograph(cell.field), cell.cell.box, side)

    def photograph(self, field: int) -> np.ndarray:
        """A field's photograph, (H, W, 3) uint8; the last one shown is kept."""
        try:
            return self._photographs.get(self.open.field(field).photograph)
        except BadInput as fault:
            raise BadInput(f"photograph of field {field}", fault.fault, "its labels are kept") from fault

    def look_ahead(self, cell: int) -> None:
        """Reads the photograph of a cell that will be shown next, off this thread."""
        self._photographs.ahead(self.open.field(self.open.cell(cell).field).photograph)

    def close(self) -> None:
        """Lets go of camera and threads; everything is on the disk already, and a file half written goes."""
        self.sender.stop()
        self.jobs.stop()
        self.worker.stop(wait_s=1.0)
        self._photographs.close()
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
