"""The phone's camera, with the test in the place of Android and of our Java."""

from __future__ import annotations

import threading
import time
import weakref

import cv2
import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from mobile_app.sources import android_camera as room
from mobile_app.sources.android_camera import AndroidCamera
from mobile_app.sources.frames import FrameGone


def jpeg(shade: int) -> bytes:
    return cv2.imencode(".jpg", np.full((24, 32, 3), shade, np.uint8))[1].tobytes()


class Size:
    def __init__(self, width, height):
        self.width, self.height = width, height


class Parameters:
    """What a Galaxy S5 offers, shortened."""

    def __init__(self, java):
        self.java, self.set = java, {}
        self.locks = True

    def getSupportedPictureSizes(self):
        return self.java.List([Size(3264, 2448), Size(5312, 2988), Size(640, 480)])

    def getSupportedPreviewSizes(self):
        return self.java.List([Size(1920, 1080), Size(1440, 1080), Size(1280, 720), Size(176, 144), Size(320, 240)])

    def getSupportedFocusModes(self):
        return self.java.List(["auto", "infinity", "macro"])

    def isAutoExposureLockSupported(self):
        return self.locks

    def isAutoWhiteBalanceLockSupported(self):
        return False

    def __getattr__(self, name):
        if not name.startswith("set"):
            raise AttributeError(name)
        return lambda *values: self.set.__setitem__(name, values)


class Phone:
    """Android's camera service, and `org.edgewbc.NewestFrame` as its Java is, less the buffers."""

    def __init__(self, java):
        self.java = java
        self.holder = None
        self.refuses = ""
        self.calls = []
        self.parameters = Parameters(java)
        self.shade = 128
        self.mute = False
        self.picture = jpeg(200)
        phone = self

        class Camera:
            @staticmethod
            def open():
                phone.calls.append("open")
                if phone.refuses or phone.holder is not None:
                    raise phone.thrown(phone.refuses or "Fail to connect")
                phone.holder = Handle(phone)
                return phone.holder

        class NewestFrame(Frames):
            def __init__(self):
                assert threading.current_thread() is threading.main_thread()
                super().__init__(phone)
                phone.frames = self

        java.classes["org.edgewbc.NewestFrame"] = NewestFrame
        java.classes["android.hardware.Camera"] = Camera
        java.classes["android.hardware.Camera$Parameters"] = Parameters
        java.classes["android.hardware.Camera$Size"] = Size
        java.classes["java.util.List"] = java.List

    def thrown(self, words):
        return self.java.JavaException("java.lang.RuntimeException", words)


class Frames:
    def __init__(self, phone):
        self.phone, self.guard = phone, threading.RLock()
        self.camera, self.error, self.jpeg, self.lent = None, 0, None, lambda: None

    def start(self, camera):
        with self.guard:
            self.camera, self.error = camera, 0
            self.size = self.phone.parameters.set["setPreviewSize"]
            camera.startPreview()

    def take(self):
        with self.guard:
            assert self.lent() is None, "an array kept so long is written back into what the camera is filling"
            self.phone.calls.append("take")
            if self.camera is None or not self.camera.previews or self.phone.mute:
                return None
            width, height = self.size
            data = bytes([self.phone.shade]) * (width * height) + bytes([128]) * (width * height // 2)
            frame = self.phone.java.ByteArray(data)
            self.lent = weakref.ref(frame)
            return frame

    def width(self):
        return self.size[0]

    def height(self):
        return self.size[1]

    def still(self):
        with self.guard:
            self.jpeg = None
            self.camera.takePicture()
            if self.phone.picture is not None:
                picture = self.phone.java.ByteArray(self.phone.picture)
                threading.Timer(0.02, self.pictured, (picture, self.camera)).start()

    def pictured(self, picture, camera):
        with self.guard:
            if camera is self.camera:
                self.jpeg = picture
                camera.startPreview()

    def takeStill(self):
        with self.guard:
            jpeg, self.jpeg = self.jpeg, None
            return jpeg

    def takeError(self):
        with self.guard:
            error, self.error = self.error, 0
            return error

    def stop(self):
        with self.guard:
            if self.camera is None:
                return
            stopped, self.camera = self.camera, None
            stopped.stopPreview()


class Handle:
    """An open camera."""

    def __init__(self, phone):
        self.phone, self.previews, self.released, self.dead = phone, False, False, False

    def alive(self):
        if self.released or self.dead:
            raise self.phone.thrown("Camera is being used after release()")

    def getParameters(self):
        self.alive()
        return self.phone.parameters

    def setParameters(self, parameters):
        self.alive()

    def startPreview(self):
        self.alive()
        self.phone.calls.append("startPreview")
        self.previews = True

    def stopPreview(self):
        self.alive()
        self.previews = False

    def takePicture(self):
        self.alive()
        if not self.previews:
            raise self.phone.thrown("takePicture failed")
        self.previews = False

    def release(self):
        self.phone.calls.append("release")
        self.released = True
        if self.phone.holder is self:
            self.phone.holder = None


@pytest.fixture
def phone(java, permissions):
    return Phone(java)


@pytest.fixture
def camera(phone):
    camera = AndroidCamera(side=320)
    camera.start()
    yield camera
    camera.stop()
    if camera._run.thread is not None:
        camera._run.thread.join(20)
        assert not camera._run.thread.is_alive()


def gone(camera, wait):
    """The words in which the camera goes."""

    def fault():
        try:
            camera.newest()
        except FrameGone as said:
            return str(said)

    return wait(fault)


def test_frames_come_one_for_one_fetched(phone, camera, frame_after):
    first = frame_after(camera)
    assert first.rgb.shape == (720, 1280, 3) and first.rgb[0, 0].tolist() == [128, 128, 128]
    phone.shade = 60
    assert frame_after(camera, first.number + 1).rgb[0, 0].tolist() == [60, 60, 60]
    # At most one frame is on its way that nobody asked for.
    time.sleep(0.05)
    before = phone.calls.count("take")
    time.sleep(0.1)
    assert phone.calls.count("take") - before <= 1


def test_largest_photograph_preview_of_its_shape_focus_far(phone, camera, frame_after):
    frame_after(camera)
    chosen = phone.parameters.set
    assert chosen["setPictureSize"] == (5312, 2988) and chosen["setPreviewSize"] == (1280, 720)
    assert chosen["setFocusMode"] == ("infinity",)


@pytest.mark.parametrize(
    ("photograph", "side", "chosen"),
    [((3264, 2448), 1280, (1440, 1080)), ((5312, 2988), 1280, (1280, 720)), ((1000, 1000), 1280, (176, 144))],
)
def test_preview_sizes(photograph, side, chosen):
    offered = [(1920, 1080), (1440, 1080), (1280, 720), (176, 144), (320, 240)]
    assert room._preview_size(offered, photograph, side) == chosen


def test_a_photograph_is_the_cameras_own_jpeg_and_the_preview_goes_on(phone, camera, frame_after):
    number = frame_after(camera).number
    taken = camera.still()
    assert taken.data == phone.picture and taken.rgb.shape == (24, 32, 3) and taken.suffix == ".jpg"
    assert phone.calls.count("startPreview") == 2
    frame_after(camera, number + 2)
    phone.picture = jpeg(10)
    assert camera.still().rgb.max() < 20


def test_a_photograph_before_the_first_frame(phone, permissions):
    permissions.given.clear()
    camera = AndroidCamera()
    camera.start()
    with pytest.raises(BadInput, match="camera: is not ready yet; wait for the preview"):
        camera.still()
    camera.stop()


def test_a_truncated_photograph(phone, camera, frame_after):
    frame_after(camera)
    phone.picture = jpeg(9)[:200]
    with pytest.raises(BadInput, match="camera: truncated JPEG"):
        camera.still()
    frame_after(camera, camera.newest().number)


def test_a_photograph_that_never_comes(phone, camera, frame_after, wait, monkeypatch):
    """The camera is given back: one that came late would pass for the next one."""
    monkeypatch.setattr(room, "_SHOT_S", 0.05)
    number = frame_after(camera).number
    phone.picture = None
    with pytest.raises(FrameGone, match="camera: gave no photograph within 0 s; close other apps"):
        camera.still()
    assert "gave no photograph" in gone(camera, wait)
    assert phone.calls[-1] == "release"
    camera.start()
    assert frame_after(camera, number)


def test_java_takes_no_photograph(phone, camera, frame_after):
    frame_after(camera)
    phone.holder.previews = False
    with pytest.raises(BadInput, match=r"camera: took no photograph \(takePicture failed\); try again"):
        camera.still()


def test_denied(phone, permissions, wait):
    permissions.given.clear()
    camera = AndroidCamera()
    camera.start()
    assert camera.newest() is None
    ((names, told),) = permissions.asked
    assert names == ["android.permission.CAMERA"]
    told(names, [False])
    assert "camera: its use is not allowed; allow the camera for this app" in gone(camera, wait)
    with pytest.raises(FrameGone, match="not allowed"):
        camera.still()
    assert "open" not in phone.calls


def test_who_refused_is_not_asked_at_every_resume(phone, permissions, wait):
    """The question pauses the app: it is stopped before the answer, and started after it."""
    permissions.given.clear()
    camera = AndroidCamera()
    camera.start()
    camera.stop()
    names, told = permissions.asked[0]
    told(names, [False])
    for _ in range(3):
        camera.start()
        assert "not allowed" in gone(camera, wait)
        camera.stop()
    assert len(permissions.asked) == 1 and "open" not in phone.calls


def test_allowed_in_the_settings_after_a_refusal(phone, permissions, wait, frame_after):
    permissions.given.clear()
    camera = AndroidCamera(side=320)
    camera.start()
    names, told = permissions.asked[0]
    told(names, [False])
    permissions.given.update(names)
    camera.start()
    assert frame_after(camera)
    camera.stop()


def test_a_question_that_was_interrupted_is_asked_again(phone, permissions):
    permissions.given.clear()
    camera = AndroidCamera()
    camera.start()
    camera.stop()
    permissions.asked[0][1]([], [])
    camera.start()
    assert len(permissions.asked) == 2
    camera.stop()


def test_an_interrupted_question_is_no_permission(phone, permissions, wait):
    permissions.given.clear()
    camera = AndroidCamera()
    camera.start()
    permissions.asked[0][1]([], [])
    assert "not allowed" in gone(camera, wait)


def test_allowed_when_asked_on_androids_thread(phone, permissions, frame_after):
    permissions.given.clear()
    camera = AndroidCamera()
    camera.start()
    names, told = permissions.asked[0]
    thread = threading.Thread(target=told, args=(names, [True]))
    thread.start()
    assert frame_after(camera)
    camera.stop()


def test_an_answer_after_stop_opens_nothing(phone, permissions):
    permissions.given.clear()
    camera = AndroidCamera()
    camera.start()
    camera.stop()
    permissions.asked[0][1](["android.permission.CAMERA"], [True])
    assert camera._run.thread is None and "open" not in phone.calls and camera.newest() is None


def test_taken_by_another_app(phone, wait, frame_after):
    phone.refuses = "Fail to connect to camera service"
    camera = AndroidCamera(side=320)
    camera.start()
    assert gone(camera, wait) == (
        "camera: cannot be used (Fail to connect to camera service); close other apps that use it, then start it again"
    )
    phone.refuses = ""
    camera.start()
    assert frame_after(camera)
    camera.stop()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (2, "another app took it"),
        (3, "this phone's rules forbid it"),
        (100, "Android's camera service stopped"),
        (1, "failed (Android's error 1)"),
    ],
)
def test_gone_in_mid_session_and_back(phone, camera, frame_after, wait, error, words):
    number = frame_after(camera).number
    phone.holder.dead = error == 100
    phone.frames.error = error
    assert words in gone(camera, wait)
    assert words in gone(camera, wait), "told again until it is started again"
    with pytest.raises(FrameGone):
        camera.still()
    assert phone.calls[-1] == "release"
    camera.start()
    assert frame_after(camera, number)


def test_gone_while_a_photograph_is_taken(phone, camera, frame_after):
    frame_after(camera)
    phone.picture = None
    threading.Timer(0.05, setattr, (phone.frames, "error", 2)).start()
    with pytest.raises(FrameGone, match="another app took it"):
        camera.still()


def test_silence_is_a_fault(phone, camera, frame_after, wait, monkeypatch):
    monkeypatch.setattr(room, "_SILENCE_S", 1.0)
    frame_after(camera)
    phone.mute = True
    assert "camera: gave no frame for 1 s" in gone(camera, wait)


def test_pause_and_resume(phone, camera, frame_after):
    """The second opening waits until the first has let go: Android gives a camera to one holder."""
    number = frame_after(camera).number
    for _ in range(5):
        camera.stop()
        camera.start()
        number = frame_after(camera, number).number
    assert phone.calls.count("open") - phone.calls.count("release") == 1


def test_stopped_while_a_photograph_is_taken(phone, camera, frame_after):
    frame_after(camera)
    phone.picture = None
    threading.Timer(0.05, camera.stop).start()
    with pytest.raises(FrameGone, match="camera: was closed before the photograph came; try again"):
        camera.still()
    camera._run.thread.join(20)
    assert phone.calls[-1] == "release" and camera.newest() is None


def test_another_app_is_given_way_while_nobody_looks(phone, camera, frame_after, wait):
    """A frozen field fetches no frames; the camera must be let go of all the same."""
    frame_after(camera)
    phone.frames.error = 2
    assert wait(lambda: phone.holder is None)
    assert "another app took it" in gone(camera, wait)


def test_what_can_be_locked(phone, camera, frame_after):
    frame_after(camera)
    assert camera.lock(True) is True
    assert phone.parameters.set["setAutoExposureLock"] == (True,)
    assert "setAutoWhiteBalanceLock" not in phone.parameters.set
    assert camera.lock(False) is True and phone.parameters.set["setAutoExposureLock"] == (False,)
    phone.parameters.locks = False
    assert camera.lock(True) is False
    camera.stop()
    camera._run.thread.join(20)
    assert camera.lock(True) is False


def test_no_java_here(monkeypatch, permissions):
    camera = AndroidCamera()
    monkeypatch.setitem(__import__("sys").modules, "jnius", None)
    camera.start()
    with pytest.raises(FrameGone, match="camera: is not installed: this is no Android; choose another source"):
        camera.newest()


def test_a_phone_without_a_camera(phone, java, wait):
    java.classes["android.hardware.Camera"].open = staticmethod(lambda: None)
    camera = AndroidCamera()
    camera.start()
    assert "this phone has none on its back" in gone(camera, wait)
