"""Which crops an epoch sees: balanced over labels, fair to small domains, and prepared while the network learns."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

__all__ = ["REPEATS", "draw_rows", "expected_draws", "of_course", "prepared"]

REPEATS = 8.0
"""How often one crop may be seen in an epoch for its domain's sake."""

Prepared = TypeVar("Prepared")


def expected_draws(targets: np.ndarray, cells: Sequence[tuple[str, str]], draws: int) -> np.ndarray:
    """How often each crop is to be drawn in an epoch of `draws`.

    Every label gets the same number of draws. Within a label they go to the domains in proportion to the square root
    of their counts, so that a small lab is heard and a large one not wasted; within the label "artifact" every kind of
    it has the same share first, or a thousand red cells would hide a hundred blasts. No crop is drawn more than
    `REPEATS` times an epoch for that, but as often as the balance of labels asks: a lab's one basophil stands beside a
    thousand others, or it is the only one there is.

    Args:
        targets: (N,) int, the label of each crop.
        cells: the domain of each crop and what its expert called it.

    Returns:
        (N,) float64; its sum is `draws`.
    """
    index: dict[tuple[str, str], int] = {}
    cell = np.array([index.setdefault(name, len(index)) for name in cells])
    expected = np.zeros(len(targets))
    for label in np.unique(targets):
        rows = np.flatnonzero(targets == label)
        present, which, counts = np.unique(cell[rows], return_inverse=True, return_counts=True)
        kinds = np.array([kind for _, kind in index])[present]
        shares = np.sqrt(counts)
        for kind in np.unique(kinds):
            shares[kinds == kind] /= shares[kinds == kind].sum()
        total = draws / len(np.unique(targets))
        expected[rows] = _rates(counts, shares, total, max(REPEATS, total / len(rows)))[which]
    return expected


def _rates(counts: np.ndarray, shares: np.ndarray, total: float, limit: float) -> np.ndarray:
    """Draws a crop of each cell, none over `limit`: what a full cell can't take, the others share."""
    rates, full = np.zeros(len(counts)), np.zeros(len(counts), bool)
    while True:
        left = total - limit * counts[full].sum()
        rates[~full] = left * shares[~full] / shares[~full].sum() / counts[~full]
        over = rates > limit * (1 + 1e-9)
        if not over.any():
            return rates
        rates[over], full = limit, full | over


def of_course(course: int, targets: np.ndarray, domains: Sequence[str]) -> np.ndarray:
    """(N,) bool: which crops a course draws from; every second one leaves a lab out, each but the largest in turn.

    Networks that saw other labs err otherwise; docs/domain-shift.md has what their average is worth. A crop stays whose
    label no other lab has.

    Args:
        course: counted from 0.
        targets, domains: (N,) the label and the lab of each crop.
    """
    _, lab, counts = np.unique(domains, return_inverse=True, return_counts=True)
    smaller = np.argsort(counts, kind="stable")[:-1]
    if course % 2 == 0 or not len(smaller):
        return np.ones(len(targets), bool)
    left = lab == smaller[course // 2 % len(smaller)]
    return ~left | ~np.isin(targets, targets[~left])


def draw_rows(expected: np.ndarray, draws: int, chance: np.random.Generator) -> np.ndarray:
    """(draws,) int rows in random order, each drawn as often as expected, rounded down or up (systematic sampling)."""
    order = chance.permutation(len(expected))
    ends = np.cumsum(expected[order])
    points = (chance.random() + np.arange(draws)) * ends[-1] / draws
    return chance.permutation(order[np.minimum(np.searchsorted(ends, points, "right"), len(order) - 1)])


def prepared(work: Callable[[int], Prepared], steps: int, threads: int) -> Iterator[Prepared]:
    """``work(0)``, ``work(1)``, ... in order, each done on a thread while the caller is at those before it."""
    waiting: deque[Future[Prepared]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for step in range(steps + threads):
            if step < steps:
                waiting.append(pool.submit(work, step))
            if step >= threads:
                yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
