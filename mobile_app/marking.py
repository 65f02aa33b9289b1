"""Boxes drawn by a finger: where a new one goes, which one was meant, how it is moved and sized. No Kivy."""

from __future__ import annotations

from statistics import median
from typing import Optional, Sequence, Tuple

from edge_wbc.core.records import Box
from mobile_app.session.rows import MarkedCell

__all__ = ["CELL_UM", "box_at", "cell_at", "grown", "shifted", "side_of"]

CELL_UM = 15.0  # about a neutrophil on a smear
_SIDE = 60
_LEAST = 8


def side_of(cells: Sequence[MarkedCell], um_per_px: Optional[float]) -> int:
    """The side of a new box in pixels: as the field's other cells, else by the scale, else 60."""
    if cells:
        sides = [max(x1 - x0, y1 - y0) for x0, y0, x1, y1 in (one.cell.box for one in cells)]
        return max(round(median(sides)), _LEAST)
    return _SIDE if um_per_px is None else max(round(CELL_UM / um_per_px), _LEAST)


def box_at(x: float, y: float, side: int, size: Tuple[int, int]) -> Box:
    """A square box round a place, pushed into the field of this width and height."""
    return shifted((0, 0, min(side, size[0]), min(side, size[1])), x - side / 2, y - side / 2, size)


def shifted(box: Box, dx: float, dy: float, size: Tuple[int, int]) -> Box:
    """A box moved, of the same size, as far as the field goes."""
    wide, high = box[2] - box[0], box[3] - box[1]
    x0 = min(max(round(box[0] + dx), 0), size[0] - wide)
    y0 = min(max(round(box[1] + dy), 0), size[1] - high)
    return x0, y0, x0 + wide, y0 + high


def grown(box: Box, factor: float, size: Tuple[int, int]) -> Box:
    """A box larger or smaller round its centre by a pixel a side at least, within the field and no smaller than 8."""
    least = 1 if factor > 1 else -1
    x0, y0, x1, y1 = box
    by = [round((side * factor - side) / 2) or least for side in (x1 - x0, y1 - y0)]
    if min(x1 - x0 + 2 * by[0], y1 - y0 + 2 * by[1]) < _LEAST:
        return box
    return max(x0 - by[0], 0), max(y0 - by[1], 0), min(x1 + by[0], size[0]), min(y1 + by[1], size[1])


def cell_at(cells: Sequence[MarkedCell], x: float, y: float, slack: float = 0.0) -> Optional[MarkedCell]:
    """The cell whose box, `slack` pixels wider on every side, holds a place: of several the one centred nearest."""

    def away(one: MarkedCell) -> float:
        x0, y0, x1, y1 = one.cell.box
        return (x - (x0 + x1) / 2) ** 2 + (y - (y0 + y1) / 2) ** 2

    held = [
        one
        for one in cells
        if one.cell.box[0] - slack <= x < one.cell.box[2] + slack
        and one.cell.box[1] - slack <= y < one.cell.box[3] + slack
    ]
    return min(held, key=away) if held else None
