"""The masks of one white cell in a crop, and the picture that they are kept in: 255 nucleus, 128 cytoplasm, 0 rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["CYTOPLASM", "NUCLEUS", "Masks", "no_cell", "picture_of"]

NUCLEUS, CYTOPLASM = 255, 128


@dataclass(frozen=True, eq=False)
class Masks:
    """Where one cell and its nucleus lie.

    Attributes:
        nucleus, cell: bool (H, W) of the crop's size; the cell includes its nucleus.
        confidence: 0 to 1, how far the method that made them trusts them; 0 where there is no cell.
        reason: why there is none, or what a person should look at; "" for none.
    """

    nucleus: np.ndarray
    cell: np.ndarray
    confidence: float = 1.0
    reason: str = ""


def no_cell(height: int, width: int, reason: str) -> Masks:
    """Empty masks, and why."""
    return Masks(np.zeros((height, width), bool), np.zeros((height, width), bool), 0.0, reason)


def picture_of(masks: Masks) -> np.ndarray:
    """uint8 (H, W): 255 nucleus, 128 cytoplasm, 0 rest."""
    picture = np.where(masks.cell, np.uint8(CYTOPLASM), np.uint8(0))
    picture[masks.nucleus] = NUCLEUS
    return picture
