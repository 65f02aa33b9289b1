"""Papers' own tables as oracles."""

import numpy as np
import pytest

from edge_wbc.lab.evaluation import choose_threshold, evaluate, fit_temperature

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


def test_temperature_is_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (4000, 5))
    odds = np.exp(logits)
    truth = np.array([rng.choice(5, p=row / row.sum()) for row in odds])
    assert fit_temperature(2.5 * logits, truth) == pytest.approx(2.5, rel=0.1)


def test_threshold_keeps_the_error_rate() -> None:
    scores = np.linspace(1, 0.2, 101)
    right = scores > 0.5
    threshold = choose_threshold(scores, right, error_rate=0.05)
    kept = scores >= threshold
    assert (~right[kept]).mean() <= 0.05
    wider = scores >= threshold - 0.02
    assert (~right[wider]).mean() > 0.05
    assert choose_threshold(scores, np.zeros(101, bool)) == 0.95
