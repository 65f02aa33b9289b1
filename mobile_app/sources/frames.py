"""One protocol over whatever gives frames, and the slot through which a grab thread hands over the newest."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Protocol

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import decode_image

__all__ = ["PREVIEW_SIDE", "Frame", "FrameGone", "FrameSource", "Newest", "Photograph", "photograph_of", "preview_of"]

PREVIEW_SIDE = 1280
"""Longest side of a preview frame in pixels."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of the preview.

    Attributes:
        rgb: (H, W, 3) uint8, never written to after it was handed out.
        number: 1 for the source's first frame; a frame of the same number is the same frame.
        time: seconds of `time.monotonic` when it came in.
    """

    rgb: np.ndarray
    number: int
    time: float


@dataclass(frozen=True, eq=False)
class Photograph:
    """One photograph at the source's full resolution.

    Attributes:
        rgb: (H, W, 3) uint8, exactly what decoding `data` gives.
        data: the file as the source gave it, for keeping.
        suffix: of such a file, ".jpg" or another of `edge_wbc.core.images.IMAGE_SUFFIXES`.
        name: the file it came from, or "" of a camera.
    """

    rgb: np.ndarray
    data: bytes
    suffix: str = ".jpg"
    name: str = ""


class FrameGone(BadInput):
    """A source that gives no more frames, in words: denied, taken by another app, unplugged. `start` tries again."""


class FrameSource(Protocol):
    """What gives frames. Its methods are called on one thread, but `still`, which may be called on any.

    `name` is what faults and people call it.
    """

    name: str

    def start(self) -> None:
        """Begins, or begins again after `stop` or a fault; returns at once, faults come out of `newest`."""

    def newest(self) -> Optional[Frame]:
        """The newest frame, or None before the first; never waits, never queues.

        Raises:
            BadInput: what the source shows cannot be read; the source itself goes on.
            FrameGone: the source is gone, again at each call until `start`.
        """

    def still(self) -> Photograph:
        """A photograph at full resolution; waits for it, so call it off the UI thread.

        Raises:
            BadInput: as `newest`, and before the first frame.
        """

    def lock(self, held: bool) -> bool:
        """Holds exposure and white balance as they are, or frees them; False where the source cannot."""

    def stop(self) -> None:
        """Lets go of the camera; safe at any time and more than once."""


class Newest:
    """The newest frame or the fault that ended them, handed from a grab thread to the UI.

    Args:
        before: the number of the last frame of an earlier slot of the source, from which this one's go on.
    """

    def __init__(self, before: int = 0) -> None:
        self._guard = threading.Lock()
        self._frame: Optional[Frame] = None
        self._fault: Optional[BadInput] = None
        self._number = before

    @property
    def number(self) -> int:
        """Of the last frame put here."""
        with self._guard:
            return self._number

    def put(self, rgb: np.ndarray) -> None:
        """Replaces the frame; a fault before it is over."""
        with self._guard:
            self._number += 1
            self._frame, self._fault = Frame(rgb, self._number, time.monotonic()), None

    def fail(self, fault: BadInput) -> None:
        """Says that no frame comes, and why; stands until the next `put` or `clear`."""
        with self._guard:
            self._frame, self._fault = None, fault

    def clear(self) -> None:
        """Forgets frame and fault; numbers go on."""
        with self._guard:
            self._frame = self._fault = None

    def get(self) -> Optional[Frame]:
        """As `FrameSource.newest`."""
        with self._guard:
            if self._fault is not None:
                # Raised again at every poll, the one object would grow a traceback for ever.
                raise type(self._fault)(self._fault.where, self._fault.fault, self._fault.remedy)
            return self._frame


def preview_of(rgb: np.ndarray, side: int = PREVIEW_SIDE) -> np.ndarray:
    """(H, W, 3) uint8 shrunk to at most `side` pixels on its longer side; `rgb` itself where it is no larger."""
    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def photograph_of(rgb: np.ndarray) -> Photograph:
    """A photograph of a source that gives pixels and no files: coded once, and read from that, as it will be kept."""
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 95])
    data = coded.tobytes()
    return Photograph(decode_image(data, "frame"), data)


def photograph_in(path: Path) -> Photograph:
    """A photograph's file; raises `BadInput` as `decode_image` does."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(path, f"cannot be read ({error.strerror})") from error
    return Photograph(decode_image(data, path), data, path.suffix.lower(), path.name)
