"""Red cells and platelets, through which light passes.

A red cell is a biconcave disc of 6.2 to 8.4 um, thick at the rim and pale in the middle third; most are discs, some
ovals, some slightly crenated. Platelets are 1.8 to 4 um, giant ones as large as a red cell or larger, activated
ones send out thin feet (textbook sizes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_wbc.lab.synthesis.cutouts import RED_CELL, Cutout
from edge_wbc.lab.synthesis.shapes import Bumps, Grid, Range, coverage, noise, random_outline
from edge_wbc.lab.synthesis.stain import Amounts, Stain, painted

__all__ = ["PLATELETS", "RED_CELL_UM", "Platelet", "platelet", "red_cell"]

RED_CELL_UM = (6.2, 8.4)
_MARGIN_UM = 0.6
# Elongation, wobble and bumps of a form, and how often it is seen.
_FORMS: tuple[tuple[float, float, Bumps | None], ...] = (
    (1.12, 0.015, None),
    (1.4, 0.02, None),
    (1.1, 0.015, Bumps((9, 16), (0.1, 0.16), (0.02, 0.08))),
    (1.2, 0.045, Bumps((1, 2), (0.3, 0.6), (-0.16, -0.04))),
)
_FORMS_SHARE = (0.62, 0.2, 0.05, 0.13)


@dataclass(frozen=True)
class Platelet:
    """A kind of platelets: diameters in um, irregularity, what stands out, and how dense their granules are."""

    um: Range
    elongation: float
    wobble: float
    bumps: Bumps | None
    density: Range


PLATELETS: dict[str, Platelet] = {
    "platelet": Platelet((1.8, 4), 1.4, 0.06, Bumps((3, 7), (0.15, 0.3), (0.0, 0.15)), (0.4, 1.3)),
    "giant_platelet": Platelet((5, 10), 1.35, 0.06, Bumps((3, 9), (0.1, 0.25), (0.0, 0.12)), (0.2, 0.6)),
    "activated_platelet": Platelet((3, 6.5), 1.3, 0.06, Bumps((2, 7), (0.08, 0.28), (0.1, 0.9)), (0.4, 1.2)),
}


def red_cell(stain: Stain, um_per_px: float, rng: np.random.Generator) -> Cutout:
    """A red cell."""
    elongation, wobble, bumps = _FORMS[int(rng.choice(len(_FORMS), p=_FORMS_SHARE))]
    outline = random_outline(rng, RED_CELL_UM, elongation, wobble, bumps)
    grid = Grid.around(outline.reach + _MARGIN_UM, um_per_px)
    edge = outline.distance(grid)
    x0, y0 = rng.normal(0, 0.3, 2)
    bowl = outline.mean * rng.uniform(0.32, 0.62)
    away = np.hypot(grid.x - x0, grid.y - y0) * (1 + 0.08 * noise(rng, grid, 2.2))
    hollow = stain.pallor * rng.uniform(0.6, 1.15) / (1 + np.exp((away - bowl) / rng.uniform(0.15, 0.45)))
    thick = (1 - np.minimum(hollow, 0.92)) * (1 + 0.03 * noise(rng, grid, 1.2))
    thick *= 1 + (0.1 + stain.rims) * np.exp(-(((edge + 0.2) / 0.3) ** 2))
    amounts = thick[..., None] * stain.red.varied(rng, 0.08).vector
    return painted(RED_CELL, stain, stain.light(amounts), coverage(edge, um_per_px, 0.25))


def platelet(subtype: str, stain: Stain, um_per_px: float, rng: np.random.Generator) -> Cutout:
    """A platelet, one of `PLATELETS`: granules in the middle of a pale border."""
    kind = PLATELETS[subtype]
    outline = random_outline(rng, kind.um, kind.elongation, kind.wobble, kind.bumps)
    grid = Grid.around(outline.reach + _MARGIN_UM, um_per_px)
    edge = outline.distance(grid)
    density, packed = rng.uniform(*kind.density), rng.uniform(0.5, 1.6)
    grains = np.maximum(0.55 + 0.6 * noise(rng, grid, 0.42) + 0.25 * noise(rng, grid, 1.0), 0.05)
    grains *= density * np.exp(-packed * (np.hypot(grid.x, grid.y) / outline.mean) ** 2)
    ground = Amounts(0.06, 0.16, 0.03).varied(rng, 0.4).vector + 0.4 * stain.wash.vector
    rim = 1 + (0.2 + stain.rims) * np.exp(-(((edge + 0.1) / 0.25) ** 2))
    amounts = rim[..., None] * ground + grains[..., None] * Amounts(0.95, 0.2, 0.15).varied(rng, 0.2).vector
    return painted(subtype, stain, stain.light(amounts), coverage(edge, um_per_px, rng.uniform(0.15, 0.4)))
