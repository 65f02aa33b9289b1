"""The majority vote of several networks, and the AUC that chooses an epoch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from edge_wbc.lab.evaluation.auc import macro_auc
from edge_wbc.lab.evaluation.vote import majority_vote


def test_most_votes_win_however_sure_the_others_are() -> None:
    labels, scores = majority_vote(np.array([[[0.4, 0.35, 0.25]], [[0.4, 0.3, 0.3]], [[0.0, 1.0, 0.0]]]))
    assert labels.tolist() == [0]
    np.testing.assert_allclose(scores, [[(2 + 0.8 / 3) / 4, (1 + 1.65 / 3) / 4, (0 + 0.55 / 3) / 4]])


def test_a_tie_goes_to_the_highest_summed_probability() -> None:
    two = np.array([[[0.6, 0.4, 0.0], [0.6, 0.4, 0.0]], [[0.1, 0.9, 0.0], [0.45, 0.55, 0.0]]])
    assert majority_vote(two)[0].tolist() == [1, 0]
    # Each names another: the label that none names first has the highest sum, and still no vote.
    none = np.array([[[0.4, 0.0, 0.0, 0.3, 0.3]], [[0.0, 0.4, 0.0, 0.3, 0.3]], [[0.0, 0.0, 0.41, 0.3, 0.29]]])
    assert none.sum(0).argmax() == 3
    assert majority_vote(none)[0].tolist() == [2]


@given(st.integers(1, 6), st.integers(1, 5), st.integers(2, 7), st.integers(0, 2**32 - 1))
def test_against_counting(networks: int, cells: int, labels: int, seed: int) -> None:
    # Few distinct numbers, so that ties of every kind occur.
    raw = np.random.default_rng(seed).integers(1, 4, (networks, cells, labels)).astype(float)
    scores = raw / raw.sum(2, keepdims=True)
    named, together = majority_vote(scores)
    assert together.shape == (cells, labels)
    np.testing.assert_allclose(together.sum(1), 1)
    assert np.array_equal(named, together.argmax(1))
    for cell in range(cells):
        votes = np.bincount(scores[:, cell].argmax(1), minlength=labels)
        first = np.flatnonzero(votes == votes.max())
        sums = scores[:, cell].sum(0)
        assert named[cell] in first and sums[named[cell]] == pytest.approx(sums[first].max())


def test_one_network_votes_as_it_says() -> None:
    scores = np.random.default_rng(0).dirichlet(np.ones(5), 20)
    assert np.array_equal(majority_vote(scores[None])[0], scores.argmax(1))


def test_macro_auc_is_scikit_learns() -> None:
    chance = np.random.default_rng(1)
    scores, targets = chance.dirichlet(np.ones(4), 60), chance.integers(0, 4, 60)
    expected = roc_auc_score(targets, scores, multi_class="ovr", average="macro")
    assert macro_auc(targets, scores) == pytest.approx(expected)
    # A label that no cell has stays out of the mean; with one label alone there is none.
    few = np.where(targets == 3, 0, targets)
    assert macro_auc(few, scores) == pytest.approx(
        np.mean([roc_auc_score(few == label, scores[:, label]) for label in range(3)])
    )
    assert np.isnan(macro_auc(np.zeros(5, int), scores[:5]))
