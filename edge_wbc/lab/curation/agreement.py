"""How far two experts agree: Raabin-WBC's Table 4 for one's own cells, Cohen's kappa, and what to adjudicate.

Intervals are at 95%: Clopper and Pearson's exact ones for shares; for kappa the large-sample standard error of Fleiss,
Cohen and Everitt (Psychological Bulletin 72:323, 1969, eq. 13). Where that error is 0 (complete agreement) kappa's
limits come from the exact limits of the agreement, so that five cells of one mind do not look like certainty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from edge_wbc.core.differential import exact_interval
from edge_wbc.core.taxonomy import LABELS

__all__ = [
    "NOT_LABELLED",
    "Confusion",
    "Kappa",
    "TwoVotes",
    "agreement",
    "agreement_json",
    "confusions",
    "cross_table",
    "to_adjudicate",
]

NOT_LABELLED, NOT_RECOGNISED = "not_labelled", "not_recognised"
_Z95 = 1.959963984540054
# Table 4's order: by name, what is no cell's name last.
TABLE_ORDER = (*sorted(set(LABELS) - {NOT_LABELLED, NOT_RECOGNISED}), NOT_RECOGNISED, NOT_LABELLED)


@dataclass(frozen=True)
class TwoVotes:
    """What two experts said of one cell; `not_labelled` where one said nothing."""

    image: str
    box: tuple[int, int, int, int] | None
    first: str
    second: str
    smear: str = ""


@dataclass(frozen=True)
class Kappa:
    """Agreement beyond chance.

    Attributes:
        agreed, cells: counts; of one label: named so by both, and by either.
        share: agreed / cells, or None of no cells.
        kappa: Cohen's, or None where chance alone would agree always (one label, or no cells).
    """

    agreed: int
    cells: int
    share: float | None
    share_ci95: tuple[float, float] | None
    kappa: float | None
    kappa_ci95: tuple[float, float] | None


@dataclass(frozen=True)
class Confusion:
    """A pair of labels that the experts do not keep apart; `forth` where the first expert says `one`."""

    one: str
    other: str
    forth: int
    back: int

    @property
    def cells(self) -> int:
        """Cells on which the experts differ in this way, whoever said which."""
        return self.forth + self.back


def cross_table(votes: Iterable[TwoVotes]) -> tuple[tuple[str, ...], np.ndarray]:
    """The label-by-label table.

    Returns:
        The labels that occur, in `TABLE_ORDER`, and (labels, labels) int64: rows the first expert, columns the second.
    """
    pairs = [(vote.first, vote.second) for vote in votes]
    said = {label for pair in pairs for label in pair}
    labels = tuple(label for label in TABLE_ORDER if label in said)
    place = {label: number for number, label in enumerate(labels)}
    table = np.zeros((len(labels), len(labels)), np.int64)
    for first, second in pairs:
        table[place[first], place[second]] += 1
    return labels, table


def without(labels: Sequence[str], table: np.ndarray, *left_out: str) -> tuple[tuple[str, ...], np.ndarray]:
    """The table without the cells of which either expert said one of these labels."""
    kept = [number for number, label in enumerate(labels) if label not in left_out]
    return tuple(labels[number] for number in kept), table[np.ix_(kept, kept)]


def agreement(table: np.ndarray) -> Kappa:
    """Agreement and kappa of a (labels, labels) table of counts."""
    cells, agreed = int(table.sum()), int(np.trace(table))
    if cells == 0:
        return Kappa(0, 0, None, None, None, None)
    limits = exact_interval(agreed, cells)
    share = agreed / cells
    kappa, interval = _cohen(table / cells, cells, limits)
    return Kappa(agreed, cells, share, limits, kappa, interval)


def _cohen(p: np.ndarray, cells: int, share_limits: tuple[float, float]) -> tuple[float | None, Any]:
    rows, columns = p.sum(1), p.sum(0)
    observed, chance = float(np.trace(p)), float(rows @ columns)
    if 1 - chance < 1e-12:
        return None, None
    kappa = (observed - chance) / (1 - chance)
    on_diagonal = float(np.diag(p) @ (1 - (rows + columns) * (1 - kappa)) ** 2)
    weights = (columns[:, None] + rows[None, :]) ** 2
    off_diagonal = (1 - kappa) ** 2 * float((p * weights).sum() - np.diag(p) @ np.diag(weights))
    variance = (on_diagonal + off_diagonal - (kappa - chance * (1 - kappa)) ** 2) / (cells * (1 - chance) ** 2)
    if variance < 1e-15:
        return kappa, tuple((limit - chance) / (1 - chance) for limit in share_limits)
    reach = _Z95 * sqrt(variance)
    return kappa, (max(-1.0, kappa - reach), min(1.0, kappa + reach))


def label_agreement(table: np.ndarray, label: int) -> Kappa:
    """Agreement on one label against all others.

    `share` is of the cells that either expert named so: the many cells that neither did would drown it. `kappa` is
    that of the two-by-two table.
    """
    both = int(table[label, label])
    first, second = int(table[label].sum()), int(table[:, label].sum())
    either = first + second - both
    neither = int(table.sum()) - either
    two = agreement(np.array([[both, first - both], [second - both, neither]]))
    share = both / either if either else None
    return Kappa(both, either, share, exact_interval(both, either) if either else None, two.kappa, two.kappa_ci95)


def confusions(labels: Sequence[str], table: np.ndarray) -> list[Confusion]:
    """Pairs of labels that are confused at all, the most confused first."""
    pairs = [
        Confusion(labels[one], labels[other], int(table[one, other]), int(table[other, one]))
        for one in range(len(labels))
        for other in range(one + 1, len(labels))
        if table[one, other] or table[other, one]
    ]
    return sorted(pairs, key=lambda pair: -pair.cells)


def to_adjudicate(votes: Sequence[TwoVotes]) -> list[TwoVotes]:
    """The cells that both labelled and not alike, those of the most confused pair of labels first."""
    both = [vote for vote in votes if NOT_LABELLED not in (vote.first, vote.second)]
    rank = {frozenset((pair.one, pair.other)): number for number, pair in enumerate(confusions(*cross_table(both)))}
    differing = [vote for vote in both if vote.first != vote.second]
    return sorted(differing, key=lambda vote: (rank[frozenset((vote.first, vote.second))], vote.image, vote.box or ()))


def is_double_labelled(vote: TwoVotes) -> bool:
    """Whether both experts gave the cell a name (one of Raabin's two-vote cells), alike or not."""
    return not {vote.first, vote.second} & {NOT_LABELLED, NOT_RECOGNISED}


def agreement_json(experts: Sequence[str], labels: Sequence[str], table: np.ndarray) -> dict[str, Any]:
    """The object of ``agree --json``."""
    seen_labels, seen = without(labels, table, NOT_LABELLED)
    _, named = without(labels, table, NOT_LABELLED, NOT_RECOGNISED)
    return {
        "experts": list(experts),
        "labels": list(labels),
        "table": table.tolist(),
        "cells": int(table.sum()),
        "labelled_by_both": _kappa_json(agreement(seen)),
        "named_by_both": _kappa_json(agreement(named)),
        "per_label": {label: _kappa_json(label_agreement(seen, number)) for number, label in enumerate(seen_labels)},
        "confused": [
            {"labels": [pair.one, pair.other], "cells": pair.cells, "forth": pair.forth, "back": pair.back}
            for pair in confusions(seen_labels, seen)
        ],
        "note": "research use, not for diagnosis",
    }


def _kappa_json(found: Kappa) -> Mapping[str, Any]:
    return {
        "agreed": found.agreed,
        "cells": found.cells,
        "agreement": found.share,
        "agreement_ci95": found.share_ci95,
        "kappa": found.kappa,
        "kappa_ci95": found.kappa_ci95,
    }
