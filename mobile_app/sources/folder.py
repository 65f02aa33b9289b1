"""The photographs of a folder as frames, one at a time: a desktop without a camera, and the tests."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import List, Optional

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import list_images
from mobile_app.sources.frames import Frame, FrameGone, Newest, Photograph, photograph_in, preview_of

__all__ = ["FolderSource"]


class FolderSource:
    """Shows one photograph until `step` goes to another; a `FrameSource`.

    Args:
        folder: photographs, or one photograph.

    Raises:
        BadInput: no such folder, or no photograph in it.
    """

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._files: List[Path] = list_images(folder)
        self._at = 0
        self._slot = Newest()
        self._wanted = threading.Event()
        self._stopped = threading.Event()

    def __len__(self) -> int:
        return len(self._files)

    @property
    def place(self) -> int:
        """Of the photograph shown, from 0."""
        return self._at

    @property
    def file(self) -> Path:
        """The photograph shown."""
        return self._files[self._at]

    def start(self) -> None:
        """Shows the present photograph."""
        self.stop()
        # All its own: a thread that is still busy with a photograph must not take up the next one's.
        self._slot, self._stopped, self._wanted = Newest(self._slot.number), threading.Event(), threading.Event()
        self._wanted.set()
        threading.Thread(target=self._load, args=(self._slot, self._stopped, self._wanted), daemon=True).start()

    def step(self, by: int = 1) -> None:
        """Goes to another photograph, round at the ends; it is read off this thread."""
        self._at = (self._at + by) % len(self._files)
        self._slot.clear()
        self._wanted.set()

    def _load(self, slot: Newest, stopped: threading.Event, wanted: threading.Event) -> None:
        while True:
            wanted.wait()
            wanted.clear()
            if stopped.is_set():
                return
            file = self.file
            try:
                shown = preview_of(photograph_in(file).rgb)
            except BadInput as fault:
                if file == self.file:
                    slot.fail(self._words(file, fault))
                continue
            if file == self.file:
                slot.put(shown)

    def _words(self, file: Path, fault: BadInput) -> BadInput:
        """A folder taken away in mid-session is gone; one bad file is not."""
        if file.parent.is_dir():
            return fault
        return FrameGone(self.name, "the folder is gone", "put it back, or choose another source")

    def newest(self) -> Optional[Frame]:
        """As `FrameSource.newest`."""
        return self._slot.get()

    def still(self) -> Photograph:
        """The photograph shown, as its file holds it."""
        file = self.file
        try:
            return photograph_in(file)
        except BadInput as fault:
            raise self._words(file, fault) from fault

    def lock(self, held: bool) -> bool:
        """A photograph's exposure is what it is: False."""
        return False

    def stop(self) -> None:
        """Ends the loading thread."""
        self._stopped.set()
        self._wanted.set()
