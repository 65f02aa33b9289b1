import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.synthesis.counts import NUCLEATED, PLATELETS, Counts, draw_counts
from edge_wbc.lab.synthesis.cutouts import ANNOTATED, POOL_NAMES, RED_CELL

DRAWS = 4000


def cut_gaussian(mean, deviation):
    """Mean of a Gaussian of which what lies below zero counts as zero."""
    z = mean / deviation
    return mean * (1 + math.erf(z / math.sqrt(2))) / 2 + deviation * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def drawn(counts, seed=0):
    rng = np.random.default_rng(seed)
    return [draw_counts(rng, counts) for _ in range(DRAWS)]


def test_seventeen_subtypes_are_of_two_kinds():
    assert len(PLATELETS) == 3 and len(NUCLEATED) == 14 and {*PLATELETS, *NUCLEATED} == set(ANNOTATED)


def test_means_are_those_of_the_cut_gaussians_less_what_the_stick_leaves_over():
    fields = drawn(Counts())
    red = np.mean([field[RED_CELL] for field in fields])
    assert red == pytest.approx(669, abs=4 * 149 / math.sqrt(DRAWS))
    for names, (mean, deviation) in ((NUCLEATED, (8.6, 10.5)), (PLATELETS, (4.3, 4.8))):
        # A part 1 - u of the rest is left at each of k steps, on average 2 ** -k of the whole.
        given_out = 1 - np.mean([2.0**-k for k in range(1, len(names) + 1)])
        totals = [sum(field[name] for name in names) for field in fields]
        wanted = cut_gaussian(mean, deviation) * given_out
        assert np.mean(totals) == pytest.approx(wanted, abs=4 * np.std(totals) / math.sqrt(DRAWS) + 0.15)
        each = [np.mean([field[name] for field in fields]) for name in names]
        assert max(each) < 1.35 * min(each)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 500), st.integers(0, 500), st.sets(st.sampled_from(ANNOTATED), min_size=1), st.integers(0, 2**31))
def test_fixed_counts_are_kept_and_never_exceeded(white, platelets, subtypes, seed):
    told = {"red": (7, 0), "white": (white, 0), "platelets": (platelets, 0), "subtypes": tuple(subtypes)}
    for mix in ("algorithm-1", "even"):
        found = draw_counts(np.random.default_rng(seed), Counts(**told, mix=mix))
        assert tuple(found) == POOL_NAMES and min(found.values()) >= 0 and found[RED_CELL] == 7
        assert not any(count for name, count in found.items() if name not in {*subtypes, RED_CELL})
        for names, total in ((NUCLEATED, white), (PLATELETS, platelets)):
            got = sum(found[name] for name in names)
            assert got <= total
            if mix == "even":
                assert got == (total if subtypes & set(names) else 0)


def test_the_first_share_is_the_largest_and_a_remainder_is_left():
    counts = Counts(white=(1000, 0), platelets=(0, 0))
    sorted_parts = np.sort([[field[name] for name in NUCLEATED] for field in drawn(counts)], axis=1)
    # k is drawn alike from 1 to 14, so that the kinds that occur are many where the count is huge.
    assert 0.55 < sorted_parts[:, -1].mean() / 1000 < 0.66
    assert (sorted_parts.sum(1) < 1000).mean() > 0.5
    assert {(row > 0).sum() for row in sorted_parts} >= {1, 2, 3, 4, 5}


def test_equal_generators_draw_equal_counts():
    assert draw_counts(np.random.default_rng(3), Counts()) == draw_counts(np.random.default_rng(3), Counts())


@pytest.mark.parametrize(
    "changed",
    [
        {"red": (-1, 0)},
        {"white": (1, -1)},
        {"platelets": (10**9, 0)},
        {"red": (float("nan"), 0)},
        {"white": (8, float("inf"))},
        {"subtypes": ()},
        {"subtypes": ("band", "band")},
        {"subtypes": ("neutrophil",)},
        {"subtypes": (RED_CELL,)},
        {"mix": "odd"},
    ],
)
def test_bad_counts_are_refused(changed):
    with pytest.raises(BadInput, match=next(iter(changed))):
        Counts(**changed)
