"""The calibration sample: balanced, repeatable, without doubles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.calibration import stratified

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
