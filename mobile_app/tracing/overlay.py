"""An outline to lay over its crop: lines along the pixels' borders, and a breath of colour in the nucleus."""

from __future__ import annotations

import cv2
import numpy as np

from edge_wbc.core.masks import NUCLEUS

__all__ = ["CELL_LINE", "NUCLEUS_LINE", "overlay"]

NUCLEUS_LINE = (255, 224, 40, 255)
CELL_LINE = (0, 232, 255, 255)
_WITHIN = (255, 224, 40, 46)
_COLOURS = np.array([(0, 0, 0, 0), _WITHIN, CELL_LINE, NUCLEUS_LINE], np.uint8).view(np.uint32).ravel()
_BESIDE = np.ones((3, 3), np.uint8)


def overlay(picture: np.ndarray, times: int = 1, width: int = 1) -> np.ndarray:
    """Lines just inside nucleus and cell.

    Args:
        picture: (H, W) uint8: 255 nucleus, 128 cytoplasm, 0 rest.
        times: pixels of the result a pixel.
        width: of the lines, in pixels of the result.

    Returns:
        (times * H, times * W, 4) uint8 RGBA.
    """
    if times > 1:
        size = picture.shape[1] * times, picture.shape[0] * times
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)
    # 0 nothing, 1 in the nucleus, 2 the cell's line, 3 the nucleus's.
    _, nucleus = cv2.threshold(picture, NUCLEUS - 1, 1, cv2.THRESH_BINARY)
    _, cell = cv2.threshold(picture, 0, 2, cv2.THRESH_BINARY)
    drawn = cv2.subtract(cell, cv2.erode(cell, _BESIDE, iterations=width))
    inner = cv2.erode(nucleus, _BESIDE, iterations=width)
    drawn = cv2.max(cv2.max(drawn, inner), cv2.subtract(nucleus, inner) * 3)
    return _COLOURS[drawn].view(np.uint8).reshape(*drawn.shape, 4)
