"""One stained white cell, drawn from nothing.

Diameters, nuclei and cytoplasm follow Table 1 of Raabin-WBC (bioRxiv 2021.05.02.442287); granule sizes are
textbook orders of magnitude, enlarged a little so that they survive a 96-pixel crop; amounts of dye are by eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.synthesis.nuclei import NUCLEI
from edge_wbc.lab.synthesis.shapes import Grid, Outline, coverage, noise, random_outline
from edge_wbc.lab.synthesis.stain import Amounts, Stain

__all__ = ["DIAMETERS_UM", "LARGE_LYMPHOCYTE_UM", "CellSprite", "draw_cell"]

DIAMETERS_UM: dict[str, tuple[float, float]] = {
    "neutrophil": (12, 16),
    "eosinophil": (14, 16),
    "basophil": (14, 16),
    "monocyte": (14, 20),
    "lymphocyte": (8, 15),
}
# Small lymphocytes end and large ones begin at about one and a half red cells.
LARGE_LYMPHOCYTE_UM = 11.0
_DEEPEST_CYTOPLASM = 0.62


@dataclass(frozen=True)
class _Granules:
    """The granules of a class: spacing and radii in um, share present, dye, and the share above the nucleus."""

    pitch: float
    smallest: float
    largest: float
    share: tuple[float, float]
    dye: Amounts
    over: float = 0.0
    gloss: float = 0.0


@dataclass(frozen=True)
class _Look:
    """What a class looks like beside its nucleus' shape."""

    elongation: float
    wobble: float
    nucleus: Amounts
    cytoplasm: Amounts
    clumps_um: float
    clumping: float
    grain: float
    granules: _Granules | None
    vacuoles: float = 0.0


_LOOKS: dict[str, _Look] = {
    "neutrophil": _Look(
        1.16, 0.03, Amounts(1.0, 0.14, 0.05), Amounts(0.05, 0.02, 0.13), 1.0, 0.2, 0.10,
        _Granules(0.55, 0.14, 0.22, (0.4, 0.8), Amounts(0.22, 0.0, 0.22)),
    ),
    "eosinophil": _Look(
        1.08, 0.02, Amounts(0.96, 0.14, 0.05), Amounts(0.05, 0.05, 0.2), 1.0, 0.2, 0.08,
        _Granules(0.98, 0.40, 0.55, (0.84, 0.98), Amounts(0.10, 0.0, 0.68), 0.0, 0.35),
    ),
    "basophil": _Look(
        1.08, 0.02, Amounts(0.70, 0.10, 0.08), Amounts(0.10, 0.06, 0.14), 1.3, 0.12, 0.12,
        _Granules(1.12, 0.30, 0.68, (0.45, 0.9), Amounts(1.02, 0.26, 0.05), 0.8, 0.2),
    ),
    "monocyte": _Look(
        1.2, 0.045, Amounts(0.94, 0.12, 0.05), Amounts(0.10, 0.24, 0.06), 0.8, 0.2, 0.13,
        _Granules(0.6, 0.10, 0.17, (0.1, 0.35), Amounts(0.25, 0.05, 0.1)), 0.5,
    ),
    "lymphocyte": _Look(
        1.14, 0.026, Amounts(0.98, 0.16, 0.05), Amounts(0.03, 0.40, 0.02), 1.5, 0.16, 0.10,
        _Granules(1.6, 0.16, 0.28, (0.0, 0.2), Amounts(0.5, 0.0, 0.4)),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class CellSprite:
    """A drawn cell on a square of its own, its middle at the middle of the square.

    Attributes:
        rgb: float32 (n, n, 3), 0 to 1.
        alpha: float32 (n, n), 0 to 1.
        nucleus, cell: bool (n, n); the cell includes its nucleus.
        diameter_um: of the disc of equal area.
        reach_um: the largest radius from the middle.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    nucleus: np.ndarray
    cell: np.ndarray
    diameter_um: float
    reach_um: float


def draw_cell(name: str, stain: Stain, um_per_px: float, rng: np.random.Generator) -> CellSprite:
    """A white cell of one of the five classes.

    The same state of `rng` draws the same cell at every scale.

    Args:
        name: one of `core.taxonomy.FIVE_CLASSES`.
        stain: the smear's stain.
        um_per_px: micrometres a pixel spans.
        rng: the source of chance.

    Raises:
        BadInput: an unknown class or a scale that is not positive.
    """
    if name not in _LOOKS:
        raise BadInput("class", f"no drawing of {name!r}", f"one of: {', '.join(_LOOKS)}")
    if not 0 < um_per_px < 5:
        raise BadInput("um_per_px", f"{um_per_px} is not a scale", "give micrometres per pixel, such as 0.16")
    look = _LOOKS[name]
    outline = random_outline(rng, *DIAMETERS_UM[name], look.elongation, look.wobble)
    grid = Grid.around(outline.reach + 0.5, um_per_px)
    edge = outline.distance(grid)
    nucleus = _nucleus(name, rng, grid, outline, edge)
    amounts = _cytoplasm(look, stain, rng, grid, edge)
    inside = coverage(nucleus, um_per_px, 0.12)
    stamps = _stamps(look.granules, stain, rng, grid, outline) if look.granules else []
    for body, dye, _ in stamps:
        amounts += body[..., None] * (dye - amounts)
    amounts += inside[..., None] * (_chromatin(look, stain, rng, grid, nucleus) - amounts)
    for _, dye, above in stamps:
        if above is not None:
            amounts += above[..., None] * (dye - amounts)
    alpha = coverage(edge, um_per_px, 0.25)
    diameter = 2 * float(np.sqrt(np.mean(outline.radii**2)))
    rgb = np.minimum(stain.colour(np.maximum(amounts, 0)), 1)
    return CellSprite(rgb, alpha, nucleus < 0, edge < 0, diameter, outline.reach)


def _nucleus(name: str, rng: np.random.Generator, grid: Grid, outline: Outline, edge: np.ndarray) -> np.ndarray:
    radius = float(np.sqrt(np.mean(outline.radii**2)))
    # Bending the plane itself makes every nucleus irregular without touching its topology.
    x = grid.x / radius + 0.05 * noise(rng, grid, 2.4)
    y = grid.y / radius + 0.05 * noise(rng, grid, 2.4)
    return np.maximum(NUCLEI[name](rng, x, y) * radius, edge + 0.25).astype(np.float32)


def _cytoplasm(look: _Look, stain: Stain, rng: np.random.Generator, grid: Grid, edge: np.ndarray) -> np.ndarray:
    base = look.cytoplasm.varied(rng, 0.45).vector + stain.wash.varied(rng, 0.75).vector
    # However much a cytoplasm takes up, it stays far lighter than a nucleus.
    base *= min(1.0, _DEEPEST_CYTOPLASM / float(base.sum()))
    shade = 1 + look.grain * noise(rng, grid, 0.5) + 0.14 * noise(rng, grid, 3.0)
    shade += 0.18 * np.exp(-((edge / 0.4) ** 2))  # a cell's rim is seen edge-on
    amounts = shade[..., None] * base
    count = int(rng.integers(1, 8)) if rng.uniform() < look.vacuoles else 0
    for angle, away, size in rng.uniform((0, 0.3, 0.35), (2 * np.pi, 0.85, 0.8), (8, 3))[:count]:
        reach = away * float(np.abs(edge.min()))
        hole = np.hypot(grid.x - reach * np.cos(angle), grid.y - reach * np.sin(angle)) - size
        amounts *= 1 - 0.85 * coverage(hole, grid.um_per_px, 0.15)[..., None]
    return amounts.astype(np.float32)


def _chromatin(look: _Look, stain: Stain, rng: np.random.Generator, grid: Grid, nucleus: np.ndarray) -> np.ndarray:
    base = look.nucleus.varied(rng, 0.13).vector * np.float32(np.exp(rng.normal(0, 0.14)))
    clumps = np.tanh(1.5 * noise(rng, grid, look.clumps_um)) + 0.5 * noise(rng, grid, look.clumps_um / 2)
    shade = 1 + look.clumping * clumps + 0.12 * np.exp(-((nucleus / 0.3) ** 2))
    return shade[..., None].astype(np.float32) * base


def _stamps(
    kind: _Granules, stain: Stain, rng: np.random.Generator, grid: Grid, outline: Outline
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """The granules as (coverage, dye, coverage above the nucleus), in two depths of stain."""
    half = int(np.ceil(outline.reach / kind.pitch)) + 1
    rows = np.arange(-half, half + 1)
    x, y = (part.ravel() * kind.pitch for part in np.meshgrid(rows, rows * 0.87))
    x = x + np.where(np.arange(x.size) // rows.size % 2, 0.5 * kind.pitch, 0)  # rows staggered, then shaken
    x, y = (part + rng.uniform(-0.42, 0.42, x.size) * kind.pitch for part in (x, y))
    size = rng.uniform(kind.smallest, kind.largest, x.size)
    share = rng.uniform(*kind.share)
    lean = rng.uniform(0, 2 * np.pi)
    crowd = share + 0.18 * (x * np.cos(lean) + y * np.sin(lean)) / outline.reach * (share < 0.9)
    angle = np.degrees(np.arctan2(y, x)).astype(int) % 360
    kept = (rng.uniform(size=x.size) < crowd) & (np.hypot(x, y) + 0.8 * size < outline.radii[angle])
    above = rng.uniform(size=x.size) < kind.over
    deep = rng.uniform(size=x.size) < 0.5
    dye = kind.dye.varied(rng, 0.32).vector * np.float32(stain.granules) + stain.tint.varied(rng, 0.5).vector
    stamps = []
    for pick, depth in ((kept & ~deep, 0.82), (kept & deep, 1.15)):
        body = _discs(grid, x[pick], y[pick], size[pick]) * 0.94
        high = pick & above
        over = _discs(grid, x[high], y[high], size[high]) * 0.9 if kind.over else None
        lit = np.full(body.shape, depth, np.float32)
        if kind.gloss:
            lit *= 1 - np.float32(kind.gloss) * _discs(grid, x[pick] - 0.12, y[pick] - 0.12, size[pick] * 0.45)
        stamps.append((body, dye * lit[..., None], over))
    return stamps


def _discs(grid: Grid, x: np.ndarray, y: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Coverage of a set of discs (um): float32 (n, n), 0 to 1; small discs fade instead of vanishing."""
    canvas = np.zeros(grid.x.shape, np.uint8)
    middle, scale = grid.x.shape[0] // 2, 16 / grid.um_per_px
    places = np.rint(np.stack([x * scale + 16 * middle, y * scale + 16 * middle, np.maximum(radii * scale, 8)], 1))
    for cx, cy, radius in places.astype(int).tolist():
        cv2.circle(canvas, (cx, cy), radius, 255, cv2.FILLED, cv2.LINE_AA, 4)
    return canvas.astype(np.float32) / 255
