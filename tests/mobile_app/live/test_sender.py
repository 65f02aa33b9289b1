"""The sending thread: started, stopped, started again; the server holds what was sent, once and whole."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobile_app.live.sender import Sender
from mobile_app.session import Setup, Shelf, Store
from mobile_app.session.upload import UploadOptions, Uploads

QUICK = UploadOptions(piece=2000, first_wait=0.001, longest_wait=0.01)


def until(done) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.005)


@pytest.fixture
def uploads(tmp_path: Path, lab: Any):
    store = Store(tmp_path / "kept")
    session = Shelf(store).create(Setup("Monday"), "Ann")
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    bmp = pytest.importorskip("cv2").imencode(".bmp", noise)[1].tobytes()
    session.add_field(bmp, (80, 60))
    uploads = Uploads(store)
    uploads.set_address(lab.address)
    uploads.add(session.id)
    yield uploads
    store.close()


def test_stopped_and_started_at_once_it_sends_no_piece_twice(uploads: Uploads, lab: Any, tmp_path: Path) -> None:
    lab.mishap = lambda: time.sleep(0.03) or ""
    sender = Sender(uploads.store.folder, QUICK)
    assert not sender.on
    for _ in range(4):
        sender.start()
        sender.start()
        assert sender.on
        before = lab.requests
        until(lambda before=before: lab.requests > before or lab.complete)
        sender.stop()
        assert not sender.on
    sender.start()
    until(lambda: uploads.listed()[0].state == "done")
    sender.stop(20)
    ((sha256, data),) = lab.complete.items()
    assert hashlib.sha256(data).hexdigest() == sha256
    assert lab.received == len(data)


def test_what_ends_it_is_told(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr("mobile_app.session.upload.Uploads.step", fail)
    sender = Sender(uploads.store.folder, QUICK)
    sender.start()
    until(lambda: not sender.on)
    assert "nobody foresaw this" in str(sender.fault)
