from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge_wbc.core.colour import balance
from edge_wbc.lab.features import FEATURE_NAMES, extract, features
from edge_wbc.lab.features.nucleus import nucleus
from edge_wbc.lab.features.tavakoli import convex_hull, features_of_mask

COLUMN = {name: column for column, name in enumerate(FEATURE_NAMES)}


def cell(seed: int, side: int = 96, pieces: int = 3) -> np.ndarray:
    """A noisy crop with a stained nucleus of some pieces in pink cytoplasm."""
    chance = np.random.default_rng(seed)
    crop = np.full((side, side, 3), (238, 228, 214), np.uint8)
    cv2.circle(crop, (side // 2, side // 2), int(0.42 * side), (220, 170, 190), cv2.FILLED)
    for _ in range(pieces):
        x, y = chance.integers(int(0.35 * side), int(0.65 * side), 2).tolist()
        axes = chance.integers(int(0.08 * side), int(0.18 * side), 2).tolist()
        cv2.ellipse(crop, (x, y), axes, float(chance.uniform(0, 180)), 0, 360, (90, 45, 140), cv2.FILLED)
    return np.clip(crop + chance.normal(0, 6, crop.shape), 0, 255).astype(np.uint8)


def disc(radius: int) -> np.ndarray:
    return cv2.circle(np.zeros((160, 160), np.uint8), (80, 80), radius, 1, cv2.FILLED).astype(bool)


def test_fifty_one_names_each_once() -> None:
    assert len(FEATURE_NAMES) == len(set(FEATURE_NAMES)) == 51


@pytest.mark.parametrize("radius", [12, 25, 60])
def test_a_disc_is_round_convex_and_solid(radius: int) -> None:
    got = features_of_mask(balance(cell(0, 160)), disc(radius))
    assert got[COLUMN["circularity"]] == pytest.approx(1, abs=0.13)
    assert got[COLUMN["convexity"]] == pytest.approx(0.95, abs=0.05)
    assert got[COLUMN["solidity"]] > 0.97


def test_a_bar_and_a_ring_sector_are_what_they_are() -> None:
    bar = np.zeros((160, 160), bool)
    bar[76:84, 10:150] = True
    horseshoe = disc(60) & ~disc(35)
    horseshoe[80:, 60:100] = False
    picture = balance(cell(0, 160))
    flat, bent = features_of_mask(picture, bar), features_of_mask(picture, horseshoe)
    # Between pixel middles its outline is 2 * (139 + 7).
    assert flat[COLUMN["circularity"]] == pytest.approx(292**2 / (4 * np.pi * 8 * 140), rel=1e-6)
    assert flat[COLUMN["convexity"]] == flat[COLUMN["solidity"]] == 1
    assert bent[COLUMN["solidity"]] < 0.8 and bent[COLUMN["convexity"]] < 0.8
    assert bent[COLUMN["circularity"]] > 2


@given(arrays(bool, (24, 24)))
@settings(max_examples=60, deadline=None)
def test_shapes_keep_their_bounds(mask: np.ndarray) -> None:
    mask[12, 12] = True
    hull = convex_hull(mask)
    assert not (mask & ~hull).any()
    got = features_of_mask(balance(cell(1, 24)), mask)
    assert np.isfinite(got).all() and (got >= 0).all()
    assert got[COLUMN["solidity"]] <= 1
    _, pieces = cv2.connectedComponents(mask.astype(np.uint8))
    largest = features_of_mask(balance(cell(1, 24)), pieces == pieces[12, 12])
    assert largest[COLUMN["convexity"]] <= 1 + 1e-6


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
@settings(max_examples=30, deadline=None)
def test_one_colour_has_ratios_of_one(red: int, green: int, blue: int) -> None:
    got = features_of_mask(np.full((160, 160, 3), (red, green, blue), np.uint8), disc(30))
    assert (got[3:] == 1).all()


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_turned_and_mirrored_crops_have_the_same_features(seed: int) -> None:
    crop = cell(seed)
    straight = features(crop)
    assert straight is not None
    for turned in (np.rot90(crop), crop[::-1], crop[:, ::-1], np.rot90(crop, 2)):
        again = features(np.ascontiguousarray(turned))
        np.testing.assert_allclose(again, straight, rtol=1e-6)


def test_colours_are_means_and_deviations_over_the_hulls() -> None:
    balanced = balance(cell(5))
    mask = nucleus(cell(5))
    assert mask is not None
    hull = convex_hull(mask)
    hsv = cv2.cvtColor(balanced, cv2.COLOR_RGB2HSV).astype(float)
    ycrcb = cv2.cvtColor(balanced, cv2.COLOR_RGB2YCrCb).astype(float)
    got = features_of_mask(balanced, mask)
    roc = hull & ~mask
    assert got[COLUMN["nucleus_mean_hsv_s"]] == pytest.approx(hsv[mask, 1].mean() / hsv[hull, 1].mean())
    assert got[COLUMN["nucleus_sd_rgb_b"]] == pytest.approx(balanced[mask, 2].std() / balanced[hull, 2].std())
    assert got[COLUMN["roc_mean_rgb_g"]] == pytest.approx(balanced[roc, 1].mean() / balanced[hull, 1].mean())
    assert got[COLUMN["roc_sd_ycrcb_cb"]] == pytest.approx(ycrcb[roc, 2].std() / ycrcb[hull, 2].std())


def test_same_bytes_twice_and_in_any_order() -> None:
    crops = np.stack([cell(seed) for seed in range(12)] + [np.zeros((96, 96, 3), np.uint8)])
    table, found = extract(crops)
    order = np.random.default_rng(0).permutation(len(crops))
    again, there = extract(crops[order])
    assert table.dtype == np.float64 and table.shape == (13, 51)
    assert again.tobytes() == table[order].tobytes() == extract(crops)[0][order].tobytes()
    assert there.tolist() == found[order].tolist()


def test_crops_without_a_nucleus_are_rows_of_nan() -> None:
    table, found = extract(np.stack([np.full((96, 96, 3), 255, np.uint8), cell(2)]))
    assert found.tolist() == [False, True]
    assert np.isnan(table[0]).all() and np.isfinite(table[1]).all()
    assert extract([])[0].shape == (0, 51)


@given(st.integers(1, 9), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_tiny_crops_give_numbers_or_nothing(side: int, seed: int) -> None:
    got = features(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8))
    assert got is None or (got.shape == (51,) and np.isfinite(got).all())
