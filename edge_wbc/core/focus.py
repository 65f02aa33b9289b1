"""How sharp and how well lit a field is, on a preview frame and within the ocular's bright disc."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge_wbc.core.density import bright_disc

__all__ = ["GOOD", "TOO_BRIGHT", "TOO_DARK", "View", "look"]

GOOD, TOO_DARK, TOO_BRIGHT = "good", "too dark", "too bright"

_SIDE = 480
# Bands of detail, pixels of sigma at that side: fine is what blur takes first, coarse what cells are.
_FINE, _MIDDLE, _COARSE = 0.7, 1.4, 4.0
# Of the background. Noise and an empty field have little coarse detail and are not sharp for it.
_LEAST_DETAIL = 0.02
_MARGIN = 9

_CLIPPED_LEVEL = 250
_MOST_CLIPPED = 0.1
_DARK_LEVEL = 100


@dataclass(frozen=True, eq=False)
class View:
    """What a frame shows before any cell is sought.

    Attributes:
        sharpness: below 0.15 out of focus; 0.15 to 0.45 in focus, by smear and microscope: compare it with the best
            of the same smear.
        exposure: `GOOD`, `TOO_DARK` or `TOO_BRIGHT`.
        background: brightness of clear glass in green, 0 to 255.
        clipped: share of the lit disc, 0 to 1, where green is at its end and no stain can be told.
        lit: (h, w) bool, the bright disc of the frame shrunk to at most 480 pixels a side.
    """

    sharpness: float
    exposure: str
    background: float
    clipped: float
    lit: np.ndarray


def look(rgb: np.ndarray) -> View:
    """Sharpness and exposure of a field: (H, W, 3) uint8, best a preview frame, since it is shrunk to 480 pixels."""
    small = _shrunk(rgb)
    lit = bright_disc(small)
    green = small[..., 1]
    seen = green[lit]
    background, clipped = float(np.percentile(seen, 90)), float((seen >= _CLIPPED_LEVEL).mean())
    exposure = TOO_DARK if background < _DARK_LEVEL else TOO_BRIGHT if clipped > _MOST_CLIPPED else GOOD
    return View(_sharpness(green, lit, background), exposure, background, clipped, lit)


def _shrunk(rgb: np.ndarray) -> np.ndarray:
    """By a whole number first, which OpenCV averages ten times as fast as by any other."""
    times = max(1, max(rgb.shape[:2]) // _SIDE)
    height, width = (side // times for side in rgb.shape[:2])
    if times > 1 and min(height, width) > 0:
        whole = rgb[: height * times, : width * times]
        rgb = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    scale = _SIDE / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR)


def _sharpness(green: np.ndarray, lit: np.ndarray, background: float) -> float:
    """Fine detail against coarse, so that neither contrast nor the number of cells matters much."""
    levels = green.astype(np.float32)
    fine, middle, coarse = (cv2.GaussianBlur(levels, (0, 0), sigma) for sigma in (_FINE, _MIDDLE, _COARSE))
    # The rim of the disc is an edge of its own.
    within = cv2.erode(lit.astype(np.uint8), np.ones((_MARGIN, _MARGIN), np.uint8), borderValue=1)
    if not within.any():
        return 0.0
    first, second = cv2.norm(fine, middle, cv2.NORM_L2SQR, within), cv2.norm(middle, coarse, cv2.NORM_L2SQR, within)
    count = cv2.countNonZero(within)
    return float(np.sqrt((first / count) / (second / count + (_LEAST_DETAIL * background + 1) ** 2)))
