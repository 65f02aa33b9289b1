"""The photograph that is shown, and the next one, read while the person looks at this."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Optional, Tuple

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import decode_image

__all__ = ["Photographs"]


class Photographs:
    """Holds two at most; a kept photograph's name is its content, so that none is ever stale."""

    def __init__(self) -> None:
        self._shown: Optional[Tuple[Path, np.ndarray]] = None
        self._next: Optional[Tuple[Path, Future]] = None
        self._thread = ThreadPoolExecutor(1)

    def get(self, path: Path) -> np.ndarray:
        """A photograph, (H, W, 3) uint8; raises `BadInput` where it is missing or damaged."""
        if self._shown is None or self._shown[0] != path:
            ahead, self._shown, self._next = self._next, None, None
            here = ahead[1].result() if ahead is not None and ahead[0] == path else _read(path)
            self._shown = path, here
        return self._shown[1]

    def ahead(self, path: Path) -> None:
        """Begins to read what will be shown next; returns at once."""
        if path not in [held[0] for held in (self._shown, self._next) if held is not None]:
            self._next = path, self._thread.submit(_read, path)

    def close(self) -> None:
        """Lets go of thread and photographs."""
        self._shown = self._next = None
        self._thread.shutdown(wait=False)


def _read(path: Path) -> np.ndarray:
    try:
        return decode_image(path.read_bytes(), path.name)
    except OSError as error:
        raise BadInput(path.name, f"cannot be read ({error.strerror})") from error
