"""What is none of the five classes must not pass as one: the share held back, and the share of white cells kept.

The phone has nothing but the probabilities that the graph gives. A cell is certain when the highest of them is that of
a class and reaches the pack's threshold; it is held back when it is uncertain or named `artifact`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_wbc.core.differential import exact_interval
from edge_wbc.core.taxonomy import FIVE_CLASSES

__all__ = ["GUARD_LABEL", "certainty", "guard_measures", "is_outside", "is_white"]

GUARD_LABEL = "artifact"
"""The one output that stands for whatever is none of the five classes."""

UNKNOWN = ("not_recognised", "not_labelled")
"""Nobody said what these are: they may be white cells."""


def is_white(truth: Sequence[str] | np.ndarray) -> np.ndarray:
    """(N,) bool: labels that are one of the five classes."""
    return np.isin(np.asarray(truth, str), FIVE_CLASSES)


def is_outside(truth: Sequence[str] | np.ndarray) -> np.ndarray:
    """(N,) bool: labels that are known to be none of the five classes."""
    return ~np.isin(np.asarray(truth, str), (*FIVE_CLASSES, *UNKNOWN))


def certainty(scores: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """The highest probability of each cell, or -1 where that is the guard's: such a cell is held back at any threshold.

    Args:
        scores: (N, len(labels)) probabilities.

    Returns:
        (N,) float.
    """
    top = scores.max(1).astype(float)
    if GUARD_LABEL in labels:
        top[scores.argmax(1) == list(labels).index(GUARD_LABEL)] = -1.0
    return top


def guard_measures(
    truth: Sequence[str], scores: np.ndarray, labels: Sequence[str], uncertain_below: float
) -> dict[str, Any]:
    """How many crops outside the five classes are held back, and how many white cells are not.

    Args:
        truth: N labels, of the five classes or outside them; unrecognised and unlabelled crops do not count.
        scores: (N, len(labels)) probabilities.

    Returns:
        ``held_back`` (of the crops outside, with ``kinds``: label -> the same of that label) and ``kept`` (of the
        white cells, rightly named or not), each ``{"share", "ci95", "n"}`` with exact limits; None where none occur.
    """
    actual = np.asarray(truth, str)
    certain = certainty(scores, labels) >= uncertain_below
    outside = is_outside(actual)
    kinds = {str(kind): _share(~certain[actual == kind]) for kind in np.unique(actual[outside])}
    held_back = _share(~certain[outside])
    return {
        "held_back": {**held_back, "kinds": kinds} if held_back else None,
        "kept": _share(certain[is_white(actual)]),
    }


def _share(which: np.ndarray) -> dict[str, Any] | None:
    if not len(which):
        return None
    count, n = int(which.sum()), len(which)
    return {"share": count / n, "ci95": list(exact_interval(count, n)), "n": n}
