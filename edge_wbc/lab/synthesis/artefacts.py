"""What is no cell, or no longer one: burst cells, and precipitate, dust, bubbles and drying ridges.

Sizes are by eye: precipitate and dust from grains of half a micrometre to clusters as wide as a red cell.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge_wbc.lab.synthesis.cutouts import ARTEFACT, Cutout
from edge_wbc.lab.synthesis.shapes import Bumps, Grid, coverage, discs, noise, random_outline
from edge_wbc.lab.synthesis.stain import Amounts, Stain, painted

__all__ = ["BURST_UM", "artefact", "burst_cell"]

BURST_UM = (12, 24)
_MARGIN_UM = 0.6
_FRAYED = Bumps((3, 9), (0.15, 0.45), (-0.15, 0.4))

Drawing = tuple[np.ndarray, np.ndarray]


def burst_cell(subtype: str, stain: Stain, um_per_px: float, rng: np.random.Generator) -> Cutout:
    """A basket or smudge cell: chromatin smeared along one direction, without cytoplasm; all of it is nucleus."""
    outline = random_outline(rng, BURST_UM, 1.6, 0.08, _FRAYED)
    grid = Grid.around(outline.reach + _MARGIN_UM, um_per_px)
    edge = outline.distance(grid)
    turn, pull = rng.uniform(0, np.pi), rng.uniform(1.0, 2.4)
    along, across = grid.x * np.cos(turn) + grid.y * np.sin(turn), grid.y * np.cos(turn) - grid.x * np.sin(turn)
    bent = across + 0.9 * noise(rng, grid, 5.0)
    strands = Grid((along / pull).astype(np.float32), bent.astype(np.float32), um_per_px)
    smear = 0.7 * noise(rng, strands, 0.8) + 0.5 * noise(rng, strands, 1.8)
    # A basket's meshes are wide, a smudge's are none.
    holes = rng.uniform(0.1, 0.55) * np.tanh(2 * noise(rng, strands, 1.4))
    core = np.exp(-rng.uniform(0.2, 1.3) * ((grid.x**2 + grid.y**2) / outline.mean**2))
    density = np.maximum(rng.uniform(0.35, 0.8) * core * (1 + 0.35 * smear - holes), 0.06)
    amounts = density[..., None] * Amounts(1.0, 0.1, 0.1).varied(rng, 0.15).vector
    soft = rng.uniform(0.4, 1.6)
    alpha = coverage(edge + 0.3 * soft, um_per_px, soft)
    return painted(subtype, stain, stain.light(amounts), alpha, alpha >= 0.5)


def artefact(stain: Stain, um_per_px: float, rng: np.random.Generator) -> Cutout:
    """Precipitate, dust, a bubble or a ridge."""
    light, alpha = _KINDS[int(rng.choice(len(_KINDS), p=_KINDS_SHARE))](stain, um_per_px, rng)
    return painted(ARTEFACT, stain, light, alpha)


def _precipitate(stain: Stain, um_per_px: float, rng: np.random.Generator) -> Drawing:
    """Grains of dry stain, alone or in a cluster."""
    count, spread = int(rng.choice([1, 2, 6, 20, 50])), rng.uniform(0.5, 2.2)
    x, y = rng.normal(0, spread, (2, count)).clip(-6, 6)
    size = rng.uniform(0.36, 0.8, count)
    grid = Grid.around(float(np.hypot(x, y).max()) + 1.5, um_per_px)
    alpha = discs(grid, x, y, size, rng.uniform(0.8, 1, count))
    dye = Amounts(1.5, 0.5, 0.2).varied(rng, 0.3).vector
    return stain.light(np.broadcast_to(dye, (*alpha.shape, 3))), alpha


def _dust(stain: Stain, um_per_px: float, rng: np.random.Generator) -> Drawing:
    """A brown to black speck or fibre, which takes no stain."""
    outline = random_outline(rng, (1.5, 8), 5.0, 0.1, _FRAYED)
    grid = Grid.around(outline.reach + _MARGIN_UM, um_per_px)
    alpha = coverage(outline.distance(grid), um_per_px, 0.2)
    depth = np.maximum(rng.uniform(0.5, 1.8) * (1 + 0.25 * noise(rng, grid, 0.6)), 0.1)
    return np.exp(-depth[..., None] * rng.uniform((0.6, 0.8, 1.0), (1, 1, 1.4))).astype(np.float32), alpha


def _bubble(stain: Stain, um_per_px: float, rng: np.random.Generator) -> Drawing:
    """A round bubble of air or water: a dark ring, darker on one side, around a clear middle."""
    outline = random_outline(rng, (1.5, 9), 1.15, 0.015)
    grid = Grid.around(outline.reach + _MARGIN_UM, um_per_px)
    edge = outline.distance(grid)
    lean, wide = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.5)
    side = 1 + 0.5 * (grid.x * np.cos(lean) + grid.y * np.sin(lean)) / outline.reach
    ring = rng.uniform(0.3, 1.3) * side * np.exp(-(((edge + wide) / wide) ** 2))
    return np.exp(-(ring + 0.02)[..., None] * np.ones(3)).astype(np.float32), coverage(edge, um_per_px, 0.1)


def _ridge(stain: Stain, um_per_px: float, rng: np.random.Generator) -> Drawing:
    """A bent line where the film dried or the glass is scratched."""
    half, bow = rng.uniform(3, 9), rng.uniform(-0.06, 0.06)
    turn, wide = rng.uniform(0, np.pi), rng.uniform(0.2, 0.4)
    grid = Grid.around(half + 1, um_per_px)
    along = grid.x * np.cos(turn) + grid.y * np.sin(turn)
    across = grid.y * np.cos(turn) - grid.x * np.sin(turn) + 0.25 * noise(rng, grid, 2.5)
    line = np.maximum(np.abs(across + bow * along**2) - wide, np.abs(along) - half)
    alpha = coverage(line, um_per_px, 0.25) * np.clip(0.9 + 0.2 * noise(rng, grid, 1.2), 0.6, 1)
    return np.full((*alpha.shape, 3), np.exp(-rng.uniform(0.3, 1.2)), np.float32), alpha.astype(np.float32)


_KINDS: tuple[Callable[[Stain, float, np.random.Generator], Drawing], ...] = (_precipitate, _dust, _bubble, _ridge)
_KINDS_SHARE = (0.5, 0.2, 0.15, 0.15)
