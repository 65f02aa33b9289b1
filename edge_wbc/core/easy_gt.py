"""Easy-GT: the nucleus by a threshold on magenta that lies between Otsu's for two classes and for three.

Kouzehkanan et al. 2022 (Raabin-WBC), "Ground truth": colour balance, RGB to CMYK, then t = a * th2 + (1 - a) * th3_up.
They do not publish a, and draw the whole cell by hand; here `A` is fitted on masks and the whole cell is proposed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import cv2
import numpy as np

from edge_wbc.core.colour import balance, magenta
from edge_wbc.core.errors import BadInput
from edge_wbc.core.masks import Masks
from edge_wbc.core.otsu import otsu, otsu3
from edge_wbc.core.whole_cell import check_crop, not_glass, settle, tidy

__all__ = ["A", "EasyGt", "Thresholds", "magenta_map", "nucleus_above", "segment", "thresholds"]

A = 0.2
"""Fitted on tecom; docs/segmentation.md says how, and what it gives on cells that did not choose it."""


@dataclass(frozen=True)
class EasyGt:
    """What a person may set.

    Attributes:
        a: 0 to 1, the share of the two-class threshold; the more, the larger the nucleus.
        threshold: of magenta, 0 to 255, instead of the computed one; None for that.
    """

    a: float = A
    threshold: Optional[float] = None

    def __post_init__(self) -> None:
        if not 0 <= self.a <= 1:
            raise BadInput("a", f"{self.a} is no share", "give 0 to 1")
        if self.threshold is not None and not 0 <= self.threshold <= 255:
            raise BadInput("threshold", f"{self.threshold} is no level of magenta", "give 0 to 255")


@dataclass(frozen=True)
class Thresholds:
    """Otsu's levels on a crop's magenta: of two classes, and the lower and upper one of three."""

    th2: int
    th3_low: int
    th3_up: int

    def between(self, a: float) -> float:
        """a * th2 + (1 - a) * th3_up."""
        return a * self.th2 + (1 - a) * self.th3_up


def magenta_map(rgb: np.ndarray) -> np.ndarray:
    """How much magenta each pixel has, colours balanced and noise smoothed; made once, every threshold works on it.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (H, W) uint8.
    """
    check_crop(rgb)
    return cv2.GaussianBlur(magenta(balance(rgb)), (5, 5), 0)


def thresholds(stain: np.ndarray) -> Thresholds:
    """Otsu's thresholds of a (H, W) uint8 `magenta_map`."""
    histogram = np.bincount(stain.ravel(), minlength=256)
    return Thresholds(otsu(histogram), *otsu3(histogram))


def nucleus_above(stain: np.ndarray, threshold: float, cell: Optional[np.ndarray] = None) -> np.ndarray:
    """The nucleus at a threshold that a person moves: 512 x 512 within a frame of the screen.

    Args:
        stain: (H, W) uint8 of `magenta_map`.
        threshold: 0 to 255; more magenta than this is nucleus.
        cell: (H, W) bool, the whole cell, outside of which there is none; None for anywhere.

    Returns:
        (H, W) bool, without specks and pinholes.
    """
    return tidy(stain > threshold, cell)


def segment(rgb: np.ndarray, options: EasyGt = EasyGt()) -> Masks:
    """Nucleus and whole cell of a crop of one cell.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        Masks of the crop's size, empty and with a reason where there is no cell or no telling which.

    Raises:
        BadInput: not three channels of 8 bits.
    """
    stain = magenta_map(rgb)
    level = options.threshold
    nucleus = stain > (thresholds(stain).between(options.a) if level is None else level)
    return settle(rgb, stain, nucleus, not_glass(rgb, nucleus))
