"""What light tells of a field before any cell is sought: the lit disc, optical density, the red cells' size.

Density is relative to the field's own background, so the lamp's colour and the vignette cancel out of it; the red
cells are the ruler, so that neither magnification nor zoom need be known.
"""

from __future__ import annotations

from typing import Optional, Tuple

import cv2
import numpy as np

__all__ = ["bright_disc", "excess_density", "optical_density", "red_cell_radius", "stain_strength"]

_LOG = np.log(np.maximum(np.arange(256), 4)).astype(np.float32)
_RADII = np.geomspace(4.0, 64.0, 25)
_EDGES = 8000
_FAINT = 0.03


def bright_disc(rgb: np.ndarray) -> np.ndarray:
    """Where light came through the ocular: (H, W) bool; all of it for a field without a black surround."""
    light = cv2.medianBlur(cv2.max(cv2.max(rgb[..., 0], rgb[..., 1]), rgb[..., 2]), 5)
    level, _ = cv2.threshold(light, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    # Nuclei are never this dark in all three channels; the tube's inside, with its glare, is.
    lit = (light > min(level, 90)).astype(np.uint8)
    whole = np.ones(lit.shape, bool)
    if lit.mean() > 0.97 or not lit.any():
        return whole
    contours, _ = cv2.findContours(lit, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    disc = np.zeros_like(lit)
    cv2.fillConvexPoly(disc, cv2.convexHull(max(contours, key=cv2.contourArea)), 1)
    # The rim is coloured by the ocular's own fringe.
    rim = max(3, int(0.012 * max(lit.shape))) | 1
    eroded = cv2.erode(disc, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (rim, rim)))
    return eroded.astype(bool) if eroded.any() else whole


def optical_density(rgb: np.ndarray, lit: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Optical density of each channel above the field's background, and that of its red cells.

    Args:
        rgb: (H, W, 3) uint8.
        lit: (H, W) bool, where light came through.

    Returns:
        (H, W, 3) float32 in natural units, about 0 on the background and 0 outside `lit`; and (3,) float32,
        the typical density of the field's red cells.
    """
    logs = cv2.LUT(rgb, _LOG)
    # Levels and background are read off every third row and column: nothing in them is finer than that.
    coarse, seen = logs[::3, ::3], lit[::3, ::3]
    green = coarse[..., 1]
    low, high = float(green[seen].min()), float(green[seen].max())
    scaled = ((green[seen] - low) * (255 / max(high - low, 1e-3))).astype(np.uint8)
    level, _ = cv2.threshold(scaled.reshape(-1, 1), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    clear = (green >= low + level * (high - low) / 255) & seen
    background = cv2.resize(_background(coarse, clear), logs.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    density = cv2.subtract(background, logs)
    density[~lit] = 0
    stained = density[::3, ::3][seen]
    deep = stained[stained[:, 1] > 0.4 * np.percentile(stained[:, 1], 90)]
    if not len(deep):
        return density, np.full(3, 0.3, np.float32)
    # For the green they take up, red cells take up more blue than nuclei do, however many of these a field shows.
    blue = deep[:, 2] / np.maximum(deep[:, 1], 0.02)
    return density, np.median(deep[blue >= np.median(blue)], axis=0)


def stain_strength(red_cell: np.ndarray) -> float:
    """Length of a red cell's density, by which fields stained more or less deeply compare."""
    return max(float(np.linalg.norm(red_cell)), 0.05)


def excess_density(density: np.ndarray, red_cell: np.ndarray) -> np.ndarray:
    """What is left of a field when its red cells are taken away.

    Args:
        density: (H, W, 3) float32.
        red_cell: (3,) typical density of its red cells.

    Returns:
        (H, W, 3) float32 in lengths of `red_cell`: about 0 on the background and on red cells, whatever the stain.
    """
    depth = np.clip(density[..., 1] * (1 / max(float(red_cell[1]), 0.02)), 0, 1)
    excess = density - depth[..., None] * red_cell.astype(np.float32)
    return excess * np.float32(1 / stain_strength(red_cell))


def _background(logs: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """A quadratic surface through the clear pixels of each channel: the lamp, its vignette, a tilted condenser."""
    height, width = clear.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    terms = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1)
    known = terms[clear]
    # A little ridge on all but the constant: a field may show background in one corner only.
    ridge = np.diag(np.array([1e-6] + [0.02] * 5, np.float32)) * max(1, len(known))
    return (terms @ np.linalg.solve(known.T @ known + ridge, known.T @ logs[clear])).astype(np.float32)


def red_cell_radius(density: np.ndarray, red_cell: np.ndarray, lit: np.ndarray) -> Optional[float]:
    """Radius in pixels of the field's commonest round things, its red cells, between 4 and 64 pixels.

    Every edge pixel votes for the centre it would have at each radius; at the true one the votes of a cell's rim
    meet (fast radial symmetry, Loy and Zelinsky 2003), whether or not cells touch.

    Args:
        density: (H, W, 3) float32.
        red_cell: (3,) typical density of a red cell.
        lit: (H, W) bool.

    Returns:
        The radius, or None where nothing round repeats.
    """
    if red_cell[1] < _FAINT:
        return None
    # No deeper than a red cell, or the steep rims of a few nuclei would outvote all red cells.
    smooth = cv2.GaussianBlur(np.minimum(density[..., 1], np.float32(red_cell[1])), (0, 0), 1.2)
    along_x, along_y = cv2.Scharr(smooth, cv2.CV_32F, 1, 0), cv2.Scharr(smooth, cv2.CV_32F, 0, 1)
    steep = cv2.magnitude(along_x, along_y)
    steep[cv2.erode(lit.astype(np.uint8), np.ones((7, 7), np.uint8)) == 0] = 0
    edges = np.flatnonzero(steep > 0.35 * np.percentile(steep[lit], 98))
    if len(edges) < 50:
        return None
    share = max(1.0, len(edges) / _EDGES)
    edges = edges[(np.arange(int(len(edges) / share)) * share).astype(int)]
    length = steep.ravel()[edges]
    towards_x, towards_y = along_x.ravel()[edges] / length, along_y.ravel()[edges] / length
    height, width = lit.shape
    rows, columns = (place.astype(np.float64) for place in np.divmod(edges, width))
    area = float(lit.sum())
    agreement = []
    for radius in _RADII:
        bin_side = 0.22 * radius
        x = ((columns + radius * towards_x) / bin_side).astype(np.int32)
        y = ((rows + radius * towards_y) / bin_side).astype(np.int32)
        wide, high = int(width / bin_side) + 1, int(height / bin_side) + 1
        # Below zero is beyond every width once the sign is read as a digit.
        inside = (x.view(np.uint32) < wide) & (y.view(np.uint32) < high)
        votes = np.bincount((y * wide + x)[inside], minlength=wide * high).astype(np.float32).reshape(high, wide)
        count = float(np.count_nonzero(inside))
        met = float((cv2.GaussianBlur(votes, (0, 0), 0.8) * votes).sum()) / max(count, 1.0)
        # Votes thrown at random would meet too; a whole circle casts 2 pi r of them.
        agreement.append((met - count * bin_side**2 / area) * share / (2 * np.pi * radius))
    return _peak(np.array(agreement))


def _peak(agreement: np.ndarray) -> Optional[float]:
    """The radius of the strongest agreement, between the steps of `_RADII` by a parabola."""
    best = int(agreement.argmax())
    if agreement[best] <= 0:
        return None
    if not 0 < best < len(_RADII) - 1:
        return float(_RADII[best])
    left, middle, right = agreement[best - 1 : best + 2]
    shift = 0.5 * (left - right) / min(left - 2 * middle + right, -1e-9)
    return float(_RADII[best] * (_RADII[1] / _RADII[0]) ** shift)
