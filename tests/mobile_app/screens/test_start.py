"""The start and the end: what cannot be opened has a page of its own, and what no screen has caught ends nothing."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.records import Cell, Smear
from mobile_app.session.shelf import Setup, Shelf
from mobile_app.session.store import Store
from mobile_app.words import is_rtl

LANGUAGES = pytest.mark.parametrize("language", ["en", "fa"])


def kept(home: Path) -> None:
    """A session in Persian with three cells, one of them labelled."""
    store = Store(home)
    session = Shelf(store).create(Setup("Monday", Smear("S-1")), "Ada")
    data = cv2.imencode(".png", np.full((90, 150, 3), 215, np.uint8))[1].tobytes()
    session.add_field(data, (150, 90), [Cell((10 + 40 * k, 20, 40 + 40 * k, 50)) for k in range(3)])
    session.vote(1, "monocyte")
    store.set("language", "fa")
    store.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def newer(home: Path) -> None:
    database = sqlite3.connect(home / "sessions.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()


def damaged(home: Path) -> None:
    path = home / "sessions.sqlite"
    data = bytearray(path.read_bytes())
    data[4096:] = b"\x5a" * (len(data) - 4096)  # the first page is well, what it points to is not
    path.write_bytes(bytes(data))


def no_database(home: Path) -> None:
    (home / "sessions.sqlite").write_bytes(b"a letter to my aunt " * 300)


def read(app) -> list[str]:
    """All that the page says."""
    app.frames(3)
    return [one.say for one in app.app.root.walk() if getattr(one, "say", "")]


@pytest.mark.parametrize("language", ["en", "fa", ""])
@pytest.mark.parametrize(
    ("harm", "english", "persian"),
    [
        (newer, "was written by a newer version of the app", "با نسخهٔ تازه‌تری از برنامه نوشته شده است (طرح ۹۹)"),
        (damaged, "is damaged", "آسیب دیده است"),
        (no_database, "is no database", "پایگاه داده نیست"),
    ],
)
def test_what_cannot_be_opened_at_the_start_is_said_on_a_page_and_left_as_it_is(
    drive, tmp_path: Path, language: str, harm, english: str, persian: str
) -> None:
    home = tmp_path / "home"
    kept(home)
    good = contents(home)
    harm(home)
    before = contents(home)
    app = drive(language=language)
    said = read(app)
    assert [any(english in text for text in said), any(persian in text for text in said)] == [
        language != "fa",
        language != "en",
    ]
    again = app.buttons("Try again") + app.buttons("تلاش دوباره")
    assert len(again) == (1 if language else 2) and all(min(one.size) >= 40 for one in again)
    app.touch(*again[0].to_window(*again[0].center))
    assert read(app) == said and contents(home) == before
    (home / "sessions.sqlite").write_bytes(good["sessions.sqlite"])
    again = app.buttons("Try again") + app.buttons("تلاش دوباره")
    app.touch(*again[0].to_window(*again[0].center))
    app.frames(3)
    assert app.app.refused is None and app.screen.name == "label"
    assert app.app.words.language == (language or "fa")
    app.press(app.app.words.label("band"))
    assert [cell.label for cell in app.app.desk.open.cells()] == ["monocyte", "band", None]


@LANGUAGES
def test_a_folder_that_cannot_be_made_is_said_on_a_page(drive, tmp_path: Path, language: str) -> None:
    (tmp_path / "file").write_text("no folder")
    app = drive(home=tmp_path / "file" / "home", language=language)
    words = "cannot be written (Not a directory)" if language == "en" else "نوشته نمی‌شود (پوشه نیست)"
    assert any(words in text for text in read(app))
    assert app.app.on_pause() is True
    app.app.on_resume()
    assert (tmp_path / "file").read_text() == "no folder"


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("kivy", reason="the app needs Kivy: pip install 'edge-wbc[app]'")
    home = tmp_path / "home"
    kept(home)
    newer(home)
    command = [sys.executable, "-m", "edge_wbc", "app", "--home", str(home)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KIVY_")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "sessions.sqlite: was written by a newer version of the app (schema 99); update the app" in done.stderr


RUN = """
import sys
from pathlib import Path
from kivy.clock import Clock
from mobile_app.app import WbcApp, run
from mobile_app.session.shelf import Setup

app = WbcApp(Path(sys.argv[1]), language=sys.argv[2])
app.desk.begin(Setup("Monday"), "Ada")

def slip(_):
    app.desk.open.tap("monocyte")
    raise ZeroDivisionError("of the app's own")

def fault(_):
    app.desk.session = None
    app.desk.open

def end(_):
    app.stop()
    raise SystemExit(int(sys.argv[3]))

said = []
app.bind(said=lambda _, text: said.append(text))
acts = (slip, fault, lambda _: app.go("tally"), lambda _: print(*said, sep="\\n"))
for after, act in zip((0.2, 0.4, 0.6, 0.8), acts):
    Clock.schedule_once(act, after)
Clock.schedule_once(end if sys.argv[3] != "0" else lambda _: app.stop(), 1.0)
run(app)
"""


@LANGUAGES
def test_an_unexpected_slip_is_noted_and_said_and_the_app_goes_on(drive, tmp_path: Path, language: str) -> None:
    home = tmp_path / "kept"
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", RUN, str(home), language]
    done = subprocess.run(
        [*command, "0"], capture_output=True, text=True, encoding="utf-8", env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    slip, fault = (line for line in done.stdout.splitlines() if line)
    assert "ZeroDivisionError" in slip and "faults.log" in slip and is_rtl(slip) == (language == "fa")
    assert fault == {"en": "session: none is open; begin one, or open one of the list"}.get(language, fault)
    noted = (home / "faults.log").read_text()
    assert "ZeroDivisionError: of the app's own" in noted and "BadInput" not in noted
    store = Store(home)
    session = Shelf(store).resume()
    assert session is not None and session.counts() == {"monocyte": 1}
    store.close()


def test_what_ends_a_program_still_ends_it(drive, tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN, str(tmp_path / "kept"), "en", "7"]
    assert subprocess.run(command, capture_output=True, timeout=120).returncode == 7
