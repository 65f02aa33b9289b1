"""The phone's camera: `android.hardware.Camera` of API 23 behind `FrameSource`.

CameraX and Camera2 wrappers fail on the phones of 2014. The preview runs into a SurfaceTexture that nobody draws; one
frame at a time is asked for, when the last was fetched: nothing queues, nothing is converted that nobody sees. Frames
and photographs both lie as the sensor does.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, List, Optional, Sequence, Tuple

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import decode_image, nv21_to_rgb
from mobile_app.android.java import java_bytes, java_class, java_exception, java_words, listener, with_permission
from mobile_app.sources.frames import PREVIEW_SIDE, Frame, FrameGone, Newest, Photograph

__all__ = ["AndroidCamera"]

_CAMERA = "android.hardware.Camera"
_CLASSES = (_CAMERA, f"{_CAMERA}$Parameters", f"{_CAMERA}$Size", "java.util.List", "android.graphics.SurfaceTexture")
# A texture name of OpenGL; any will do, since nothing draws it.
_TEXTURE = 10
_SILENCE_S = 5.0
_SHOT_S = 10.0
_EVICTED, _SERVER_DIED = 2, 100
_FAULTS = {_EVICTED: "another app took it", _SERVER_DIED: "Android's camera service stopped"}
_AGAIN = "close other apps that use it, then start it again"


@dataclass
class _Run:
    """What lives from one `start` to the next: a frame that comes late comes into a slot that nobody looks into."""

    slot: Newest
    guard: Any = field(default_factory=threading.RLock)
    over: Any = field(default_factory=threading.Event)
    wanted: Any = field(default_factory=threading.Event)
    arrived: Any = field(default_factory=threading.Event)
    shot: Any = field(default_factory=threading.Event)
    thread: Optional[threading.Thread] = None
    camera: Any = None
    texture: Any = None
    size: Tuple[int, int] = (0, 0)
    frame: bytes = b""
    photograph: bytes = b""
    fault: Optional[FrameGone] = None

    def end(self, fault: Optional[FrameGone] = None) -> None:
        """Wakes whatever waits, for the last time."""
        self.fault = self.fault or fault
        self.over.set()
        for event in (self.wanted, self.arrived, self.shot):
            event.set()


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
        self._listeners: List[Any] = []

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
                run.shot.clear()
                try:
                    run.camera.takePicture(None, None, self._listeners[1])
                except java_exception() as error:
                    raise BadInput(self.name, f"took no photograph ({java_words(error)})", "try again") from error
            came = run.shot.wait(_SHOT_S)
            if run.over.is_set():
                raise run.fault or FrameGone(self.name, "was closed before the photograph came", "try again")
            self._resume(run)
            if not came:
                raise BadInput(self.name, f"gave no photograph within {_SHOT_S:.0f} s", "try again")
            data = run.photograph
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
        if self._listeners:
            return
        self._java = [java_class(name) for name in _CLASSES]
        # Kept for good: Android may deliver a message that was on its way when the camera was released.
        self._listeners = [
            listener(f"{_CAMERA}$PreviewCallback", "onPreviewFrame", f"([BL{_slashed};)V", self._on_frame),
            listener(f"{_CAMERA}$PictureCallback", "onPictureTaken", f"([BL{_slashed};)V", self._on_photograph),
            listener(f"{_CAMERA}$ErrorCallback", "onError", f"(IL{_slashed};)V", self._on_error),
        ]

    def _on_frame(self, data: Any, _camera: Any) -> None:
        run = self._run
        run.frame = java_bytes(data)
        run.arrived.set()

    def _on_photograph(self, data: Any, _camera: Any) -> None:
        run = self._run
        run.photograph = java_bytes(data)
        run.shot.set()

    def _on_error(self, error: int, _camera: Any) -> None:
        self._run.end(FrameGone(self.name, _FAULTS.get(error, f"failed (Android's error {error})"), _AGAIN))

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
        camera_class, texture_class = self._java[0], self._java[-1]
        camera = camera_class.open()
        if camera is None:
            raise FrameGone(self.name, "this phone has none on its back", "count without it")
        with run.guard:
            run.camera = camera
            parameters = camera.getParameters()
            photograph = max(_sizes(parameters.getSupportedPictureSizes()), key=_area)
            run.size = _preview_size(_sizes(parameters.getSupportedPreviewSizes()), photograph, self._side)
            parameters.setPictureSize(*photograph)
            parameters.setPreviewSize(*run.size)
            parameters.setJpegQuality(95)
            modes = _items(parameters.getSupportedFocusModes())
            if "infinity" in modes:
                # An ocular sends parallel light; and what focus moves changes the scale.
                parameters.setFocusMode("infinity")
            camera.setParameters(parameters)
            camera.setErrorCallback(self._listeners[2])
            run.texture = texture_class(_TEXTURE)
            camera.setPreviewTexture(run.texture)
            camera.startPreview()

    def _fetch(self, run: _Run) -> None:
        silent = 0.0
        run.wanted.set()
        while True:
            run.wanted.wait()
            if run.over.is_set():
                return
            with run.guard:
                run.arrived.clear()
                run.camera.setOneShotPreviewCallback(self._listeners[0])
            if not run.arrived.wait(0.5):
                # A photograph being taken holds the preview up.
                silent = 0.0 if self._shooting.locked() else silent + 0.5
                if silent >= _SILENCE_S:
                    raise FrameGone(self.name, f"gave no frame for {_SILENCE_S:.0f} s", _AGAIN)
                continue
            if run.over.is_set():
                return
            silent = 0.0
            run.wanted.clear()
            run.slot.put(nv21_to_rgb(run.frame, *run.size))

    def _resume(self, run: _Run) -> None:
        """Taking a photograph stops the preview."""
        with run.guard:
            if run.camera is None:
                return
            try:
                run.camera.startPreview()
            except java_exception() as error:
                run.end(FrameGone(self.name, f"did not go on ({java_words(error)})", _AGAIN))

    def _release(self, run: _Run) -> None:
        with run.guard:
            camera, run.camera = run.camera, None
        if camera is None:
            return
        try:
            camera.release()
            run.texture.release()
        except java_exception():
            # It is gone already, which is why it is let go of.
            pass


_slashed = _CAMERA.replace(".", "/")


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
