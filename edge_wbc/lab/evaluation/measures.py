"""Per-class precision, sensitivity, specificity and F1, accuracy with exact limits: the JSON of `evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from edge_wbc.core.differential import exact_interval

__all__ = ["evaluate"]


def _ratio(over: float, under: float) -> float:
    return float(over / under) if under else 0.0


def evaluate(
    truth: Sequence[str], scores: np.ndarray, labels: Sequence[str], uncertain_below: float = 0.0
) -> dict[str, Any]:
    """Compares predictions with the truth, over the classes that occur in either.

    Args:
        truth: N labels.
        scores: (N, len(labels)) probabilities.
        uncertain_below: a highest probability under it counts as "uncertain" in `coverage`.

    Returns:
        The object that the contract of ``evaluate --json`` names. Balanced accuracy and macro-F1 are means over
        the classes that occur in the truth (Raabin-WBC, Table 8, for the per-class measures).
    """
    guesses = np.asarray(labels)[scores.argmax(1)]
    actual = np.asarray(truth)
    occurring = [label for label in labels if label in set(actual) | set(guesses)]
    occurring += sorted(set(actual) - set(occurring))
    table = confusion_matrix(actual, guesses, labels=occurring)
    n, right = int(table.sum()), int(np.trace(table))
    per_class = {}
    for row, label in enumerate(occurring):
        hit, support, said = int(table[row, row]), int(table[row].sum()), int(table[:, row].sum())
        precision, sensitivity = _ratio(hit, said), _ratio(hit, support)
        per_class[label] = {
            "precision": precision,
            "sensitivity": sensitivity,
            "specificity": _ratio(n - support - said + hit, n - support),
            "f1": _ratio(2 * precision * sensitivity, precision + sensitivity),
            "support": support,
        }
    supported = [row for row in per_class.values() if row["support"]]
    certain = scores.max(1) >= uncertain_below
    return {
        "n": n,
        "accuracy": _ratio(right, n),
        "accuracy_ci95": list(exact_interval(right, n)),
        "balanced_accuracy": float(np.mean([row["sensitivity"] for row in supported])),
        "macro_f1": float(np.mean([row["f1"] for row in supported])),
        "coverage": float(certain.mean()),
        "accuracy_when_certain": float((guesses == actual)[certain].mean()) if certain.any() else None,
        "per_class": per_class,
        "confusion": table.tolist(),
        "labels": occurring,
    }
