"""Sends the queue on a thread of its own, from its start to its stop; what waits goes on where it was."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Optional

from edge_wbc.core.errors import BadInput
from mobile_app.live.worker import unforeseen
from mobile_app.session.upload import UploadOptions, run

__all__ = ["Sender"]


class Sender:
    """Starts and stops `upload.run`; neither waits for the network.

    Attributes:
        fault: the storage's latest fault, until the screen has told of it and put None here.
    """

    def __init__(self, folder: Path, options: Optional[UploadOptions] = None) -> None:
        self._folder, self._options = folder, options or UploadOptions()
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self.fault: Optional[BadInput] = None

    @property
    def on(self) -> bool:
        """Whether it sends, or waits to."""
        return self._thread is not None and self._thread.is_alive() and not self._stop.is_set()

    def start(self) -> None:
        """Begins to send what is queued, and what will be."""
        if self.on:
            return
        before, self._stop = self._thread, threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._stop, before), name="sending", daemon=True)
        self._thread.start()

    def stop(self, wait_s: float = 0.0) -> None:
        """Ends it after the piece that is under way, at most `wait_s` seconds of which are waited for."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(wait_s)

    def _run(self, stop: threading.Event, before: Optional[threading.Thread]) -> None:
        if before is not None:
            before.join()  # its last piece: two would send the same one
        try:
            run(self._folder, stop, self._tell, self._options)
        except Exception as error:  # a thread that dies says nothing
            self._tell(unforeseen("sending", error, "start it again; if it recurs, report it"))

    def _tell(self, fault: BadInput) -> None:
        self.fault = fault
