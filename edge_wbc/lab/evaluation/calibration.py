"""Scores that mean what they say: one temperature, how far it brought them, and the score to be certain from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

__all__ = ["Reliability", "choose_threshold", "fit_temperature", "reliability", "untempered"]


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


def untempered(scores: np.ndarray, temperature: float) -> np.ndarray:
    """The (N, L) probabilities that logits would have given without the division by `temperature`."""
    raised = np.power(scores.astype(float) / scores.max(1, keepdims=True), temperature)
    return raised / raised.sum(1, keepdims=True)


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram: bins of equal width by score (Guo et al. 2017, section 2).

    Attributes:
        score, accuracy: (B,) means of each bin's cells, NaN in an empty bin.
        cells: (B,) how many it holds.
    """

    score: np.ndarray
    accuracy: np.ndarray
    cells: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: the mean over the cells of how far score and accuracy of a bin differ."""
        held = self.cells > 0
        apart = np.abs(self.accuracy - self.score)[held]
        return float(np.average(apart, weights=self.cells[held]))


def reliability(score: np.ndarray, right: np.ndarray, bins: int = 15) -> Reliability:
    """Sorts answers into bins by their score, as Guo et al. do into 15.

    Args:
        score: (N,) highest probability of each answer, 0 to 1.
        right: (N,) bool, whether that answer is right.
    """
    place = np.clip(np.ceil(score * bins).astype(int) - 1, 0, bins - 1)
    cells = np.bincount(place, minlength=bins)

    def mean(values: np.ndarray) -> np.ndarray:
        total = np.bincount(place, values, bins)
        return np.divide(total, cells, out=np.full(bins, np.nan), where=cells > 0)

    return Reliability(mean(score), mean(right.astype(float)), cells)


def choose_threshold(
    scores: np.ndarray,
    right: np.ndarray,
    error_rate: float = 0.02,
    ceiling: float = 0.99,
    outside: Sequence[np.ndarray] = (),
    keep: float = 0.9,
) -> float:
    """The score from which an answer is certain; at most `ceiling`, since an int8 softmax ends at 255/256.

    The lowest one from which answers are wrong at most `error_rate` of the time. Given `outside`, it rises from there
    to where the smaller of two shares is largest, the white cells kept and the crops outside held back (the mean over
    their kinds: a thousand red cells must not speak for thirty erythroblasts), but not so far that under `keep` of the
    white cells stay certain. Where these conflict the error rate wins, then the share kept: a network that errs much
    must not seem certain, and one that asks about every cell is of no use.

    Args:
        scores: (N,) `certainty` of each white cell's answer.
        right: (N,) bool, whether that answer is right.
        outside: of each kind of crop that is none of the five classes, its crops' `certainty`.
    """
    rising = np.sort(scores)
    falling = np.argsort(-scores, kind="stable")
    wrong = np.cumsum(~right[falling]) / np.arange(1, len(falling) + 1)
    # Equal scores stand or fall together: only the last of them says how often answers from there are wrong.
    last = np.diff(scores[falling], append=-np.inf) != 0
    fine = np.flatnonzero(last & (wrong <= error_rate) & (scores[falling] >= 0))
    lowest = min(float(scores[falling[fine[-1]]]) if fine.size else ceiling, ceiling)
    if not outside:
        return lowest
    places = np.unique(np.append(lowest, rising[(rising > lowest) & (rising <= ceiling)]))
    kept = (len(rising) - np.searchsorted(rising, places)) / len(rising)
    held_back = np.mean([np.searchsorted(np.sort(kind), places) / len(kind) for kind in outside], axis=0)
    allowed = kept >= keep
    allowed[0] = True
    return float(places[np.where(allowed, np.minimum(kept, held_back), -1).argmax()])
