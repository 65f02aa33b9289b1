"""The spacing of a stage micrometer's lines in a photograph of it, however it lies."""

from __future__ import annotations

from typing import Tuple

import cv2
import numpy as np

from edge_wbc.core.density import bright_disc
from edge_wbc.core.errors import BadInput

__all__ = ["line_period"]

_SIDE = 900
_LEAST_LINES = 4
_LEAST_AGREEMENT = 0.25
_LEAST_HEIGHT = 0.2
_LARGEST_SCATTER = 0.08


def line_period(rgb: np.ndarray) -> Tuple[float, float]:
    """The distance between neighbouring dark lines, and its standard error as a share of it.

    The light is made even, the direction of most edges gives the lines' own, and a straight line through the places
    of all lines along the other direction the period; longer lines among shorter ones do not matter.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        Pixels, measured across the lines; and the error.

    Raises:
        BadInput: no four evenly spaced lines are seen.
    """
    scale = min(1.0, _SIDE / max(rgb.shape[:2]))
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    lit = cv2.erode(bright_disc(small).astype(np.uint8), np.ones((15, 15), np.uint8), borderValue=0) > 0
    if lit.sum() < 20 * _LEAST_LINES**2:
        raise _none_seen()
    dark = _darkness(small, lit)
    profile = _profile(dark, lit, _across(dark, lit))
    period, error = _fit(profile, _rough_period(profile))
    return period / scale, error


def _none_seen() -> BadInput:
    remedy = "focus on the micrometer, keep its lines free of the edge, or mark two points by hand"
    return BadInput("calibration", "no evenly spaced lines are seen", remedy)


def _darkness(rgb: np.ndarray, lit: np.ndarray) -> np.ndarray:
    """(H, W) float32, how much darker than its surroundings each lit place is; 0 elsewhere."""
    logs = np.log(np.maximum(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), 4)).astype(np.float32)
    weight = lit.astype(np.float32)
    sigma = max(rgb.shape[:2]) / 10
    around = cv2.GaussianBlur(logs * weight, (0, 0), sigma) / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)
    return (around - logs) * weight


def _across(dark: np.ndarray, lit: np.ndarray) -> float:
    """The angle of the direction across the lines, radians from the x axis."""
    soft = cv2.GaussianBlur(dark, (0, 0), 1.5)
    x, y = cv2.Scharr(soft, cv2.CV_32F, 1, 0), cv2.Scharr(soft, cv2.CV_32F, 0, 1)
    inner = cv2.erode(lit.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=0) > 0
    x, y = x[inner].astype(np.float64), y[inner].astype(np.float64)
    angle = 0.5 * np.arctan2(2 * (x * y).sum(), (x * x - y * y).sum())
    for reach, step in ((3.0, 0.5), (0.5, 0.1)):
        tried = angle + np.radians(np.arange(-reach, reach + step / 2, step))
        angle = max(tried, key=lambda each: float(_profile(dark, lit, each).var()))
    return float(angle)


def _profile(dark: np.ndarray, lit: np.ndarray, angle: float) -> np.ndarray:
    """Mean darkness at each pixel's distance along a direction, where enough of the lines is lit."""
    rows, columns = np.nonzero(lit)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    along -= along.min()
    # Each pixel is shared between the two places that it lies between.
    below = along.astype(np.int64)
    share = along - below
    values, size = dark[lit], int(below.max()) + 2
    total = np.bincount(below, values * (1 - share), size) + np.bincount(below + 1, values * share, size)
    count = np.bincount(below, 1 - share, size) + np.bincount(below + 1, share, size)
    enough = np.flatnonzero(count > 0.25 * count.max())
    part = slice(int(enough[0]), int(enough[-1]) + 1)
    return total[part] / np.maximum(count[part], 1e-9)


def _rough_period(profile: np.ndarray) -> float:
    """The first distance at which the profile is like itself again."""
    centred = profile - profile.mean()
    spectrum = np.fft.rfft(centred, 2 * len(centred))
    alike = np.fft.irfft(np.abs(spectrum) ** 2)[: len(centred) // 2]
    alike /= np.arange(len(centred), len(centred) - len(alike), -1)
    if len(alike) < 8 or alike[0] <= 1e-9:
        raise _none_seen()
    alike /= alike[0]
    beyond = np.flatnonzero(alike < 0)
    if not len(beyond):
        raise _none_seen()
    inner = np.arange(max(int(beyond[0]), 1), len(alike) - 1)
    tops = inner[(alike[inner] >= alike[inner - 1]) & (alike[inner] > alike[inner + 1])]
    tops = tops[alike[tops] > _LEAST_AGREEMENT]
    if not len(tops):
        raise _none_seen()
    return float(tops[0])


def _fit(profile: np.ndarray, rough: float) -> Tuple[float, float]:
    soft = cv2.GaussianBlur(profile.reshape(1, -1), (0, 0), max(0.8, 0.12 * rough)).ravel()
    inner = np.arange(1, len(soft) - 1)
    tops = inner[(soft[inner] >= soft[inner - 1]) & (soft[inner] > soft[inner + 1])]
    tops = tops[soft[tops] > _LEAST_HEIGHT * soft.max()]
    if len(tops) < _LEAST_LINES:
        raise _none_seen()
    left, middle, right = soft[tops - 1], soft[tops], soft[tops + 1]
    places = tops + 0.5 * (left - right) / np.minimum(left - 2 * middle + right, -1e-12)
    steps = np.rint(np.diff(places) / rough)
    numbers = np.concatenate([[0], np.cumsum(steps)])
    if (steps < 1).any() or len(numbers) < 0.8 * (numbers[-1] + 1):
        raise _none_seen()
    period, start = np.polyfit(numbers, places, 1)
    scatter = float(np.sqrt(((places - start - period * numbers) ** 2).sum() / (len(places) - 2)))
    if scatter > _LARGEST_SCATTER * period:
        raise _none_seen()
    error = scatter / np.sqrt(((numbers - numbers.mean()) ** 2).sum())
    return float(period), float(error / period)
