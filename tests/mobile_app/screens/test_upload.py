"""Upload with touches: a session sent from the list arrives once and whole through a server that drops connections."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_wbc.core.records import Smear
from mobile_app.live.sender import Sender
from mobile_app.session.export import export_zip
from mobile_app.session.shelf import Setup
from mobile_app.session.upload import UploadOptions

QUICK = UploadOptions(piece=10_000, timeout=60, first_wait=0.2, longest_wait=0.2)


def begun(drive, home: Path, language: str = "en"):
    """An app with a session of a few photographs, whose sender does not wait as long as a phone's."""
    app = drive(home=home, language=language)
    desk = app.app.desk
    desk.sender = Sender(home, QUICK)
    session = desk.begin(Setup("Monday", Smear("S-1")), "Ada")
    for seed in range(3):
        noise = np.random.default_rng(seed).integers(0, 255, (90, 120, 3), dtype=np.uint8)
        session.add_field(cv2.imencode(".png", noise)[1].tobytes(), (120, 90))
    return app


def go_to_upload(app) -> None:
    app.press(app.app.words("tab.more"))
    app.frames(3)
    (way,) = (way for way in app.screen.ids.ways.children if way.to == "upload")
    app.touch(*way.to_window(*way.center))
    assert app.screen.name == "upload" and app.app.at == "more"


def type_address(app, address: str) -> None:
    entry = app.screen.ids.address
    app.touch(*entry.to_window(*entry.center))
    entry.text = address
    entry.focus = False
    app.frames(2)


def send(app) -> None:
    app.press(app.app.words("tab.sessions"))
    app.press(app.app.words("sessions.send"))
    app.until(lambda: "Monday" in app.screen.told)


def row(app) -> Any:
    (one,) = app.screen.ids.rows.children
    return one


@pytest.mark.parametrize("language", ["en", "fa"])
def test_sent_through_two_dropped_connections_it_arrives_once_and_whole(
    drive, tmp_path: Path, lab: Any, language: str
) -> None:
    app = begun(drive, tmp_path / "home", language)
    words = app.app.words
    go_to_upload(app)
    assert app.screen.told == words("upload.noaddress")
    type_address(app, f" {lab.address}")
    assert app.app.desk.uploads.address() == lab.address and app.app.said == ""
    assert app.screen.hint == words("upload.open")
    mishaps, shown = ["", "drop", "unsaid"], threading.Event()

    def mishap() -> str:
        if len(mishaps) == 1:
            assert shown.wait(30), "the screen never told of the first"
        return mishaps.pop(0) if mishaps else ""

    lab.mishap = mishap
    export_zip(app.app.desk.store, app.app.desk.open.id, tmp_path / "same.zip")
    data = (tmp_path / "same.zip").read_bytes()
    send(app)
    assert app.screen.told == f"Monday\n{words('sessions.queued')}"
    go_to_upload(app)
    app.until(lambda: row(app).detail == words("upload.server"))
    shown.set()
    app.until(lambda: row(app).arrived)
    assert lab.complete == {hashlib.sha256(data).hexdigest(): data}
    assert words("upload.done", size=words("upload.size", mb="0.1")) == row(app).detail
    assert lab.received == len(data) + min(QUICK.piece, len(data) - QUICK.piece), "only the unsaid piece came twice"
    assert app.app.said == "" and app.screen.told == words("upload.empty")
    app.press(words("upload.remove"))
    app.frames(2)
    assert app.app.desk.uploads.listed() == [] and not app.screen.ids.rows.children
    assert app.app.desk.setup().name == "Monday", "the session itself stays"


def test_without_an_address_it_waits_and_nothing_is_lost_by_a_restart(drive, tmp_path: Path, lab: Any) -> None:
    app = begun(drive, tmp_path / "home")
    send(app)
    assert app.screen.told.endswith(app.app.words("sessions.noaddress")) and not app.app.desk.sender.on
    app = drive(home=tmp_path / "home")
    go_to_upload(app)
    type_address(app, lab.address)
    app.frames(3)
    assert row(app).title == "Monday" and app.screen.told == "Stopped; waiting: 1"
    app.press("Start sending")
    app.until(lambda: bool(lab.complete))
    app.until(lambda: row(app).arrived)
    app = drive(home=tmp_path / "home")
    assert app.app.desk.sender.on, "what was started goes on after a restart"
    go_to_upload(app)
    app.press("Stop sending")
    app = drive(home=tmp_path / "home")
    assert not app.app.desk.sender.on


def test_no_network_is_a_wait_and_try_now_tries_now(drive, tmp_path: Path, lab: Any) -> None:
    app = begun(drive, tmp_path / "home")
    app.app.desk.sender = Sender(tmp_path / "home", UploadOptions(first_wait=1000, longest_wait=1000))
    app.app.desk.uploads.set_address(lab.address)
    lab.mishap = lambda: "drop"
    send(app)
    go_to_upload(app)
    app.until(lambda: row(app).detail == app.app.words("upload.server"))
    assert app.app.said == "", "a wait is no fault"
    lab.mishap = lambda: ""
    app.press("Try now")
    app.until(lambda: row(app).arrived)
    assert len(lab.complete) == 1


def test_a_refusal_and_a_bad_address_are_said(drive, tmp_path: Path, lab: Any) -> None:
    app = begun(drive, tmp_path / "home")
    lab.mishap = lambda: "403"
    go_to_upload(app)
    type_address(app, "lab")
    assert "no http or https address" in app.app.said and app.app.desk.uploads.address() == ""
    type_address(app, lab.address)
    assert app.app.said == ""
    send(app)
    go_to_upload(app)
    app.until(lambda: "refused it (403)" in row(app).detail)
    assert app.screen.told == app.app.words("upload.empty"), "it waits for a person, not for the network"


def test_a_storage_that_fails_while_sending_is_said(drive, tmp_path: Path) -> None:
    from edge_wbc.core.errors import BadInput

    app = begun(drive, tmp_path / "home")
    go_to_upload(app)
    app.app.desk.sender.fault = BadInput("sessions.sqlite", "the storage is full")
    app.until(lambda: "the storage is full" in app.app.said)
