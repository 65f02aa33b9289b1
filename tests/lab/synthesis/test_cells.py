import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_wbc.core.errors import BadInput
from edge_wbc.core.taxonomy import SUBTYPES
from edge_wbc.lab.synthesis import DIAMETERS_UM, DRAWN, STAINS, draw_cell, draw_pools, random_stain
from edge_wbc.lab.synthesis.cutouts import SEE_THROUGH
from edge_wbc.lab.synthesis.looks import LOOKS

seeds = st.integers(0, 2**32 - 1)
FINE = 0.12


def cell(name, seed, um_per_px=0.16, stain=None):
    return draw_cell(name, random_stain(np.random.default_rng(seed), stain), um_per_px, np.random.default_rng(seed))


def test_every_subtype_can_be_drawn():
    assert set(SUBTYPES) < set(DRAWN)
    assert set(DIAMETERS_UM) == set(DRAWN) - {"artefact"}


@pytest.mark.parametrize("stain", STAINS)
@pytest.mark.parametrize("name", DRAWN)
def test_the_layers_fit_each_other(name, stain):
    for seed in range(3):
        drawn = cell(name, seed, stain=stain)
        glass = random_stain(np.random.default_rng(seed), stain).background
        assert drawn.subtype == name
        assert drawn.rgb.dtype == drawn.alpha.dtype == np.uint8
        assert drawn.rgb.shape == (*drawn.alpha.shape, 3) and drawn.alpha.shape[0] == drawn.alpha.shape[1]
        assert not drawn.alpha[[0, -1]].any() and not drawn.alpha[:, [0, -1]].any()
        assert (drawn.rgb[drawn.alpha == 0] == glass).all() and (drawn.rgb <= glass).all()
        assert (np.abs(drawn.rgb[drawn.alpha == 255].astype(int) - glass) > 12).any() or name == "artefact"
        assert (drawn.nucleus is None) == (name in SEE_THROUGH)
        if drawn.nucleus is not None:
            assert drawn.nucleus.any() and not (drawn.nucleus & ~drawn.cell).any()


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(DIAMETERS_UM)), seeds, st.sampled_from([0.12, 0.16, 0.2]))
@example("segmented_neutrophil", 446046, 0.12)
def test_diameters_lie_in_the_table_s_range(name, seed, um_per_px):
    drawn = cell(name, seed, um_per_px)
    smallest, largest = DIAMETERS_UM[name]
    # A frayed border is half see-through: where it ends is a matter of taste.
    blur = 2 * um_per_px + (1.6 if name == "basket_cell" else 0)
    x0, y0, x1, y1 = drawn.box
    assert max(x1 - x0, y1 - y0) * um_per_px <= largest + blur
    feet = name in ("activated_platelet", "basket_cell")  # what stretches out makes a cell longer than its disc
    if not feet:
        assert max(x1 - x0, y1 - y0) * um_per_px >= smallest - blur
        assert smallest * 0.9 - blur <= 2 * np.sqrt(drawn.cell.sum() / np.pi) * um_per_px <= largest + blur


@pytest.mark.parametrize("name", DRAWN)
def test_a_seed_draws_the_same_cell_at_every_scale(name):
    fine, coarse = cell(name, 5, 0.1), cell(name, 5, 0.2)
    centre = [drawn.alpha.shape[0] // 2 for drawn in (coarse, fine)]
    reach = min(centre[0], centre[1] // 2)

    def both(part):
        one = part(coarse)[centre[0] - reach : centre[0] + reach + 1, centre[0] - reach : centre[0] + reach + 1]
        return one, part(fine)[centre[1] - 2 * reach :: 2, centre[1] - 2 * reach :: 2][: one.shape[0], : one.shape[1]]

    for part in (lambda drawn: drawn.cell, lambda drawn: drawn.nucleus):
        if part(fine) is not None:
            one, two = both(part)
            assert (one != two).mean() < 0.015
    one, two = both(lambda drawn: cv2.GaussianBlur(drawn.rgb, (0, 0), 0.4 / (0.2 if drawn is coarse else 0.1)))
    assert np.abs(one.astype(int) - two).mean() < 3


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["artefact", "platelet", "activated_platelet", "basket_cell"]), seeds)
def test_even_the_smallest_has_a_box_at_a_coarse_scale(name, seed):
    x0, y0, x1, y1 = cell(name, seed, 0.4).box
    assert x0 < x1 and y0 < y1


def test_equal_seeds_draw_equal_cells_and_others_differ():
    for name in DRAWN:
        assert (cell(name, 3).rgb == cell(name, 3).rgb).all()
        one, two = cell(name, 3), cell(name, 4)
        assert one.rgb.shape != two.rgb.shape or (one.rgb != two.rgb).any()


def share(name, what, count=12):
    return np.mean([what(cell(name, seed, FINE)) for seed in range(count)])


def filled(drawn):
    return drawn.nucleus.sum() / drawn.cell.sum()


def hollow(drawn):
    outlines, _ = cv2.findContours(drawn.nucleus.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    body = max(outlines, key=cv2.contourArea)
    return cv2.contourArea(body) / cv2.contourArea(cv2.convexHull(body))


def lobes(drawn):
    """Lobes are what is left when the bridges are worn away."""
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(0.6 / FINE) + 1,) * 2)
    _, _, facts, _ = cv2.connectedComponentsWithStats(cv2.erode(drawn.nucleus.astype(np.uint8), brush))
    return int((facts[1:, cv2.CC_STAT_AREA] * FINE**2 > 0.3).sum())


def test_nuclei_differ_as_table_1_says():
    assert share("lymphocyte", filled) > 0.6 and share("lymphocyte", filled) > 0.05 + share(
        "reactive_lymphocyte", filled
    )
    assert share("lymphocyte", hollow) > 0.95 > share("monocyte", hollow)
    assert share("segmented_neutrophil", hollow) < share("band", hollow) + 0.15 < 0.95
    assert share("plasma_cell", filled) < 0.4


def test_lobes():
    mean = {name: share(name, lobes) for name in LOOKS}
    assert 1.8 <= mean["hypo_segmented_neutrophil"] <= 2.1
    assert 2.2 <= mean["segmented_neutrophil"] <= 4.2
    assert 4.5 <= mean["hyper_segmented_neutrophil"] <= 8
    assert 1.5 <= mean["eosinophil"] <= 2.6
    for name in ("band", "lymphocyte", "plasma_cell", "nucleated_rbc"):
        assert mean[name] <= 1.2
    assert all(lobes(cell("hypo_segmented_neutrophil", seed, FINE)) <= 2 for seed in range(12))


def test_a_plasma_cell_s_nucleus_lies_aside():
    def offset(drawn):
        middles = [np.argwhere(mask).mean(0) for mask in (drawn.nucleus, drawn.cell)]
        return np.hypot(*(middles[0] - middles[1])) / np.sqrt(drawn.cell.sum() / np.pi)

    assert share("plasma_cell", offset) > 0.3 > 0.15 > share("lymphocyte", offset)


def optical_density(name, part, count=16):
    """Mean optical density in R, G, B of a part of a subtype, over films of all recipes."""
    found = []
    for seed in range(count):
        drawn = cell(name, seed)
        glass = random_stain(np.random.default_rng(seed)).background
        found.append(-np.log(np.maximum(drawn.rgb[part(drawn)], 1) / glass).mean(0))
    return np.mean(found, 0)


def test_colours_set_the_classes_apart():
    def rest(drawn):
        return cv2.erode((drawn.cell & ~drawn.nucleus).astype(np.uint8), np.ones((3, 3))) > 0

    red, green, blue = optical_density("eosinophil", rest)
    pale = optical_density("segmented_neutrophil", rest)
    # Granules of eosinophils take green and blue and leave red; redder, and deeper, than a neutrophil's.
    assert (green + blue) / 2 / red > 1.1 * (pale[1] + pale[2]) / 2 / pale[0] and green > 1.2 * pale[1]
    azure = optical_density("reactive_lymphocyte", rest)
    assert azure[0] / azure[2] > 1.4 * pale[0] / pale[2]
    assert optical_density("plasma_cell", rest)[0] > optical_density("monocyte", rest)[0] > pale[0]
    assert optical_density("basophil", rest).mean() > 1.7 * pale.mean()
    for name in LOOKS:
        dark, light = (optical_density(name, part).mean() for part in (lambda drawn: drawn.nucleus, rest))
        assert dark > (0.9 if name in ("basophil", "eosinophil") else 1.05) * light


def test_red_cells_are_pale_in_the_middle():
    rings = []
    for seed in range(16):
        drawn = cell("red_cell", seed)
        depth = drawn.rgb[..., 1].astype(float)
        away = cv2.distanceTransform(drawn.cell.astype(np.uint8), cv2.DIST_L2, 3) * 0.16
        rings.append(depth[away > 2.6].mean() - depth[(away > 0.5) & (away < 1.2)].mean())
    assert min(rings) > 0 and np.mean(rings) > 10


def test_pools():
    stain = random_stain(np.random.default_rng(1), "leishman")
    counts = {"band": 2, "red_cell": 3, "plasma_cell": 0}
    pools = draw_pools(stain, 0.2, counts, 7)
    assert {name: len(cells) for name, cells in pools.cutouts.items()} == {"band": 2, "red_cell": 3}
    assert (pools.um_per_px, pools.stain) == (0.2, "leishman") and (pools.background == stain.background).all()
    more = draw_pools(stain, 0.2, {"monocyte": 1, "band": 4}, 7).cutouts["band"]
    assert all((one.rgb == two.rgb).all() for one, two in zip(pools.cutouts["band"], more, strict=False))
    assert more[0].rgb.shape != more[1].rgb.shape or (more[0].rgb != more[1].rgb).any()
    sizes = [
        [one.cell.sum() * scale**2 for one in draw_pools(stain, scale, {"band": 3}, 7).cutouts["band"]]
        for scale in (0.1, 0.2)
    ]
    assert np.allclose(*sizes, rtol=0.03)


def test_what_cannot_be_drawn_is_refused():
    stain, rng = random_stain(np.random.default_rng(0)), np.random.default_rng(0)
    with pytest.raises(BadInput, match="dragon"):
        draw_cell("dragon", stain, 0.16, rng)
    with pytest.raises(BadInput, match="um_per_px"):
        draw_cell("monocyte", stain, 0.0, rng)
    with pytest.raises(BadInput, match="dragon"):
        draw_pools(stain, 0.16, {"dragon": 1}, 0)
    with pytest.raises(BadInput, match="negative"):
        draw_pools(stain, 0.16, {"band": -1}, 0)
    with pytest.raises(BadInput, match="negative"):
        draw_pools(stain, 0.16, {"band": 1}, -1)
    with pytest.raises(BadInput, match="pink"):
        random_stain(rng, "pink")


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(STAINS)), seeds)
def test_stains_are_plausible(name, seed):
    stain = random_stain(np.random.default_rng(seed), name)
    assert stain.name == name and stain.background.dtype == np.uint8 and (stain.background >= 90).all()
    assert stain.dyes.shape == (3, 3) and (stain.dyes > 0).all()
    violet, blue, eosin = stain.dyes
    assert violet[1] > max(violet[0], violet[2])  # violet passes red and blue
    assert blue[0] > blue[2] and eosin[0] < min(eosin[1:])
