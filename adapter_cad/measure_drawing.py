"""The pictures that show where to measure: a phone's back and an ocular, dimensioned as in an engineering drawing."""

from __future__ import annotations

import io
from typing import Any, Literal

from adapter_cad.measuring import OCULAR_MEASUREMENTS, PHONE_MEASUREMENTS, Measurement

__all__ = ["measuring_picture"]

PAGE = (8.27, 11.69)  # A4, inches
DPI = 150
INK, FAINT, GLASS, MARK = "#1b1f24", "#8b949e", "#dfe7ee", "#b3261e"
SHORT, OUTSIDE = 11.0, 7.0  # mm: a shorter stretch is shown by arrows that long from outside
Point = tuple[float, float]


def measuring_picture(kind: Literal["phone", "ocular"]) -> bytes:
    """An A4 page as PNG, the same bytes each time: the drawing with lettered dimensions, and what each letter means."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=PAGE, dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))  # page coordinates in mm, y up
    axes.set(xlim=(0, 210), ylim=(0, 297), aspect="equal")
    axes.axis("off")
    draw, title, listed = {
        "phone": (_phone, "Measure the phone from its back", PHONE_MEASUREMENTS),
        "ocular": (_ocular, "Measure the ocular without its rubber cup", OCULAR_MEASUREMENTS),
    }[kind]
    axes.text(18, 279, title, size=20, weight="bold", color=INK, va="center")
    axes.plot([18, 192], [271.5, 271.5], color=INK, lw=1.2)
    draw(axes)
    _legend(axes, listed)
    page = io.BytesIO()
    figure.savefig(page, format="png", metadata={"Software": None})
    return page.getvalue()


def _legend(axes: Any, listed: tuple[Measurement, ...]) -> None:
    """What the letters stand for, below the drawing; what has no letter is read off a label."""
    lettered = [one for one in listed if one.letter]
    rest = [one for one in listed if not one.letter]
    half = -(-len(lettered) // 2) if len(lettered) > 6 else len(lettered)
    top, step = 74.0, 7.7
    axes.plot([18, 192], [top + 7, top + 7], color=FAINT, lw=0.8)
    for number, one in enumerate(lettered):
        x, y = 20 + 90 * (number // half), top - step * (number % half)
        axes.text(x, y, one.letter, size=13, weight="bold", color=MARK, va="center")
        axes.text(x + 7, y, one.how, size=10.5, color=INK, va="center")
    below = top - step * half - 2
    for number, one in enumerate(rest):
        axes.text(27, below - 7 * number, one.how, size=10.5, color=INK, va="center")
    axes.text(
        27, below - 7 * len(rest) - 1, "All in mm, to 0.1 mm, with a calliper.", size=10.5, color=FAINT, va="center"
    )


def _dimension(axes: Any, letter: str, start: Point, end: Point, offset: float, at: float = 0.5) -> None:
    """A dimension line beside the stretch from start to end, `offset` to its left, with extension lines and a letter.

    The stretch is level, from left to right, or upright, from the upper end. `at`, 0 to 1, is where the letter stands.
    """
    level = abs(start[1] - end[1]) < abs(start[0] - end[0])
    dx, dy = (0.0, offset) if level else (offset, 0.0)
    ends = [(start[0] + dx, start[1] + dy), (end[0] + dx, end[1] + dy)]
    sign = 1 if offset > 0 else -1
    for point, to in zip((start, end), ends, strict=True):
        gap, over = (0, 1.2 * sign) if level else (1.2 * sign, 0), (0, 2 * sign) if level else (2 * sign, 0)
        axes.plot([point[0] + gap[0], to[0] + over[0]], [point[1] + gap[1], to[1] + over[1]], color=FAINT, lw=0.7)
    short = abs(end[0] - start[0]) + abs(end[1] - start[1]) < SHORT
    (x0, y0), (x1, y1) = ends
    if short:  # arrows from outside, the letter beyond the first
        back, up = (OUTSIDE, 0.0) if level else (0.0, -OUTSIDE)
        _arrow(axes, (x0 - back, y0 - up), (x0, y0), "-|>")
        _arrow(axes, (x1 + back, y1 + up), (x1, y1), "-|>")
        x, y = x0 - 1.35 * back, y0 - 1.35 * up
    else:
        _arrow(axes, (x0, y0), (x1, y1), "<|-|>")
        x, y = x0 + (x1 - x0) * at, y0 + (y1 - y0) * at
    box = {"boxstyle": "round,pad=0.18", "fc": "white", "ec": "none"}
    axes.text(x, y, letter, size=15, weight="bold", color=MARK, ha="center", va="center", bbox=box, zorder=5)


def _arrow(axes: Any, start: Point, end: Point, style: str) -> None:
    line = {"arrowstyle": f"{style},head_length=0.5,head_width=0.17", "color": INK, "lw": 1, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=line)


def _box(axes: Any, x: float, y: float, width: float, height: float, radius: float = 0.0, **changes: Any) -> None:
    from matplotlib.patches import FancyBboxPatch

    style = {"fc": "white", "ec": INK, "lw": 1.6, **changes}
    shape = f"round,pad=0,rounding_size={radius}" if radius else "square,pad=0"
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=shape, **style))


def _disc(axes: Any, x: float, y: float, diameter: float, **changes: Any) -> None:
    from matplotlib.patches import Circle

    style = {"fc": GLASS, "ec": INK, "lw": 1.2, **changes}
    axes.add_patch(Circle((x, y), diameter / 2, **style))


def _axis(axes: Any, start: Point, end: Point) -> None:
    axes.plot(*zip(start, end, strict=True), color=MARK, lw=0.8, dashes=(9, 3, 2, 3))


def _phone(axes: Any) -> None:
    """A phone's back, and its side to the right of it."""
    left, bottom, width, length = 62.0, 101.0, 68.0, 136.0
    right, top = left + width, bottom + length
    lens_x, lens_y = left + 19, top - 22
    island = (left + 8, top - 46, 32.0, 38.0)
    _box(axes, left, bottom, width, length, 10, fc="#fbfcfd", lw=2)
    _box(axes, *island, 7, fc="white")
    _disc(axes, lens_x, lens_y, 15)
    _disc(axes, lens_x, lens_y, 6, fc=INK)
    _disc(axes, left + 19, top - 38.5, 10, ec=FAINT)
    _disc(axes, left + 33, top - 20, 4, ec=FAINT)
    axes.text(left + width / 2, bottom + 34, "back", size=13, color=FAINT, ha="center")
    axes.text(left + width / 2, bottom + 26, "top is up", size=11, color=FAINT, ha="center")
    axes.annotate("main lens", (lens_x + 6.0, lens_y - 5), (left + 43, top - 55), size=11, color=INK, va="center",
                  arrowprops={"arrowstyle": "-", "color": INK, "lw": 0.8})  # fmt: skip
    _axis(axes, (lens_x, lens_y - 11), (lens_x, lens_y + 11))
    _axis(axes, (lens_x - 11, lens_y), (lens_x + 11, lens_y))

    _dimension(axes, "D", (left, top), (lens_x, top), 7)
    _dimension(axes, "F", (lens_x, top), (right, top), 7)
    _dimension(axes, "H", (left, top), (island[0], top), 17, 0.5)
    _dimension(axes, "J", (left, top), (island[0] + island[2], top), 25)
    _dimension(axes, "B", (left, bottom), (right, bottom), -10)
    _dimension(axes, "E", (left, top), (left, lens_y), -8)
    _dimension(axes, "G", (left, lens_y), (left, bottom), -8)
    _dimension(axes, "K", (left, top), (left, island[1] + island[3]), -18)
    _dimension(axes, "L", (left, top), (left, island[1]), -27)
    _dimension(axes, "A", (left, top), (left, bottom), -38)

    side = 166.0
    _box(axes, side, bottom, 9, length, 3, fc="#fbfcfd", lw=2)
    _box(axes, side - 3.6, island[1], 3.6, island[3], fc="white")
    axes.text(side + 4.5, bottom + 42, "screen", size=11, color=FAINT, ha="center", va="center", rotation=90)
    _dimension(axes, "C", (side, bottom), (side + 9, bottom), -10)
    _dimension(axes, "M", (side - 3.6, island[1]), (side, island[1]), -10)


def _ocular(axes: Any) -> None:
    """An ocular from its side, standing in its tube, with the exit pupil above it."""
    middle, rim = 105.0, 196.0
    housing, grip, tube, eye = 74.0, 44.0, 50.0, 40.0
    pupil = rim + 40
    axes.fill(
        [middle - eye / 2, middle + eye / 2, middle + 4, middle - 4], [rim, rim, pupil, pupil], color="#fdf3d6", lw=0
    )
    axes.fill(
        [middle - 4, middle + 4, middle + 13, middle - 13],
        [pupil, pupil, pupil + 18, pupil + 18],
        color="#fdf3d6",
        lw=0,
    )
    _box(axes, middle - housing / 2, rim - grip, housing, grip, 2, fc="#fbfcfd", lw=2)
    axes.fill(
        [middle - housing / 2 + 2, middle + housing / 2 - 2, middle + tube / 2, middle - tube / 2],
        [rim - grip, rim - grip, rim - grip - 12, rim - grip - 12], fc="#fbfcfd", ec=INK, lw=1.6,
    )  # fmt: skip
    _box(axes, middle - tube / 2, rim - grip - 48, tube, 36, fc="#fbfcfd", lw=1.6)
    for side in (-1, 1):
        inner, outer = middle + side * (tube / 2 + 0.8), middle + side * (tube / 2 + 6)
        axes.fill(
            [inner, outer, outer, inner], [rim - grip - 16] * 2 + [rim - grip - 48] * 2, fc="#e6e8eb", ec=FAINT, lw=1
        )
    axes.text(middle + tube / 2 + 9, rim - grip - 34, "microscope's tube", size=11, color=FAINT, va="center")
    _box(axes, middle - eye / 2, rim - 4, eye, 4, fc=GLASS, lw=1.2)
    axes.plot([middle - 24, middle + 24], [pupil, pupil], color=INK, lw=2.2)
    axes.text(middle + 27, pupil + 1, "paper: the disc is\nsmallest and sharp", size=11, color=INK, va="center")
    axes.text(middle + housing / 2 + 4, rim - 5, "rim", size=11, color=FAINT, va="center")
    _axis(axes, (middle, rim - grip - 54), (middle, pupil + 22))

    _dimension(axes, "D", (middle - housing / 2, pupil), (middle - housing / 2, rim), -14)
    _dimension(axes, "B", (middle - housing / 2, rim), (middle - housing / 2, rim - grip), -14)
    _dimension(axes, "E", (middle - eye / 2, rim), (middle + eye / 2, rim), 11, 0.62)
    _dimension(axes, "A", (middle - housing / 2, rim - grip + 22), (middle + housing / 2, rim - grip + 22), 0, 0.62)
    _dimension(axes, "C", (middle - tube / 2, rim - grip - 48), (middle + tube / 2, rim - grip - 48), -9, 0.62)
