"""The measures of the papers' tables, from truth and scores; each is scikit-learn's, or checked against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student
from sklearn.metrics import (
    confusion_matrix,
    multilabel_confusion_matrix,
    precision_recall_fscore_support,
    roc_auc_score,
)

from edge_wbc.core.differential import exact_interval
from edge_wbc.lab.evaluation import bootstrap_intervals

__all__ = ["ALL", "Figure", "Measured", "figures_of", "named", "over_cells", "over_seeds"]

ALL = "all"
"""Stands where a class does, for the figures over all classes that occur."""

Measured = dict[tuple[str, str], "Figure | None"]


@dataclass(frozen=True)
class Figure:
    """A figure with its 95% limits, where it has any; a share from 0 to 1 unless `share` is False."""

    value: float
    low: float | None = None
    high: float | None = None
    share: bool = True


def named(scores: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """(N, len(labels)) scores -> (N,) the label of the highest, the first of equals."""
    return np.asarray(labels)[scores.argmax(1)]


def figures_of(truth: Sequence[str], scores: np.ndarray, labels: Sequence[str]) -> Measured:
    """(class or "all", measure) -> figure.

    Of a class, one against the rest: accuracy, precision, sensitivity, specificity, f1, misdiagnosis (the share of the
    other cells that is named so), auc, support. Of all: accuracy, precision, sensitivity and f1 (means over the classes
    that occur in the truth), auc (the same mean), loss (cross-entropy). A class that does not occur has None
    everywhere; one that occurs and is never named has precision 0, as in the papers.

    Args:
        truth: N labels, all of them in `labels`.
        scores: (N, len(labels)) probabilities.

    Raises:
        ValueError: no cell.
    """
    actual = np.asarray(truth, str)
    if not len(actual):
        raise ValueError("no cell to judge")
    guesses = named(scores, labels)
    precision, sensitivity, f1, support = precision_recall_fscore_support(
        actual, guesses, labels=list(labels), zero_division=0.0
    )
    found: Measured = {}
    for column, (label, table) in enumerate(
        zip(labels, multilabel_confusion_matrix(actual, guesses, labels=list(labels)), strict=True)
    ):
        right_rest, false = (int(count) for count in table[0])
        rest = right_rest + false
        figures = {
            "accuracy": (right_rest + int(table[1, 1])) / len(actual),
            "precision": float(precision[column]),
            "sensitivity": float(sensitivity[column]),
            "specificity": right_rest / rest if rest else None,
            "f1": float(f1[column]),
            "misdiagnosis": false / rest if rest else None,
            "auc": float(roc_auc_score(actual == label, scores[:, column])) if support[column] and rest else None,
            "support": float(support[column]),
        }
        for measure, value in figures.items():
            hidden = value is None or (not support[column] and measure != "support")
            found[label, measure] = None if hidden else Figure(float(value or 0.0), share=measure != "support")
    return found | _overall(actual, guesses, scores, labels, found)


def _overall(
    actual: np.ndarray, guesses: np.ndarray, scores: np.ndarray, labels: Sequence[str], classes: Measured
) -> Measured:
    def mean(measure: str) -> float | None:
        values = [figure.value for label in labels if (figure := classes[label, measure]) is not None]
        return float(np.mean(values)) if values else None

    table = confusion_matrix(actual, guesses, labels=list(labels))
    right, n = int(np.trace(table)), len(actual)
    limits = bootstrap_intervals(table)
    columns = [list(labels).index(label) for label in actual]
    likely = scores[np.arange(n), columns].astype(float)
    loss = -np.log(np.clip(likely, np.finfo(float).eps, 1.0)).mean()
    found: Measured = {
        (ALL, "accuracy"): Figure(right / n, *exact_interval(right, n)),
        (ALL, "loss"): Figure(float(loss), share=False),
        (ALL, "support"): Figure(float(n), share=False),
    }
    for measure, drawn in (
        ("precision", limits["macro_precision"]),
        ("sensitivity", limits["balanced_accuracy"]),
        ("f1", limits["macro_f1"]),
        ("auc", None),
    ):
        value = mean(measure)
        found[ALL, measure] = None if value is None else Figure(value, *(drawn or (None, None)))
    return found


def over_seeds(figures: Sequence[Figure | None]) -> Figure | None:
    """One figure of several trainings on the same cells: their mean, and Student's 95% interval of that mean.

    The interval says where the mean over all trainings lies, not how the next one or another set of cells will fare.
    Of one training it is the figure itself, with the limits it had.
    """
    known = [figure for figure in figures if figure is not None]
    if len(known) <= 1:
        return known[0] if known else None
    values = np.array([figure.value for figure in known])
    mean, share = float(values.mean()), known[0].share
    reach = float(student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    # A mean of shares is a share.
    high = min(1.0, mean + reach) if share else mean + reach
    return Figure(mean, max(0.0, mean - reach), high, share)


def over_cells(figures: Sequence[Figure | None]) -> Figure | None:
    """The mean of several trainings' figures between the means of the limits that each had by its cells."""
    known = [figure for figure in figures if figure is not None]
    if not known or any(figure.low is None for figure in known):
        return over_seeds(figures)
    value, low, high = (float(np.mean([getattr(figure, end) for figure in known])) for end in ("value", "low", "high"))
    return Figure(value, low, high)
