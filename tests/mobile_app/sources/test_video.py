"""A video's file, and webcams that the test plays."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from mobile_app.sources import video as room
from mobile_app.sources.frames import FrameGone
from mobile_app.sources.video import VideoSource


class Webcam:
    """Gives frames of growing shade, in blue, until it is unplugged."""

    plugged = opens = True
    obeys = True

    def __init__(self, place):
        self.place, self.shade, self.set_to, self.released = place, 0, {}, False
        Webcam.last = self

    def isOpened(self):
        return Webcam.opens

    def get(self, _what):
        return 0.0

    def set(self, what, value):
        self.set_to[what] = value
        return Webcam.obeys

    def read(self):
        assert not self.released
        time.sleep(0.001)
        self.shade = min(250, self.shade + 1)
        frame = np.zeros((6, 8, 3), np.uint8)
        frame[..., 0] = self.shade
        return (True, frame) if Webcam.plugged else (False, None)

    def release(self):
        self.released = True


@pytest.fixture
def webcam(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", Webcam)
    monkeypatch.setattr(Webcam, "plugged", True)
    monkeypatch.setattr(Webcam, "opens", True)
    monkeypatch.setattr(Webcam, "obeys", True)
    source = VideoSource(0)
    source.start()
    yield source
    source.stop()
    source._thread.join(20)
    assert not source._thread.is_alive() and (Webcam.last.released or not Webcam.opens)


def gone(source, wait):
    def fault():
        try:
            source.newest()
        except FrameGone as said:
            return str(said)

    return wait(fault)


def test_a_webcams_frames_are_rgb_and_only_the_newest_is_kept(webcam, frame_after):
    first = frame_after(webcam)
    assert first.rgb[0, 0, 0] == 0 and first.rgb[0, 0, 2] > 0
    later = frame_after(webcam, first.number + 20)
    assert later.rgb[0, 0, 2] > first.rgb[0, 0, 2]
    assert Webcam.last.set_to[cv2.CAP_PROP_BUFFERSIZE] == 1


def test_a_still_is_the_newest_frame(webcam, frame_after):
    frame_after(webcam)
    taken = webcam.still()
    assert taken.rgb.shape == (6, 8, 3) and taken.data[:2] == b"\xff\xd8"


def test_unplugged_and_plugged_in_again(webcam, frame_after, wait):
    number = frame_after(webcam).number
    Webcam.plugged = False
    assert gone(webcam, wait) == "webcam 0: gives no more frames; plug it in"
    with pytest.raises(FrameGone):
        webcam.still()
    Webcam.plugged = True
    webcam.start()
    assert frame_after(webcam, number)


def test_no_webcam(webcam, wait):
    Webcam.opens = False
    webcam.start()
    assert "webcam 0: cannot be opened; plug it in" in gone(webcam, wait)


def test_locking_asks_the_driver(webcam, frame_after):
    frame_after(webcam)
    assert webcam.lock(True) is True
    assert Webcam.last.set_to[cv2.CAP_PROP_AUTO_EXPOSURE] == 1 and Webcam.last.set_to[cv2.CAP_PROP_AUTO_WB] == 0
    Webcam.obeys = False
    assert webcam.lock(False) is False
    webcam.stop()
    webcam._thread.join(20)
    assert webcam.lock(True) is False


def test_before_the_first_frame():
    with pytest.raises(BadInput, match="webcam 3: is not ready yet; wait for the preview"):
        VideoSource(3).still()


@pytest.fixture
def film(tmp_path):
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 100, (64, 48))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no MJPG video")
    for shade in range(0, 200, 20):
        writer.write(np.full((48, 64, 3), (0, 0, shade), np.uint8))
    writer.release()
    return path


def test_a_film_plays_to_its_end_and_again(film, frame_after, wait):
    source = VideoSource(film)
    for _ in range(2):
        source.start()
        frame = frame_after(source)
        assert frame.rgb.shape == (48, 64, 3) and frame.rgb[..., 1:].max() < 12
        assert gone(source, wait) == f"{film}: has ended; start it again"
    assert source.lock(True) is False
    source.stop()


def test_a_file_that_is_no_film(tmp_path, wait):
    (tmp_path / "film.avi").write_bytes(b"no film")
    source = VideoSource(tmp_path / "film.avi")
    source.start()
    assert "cannot be opened; choose another video" in gone(source, wait)


def test_what_opencv_cannot_make_a_picture_of(webcam, monkeypatch, wait):
    monkeypatch.setattr(room.cv2, "cvtColor", lambda *_: cv2.imdecode(np.zeros(0, np.uint8), 1))
    webcam.start()
    assert "gives what is no frame" in gone(webcam, wait)
