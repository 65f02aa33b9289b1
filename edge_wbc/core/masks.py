"""The masks of one white cell in a crop, and the picture that they are kept in: 255 nucleus, 128 cytoplasm, 0 rest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Tuple

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.core.images import read_image

__all__ = ["CYTOPLASM", "NUCLEUS", "Masks", "masks_of", "no_cell", "picture_of", "read_mask", "write_mask"]

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


def masks_of(picture: np.ndarray) -> Masks:
    """A (H, W) uint8 picture of 255 nucleus, 128 cytoplasm, 0 rest -> the masks in it."""
    return Masks(picture == NUCLEUS, picture >= CYTOPLASM)


def read_mask(path: Path, size: Tuple[int, int]) -> np.ndarray:
    """A mask's file -> (H, W) uint8 of 255 nucleus, 128 cytoplasm, 0 rest; greys between go to the nearest.

    Args:
        size: width and height of the photograph that it is of.

    Raises:
        BadInput: not readable, of another size than its photograph, or without any of the two (such as a mask
            of class numbers).
    """
    grey = read_image(path)[..., 1]
    if (grey.shape[1], grey.shape[0]) != size:
        fault = f"a mask of {grey.shape[1]} x {grey.shape[0]} for a photograph of {size[0]} x {size[1]}"
        raise BadInput(path, fault, "draw it on the photograph itself")
    if grey.max() < 64:
        raise BadInput(path, "neither nucleus (255) nor cytoplasm (128) in it", "draw it in these greys")
    return np.select([grey >= 192, grey >= 64], [NUCLEUS, CYTOPLASM], 0).astype(np.uint8)


def write_mask(path: Path, picture: np.ndarray) -> None:
    """Writes (H, W) uint8 as 8-bit PNG, whole or not at all."""
    write_whole(path, cv2.imencode(".png", picture)[1].tobytes())
