"""Which cells were photographed twice, and which of their photographs stay (Raabin-WBC, Appendix 1).

Cells of one smear are joined where both hashes are near and, beyond the paper, where their thumbnails correlate once
laid over each other: hashes propose, pixels confirm. Copies are the connected components of that graph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from edge_wbc.lab.curation.hashing import Hashes
from edge_wbc.lab.curation.neighbours import near_pairs

__all__ = ["THRESHOLDS", "Choice", "DedupOptions", "choose", "components", "correlation"]

_MARGIN = 4  # pixels that two thumbnails of 32 may be shifted against each other
_AT_ONCE = 1024


@dataclass(frozen=True)
class DedupOptions:
    """When two crops show the same cell.

    Attributes:
        ahash_below, phash_below: both Hamming distances must be below these.
        correlation: least correlation of the two thumbnails; 0 leaves it to the hashes.
        phash: "imagehash" (its library's bits) or "mean" (the paper's).
    """

    ahash_below: int = 14
    phash_below: int = 16
    correlation: float = 0.92
    phash: str = "imagehash"


# What --thresholds takes: ours, chosen by benchmarks/dedup_quality.py, and the paper's.
THRESHOLDS = {"default": DedupOptions(), "paper": DedupOptions(11, 14, 0.0)}


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Highest correlation of two (32, 32) uint8 thumbnails over shifts up to an eighth, between pixels too."""
    # The middle of one is sought in the other; which is which must not depend on the order they came in.
    if one.tobytes() > other.tobytes():
        one, other = other, one
    middle = one[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    found = cv2.matchTemplate(other, middle, cv2.TM_CCOEFF_NORMED)
    _, best, _, (x, y) = cv2.minMaxLoc(found)
    top = float(best)
    for beside in (found[y, max(x - 1, 0) : x + 2], found[max(y - 1, 0) : y + 2, x]):
        if len(beside) == 3:
            before, after = float(beside[0]), float(beside[2])
            bend = before - 2 * best + after
            # The summit of the parabola through three points.
            top += -((before - after) ** 2) / (8 * bend) if bend < 0 else 0.0
    return min(top, 1.0)


def components(
    hashes: Hashes,
    fields: np.ndarray,
    smears: Sequence[str],
    options: DedupOptions,
    known: np.ndarray | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """The component of each cell.

    Args:
        fields: (N,) int, the photograph of each; one photograph never shows a cell twice.
        smears: of each; cells of different smears are never copies, and "" is one more smear.
        known: of the first rows, what an earlier call with the same options gave; those are not compared again.
        progress: called with how many cells have been compared, and how many there are.

    Returns:
        (N,) int64: the lowest row of its component. Flat and noisy crops stay alone.
    """
    parent = np.arange(len(fields))
    old = 0 if known is None else len(known)
    if known is not None:
        parent[:old] = known
    names = np.asarray(smears)
    done = 0
    for smear in np.unique(names):
        mine = names == smear
        rows = np.flatnonzero(mine & ~hashes.meaningless)
        first_new = int(np.searchsorted(rows, old))
        near = near_pairs(hashes.ahash[rows], hashes.phash[rows], options.ahash_below, options.phash_below, first_new)
        for pairs in near:
            _join(parent, rows[pairs], hashes.thumbs, fields, options.correlation)
        done += int(mine.sum())
        if progress:
            progress(done, len(fields))
    return _roots(parent, parent)


def _roots(parent: np.ndarray, rows: np.ndarray) -> np.ndarray:
    while not np.array_equal(above := parent[rows], rows):
        rows = above
    return rows


def _join(parent: np.ndarray, pairs: np.ndarray, thumbs: np.ndarray, fields: np.ndarray, least: float) -> None:
    """Lets pairs that show one cell share a root; pairs already joined are not looked at."""
    pairs = pairs[fields[pairs[:, 0]] != fields[pairs[:, 1]]]
    for start in range(0, len(pairs), _AT_ONCE):
        part = pairs[start : start + _AT_ONCE]
        roots = _roots(parent, part)
        apart = roots[:, 0] != roots[:, 1]
        if least > 0:
            for number in np.flatnonzero(apart):
                one, other = part[number]
                apart[number] = correlation(thumbs[one], thumbs[other]) >= least
        met, ends = np.unique(roots[apart], return_inverse=True)
        ends = ends.reshape(-1, 2)
        graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(met), len(met)))
        count, label = connected_components(graph, directed=False)
        lowest = np.full(count, len(parent))
        np.minimum.at(lowest, label, met)
        parent[met] = lowest[label]


@dataclass(frozen=True)
class Choice:
    """What stays.

    Attributes:
        fields: (F,) bool, the photographs kept.
        keeper: (N,) int, for each cell the one that stays of its component.
    """

    fields: np.ndarray
    keeper: np.ndarray

    @property
    def cells(self) -> np.ndarray:
        """(N,) bool, the cells kept."""
        return self.keeper == np.arange(len(self.keeper))


def choose(labels: np.ndarray, fields: np.ndarray, sharp: np.ndarray, names: Sequence[str]) -> Choice:
    """Lets fields go whose every cell lives on in another, the least sharp first; then keeps the sharpest copies.

    Args:
        labels: (N,) component of each cell.
        fields: (N,) field of each cell, an index into `names`; a field without cells stays.
        sharp: (N,) mean gradient magnitude of each cell.
        names: of the fields, in ascending order; of equals the first name stays.
    """
    kept = np.ones(len(names), bool)
    inside: list[set[int]] = [set() for _ in names]
    for label, field in zip(labels.tolist(), fields.tolist(), strict=True):
        inside[field].add(label)
    living = Counter(label for cells in inside for label in cells)
    count = np.bincount(fields, minlength=len(names))
    mean = np.bincount(fields, sharp, len(names)) / np.maximum(count, 1)
    for field in sorted(np.flatnonzero(count).tolist(), key=lambda field: (mean[field], -field)):
        if all(living[label] > 1 for label in inside[field]):
            kept[field] = False
            living.subtract(inside[field])
    # Of each component the sharpest cell in a kept field; rows ascend by name.
    order = np.lexsort((np.arange(len(labels)), -sharp, ~kept[fields], labels))
    _, first = np.unique(labels[order], return_index=True)
    sizes = np.diff(np.append(first, len(order)))
    keeper = np.empty(len(labels), np.int64)
    keeper[order] = np.repeat(order[first], sizes)
    return Choice(kept, keeper)
