"""Papers' own tables as oracles."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge_wbc.lab.evaluation import bootstrap_intervals, evaluate

# Yu et al., Table II, rows read as actual; order as printed.
YU = ("mono", "lymph", "baso", "eos", "atyp", "neut", "stab")
YU_TABLE = np.array(
    [
        [20, 1, 0, 0, 21, 0, 1],
        [0, 78, 0, 0, 50, 0, 0],
        [0, 0, 6, 0, 0, 0, 0],
        [0, 0, 0, 12, 3, 0, 3],
        [1, 1, 0, 0, 247, 0, 0],
        [3, 3, 0, 1, 37, 668, 9],
        [1, 1, 0, 0, 5, 2, 27],
    ]
)
# Recomputed from Table II: sensitivity, specificity.
YU_MEASURES = {
    "mono": (0.465, 0.996),
    "lymph": (0.609, 0.994),
    "baso": (1.0, 1.0),
    "eos": (0.667, 0.999),
    "atyp": (0.992, 0.878),
    "neut": (0.926, 0.996),
    "stab": (0.750, 0.989),
}


def from_table(table: np.ndarray, labels: tuple[str, ...]) -> dict:
    truth, columns = [], []
    for row, label in enumerate(labels):
        for column, count in enumerate(table[row]):
            truth += [label] * count
            columns += [column] * count
    return evaluate(truth, np.eye(len(labels))[columns], labels)


def test_yu_table_ii() -> None:
    found = from_table(YU_TABLE, YU)
    assert found["n"] == 1201
    assert found["accuracy"] == pytest.approx(0.8809, abs=5e-5)
    assert found["confusion"] == YU_TABLE.tolist()
    for label, (sensitivity, specificity) in YU_MEASURES.items():
        assert found["per_class"][label]["sensitivity"] == pytest.approx(sensitivity, abs=5e-4)
        assert found["per_class"][label]["specificity"] == pytest.approx(specificity, abs=6e-4)


def test_raabin_f1_follows_from_its_precision_and_sensitivity() -> None:
    # Table 9, ResNet18 on test-B: lymphocyte P 21 S 94 F1 34; neutrophil P 100 S 2 F1 3 (supports 148 and 1,971).
    table = np.array([[139, 9], [523, 0]])
    found = from_table(table, ("lymphocyte", "neutrophil"))
    assert found["per_class"]["lymphocyte"]["precision"] == pytest.approx(0.21, abs=0.005)
    assert found["per_class"]["lymphocyte"]["f1"] == pytest.approx(0.34, abs=0.005)


def test_only_occurring_classes_count_and_a_guess_outside_is_wrong() -> None:
    labels = ("neutrophil", "lymphocyte", "monocyte", "platelet")
    scores = np.array([[0.9, 0, 0, 0.1], [0.1, 0, 0, 0.9], [0, 0.6, 0.4, 0]])
    found = evaluate(["neutrophil", "neutrophil", "lymphocyte"], scores, labels, uncertain_below=0.7)
    assert found["labels"] == ["neutrophil", "lymphocyte", "platelet"]
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["balanced_accuracy"] == pytest.approx(0.75)
    assert found["coverage"] == pytest.approx(2 / 3)
    assert found["accuracy_when_certain"] == pytest.approx(0.5)
    low, high = found["accuracy_ci95"]
    assert low < 2 / 3 < high


def test_the_guards_output_names_no_white_cell_and_its_crops_do_not_count() -> None:
    labels = ("neutrophil", "lymphocyte", "artifact")
    scores = np.array([[0.3, 0.1, 0.6], [0.1, 0.8, 0.1], [0.2, 0.7, 0.1], [0.0, 0.1, 0.9], [0.9, 0.1, 0.0]])
    truth = ["neutrophil", "lymphocyte", "neutrophil", "artifact", "artifact"]
    found = evaluate(truth, scores, labels, uncertain_below=0.75)
    assert found["n"] == 3 and found["labels"] == ["neutrophil", "lymphocyte"]
    assert found["confusion"] == [[1, 1], [0, 1]]
    # The first is named artifact, the third stays below the threshold: the second alone is certain.
    assert found["coverage"] == pytest.approx(1 / 3)
    assert found["accuracy_when_certain"] == 1.0


def test_balanced_accuracy_5_leaves_rare_classes_out() -> None:
    labels = ("neutrophil", "monocyte", "basophil")
    found = from_table(np.array([[8, 2, 0], [1, 4, 0], [4, 0, 0]]), labels)
    assert found["balanced_accuracy"] == pytest.approx((0.8 + 0.8 + 0) / 3)
    assert found["balanced_accuracy_5"] == pytest.approx(0.8)
    few = from_table(np.array([[3, 1, 0], [0, 4, 0], [0, 0, 2]]), labels)
    assert few["balanced_accuracy_5"] is None and few["balanced_accuracy_5_ci95"] is None


def test_bootstrap_limits_hold_the_truth_19_times_in_20() -> None:
    chance = np.random.default_rng(0)
    held = {"balanced_accuracy": 0, "accuracy": 0}
    for trial in range(400):
        hits = chance.binomial((80, 60), (0.8, 0.65))
        limits = bootstrap_intervals([[hits[0], 80 - hits[0]], [60 - hits[1], hits[1]]], 500, trial)
        for name, true in (("balanced_accuracy", 0.725), ("accuracy", (64 + 39) / 140)):
            low, high = limits[name]
            held[name] += low <= true <= high
    for count in held.values():
        assert 0.91 <= count / 400 <= 0.98


def test_bootstrap_draws_cells_within_their_class() -> None:
    # scipy's own, on the cells themselves, for the sensitivity of one class.
    cells = np.repeat([1.0, 0.0], [33, 7])
    theirs = scipy.stats.bootstrap((cells,), np.mean, n_resamples=4000, method="percentile", rng=0).confidence_interval
    mine = bootstrap_intervals([[33, 7], [0, 25]], 4000)["balanced_accuracy"]
    assert mine == pytest.approx([(theirs.low + 1) / 2, (theirs.high + 1) / 2], abs=0.013)


@given(arrays(int, st.integers(1, 5).map(lambda size: (size, size)), elements=st.integers(0, 40)))
def test_bootstrap_limits_are_shares_around_the_figure(table: np.ndarray) -> None:
    assume(table.sum() > 0)
    for name, limits in bootstrap_intervals(table, 200).items():
        if limits is None:
            assert name == "balanced_accuracy_5" and table.sum(1).max() < 5
            continue
        low, high = limits
        assert 0 <= low <= high <= 1
        if name == "accuracy":
            assert low <= np.trace(table) / table.sum() <= high
    assert bootstrap_intervals(table, 200) == bootstrap_intervals(table, 200)
