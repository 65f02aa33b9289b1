"""The one preprocessing, shared by training and phone: box -> cell-centred crop of one scale.

The cell fills a third of a pbc image and nearly all of a bccd crop; a network that sees whole images learns
that scale and fails in the next lab. So every cell is found first, whatever picture it came in, and cut out
the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import cv2
import numpy as np

from edge_wbc.core.boxes import overlaps
from edge_wbc.core.colour import COLOURS, background
from edge_wbc.core.finder import find_cells, find_one
from edge_wbc.core.records import Box

__all__ = ["LARGEST_CROP", "CropRule", "crop_cell", "crop_fixed", "crop_near", "crop_single", "single_box"]

LARGEST_CROP = 400
"""Single-cell pictures of the public sets are at most this many pixels on their longer side, fields are not."""


@dataclass(frozen=True)
class CropRule:
    """How a crop is cut.

    Attributes:
        size: width and height of the crop in pixels.
        widen: side of the square cut out, as a multiple of the box's longer side.
        colour: what is done to its colours, a name of `colour.COLOURS`.
    """

    size: int = 96
    widen: float = 1.2
    colour: str = "none"


def crop_cell(rgb: np.ndarray, box: Sequence[float], rule: CropRule) -> np.ndarray:
    """Cuts a square around a box's middle, scales it and sets its colours; beyond the picture lies background.

    Args:
        rgb: (H, W, 3) uint8.
        box: x0, y0, x1, y1 in pixels.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    x0, y0, x1, y1 = box
    half = max(1, round(rule.widen * max(x1 - x0, y1 - y0) / 2))
    smooth = cv2.INTER_AREA if 2 * half > rule.size else cv2.INTER_LINEAR
    crop = cv2.resize(_square(rgb, box, half), (rule.size, rule.size), interpolation=smooth)
    return COLOURS[rule.colour](crop)


def crop_fixed(rgb: np.ndarray, box: Sequence[float], side: int = 512) -> np.ndarray:
    """The (side, side, 3) uint8 square of a field's own pixels around a cell (Raabin-WBC, "Cell detection")."""
    return _square(rgb, box, side // 2)


def _square(rgb: np.ndarray, box: Sequence[float], half: int) -> np.ndarray:
    height, width = rgb.shape[:2]
    x0, y0, x1, y1 = box
    # A middle outside the picture is moved to its border: OpenCV mirrors an empty cut for ever.
    middle_x = min(max(round((x0 + x1) / 2), 0), width - 1)
    middle_y = min(max(round((y0 + y1) / 2), 0), height - 1)
    left, top = middle_x - half, middle_y - half
    right, bottom = left + 2 * half, top + 2 * half
    cut = rgb[max(0, top) : min(height, bottom), max(0, left) : min(width, right)]
    over = (max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width))
    if any(over):
        # Mirrored in, a nucleus at the border would show twice and make another cell.
        fill = background(rgb[::4, ::4]).tolist()
        cut = cv2.copyMakeBorder(cut, *over, borderType=cv2.BORDER_CONSTANT, value=fill)
    return cut


def single_box(rgb: np.ndarray) -> Box:
    """The box of the cell that a picture is of: its middle square where no nucleus stands out.

    A picture larger than `LARGEST_CROP` is a field, whose likeliest cell is meant.
    """
    height, width = rgb.shape[:2]
    if max(height, width) > LARGEST_CROP:
        cells = find_cells(rgb)
        if cells:
            return max(cells, key=lambda cell: cell.score or 0.0).box
    box = find_one(rgb)
    if box is not None:
        return box
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    return (left, top, left + side, top + side)


def crop_single(rgb: np.ndarray, rule: CropRule) -> np.ndarray:
    """The (size, size, 3) uint8 crop of the cell that a single-cell picture shows, as `single_box` places it."""
    return crop_cell(rgb, single_box(rgb), rule)


def crop_near(rgb: np.ndarray, boxes: Sequence[Box], rule: CropRule) -> np.ndarray:
    """Crops of a field's marked cells, each cut by the finder's own box where the finder sees the same cell.

    Whoever marked the cells drew boxes of another tightness than the phone will; the network shall train on
    what the phone will show it.

    Returns:
        (len(boxes), size, size, 3) uint8 RGB.
    """
    if not len(boxes):
        return np.zeros((0, rule.size, rule.size, 3), np.uint8)
    seen = [cell.box for cell in find_cells(rgb)]
    mine = list(boxes)
    if seen:
        shared = overlaps(np.array(boxes), np.array(seen))
        mine = [seen[row.argmax()] if row.max() >= 0.3 else box for box, row in zip(boxes, shared)]
    return np.stack([crop_cell(rgb, box, rule) for box in mine])
