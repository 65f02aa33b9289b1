"""Labels -> counts, percentages and exact 95% intervals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import exp, lgamma, log, log1p
from typing import Callable, Dict, Mapping, Sequence, Tuple

__all__ = ["Share", "differential", "exact_interval", "shares"]


@dataclass(frozen=True)
class Share:
    """One class of a differential: its count, its percentage and the limits of that percentage (0 to 100)."""

    count: int
    percent: float
    ci95: Tuple[float, float]


def _tail(k: int, n: int, p: float) -> float:
    """P(X >= k) of a binomial of n trials at probability p, 1 <= k <= n and 0 < p < 1."""
    # From the term next to k away from the mean, where the terms only fall, so that few of them count.
    upward = k > n * p
    i = k if upward else k - 1
    term = exp(lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) + i * log(p) + (n - i) * log1p(-p))
    total = 0.0
    while term > 1e-17 * total:
        total += term
        if upward:
            term *= (n - i) / (i + 1) * p / (1 - p)
            i += 1
        else:
            term *= i / (n - i + 1) * (1 - p) / p
            i -= 1
    return total if upward else 1 - total


def _solve(rising: Callable[[float], float], target: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return (low + high) / 2


def exact_interval(k: int, n: int, confidence: float = 0.95) -> Tuple[float, float]:
    """Clopper and Pearson's exact limits of a proportion k of n, each 0 to 1.

    Raises:
        ValueError: unless 0 <= k <= n and n >= 1.
    """
    if not 0 <= k <= n or n < 1:
        raise ValueError(f"{k} of {n} is no proportion")
    half = (1 - confidence) / 2
    low = 0.0 if k == 0 else _solve(lambda p: _tail(k, n, p), half)
    high = 1.0 if k == n else _solve(lambda p: _tail(k + 1, n, p), 1 - half)
    return low, high


def shares(counts: Mapping[str, int], classes: Sequence[str]) -> Dict[str, Share]:
    """The differential over `classes`, in their order, of label -> count; labels outside them do not count."""
    total = sum(counts.get(name, 0) for name in classes)
    found = {}
    for name in classes:
        count = counts.get(name, 0)
        low, high = exact_interval(count, total) if total else (0.0, 1.0)
        found[name] = Share(count, 100 * count / total if total else 0.0, (100 * low, 100 * high))
    return found


def differential(labels: Sequence[str], classes: Sequence[str]) -> Dict[str, Share]:
    """The differential over `classes`, in their order; labels outside them are not in the denominator."""
    return shares(Counter(labels), classes)
