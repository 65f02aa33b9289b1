"""Finding a cell's outline within a box, and its glass: how red cells and platelets come out of photographs.

Stained matter takes light from the glass around it, so what it takes (optical density) tells it apart, whatever the
lamp. A red cell's pale middle takes hardly any: holes are filled. What is no single cell on bare glass is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge_wbc.core.colour import background
from edge_wbc.core.records import Box

__all__ = ["NotAlone", "Shape", "glass_around", "outline_in"]


class NotAlone(Exception):
    """Why no cell can be cut out here, in a few words."""


@dataclass(frozen=True)
class Shape:
    """What the outline of a kind of cell may be.

    Attributes:
        solidity: least share of its convex hull that it fills.
        elongation: most that it is longer than wide.
        agrees: least overlap (Jaccard) of its box with the box that somebody drew.
        around: how much of its surroundings to look at, in longer sides of that box.
    """

    solidity: float
    elongation: float
    agrees: float
    around: float


_LEAST_GLASS = 40  # pixels; fewer are noise
_BRIGHTER = 1.05  # how much more light glass lets through than a cell, at the least
_FAINTEST = 0.06  # optical density of the palest red cells, three times the noise of a phone's glass
_EDGE = 0.4  # of a cell's density: about half-way up its blurred rim
_BRIDGE = 0.12  # of a box's shorter side: the widest strand between two cells that are still two
_TOUCHED = 0.12  # of a cell's surroundings that may be stained


def glass_around(rgb: np.ndarray, elsewhere: np.ndarray) -> np.ndarray | None:
    """The colour of clear glass beside a cell.

    Args:
        rgb: (H, W, 3) uint8, the cell's surroundings.
        elsewhere: (H, W) bool, pixels that no marked cell covers.

    Returns:
        (3,) float64, 0 to 255; None where too little is seen, or it is no brighter than the cells.
    """
    outside = rgb[elsewhere]
    if len(outside) < _LEAST_GLASS:
        return None
    seen = background(outside[None])
    covered = rgb[~elsewhere]
    # A loosely drawn box is mostly glass; its darker fifth is the cell in any case.
    if len(covered) and seen[1] < _BRIGHTER * np.percentile(covered[:, 1], 20):
        return None
    return seen


def outline_in(rgb: np.ndarray, box: Box, glass: np.ndarray, shape: Shape) -> np.ndarray:
    """The one cell in a box.

    Args:
        rgb: (H, W, 3) uint8, with some pixels around the box.
        box: x0, y0, x1, y1 px.
        glass: (3,) its glass.
        shape: what the outline may be.

    Returns:
        (H, W) bool, holes filled.

    Raises:
        NotAlone: nothing stained there, more than one cell, or an outline that is no cell's.
    """
    x0, y0, x1, y1 = box
    density = np.log(glass.astype(np.float32) / np.maximum(rgb, 4)).max(2)
    density = cv2.GaussianBlur(density, (0, 0), 1.0)
    deepest = float(np.percentile(density[y0:y1, x0:x1], 90))
    if deepest < _FAINTEST / _EDGE:
        raise NotAlone("too pale")
    stained = (density > _EDGE * deepest).astype(np.uint8)
    # Neighbours that barely touch are cut apart.
    bridge = max(3, round(_BRIDGE * min(x1 - x0, y1 - y0)))
    stained = cv2.morphologyEx(stained, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (bridge, bridge)))
    contours, _ = cv2.findContours(stained, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    middle = ((x0 + x1) / 2, (y0 + y1) / 2)
    reach = max(x1 - x0, y1 - y0) / 4
    near = [contour for contour in contours if cv2.pointPolygonTest(contour, middle, True) > -reach]
    if not near:
        raise NotAlone("nothing in the middle of its box")
    contour = max(near, key=cv2.contourArea)
    cell = cv2.drawContours(np.zeros(stained.shape, np.uint8), [contour], 0, 1, cv2.FILLED)
    _check(cell, contour, box, shape)
    reach_px = max(2, round(0.06 * np.sqrt(cell.sum())))
    wide = cv2.dilate(cell, np.ones((2 * reach_px + 1,) * 2, np.uint8)) > 0
    if stained[wide & (cell == 0)].mean() > _TOUCHED:
        raise NotAlone("touches a neighbour")
    return cell > 0


def _check(cell: np.ndarray, contour: np.ndarray, box: Box, shape: Shape) -> None:
    x0, y0, x1, y1 = box
    left, top, wide, high = cv2.boundingRect(contour)
    height, width = cell.shape
    if left <= 0 or top <= 0 or left + wide >= width or top + high >= height:
        raise NotAlone("touches a neighbour")
    shared = max(0, min(x1, left + wide) - max(x0, left)) * max(0, min(y1, top + high) - max(y0, top))
    if shared < shape.agrees * (wide * high + (x1 - x0) * (y1 - y0) - shared):
        raise NotAlone("fills its box badly")
    area = cv2.contourArea(contour)
    if area < shape.solidity * cv2.contourArea(cv2.convexHull(contour)):
        raise NotAlone("not of a cell's shape")
    _, (one, two), _ = cv2.minAreaRect(contour)
    if max(one, two) > shape.elongation * max(1.0, min(one, two)):
        raise NotAlone("not of a cell's shape")
