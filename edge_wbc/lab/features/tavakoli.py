"""The 51 features of Tavakoli et al. 2021: three of the nucleus's shape, 48 of colours in it and beside it.

Beside it is the ROC, "representative of the cytoplasm": the nucleus's convex hull without the nucleus.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from edge_wbc.core.colour import balance
from edge_wbc.core.crops import CropRule
from edge_wbc.lab.features.nucleus import LEAST_SHARE, nucleus_of_balanced

__all__ = ["CROP", "FEATURE_NAMES", "convex_hull", "extract", "features", "features_of_mask"]

CROP = CropRule(size=160, widen=1.2)
"""The crops that the figures of docs/features.md are of; any size is taken."""

_SPACES = (cv2.COLOR_RGB2HSV, cv2.COLOR_RGB2LAB, cv2.COLOR_RGB2YCrCb)
_CHANNELS = (
    *("rgb_r", "rgb_g", "rgb_b", "hsv_h", "hsv_s", "hsv_v"),
    *("lab_l", "lab_a", "lab_b", "ycrcb_y", "ycrcb_cr", "ycrcb_cb"),
)
FEATURE_NAMES: tuple[str, ...] = (
    "circularity",
    "convexity",
    "solidity",
    *(
        f"{part}_{measure}_{channel}"
        for part in ("nucleus", "roc")
        for measure in ("mean", "sd")
        for channel in _CHANNELS
    ),
)
"""What each column is; those of colour are ratios to the whole hull's."""


def convex_hull(mask: np.ndarray) -> np.ndarray:
    """The (H, W) bool convex hull of all pieces of a (H, W) bool mask that is not empty; it covers the mask.

    A pixel is in it when its middle is in the polygon of the mask's pixels' middles, or on its border.
    """
    # Whole numbers, not OpenCV's filling, which draws slanted edges a pixel aside and so differs in a mirrored crop.
    filled = mask.astype(np.uint8)
    left, top, width, height = cv2.boundingRect(filled)
    corners = cv2.convexHull(cv2.findNonZero(filled), clockwise=False)[:, 0].astype(int) - (left, top)
    x, y = np.arange(width), np.arange(height)[:, None]
    inside = np.ones((height, width), bool)
    for (x0, y0), (dx, dy) in zip(corners, np.roll(corners, -1, axis=0) - corners, strict=True):
        inside &= dy * (x - x0) <= dx * (y - y0)
    hull = np.zeros(mask.shape, bool)
    hull[top : top + height, left : left + width] = inside
    return hull


def features_of_mask(balanced: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The 51 features of a nucleus whose mask is known.

    Circularity is P^2 / (4 pi A), convexity the hull's perimeter over P, solidity A over the hull's area. P is the sum
    over the pieces' outer outlines from pixel middle to pixel middle, A counts pixels. A drawn disc has a circularity
    of 1.1, since its outline goes in steps. The convexity of one piece is at most 1; of pieces far apart it is more.

    Args:
        balanced: (H, W, 3) uint8 RGB of `balance`.
        mask: (H, W) bool, not empty.

    Returns:
        (51,) float64 as in `FEATURE_NAMES`. A ratio to 0 is 1: where the hull has none of something, neither part has.
        A ROC without pixels, of a convex nucleus, has the hull's colours.
    """
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    inner = mask[y : y + height, x : x + width]
    colours = np.ascontiguousarray(balanced[y : y + height, x : x + width])
    hull = convex_hull(inner)
    return np.concatenate([_shape(inner, hull), _colours(colours, inner, hull)])


def _shape(mask: np.ndarray, hull: np.ndarray) -> np.ndarray:
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    length = sum(cv2.arcLength(outline, True) for outline in outlines)
    hull_length = cv2.arcLength(cv2.convexHull(np.concatenate(outlines)), True)
    area = np.count_nonzero(mask)
    return np.array(
        [
            length**2 / (4 * np.pi * area),
            hull_length / length if length else 1.0,
            area / np.count_nonzero(hull),
        ]
    )


def _colours(balanced: np.ndarray, mask: np.ndarray, hull: np.ndarray) -> np.ndarray:
    channels = np.concatenate([balanced, *(cv2.cvtColor(balanced, space) for space in _SPACES)], axis=2)
    values = channels[hull].astype(float)
    # Sums of whole numbers below 2**53 are exact in any order: turned and mirrored crops give the same bits.
    parts = np.stack([np.ones(len(values)), mask[hull].astype(float)])
    counts, sums, squares = parts.sum(1), parts @ values, parts @ values**2
    n, total, square = counts[0], sums[0], squares[0]
    hull_mean, hull_sd = _mean_sd(n, total, square)
    rest = n - counts[1]
    beside = (rest, total - sums[1], square - squares[1]) if rest else (n, total, square)
    ratios = []
    for part in ((counts[1], sums[1], squares[1]), beside):
        mean, sd = _mean_sd(*part)
        ratios += [_ratio(mean, hull_mean), _ratio(sd, hull_sd)]
    return np.concatenate(ratios)


def _mean_sd(count: float, sums: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return sums / count, np.sqrt(count * squares - sums**2) / count


def _ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    return np.divide(over, under, out=np.ones_like(over), where=under > 0)


def features(rgb: np.ndarray, least_share: float = LEAST_SHARE) -> np.ndarray | None:
    """The (51,) float64 features of an (H, W, 3) uint8 crop of one cell; None where `nucleus` finds none."""
    balanced = balance(rgb)
    mask = nucleus_of_balanced(balanced, least_share)
    return None if mask is None else features_of_mask(balanced, mask)


def extract(crops: Iterable[np.ndarray], least_share: float = LEAST_SHARE) -> tuple[np.ndarray, np.ndarray]:
    """The features of many crops, each by itself.

    Args:
        crops: N of (H, W, 3) uint8 RGB.

    Returns:
        (N, 51) float64, rows of NaN where a crop has no nucleus; and (N,) bool, which have one.
    """
    rows = [features(crop, least_share) for crop in crops]
    table = np.full((len(rows), len(FEATURE_NAMES)), np.nan)
    found = np.array([row is not None for row in rows], bool)
    if found.any():
        table[found] = [row for row in rows if row is not None]
    return table, found
