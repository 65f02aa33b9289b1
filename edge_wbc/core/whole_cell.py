"""From a method's first guess at a nucleus to the masks of one cell: its own pieces, its whole outline, and doubts.

Every method says where it sees nucleus and, if it can, what is not glass. What follows is the same for all: which
nucleus is the crop's, which part of the stained surroundings is its cell and which are red cells that touch it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Optional, Tuple

import cv2
import numpy as np

from edge_wbc.core.colour import glass
from edge_wbc.core.errors import BadInput
from edge_wbc.core.masks import Masks, no_cell
from edge_wbc.core.otsu import otsu

__all__ = ["cell_alone", "check_crop", "not_glass", "settle", "tidy", "whole_cell"]

_OPENING = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
_NEAR = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))

_LEAST_PIECE = 0.1
"""Of the largest piece: Tavakoli's share, below which a piece is a speck."""

_LEAST_HOLE = 0.02
"""Of the nucleus; a smaller hole is a pale clump, a larger one the middle of a ring."""

_LEAST_NUCLEUS = 0.005
"""Of the crop; pbc's smallest nucleus has 0.02 of a wide one, its platelets up to 0.013."""

_LEAST_CONTRAST = 40
"""Of magenta, nucleus over the rest: bccd's palest nucleus has 47, the red cells of pbc's corners 10 to 30."""

_LEAST_RED = 0.15
"""Of optical density in red, which the red cells' dye lets through: bccd's palest nucleus has 0.19."""

_TO_GLASS = 0.8
"""Thin cytoplasm is glass to Otsu's threshold by itself: so much of it is enough."""

_CORE, _SLACK = 0.65, 0.12
"""A neighbour hangs on by a neck narrower than this share of the cell's own radius; corners may stick out so far."""

_RIVAL = 0.5
"""Of the weight of the cell's nucleus in the middle of the crop: another that has so much may be the one meant."""

_UNSURE = 0.7
_CUT = 0.15
"""Of the crop's border: where the cell has more of it, it is cut off or runs into others."""

_THIN = 0.05


def check_crop(rgb: np.ndarray) -> None:
    """Raises BadInput for what is no crop: not (H, W, 3) uint8, or without a pixel."""
    if rgb.ndim != 3 or rgb.shape[2] != 3:
        channels = rgb.shape[2] if rgb.ndim == 3 else 1
        raise BadInput("crop", f"has {channels} channel{'s' * (channels > 1)}", "give RGB: dyes are told by colour")
    if rgb.dtype != np.uint8 or not rgb.size:
        raise BadInput("crop", f"{rgb.dtype} of {rgb.shape[1]} x {rgb.shape[0]}", "give pixels of 0 to 255")


def settle(rgb: np.ndarray, stain: np.ndarray, nucleus: np.ndarray, stained: np.ndarray) -> Masks:
    """The masks of the one cell that a crop is of.

    Args:
        rgb: (H, W, 3) uint8.
        stain: (H, W) uint8, how much each pixel has of the nucleus's dye: `easy_gt.magenta_map`.
        nucleus: (H, W) bool, where a method sees nucleus, with specks, holes and those of other cells.
        stained: (H, W) bool, what is not glass: cells of all kinds.

    Returns:
        Masks; empty ones with the reason where there is no nucleus, or two that may be meant. The confidence is the
        share of the dye's variance within the cell that nucleus against cytoplasm explains: 0.85 is usual.
    """
    height, width = stain.shape
    opened = cv2.morphologyEx(nucleus.view(np.uint8), cv2.MORPH_OPEN, _OPENING)
    if not opened.any():
        return no_cell(height, width, "no nucleus: nothing is stained like one")
    count, pieces = cv2.connectedComponents(opened)
    weights = np.bincount(pieces.ravel(), _middle(height, width).ravel(), count)
    weights[0] = -1
    main = pieces == weights.argmax()
    whole = whole_cell(stained, main)
    kept = tidy(opened.view(bool), whole)
    inside, outside = stain[kept], stain[~kept]
    if len(inside) < _LEAST_NUCLEUS * stain.size:
        return no_cell(height, width, "no nucleus: what is stained like one is too small")
    faint = not len(outside) or inside.mean() - outside.mean() < _LEAST_CONTRAST
    if faint or np.log(max(glass(rgb)[0], 1) / max(rgb[..., 0][kept].mean(), 1)) < _LEAST_RED:
        return no_cell(height, width, "no nucleus: nothing is stained like one")
    own = np.bincount(pieces[whole], minlength=count).astype(bool)
    own[0] = True
    if (weights * ~own).max() > _RIVAL * weights[own].sum():
        return no_cell(height, width, "two cells: either may be meant; cut out one of them")
    confidence = _explained(stain, kept, whole)
    doubts = []
    if confidence < _UNSURE:
        doubts.append("nucleus and cytoplasm differ little in colour")
    if np.concatenate([whole[0], whole[-1], whole[:, 0], whole[:, -1]]).mean() > _CUT:
        doubts.append("the cell is cut by the crop's border or runs into others")
    return Masks(kept, whole | kept, confidence, "; ".join(doubts))


def tidy(nucleus: np.ndarray, cell: Optional[np.ndarray] = None) -> np.ndarray:
    """The (H, W) bool pieces of a nucleus, without specks, pinholes and what lies outside the cell."""
    pieces, areas = _pieces(nucleus if cell is None else nucleus & cell)
    kept = ((areas >= _LEAST_PIECE * areas.max()) & (areas > 0)).take(pieces)
    return _filled(kept, _LEAST_HOLE * np.count_nonzero(kept))


def not_glass(rgb: np.ndarray, nucleus: np.ndarray) -> np.ndarray:
    """The (H, W) bool pixels that differ from clear glass in any channel, by Otsu over all but the nucleus.

    Args:
        rgb: (H, W, 3) uint8.
        nucleus: (H, W) bool; so dark, it would take a class for itself.
    """
    smooth = cv2.GaussianBlur(rgb, (3, 3), 0)
    apart = cv2.absdiff(smooth, np.broadcast_to(np.rint(glass(rgb)).astype(np.uint8), rgb.shape))
    most = cv2.max(cv2.max(apart[..., 0], apart[..., 1]), apart[..., 2])
    histogram = np.bincount(most[~nucleus], minlength=256)
    return nucleus | (most > _TO_GLASS * otsu(histogram)) if histogram.any() else nucleus.copy()


def whole_cell(stained: np.ndarray, nucleus: np.ndarray) -> np.ndarray:
    """What of the stained surroundings is the nucleus's own cell; what hangs on by a neck is cut off.

    Args:
        stained: (H, W) bool, what is not glass.
        nucleus: (H, W) bool, not empty.

    Returns:
        (H, W) bool, the nucleus included.
    """
    _, pieces = cv2.connectedComponents((stained | nucleus).view(np.uint8))
    joined = _filled(np.isin(pieces, np.unique(pieces[nucleus])), 0.5 * np.count_nonzero(nucleus))
    depth = _depth(joined)
    radius = float(depth[nucleus].max())
    _, cores = cv2.connectedComponents((depth >= _CORE * radius).view(np.uint8))
    # The deepest part of the nucleus is in a core, since its depth is the radius.
    core = cores == cores[nucleus & (depth == radius)].min()
    return nucleus | (joined & (_depth(~core) <= (_CORE + _SLACK) * radius))


def cell_alone(masks: Masks) -> Masks:
    """The masks without a nucleus: of a basophil, whose granules hide it, Raabin-WBC marks the whole cell alone."""
    return Masks(np.zeros_like(masks.nucleus), masks.cell, masks.confidence, masks.reason)


def _depth(mask: np.ndarray) -> np.ndarray:
    # The exact distance: the chamfered ones depend on which way the crop is turned.
    return cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _filled(mask: np.ndarray, below: float) -> np.ndarray:
    """The mask with its holes of fewer pixels than `below` closed."""
    gaps, areas = _pieces(~mask)
    return mask | ((areas < below) & (areas > 0)).take(gaps)


def _pieces(mask: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Which piece each pixel belongs to, 0 for none, and the pixels of each piece, 0 for none."""
    # By corners too, gaps like nuclei: asked for sides alone, OpenCV 4.5.5 crashes (its issue 21366).
    count, pieces = cv2.connectedComponents(mask.view(np.uint8))
    # A third of the time of OpenCV's own statistics.
    areas = np.bincount(pieces.ravel(), minlength=count)
    areas[0] = 0
    return pieces, areas


def _explained(stain: np.ndarray, nucleus: np.ndarray, cell: np.ndarray) -> float:
    """The share of the variance of `stain` in the cell that is between its nucleus and the rest of it."""
    if np.count_nonzero(cell & ~nucleus) < _THIN * np.count_nonzero(nucleus):
        cell = cv2.dilate(cell.view(np.uint8), _NEAR).view(bool)
    dye, part = stain[cell].astype(float), nucleus[cell]
    share, spread = part.mean(), dye.var()
    if not 0 < share < 1 or spread == 0:
        return 0.0
    return float(share * (1 - share) * (dye[part].mean() - dye[~part].mean()) ** 2 / spread)


@lru_cache(maxsize=8)
def _middle(height: int, width: int) -> np.ndarray:
    """(H, W) weights, most in the middle; whole numbers, whose sums are the same in any order."""
    y, x = ((np.arange(n) - (n - 1) / 2) / n for n in (height, width))
    return np.rint(1000 * np.exp(-8 * (y[:, None] ** 2 + x**2)))
