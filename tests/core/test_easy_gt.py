"""Easy-GT on drawn cells whose masks are known, and on what is no cell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge_wbc.core.colour import glass, magenta
from edge_wbc.core.easy_gt import EasyGt, Thresholds, magenta_map, nucleus_above, segment, thresholds
from edge_wbc.core.errors import BadInput
from edge_wbc.core.masks import Masks
from edge_wbc.core.whole_cell import cell_alone, tidy, whole_cell

TWO = ((36, 60, 14), (36, 60, 25)), ((84, 60, 14), (84, 60, 25))


def dice(mask: np.ndarray, truth: np.ndarray) -> float:
    return 2 * (mask & truth).sum() / (mask.sum() + truth.sum())


@pytest.mark.parametrize("size", [(120, 120), (112, 140), (300, 260)])
def test_nucleus_and_cell_are_the_drawn_ones(draw_masked: Callable, size: tuple) -> None:
    rgb, nucleus, cell = draw_masked(*size, cell=(64, 58, 34))
    masks = segment(rgb)
    assert masks.nucleus.shape == masks.cell.shape == size and masks.nucleus.dtype == masks.cell.dtype == bool
    assert dice(masks.nucleus, nucleus) > 0.97 and dice(masks.cell, cell) > 0.97
    assert not (masks.nucleus & ~masks.cell).any()
    assert masks.confidence > 0.7 and masks.reason == ""


def test_red_cells_that_touch_are_cut_off(draw_masked: Callable) -> None:
    rgb, _, cell = draw_masked(red_cells=[(16, 60, 18), (60, 110, 20), (103, 30, 17)])
    masks = segment(rgb)
    assert dice(masks.cell, cell) > 0.93
    assert not masks.cell[60, 12] and not masks.cell[112, 60] and not masks.cell[25, 108]


def test_nuclei_of_other_cells_at_the_border_do_not_count(draw_masked: Callable) -> None:
    rgb, nucleus, cell = draw_masked(others=[((112, 8, 12), (112, 8, 20))], red_cells=[])
    masks = segment(rgb)
    assert dice(masks.nucleus, nucleus) > 0.97 and not masks.cell[8, 112]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_turned_or_mirrored_crop_has_turned_or_mirrored_masks(draw_masked: Callable, times: int) -> None:
    rgb, _, _ = draw_masked(112, 128)
    masks = segment(rgb)
    turned = segment(np.rot90(rgb, times).copy())
    np.testing.assert_array_equal(turned.nucleus, np.rot90(masks.nucleus, times))
    np.testing.assert_array_equal(turned.cell, np.rot90(masks.cell, times))
    assert turned.confidence == pytest.approx(masks.confidence)
    mirrored = segment(rgb[:, ::-1].copy())
    np.testing.assert_array_equal(mirrored.nucleus, masks.nucleus[:, ::-1])
    np.testing.assert_array_equal(mirrored.cell, masks.cell[:, ::-1])


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24), st.just(3))))
def test_whatever_the_pixels_masks_have_the_crop_s_size(rgb: np.ndarray) -> None:
    check(rgb, segment(rgb))


@given(st.integers(0, 10**6), st.integers(1, 64), st.integers(1, 64), st.integers(1, 60))
def test_noise_is_answered(seed: int, height: int, width: int, grain: int) -> None:
    rng = np.random.default_rng(seed)
    rgb = np.clip(rng.integers(0, 256, 3) + rng.normal(0, grain, (height, width, 3)), 0, 255).astype(np.uint8)
    check(rgb, segment(rgb))


def check(rgb: np.ndarray, masks: Masks) -> None:
    assert masks.nucleus.shape == masks.cell.shape == rgb.shape[:2]
    assert not (masks.nucleus & ~masks.cell).any()
    assert 0 <= masks.confidence <= 1
    assert masks.cell.any() == masks.nucleus.any()
    assert masks.cell.any() or (masks.reason and masks.confidence == 0)


@pytest.mark.parametrize("level", [0, 1, 128, 254, 255])
def test_one_colour_has_no_cell_and_says_so(level: int) -> None:
    masks = segment(np.full((80, 100, 3), level, np.uint8))
    assert masks.cell.shape == (80, 100) and not masks.cell.any() and "no nucleus" in masks.reason


def test_glass_and_red_cells_have_no_cell(draw: Callable) -> None:
    for red_cells in ([], [(30, 40, 20), (90, 70, 20), (60, 115, 20)]):
        masks = segment(draw(120, 120, [], red_cells))
        assert not masks.cell.any() and "no nucleus" in masks.reason


def test_a_grey_photograph_has_no_cell(draw_masked: Callable) -> None:
    grey = np.repeat(draw_masked()[0].mean(2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert "no nucleus" in segment(grey).reason


def test_a_platelet_is_no_nucleus(draw_masked: Callable) -> None:
    rgb, _, _ = draw_masked(240, 240, lobes=[(120, 120, 6)], cell=(120, 120, 8), red_cells=[])
    assert "too small" in segment(rgb).reason


def test_two_cells_that_touch_are_left_to_a_person(draw_masked: Callable) -> None:
    rgb, _, _ = draw_masked(lobes=[TWO[0][0]], cell=TWO[0][1], others=[TWO[1]], red_cells=[])
    masks = segment(rgb)
    assert not masks.cell.any() and masks.reason.startswith("two cells")


@pytest.mark.parametrize("rgb", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 1), np.uint8)])
def test_one_channel_is_refused_by_name(rgb: np.ndarray) -> None:
    with pytest.raises(BadInput, match="crop: has 1 channel; give RGB"):
        segment(rgb)


@pytest.mark.parametrize("rgb", [np.zeros((9, 9, 3)), np.zeros((0, 9, 3), np.uint8)])
def test_other_pixels_are_refused(rgb: np.ndarray) -> None:
    with pytest.raises(BadInput, match="give pixels of 0 to 255"):
        segment(rgb)


def test_the_threshold_lies_between_otsu_s() -> None:
    assert Thresholds(80, 40, 160).between(0.25) == 140


def test_more_of_a_makes_the_nucleus_no_smaller(draw_masked: Callable) -> None:
    rgb = draw_masked()[0]
    areas = [int(segment(rgb, EasyGt(a)).nucleus.sum()) for a in (0.0, 0.2, 0.6, 1.0)]
    assert areas == sorted(areas) and areas[0] < areas[-1]


def test_a_threshold_given_by_hand_is_the_computed_one_s_equal(draw_masked: Callable) -> None:
    rgb = draw_masked()[0]
    level = thresholds(magenta_map(rgb)).between(0.2)
    by_hand = segment(rgb, EasyGt(threshold=level))
    np.testing.assert_array_equal(by_hand.nucleus, segment(rgb, EasyGt(0.2)).nucleus)
    assert not segment(rgb, EasyGt(threshold=255)).cell.any()


@pytest.mark.parametrize("wrong", [{"a": -0.1}, {"a": 1.5}, {"a": float("nan")}, {"threshold": 256}])
def test_thresholds_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(BadInput, match="give 0 to"):
        EasyGt(**wrong)


def test_the_slider_s_nucleus_shrinks_as_it_moves_up(draw_masked: Callable) -> None:
    rgb, nucleus, _ = draw_masked()
    stain, cell = magenta_map(rgb), segment(rgb).cell
    areas = [int(nucleus_above(stain, level, cell).sum()) for level in range(60, 200, 10)]
    assert areas == sorted(areas, reverse=True)
    assert dice(nucleus_above(stain, thresholds(stain).between(0.2), cell), nucleus) > 0.97
    assert not nucleus_above(stain, 255).any()


def test_tidy_drops_specks_and_pinholes_and_keeps_rings() -> None:
    mask = np.zeros((60, 60), bool)
    mask[10:40, 10:40] = True
    mask[20:30, 20:30] = False
    mask[12, 12] = False
    mask[50:53, 50:53] = True
    kept = tidy(mask)
    assert kept[12, 12] and not kept[25, 25] and not kept[51, 51]
    assert not tidy(mask, np.zeros_like(mask)).any()


def test_a_crop_full_of_cell_is_all_cell() -> None:
    stained, nucleus = np.ones((40, 40), bool), np.zeros((40, 40), bool)
    nucleus[15:25, 15:25] = True
    assert whole_cell(stained, nucleus).all()


def test_of_a_basophil_the_whole_cell_alone(draw_masked: Callable) -> None:
    masks = segment(draw_masked()[0])
    alone = cell_alone(masks)
    assert not alone.nucleus.any() and alone.cell is masks.cell and alone.confidence == masks.confidence


def test_magenta_follows_its_formula() -> None:
    # R, G, B = 100, 50, 200: (200 - 50) / 200; black has no dye.
    assert magenta(np.array([[[100, 50, 200], [0, 0, 0], [9, 9, 9]]], np.uint8)).tolist() == [[191, 0, 0]]


def test_glass_is_the_brightest_colour_whichever_way_the_crop_is_turned(draw_masked: Callable) -> None:
    rgb = draw_masked()[0]
    assert glass(rgb) == pytest.approx([236, 231, 226], abs=5)
    np.testing.assert_array_equal(glass(rgb), glass(np.rot90(rgb).copy()))
