"""The finder: field -> boxes around its white cells; single-cell picture -> the box of its cell.

A colour filter proposes (`proposals`), a linear judge of size, shape and colours decides (`finder_model`); both are
fitted to marked fields, as Raabin-WBC fits its filter ("Cell detection").
"""

from __future__ import annotations

from functools import lru_cache
from typing import List, Optional

import cv2
import numpy as np

from edge_wbc.core.boxes import overlaps
from edge_wbc.core.density import optical_density
from edge_wbc.core.finder_model import FinderModel, default_model
from edge_wbc.core.proposals import propose
from edge_wbc.core.records import Box, Cell, in_field

__all__ = ["find_cells", "find_one"]

# Within one picture nucleus differs from the rest in every channel; the filter for fields, which has to tell it from
# stained red cells alone, takes too much of its weight from blue (tecom: nuclei found at IoU 0.5 97% against 62%).
_SINGLE_COLOUR = np.array([[1.0, 2.0, -4.0]], np.float32)
_SINGLE_SIDE = 160
_CYTOPLASM = 0.18
_LONG = 1.15
_FAINT = 0.25
_LEAST_SIDE = 0.06
_OFF_CENTRE = 0.6


def find_cells(rgb: np.ndarray, model: Optional[FinderModel] = None, um_per_px: Optional[float] = None) -> List[Cell]:
    """Finds the white cells of a field.

    Args:
        rgb: (H, W, 3) uint8 photograph, whole or the round bright disc on black that an ocular gives.
        model: a learned finder; None for the default.
        um_per_px: micrometres a pixel spans where it was calibrated; else the field's red cells are the ruler.

    Returns:
        Cells with `box` around the whole cell in pixels of `rgb`, `score` 0 to 1 and `cut`, largest first.
    """
    model = model or default_model()
    found = propose(rgb, model.colour, um_per_px)
    if found is None or not len(found.features):
        return []
    scores = model.scores(found.features)
    boxes = model.boxes(found.features, found.nuclei)
    likely = np.flatnonzero(scores >= model.threshold)
    cells = []
    for index in distinct(boxes[likely], scores[likely]):
        box = boxes[likely[index]]
        inside = in_field(tuple(box / found.scale), rgb.shape[1], rgb.shape[0])
        if inside is not None:
            cells.append(Cell(inside, score=round(float(scores[likely[index]]), 4), cut=_is_cut(box, found.lit)))
    return sorted(cells, key=lambda cell: -(cell.box[2] - cell.box[0]) * (cell.box[3] - cell.box[1]))


def distinct(boxes: np.ndarray, scores: np.ndarray) -> List[int]:
    """Which boxes stay, best first, when of two that show one cell the better goes on.

    Two show one cell when they overlap by 0.3 or either's middle lies in the other: cells that touch do neither.
    """
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    within = ((middles[:, None] >= boxes[None, :, :2]) & (middles[:, None] <= boxes[None, :, 2:])).all(2)
    same = (overlaps(boxes, boxes) > 0.3) | within | within.T
    both = _spans_two(boxes, scores, within, same)
    kept: List[int] = []
    for index in np.argsort(-scores, kind="stable"):
        if not both[index] and not same[index, kept].any():
            kept.append(int(index))
    return kept


def _spans_two(boxes: np.ndarray, scores: np.ndarray, within: np.ndarray, same: np.ndarray) -> np.ndarray:
    """(N,) whether a long box holds two likely cells side by side; the lobes of one nucleus lie in a round one."""
    sides = boxes[:, 2:] - boxes[:, :2]
    spans = np.zeros(len(boxes), bool)
    for index in np.flatnonzero(sides.max(1) > _LONG * sides.min(1)):
        inner = np.flatnonzero(within[:, index] & (scores >= 0.5) & (sides.max(1) < 0.75 * sides[index].max()))
        spans[index] = not same[np.ix_(inner, inner)].all()
    return spans


def _is_cut(box: np.ndarray, lit: np.ndarray) -> bool:
    """Whether the picture's border or the dark around the disc cuts into a box of working pixels."""
    height, width = lit.shape
    x0, y0, x1, y1 = box
    if x0 < 0.5 or y0 < 0.5 or x1 > width - 0.5 or y1 > height - 0.5:
        return True
    # The corners of a box lie outside its cell.
    across = lit[round((y0 + y1) / 2), int(x0) : int(x1) + 1], lit[int(y0) : int(y1) + 1, round((x0 + x1) / 2)]
    return not all(line.all() for line in across)


def find_one(rgb: np.ndarray) -> Optional[Box]:
    """The box of the cell that a single-cell photograph shows, the one nearest its middle; None without a nucleus."""
    height, width = rgb.shape[:2]
    scale = min(1.0, _SINGLE_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    density, _ = optical_density(small, np.ones(small.shape[:2], bool))
    score = cv2.GaussianBlur(cv2.transform(density, _SINGLE_COLOUR), (0, 0), max(0.8, 0.012 * max(size)))
    central = _centrality(*size) * np.maximum(score, 0)
    top = float(central.max())
    if top < _FAINT or np.count_nonzero(density[..., 1] > _FAINT) < 0.01 * score.size:
        return None
    level, _ = cv2.threshold(
        np.clip(score * (255 / top), 0, 255).astype(np.uint8), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU
    )
    mask = (score > max(0.35 * top, 0.8 * level * top / 255)).astype(np.uint8)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(mask)
    areas = stats[:, cv2.CC_STAT_AREA]
    weight = np.bincount(pieces.ravel(), weights=central.ravel(), minlength=len(stats)) / np.sqrt(np.maximum(areas, 1))
    weight[0] = 0
    weight[stats[:, 2:4].max(1) < _LEAST_SIDE * max(size)] = 0
    main = int(weight.argmax())
    if weight[main] == 0:
        return None
    # Lobes lie beside the heaviest piece.
    away = cv2.distanceTransform((pieces != main).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    beside = np.bincount(pieces[away <= 0.3 * stats[main, 2:4].max()], minlength=len(stats)) > 0
    beside[0] = False
    near = np.flatnonzero(beside & (areas >= 0.08 * areas[main]))
    low, high = stats[near, :2].min(0), (stats[near, :2] + stats[near, 2:4]).max(0)
    if np.hypot(*((low + high) / size - 1)) > _OFF_CENTRE:
        return None
    ring = _CYTOPLASM * float((high - low).max())
    return in_field(tuple(np.concatenate([low - ring, high + ring]) / scale), width, height)


@lru_cache(maxsize=8)
def _centrality(width: int, height: int) -> np.ndarray:
    """(height, width) weights that fall from 1 in the middle."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.exp(-(x**2 + y**2) / (2 * 0.55**2)).astype(np.float32)
