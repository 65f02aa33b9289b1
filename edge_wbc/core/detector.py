"""A trained detector at work without torch: field -> the network's square -> its maps -> boxes around white cells.

The network gives two arrays for each of its maps, and anchors and suppression come after it, here: an int8 graph would
have to press the coordinates of boxes into 256 steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Tuple

import cv2
import numpy as np

from edge_wbc.core.boxes import overlaps
from edge_wbc.core.records import Cell, in_field

__all__ = [
    "CANDIDATES",
    "LEAST_SCORE",
    "MOST_BOXES",
    "OVERLAP",
    "AnchorMap",
    "cells_of",
    "decode",
    "fit_field",
    "shrink",
    "suppress",
]

LEAST_SCORE = 0.01
"""A box of a lower score is none."""

CANDIDATES = 200
"""Boxes of a field that suppression looks at, best first."""

OVERLAP = 0.45
"""Of two boxes that overlap by more (intersection over union) the better one stays."""

MOST_BOXES = 100
"""Boxes kept of a field."""

# What lies outside a field: ImageNet's mean colour, zero to the network.
MARGIN = (124, 116, 104)

# By these the network's answers are smaller than shifts in sides of the anchor, and than logarithms of growth.
_SHIFT, _GROWTH = 10.0, 5.0
_MOST_GROWTH = float(np.log(1000 / 16))


@dataclass(frozen=True)
class AnchorMap:
    """One map of a detector: `cells` x `cells` places, each with a square anchor of every side in `sides`, pixels."""

    cells: int
    sides: Tuple[float, ...]


def shrink(rgb: np.ndarray, longest: int) -> Tuple[np.ndarray, float]:
    """A field whose longer side is at most `longest` pixels, and the scale it was brought to (1 where it fitted)."""
    height, width = rgb.shape[:2]
    scale = min(1.0, longest / max(height, width))
    if scale == 1.0:
        return rgb, scale
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), scale


def fit_field(rgb: np.ndarray, size: int) -> Tuple[np.ndarray, Tuple[int, int], float]:
    """A field as the network takes it: its longer side `size` pixels, at the top left of a square of margin.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (size, size, 3) uint8, the field's (width, height) in it, and its pixels there for each of `rgb`'s.
    """
    small, scale = shrink(rgb, size)
    height, width = small.shape[:2]
    if max(height, width) < size:
        scale = size / max(height, width)
        # Whole pixels only, as torchvision's transform enlarges.
        target = (max(1, int(width * scale + 1e-6)), max(1, int(height * scale + 1e-6)))
        small = cv2.resize(small, target, interpolation=cv2.INTER_LINEAR)
        height, width = small.shape[:2]
    square = np.empty((size, size, 3), np.uint8)
    square[:] = MARGIN
    square[:height, :width] = small
    return square, (width, height), scale


def decode(outputs: Sequence[np.ndarray], maps: Sequence[AnchorMap], size: int) -> Tuple[np.ndarray, np.ndarray]:
    """The box and score of every anchor.

    Args:
        outputs: float32, in any order: for each of `maps`, with A anchors at a place, (cells, cells, A) logits of
            "white cell", and (cells, cells, 4 A) shifts of the middle and growths of the sides.
        size: width and height of the network's input in pixels.

    Returns:
        (N, 4) float32 x0, y0, x1, y1 in pixels of the input, and (N,) float32 scores, 0 to 1.

    Raises:
        KeyError: an output of some map is missing.
    """
    of_shape = {output.shape: output for output in outputs}
    scores, boxes = [], []
    for each in maps:
        count = len(each.sides)
        logits = of_shape[each.cells, each.cells, count].ravel()
        deltas = of_shape[each.cells, each.cells, 4 * count].reshape(-1, 4)
        middles = (np.arange(each.cells, dtype=np.float32) + 0.5) * (size / each.cells)
        x, y = (np.repeat(axis.ravel(), count) for axis in np.meshgrid(middles, middles))
        side = np.tile(np.array(each.sides, np.float32), each.cells * each.cells)[:, None]
        middle = np.stack([x, y], 1) + deltas[:, :2] / _SHIFT * side
        half = np.exp(np.minimum(deltas[:, 2:] / _GROWTH, _MOST_GROWTH)) * side / 2
        scores.append(1 / (1 + np.exp(-np.clip(logits, -60, 60))))
        boxes.append(np.concatenate([middle - half, middle + half], 1))
    return np.concatenate(boxes).astype(np.float32), np.concatenate(scores).astype(np.float32)


def suppress(boxes: np.ndarray, scores: np.ndarray, inside: Tuple[int, int]) -> Tuple[np.ndarray, np.ndarray]:
    """The boxes that stay, best first, clipped to a field of (width, height) `inside`."""
    order = np.argsort(-scores, kind="stable")[:CANDIDATES]
    order = order[scores[order] > LEAST_SCORE]
    clipped = np.clip(boxes[order], 0, np.array([*inside, *inside], np.float32))
    over = overlaps(clipped, clipped) > OVERLAP
    kept: List[int] = []
    for row in range(len(order)):
        if not over[row, kept].any():
            kept.append(row)
    kept = kept[:MOST_BOXES]
    return clipped[kept], scores[order[kept]]


def cells_of(boxes: np.ndarray, scores: np.ndarray, least: float, width: int, height: int) -> List[Cell]:
    """Boxes of a score from `least` on as cells of a field, with `score` and `cut`, largest first."""
    cells = []
    for corners, score in zip(boxes.tolist(), scores.tolist()):
        box = in_field((corners[0], corners[1], corners[2], corners[3]), width, height)
        if score >= least and box is not None:
            cut = box[0] <= 1 or box[1] <= 1 or box[2] >= width - 1 or box[3] >= height - 1
            cells.append(Cell(box, score=round(score, 4), cut=cut))
    return sorted(cells, key=lambda cell: -(cell.box[2] - cell.box[0]) * (cell.box[3] - cell.box[1]))
