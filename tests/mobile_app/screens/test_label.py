"""Labelling with touches: what is tapped is on the disk, what is undone is not, and a kill loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from edge_wbc.core.records import Cell, Smear
from mobile_app.desk import BUTTONS, square
from mobile_app.session.shelf import Setup, Shelf
from mobile_app.session.store import Store
from mobile_app.widgets.labels import KEYS

COLOURS = np.random.default_rng(7).integers(40, 220, (24, 3))


def photograph() -> bytes:
    """24 squares, each of a colour of its own: a cell is told by its pixels."""
    rgb = np.full((400, 600, 3), 250, np.uint8)
    for place, (x, y) in enumerate(places()):
        rgb[y : y + 60, x : x + 60] = COLOURS[place]
    return cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()


def places() -> list[tuple[int, int]]:
    return [(20 + 95 * (k % 6), 20 + 95 * (k // 6)) for k in range(24)]


def with_cells(home: Path) -> None:
    store = Store(home)
    session = Shelf(store).create(Setup("Monday", Smear("S-1")), "Ada")
    session.add_field(photograph(), (600, 400), [Cell((x, y, x + 60, y + 60)) for x, y in places()])
    store.close()


def saved(home: Path) -> list[str | None]:
    """What the disk says, read anew."""
    store = Store(home)
    try:
        session = Shelf(store).resume()
        assert session is not None
        return [cell.label for cell in session.cells(limit=-1)]
    finally:
        store.close()


def test_twenty_crops_three_undone_and_the_pixels_follow(drive, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with_cells(home)
    app = drive(home=home)
    assert app.app.at == "label"
    labels = [BUTTONS[k % 12] for k in range(20)]
    for place, label in enumerate(labels):
        shown = app.screen.ids.picture
        x, y = shown.to_window(*shown.center)
        seen = app.pixels()[640 - round(y), round(x)]
        assert np.abs(seen.astype(int) - COLOURS[place]).max() <= 3
        app.press(app.app.words.label(label))
    assert saved(home) == [*labels, None, None, None, None]
    for _ in range(3):
        app.press("Undo")
    assert saved(home) == [*labels[:17], *[None] * 7]
    app.press("Redo")
    assert saved(home) == [*labels[:18], *[None] * 6]
    assert app.app.desk.tally().counted == sum(app.app.desk.open.counts().get(name, 0) for name in BUTTONS[:8])


def test_keys_label_turn_back_and_step(drive, tmp_path: Path) -> None:
    with_cells(tmp_path / "home")
    app = drive(home=tmp_path / "home")
    for key in ("1", "n", "0"):
        assert app.screen.key(ord(key), key, False)
    assert app.screen.key(ord("z"), "z", True)
    assert [cell.label for cell in app.app.desk.open.cells(limit=4)] == [BUTTONS[0], "neutrophil", None, None]
    at = app.screen.cell
    app.screen.key(275, None, False)
    app.screen.key(276, None, False)
    assert app.screen.cell == at
    assert not app.screen.key(ord("q"), "q", False)
    assert set(KEYS.values()) == set(BUTTONS)


CHILD = """
import os, sys
from pathlib import Path
from mobile_app.session.shelf import Shelf
from mobile_app.session.store import Store
from mobile_app.widgets.labels import KEYS
session = Shelf(Store(Path(sys.argv[1]))).resume()
for cell in session.cells(limit=20):
    session.vote(cell.id, "monocyte")
print("twenty", flush=True)
os.kill(os.getpid(), 9)
"""


def test_goes_on_after_a_kill_with_twenty_votes(drive, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with_cells(home)
    done = subprocess.run([sys.executable, "-c", CHILD, str(home)], stdout=subprocess.PIPE, cwd=os.getcwd())
    assert done.returncode == -signal.SIGKILL and done.stdout == b"twenty\n"
    app = drive(home=home)
    assert app.app.at == "label"
    assert app.screen.heading == "Cell 21 of 24, 20 labelled"
    assert app.app.desk.open.cell(app.screen.cell).label is None


def test_square_shows_the_box_in_the_middle() -> None:
    rgb = np.zeros((100, 100, 3), np.uint8)
    rgb[40:60, 40:60] = 255
    shown = square(rgb, (40, 40, 60, 60), 170)
    assert (shown[85 - 45 : 85 + 45, 85 - 45 : 85 + 45] == 255).all()
    assert shown[5, 5].max() == 0


def test_the_target_rings_once_whatever_screen_names_its_cell(drive, tmp_path: Path, monkeypatch) -> None:
    rung: list[str] = []
    for name in ("label", "mark", "tally"):
        monkeypatch.setattr(f"mobile_app.screens.{name}.alert", lambda name=name: rung.append(name))
    home = tmp_path / "home"
    with_cells(home)
    app = drive(home=home)
    session = app.app.desk.open
    for _ in range(98):
        session.tap("neutrophil")
    for label in ("Burst", "Band"):
        app.press(label)
    assert not rung and "Target" not in app.screen.heading
    app.press("Monocyte")
    assert rung == ["label"] and app.screen.heading.endswith("Target reached")
    app.press("Back")
    app.press("Basophil")  # another label of the same cell: as many as before
    app.press("Eosinophil")
    assert rung == ["label"]
    app.press("Undo")
    app.press("Undo")
    app.press("Undo")
    app.app.go("mark")
    app.frames(3)
    view, box = app.screen.ids.view, session.cells()[2].cell.box
    app.touch(*view.to_window(*view.to_view((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)))
    app.screen.vote("neutrophil")
    assert rung == ["label", "mark"] and app.screen.heading.endswith("Target reached")
