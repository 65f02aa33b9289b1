"""How many cells of each subtype a field holds: Al-Qudah and Suen's Gaussians and Algorithm 1, as read here.

Their algorithm draws a count for each main type, then breaks it like a stick among k subtypes: the first takes a
random share of the whole, each next one of what is left, and the last remainder goes to nobody. What the paper leaves
open is settled thus: a Gaussian is cut at zero by taking none for less; shares begin at 0; k and which subtypes are
drawn alike; cells are whole by rounding the running sum, so that nothing is handed out twice; nucleated red cells are
one of the fourteen subtypes that share the white count, as a counter that lyses red cells takes them for white ones;
red cells are never annotated, are one pool, and all of them are drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.taxonomy import SUBTYPES
from edge_wbc.lab.synthesis.cutouts import ANNOTATED, POOL_NAMES, RED_CELL
from edge_wbc.lab.synthesis.placement import MOST_CELLS

__all__ = ["MIXES", "NUCLEATED", "PLATELETS", "Counts", "draw_counts"]

PLATELETS: tuple[str, ...] = tuple(name for name, label in SUBTYPES.items() if label == "platelet")
NUCLEATED: tuple[str, ...] = tuple(name for name in ANNOTATED if name not in PLATELETS)
MIXES = ("algorithm-1", "even")


@dataclass(frozen=True)
class Counts:
    """How many cells a field may hold.

    Attributes:
        red, white, platelets: mean and standard deviation of each main type's count; a deviation of 0 fixes it.
        subtypes: of `ANNOTATED`, those that occur; without platelets among them none are drawn, and so on.
        mix: "algorithm-1", or "even": every cell's subtype is drawn by itself, all alike, and none is left over.

    Raises:
        BadInput: a negative or huge number, an unknown, repeated or no subtype, an unknown mix.
    """

    red: tuple[float, float] = (669.0, 149.0)
    white: tuple[float, float] = (8.6, 10.5)
    platelets: tuple[float, float] = (4.3, 4.8)
    subtypes: tuple[str, ...] = ANNOTATED
    mix: str = "algorithm-1"

    def __post_init__(self) -> None:
        for what in ("red", "white", "platelets"):
            mean, deviation = getattr(self, what)
            if not (0 <= mean <= MOST_CELLS and 0 <= deviation <= MOST_CELLS):
                raise BadInput(what, f"{mean} +- {deviation} cells in a field", f"0 to {MOST_CELLS}")
        strangers = [name for name in self.subtypes if name not in ANNOTATED]
        if strangers or not self.subtypes or len(set(self.subtypes)) < len(self.subtypes):
            fault = f"unknown: {', '.join(strangers)}" if strangers else "none, or one twice"
            raise BadInput("subtypes", fault, f"of {', '.join(ANNOTATED)}")
        if self.mix not in MIXES:
            raise BadInput("mix", f"unknown: {self.mix!r}", f"one of: {', '.join(MIXES)}")


def draw_counts(rng: np.random.Generator, counts: Counts) -> dict[str, int]:
    """The cells of one field by pool, 0 where there are none: every name of `POOL_NAMES`, red cells among them."""
    drawn = dict.fromkeys(POOL_NAMES, 0)
    drawn[RED_CELL] = _whole(rng, counts.red)
    for kinds, gaussian in ((NUCLEATED, counts.white), (PLATELETS, counts.platelets)):
        total = _whole(rng, gaussian)
        names = [name for name in counts.subtypes if name in kinds]
        if not names:
            continue
        parts = _broken(rng, total, len(names)) if counts.mix == "algorithm-1" else _even(rng, total, len(names))
        drawn |= zip(names, parts, strict=True)
    return drawn


def _whole(rng: np.random.Generator, gaussian: tuple[float, float]) -> int:
    return min(MOST_CELLS, max(0, round(rng.normal(*gaussian))))


def _broken(rng: np.random.Generator, total: int, kinds: int) -> list[int]:
    """Algorithm 1: shares of `total` for some of the kinds, in no order."""
    parts = [0] * kinds
    chosen = rng.permutation(kinds)[: rng.integers(1, kinds, endpoint=True)]
    left, given = 1.0, 0
    for kind in chosen.tolist():
        left -= rng.uniform(0, left)
        sum_so_far = math.floor((1 - left) * total + 0.5)
        parts[kind], given = sum_so_far - given, sum_so_far
    return parts


def _even(rng: np.random.Generator, total: int, kinds: int) -> list[int]:
    return np.bincount(rng.integers(0, kinds, total), minlength=kinds).tolist()
