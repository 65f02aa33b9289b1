"""Crops varied as labs, microscopes and phones vary them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

__all__ = ["Variation", "vary"]


@dataclass(frozen=True)
class Variation:
    """How far crops are varied; flips always.

    Attributes:
        rotate: largest rotation in degrees.
        zoom: (smallest, largest) zoom.
        light: strength of brightness and contrast jitter.
        blur: chance of a Gaussian blur.
    """

    rotate: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    light: float = 0.0
    blur: float = 0.0


def vary(crops: np.ndarray, chance: np.random.Generator, how: Variation) -> np.ndarray:
    """(N, S, S, 3) uint8 -> (N, S, S, 3) uint8, each crop varied by its own draws from `chance`."""
    size = crops.shape[1]
    varied = np.empty_like(crops)
    for row, crop in enumerate(crops):
        crop = crop[:: chance.choice((-1, 1)), :: chance.choice((-1, 1))]
        angle, zoom = chance.uniform(-how.rotate, how.rotate), chance.uniform(*how.zoom)
        turn = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), angle, zoom)
        crop = cv2.warpAffine(np.ascontiguousarray(crop), turn, (size, size), borderMode=cv2.BORDER_REFLECT_101)
        gain, lift = chance.uniform(1 - how.light, 1 + how.light, 2)
        if how.light:
            crop = cv2.convertScaleAbs(crop, alpha=gain, beta=128 * (lift - gain))
        if chance.random() < how.blur:
            crop = cv2.GaussianBlur(crop, (5, 5), chance.uniform(0.3, 1.5))
        varied[row] = crop
    return varied
