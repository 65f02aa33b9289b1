"""A webcam, or a video's file at its own pace, through OpenCV."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Optional, Union

import cv2

from edge_wbc.core.errors import BadInput
from mobile_app.sources.frames import Frame, FrameGone, Newest, Photograph, photograph_of

__all__ = ["VIDEO_SUFFIXES", "VideoSource"]

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".3gp")
"""Files that are taken for videos."""


class VideoSource:
    """Grabs frames on a thread of its own and keeps the newest; a `FrameSource`.

    Args:
        place: number of a webcam, 0 for the first, or a video's file.
        size: width and height asked of a webcam, which may give another.
    """

    def __init__(self, place: Union[int, Path] = 0, size: tuple[int, int] = (1920, 1080)) -> None:
        self.name = f"webcam {place}" if isinstance(place, int) else str(place)
        self._place, self._size = place, size
        self._slot = Newest()
        self._stopped = threading.Event()
        self._thread: Optional[threading.Thread] = None
        # OpenCV's captures are not made for two threads.
        self._guard = threading.Lock()
        self._capture: Any = None

    def start(self) -> None:
        """Opens it on the grabbing thread."""
        before = self._thread
        self.stop()
        self._slot, self._stopped = Newest(self._slot.number), threading.Event()
        self._thread = threading.Thread(target=self._grab, args=(before, self._slot, self._stopped), daemon=True)
        self._thread.start()

    def newest(self) -> Optional[Frame]:
        """As `FrameSource.newest`; frames are of the full resolution."""
        return self._slot.get()

    def still(self) -> Photograph:
        """The newest frame, coded as JPEG."""
        frame = self._slot.get()
        if frame is None:
            raise BadInput(self.name, "is not ready yet", "wait for the preview")
        return photograph_of(frame.rgb)

    def lock(self, held: bool) -> bool:
        """Asks the webcam's driver; few obey both."""
        with self._guard:
            if self._capture is None or not isinstance(self._place, int):
                return False
            # OpenCV hands on V4L's 1 for manual and 3 for automatic exposure.
            exposure = self._capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, 1 if held else 3)
            white = self._capture.set(cv2.CAP_PROP_AUTO_WB, 0 if held else 1)
            return bool(exposure or white)

    def stop(self) -> None:
        """Has the grabbing thread let go of it; does not wait for that."""
        self._stopped.set()
        self._slot.clear()

    def _grab(self, before: Optional[threading.Thread], slot: Newest, stopped: threading.Event) -> None:
        if before is not None:
            before.join()
        if stopped.is_set():
            return
        live = isinstance(self._place, int)
        capture = cv2.VideoCapture(self._place if live else str(self._place))
        try:
            if not capture.isOpened():
                remedy = "plug it in, or close other programs that use it" if live else "choose another video"
                slot.fail(FrameGone(self.name, "cannot be opened", remedy))
                return
            self._set_up(capture)
            pace = 0.0 if live else 1 / max(1.0, capture.get(cv2.CAP_PROP_FPS) or 25.0)
            while not stopped.wait(pace):
                with self._guard:
                    came, bgr = capture.read()
                if not came:
                    gone = ("gives no more frames", "plug it in") if live else ("has ended", "start it again")
                    slot.fail(FrameGone(self.name, *gone))
                    return
                slot.put(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
        except cv2.error as error:
            slot.fail(FrameGone(self.name, f"gives what is no frame ({error.err})", "choose another source"))
        finally:
            with self._guard:
                self._capture = None
                capture.release()

    def _set_up(self, capture: Any) -> None:
        with self._guard:
            self._capture = capture
            if isinstance(self._place, int):
                capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
                capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
                # Older frames than the newest are of no use.
                capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
