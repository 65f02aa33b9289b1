"""What the app says, in the person's language: `texts/LANGUAGE.json`, and right-to-left text brought to the screen.

Kivy's text provider on the old phones draws letters from left to right and joins none: Persian is joined
(arabic_reshaper) and laid in the order of the screen here.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import arabic_reshaper

from edge_wbc.core.errors import BadInput
from mobile_app.faults import LRI, PDI, Phrases

__all__ = ["LANGUAGES", "Words", "caret", "is_rtl", "on_screen", "seen"]

TEXTS = Path(__file__).parent / "texts"
LANGUAGES: Dict[str, str] = {"en": "English", "fa": "فارسی"}
_RTL = ("fa",)
_DIGITS = str.maketrans("0123456789%", "۰۱۲۳۴۵۶۷۸۹٪")
_STRONG = {"L": "L", "R": "R", "AL": "R"}
_LETTERS = re.compile(f"{LRI}[^{PDI}]*{PDI}?|[^{LRI}{PDI}]")
_HEH, _HAMZA, _BOTH, _BOTH_ALONE = "\u0647", "\u0654", "\u06c0", "\ufba4"  # the font has no glyph for the last
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")


class Words:
    """The texts of one language; a text is asked for by its key, with the values that stand in it."""

    def __init__(self, language: str) -> None:
        """Reads a language's texts; raises `BadInput` for one that is not shipped."""
        if language not in LANGUAGES:
            raise BadInput("language", f"{language!r} is not shipped", f"choose from {', '.join(LANGUAGES)}")
        self.language = language
        self.texts: Dict[str, str] = json.loads((TEXTS / f"{language}.json").read_text(encoding="utf-8"))
        told = TEXTS / f"faults.{language}.json"  # none for the language they are written in
        self.phrases = Phrases(json.loads(told.read_text(encoding="utf-8")), self.number) if told.exists() else None

    @property
    def rtl(self) -> bool:
        """Whether the language runs from right to left."""
        return self.language in _RTL

    def __call__(self, key: str, **values: Any) -> str:
        """The text of a key, in logical order, values filled in; a KeyError for a key that is not there."""
        text = self.texts[key]
        return text.format(**{name: self.number(value) for name, value in values.items()}) if values else text

    def shown(self, key: str) -> str:
        """The text of a key in the screen's order, for widgets that know no other."""
        return on_screen(self(key))

    def number(self, value: Any) -> str:
        """A value as people of the language write it."""
        return str(value).translate(_DIGITS) if self.language == "fa" else str(value)

    def label(self, name: str) -> str:
        """A label of the taxonomy as people say it."""
        return self.texts[f"label.{name}"]

    def fault(self, fault: BadInput, folders: Sequence[Path] = ()) -> str:
        """A fault in the language, as far as it is known there; a file of these folders by what it is called there."""
        where = fault.where
        for folder in folders:
            where = folder.name if where == str(folder) else where.replace(f"{folder}{os.sep}", "")
        told = BadInput(where, fault.fault, fault.remedy)
        return str(told) if self.phrases is None else self.phrases.told(told)

    def said(self, text: str) -> str:
        """A text of the report, or a label, in the language; a KeyError for one that is not there."""
        return self.texts.get(f"label.{text}") or self.texts[f"report.{text}"]


def is_rtl(text: str) -> bool:
    """Whether a text holds a letter that runs from right to left."""
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)


def on_screen(line: str) -> str:
    """One line in logical order -> joined letters in the order they stand on the screen, left to right.

    The parts of the bidirectional algorithm (UAX 9: W1 to W7, N0 to N2, L4, and isolates that run rightwards) that a
    right-to-left line of such texts needs: letters run leftwards; Latin words and numbers run rightwards; brackets
    between them turn. A line without right-to-left letters stays as it is.
    """
    return "".join(letter for letter, _ in _drawn(line))


def caret(line: str, at: int) -> int:
    """How many letters of `on_screen(line)` are left of a cursor that stands before the letter `at` of the line."""
    if at == 0:
        return len(_drawn(line)) if is_rtl(line) else 0
    place, rightwards = seen(line, at - 1)
    return place + 1 if rightwards else place


def seen(line: str, at: int) -> Tuple[int, bool]:
    """Where in `on_screen(line)` the letter `at` of the line stands, joined as it may be, and whether it runs right."""
    if not is_rtl(line):
        return at, True
    number = _joined(line)[at + 1] or 1
    return next((place, each > 0) for place, (_, each) in enumerate(_drawn(line)) if abs(each) == number)


@lru_cache(16)
def _joined(line: str) -> Tuple[int, ...]:
    """How many joined letters each beginning of the line has; what is half of a ligature is in it already."""
    counts = [len(_letters(line[:end])) for end in range(len(line) + 1)]
    return tuple(accumulate(reversed(counts), min))[::-1]


def _letters(line: str) -> List[str]:
    """The line's joined letters in logical order; what is isolated is one."""
    joined = arabic_reshaper.reshape(line.replace(_HEH + _HAMZA, _BOTH))  # apart, the hamza would be dropped
    return _LETTERS.findall(joined.replace(_BOTH_ALONE, _BOTH))


@lru_cache(256)
def _drawn(line: str) -> Sequence[Tuple[str, int]]:
    """What is drawn, from left to right, and which letter that is: from 1, negative where it runs leftwards."""
    if not is_rtl(line) and LRI not in line:
        return [(letter, number) for number, letter in enumerate(line, 1)]
    letters = _letters(line)
    drawn = []
    for kind, run in reversed(_runs(letters)):
        for place in run if kind == "L" else reversed(run):
            letter = letters[place]
            if letter.startswith(LRI):
                letter = letter.strip(LRI + PDI)
            elif kind == "R":
                letter = letter.translate(_MIRRORED)
            drawn.append((letter, place + 1 if kind == "L" else -place - 1))
    return drawn


def _runs(line: Sequence[str]) -> List[Tuple[str, List[int]]]:
    """(L for Latin words and numbers, R for the rest; the letters' places) in logical order."""
    classes = ["ON" if letter.startswith(LRI) else unicodedata.bidirectional(letter) for letter in line]
    kinds = [_STRONG.get(each, "") for each in classes]
    last = "R"
    for place, each in enumerate(classes):
        last = kinds[place] or last
        if each in ("EN", "AN"):
            kinds[place] = "L" if last == "L" else "N"  # W7: a number after a Latin word belongs to it
    for place, each in enumerate(classes):
        beside = {kinds[k] for k in (place - 1, place + 1) if 0 <= k < len(line)}
        inside = 0 < place < len(line) - 1 and kinds[place - 1] == kinds[place + 1]
        if each in ("CS", "ES") and inside and kinds[place - 1] in ("L", "N"):
            kinds[place] = kinds[place - 1]  # W4: a point in a number
        elif each == "ET" and beside & {"N", "L"}:
            kinds[place] = kinds[place - 1] if place and kinds[place - 1] in ("N", "L") else kinds[place + 1]  # W5
    opened: List[int] = []
    for place, letter in enumerate(line):  # N0: brackets round right-to-left letters run as the line
        if letter in "([{":
            opened.append(place)
        elif letter in ")]}" and opened:
            start = opened.pop()
            if "R" in kinds[start:place]:
                kinds[start] = kinds[place] = "R"
    place = 0
    while place < len(line):
        end = place
        while end < len(line) and not kinds[end]:
            end += 1
        if end > place:  # N1, N2: between two Latin words Latin, else as the line
            latin = 0 < place and end < len(line) and kinds[place - 1] == kinds[end] == "L"
            kinds[place:end] = ["L" if latin else "R"] * (end - place)
        place = end + 1
    runs: List[Tuple[str, List[int]]] = []
    for place, kind in enumerate(kinds):
        kind = "R" if kind == "R" else "L"  # a number and a Latin word side by side run as one
        if runs and runs[-1][0] == kind:
            runs[-1][1].append(place)
        else:
            runs.append((kind, [place]))
    return runs
