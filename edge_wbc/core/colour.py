"""A crop's colours brought to one reference, so that a network sees every laboratory as the same one.

Statistics of a whole crop mix background, cell and red cells, and so depend on what lies beside the cell. `stain`
reads each where it is: light off the background, the blue dye off the nucleus, the red dye off the red cells around.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Callable, Dict, Tuple

import cv2
import numpy as np

__all__ = [
    "COLOURS",
    "REFERENCES",
    "background",
    "balance",
    "glass",
    "grey_world",
    "magenta",
    "normalise",
    "reinhard",
    "stain",
]

_LOG = np.log(np.maximum(np.arange(256), 4)).astype(np.float32)

# The reference laboratory: densities of a nucleus and of a red cell above a background of `_CLEAR` (medians of pbc's).
_CLEAR = 235.0
_NUCLEUS = np.array([1.0, 1.6, 0.35], np.float32)
_RED_CELL = np.array([0.21, 0.31, 0.18], np.float32)
_RED_CELL_RANGE = np.array([[0.08, 0.15, 0.06], [0.6, 0.9, 0.6]], np.float32)
# Lab mean and standard deviation of whole crops there, as OpenCV scales 8-bit Lab.
_LAB = np.array([[170, 146, 133], [50, 11, 14]], np.float32)

# What a nucleus's density is multiplied by there. Where it is more, the red dye is weak too, but by half as much:
# bccd's nuclei are 2.7 times paler than pbc's, its red cells 1.5 times.
_USUAL_GAIN = 0.82

_BRIGHTEST = 0.12
_DENSEST = 0.2
# No nucleus is paler than this in green; what is, a red cell or debris, is not made one.
_FAINT = 0.4
_CORNER_DOUBT = 0.15
_LEAST_VOLUME = 0.08


def balance(rgb: np.ndarray) -> np.ndarray:
    """Each channel times mean(grey) / mean(channel), clipped at 255.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (H, W, 3) uint8 RGB; a channel that is black all over stays so.
    """
    # Sums of whole numbers: the same for a crop that is turned or mirrored.
    sums = rgb.reshape(-1, 3).sum(0, dtype=np.int64)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).sum(dtype=np.int64)
    gains = np.divide(grey, sums, out=np.ones(3), where=sums > 0)
    # One table of 256 a channel, since a channel is scaled as a whole.
    table = np.clip(np.rint(np.arange(256)[:, None] * gains), 0, 255).astype(np.uint8)
    return cv2.LUT(rgb, np.ascontiguousarray(table[:, None, :]))


def magenta(rgb: np.ndarray) -> np.ndarray:
    """The M of CMYK, which nuclei have most of: (1 - G - K) / (1 - K), in 255ths; black has none.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (H, W) uint8.
    """
    brightest = cv2.max(cv2.max(rgb[..., 0], rgb[..., 1]), rgb[..., 2])
    # OpenCV divides by 0 to 0.
    return cv2.divide(cv2.subtract(brightest, rgb[..., 1]), brightest, scale=255)


def grey_world(crop: np.ndarray) -> np.ndarray:
    """Each channel scaled so that its mean is that of all three.

    Args:
        crop: (S, S, 3) uint8 RGB.

    Returns:
        (S, S, 3) uint8 RGB.
    """
    means = crop.reshape(-1, 3).mean(0)
    return np.clip(crop * (means.mean() / np.maximum(means, 1)), 0, 255).astype(np.uint8)


def reinhard(crop: np.ndarray, reference: np.ndarray = _LAB) -> np.ndarray:
    """Mean and deviation of Lab moved to a reference's (Reinhard et al. 2001; Chossegros et al., colour transfer).

    Args:
        crop: (S, S, 3) uint8 RGB.
        reference: (2, 3) mean and standard deviation of OpenCV's 8-bit Lab.

    Returns:
        (S, S, 3) uint8 RGB.
    """
    lab = cv2.cvtColor(crop, cv2.COLOR_RGB2LAB).astype(np.float32)
    flat = lab.reshape(-1, 3)
    moved = (lab - flat.mean(0)) / np.maximum(flat.std(0), 1) * reference[1] + reference[0]
    return cv2.cvtColor(np.clip(moved, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)


def stain(crop: np.ndarray) -> np.ndarray:
    """Background, nucleus and red cells moved to a reference's, each by what the crop itself shows of it.

    The background becomes one grey and the densest part, the nucleus, one density; red cells in the corners, where
    there are any, set how strongly the red dye is taken, since a laboratory's two dyes vary apart. All of it is one
    matrix on optical density, so that what lies between them (granules, cytoplasm) keeps its place.

    Args:
        crop: (S, S, 3) uint8 RGB with the cell in its middle.

    Returns:
        (S, S, 3) uint8 RGB.
    """
    middle, corners = _regions(crop.shape[0])
    density = np.log(np.maximum(background(crop), 8)).astype(np.float32) - cv2.LUT(crop, _LOG)
    within = density[middle]
    nucleus = within[_largest(within[:, 1], _DENSEST)].mean(0)
    depth = max(float(nucleus[1]), _FAINT)
    gain = _NUCLEUS[1] / depth
    # A channel's own ratio would be wild where the nucleus hardly darkens it, as blue in a blue-balanced camera.
    matrix = np.eye(3, dtype=np.float32) * gain
    matrix[:, 1] += (_NUCLEUS - gain * nucleus) / depth
    matrix = _to_red_cell(density[corners] @ matrix.T, _RED_CELL * np.sqrt(gain / _USUAL_GAIN)) @ matrix
    return np.clip(_CLEAR * cv2.exp(cv2.transform(density, -matrix)), 0, 255).astype(np.uint8)


def _to_red_cell(corners: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The (3, 3) matrix that keeps the reference's nucleus and moves the red cells of (N, 3) densities to its own.

    Args:
        expected: (3,) density of red cells where none are seen.
    """
    stained = corners[(corners[:, 1] > 0.15) & (corners[:, 1] < 1.1)]
    # Few stained pixels may be the cell's own cytoplasm: they are believed as far as they are many.
    trust = len(stained) / (len(stained) + _CORNER_DOUBT * len(corners))
    seen = np.median(stained, axis=0) if len(stained) else expected
    found = _dyes(np.clip(trust * seen + (1 - trust) * expected, *_RED_CELL_RANGE))
    if abs(np.linalg.det(found)) < _LEAST_VOLUME:
        return np.eye(3, dtype=np.float32)
    return (_dyes(_RED_CELL) @ np.linalg.inv(found)).astype(np.float32)


def _dyes(red_cell: np.ndarray) -> np.ndarray:
    """(3, 3), columns: nucleus, red cell, and the unit vector across both."""
    across = np.cross(_NUCLEUS, red_cell)
    return np.stack([_NUCLEUS, red_cell, across / max(float(np.linalg.norm(across)), 1e-3)], axis=1)


def background(rgb: np.ndarray) -> np.ndarray:
    """The colour of clear glass: the median of the brightest pixels in green, which dyes darken most.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (3,) float64, 0 to 255.
    """
    flat = rgb.reshape(-1, 3)
    return np.median(flat[_largest(flat[:, 1], _BRIGHTEST)], axis=0)


def glass(rgb: np.ndarray) -> np.ndarray:
    """`background`, but of all pixels as bright as its darkest: the same for a crop that is turned or mirrored.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (3,) float64, 0 to 255.
    """
    flat = rgb.reshape(-1, 3)
    green = flat[:, 1]
    count = max(1, int(len(green) * _BRIGHTEST))
    return np.median(flat[green >= np.partition(green, len(green) - count)[len(green) - count]], axis=0)


def _largest(values: np.ndarray, share: float) -> np.ndarray:
    count = min(len(values), max(8, int(len(values) * share)))
    return np.argpartition(values, len(values) - count)[-count:]


@lru_cache(maxsize=8)
def _regions(side: int) -> Tuple[np.ndarray, np.ndarray]:
    """Where the nucleus may lie and where only neighbours do: two (side, side) masks."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    away = x * x + y * y
    return away < 0.8**2, away > 0.96**2


def _as_it_is(crop: np.ndarray) -> np.ndarray:
    return crop


COLOURS: Dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": _as_it_is,
    "grey_world": grey_world,
    "reinhard": reinhard,
    "stain": stain,
}
"""Name, as in a pack's crop rule -> what is done to each crop; a method that changes gets another name."""

REFERENCES = {
    "reinhard": {"lab_mean": _LAB[0].tolist(), "lab_sd": _LAB[1].tolist()},
    "stain": {
        "background": _CLEAR,
        "nucleus_density": [round(float(value), 4) for value in _NUCLEUS],
        "red_cell_density": [round(float(value), 4) for value in _RED_CELL],
    },
}
"""What each method brings colours to, as packs state it."""


def normalise(crops: np.ndarray, colour: str) -> np.ndarray:
    """(N, S, S, 3) uint8 RGB crops with the colour method of a name applied to each; `crops` itself for "none"."""
    if colour == "none" or not len(crops):
        return crops
    method = COLOURS[colour]
    return np.stack([method(crop) for crop in crops])
