"""Colours brought to one reference: what a laboratory changes goes, what a cell is stays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core.colour import COLOURS, REFERENCES, grey_world, normalise, reinhard, stain

BLUE_DYE, RED_DYE = np.array([0.9, 1.5, 0.3]), np.array([0.2, 0.35, 0.2])


def crop(lamp=(250, 240, 230), blue=1.0, red=1.0, side=64, red_cells=True, granules=0.5):
    """A nucleus in a granular cytoplasm, red cells in the corners, as a laboratory's lamp and dyes show them."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    away = np.hypot(x, y)
    density = np.zeros((side, side, 3))
    density[away < 0.7] = granules * red * RED_DYE + 0.15 * blue * BLUE_DYE
    density[away < 0.45] = blue * BLUE_DYE
    if red_cells:
        density[(away > 1.02) & (x > 0)] = red * RED_DYE
    return np.clip(np.array(lamp) * np.exp(-density), 0, 255).astype(np.uint8)


lamps = st.tuples(*[st.integers(190, 255)] * 3)


@settings(max_examples=40, deadline=None)
@given(lamp=lamps, blue=st.floats(0.6, 1.4), red=st.floats(0.7, 1.4))
def test_stain_undoes_lamp_and_dyes(lamp, blue, red):
    here, there = stain(crop()), stain(crop(lamp, blue, red))
    # Bytes are coarse where the dye is dark, and red cells are believed only as far as they are many.
    assert np.abs(here.astype(int) - there).max() <= 30
    assert np.abs(here.astype(int) - there).mean() <= 5


def test_stain_brings_each_part_to_its_reference():
    set_right = stain(crop()).astype(float)
    reference = REFERENCES["stain"]
    density = np.log(reference["background"] / set_right)
    assert density[2, 20] == pytest.approx(0, abs=0.02)
    assert density[32, 32] == pytest.approx(reference["nucleus_density"], abs=0.05)
    # Believed as far as they are many, so not wholly.
    assert density[1, 62] == pytest.approx(reference["red_cell_density"], abs=0.06)


def test_stain_keeps_what_tells_cells_apart():
    pale, granular = (stain(crop(granules=share)).astype(int)[16, 32] for share in (0.2, 1.5))
    assert (pale - granular)[1] > 20


def test_a_crop_without_red_cells_is_set_by_its_nucleus():
    alone = stain(crop(lamp=(255, 250, 160), blue=0.6, red_cells=False))
    density = np.log(REFERENCES["stain"]["background"] / alone[32, 32])
    assert density == pytest.approx(REFERENCES["stain"]["nucleus_density"], abs=0.05)


def test_grey_world_makes_means_equal():
    means = grey_world(crop(lamp=(200, 180, 140))).reshape(-1, 3).mean(0)
    assert np.ptp(means) < 2


def test_reinhard_moves_statistics_to_the_reference():
    import cv2

    reference = np.array([[150, 140, 120], [20, 6, 7]], np.float32)
    lab = cv2.cvtColor(reinhard(crop(), reference), cv2.COLOR_RGB2LAB).reshape(-1, 3).astype(float)
    assert lab.mean(0) == pytest.approx(reference[0], abs=3)
    assert lab.std(0) == pytest.approx(reference[1], abs=3)


@pytest.mark.parametrize("name", COLOURS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), side=st.sampled_from([16, 33, 96]), level=st.integers(0, 255))
def test_any_crop_goes_through(name, seed, side, level):
    noise = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    flat = np.full((side, side, 3), level, np.uint8)
    both = normalise(np.stack([noise, flat]), name)
    assert both.shape == (2, side, side, 3) and both.dtype == np.uint8
    assert np.array_equal(both[0], COLOURS[name](noise))


def test_none_copies_nothing():
    crops = np.zeros((2, 16, 16, 3), np.uint8)
    assert normalise(crops, "none") is crops
