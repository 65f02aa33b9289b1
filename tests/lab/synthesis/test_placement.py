import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.synthesis.placement import (
    EXTENTS,
    MOST_CELLS,
    STRATEGIES,
    PlacementOptions,
    candidates_of,
    jaccard,
    place,
)

CANVAS = (160, 120)
SIZES = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=60)
RANGES = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda pair: (min(pair), max(pair)))
SEEDS = st.integers(0, 2**31)


def placed_boxes(sizes, done):
    boxes = np.hstack([done.corners, done.corners + np.asarray(sizes)])
    return [(tuple(box), limit) for box, limit, there in zip(boxes, done.limits, done.placed, strict=True) if there]


def by_pixels(one, other):
    """Jaccard index by counting pixels."""
    masks = np.zeros((2, 300, 300), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, (one, other), strict=True):
        mask[y0 + 50 : y1 + 50, x0 + 50 : x1 + 50] = True
    return (masks[0] & masks[1]).sum() / max(1, (masks[0] | masks[1]).sum())


@settings(max_examples=60, deadline=None)
@given(
    SIZES, RANGES, SEEDS, st.sampled_from(["exact", "random", "blocks"]), st.sampled_from(EXTENTS), st.integers(1, 90)
)
def test_no_cell_overlaps_an_earlier_one_by_more_than_its_limit(sizes, thresholds, seed, strategy, inside, block):
    options = PlacementOptions(strategy, thresholds, inside=inside, block=block, most_tries=40)
    done = place(sizes, CANVAS, options, np.random.default_rng(seed))
    boxes = placed_boxes(sizes, done)
    for number, (box, limit) in enumerate(boxes):
        assert thresholds[0] <= limit <= thresholds[1]
        assert all(jaccard(box, other) <= limit for other, _ in boxes[:number])


@settings(max_examples=40, deadline=None)
@given(SIZES, SEEDS, st.sampled_from(STRATEGIES), st.sampled_from(EXTENTS))
def test_cells_stay_on_the_canvas_and_what_is_left_out_is_told(sizes, seed, strategy, inside):
    options = PlacementOptions(strategy, (0.0, 0.05), inside=inside, most_tries=30)
    done = place(sizes, CANVAS, options, np.random.default_rng(seed))
    assert done.corners.shape == (len(sizes), 2) and done.placed.shape == (len(sizes),)
    assert len(sizes) <= done.tries <= 30 * len(sizes)
    assert done.tries >= done.placed.sum() + 30 * (~done.placed).sum()
    assert not done.corners[~done.placed].any()
    for (x0, y0, x1, y1), _ in placed_boxes(sizes, done):
        if inside == "whole":
            assert 0 <= x0 and x1 <= CANVAS[0] and 0 <= y0 and y1 <= CANVAS[1]
        assert 0 <= (x0 + x1) // 2 < CANVAS[0] and 0 <= (y0 + y1) // 2 < CANVAS[1]


@settings(max_examples=40, deadline=None)
@given(SIZES, RANGES, SEEDS)
def test_the_exact_index_decides_as_brute_force_does(sizes, thresholds, seed):
    ways = [
        place(sizes, CANVAS, PlacementOptions(strategy, thresholds, most_tries=40), np.random.default_rng(seed))
        for strategy in ("random", "exact")
    ]
    assert (ways[0].corners == ways[1].corners).all() and (ways[0].placed == ways[1].placed).all()
    assert ways[0].tries == ways[1].tries and ways[0].comparisons >= ways[1].comparisons


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_equal_generators_give_equal_placements(strategy):
    sizes = np.random.default_rng(0).integers(5, 40, (80, 2))
    one, same, other = (
        place(sizes, (400, 300), PlacementOptions(strategy), np.random.default_rng(s)) for s in (1, 1, 2)
    )
    assert (one.corners == same.corners).all() and one.comparisons == same.comparisons
    assert (one.corners != other.corners).any()


boxes = st.tuples(*[st.integers(-40, 120)] * 2, *[st.integers(1, 60)] * 2).map(
    lambda told: (told[0], told[1], told[0] + told[2], told[1] + told[3])
)


@settings(max_examples=100, deadline=None)
@given(boxes, boxes)
def test_the_jaccard_index_counts_pixels(one, other):
    assert jaccard(one, other) == pytest.approx(by_pixels(one, other))
    assert jaccard(one, one) == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(boxes, min_size=1, max_size=30), boxes, st.integers(1, 90))
def test_grid_and_blocks_miss_no_neighbour(known, asked, block):
    sizes = [(x1 - x0, y1 - y0) for x0, y0, x1, y1 in [*known, asked]]
    for strategy in ("exact", "blocks", "random"):
        index = candidates_of(PlacementOptions(strategy, block=block), CANVAS, sizes, np.random.default_rng(0))
        for box in known:
            index.add(box)
        assert {box for box in known if jaccard(box, asked) > 0} <= set(index.near(asked))


def test_comparisons_are_counted():
    # Four boxes that never touch, each compared with all before it: 0 + 1 + 2 + 3.
    sizes = [(1, 1)] * 4
    done = place(sizes, (30_000, 30_000), PlacementOptions("random"), np.random.default_rng(0))
    assert (done.comparisons, done.tries) == (6, 4)
    done = place(sizes, (30_000, 30_000), PlacementOptions("exact"), np.random.default_rng(0))
    assert done.comparisons == 0


def test_the_first_cells_of_the_papers_hash_are_placed_blindly_and_it_misses_neighbours():
    sizes = [(30, 30)] * 60
    none = PlacementOptions("lsh-paper", (0.0, 0.0))
    blind = place(sizes, (200, 200), none, np.random.default_rng(0))
    assert blind.placed.all() and blind.comparisons == 0 and blind.tries == 60
    seeing = place(sizes, (200, 200), PlacementOptions("lsh-paper", (0.0, 0.0), unqueried=0), np.random.default_rng(0))
    assert seeing.comparisons > 0
    boxes = [box for box, _ in placed_boxes(sizes, seeing)]
    assert any(jaccard(one, other) > 0 for k, one in enumerate(boxes) for other in boxes[:k])


def test_more_bits_make_smaller_buckets():
    sizes = [(30, 30)] * 300
    counts = [
        place(sizes, (1024, 1024), PlacementOptions("lsh-paper", bits=bits), np.random.default_rng(0)).comparisons
        for bits in (1, 4, 16)
    ]
    assert counts[0] > 1.5 * counts[1] > 2 * counts[2]


def test_blocks_are_filled_evenly():
    sizes = [(4, 4)] * 640
    spread = {}
    for strategy in ("random", "blocks"):
        done = place(sizes, (1024, 1024), PlacementOptions(strategy, (1.0, 1.0)), np.random.default_rng(0))
        middles = (done.corners + 2) // 128
        spread[strategy] = np.bincount(middles[:, 0] * 8 + middles[:, 1], minlength=64)
    assert (spread["blocks"] == 10).all() and spread["random"].std() > 2


def test_a_crowded_canvas_says_what_fits():
    done = place([(20, 20)] * 50, (60, 60), PlacementOptions(thresholds=(0.0, 0.0)), np.random.default_rng(0))
    assert 4 <= done.placed.sum() < 20
    with pytest.raises(BadInput, match=r"2 of 3 cells are larger than 40 x 40 px; 1 fit; all need 50 x 60 px"):
        place([(50, 10), (10, 60), (40, 40)], (40, 40), PlacementOptions(), np.random.default_rng(0))


def test_no_cells_are_placed_nowhere():
    done = place([], CANVAS, PlacementOptions(), np.random.default_rng(0))
    assert done.corners.shape == (0, 2) and done.tries == 0


@pytest.mark.parametrize(
    "sizes, canvas",
    [
        ([(0, 5)], CANVAS),
        ([(5, -1)], CANVAS),
        ([(5.5, 5.0)], CANVAS),
        ([5, 5], CANVAS),
        ([(5, 5, 5)], CANVAS),
        ([(5, 5)], (0, 10)),
        ([(5, 5)], (10, 10**6)),
        (np.ones((MOST_CELLS + 1, 2), int), CANVAS),
    ],
)
def test_bad_sizes_and_canvases_are_refused(sizes, canvas):
    with pytest.raises(BadInput):
        place(sizes, canvas, PlacementOptions(), np.random.default_rng(0))


@pytest.mark.parametrize(
    "changed",
    [
        {"strategy": "hash"},
        {"inside": "outside"},
        {"thresholds": (0.2, 0.1)},
        {"thresholds": (-0.1, 0.1)},
        {"thresholds": (0.1, 1.1)},
        {"thresholds": (float("nan"), 1.0)},
        {"most_tries": 0},
        {"most_tries": 10**9},
        {"unqueried": -1},
        {"bits": 0},
        {"block": 0},
    ],
)
def test_bad_options_are_refused(changed):
    with pytest.raises(BadInput, match=next(iter(changed))):
        PlacementOptions(**changed)
