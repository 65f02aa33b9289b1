"""Typing from right to left: the cursor, the arrows, a finger and a selection are where they seem to be."""

from __future__ import annotations

import numpy as np
import pytest
from kivy.graphics import Rectangle

NAME = "سارا محمدی"


@pytest.fixture
def entry(drive):
    app = drive(language="fa")
    app.app.go("sessions")
    app.frames(3)
    entry = app.screen.ids.expert
    app.touch(*entry.to_window(*entry.center))
    assert entry.focus
    entry.driver = app
    yield entry
    entry.focus = False


def write(entry, text: str) -> None:
    for letter in text:
        entry.driver.window.dispatch("on_textinput", letter)
    entry.driver.frames(3)


def press(entry, key: int, name: str) -> None:
    entry.keyboard_on_key_down(entry.driver.window, (key, name), "", [])
    entry.keyboard_on_key_up(entry.driver.window, (key, name))
    entry.driver.frames(2)


def ink(entry) -> tuple[int, int]:
    """The first and the last column of the line that letters have drawn on, without the cursor, which is red."""
    pixels = entry.driver.pixels().astype(int)
    x, y = (round(at) for at in entry.to_window(entry.x, entry.top))
    line = pixels[640 - y + 4 : 640 - y + round(entry.height) - 4, x + 4 : x + round(entry.width) - 4]
    dark = (line.max(2) < 120).any(0)
    return x + 4 + int(np.argmax(dark)), x + 4 + len(dark) - int(np.argmax(dark[::-1]))


def at(entry) -> float:
    return entry.to_window(*entry.cursor_pos)[0]


def test_the_cursor_goes_before_what_is_typed_next(entry) -> None:
    places = []
    for letter in NAME:
        write(entry, letter)
        places.append(at(entry))
        if letter != " ":
            assert abs(places[-1] - ink(entry)[0]) <= 4
    assert entry.text == NAME and places[-1] < places[len(NAME) // 2] < places[0]
    press(entry, 278, "home")
    assert abs(at(entry) - ink(entry)[1]) <= 4
    press(entry, 279, "end")
    assert at(entry) == places[-1]


def test_arrows_go_where_they_point_and_backspace_takes_what_was_typed_before(entry) -> None:
    write(entry, "بابک")
    end = at(entry)
    press(entry, 275, "right")
    assert at(entry) > end and entry.cursor_col == 3
    press(entry, 8, "backspace")
    assert entry.text == "باک"
    press(entry, 276, "left")
    assert entry.cursor_col == 3


def test_a_finger_puts_the_cursor_where_it_taps(entry) -> None:
    write(entry, NAME)
    left, right = ink(entry)
    app = entry.driver
    app.touch(right + 3, entry.to_window(*entry.center)[1])
    assert entry.cursor_col == 0
    app.touch(left - 3, entry.to_window(*entry.center)[1])
    assert entry.cursor_col == len(NAME)
    entry.cursor = (4, 0)  # behind the first word
    middle = at(entry)
    entry.cursor = (0, 0)
    app.touch(middle, entry.to_window(*entry.center)[1])
    assert entry.cursor_col == 4
    write(entry, "ن")
    assert entry.text == "ساران محمدی"


def test_every_place_is_found_again_also_in_a_long_line_with_latin_words_and_ligatures(entry) -> None:
    for text in ("دکتر Lee سوم", "لاله ۱۲۳", "الله‌وردی", "Sara", NAME * 6):
        entry.text = text
        for column in range(len(text) + 1):
            entry.cursor = (column, 0)
            entry.driver.frames()
            x = entry.cursor_pos[0]
            assert entry.x - 1 <= x <= entry.right + 1
            found = entry.get_cursor_from_xy(x, entry.center_y)[0]
            entry.cursor = (found, 0)
            entry.driver.frames()
            assert abs(entry.cursor_pos[0] - x) <= 1, (text, column, found)


def test_what_is_selected_is_marked_where_it_stands(entry) -> None:
    entry.text = "دکتر Lee سوم"
    entry.driver.frames(2)
    entry.select_text(3, 6)  # the last letter of the first word, the space, the first of the Latin one
    entry.driver.frames(2)
    marks = sorted(
        (one.pos[0], one.pos[0] + one.size[0])
        for one in entry.canvas.get_group("selection")
        if isinstance(one, Rectangle)
    )
    places = {}
    for column in (3, 5, 6):
        entry.cursor = (column, 0)
        places[column] = entry.cursor_pos[0]
    # The Latin letter is left of the cursor behind it; the others lie between the cursors before and behind them.
    assert marks[0][1] == places[6] and marks[0][0] < places[6] < places[5]
    assert marks[1][0] == places[5] and marks[-1][1] == places[3]
