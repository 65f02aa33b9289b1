"""The app on a phone: a camera given back in a pause comes again, the screen stays on, files are at hand."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from edge_wbc.core.errors import BadInput
from mobile_app.desk import DEFAULT_PACK
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


class Files:
    """What a person chooses in Android's own chooser, and the places where files went."""

    def __init__(self, chosen=None):
        self.chosen, self.out = chosen, []

    def pick(self, done):
        done(self.chosen, None if self.chosen else BadInput("the file", "cannot be read (gone)", "choose another one"))

    def hand_out(self, file, done):
        self.out.append(file)
        done(file, None)


def test_what_was_written_goes_where_the_person_chooses(drive) -> None:
    app = drive()
    app.app.files = files = Files()
    app.app.desk.begin(Setup("Monday"), "Ada")
    app.app.go("sessions")
    app.frames(3)
    assert not [one for one in app.buttons() if one.say.startswith("Save ")]
    app.press("Export")
    app.until(lambda: bool(app.screen.written))
    for kind in ("ZIP", "CSV", "HTML"):
        app.press(f"Save {kind} to…")
    assert [file.suffix for file in files.out] == [".zip", ".csv", ".html"] and all(map(Path.is_file, files.out))
    app.frames(3)
    assert not [one for one in app.buttons() if one.say.startswith("Save ")]


def test_a_desktop_has_its_files_at_hand(drive) -> None:
    app = drive()
    app.app.desk.begin(Setup("Monday"), "Ada")
    app.app.go("sessions")
    app.press("Export")
    app.until(lambda: bool(app.screen.written))
    app.frames(3)
    assert not [one for one in app.buttons() if one.say.startswith("Save ")]


def test_a_pack_is_chosen_by_the_person(drive) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed: no pack can be run")
    app = drive()
    app.app.files = Files()
    app.app.go("settings")
    app.frames(3)
    app.screen.install()
    assert app.app.said.startswith("the file: cannot be read")
    app.app.files.chosen = DEFAULT_PACK
    app.screen.install()
    app.until(lambda: app.screen.told.startswith("In use"))


def test_the_light_is_free_again_when_the_camera_was_given_back(drive) -> None:
    camera = Camera()
    camera.lock = lambda held: True
    app = drive(source=camera)
    app.app.desk.begin(Setup("Monday"), "Ada")
    app.app.go("capture")
    app.frames(3)
    app.press("Lock light")
    assert app.screen.locked
    app.app.go("tally")
    app.frames(3)
    app.app.go("capture")
    assert not app.screen.locked
