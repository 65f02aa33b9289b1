"""K-means with K = 3: nucleus, the rest of cells, and glass, told apart without a hand."""

from __future__ import annotations

import cv2
import numpy as np

from edge_wbc.core.colour import balance, glass, magenta
from edge_wbc.core.easy_gt import magenta_map, thresholds
from edge_wbc.core.masks import Masks, no_cell
from edge_wbc.core.whole_cell import settle

__all__ = ["kmeans"]

_CLUSTERS = 3
_STOP = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 30, 0.2)


def kmeans(rgb: np.ndarray) -> Masks:
    """Nucleus and whole cell of a crop of one cell, by clusters of the balanced picture's magenta and green.

    It starts from three-class Otsu on magenta, so that no chance is in it. The nucleus is the cluster with most
    magenta, glass the one nearest to clear glass.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        Masks of the crop's size, empty and with a reason where there is no cell or no telling which.

    Raises:
        BadInput: not three channels of 8 bits.
    """
    stain = magenta_map(rgb)
    levels = thresholds(stain)
    start = (stain > levels.th3_low).astype(np.int32) + (stain > levels.th3_up)
    if len(np.unique(start)) < _CLUSTERS:
        return no_cell(rgb.shape[0], rgb.shape[1], "no nucleus: fewer than three shades of the dye")
    colours = balance(cv2.GaussianBlur(rgb, (3, 3), 0))
    points = np.dstack([magenta(colours), colours[..., 1]]).reshape(-1, 2).astype(np.float32)
    # OpenCV writes the clusters into the array that it starts from.
    _, found, _ = cv2.kmeans(points, _CLUSTERS, start.reshape(-1, 1), _STOP, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    clusters = found.reshape(stain.shape)
    each = [clusters == cluster for cluster in range(_CLUSTERS)]
    nucleus = max(each, key=lambda part: stain[part].mean() if part.any() else -1.0)
    clear = glass(rgb)
    empty = min(each, key=lambda part: np.abs(rgb[part] - clear).mean() if part.any() else np.inf)
    return settle(rgb, stain, nucleus, ~empty)
