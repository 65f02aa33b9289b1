"""Assembled fields: what the record says is what is seen, whatever the strategy."""

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.synthesis.assemble import COVERED, FIRST_SCENERY, INSIDE, assemble
from edge_wbc.lab.synthesis.cutouts import ANNOTATED, ARTEFACT, RED_CELL, SEE_THROUGH, Cutout, Pools
from edge_wbc.lab.synthesis.placement import STRATEGIES, PlacementOptions

GLASS = np.array([240, 235, 230], np.uint8)
OPAQUE = tuple(name for name in ANNOTATED if name not in SEE_THROUGH)
SIDE = 500
LOOSE = (0.0, 0.6)


def oval(subtype, wide, high, colour, soft=False):
    """An ellipse of one colour with a nucleus of half its size; its edge fades over one pixel, by turning, or four."""
    y, x = np.mgrid[: high + 9, : wide + 9]
    away = np.hypot((x - (wide + 8) / 2) / (wide / 2), (y - (high + 8) / 2) / (high / 2))
    alpha = np.clip((1 - away) * min(wide, high) / 2 / 4 + 0.5, 0, 1) if soft else (away < 1) * 1.0
    rgb = np.full((*alpha.shape, 3), colour, np.uint8)
    return Cutout(subtype, rgb, np.rint(255 * alpha).astype(np.uint8), away < 0.5)


def pools(colours, soft=False, **more):
    cutouts = {
        name: (oval(name, 60, 40, colour, soft), oval(name, 48, 52, colour, soft)) for name, colour in colours.items()
    }
    cutouts[RED_CELL] = (oval(RED_CELL, 30, 28, (200, 120, 110)), oval(RED_CELL, 26, 31, (210, 130, 110)))
    return Pools({**cutouts, **more}, 0.25, "giemsa", GLASS)


def field(seed, counts, colours=None, strategy="exact", thresholds=LOOSE, side=SIDE, lit=None, **changed):
    colours = colours or {name: (40 + 12 * k, 30, 150) for k, name in enumerate(OPAQUE)}
    drawn = pools(colours, changed.pop("soft", False), **changed.pop("more", {}))
    options = PlacementOptions(strategy, thresholds)
    return assemble(drawn, counts, (side, side), options, np.random.SeedSequence(seed), lit, **changed)


def overlap(one, other):
    wide, high = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    shared = max(wide, 0) * max(high, 0)
    return shared / ((one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared)


def within(seen):
    """Without the rim, where two cells or more share a pixel."""
    return cv2.erode(seen.astype(np.uint8), np.ones((5, 5))) > 0


def extent(seen):
    columns, rows = np.flatnonzero(seen.any(0)), np.flatnonzero(seen.any(1))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=5)
@given(seed=st.integers(0, 2**31), soft=st.booleans())
def test_boxes_are_the_extent_of_what_is_seen(strategy, seed, soft):
    """Each cell painted white among black ones: it is seen where it makes up half of the light or more."""
    counts = dict.fromkeys(OPAQUE, 1) | {RED_CELL: 60}
    black = dict.fromkeys(OPAQUE, (0,) * 3)
    dark = field(seed, counts, black, strategy, soft=soft)
    assert dark.cells
    for number, cell in enumerate(dark.cells, 1):
        one = field(seed, counts, black | {cell.subtype: (255,) * 3}, strategy, soft=soft)
        assert one.cells == dark.cells and (one.owners == dark.owners).all()
        seen = np.abs(one.rgb - dark.rgb).max(2) >= 0.4999
        assert overlap(cell.box, extent(seen)) >= 0.98
        assert (seen & (dark.owners == number)).sum() >= 0.98 * (seen | (dark.owners == number)).sum()
        assert cell.box == extent(dark.owners == number)


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=6)
@given(seed=st.integers(0, 2**31))
def test_no_annotated_cell_is_seen_without_a_box(strategy, seed):
    colours = {name: (10, 60 + 12 * k, 200) for k, name in enumerate(OPAQUE)}
    found = field(seed, dict.fromkeys(OPAQUE, 4) | {RED_CELL: 60}, colours, strategy, (0.3, 1.0), side=330)
    blue = (found.rgb[..., 2] > 0.7) & (found.rgb[..., 0] < 0.2)
    # Where two cells fade into each other a pixel may be neither's: a seam, no cell.
    elsewhere = within(~((found.owners > 0) & (found.owners < FIRST_SCENERY)))
    assert blue.any() and elsewhere.any() and not (blue & elsewhere).any()
    for number, cell in enumerate(found.cells, 1):
        assert (found.owners == number).sum() >= (1 - COVERED) * INSIDE * cell.area_px
    assert len(found.cells) <= 4 * len(OPAQUE)


def test_what_others_would_cover_loses_its_box_and_is_not_painted():
    counts = {"basophil": 9, "monocyte": 9}
    dropped = 0
    for seed in range(20):
        found = field(seed, counts, {"basophil": (0, 0, 255), "monocyte": (255, 0, 0)}, thresholds=(1.0, 1.0), side=200)
        dropped += 18 - len(found.cells)
        for number, cell in enumerate(found.cells, 1):
            kept = (found.owners == number).sum()
            assert cell.cut or kept >= (1 - COVERED) * cell.area_px
    assert dropped > 40
    apart = field(1, counts, thresholds=(0.0, 0.0), side=900)
    assert len(apart.cells) == 18 and all(
        overlap(one.box, other.box) == 0 for one in apart.cells for other in apart.cells if one is not other
    )


def test_white_cells_hide_red_ones_and_platelets_darken_them():
    lone = field(5, {"basophil": 3}, thresholds=(0.0, 0.0))
    crowd = field(5, {"basophil": 3, RED_CELL: 150}, thresholds=(1.0, 1.0), strategy="random")
    assert lone.cells
    inside = within((crowd.owners > 0) & (crowd.owners < FIRST_SCENERY))
    assert inside.any() and np.ptp(crowd.rgb[inside], axis=0).max() < 1e-6
    assert (crowd.owners >= FIRST_SCENERY).any()

    more = {"platelet": (oval("platelet", 20, 20, (180, 160, 200)),)}
    reds = field(9, {"platelet": 40, RED_CELL: 150}, thresholds=(1.0, 1.0), more=more)
    platelets = within((reds.owners > 0) & (reds.owners < FIRST_SCENERY))
    lightest = GLASS / 255 * (180 / 240, 160 / 235, 200 / 230)
    assert (reds.rgb[platelets] < lightest * 1.1).all()
    # Some lie on red cells: there both take their share of the light.
    assert (reds.rgb[platelets] < lightest * np.array([200, 120, 110]) / GLASS * 1.12).all(1).mean() > 0.1


def test_see_through_multiplies_and_opaque_replaces():
    glass = field(3, {RED_CELL: 0}).rgb
    red = field(3, {RED_CELL: 1}, side=SIDE)
    inside = red.owners == FIRST_SCENERY
    ratios = red.rgb[inside] / glass[inside] * GLASS
    assert np.allclose(ratios, [200, 120, 110], atol=0.5) or np.allclose(ratios, [210, 130, 110], atol=0.5)
    assert np.allclose(red.rgb[~inside], glass[~inside], atol=1e-6)
    white = field(3, {"basophil": 1}, {"basophil": (10, 20, 30)})
    inside = within(white.owners == 1)
    assert inside.any() and np.allclose(white.rgb[inside], np.array([10, 20, 30]) / 255, atol=1e-6)


def test_dirt_lies_on_cells_and_owns_nothing():
    more = {ARTEFACT: (oval(ARTEFACT, 90, 90, (120, 110, 110)),)}
    clean = field(4, {"basophil": 12}, thresholds=(1.0, 1.0))
    dirty = field(4, {"basophil": 12, ARTEFACT: 8}, thresholds=(1.0, 1.0), more=more)
    assert set(np.unique(dirty.owners)) <= set(range(13))
    changed = np.abs(dirty.rgb - clean.rgb).max(2) > 0.05
    assert len(dirty.cells) == len(clean.cells) or changed.any()
    dark = dirty.rgb[dirty.owners > 0].min(1) < clean.rgb[clean.owners > 0].min() * 0.7
    assert dark.any()


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_nothing_is_annotated_in_the_dark(seed):
    y, x = np.mgrid[:SIDE, :SIDE]
    lit = np.hypot(x - SIDE / 2, y - SIDE / 2) < 0.45 * SIDE
    found = field(seed, {"basophil": 20, "monocyte": 20}, lit=lit)
    assert not ((found.owners > 0) & ~lit).any()
    for number, cell in enumerate(found.cells, 1):
        seen = found.owners == number
        assert seen.sum() >= (1 - COVERED) * INSIDE * cell.area_px
        assert extent(seen) == cell.box
    everywhere = field(seed, {"basophil": 20, "monocyte": 20})
    assert len(found.cells) < len(everywhere.cells)
    assert any(cell.cut for cell in found.cells) or len(found.cells) < 10


def test_cells_at_the_border_are_cut_and_say_so():
    cut = 0
    for seed in range(12):
        found = field(seed, {"basophil": 12})
        for number, cell in enumerate(found.cells, 1):
            x0, y0, x1, y1 = cell.box
            assert 0 <= x0 < x1 <= SIDE and 0 <= y0 < y1 <= SIDE
            if cell.cut:
                assert x0 == 0 or y0 == 0 or x1 == SIDE or y1 == SIDE
                assert (found.owners == number).sum() < cell.area_px
        cut += sum(cell.cut for cell in found.cells)
    assert cut


def test_nuclei_lie_in_their_cells_and_turn_with_them():
    found = field(2, {"basophil": 8}, thresholds=(0.0, 0.0))
    assert (found.owners[found.nuclei] > 0).all()
    for number, cell in enumerate(found.cells, 1):
        mine = found.nuclei & (found.owners == number)
        if not cell.cut:
            assert 0.2 < mine.sum() / cell.area_px < 0.3


def test_poses_differ_and_are_all_used():
    shapes = {cell.box[2] - cell.box[0] for seed in range(4) for cell in field(seed, {"basophil": 9}).cells}
    assert len(shapes) > 8
    corner = np.zeros((21, 21), np.uint8)
    corner[4:17, 4:17] = 255
    corner[4:10, 10:17] = 0
    lop = {RED_CELL: (Cutout(RED_CELL, np.full((21, 21, 3), 90, np.uint8), corner),)}
    reds = field(0, {RED_CELL: 40}, thresholds=(0.0, 0.0), more=lop)
    kinds = set()
    for number in range(FIRST_SCENERY, FIRST_SCENERY + 40):
        x0, y0, x1, y1 = extent(reds.owners == number)
        if (x1 - x0, y1 - y0) == (13, 13):
            kinds.add((reds.owners[y0:y1, x0:x1] == number).tobytes())
    assert len(kinds) == 8


@settings(max_examples=6)
@given(seed=st.integers(0, 2**31), strategy=st.sampled_from(STRATEGIES))
def test_equal_seeds_assemble_equal_fields(seed, strategy):
    counts = {"basophil": 3, RED_CELL: 40}
    one, other = (field(seed, counts, strategy=strategy) for _ in range(2))
    assert (one.rgb == other.rgb).all() and (one.owners == other.owners).all() and one.cells == other.cells
    assert (field(seed + 1, counts, strategy=strategy).rgb != one.rgb).any()


def test_scenery_has_no_box():
    more = {"platelet": (oval("platelet", 20, 20, (180, 160, 200)),)}
    counts = {"basophil": 2, "platelet": 6}
    assert len(field(0, counts, more=more, thresholds=(0.0, 0.0)).cells) == 8
    plain = field(0, counts, more=more, thresholds=(0.0, 0.0), annotated=OPAQUE)
    assert {cell.subtype for cell in plain.cells} == {"basophil"}
    assert len(np.unique(plain.owners[plain.owners >= FIRST_SCENERY])) == 6


def test_too_much_is_refused_with_what_fits():
    with pytest.raises(BadInput, match=r"\d+ of 400 cells fit in 200 x 200 px \(50 x 50 um\)"):
        field(0, {RED_CELL: 400}, thresholds=(0.0, 0.0), side=200)
    with pytest.raises(BadInput, match=r"\d of 12 cells fit"):
        field(0, {"basophil": 12}, thresholds=(0.0, 0.0), side=130)
    with pytest.raises(BadInput, match="larger than 30 x 30"):
        field(0, {"basophil": 1}, side=30)


def test_counts_that_make_no_sense_are_refused():
    with pytest.raises(BadInput, match="negative"):
        field(0, {RED_CELL: -1})
    with pytest.raises(BadInput, match="too many"):
        field(0, {"basophil": 1001})
    with pytest.raises(BadInput, match="too many"):
        field(0, {RED_CELL: 10**9})
    with pytest.raises(BadInput, match="no pool of it"):
        field(0, {"platelet": 1})
    with pytest.raises(BadInput, match="annotate it"):
        field(0, {"basophil": 1}, annotated=())


def test_what_covers_half_of_no_pixel_is_left_out():
    faint = dataclasses.replace(oval("basophil", 20, 20, (0, 0, 0)), alpha=np.full((29, 29), 100, np.uint8))
    found = field(0, {"basophil": 3}, more={"basophil": (faint,)})
    assert not found.cells and (found.rgb == field(0, {}).rgb).all()


def test_bare_glass_costs_no_red_cells():
    whole, patchy = (field(0, {RED_CELL: 200}, side=700, bare=bare) for bare in (0.0, 0.4))
    for found in (whole, patchy):
        assert len(np.unique(found.owners[found.owners > 0])) >= 195

    def unevenness(found):
        squares = (found.owners > 0).reshape(7, 100, 7, 100).mean((1, 3))
        return squares.std() / squares.mean()

    assert unevenness(patchy) > 1.5 * unevenness(whole)
