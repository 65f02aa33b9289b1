"""Any cell of a smear, and whole pools, drawn from nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.synthesis.artefacts import BURST_UM, artefact, burst_cell
from edge_wbc.lab.synthesis.cells import white_cell
from edge_wbc.lab.synthesis.cutouts import ARTEFACT, POOL_NAMES, RED_CELL, Cutout, Pools
from edge_wbc.lab.synthesis.looks import LOOKS
from edge_wbc.lab.synthesis.red_cells import PLATELETS, RED_CELL_UM, platelet, red_cell
from edge_wbc.lab.synthesis.shapes import Range
from edge_wbc.lab.synthesis.stain import Stain

__all__ = ["DIAMETERS_UM", "DRAWN", "draw_cell", "draw_pools"]

DRAWN: tuple[str, ...] = (*POOL_NAMES, ARTEFACT)
"""What can be drawn: the pools, and artefacts."""

DIAMETERS_UM: dict[str, Range] = {
    **{name: look.um for name, look in LOOKS.items()},
    **{name: kind.um for name, kind in PLATELETS.items()},
    "basket_cell": BURST_UM,
    RED_CELL: RED_CELL_UM,
}
"""The smallest and largest diameter of each pool's cells, um."""

_DRAWERS: dict[str, Callable[[Stain, float, np.random.Generator], Cutout]] = {
    **{name: partial(white_cell, name) for name in LOOKS},
    **{name: partial(platelet, name) for name in PLATELETS},
    "basket_cell": partial(burst_cell, "basket_cell"),
    RED_CELL: red_cell,
    ARTEFACT: artefact,
}


def draw_cell(subtype: str, stain: Stain, um_per_px: float, rng: np.random.Generator) -> Cutout:
    """One cell; the same state of `rng` draws the same cell at every scale.

    Args:
        subtype: one of `DRAWN`.
        stain: the smear's stain.
        um_per_px: micrometres a pixel spans.
        rng: the source of chance.

    Raises:
        BadInput: an unknown subtype or a scale that is not positive.
    """
    if subtype not in _DRAWERS:
        raise BadInput("subtype", f"no drawing of {subtype!r}", f"one of: {', '.join(DRAWN)}")
    if not 0 < um_per_px < 5:
        raise BadInput("um_per_px", f"{um_per_px} is not a scale", "give micrometres per pixel, such as 0.16")
    return _DRAWERS[subtype](stain, um_per_px, rng)


def draw_pools(stain: Stain, um_per_px: float, counts: Mapping[str, int], seed: int) -> Pools:
    """Pools of drawn cells, in memory.

    Equal seeds give the same cells at every scale, and cell k of a subtype whatever else is asked for.

    Args:
        stain: of all cells.
        um_per_px: micrometres a pixel spans.
        counts: how many cells of which of `DRAWN`; those of 0 get no pool.
        seed: 0 or more.

    Raises:
        BadInput: as `draw_cell`, or a negative count or seed.
    """
    if seed < 0:
        raise BadInput("seed", f"{seed} is negative")
    wrong = [f"{name}: {count}" for name, count in counts.items() if count < 0]
    if wrong:
        raise BadInput("counts", f"negative: {', '.join(wrong)}")
    cutouts = {
        name: tuple(draw_cell(name, stain, um_per_px, _chance(seed, name, k)) for k in range(count))
        for name, count in counts.items()
        if count
    }
    return Pools(cutouts, um_per_px, stain.name, stain.background)


def _chance(seed: int, name: str, number: int) -> np.random.Generator:
    if name not in DRAWN:
        raise BadInput("subtype", f"no drawing of {name!r}", f"one of: {', '.join(DRAWN)}")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(DRAWN.index(name), number)))
