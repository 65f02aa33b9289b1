"""One stained white cell: its outline, nucleus, chromatin, cytoplasm, granules and vacuoles, as amounts of dye."""

from __future__ import annotations

from math import hypot, pi, sqrt

import numpy as np

from edge_wbc.lab.synthesis.cutouts import Cutout
from edge_wbc.lab.synthesis.looks import LOOKS, Chromatin, Cytoplasm, Granules, Look, Vacuoles
from edge_wbc.lab.synthesis.nuclei import NUCLEI
from edge_wbc.lab.synthesis.shapes import Grid, Outline, coverage, discs, noise, random_outline
from edge_wbc.lab.synthesis.stain import Stain, painted

__all__ = ["white_cell"]

_MARGIN_UM = 0.6
_INSIDE_UM = 0.12  # between the nucleus and the cell's border


def white_cell(subtype: str, stain: Stain, um_per_px: float, rng: np.random.Generator) -> Cutout:
    """A white cell or a nucleated red cell, one of `looks.LOOKS`."""
    look = LOOKS[subtype]
    bumps = look.bumps[int(rng.integers(len(look.bumps)))]
    outline = random_outline(rng, look.um, look.elongation, look.wobble, bumps)
    grid = Grid.around(outline.reach + _MARGIN_UM, um_per_px)
    edge = outline.distance(grid)
    nucleus = _nucleus(rng, look, grid, outline, edge)
    amounts = _cytoplasm(rng, look.cytoplasm, stain, grid, edge, nucleus)
    granules = [(kind, *_granules(rng, kind, stain, grid, outline)) for kind in look.granules]
    for _, dye, everywhere, _ in granules:
        amounts += everywhere[..., None] * (dye - amounts)
    inside = coverage(nucleus, um_per_px, rng.uniform(*look.chromatin.soft_um))
    amounts += inside[..., None] * (_chromatin(rng, look.chromatin, grid, nucleus) - amounts)
    for kind, dye, _, above in granules:
        if kind.over[1]:
            amounts += above[..., None] * (dye - amounts)
    if look.cytoplasm.vacuoles:
        amounts *= _vacuoles(rng, look.cytoplasm.vacuoles, grid, outline, inside)[..., None]
    alpha = coverage(edge, um_per_px, rng.uniform(*look.cytoplasm.soft_um))
    return painted(subtype, stain, stain.light(np.maximum(amounts, 0)), alpha, nucleus < 0)


def _nucleus(rng: np.random.Generator, look: Look, grid: Grid, outline: Outline, edge: np.ndarray) -> np.ndarray:
    """Signed distance to the nucleus, um."""
    shape = NUCLEI[str(rng.choice(list(look.nuclei), p=list(look.nuclei.values())))]
    # Bending the plane itself makes every nucleus irregular without touching its topology.
    bend = look.bend * rng.uniform(0.3, 1)
    x, y = (
        part / outline.mean + bend * (noise(rng, grid, 2.4) + 0.4 * noise(rng, grid, 1.2)) for part in (grid.x, grid.y)
    )
    return np.maximum(shape(rng, x, y) * outline.mean, edge + _INSIDE_UM).astype(np.float32)


def _cytoplasm(
    rng: np.random.Generator, kind: Cytoplasm, stain: Stain, grid: Grid, edge: np.ndarray, nucleus: np.ndarray
) -> np.ndarray:
    base = kind.dye.varied(rng, kind.spread).vector + stain.wash.varied(rng, 0.5).vector
    # However much a cytoplasm takes up, it stays far lighter than a nucleus.
    base *= min(1.0, kind.deepest / float(base.sum()))
    grain, border, hof = rng.uniform(*kind.grain), rng.uniform(*kind.border), rng.uniform(*kind.hof)
    shade = 1 + grain * (noise(rng, grid, 0.45) + 0.6 * noise(rng, grid, 1.1)) + 0.14 * noise(rng, grid, 3.0)
    shade += border * np.exp(np.minimum(edge, 0) / 1.3)
    rim = stain.rims * rng.uniform(0.3, 1.5)  # a cell's border is seen edge-on
    shade += rim * np.exp(-((edge / 0.35) ** 2))
    if kind.hof[1]:
        shade *= 1 - hof * _beside(grid, nucleus)
    return shade[..., None].astype(np.float32) * base


def _beside(grid: Grid, nucleus: np.ndarray) -> np.ndarray:
    """Where the Golgi field lies: next to the nucleus, towards the cell's middle."""
    inside = nucleus < 0
    x, y = float(grid.x[inside].mean()), float(grid.y[inside].mean())
    away, radius = hypot(x, y) + 1e-3, sqrt(inside.sum() / pi) * grid.um_per_px
    beyond = 1 - (radius + 0.6) / away
    return np.exp(-(((grid.x - x * beyond) ** 2 + (grid.y - y * beyond) ** 2) / 1.7**2))


def _chromatin(rng: np.random.Generator, kind: Chromatin, grid: Grid, nucleus: np.ndarray) -> np.ndarray:
    base = kind.dye.varied(rng, 0.12).vector * np.float32(rng.uniform(*kind.depth))
    pitch, clumping = rng.uniform(*kind.clumps_um), rng.uniform(*kind.clumping)
    clumps = np.tanh(rng.uniform(1, 2.5) * noise(rng, grid, pitch)) + 0.3 * noise(rng, grid, pitch / 2)
    seams = np.clip(noise(rng, grid, rng.uniform(0.38, 0.55)) - 0.25, 0, 1)  # pale gaps between strands
    membrane = np.exp(-(((nucleus + 0.15) / 0.22) ** 2))
    shade = 1 + clumping * clumps - rng.uniform(*kind.seams) * seams + rng.uniform(0, 0.35) * membrane
    if kind.wedges:
        shade += kind.wedges * _clock(rng, grid, nucleus)
    for x, y, radius in rng.uniform((-0.4, -0.4, 0.5), (0.4, 0.4, 0.9), (int(rng.integers(kind.nucleoli + 1)), 3)):
        reach = sqrt((nucleus < 0).sum() / pi) * grid.um_per_px
        spot = np.hypot(grid.x - x * reach, grid.y - y * reach) - radius
        shade -= rng.uniform(0.1, 0.3) * coverage(spot, grid.um_per_px, 0.5)
    return np.maximum(shade, 0.25)[..., None].astype(np.float32) * base


def _clock(rng: np.random.Generator, grid: Grid, nucleus: np.ndarray) -> np.ndarray:
    """Clumps along the nuclear border, like the hours of a clock, and one in the middle: -1 to 1."""
    inside = nucleus < 0
    x, y = grid.x - grid.x[inside].mean(), grid.y - grid.y[inside].mean()
    hours, phase = int(rng.integers(5, 9)), rng.uniform(0, 2 * np.pi)
    deep = nucleus / max(float(-nucleus.min()), 1e-3)  # 0 at the border, -1 in the middle
    angle = np.arctan2(y, x) + 0.3 * noise(rng, grid, 1.4)
    return np.tanh(2 * np.cos(hours * angle + phase)) * np.clip(1.6 * (0.8 + deep), 0, 1) + np.clip(
        -3 * (deep + 0.7), 0, 1
    )


def _granules(
    rng: np.random.Generator, kind: Granules, stain: Stain, grid: Grid, outline: Outline
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Their dye (3,), where they lie in the cytoplasm, and where they lie above the nucleus: float32 (n, n), 0 to 1."""
    half = int(np.ceil(outline.reach / kind.pitch)) + 1
    rows = np.arange(-half, half + 1)
    x, y = (part.ravel() * kind.pitch for part in np.meshgrid(rows, rows * 0.87))
    x = x + np.where(np.arange(x.size) // rows.size % 2, 0.5 * kind.pitch, 0)  # rows staggered, then shaken
    x, y = (part + rng.uniform(-0.42, 0.42, x.size) * kind.pitch for part in (x, y))
    size, depth = rng.uniform(*kind.um, x.size), rng.uniform(0.55, 1, x.size)
    share, lean = rng.uniform(*kind.share), rng.uniform(0, 2 * np.pi)
    crowd = share + 0.18 * (x * np.cos(lean) + y * np.sin(lean)) / outline.reach * (share < 0.9)
    angle = np.degrees(np.arctan2(y, x)).astype(int) % 360
    kept = (rng.uniform(size=x.size) < crowd) & (np.hypot(x, y) + 0.8 * size < outline.radii[angle])
    above = kept & (rng.uniform(size=x.size) < rng.uniform(*kind.over))
    dye = kind.dye.varied(rng, 0.25).vector * np.float32(stain.granules * rng.uniform(*kind.strength))
    dye = dye + stain.tint.varied(rng, 0.5).vector
    everywhere = _stamped(grid, kind, x[kept], y[kept], size[kept], depth[kept])
    return dye, everywhere, discs(grid, x[above], y[above], size[above], depth[above])


def _stamped(
    grid: Grid, kind: Granules, x: np.ndarray, y: np.ndarray, size: np.ndarray, depth: np.ndarray
) -> np.ndarray:
    if not kind.gloss:
        return discs(grid, x, y, size, depth)
    # Each granule is followed by its own highlight, which the next granule may cover.
    pairs = ((x, x - 0.1), (y, y - 0.1), (size, 0.6 * size), (depth, (1 - kind.gloss) * depth))
    x, y, size, depth = (np.stack(pair, 1).ravel() for pair in pairs)
    return discs(grid, x, y, size, depth)


def _vacuoles(rng: np.random.Generator, kind: Vacuoles, grid: Grid, outline: Outline, inside: np.ndarray) -> np.ndarray:
    """The share of the dye that the vacuoles leave: float32 (n, n)."""
    count = int(rng.integers(kind.count[0], kind.count[1] + 1)) if rng.uniform() < kind.share else 0
    angle, away = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0.05, 0.75, count))
    reach = outline.radii[np.degrees(angle).astype(int)] * away
    size, above = rng.uniform(*kind.um, count), rng.uniform(size=count) < kind.over
    x, y, depth = reach * np.cos(angle), reach * np.sin(angle), rng.uniform(0.5, 0.9, count)
    low = discs(grid, x, y, size, depth) * (1 - inside)
    return 1 - np.maximum(low, discs(grid, x[above], y[above], size[above], depth[above]))
