"""The app on a phone: a camera given back in a pause comes again, the screen stays on, files are at hand."""

from __future__ import annotations

import sys
import types

import pytest

from mobile_app.session.shelf import Setup
from mobile_app.sources.frames import Newest


class Camera:
    """A camera that counts who holds it."""

    name = "camera"

    def __init__(self):
        self.slot, self.held, self.starts = Newest(), False, 0

    def start(self):
        self.held, self.starts = True, self.starts + 1

    def stop(self):
        self.held = False

    def newest(self):
        return self.slot.get()

    def lock(self, held):
        return False


@pytest.mark.parametrize("screen", ["capture", "calibrate"])
def test_given_back_in_a_pause_and_taken_up_again(drive, screen) -> None:
    """Android pauses an app for the very question whether it may use the camera, and when the person chooses a file."""
    camera = Camera()
    app = drive(source=camera)
    app.app.desk.begin(Setup("Monday"), "Ada")
    app.app.go(screen)
    assert camera.held
    assert app.app.dispatch("on_pause") and not camera.held
    app.frames(3)
    app.app.dispatch("on_resume")
    app.frames(3)
    assert camera.held and camera.starts == 2
    app.app.go("tally")
    app.frames(3)
    assert not camera.held


def test_other_screens_take_no_camera_after_a_pause(drive) -> None:
    camera = Camera()
    app = drive(source=camera)
    app.app.go("sessions")
    app.app.dispatch("on_pause")
    app.app.dispatch("on_resume")
    assert camera.starts == 0


def test_main_on_a_phone(drive, monkeypatch, tmp_path) -> None:
    """Each of these is tested where it stands; here that main hands them to the app."""
    from kivy.base import EventLoop
    from kivy.core.window import Window

    from mobile_app import app as room
    from mobile_app.android import device, files
    from mobile_app.live import phone_interpreter
    from mobile_app.sources import android_camera

    drive()
    storage = types.ModuleType("android.storage")
    storage.app_storage_path = lambda: str(tmp_path / "files")
    monkeypatch.setitem(sys.modules, "android", types.ModuleType("android"))
    monkeypatch.setitem(sys.modules, "android.storage", storage)
    monkeypatch.setattr("kivy.utils.platform", "android")
    monkeypatch.setattr(android_camera, "AndroidCamera", Camera)
    monkeypatch.setattr(device, "AndroidDevice", lambda: "a phone")
    monkeypatch.setattr(phone_interpreter, "install", lambda: "2.11.0")
    monkeypatch.setattr(files, "AndroidFiles", lambda folder, later: (folder, later))
    monkeypatch.setattr(Window, "allow_screensaver", True)
    ran = []

    def run(app):
        ran.append(app)
        app.desk.close()

    monkeypatch.setattr(room.WbcApp, "run", run)
    room.main()
    (app,) = ran
    assert isinstance(app.desk.source, Camera) and app.desk.device == "a phone"
    assert app.desk.versions == {"tflite": "2.11.0"}
    assert not Window.allow_screensaver
    folder, later = app.files
    assert folder == tmp_path / "files" / "wbc" / "taken"
    told = []
    later(lambda: told.append("on the UI's thread"))
    assert told == []
    EventLoop.idle()
    assert told == ["on the UI's thread"]
