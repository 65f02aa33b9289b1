"""Counts, percentages and exact intervals."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core.differential import differential, exact_interval

FIVE = ("neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil")


@pytest.mark.parametrize("n", [1, 2, 3, 10, 37, 100, 283, 1000, 20000])
def test_against_scipy(n):
    stats = pytest.importorskip("scipy.stats")
    for k in sorted({0, 1, n // 3, n // 2, n - 1, n}):
        for confidence in (0.95, 0.8, 0.999):
            theirs = stats.binomtest(k, n).proportion_ci(confidence, method="exact")
            assert exact_interval(k, n, confidence) == pytest.approx((theirs.low, theirs.high), rel=1e-8, abs=1e-12)


def test_known_limits():
    # Closed forms: nothing of n, all of n, one of one.
    assert exact_interval(0, 20) == pytest.approx((0.0, 1 - 0.025 ** (1 / 20)), abs=1e-12)
    assert exact_interval(20, 20) == pytest.approx((0.025 ** (1 / 20), 1.0), abs=1e-12)
    assert exact_interval(1, 1) == pytest.approx((0.025, 1.0), abs=1e-12)
    assert exact_interval(0, 1) == pytest.approx((0.0, 0.975), abs=1e-12)
    # Clopper and Pearson by R's binom.test(3, 10).
    assert exact_interval(3, 10) == pytest.approx((0.06673951, 0.65245285), abs=1e-8)


@settings(deadline=None, max_examples=150)
@given(data=st.data(), n=st.integers(1, 3000))
def test_limits_hold_the_share_rise_with_it_and_mirror(data, n):
    k = data.draw(st.integers(0, n))
    low, high = exact_interval(k, n)
    assert 0 <= low <= k / n <= high <= 1 and low < high
    assert (low == 0, high == 1) == (k == 0, k == n)
    mirrored = exact_interval(n - k, n)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-9)
    if k < n:
        above = exact_interval(k + 1, n)
        assert above[0] > low and above[1] > high
    wider = exact_interval(k, n, 0.99)
    assert wider[0] <= low and wider[1] >= high
    more = exact_interval(2 * k, 2 * n)
    assert more[1] - more[0] < high - low


def test_many_cells_are_fast():
    started = time.perf_counter()
    for k in (0, 1, 2500, 4999, 5000):
        exact_interval(k, 5000)
    # About 0.01 s here; summing the whole tail took 0.4 s for each.
    assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0, 0), (1, 0)])
def test_no_proportion(k, n):
    with pytest.raises(ValueError, match=f"{k} of {n}"):
        exact_interval(k, n)


def test_counts_and_what_they_are_counted_of():
    labels = ["neutrophil"] * 6 + ["lymphocyte"] * 3 + ["basophil"] + ["burst", "artifact", "platelet"]
    shares = differential(labels, FIVE)
    assert tuple(shares) == FIVE
    assert [share.count for share in shares.values()] == [6, 3, 0, 0, 1]
    # The burst, the artifact and the platelet are not in the denominator.
    assert [share.percent for share in shares.values()] == [60, 30, 0, 0, 10]
    low, high = exact_interval(3, 10)
    assert shares["lymphocyte"].ci95 == pytest.approx((100 * low, 100 * high))


@pytest.mark.parametrize("labels", [[], ["burst", "artifact"]])
def test_nothing_to_count_says_nothing(labels):
    for share in differential(labels, FIVE).values():
        assert (share.count, share.percent, share.ci95) == (0, 0.0, (0.0, 100.0))
