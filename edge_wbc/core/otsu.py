"""Otsu's thresholds of a histogram, for two classes and for three: exact, and quick enough for every move of a slider.

Both maximise the variance between classes, which is the sum of S * S / n over the classes, n and S the sums of a
class's counts and of its levels. What the best split of a part is never moves left when the part grows to the right
(the cost of one-dimensional clustering obeys the quadrangle inequality; Wu 1991), so the two-class threshold lies
between the three-class ones, and best splits of parts close in on them from both sides: a small table is left to try.
"""

from __future__ import annotations

from typing import Tuple

import numpy as np

__all__ = ["otsu", "otsu3"]

# Far less than any count: added to a 0 that nothing may be divided by, it changes no other number.
_TINY = 1e-300


def otsu(histogram: np.ndarray) -> int:
    """The two-class threshold: the level that ends the lower class.

    Args:
        histogram: (N,) counts of the levels 0 to N - 1, not all 0.

    Returns:
        A level that occurs; of equally good ones the lowest. The one level there is, if there is only one.
    """
    levels, _, _, below, above = _sums(histogram)
    return int(levels[(below + above).argmax()])


def otsu3(histogram: np.ndarray) -> Tuple[int, int]:
    """The three-class thresholds: the levels that end the lowest class and the middle one.

    Args:
        histogram: (N,) counts of the levels 0 to N - 1, not all 0.

    Returns:
        Two levels that occur, the lower one first; of equally good pairs the one with the lowest first level, then
        with the lowest second. With fewer than three levels there is no middle class: both are `otsu`'s.
    """
    levels, count, total, below, above = _sums(histogram)
    last = len(levels) - 1
    split = int((below + above).argmax())
    if last < 2:
        return int(levels[split]), int(levels[split])

    def first_end(second: int) -> int:
        between = total[:second] - total[second]
        between *= between
        between /= count[second] - count[:second]
        between += below[:second]
        return int(between.argmax())

    def second_end(first: int) -> int:
        between = total[first + 1 : last] - total[first]
        between *= between
        between /= count[first + 1 : last] - count[first]
        between += above[first + 1 : last]
        return first + 1 + int(between.argmax())

    low_to, up_from = min(split, last - 2), max(split, 1)
    low_from, up_to = first_end(up_from), second_end(low_to)
    low_to, up_from = min(low_to, first_end(up_to)), max(up_from, second_end(low_from))
    low, up = slice(low_from, low_to + 1), slice(up_from, up_to + 1)
    between = total[up] - total[low, None]
    between *= between
    size = count[up] - count[low, None]
    size += _TINY
    between /= size
    between += below[low, None]
    between += above[up]
    first, second = divmod(int(between.argmax()), up_to + 1 - up_from)
    return int(levels[low_from + first]), int(levels[up_from + second])


def _sums(histogram: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The levels that occur and, for a class that ends there: counts, levels summed, and S * S / n of both sides."""
    levels = histogram.nonzero()[0]
    counts = histogram[levels].astype(np.float64)
    count, total = counts.cumsum(), (counts * levels).cumsum()
    rest = total[-1] - total
    rest *= rest
    return levels, count, total, total * total / count, rest / (count[-1] - count + _TINY)
