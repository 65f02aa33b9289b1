"""Slips of the app's own: what it did not expect is noted down in its folder, for whoever mends it."""

from __future__ import annotations

import time
import traceback
from pathlib import Path

from edge_wbc.core.errors import BadInput

__all__ = ["LARGEST", "Slips"]

FILE = "faults.log"
LARGEST = 64 * 1024
"""Bytes that the notes may take; beyond them the older half goes."""


class Slips:
    """The notes of one folder, which need not be there yet."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._last = ""

    def note(self, error: Exception) -> BadInput:
        """Notes an exception with its traceback, the same one in a row once; returns what to say to the person."""
        said = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        if said != self._last:
            self._last = said
            self._add(f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{said}\n")
        remedy = f"go on, everything up to the last tap is kept; if it recurs, report {FILE}"
        return BadInput("app", f"stopped unexpectedly ({type(error).__name__})", remedy)

    def _add(self, text: str) -> None:
        try:
            before = self._path.read_bytes() if self._path.exists() else b""
            notes = before + text.encode(errors="replace")
            if len(notes) > LARGEST:
                notes = notes[-LARGEST // 2 :]
            self._path.write_bytes(notes)
        except OSError:
            pass  # nowhere to note it; it is said on the screen all the same
