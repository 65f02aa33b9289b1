"""Labels -> counts, percentages and exact 95% intervals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import exp, lgamma, log, log1p
from typing import Dict, Mapping, Sequence, Tuple

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


def _where(k: int, n: int, target: float) -> float:
    """The probability p at which P(X >= k) is `target`, 1 <= k <= n."""
    # Newton's steps along the known slope, halving where one leaves the bracket: a phone counts at every tap.
    constant = lgamma(n + 1) - lgamma(k) - lgamma(n - k + 1)
    low, high, p = 0.0, 1.0, k / (n + 1)
    for _ in range(100):
        error = _tail(k, n, p) - target
        low, high = (p, high) if error < 0 else (low, p)
        slope = exp(constant + (k - 1) * log(p) + (n - k) * log1p(-p))
        step = p - error / slope if slope else -1.0
        if not low < step < high:
            step = (low + high) / 2
        if abs(step - p) <= 1e-15:
            return step
        p = step
    return p


def exact_interval(k: int, n: int, confidence: float = 0.95) -> Tuple[float, float]:
    """Clopper and Pearson's exact limits of a proportion k of n, each 0 to 1.

    Raises:
        ValueError: unless 0 <= k <= n and n >= 1.
    """
    if not 0 <= k <= n or n < 1:
        raise ValueError(f"{k} of {n} is no proportion")
    half = (1 - confidence) / 2
    low = 0.0 if k == 0 else _where(k, n, half)
    high = 1.0 if k == n else _where(k + 1, n, 1 - half)
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
