"""Otsu's thresholds against every split tried one by one, in whole numbers."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_wbc.core.otsu import otsu, otsu3


def brute_force(histogram: np.ndarray, classes: int) -> tuple[int, ...]:
    """The best thresholds among levels that occur, of ties the first in the order of their levels."""
    levels = [int(level) for level in histogram.nonzero()[0]]
    best, chosen = Fraction(-1), ()
    for ends in combinations(levels[:-1], classes - 1):
        between = Fraction(0)
        for low, high in zip((-1, *ends), (*ends, levels[-1]), strict=True):
            own = [level for level in levels if low < level <= high]
            count = sum(int(histogram[level]) for level in own)
            between += Fraction(sum(int(histogram[level]) * level for level in own) ** 2, count)
        if between > best:
            best, chosen = between, ends
    return chosen


histograms = st.lists(st.integers(0, 9), min_size=3, max_size=18).filter(lambda counts: sum(map(bool, counts)) >= 3)


@given(histograms)
def test_two_classes_are_the_best_of_all_splits(counts: list) -> None:
    histogram = np.array(counts)
    assert (otsu(histogram),) == brute_force(histogram, 2)


@given(histograms)
def test_three_classes_are_the_best_of_all_splits(counts: list) -> None:
    histogram = np.array(counts)
    assert otsu3(histogram) == brute_force(histogram, 3)


@given(st.integers(0, 2**32), st.integers(3, 256), st.floats(0.02, 1))
def test_three_classes_at_256_bins_are_the_best_of_the_whole_table(seed: int, bins: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    histogram = rng.integers(1, 10 ** int(rng.integers(1, 6)), bins) * (rng.random(bins) < share)
    levels = histogram.nonzero()[0]
    if len(levels) < 3:
        return
    # The middles of the classes, the distances to them squared: other sums than the code's own.
    best = min(
        _within(levels[:i], histogram) + _within(levels[i:j], histogram) + _within(levels[j:], histogram)
        for i, j in [(np.searchsorted(levels, low) + 1, np.searchsorted(levels, up) + 1) for low, up in _near(levels)]
    )
    low, up = otsu3(histogram)
    parts = levels[levels <= low], levels[(levels > low) & (levels <= up)], levels[levels > up]
    assert all(len(part) for part in parts)
    assert sum(_within(part, histogram) for part in parts) <= best * (1 + 1e-9) + 1e-9


def _near(levels: np.ndarray) -> list:
    """Pairs of levels to try: all, or where there are many every few."""
    few = levels[: -1 : max(1, len(levels) // 24)]
    return list(combinations(few, 2)) or [(levels[0], levels[1])]


def _within(levels: np.ndarray, histogram: np.ndarray) -> float:
    counts = histogram[levels].astype(float)
    return float((counts * (levels - np.average(levels, weights=counts)) ** 2).sum())


def test_of_equally_good_splits_the_lowest_is_taken() -> None:
    assert otsu(np.array([1, 1, 1])) == 0
    assert otsu3(np.array([1, 1, 1, 1])) == (0, 1)
    assert otsu3(np.ones(256, int)) == (84, 169)


def test_levels_that_do_not_occur_end_no_class() -> None:
    histogram = np.zeros(256, int)
    histogram[[10, 100, 200]] = 5, 7, 3
    assert otsu3(histogram) == (10, 100)
    assert otsu(histogram) in (10, 100)


def test_fewer_levels_than_classes() -> None:
    one, two = np.zeros((2, 256), int)
    one[40] = 9
    two[[40, 90]] = 9, 1
    assert otsu(one) == 40 and otsu3(one) == (40, 40)
    assert otsu(two) == 40 and otsu3(two) == (40, 40)


def test_float_and_whole_counts_give_the_same() -> None:
    histogram = np.random.default_rng(1).integers(0, 1000, 256)
    assert otsu3(histogram) == otsu3(histogram.astype(np.float32))


def test_agrees_with_scikit_image() -> None:
    filters = pytest.importorskip("skimage.filters", reason="scikit-image is not installed")
    for seed in range(20):
        histogram = np.random.default_rng(seed).integers(1, 1000, 256)
        theirs = filters.threshold_multiotsu(classes=3, hist=(histogram, np.arange(256)))
        assert otsu3(histogram) == tuple(int(level) for level in theirs)
