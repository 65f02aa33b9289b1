"""Texts in every language, and right-to-left text in the order of the screen."""

from __future__ import annotations

import re
import string
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("arabic_reshaper", reason="the app's texts need arabic-reshaper: pip install 'edge-wbc[app]'")

from edge_wbc.core.errors import BadInput
from edge_wbc.core.taxonomy import LABELS
from mobile_app.faults import LRI, PDI
from mobile_app.words import LANGUAGES, Words, caret, is_rtl, on_screen

APP = Path(__file__).parents[2] / "mobile_app"


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_language_says_everything_with_the_same_values() -> None:
    english = Words("en").texts
    for language in LANGUAGES:
        texts = Words(language).texts
        assert set(texts) == set(english)
        assert {key: fields(text) for key, text in texts.items()} == {
            key: fields(text) for key, text in english.items()
        }
        assert all(f"label.{name}" in texts for name in LABELS)
    with pytest.raises(BadInput, match="not shipped"):
        Words("xx")


def test_every_text_that_is_asked_for_is_there_and_no_other() -> None:
    code = "\n".join(file.read_text(encoding="utf-8") for kind in ("*.py", "*.kv") for file in APP.rglob(kind))
    texts = set(Words("en").texts)
    assert set(re.findall(r"""\bwords\(\s*['"]([a-z_.0-9]+)['"]""", code)) <= texts
    literal = set(re.findall(r"""['"]([a-z_]+(?:\.[a-z_0-9]+)?)['"]""", code))
    made = [re.sub(r"{[^}]*}", "[a-z_0-9]+", one) for one in re.findall(r"""f['"]([^'"]*)['"]""", code)]
    made = [one for one in made if re.fullmatch(r"[a-z]+\.[a-z_]*\[a-z_0-9\]\+|\[a-z_0-9\]\+\.[a-z]+", one)]
    said = {key for key in texts if key.startswith("report.")}  # asked for by their words, see test_sessions.py
    dead = {key for key in texts - literal - said if not any(re.fullmatch(one, key) for one in made)}
    assert not dead


@pytest.mark.parametrize(
    ("said", "drawn"),
    [
        ("abc (12%)", "abc (12%)"),
        ("ا", "ﺍ"),
        ("سلام", "ﻡﻼﺳ"),
        ("۱۲ از ۱۰۰", "۱۰۰ ﺯﺍ ۱۲"),
        ("سلام (12.5%) CX18", "CX18 (12.5%) ﻡﻼﺳ"),
        ("NRBC: ۲ (۲.۲ در ۱۰۰)", "(۱۰۰ ﺭﺩ ۲.۲) NRBC: ۲"),
    ],
)
def test_order_of_the_screen(said: str, drawn: str) -> None:
    assert on_screen(said) == drawn


@given(st.text(alphabet="abcXYZ 019%.,:()[]/-سلامچپگژ۱۲۳", max_size=40))
def test_nothing_is_lost_or_made_up(line: str) -> None:
    drawn = unicodedata.normalize("NFKC", on_screen(line))
    if not is_rtl(line):
        assert drawn == unicodedata.normalize("NFKC", line)
    for letters in ("abcXYZ019", "سلامچپگژ۱۲۳"):
        assert sorted(c for c in drawn if c in letters) == sorted(c for c in line if c in letters)


@given(st.lists(st.sampled_from(["CX18", "10x", "Giemsa"]), min_size=1, max_size=4))
def test_latin_words_keep_their_order_in_a_persian_line(words: list[str]) -> None:
    assert " ".join(words) in on_screen("رنگ " + " ".join(words))


@pytest.mark.parametrize(
    ("line", "places"),
    [
        ("ab", [0, 1, 2]),
        ("سلام", [3, 2, 1, 1, 0]),  # lam and alef are one
        ("سل ab", [5, 4, 3, 2, 1, 2]),  # a Latin word's cursor goes the other way
        ("الله", [1, 0, 0, 0, 0]),
    ],
)
def test_where_the_cursor_stands(line: str, places: list[int]) -> None:
    assert [caret(line, at) for at in range(len(line) + 1)] == places


@given(st.text(alphabet="abc 019.()سلاماللهچپگژ۱۲۳ًّ\u200c", max_size=24))
def test_a_cursor_stands_somewhere_in_the_line(line: str) -> None:
    drawn = on_screen(line)
    places = [caret(line, at) for at in range(len(line) + 1)]
    assert all(0 <= place <= len(drawn) for place in places)
    if line and not any("0" <= c <= "9" or c in "abc۰۱۲۳" for c in line) and is_rtl(line):
        assert places == sorted(places, reverse=True) and places[0] == len(drawn)


def test_what_is_isolated_stays_whole_in_a_line_that_runs_the_other_way() -> None:
    path = "/a b/(c)-1.zip"
    assert on_screen(f"{LRI}{path}{PDI}: ا") == f"ﺍ :{path}"
    assert on_screen(f"{LRI}{path}{PDI}") == path
    assert on_screen(f"ا {LRI}/a{PDI} {LRI}/b{PDI}") == "/b /a ﺍ"


def test_the_hamza_of_an_ezafe_is_drawn() -> None:
    assert on_screen("جلسهٔ ۱") == "۱ \ufba5ﺴﻠﺟ" and on_screen("دادهٔ") == "\u06c0ﺩﺍﺩ"
    assert [caret("دادهٔ", at) for at in range(6)] == [4, 3, 2, 1, 0, 0]
