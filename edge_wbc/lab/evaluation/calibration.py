"""Scores that mean what they say: one temperature, and the score below which the answer is "uncertain"."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

__all__ = ["choose_threshold", "fit_temperature"]


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The temperature that minimises the negative log likelihood (Guo et al. 2017, section 4.2).

    Args:
        logits: (N, L) float.
        truth: (N,) int, the right column of each row.
    """

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-scaled[np.arange(len(truth)), truth].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.3, 2.3), method="bounded").x))


def choose_threshold(scores: np.ndarray, right: np.ndarray, error_rate: float = 0.02, ceiling: float = 0.95) -> float:
    """The lowest score from which answers are wrong at most `error_rate` of the time; at most `ceiling`.

    Args:
        scores: (N,) highest probability of each answer.
        right: (N,) bool, whether that answer is right.
    """
    order = np.argsort(-scores, kind="stable")
    wrong = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    fine = np.flatnonzero(wrong <= error_rate)
    lowest = float(scores[order[fine[-1]]]) if fine.size else ceiling
    return min(lowest, ceiling)
