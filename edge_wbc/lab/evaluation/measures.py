"""Per-class precision, sensitivity, specificity and F1, accuracy with exact limits: the JSON of `evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from edge_wbc.core.differential import exact_interval
from edge_wbc.lab.evaluation.guard import GUARD_LABEL, certainty

__all__ = ["bootstrap_intervals", "evaluate"]

FEW = 5
"""A class of fewer cells is left out of ``balanced_accuracy_5``."""


def _ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    return np.divide(over, under, out=np.zeros(np.broadcast(over, under).shape), where=under > 0)


def _overall(tables: np.ndarray) -> dict[str, np.ndarray]:
    """The measures over all classes, of (..., C, C) tables whose rows are the truth; each (...).

    NaN where no class has the cells that a mean asks for.
    """
    hits = np.diagonal(tables, axis1=-2, axis2=-1)
    support, said = tables.sum(-1), tables.sum(-2)
    sensitivity, f1 = _ratio(hits, support), _ratio(2 * hits, support + said)

    def mean(values: np.ndarray, least: int) -> np.ndarray:
        enough = support >= least
        count = enough.sum(-1)
        return np.where(count, _ratio((values * enough).sum(-1), count), np.nan)

    return {
        "accuracy": _ratio(hits.sum(-1), support.sum(-1)),
        "balanced_accuracy": mean(sensitivity, 1),
        "balanced_accuracy_5": mean(sensitivity, FEW),
        "macro_f1": mean(f1, 1),
        "macro_precision": mean(_ratio(hits, said), 1),
    }


def bootstrap_intervals(
    confusion: np.ndarray | Sequence[Sequence[int]], resamples: int = 2000, seed: int = 0
) -> dict[str, list[float] | None]:
    """95% percentile bootstrap limits of accuracy, balanced_accuracy (_5 too), macro_f1 and macro_precision.

    Cells are drawn anew within each true class: how many of each a set holds was its maker's choice, not chance, and a
    class of five cells never vanishes from a draw. Such a draw of cells is a multinomial draw of each row, so the
    cells themselves are not needed. Read with care where a class has few cells: five of five right show no spread.

    Args:
        confusion: (C, C) counts, rows the truth, as ``evaluate --json`` has them.

    Returns:
        measure -> [low, high], None where no class has the cells that it asks for.
    """
    table = np.asarray(confusion, np.int64)
    chance = np.random.default_rng(seed)
    draws = np.zeros((resamples, *table.shape), np.int64)
    for row, counts in enumerate(table):
        if counts.sum():
            draws[:, row] = chance.multinomial(counts.sum(), counts / counts.sum(), size=resamples)
    return {
        name: None if np.isnan(values).any() else np.percentile(values, (2.5, 97.5)).tolist()
        for name, values in _overall(draws).items()
    }


def evaluate(
    truth: Sequence[str], scores: np.ndarray, labels: Sequence[str], uncertain_below: float = 0.0
) -> dict[str, Any]:
    """Compares predictions with the truth, over the classes that occur in either.

    A prediction is the highest score among the classes, whatever the output `artifact` says, and cells whose truth is
    `artifact` are not counted: the guard is judged by `guard_measures`. The guard counts in `coverage` alone.

    Args:
        truth: N labels.
        scores: (N, len(labels)) probabilities.
        uncertain_below: a highest probability under it counts as "uncertain" in `coverage`.

    Returns:
        The object that the contract of ``evaluate --json`` names. Balanced accuracy and macro-F1 are means over
        the classes that occur in the truth (Raabin-WBC, Table 8, for the per-class measures);
        ``balanced_accuracy_5`` over those with at least five cells, None where there is none.

    Raises:
        ValueError: no cell to count.
    """
    counted = np.asarray(truth, str) != GUARD_LABEL
    actual, scores = np.asarray(truth, str)[counted], scores[counted]
    classes = [column for column, label in enumerate(labels) if label != GUARD_LABEL]
    guesses = np.asarray(labels)[classes][scores[:, classes].argmax(1)]
    occurring = [label for label in labels if label in set(actual) | set(guesses)]
    occurring += sorted(set(actual.tolist()) - set(occurring))
    table = confusion_matrix(actual, guesses, labels=occurring)
    hits, support, said, n = np.diagonal(table), table.sum(1), table.sum(0), int(table.sum())
    columns = {
        "precision": _ratio(hits, said),
        "sensitivity": _ratio(hits, support),
        "specificity": _ratio(n - support - said + hits, n - support),
        "f1": _ratio(2 * hits, support + said),
    }
    overall, limits = _overall(table), bootstrap_intervals(table)
    certain = certainty(scores, labels) >= uncertain_below
    return {
        "n": n,
        "accuracy": float(overall["accuracy"]),
        "accuracy_ci95": list(exact_interval(int(hits.sum()), n)),
        "balanced_accuracy": float(overall["balanced_accuracy"]),
        "balanced_accuracy_ci95": limits["balanced_accuracy"],
        "balanced_accuracy_5": float(overall["balanced_accuracy_5"]) if limits["balanced_accuracy_5"] else None,
        "balanced_accuracy_5_ci95": limits["balanced_accuracy_5"],
        "macro_f1": float(overall["macro_f1"]),
        "macro_f1_ci95": limits["macro_f1"],
        "coverage": float(certain.mean()),
        "accuracy_when_certain": float((guesses == actual)[certain].mean()) if certain.any() else None,
        "per_class": {
            label: {**{name: float(values[row]) for name, values in columns.items()}, "support": int(support[row])}
            for row, label in enumerate(occurring)
        },
        "confusion": table.tolist(),
        "labels": occurring,
    }
