"""A cell cut out of its surroundings, and the pools that smears are assembled from.

Al-Qudah and Suen assemble smears from eighteen pools: seventeen subtypes that are annotated, and red cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edge_wbc.core.taxonomy import SUBTYPES

__all__ = ["ANNOTATED", "ARTEFACT", "POOL_NAMES", "RED_CELL", "SEE_THROUGH", "Cutout", "Pools"]

RED_CELL, ARTEFACT = "red_cell", "artefact"
ANNOTATED: tuple[str, ...] = tuple(SUBTYPES)
POOL_NAMES: tuple[str, ...] = (*ANNOTATED, RED_CELL)
# What lets light through: laid over another cell it darkens it; everything else hides what lies below.
SEE_THROUGH = frozenset({RED_CELL, ARTEFACT, "platelet", "giant_platelet", "activated_platelet"})


@dataclass(frozen=True, eq=False)
class Cutout:
    """One cell on bare glass, its middle at the middle of the picture.

    Attributes:
        subtype: one of `POOL_NAMES`, or `ARTEFACT`.
        rgb: uint8 (h, w, 3), the cell as it looks on the pool's background.
        alpha: uint8 (h, w), 255 where the cell covers the whole pixel.
        nucleus: bool (h, w), or None where nobody drew it.
    """

    subtype: str
    rgb: np.ndarray
    alpha: np.ndarray
    nucleus: np.ndarray | None = None

    @cached_property
    def cell(self) -> np.ndarray:
        """bool (h, w), the pixels of which the cell covers half or more."""
        return self.alpha >= 128

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 of `cell` within the picture, end exclusive."""
        columns, rows = np.flatnonzero(self.cell.any(0)), np.flatnonzero(self.cell.any(1))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@dataclass(frozen=True, eq=False)
class Pools:
    """Cut-outs of one magnification and one stain, by subtype.

    Attributes:
        cutouts: subtype -> its cut-outs, never none.
        um_per_px: micrometres of the slide a pixel spans.
        stain: its name, such as "giemsa".
        background: uint8 (3,) RGB of bare glass.
    """

    cutouts: Mapping[str, tuple[Cutout, ...]]
    um_per_px: float
    stain: str
    background: np.ndarray
