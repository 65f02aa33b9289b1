import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_wbc.core.errors import BadInput
from edge_wbc.core.taxonomy import FIVE_CLASSES
from edge_wbc.lab.synthesis import DIAMETERS_UM, draw_cell, random_stain

seeds = st.integers(0, 2**32 - 1)


def cell(name, seed, um_per_px=0.16):
    return draw_cell(name, random_stain(np.random.default_rng(seed)), um_per_px, np.random.default_rng(seed))


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(FIVE_CLASSES), seeds, st.sampled_from([0.12, 0.16, 0.2]))
@example("neutrophil", 446046, 0.12)
def test_diameters_lie_in_the_range_of_table_1(name, seed, um_per_px):
    drawn = cell(name, seed, um_per_px)
    smallest, largest = DIAMETERS_UM[name]
    by_area = 2 * np.sqrt(drawn.cell.sum() / np.pi) * um_per_px
    assert smallest - 2 * um_per_px <= by_area <= largest + 2 * um_per_px
    assert smallest - 1e-6 <= drawn.diameter_um <= largest + 1e-6
    longest = max(np.ptp(np.flatnonzero(drawn.cell.any(side))) + 1 for side in (0, 1)) * um_per_px
    assert smallest - 2 * um_per_px <= longest <= largest + 2 * um_per_px


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(FIVE_CLASSES), seeds)
def test_the_layers_fit_each_other(name, seed):
    drawn = cell(name, seed)
    assert drawn.rgb.dtype == drawn.alpha.dtype == np.float32
    assert drawn.rgb.shape == (*drawn.alpha.shape, 3)
    assert 0 <= drawn.rgb.min() and drawn.rgb.max() <= 1 and 0 <= drawn.alpha.min() and drawn.alpha.max() <= 1
    assert drawn.nucleus.any() and not (drawn.nucleus & ~drawn.cell).any()
    assert not drawn.alpha[[0, -1]].any() and not drawn.alpha[:, [0, -1]].any()


@pytest.mark.parametrize("name", FIVE_CLASSES)
def test_a_seed_draws_the_same_cell_at_every_scale(name):
    fine, coarse = cell(name, 5, 0.1), cell(name, 5, 0.2)
    assert fine.diameter_um == coarse.diameter_um and fine.reach_um == coarse.reach_um
    for mask in ("cell", "nucleus"):
        small, large = getattr(coarse, mask), getattr(fine, mask)
        centre = [half // 2 for half in (small.shape[0], large.shape[0])]
        reach = min(centre[0], centre[1] // 2)
        one = small[centre[0] - reach : centre[0] + reach + 1, centre[0] - reach : centre[0] + reach + 1]
        two = large[centre[1] - 2 * reach :: 2, centre[1] - 2 * reach :: 2][: 2 * reach + 1, : 2 * reach + 1]
        assert (one != two).mean() < 0.01


def share(name, what, count=12):
    return np.mean([what(cell(name, seed)) for seed in range(count)])


def test_the_classes_differ_as_table_1_says():
    def filled(drawn):
        return drawn.nucleus.sum() / drawn.cell.sum()

    def hollow(drawn):
        outlines, _ = cv2.findContours(drawn.nucleus.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        body = max(outlines, key=cv2.contourArea)
        return cv2.contourArea(body) / cv2.contourArea(cv2.convexHull(body))

    assert share("lymphocyte", filled) > 0.55 > 0.5 > share("monocyte", filled)
    assert share("lymphocyte", hollow) > 0.93
    assert share("monocyte", hollow) < 0.88
    assert share("neutrophil", hollow) < 0.85


def test_unknown_classes_and_scales_are_refused():
    stain = random_stain(np.random.default_rng(0))
    with pytest.raises(BadInput, match="platelet"):
        draw_cell("platelet", stain, 0.16, np.random.default_rng(0))
    with pytest.raises(BadInput, match="um_per_px"):
        draw_cell("monocyte", stain, 0.0, np.random.default_rng(0))
