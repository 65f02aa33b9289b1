"""A crop of one drawn cell: a purple nucleus in pink cytoplasm on a pale ground."""

from __future__ import annotations

import cv2
import numpy as np
import pytest


def cell(side: int = 60, nucleus: int = 11, whole: int = 20) -> np.ndarray:
    rgb = np.full((side, side, 3), (232, 226, 215), np.uint8)
    middle = (side // 2, side // 2)
    cv2.circle(rgb, middle, whole, (214, 176, 200), -1)
    cv2.circle(rgb, middle, nucleus, (104, 52, 140), -1)
    return cv2.GaussianBlur(rgb, (3, 3), 0)


@pytest.fixture
def crop() -> np.ndarray:
    return cell()
