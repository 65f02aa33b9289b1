"""Raised and sunk letters: one stroke font, thick enough to print and to count as a wall."""

from __future__ import annotations

from manifold3d import CrossSection

from adapter_cad.solids import disc, hull, union_2d

__all__ = ["ADVANCE", "HEIGHT", "STROKE", "WIDTH", "letters", "text_width"]

STROKE = 1.3
WIDTH, HEIGHT = 4.6, 8.0  # of a capital, over all
ADVANCE = WIDTH + 1.3

# Strokes on a grid: x 0..2, y 0..4; points are written together, strokes apart.
_STROKES = {
    "A": "00 03 14 23 20,02 22", "B": "00 04 14 23 12 21 10 00,02 12", "C": "23 14 03 01 10 21",
    "D": "00 04 14 23 21 10 00", "E": "20 00 04 24,02 12", "F": "00 04 24,02 12", "G": "24 14 03 01 10 20 22 12",
    "H": "00 04,20 24,02 22", "I": "10 14,00 20,04 24", "J": "01 10 21 24", "K": "00 04,24 02 20", "L": "04 00 20",
    "M": "00 04 12 24 20", "N": "00 04 20 24", "O": "01 03 14 23 21 10 01", "P": "00 04 14 23 12 02",
    "Q": "01 03 14 23 21 10 01,10 20", "R": "00 04 14 23 12 02,12 20", "S": "01 10 21 03 14 23", "T": "10 14,04 24",
    "U": "04 01 10 21 24", "V": "04 10 24", "W": "04 00 12 20 24", "X": "00 24,04 20", "Y": "04 12 24,12 10",
    "Z": "04 24 00 20", "0": "01 03 14 23 21 10 01", "1": "03 14 10,00 20", "2": "03 14 23 00 20",
    "3": "04 24 12 21 10 01", "4": "10 14 01 21", "5": "24 04 02 12 21 10 00", "6": "24 04 00 20 22 02",
    "7": "04 24 10", "8": "00 04 24 20 00,02 22", "9": "00 20 24 04 02 22", "-": "02 22", ".": "10 10",
    "/": "00 24", "(": "24 13 11 20", ")": "04 13 11 00", "+": "02 22,11 13", " ": "",
}  # fmt: skip


def text_width(text: str) -> float:
    """mm, from the first letter's left to the last one's right."""
    return max(len(text) * ADVANCE - (ADVANCE - WIDTH), 0.0)


def letters(text: str) -> CrossSection:
    """A line of capitals, its lower left corner at the origin; a letter that the font has not is left out."""
    return union_2d(_letter(letter).translate((place * ADVANCE, 0)) for place, letter in enumerate(text.upper()))


def _letter(letter: str) -> CrossSection:
    half = STROKE / 2
    lines = []
    for stroke in filter(None, _STROKES.get(letter, "").split(",")):
        points = [
            (half + int(p[0]) / 2 * (WIDTH - STROKE), half + int(p[1]) / 4 * (HEIGHT - STROKE)) for p in stroke.split()
        ]
        for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
            ends = [disc(half, segments=8).rotate(22.5).translate(p) for p in ((x0, y0), (x1, y1))]
            lines.append(hull(ends))
    return union_2d(lines).simplify(0.01)
