"""Cells outlined with touches: pixels follow the slider and the finger, and the disk follows every act."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.images import write_image
from edge_wbc.core.records import Cell
from mobile_app.session.shelf import Setup, Shelf
from mobile_app.session.store import Store
from mobile_app.tracing.folder import FolderOutlines
from mobile_app.tracing.overlay import CELL_LINE, NUCLEUS_LINE

SIZES = [(360, 640), (1280, 800)]


def crop(side: int = 60) -> np.ndarray:
    """A nucleus that fades: every threshold finds another one."""
    y, x = np.mgrid[:side, :side] - side / 2
    away = np.hypot(x, y)[..., None] / side
    rgb = np.where(away < 0.36, (214, 176, 200), (232, 226, 215)) - np.clip(0.3 - away, 0, 1) * (330, 560, 200)
    return np.clip(rgb + np.random.default_rng(0).normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three crops; the second is a basophil, the third cannot be read."""
    place = tmp_path / "crops"
    place.mkdir()
    write_image(place / "a.png", crop())
    write_image(place / "b.png", crop(80))
    (place / "c.png").write_bytes((place / "a.png").read_bytes()[:900])
    (place / "labels.csv").write_text("image,label\na.png,Neutrophils\nb.png,BA\n")
    return place


@pytest.fixture
def trace(drive, folder: Path, tmp_path: Path):
    """Starts the app on the folder, as Ann."""

    def start(size=SIZES[0], expert: str = "Ann", of: Path = folder):
        store = Store(tmp_path / "home")
        store.set("expert", expert)
        store.close()
        app = drive(home=tmp_path / "home", size=size, crops=FolderOutlines(of))
        assert app.screen.name == "outline"
        app.frames(3)
        return app

    return start


def mask(folder: Path, name: str = "a") -> np.ndarray | None:
    return cv2.imread(str(folder / "masks" / f"{name}.png"), cv2.IMREAD_UNCHANGED)


def rows(folder: Path) -> list[dict]:
    with (folder / "masks.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def at(app, x: float, y: float) -> tuple[float, float]:
    view = app.screen.ids.view
    return view.to_window(*view.to_view(x, y))


def drag(app, *places: tuple[float, float]) -> None:
    """A finger down, along places of the window, and up."""
    from kivy.tests.common import UnitTestTouch

    touch = UnitTestTouch(*places[0])
    touch.touch_down()
    app.frames()
    for place in places[1:]:
        touch.touch_move(*place)
        app.frames()
    touch.touch_up()
    app.frames(2)


def stroke(app, *places: tuple[float, float]) -> None:
    """A finger along places of the crop."""
    drag(app, *(at(app, *place) for place in places))


def lines(app, colour: tuple) -> int:
    """How many pixels of the window show a line."""
    return int((np.abs(app.pixels().astype(int) - colour[:3]).max(-1) < 24).sum())


def knob(app, value: float) -> tuple[float, float]:
    slider = app.screen.ids.slider
    span = slider.width - 2 * slider.padding
    return slider.to_window(slider.x + slider.padding + span * value / 255, slider.center_y)


@pytest.mark.parametrize("size", SIZES)
def test_the_slider_moves_the_nucleus_live_and_it_is_kept_when_the_finger_lifts(trace, folder: Path, size) -> None:
    from kivy.tests.common import UnitTestTouch

    app = trace(size)
    assert "Nothing drawn yet" in app.screen.told and "Cell 1 of 3, outlined: 0" in app.screen.heading
    before, start = app.pixels(), app.screen.threshold
    touch = UnitTestTouch(*knob(app, start))
    touch.touch_down()
    touch.touch_move(*knob(app, start + 40))
    app.frames()
    live = app.pixels()
    view = app.screen.ids.view
    left, low = (round(one) for one in view.to_window(view.x, view.y))
    shown = np.s_[size[1] - low - round(view.height) : size[1] - low, left : left + round(view.width)]
    assert (live[shown] != before[shown]).any() and mask(folder) is None and "Not saved" in app.screen.told
    touch.touch_move(*knob(app, start + 20))
    app.frames()
    touch.touch_up()
    app.frames(2)
    assert abs(app.screen.threshold - start - 20) <= 1 and "Saved" in app.screen.told
    (row,) = rows(folder)
    assert (row["person"], row["nucleus"], int(row["threshold"])) == ("Ann", "easy-gt", app.screen.threshold)
    assert abs(time.time() - float(row["at"])) < 60
    kept = mask(folder)
    assert kept is not None and kept.shape == (60, 60) and set(np.unique(kept)) == {0, 255}
    app.press("Undo")  # the whole drag at once
    assert app.screen.threshold == start and mask(folder) is None and "Nothing drawn yet" in app.screen.told
    app.press("Redo")
    assert (mask(folder) == kept).all() and "outlined: 1" in app.screen.heading


@pytest.mark.parametrize("size", SIZES)
def test_strokes_are_drawn_where_the_finger_goes_undone_and_on_the_disk(trace, folder: Path, size) -> None:
    app = trace(size)
    assert lines(app, NUCLEUS_LINE) > 50 and lines(app, CELL_LINE) == 0
    app.press("Draw cell")
    app.press("Thicker")
    stroke(app, (15, 45), (30, 50), (45, 45))
    assert lines(app, CELL_LINE) > 50
    first = mask(folder)
    assert first is not None and first[45, 15] == first[50, 30] == first[45, 45] == 128 and first[10, 10] == 0
    app.press("Draw nucleus")
    stroke(app, (30, 50))
    second = mask(folder)
    assert second[50, 30] == 255 and second[45, 15] == 128 and int(rows(folder)[0]["strokes"]) == 2
    app.press("Erase nucleus")
    stroke(app, (30, 30), (30, 50))
    assert mask(folder)[50, 30] == 128 and mask(folder)[30, 30] == 0
    app.press("Erase cell")
    stroke(app, (15, 45))
    assert mask(folder)[45, 15] == 0
    for _ in range(2):
        app.press("Undo")
    assert (mask(folder) == second).all()
    app.press("Undo")
    assert (mask(folder) == first).all() and int(rows(folder)[0]["strokes"]) == 1
    app.press("Undo")
    assert mask(folder) is None and rows(folder) == [] and lines(app, CELL_LINE) == 0
    assert app.buttons("Undo")[0].disabled


def test_a_proposal_next_and_what_was_drawn_is_there_again(trace, folder: Path, drive, tmp_path: Path) -> None:
    app = trace()
    app.press("Propose")
    y, x = np.mgrid[:60, :60] - 30
    whole, kept = np.hypot(x, y) < 0.36 * 60, mask(folder)
    assert 2 * ((kept > 0) & whole).sum() / ((kept > 0).sum() + whole.sum()) > 0.9 and (kept == 255).any()
    assert rows(folder)[0]["cell"] == "easy-gt"
    app.press("Next")
    assert "Cell 2 of 3" in app.screen.heading and "Nothing drawn yet" in app.screen.told
    app.press("Back")
    assert "Cell 1 of 3" in app.screen.heading and "Saved" in app.screen.told and lines(app, CELL_LINE) > 50
    app.press("Back")
    assert "Cell 1 of 3" in app.screen.heading
    app = trace()  # started anew: the first without an outline
    assert "Cell 2 of 3, outlined: 1" in app.screen.heading
    app.press("Back")
    assert (app.screen._tracing.picture == kept).all()


def test_of_a_basophil_the_whole_cell_alone(trace, folder: Path) -> None:
    app = trace()
    app.press("Next")
    assert "whole cell only" in app.screen.told and lines(app, NUCLEUS_LINE) == 0
    assert app.screen.ids.slider.disabled and app.buttons("Draw nucleus")[0].disabled and app.screen.tool == "cell"
    drag(app, knob(app, 20), knob(app, 200))
    assert mask(folder, "b") is None
    app.press("Propose")
    assert set(np.unique(mask(folder, "b"))) == {0, 128}
    assert rows(folder)[0]["nucleus"] == "none" and rows(folder)[0]["threshold"] == ""


def test_a_crop_or_a_mask_that_will_not_do_is_said_and_the_next_one_goes_on(trace, folder: Path) -> None:
    (folder / "masks").mkdir()
    cv2.imwrite(str(folder / "masks" / "b.png"), np.full((9, 9), 255, np.uint8))
    app = trace()
    app.press("Next")
    assert "a mask of 9 x 9 for a photograph of 80 x 80" in app.app.said
    assert not app.screen.ready and app.buttons("Propose")[0].disabled and lines(app, NUCLEUS_LINE) == 0
    stroke(app, (30, 30), (40, 30))
    assert mask(folder, "b").shape == (9, 9)
    app.press("Next")
    assert "c.png: truncated PNG" in app.app.said
    app.press("Back")
    app.press("Back")
    assert app.screen.ready and "Cell 1 of 3" in app.screen.heading


def test_what_cannot_be_kept_is_said_stays_drawn_and_holds_the_person(trace, folder: Path) -> None:
    (folder / "masks").write_text("a letter")
    app = trace()
    app.press("Draw cell")
    stroke(app, (15, 45), (45, 45))
    assert "cannot be written" in app.app.said and "Not saved" in app.screen.told
    app.press("Next")
    assert "Cell 1 of 3" in app.screen.heading and lines(app, CELL_LINE) > 50
    (folder / "masks").unlink()
    app.press("Next")
    assert "Cell 2 of 3" in app.screen.heading and mask(folder)[45, 30] == 128


def test_whoever_draws_says_who_it_is(trace, folder: Path) -> None:
    app = trace(expert="")
    (entry,) = [one for one in app.screen.walk(restrict=True) if type(one).__name__ == "Entry"]
    assert entry.height > 40
    stroke(app, (30, 50))
    assert "type a name" in app.app.said and mask(folder) is None
    entry.focus = True
    entry.text = "Bea"
    entry.focus = False
    app.frames(3)
    assert entry.height == 0 and app.screen.can_undo
    app.press("Propose")
    assert rows(folder)[0]["person"] == "Bea" and mask(folder)[50, 30] == 255  # what was drawn before counts too


def test_two_fingers_zoom_and_leave_no_stroke_behind(trace, folder: Path) -> None:
    from kivy.tests.common import UnitTestTouch

    app = trace()
    view = app.screen.ids.view
    before = app.screen._tracing.picture
    x, y = view.to_window(*view.center)
    first, second = UnitTestTouch(x - 30, y), UnitTestTouch(x + 30, y)
    first.touch_down()
    first.touch_move(x - 40, y)
    second.touch_down()
    for by in (60, 90):
        first.touch_move(x - by, y)
        second.touch_move(x + by, y)
        app.frames()
    assert view.zoom > 1.5
    first.touch_up()
    second.touch_move(x + 60, y)  # the finger that stays carries the crop along
    second.touch_up()
    app.frames(2)
    assert (app.screen._tracing.picture == before).all() and mask(folder) is None and not app.screen.can_undo
    app.press("Draw cell")
    under = view.to_photograph(view.center_x, view.center_y - 60)
    stroke(app, under)
    assert mask(folder)[int(under[1]), int(under[0])] in (128, 255)  # drawn where the finger is, zoomed as it is
    app.press("Zoom")
    app.press("Zoom")
    assert view.zoom in (1.0, 3.0)


def test_keys_do_what_the_buttons_do(trace, folder: Path) -> None:
    app = trace(SIZES[1])
    tools = []
    for key in "1234":
        assert app.screen.key(ord(key), key, False)
        tools.append(app.screen.tool)
    assert tools == ["nucleus", "no_nucleus", "cell", "no_cell"]
    start, radius = app.screen.threshold, app.screen.ids.view.radius
    assert app.screen.key(45, "-", False) and app.screen.threshold == start - 1 and mask(folder) is not None
    assert app.screen.key(61, "=", False) and app.screen.threshold == start
    assert app.screen.key(93, "]", False) and app.screen.ids.view.radius > radius
    assert app.screen.key(91, "[", False) and app.screen.ids.view.radius == radius
    assert app.screen.key(ord("p"), "p", False) and (mask(folder) == 128).any()
    assert app.screen.key(ord("z"), "z", True) and not (mask(folder) == 128).any()
    assert app.screen.key(ord("y"), "y", True) and (mask(folder) == 128).any()
    assert app.screen.key(ord("z"), "z", False) and app.screen.ids.view.zoom == 3.0
    assert app.screen.key(275, None, False) and "Cell 2 of 3" in app.screen.heading
    assert app.screen.key(276, None, False) and "Cell 1 of 3" in app.screen.heading
    assert not app.screen.key(ord("q"), "q", False)


@pytest.fixture
def session(drive, tmp_path: Path):
    """A session of two cells in one field, one of them at its border; the app is on Label."""
    rgb = np.full((200, 300, 3), (232, 226, 215), np.uint8)
    rgb[50:110, 50:110] = crop()
    rgb[:60, 240:] = crop()
    store = Store(tmp_path / "home")
    session = Shelf(store).create(Setup("Monday"), "Ada")
    data = cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()
    session.add_field(data, (300, 200), [Cell((60, 60, 100, 100)), Cell((250, 10, 290, 50))])
    store.close()
    return drive(home=tmp_path / "home")


def test_from_label_to_a_cells_outline_and_it_is_in_the_database(session) -> None:
    app = session
    app.press("Next")
    app.press("Outline")
    app.frames(3)
    assert app.screen.name == "outline" and "Cell 2 of 2, outlined: 0" in app.screen.heading
    app.press("Propose")
    source = app.app.desk.outlines()
    kept = source.kept(2)
    assert kept is not None and kept.person == "Ada" and kept.picture.shape == source.crop(2).shape[:2] == (64, 64)
    assert source.progress() == (1, 2) and "outlined: 1" in app.screen.heading
    app.press("Back")
    assert "Cell 1 of 2" in app.screen.heading and source.crop(1).shape == (68, 68, 3)
    app.app.desk.open.vote(1, "basophil")
    app.app.go("outline")
    app.frames(2)
    assert "Basophil · whole cell only" in app.screen.told


def test_strokes_are_kept_when_the_screen_is_left_under_the_finger_and_undone_after_it(session) -> None:
    from kivy.tests.common import UnitTestTouch

    app = session
    app.press("Outline")
    app.frames(3)
    app.press("Draw cell")
    touch = UnitTestTouch(*at(app, 10, 55))
    touch.touch_down()
    touch.touch_move(*at(app, 50, 55))
    app.app.on_pause()
    assert app.app.desk.outlines().kept(1).picture[55, 30] >= 128
    touch.touch_up()
    app.app.go("label")
    app.app.go("outline")
    app.frames(3)
    app.press("Undo")
    assert app.app.desk.outlines().kept(1) is None


def test_each_expert_and_each_session_has_its_own(session) -> None:
    app = session
    app.press("Outline")
    app.press("Propose")
    app.app.desk.sign("Bob")
    app.app.go("outline")
    app.frames(2)
    assert "outlined: 0" in app.screen.heading and not app.screen.can_undo
    app.app.desk.begin(Setup("Tuesday"), "Bob")
    app.app.go("outline")
    app.frames(2)
    assert app.screen.heading == "No cells yet: capture a field" and not app.screen.ready
    for name in ("Back", "Next"):
        app.press(name)


def test_without_a_session_it_says_so(drive, tmp_path: Path) -> None:
    app = drive(home=tmp_path / "empty")
    app.app.go("outline")
    app.frames(2)
    assert app.screen.heading == app.app.words("capture.nosession")
    for name in ("Back", "Next"):
        app.press(name)
