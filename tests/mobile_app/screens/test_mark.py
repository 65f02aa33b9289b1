"""Cells placed, moved, sized, removed and named with touches on a photograph."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.records import Cell
from mobile_app.session.shelf import Setup, Shelf
from mobile_app.session.store import Store
from mobile_app.widgets.labels import KEYS

SIZE = (600, 400)


def photograph(grey: int) -> bytes:
    return cv2.imencode(".png", np.full((SIZE[1], SIZE[0], 3), grey, np.uint8))[1].tobytes()


@pytest.fixture
def app(drive, tmp_path: Path):
    """Two fields, the first with one cell; the screen is open."""
    store = Store(tmp_path / "home")
    session = Shelf(store).create(Setup("Monday"), "Ada")
    session.add_field(photograph(200), SIZE, [Cell((100, 100, 180, 180))])
    session.add_field(photograph(90), SIZE)
    store.close()
    app = drive(home=tmp_path / "home")
    app.app.go("mark")
    app.frames(3)
    return app


def boxes(app) -> list:
    return [one.cell.box for one in app.app.desk.open.cells()]


def at(app, x: float, y: float) -> tuple[float, float]:
    view = app.screen.ids.view
    return view.to_window(*view.to_view(x, y))


def drag(app, start: tuple, end: tuple) -> None:
    from kivy.tests.common import UnitTestTouch

    touch = UnitTestTouch(*at(app, *start))
    touch.touch_down()
    app.frames()
    for part in (0.3, 0.7, 1.0):
        touch.touch_move(*at(app, *(a + (b - a) * part for a, b in zip(start, end, strict=True))))
        app.frames()
    touch.touch_up()
    app.frames(2)


def test_a_tap_on_an_empty_place_puts_a_cell_there_of_the_others_size(app) -> None:
    app.touch(*at(app, 400, 200))
    assert boxes(app) == [(100, 100, 180, 180), (360, 160, 440, 240)]
    app.press("Undo")
    assert boxes(app) == [(100, 100, 180, 180)]


def test_a_tap_on_a_cell_chooses_it_and_it_is_named(app) -> None:
    assert app.buttons("Remove")[0].disabled
    app.touch(*at(app, 140, 140))
    assert len(boxes(app)) == 1 and app.screen.chosen
    app.press("Name")
    app.frames(3)
    app.press("Eosinophil")
    assert [one.label for one in app.app.desk.open.cells()] == ["eosinophil"]
    assert not app.screen.naming


def test_sizes_and_removes(app) -> None:
    app.touch(*at(app, 140, 140))
    app.press("Larger")
    assert boxes(app) == [(94, 94, 186, 186)]
    app.press("Smaller")
    app.press("Smaller")
    (box,) = boxes(app)
    assert box[2] - box[0] < 80 and box[0] + box[2] == 280
    app.press("Remove")
    assert boxes(app) == [] and not app.screen.chosen
    app.press("Undo")
    assert len(boxes(app)) == 1 and app.screen.chosen


def test_a_chosen_cell_is_dragged_and_another_is_not(app) -> None:
    drag(app, (140, 140), (240, 190))
    assert boxes(app) == [(100, 100, 180, 180)]
    app.touch(*at(app, 140, 140))
    drag(app, (140, 140), (240, 190))
    (box,) = boxes(app)
    assert np.abs(np.array(box) - (200, 150, 280, 230)).max() <= 2
    assert (box[2] - box[0], box[3] - box[1]) == (80, 80)


def test_what_another_expert_named_goes_back_and_that_is_said(app) -> None:
    shelf = app.app.desk.shelf
    other = shelf.open(app.app.desk.open.id, "Bob")
    other.vote(other.cells()[0].id, "monocyte")
    app.touch(*at(app, 140, 140))
    drag(app, (140, 140), (240, 190))
    assert "another expert" in app.app.said
    assert boxes(app) == [(100, 100, 180, 180)]
    assert app.screen.ids.view._marks[0][0] == (100, 100, 180, 180)
    assert app.screen.ids.view._marks[0][1] == ""  # blind


def test_fields_are_stepped_and_show_their_own_pixels(app) -> None:
    def middle() -> int:
        view = app.screen.ids.view
        x, y = view.to_window(*view.center)
        return int(app.pixels()[640 - round(y), round(x)].mean())

    assert abs(middle() - 200) <= 2
    app.press("Next")
    assert abs(middle() - 90) <= 2 and "2 of 2" in app.screen.heading
    app.press("Next")
    assert "2 of 2" in app.screen.heading
    app.press("Back")
    assert abs(middle() - 200) <= 2


def test_photograph_that_is_gone_is_said_and_its_cells_stay(app) -> None:
    app.app.desk.open.fields()[1].photograph.unlink()
    app.press("Next")
    assert "cannot be read" in app.app.said
    app.press("Back")
    assert boxes(app) == [(100, 100, 180, 180)]


def test_without_a_session_it_says_so(drive, tmp_path: Path) -> None:
    app = drive(home=tmp_path / "empty")
    app.app.go("mark")
    app.frames(2)
    assert app.screen.heading == app.app.words("capture.nosession")
    for name in ("Back", "Next", "Zoom"):
        app.press(name)


def fingers(app, starts: list[tuple], ends: list[tuple], steps: int = 4) -> None:
    """Fingers that go down one after the other, move together, and leave: places in the window's pixels."""
    from kivy.tests.common import UnitTestTouch

    touches = [UnitTestTouch(*start) for start in starts]
    for touch in touches:
        touch.touch_down()
        app.frames()
    for step in range(1, steps + 1):
        for touch, start, end in zip(touches, starts, ends, strict=True):
            touch.touch_move(*(a + (b - a) * step / steps for a, b in zip(start, end, strict=True)))
            app.frames()
    for touch in touches:
        touch.touch_up()
        app.frames()


def test_two_fingers_zoom_about_what_is_between_them_and_place_no_cell(app) -> None:
    view = app.screen.ids.view
    x, y = view.to_window(*view.center)
    held = view.to_photograph(*view.center)
    fingers(app, [(x - 30, y), (x + 30, y)], [(x - 90, y), (x + 90, y)])
    assert view.zoom == pytest.approx(3.0, rel=0.02)
    assert np.abs(np.array(view.to_photograph(*view.center)) - held).max() < 3
    assert boxes(app) == [(100, 100, 180, 180)]
    fingers(app, [(x - 90, y), (x + 90, y)], [(x - 20, y), (x + 20, y)])
    assert view.zoom == 1.0  # no smaller than whole
    left, bottom, scale = view._frame()
    assert left >= view.x - 1 and scale * SIZE[0] == pytest.approx(view.width, rel=0.01)


def test_two_fingers_side_by_side_carry_the_photograph_along(app) -> None:
    view = app.screen.ids.view
    app.press("Zoom")
    x, y = view.to_window(*view.center)
    under = view.to_photograph(*view.center)
    fingers(app, [(x - 40, y), (x + 40, y)], [(x + 10, y + 20), (x + 90, y + 20)])
    assert view.zoom == pytest.approx(3.0, rel=0.05)
    assert np.abs(np.array(view.to_photograph(view.center_x + 50, view.center_y + 20)) - under).max() < 4
    assert boxes(app) == [(100, 100, 180, 180)]


def test_a_second_finger_on_a_chosen_cell_zooms_and_leaves_the_cell_where_it_was(app) -> None:
    from kivy.tests.common import UnitTestTouch

    app.touch(*at(app, 140, 140))
    one, other = at(app, 140, 140), at(app, 400, 140)
    fingers(app, [one, other], [(one[0] - 40, one[1]), (other[0] + 40, other[1])])
    assert boxes(app) == [(100, 100, 180, 180)]
    assert app.screen.ids.view._marks[0][0] == (100, 100, 180, 180)
    assert app.screen.ids.view.zoom > 1.2
    # One finger that stays when the other has left pans, and names nothing.
    view = app.screen.ids.view
    first, second = UnitTestTouch(*view.center), UnitTestTouch(view.center_x + 50, view.center_y)
    first.touch_down()
    second.touch_down()
    second.touch_up()
    under = view.to_photograph(*view.center)
    first.touch_move(view.center_x - 30, view.center_y)
    first.touch_up()
    app.frames(2)
    assert np.abs(np.array(view.to_photograph(view.center_x - 30, view.center_y)) - under).max() < 4
    assert len(boxes(app)) == 1


def test_keys_name_size_remove_undo_and_step(app) -> None:
    app.touch(*at(app, 140, 140))
    for key, name in KEYS.items():
        assert app.screen.key(ord(key), key, False)
        assert app.app.desk.open.cells()[0].label == name
    assert app.screen.key(93, "]", False) and boxes(app) == [(94, 94, 186, 186)]
    assert app.screen.key(ord("z"), "z", True) and boxes(app) == [(100, 100, 180, 180)]
    assert app.screen.key(ord("y"), "y", True) and boxes(app) == [(94, 94, 186, 186)]
    assert app.screen.key(127, None, False) and boxes(app) == []
    app.screen.key(275, None, False)
    assert "2 of 2" in app.screen.heading
    app.screen.key(276, None, False)
    assert "1 of 2" in app.screen.heading
