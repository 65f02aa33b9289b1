"""Counts of labels -> shares with exact 95% limits, the target, erythroblasts apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Mapping, Optional, Sequence, Tuple

from edge_wbc.core.differential import Share, exact_interval, shares
from edge_wbc.core.errors import BadInput
from edge_wbc.core.taxonomy import LABELS

__all__ = ["OUTSIDE_LABELS", "TARGETS", "WHITE_LABELS", "Tally", "check_classes", "tally"]

OUTSIDE_LABELS: Tuple[str, ...] = (
    "erythroblast",
    "platelet",
    "red_cell",
    "burst",
    "artifact",
    "not_recognised",
    "not_labelled",
)
"""Labels that are never in the denominator of a differential."""
WHITE_LABELS: Tuple[str, ...] = tuple(name for name in LABELS if name not in OUTSIDE_LABELS)
"""Labels that may count, in the order of the taxonomy."""
TARGETS = (100, 200, 500)
_NRBC = "erythroblast"


@dataclass(frozen=True)
class Tally:
    """A differential as far as it has come.

    Attributes:
        shares: label that counts -> count, percent and 95% limits of that percent.
        counted: cells in the denominator.
        target: how many of them are wanted.
        outside: label that does not count -> count, where there is any.
        nrbc: erythroblasts.
        nrbc_per_100: erythroblasts per 100 counted white cells, or None where none is counted yet.
        nrbc_ci95: exact 95% limits of that ratio.
    """

    shares: Dict[str, Share]
    counted: int
    target: int
    outside: Dict[str, int]
    nrbc: int
    nrbc_per_100: Optional[float]
    nrbc_ci95: Optional[Tuple[float, float]]

    @property
    def reached(self) -> bool:
        """Whether the target is reached."""
        return self.counted >= self.target


def check_classes(classes: Sequence[str]) -> Tuple[str, ...]:
    """The labels that count, in the order of the taxonomy; raises `BadInput` for one that never counts, or for none."""
    for name in classes:
        if name not in WHITE_LABELS:
            raise BadInput("labels that count", f"{name!r} never counts", f"choose from {', '.join(WHITE_LABELS)}")
    if not classes:
        raise BadInput("labels that count", "none is chosen", "choose at least one")
    return tuple(name for name in WHITE_LABELS if name in classes)


def tally(counts: Mapping[str, int], classes: Sequence[str] = WHITE_LABELS, target: int = 100) -> Tally:
    """The differential of label -> count over `classes`; raises `BadInput` as `check_classes` does."""
    classes = check_classes(classes)
    found = shares(counts, classes)
    counted = sum(share.count for share in found.values())
    nrbc = counts.get(_NRBC, 0)
    outside = {name: counts[name] for name in LABELS if name not in classes and counts.get(name)}
    if not counted:
        return Tally(found, 0, target, outside, nrbc, None, None)
    # Of two counts, the share of one in both is binomial: its exact limits are, as odds, those of their ratio.
    low, high = exact_interval(nrbc, nrbc + counted)
    limits = (100 * low / (1 - low), 100 * high / (1 - high))
    return Tally(found, counted, target, outside, nrbc, 100 * nrbc / counted, limits)
