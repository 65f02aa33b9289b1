"""The calibration sample: balanced, repeatable, without doubles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.calibration import calibration_set, relit, stratified

labels_of_crops = st.lists(st.integers(0, 6), min_size=1, max_size=300).map(np.array)


@given(labels_of_crops, st.integers(1, 250), st.integers(0, 1000))
def test_the_sample_is_full_without_doubles_and_repeatable(labels, count, seed):
    chosen = stratified(labels, count, seed)
    assert len(chosen) == min(count, len(labels)) == len(set(chosen.tolist()))
    assert chosen.min() >= 0 and chosen.max() < len(labels)
    np.testing.assert_array_equal(chosen, stratified(labels, count, seed))


@given(labels_of_crops, st.integers(1, 250), st.integers(1, 250))
def test_every_beginning_is_balanced(labels, count, beginning):
    """A label has at most one crop more than another, unless the other has run out."""
    taken = labels[stratified(labels, count)[:beginning]]
    counts = {label: int((taken == label).sum()) for label in np.unique(labels)}
    most = max(counts.values())
    assert all(held >= most - 1 or held == (labels == label).sum() for label, held in counts.items())


def test_another_seed_takes_other_crops():
    labels = np.repeat(np.arange(5), 100)
    assert set(stratified(labels, 50, 0).tolist()) != set(stratified(labels, 50, 1).tolist())


@pytest.mark.parametrize("labels, count", [(np.array([], int), 5), (np.array([1]), 0)])
def test_nothing_to_take_is_refused(labels, count):
    with pytest.raises(ValueError):
        stratified(labels, count)


def test_relit_crops_stay_near_and_follow_the_seed():
    crops = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3)).astype(np.uint8)
    once, again, other = relit(crops, 1), relit(crops, 1), relit(crops, 2)
    np.testing.assert_array_equal(once, again)
    assert once.dtype == np.uint8 and once.shape == crops.shape and (once != other).any()
    means = once.mean(axis=(1, 2)) / crops.mean(axis=(1, 2))
    assert means.min() > 0.7 and means.max() < 1.35


def test_the_set_is_the_sample_and_then_the_sample_relit():
    crops = np.random.default_rng(0).integers(0, 256, (9, 4, 4, 3)).astype(np.uint8)
    labels = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    found = calibration_set(crops, labels, count=6, seed=4)
    plain = crops[stratified(labels, 6, 4)]
    np.testing.assert_array_equal(found[:6], plain)
    np.testing.assert_array_equal(found[6:], relit(plain, 4))
