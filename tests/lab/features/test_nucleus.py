from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_wbc.core.colour import balance
from edge_wbc.lab.features.nucleus import nucleus, soft_map

PALE, DYE = (235, 225, 215), (90, 40, 140)


def drawn(*discs: tuple[int, int, int], side: int = 96, colour: tuple[int, int, int] = DYE) -> np.ndarray:
    crop = np.full((side, side, 3), PALE, np.uint8)
    for x, y, radius in discs:
        cv2.circle(crop, (x, y), radius, colour, cv2.FILLED)
    return crop


def test_nucleus_is_the_stained_disc() -> None:
    crop = drawn((48, 44, 20))
    truth = (crop == DYE).all(2)
    mask = nucleus(crop)
    assert mask is not None and mask.dtype == bool and mask.shape == (96, 96)
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.97


def test_dark_without_dye_is_no_nucleus() -> None:
    crop = drawn((30, 48, 16))
    cv2.circle(crop, (72, 48), 16, (50, 50, 50), cv2.FILLED)
    mask = nucleus(crop)
    assert mask is not None and mask[48, 30] and not mask[48, 72]


def test_pieces_under_a_tenth_of_the_largest_are_dropped() -> None:
    mask = nucleus(drawn((30, 48, 20), (70, 30, 12), (70, 70, 4)))
    assert mask is not None
    assert mask[48, 30] and mask[30, 70] and not mask[70, 70]


@pytest.mark.parametrize("level", [0, 17, 128, 255])
def test_crops_of_one_grey_have_no_nucleus(level: int) -> None:
    assert nucleus(np.full((64, 64, 3), level, np.uint8)) is None


def test_grey_photograph_has_no_nucleus() -> None:
    grey = cv2.cvtColor(drawn((48, 44, 20)), cv2.COLOR_RGB2GRAY)
    assert nucleus(np.dstack([grey] * 3)) is None


def test_small_nucleus_is_refused_by_its_share_of_the_crop() -> None:
    crop = drawn((48, 48, 8))
    share = np.count_nonzero(nucleus(crop)) / crop[..., 0].size
    assert nucleus(crop, least_share=share * 1.01) is None
    assert nucleus(crop, least_share=share) is not None


@pytest.mark.parametrize("side", [1, 2, 5])
def test_tiny_crops_are_answered(side: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    mask = nucleus(noise)
    assert mask is None or mask.any()


def test_balance_brings_each_channel_to_the_mean_grey() -> None:
    crop = np.random.default_rng(1).integers(40, 110, (40, 40, 3), np.uint8) * np.array([1, 1, 2], np.uint8)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).mean()
    assert balance(crop).reshape(-1, 3).mean(0) == pytest.approx([grey] * 3, abs=0.5)


def test_balance_clips_and_leaves_a_black_channel() -> None:
    crop = np.zeros((10, 10, 3), np.uint8)
    crop[..., 0] = 10
    crop[0, 0, 0] = 255
    crop[..., 1] = 200
    balanced = balance(crop)
    assert balanced[0, 0, 0] == 255 and not balanced[..., 2].any()


def test_soft_map_follows_its_formula() -> None:
    # R, G, B = 100, 50, 200: M = 255 * 150 / 200, K = 55, S of HLS = 150 / 250.
    pixel = np.array([[[100, 50, 200]]], np.uint8)
    assert abs(int(soft_map(pixel)[0, 0]) - 153) <= 1
    # 60, 20, 30: M = 170, K = 195, S = 40 / 80: min(170, 127.5) - 25.
    assert abs(int(soft_map(np.array([[[60, 20, 30]]], np.uint8))[0, 0]) - 102) <= 1
