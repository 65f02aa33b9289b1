"""The phone's camera: `android.hardware.Camera` of API 23 behind `FrameSource`.

CameraX and Camera2 wrappers fail on the phones of 2014. `org.edgewbc.NewestFrame` keeps the newest frame, the still and
the error on Java's side; a thread here takes a frame when the last one was fetched: nothing queues, nothing is
converted that nobody sees. Frames and photographs both lie as the sensor does.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any, List, Optional, Sequence, Tuple

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import decode_image, nv21_to_rgb
from mobile_app.android.java import java_bytes, java_class, java_exception, java_words, with_permission
from mobile_app.sources.frames import PREVIEW_SIDE, Frame, FrameGone, Newest, Photograph

__all__ = ["AndroidCamera"]

_CAMERA = "android.hardware.Camera"
# Those that calls only return are among them: pyjnius looks up the class of what it is given.
_CLASSES = ("org.edgewbc.NewestFrame", _CAMERA, f"{_CAMERA}$Parameters", f"{_CAMERA}$Size", "java.util.List")
_POLL_S = 0.01
# Seldom enough for the battery while nobody looks, often enough to give way when another app wants the camera.
_IDLE_S = 0.25
_SILENCE_S = 5.0
_SHOT_S = 10.0
_FAULTS = {2: "another app took it", 3: "this phone's rules forbid it", 100: "Android's camera service stopped"}
_AGAIN = "close other apps that use it, then start it again"


@dataclass
class _Run:
    """What lives from one `start` to the next: a frame that comes late comes into a slot that nobody looks into."""

    slot: Newest
    guard: Any = field(default_factory=threading.RLock)
    over: Any = field(default_factory=threading.Event)
    wanted: Any = field(default_factory=threading.Event)
    thread: Optional[threading.Thread] = None
    camera: Any = None
    fault: Optional[FrameGone] = None

    def end(self, fault: Optional[FrameGone] = None) -> None:
        """Wakes whatever waits, for the last time."""
        self.fault = self.fault or fault
        self.over.set()
        self.wanted.set()


class AndroidCamera:
    """The back camera; a `FrameSource`. `start` belongs on the main thread.

    Args:
        side: longest side of the preview that is aimed at, in pixels.
    """

    name = "camera"

    def __init__(self, side: int = PREVIEW_SIDE) -> None:
        self._side = side
        self._run = _Run(Newest())
        self._run.end()
        self._shooting = threading.Lock()
        self._java: List[Any] = []
        self._frames: Any = None

    def start(self) -> None:
        """Asks for permission where needed, and opens the camera on a thread of its own."""
        before = self._run
        before.end()
        run = self._run = _Run(Newest(before.slot.number), thread=before.thread)
        try:
            self._look_up()
        except BadInput as fault:
            run.end()
            run.slot.fail(FrameGone(self.name, fault.fault, fault.remedy))
            return

        def answered(given: bool) -> None:
            if run.over.is_set():
                return
            if not given:
                run.end()
                remedy = "allow the camera for this app in Android's settings, or count without it"
                run.slot.fail(FrameGone(self.name, "its use is not allowed", remedy))
                return
            run.thread = threading.Thread(target=self._work, args=(run, run.thread), name="camera", daemon=True)
            run.thread.start()

        with_permission("CAMERA", answered)

    def newest(self) -> Optional[Frame]:
        """As `FrameSource.newest`."""
        frame = self._run.slot.get()
        self._run.wanted.set()
        return frame

    def still(self) -> Photograph:
        """A JPEG of the largest size that the camera offers."""
        run = self._run
        with self._shooting:
            with run.guard:
                if run.camera is None:
                    run.slot.get()
                    raise BadInput(self.name, "is not ready yet", "wait for the preview")
                try:
                    self._frames.still()
                except java_exception() as error:
                    raise BadInput(self.name, f"took no photograph ({java_words(error)})", "try again") from error
            data = self._photograph(run)
        return Photograph(decode_image(data, self.name), data)

    def lock(self, held: bool) -> bool:
        """Holds exposure and white balance, whichever the camera can hold."""
        run = self._run
        with run.guard:
            if run.camera is None:
                return False
            try:
                parameters = run.camera.getParameters()
                exposure, white = parameters.isAutoExposureLockSupported(), parameters.isAutoWhiteBalanceLockSupported()
                if exposure:
                    parameters.setAutoExposureLock(held)
                if white:
                    parameters.setAutoWhiteBalanceLock(held)
                run.camera.setParameters(parameters)
            except java_exception():
                return False
            return bool(exposure or white)

    def stop(self) -> None:
        """Has the camera's thread let go of it; does not wait for that."""
        before = self._run
        before.end()
        self._run = _Run(Newest(before.slot.number), thread=before.thread)
        self._run.end()

    def _look_up(self) -> None:
        if self._frames is None:
            self._java = [java_class(name) for name in _CLASSES]
            self._frames = self._java[0]()

    def _photograph(self, run: _Run) -> bytes:
        """Waits for the JPEG that was asked for; the preview goes on by itself."""
        end = time.monotonic() + _SHOT_S
        while not run.over.wait(_POLL_S):
            with run.guard:
                jpeg = None if run.camera is None else self._frames.takeStill()
                if jpeg is not None:
                    return java_bytes(jpeg)
            if time.monotonic() > end:
                # Given back and opened anew: a photograph that came late would pass for the next one.
                run.end(FrameGone(self.name, f"gave no photograph within {_SHOT_S:.0f} s", _AGAIN))
        raise run.fault or FrameGone(self.name, "was closed before the photograph came", "try again")

    def _work(self, run: _Run, before: Optional[threading.Thread]) -> None:
        """The camera's thread: opens it, fetches frames until the run is over, lets go of it."""
        if before is not None:
            before.join()
        try:
            if not run.over.is_set():
                self._open(run)
                self._fetch(run)
        except FrameGone as fault:
            run.end(fault)
        except Exception as error:  # Java's, or of a camera that is like no other: a thread that dies says nothing
            run.end(FrameGone(self.name, f"cannot be used ({java_words(error)})", _AGAIN))
        finally:
            self._release(run)
            if run.fault is not None:
                run.slot.fail(run.fault)

    def _open(self, run: _Run) -> None:
        camera = self._java[1].open()
        if camera is None:
            raise FrameGone(self.name, "this phone has none on its back", "count without it")
        with run.guard:
            run.camera = camera
            parameters = camera.getParameters()
            photograph = max(_sizes(parameters.getSupportedPictureSizes()), key=_area)
            preview = _preview_size(_sizes(parameters.getSupportedPreviewSizes()), photograph, self._side)
            parameters.setPictureSize(*photograph)
            parameters.setPreviewSize(*preview)
            parameters.setJpegQuality(95)
            modes = _items(parameters.getSupportedFocusModes())
            if "infinity" in modes:
                # An ocular sends parallel light; and what focus moves changes the scale.
                parameters.setFocusMode("infinity")
            camera.setParameters(parameters)
            self._frames.start(camera)

    def _fetch(self, run: _Run) -> None:
        size = self._frames.width(), self._frames.height()
        last = time.monotonic()
        while not run.over.is_set():
            error = self._frames.takeError()
            if error:
                raise FrameGone(self.name, _FAULTS.get(error, f"failed (Android's error {error})"), _AGAIN)
            if not run.wanted.wait(_IDLE_S) or self._shooting.locked():
                # Nobody looks, or a photograph that is being taken holds the preview up: that is no silence.
                last = time.monotonic()
                run.over.wait(_POLL_S)
                continue
            frame = self._taken()
            if frame is not None:
                run.wanted.clear()
                run.slot.put(nv21_to_rgb(frame, *size))
                last = time.monotonic()
            elif time.monotonic() - last > _SILENCE_S:
                raise FrameGone(self.name, f"gave no frame for {_SILENCE_S:.0f} s", _AGAIN)
            else:
                run.over.wait(_POLL_S)

    def _taken(self) -> Optional[bytes]:
        # Copied and let go of here: pyjnius may write the array back when it forgets it, and after the next `take` it
        # is the camera's again.
        frame = self._frames.take()
        return None if frame is None else java_bytes(frame)

    def _release(self, run: _Run) -> None:
        with run.guard:
            camera, run.camera = run.camera, None
            if camera is None:
                return
            for act in (self._frames.stop, camera.release):
                try:
                    act()
                except java_exception():
                    # It is gone already, which is why it is let go of.
                    pass


def _items(java_list: Any) -> List[Any]:
    return [] if java_list is None else [java_list.get(at) for at in range(java_list.size())]


def _sizes(java_list: Any) -> List[Tuple[int, int]]:
    return [(size.width, size.height) for size in _items(java_list)]


def _area(size: Tuple[int, int]) -> int:
    return size[0] * size[1]


def _preview_size(offered: Sequence[Tuple[int, int]], photograph: Tuple[int, int], side: int) -> Tuple[int, int]:
    """The size of the photograph's shape, since another shows another part of the field, nearest to `side`."""
    shape = photograph[0] / photograph[1]
    closest = min(abs(width / height / shape - 1) for width, height in offered)
    fitting = [size for size in offered if abs(size[0] / size[1] / shape - 1) <= closest + 0.02]
    return min(fitting, key=lambda size: (abs(size[0] - side), -size[1]))
