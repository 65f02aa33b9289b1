"""docs/app.md tells what the app is: every screen has its pictures, every key does what the table says."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np

from edge_wbc.core.records import Cell
from mobile_app.session.shelf import Setup
from mobile_app.words import LANGUAGES, Words

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "app.md").read_text(encoding="utf-8")
FIELD = cv2.imencode(".png", np.full((400, 600, 3), 200, np.uint8))[1].tobytes()


def keys() -> dict[str, list[str]]:
    """Label -> its keys, as the page tells them."""
    rows = re.findall(r"^\| ([A-Z][a-z ]+) \| `(.)` `(.)` \|$", PAGE, re.MULTILINE)
    return {label: keys for label, *keys in rows}


def test_every_screen_has_its_pictures_and_the_page_shows_it() -> None:
    from mobile_app.app import SCREENS

    for name in SCREENS:
        wanted = [f"{name}-desktop-en.png", *(f"{name}-phone-{language}.png" for language in LANGUAGES)]
        missing = [file for file in wanted if not (DOCS / "images" / "app" / file).is_file()]
        assert not missing, f"make screens: {missing}"
        assert f"{name}-phone-en.png" in PAGE, name
    pictures = list((DOCS / "images" / "app").glob("*.png"))
    assert sum(file.stat().st_size for file in pictures) < 1.5 * 2**20
    for file in pictures:
        size = (640, 360) if "-phone-" in file.name else (800, 1280)
        assert cv2.imread(str(file)).shape[:2] == size, file.name


def test_every_key_labels_a_cell_steps_and_turns_back_as_the_page_says(drive) -> None:
    app = drive()
    session = app.app.desk.begin(Setup("Monday"), "Ada")
    session.add_field(FIELD, (600, 400), [Cell((20 * k, 20, 20 * k + 18, 60)) for k in range(24)])
    app.app.go("label")
    app.frames(3)
    window, words = app.window, Words("en")
    assert len(keys()) == 12
    wanted = []
    for label, pair in keys().items():
        for key in pair:
            cell = app.screen.cell
            window.dispatch("on_key_down", ord(key), 0, key, [])
            wanted.append(label)
            assert words.label(session.cell(cell).label) == label
    cell = app.screen.cell
    window.dispatch("on_key_down", 276, 0, None, [])
    assert app.screen.cell == session.previous_cell(cell)
    window.dispatch("on_key_down", 275, 0, None, [])
    assert app.screen.cell == cell
    window.dispatch("on_key_down", ord("z"), 0, "z", ["ctrl"])
    assert [words.label(one.label) for one in session.cells(limit=-1) if one.label] == wanted[:-1]
    window.dispatch("on_key_down", ord("y"), 0, "y", ["ctrl"])
    assert session.progress() == (24, 24) and "all labelled" in app.screen.heading


def test_every_key_counts_and_ctrl_z_takes_it_back(drive) -> None:
    app = drive()
    session = app.app.desk.begin(Setup("Monday"), "Ada")
    app.app.go("tally")
    app.frames(3)
    app.window.dispatch("on_key_down", ord("n"), 0, "n", [])
    assert session.counts() == {}  # the counter is not shown
    app.press("Manual counter")
    app.frames(3)
    for pair in keys().values():
        for key in pair:
            app.window.dispatch("on_key_down", ord(key), 0, key, [])
    assert set(session.counts().values()) == {2} and len(session.counts()) == 12
    app.frames(3)
    app.press("Erythroblast")
    assert session.counts()["erythroblast"] == 3
    app.press("Undo")
    app.window.dispatch("on_key_down", ord("z"), 0, "z", ["ctrl"])
    assert session.counts()["erythroblast"] == 1
    app.press("Redo")
    assert session.counts()["erythroblast"] == 2
    assert [one.say for one in app.buttons("Erythroblast")] == ["Erythroblast\n2"]


def test_every_key_of_outline_does_what_its_button_does(drive, tmp_path: Path) -> None:
    rgb = np.full((120, 160, 3), (232, 226, 215), np.uint8)
    cv2.circle(rgb, (80, 60), 20, (214, 176, 200), -1)
    cv2.circle(rgb, (80, 60), 11, (104, 52, 140), -1)
    app = drive()
    session = app.app.desk.begin(Setup("Monday"), "Ada")
    session.add_field(cv2.imencode(".png", rgb[..., ::-1])[1].tobytes(), (160, 120), [Cell((60, 40, 100, 80))])
    app.app.go("outline")
    app.frames(3)
    screen, view = app.screen, app.screen.ids.view

    def state() -> tuple:
        return screen.tool, view.radius, view.zoom, screen._tracing.picture.tobytes()

    pairs = re.findall(r"^\| ([A-Z][a-z ]+) \| `(.)` \|$", PAGE, re.MULTILINE)
    assert len(pairs) == 8
    for name, key in pairs:
        screen.tool, screen.brush = "", 2
        screen._thick()
        view.look_at(0, 0, 1.0)
        while screen.can_undo:
            screen.turn(True)
        before = state()
        app.press(name)
        pressed = state()
        assert pressed != before
        screen.tool, screen.brush = "", 2
        screen._thick()
        view.look_at(0, 0, 1.0)
        while screen.can_undo:
            screen.turn(True)
        app.window.dispatch("on_key_down", ord(key), 0, key, [])
        assert state() == pressed, name
