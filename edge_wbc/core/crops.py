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

from edge_wbc.core.finder import find_cells, find_one
from edge_wbc.core.records import Box

__all__ = ["CropRule", "crop_cell", "crop_near", "crop_single", "single_box"]


@dataclass(frozen=True)
class CropRule:
    """How a crop is cut.

    Attributes:
        size: width and height of the crop in pixels.
        widen: side of the square cut out, as a multiple of the box's longer side.
    """

    size: int = 96
    widen: float = 1.2


def crop_cell(rgb: np.ndarray, box: Sequence[float], rule: CropRule) -> np.ndarray:
    """Cuts a square around a box's middle and scales it; what lies outside the picture is mirrored in.

    Args:
        rgb: (H, W, 3) uint8.
        box: x0, y0, x1, y1 in pixels.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    height, width = rgb.shape[:2]
    x0, y0, x1, y1 = box
    half = max(1, round(rule.widen * max(x1 - x0, y1 - y0) / 2))
    # A middle outside the picture is moved to its border: OpenCV mirrors an empty cut for ever.
    middle_x = min(max(round((x0 + x1) / 2), 0), width - 1)
    middle_y = min(max(round((y0 + y1) / 2), 0), height - 1)
    left, top = middle_x - half, middle_y - half
    right, bottom = left + 2 * half, top + 2 * half
    cut = rgb[max(0, top) : min(height, bottom), max(0, left) : min(width, right)]
    over = (max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width))
    if any(over):
        cut = cv2.copyMakeBorder(cut, *over, borderType=cv2.BORDER_REFLECT)
    smooth = cv2.INTER_AREA if 2 * half > rule.size else cv2.INTER_LINEAR
    return cv2.resize(cut, (rule.size, rule.size), interpolation=smooth)


def single_box(rgb: np.ndarray) -> Box:
    """The box of the cell that a single-cell picture shows; its middle square where no nucleus stands out."""
    box = find_one(rgb)
    if box is not None:
        return box
    height, width = rgb.shape[:2]
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
    seen = [cell.box for cell in find_cells(rgb)]
    chosen = [max(seen, key=lambda other: _overlap(box, other), default=box) for box in boxes]
    crops = [crop_cell(rgb, mine if _overlap(box, mine) >= 0.3 else box, rule) for box, mine in zip(boxes, chosen)]
    return np.stack(crops) if crops else np.zeros((0, rule.size, rule.size, 3), np.uint8)


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    both = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return wide * high / (both - wide * high)
