"""What is laid over a crop: lines just inside nucleus and cell, at any size."""

from __future__ import annotations

import numpy as np
import pytest

from mobile_app.tracing.overlay import CELL_LINE, NUCLEUS_LINE, overlay

PICTURE = np.zeros((12, 16), np.uint8)
PICTURE[2:10, 3:13] = 128
PICTURE[4:8, 5:10] = 255


@pytest.mark.parametrize(("times", "width"), [(1, 1), (3, 1), (4, 2)])
def test_lines_lie_just_inside(times: int, width: int) -> None:
    laid = overlay(PICTURE, times, width)
    assert laid.shape == (12 * times, 16 * times, 4) and laid.dtype == np.uint8
    big = np.kron(PICTURE, np.ones((times, times), np.uint8))
    assert (laid[big == 0] == 0).all()
    assert tuple(laid[2 * times, 3 * times]) == CELL_LINE
    assert tuple(laid[4 * times, 5 * times]) == tuple(laid[4 * times + width - 1, 7 * times]) == NUCLEUS_LINE
    assert 0 < laid[6 * times, 7 * times, 3] < 128  # the nucleus is seen through
    assert laid[3 * times + times // 2, 4 * times + times // 2, 3] == 0 or times == width
    assert (laid[..., 3][(big == 255)] > 0).all()


def test_nothing_laid_over_nothing() -> None:
    assert not overlay(np.zeros((5, 7), np.uint8), 2, 3).any()
