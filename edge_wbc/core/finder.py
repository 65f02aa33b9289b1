"""The colour-filter finder, first version: field -> boxes around its white cells.

Raabin-WBC finds cells by a colour filter on nuclei. Here the filter is an optical density, which the lamp's
colour cancels out of: nuclei take up red and green light and let blue through, red cells take up blue as well.
Sizes are judged against the red cells of the same field, so that the magnification need not be known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple

import cv2
import numpy as np

from edge_wbc.core.records import Box, Cell, in_field

__all__ = ["FinderOptions", "find_cells", "find_one", "nucleus_density"]


@dataclass(frozen=True)
class FinderOptions:
    """What the finder asks of a nucleus.

    Attributes:
        working_pixels: fields are searched at about this many pixels in all.
        floor: least nuclear density above the background (natural units) of any nucleus.
        margin: least nuclear density above that of the field's red cells.
        least_area: least nucleus, as a share of the area of the field's red cells.
        cytoplasm: width of the ring of cytoplasm, as a share of the nucleus's diameter.
    """

    working_pixels: int = 200_000
    floor: float = 0.55
    margin: float = 0.35
    least_area: float = 0.35
    cytoplasm: float = 0.18


def bright_disc(rgb: np.ndarray) -> np.ndarray:
    """Where light came through the ocular: (H, W) bool; all of it for a field without a black surround."""
    lit = (cv2.max(cv2.max(rgb[..., 0], rgb[..., 1]), rgb[..., 2]) > 50).astype(np.uint8)
    dark_share = 1 - lit.mean()
    if dark_share < 0.05:
        return np.ones(lit.shape, bool)
    contours, _ = cv2.findContours(lit, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    disc = np.zeros_like(lit)
    if contours:
        hull = cv2.convexHull(max(contours, key=cv2.contourArea))
        cv2.fillConvexPoly(disc, hull, 1)
    # The rim is coloured by the ocular's own fringe.
    return cv2.erode(disc, np.ones((5, 5), np.uint8)).astype(bool)


def nucleus_density(rgb: np.ndarray, lit: np.ndarray) -> np.ndarray:
    """Optical density in red plus green less blue, against the field's own background.

    Args:
        rgb: (H, W, 3) uint8.
        lit: (H, W) bool, where light came through.

    Returns:
        (H, W) float32; 0 on the background, about 0 to 1 on red cells, above that on nuclei.
    """
    background = np.percentile(rgb[lit], 95, axis=0) if lit.any() else np.full(3, 255.0)
    levels = np.arange(256)
    total = np.zeros(rgb.shape[:2], np.float32)
    for channel, sign in enumerate((1, 1, -1)):
        density = -np.log(np.clip(levels / max(background[channel], 1.0), 0.02, 1.0))
        total += cv2.LUT(rgb[..., channel], (sign * density).astype(np.float32))
    total[~lit] = 0
    return cv2.GaussianBlur(total, (0, 0), 1.0)


def _depths(mask: np.ndarray) -> np.ndarray:
    """Radii in pixels of the circles inscribed in a mask's pieces, one for each peak of the distance to its edge."""
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    peaks = depth[(depth == cv2.dilate(depth, np.ones((9, 9), np.uint8))) & (depth > 2)]
    return peaks[peaks >= 0.3 * peaks.max()] if peaks.size else np.zeros(1, np.float32)


def _red_cells(rgb: np.ndarray, lit: np.ndarray, density: np.ndarray) -> Tuple[float, float]:
    """Radius in pixels of the field's red cells, and their nuclear density (0 where there are none)."""
    green = cv2.GaussianBlur(rgb[..., 1], (0, 0), 1.0)
    level, _ = cv2.threshold(green[lit].reshape(-1, 1), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    stained = ((green <= level) & lit).astype(np.uint8)
    if not stained.any():
        return 0.0, 0.0
    # A red cell's pale middle belongs to it; a gap that cells happen to enclose is wider and stays open.
    pallor = np.pi * (2 * float(np.median(_depths(stained)))) ** 2
    contours, tree = cv2.findContours(stained, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    for contour, (_, _, _, parent) in zip(contours, tree[0]):
        if parent >= 0 and cv2.contourArea(contour) < pallor:
            cv2.drawContours(stained, [contour], -1, 1, cv2.FILLED)
    # Touching cells hold larger circles than one cell does, so the typical one lies low in the order.
    return float(np.percentile(_depths(stained), 20)), float(np.median(density[stained > 0]))


def _nuclei(rgb: np.ndarray, options: FinderOptions) -> Tuple[np.ndarray, np.ndarray, float]:
    """Density map, nucleus mask (uint8) and the red cells' radius in pixels."""
    lit = bright_disc(rgb)
    density = nucleus_density(rgb, lit)
    radius, red_level = _red_cells(rgb, lit, density)
    strongest = float(np.percentile(density, 99.95))
    # Where one white cell fills the picture the stained median is that cell's own: never ask for more than half.
    threshold = max(options.floor, min(red_level + options.margin, 0.5 * strongest))
    mask = (density > threshold).astype(np.uint8)
    return density, cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), radius


def find_cells(rgb: np.ndarray, options: FinderOptions = FinderOptions()) -> List[Cell]:
    """Finds the white cells of a field.

    Args:
        rgb: (H, W, 3) uint8 photograph, whole or the round bright disc on black that an ocular gives.

    Returns:
        Cells with `box` in pixels of `rgb`, `score` 0 to 1 and `cut`, largest first.
    """
    height, width = rgb.shape[:2]
    scale = min(1.0, (options.working_pixels / (height * width)) ** 0.5)
    small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    density, mask, radius = _nuclei(small, options)
    reach = max(3, int(0.35 * radius)) | 1
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    found = []
    for piece in range(1, count):
        x, y, w, h, _ = stats[piece]
        inside = (pieces[y : y + h, x : x + w] == piece) & (mask[y : y + h, x : x + w] > 0)
        area = int(inside.sum())
        if area < max(40.0, options.least_area * np.pi * radius**2):
            continue
        ring = options.cytoplasm * max(w, h)
        box = in_field(
            ((x - ring) / scale, (y - ring) / scale, (x + w + ring) / scale, (y + h + ring) / scale), width, height
        )
        if box is None:
            continue
        contrast = float(density[y : y + h, x : x + w][inside].mean())
        cut = bool(x <= 1 or y <= 1 or x + w >= small.shape[1] - 1 or y + h >= small.shape[0] - 1)
        found.append((area, Cell(box, score=round(1 - float(np.exp(-contrast)), 4), cut=cut)))
    return [cell for _, cell in sorted(found, key=lambda pair: -pair[0])]


def find_one(rgb: np.ndarray, options: FinderOptions = FinderOptions()) -> Optional[Box]:
    """The box of the cell that a single-cell photograph shows: the one nearest its middle, or None."""
    height, width = rgb.shape[:2]

    def off_centre(cell: Cell) -> float:
        x0, y0, x1, y1 = cell.box
        return float(np.hypot((x0 + x1 - width) / width, (y0 + y1 - height) / height))

    near = [cell for cell in find_cells(rgb, options) if off_centre(cell) < 0.6]
    return min(near, key=off_centre).box if near else None
