"""Every measure against scikit-learn's own, or scipy's."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from edge_wbc.lab.comparison.measures import ALL, Figure, figures_of, over_cells, over_seeds
from edge_wbc.lab.evaluation import bootstrap_intervals

LABELS = ("neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil")


@st.composite
def judged(draw: st.DrawFn) -> tuple[list[str], np.ndarray]:
    """Truth that may lack classes, and scores with ties among them."""
    n = draw(st.integers(1, 40))
    truth = draw(st.lists(st.sampled_from(LABELS), min_size=n, max_size=n))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    scores = chance.integers(1, draw(st.sampled_from((3, 50))), (n, len(LABELS))).astype(float)
    return truth, scores / scores.sum(1, keepdims=True)


@settings(max_examples=40)
@given(judged())
def test_classes_are_scikit_learns_one_against_the_rest(both: tuple[list[str], np.ndarray]) -> None:
    truth, scores = both
    found = figures_of(truth, scores, LABELS)
    guesses = np.asarray(LABELS)[scores.argmax(1)]
    for column, label in enumerate(LABELS):
        mine, said = np.asarray(truth) == label, guesses == label
        got = {measure: found[label, measure] for _, measure in found if _ == label}
        if not mine.any():
            assert got.pop("support") == Figure(0.0, share=False)
            assert set(got.values()) == {None}
            continue
        assert got["accuracy"].value == pytest.approx(accuracy_score(mine, said))
        assert got["precision"].value == pytest.approx(precision_score(mine, said, zero_division=0))
        assert got["sensitivity"].value == pytest.approx(recall_score(mine, said))
        assert got["f1"].value == pytest.approx(f1_score(mine, said, zero_division=0))
        assert got["support"].value == mine.sum()
        if mine.all():
            assert got["specificity"] is got["misdiagnosis"] is got["auc"] is None
        else:
            assert got["specificity"].value == pytest.approx(recall_score(~mine, ~said))
            assert got["misdiagnosis"].value == pytest.approx(1 - got["specificity"].value)
            assert got["auc"].value == pytest.approx(roc_auc_score(mine, scores[:, column]))


@settings(max_examples=40)
@given(judged())
def test_means_are_scikit_learns_over_the_classes_that_occur(both: tuple[list[str], np.ndarray]) -> None:
    truth, scores = both
    found = figures_of(truth, scores, LABELS)
    guesses = np.asarray(LABELS)[scores.argmax(1)]
    occurring = [label for label in LABELS if label in truth]
    over = {"labels": occurring, "average": "macro", "zero_division": 0}
    assert found[ALL, "accuracy"].value == pytest.approx(accuracy_score(truth, guesses))
    assert found[ALL, "precision"].value == pytest.approx(precision_score(truth, guesses, **over))
    assert found[ALL, "sensitivity"].value == pytest.approx(recall_score(truth, guesses, **over))
    assert found[ALL, "f1"].value == pytest.approx(f1_score(truth, guesses, **over))
    alphabetical = sorted(LABELS)
    columns = [LABELS.index(label) for label in alphabetical]
    assert found[ALL, "loss"].value == pytest.approx(log_loss(truth, scores[:, columns], labels=alphabetical))
    if len(occurring) == len(LABELS):
        macro = roc_auc_score(truth, scores[:, columns], labels=alphabetical, multi_class="ovr", average="macro")
        assert found[ALL, "auc"].value == pytest.approx(macro)
    low, value, high = (getattr(found[ALL, "accuracy"], end) for end in ("low", "value", "high"))
    exact = scipy.stats.binomtest(round(value * len(truth)), len(truth)).proportion_ci(method="exact")
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-6)


def test_a_score_of_nothing_for_the_truth_is_a_finite_loss() -> None:
    found = figures_of(["neutrophil", "monocyte"], np.eye(5)[[1, 2]], LABELS)
    assert found[ALL, "loss"].value == pytest.approx(log_loss([0, 1], [[0.0, 1.0], [0.0, 1.0]], labels=[0, 1]))
    with pytest.raises(ValueError, match="no cell"):
        figures_of([], np.zeros((0, 5)), LABELS)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_seeds_give_students_interval_within_0_and_1(values: list[float]) -> None:
    found = over_seeds([Figure(value) for value in values])
    assert found is not None and found.low is not None and found.high is not None
    assert found.value == pytest.approx(np.mean(values))
    if np.std(values) > 1e-9:
        low, high = scipy.stats.t.interval(0.95, len(values) - 1, np.mean(values), scipy.stats.sem(values))
        assert (found.low, found.high) == pytest.approx((max(0, low), min(1, high)))


def test_one_training_keeps_its_limits_and_none_has_no_figure() -> None:
    one = Figure(0.5, 0.4, 0.6)
    assert over_seeds([one]) is one and over_seeds([None, one]) is one and over_seeds([]) is None
    assert over_cells([one, Figure(0.7, 0.6, 0.9)]) == Figure(
        pytest.approx(0.6), pytest.approx(0.5), pytest.approx(0.75)
    )
    loss = over_seeds([Figure(2.0, share=False), Figure(2.5, share=False)])
    assert loss is not None and loss.high is not None and loss.high > 2.5 and not loss.share


def test_bootstrap_of_macro_precision_is_that_of_resampled_cells() -> None:
    table = np.array([[30, 10], [5, 15]])
    chance = np.random.default_rng(1)
    truth, guesses = np.repeat([0, 0, 1, 1], table.ravel()), np.repeat([0, 1, 0, 1], table.ravel())
    draws = []
    for _ in range(1000):
        rows = np.concatenate(
            [chance.choice(np.flatnonzero(truth == label), (truth == label).sum()) for label in (0, 1)]
        )
        drawn = confusion_matrix(truth[rows], guesses[rows], labels=[0, 1])
        draws.append(np.mean(np.diag(drawn) / drawn.sum(0)))
    assert bootstrap_intervals(table)["macro_precision"] == pytest.approx(np.percentile(draws, (2.5, 97.5)), abs=0.02)
