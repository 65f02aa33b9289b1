"""Whether a frozen field was kept before: compared on a thread of its own, since neither preview nor boxes may wait."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Optional, Sequence, Set, Tuple
from weakref import WeakKeyDictionary

import cv2
import numpy as np

from mobile_app.live.duplicates import Seen
from mobile_app.sources.frames import Photograph

__all__ = ["Twins"]

_LARGE = 1600  # pixels of width from which an eighth of a photograph is still more than is compared


class Twins:
    """Which kept field of a session shows the same place as a photograph."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._session: Optional[int] = None
        self._seen = Seen()
        self._kept: Set[int] = set()
        self._found: WeakKeyDictionary[Photograph, Optional[int]] = WeakKeyDictionary()

    def compare(self, photograph: Photograph, session: int, fields: Sequence[Tuple[int, Path]]) -> None:
        """Begins to compare a photograph with the fields of a session, numbers and files; never waits."""
        threading.Thread(
            target=self._compare, args=(photograph, session, fields), name="comparing", daemon=True
        ).start()

    def of(self, photograph: Photograph) -> Optional[int]:
        """The number of the field that shows the same place; None where none does, or as long as it is not known."""
        return self._found.get(photograph)

    def known(self, photograph: Photograph) -> bool:
        """Whether the comparison has ended."""
        return photograph in self._found

    def _compare(self, photograph: Photograph, session: int, fields: Sequence[Tuple[int, Path]]) -> None:
        with self._guard:
            if session != self._session:
                self._session, self._seen, self._kept = session, Seen(), set()
            for number in self._kept - {number for number, _ in fields}:
                self._seen.forget(str(number))
            self._kept &= {number for number, _ in fields}
            for number, path in fields:
                if number not in self._kept:
                    self._kept.add(number)
                    rgb = _reduced(path)
                    if rgb is not None:
                        self._seen.add(str(number), rgb)
            match = self._seen.match(photograph.rgb) if len(self._seen) else None
        self._found[photograph] = None if match is None else int(match.name)


def _reduced(path: Path) -> Optional[np.ndarray]:
    """A photograph, a large one at an eighth, which a JPEG is decoded to quickly; None where it cannot be read."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError:
        return None  # its own screen says so; nothing is like it
    small = cv2.imdecode(data, cv2.IMREAD_REDUCED_COLOR_8) if len(data) else None
    if small is not None and 8 * small.shape[1] < _LARGE:
        small = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return None if small is None else cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
