"""What the colour filter puts forward as white cells in one field, and what each looks like from the middle outwards.

The filter is a linear score of optical density, after Raabin-WBC's colour filter on nuclei ("Cell detection"). Fields
are searched at the scale at which a red cell's radius is `RADIUS` pixels, so that magnification and zoom need not be
known and every length below is in red cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple

import cv2
import numpy as np

from edge_wbc.core.density import bright_disc, excess_density, optical_density, red_cell_radius, stain_strength

__all__ = ["FEATURES", "RADIUS", "RED_CELL_UM", "Proposals", "WorkingField", "propose", "red_cells_in", "working_field"]

RADIUS = 6.0
"""Radius in pixels of a red cell at the working scale."""

RED_CELL_UM = 3.75
"""Radius of a red cell in a smear, um: where a field is calibrated, this is the ruler."""

_COARSE_PIXELS = 200_000
# A nucleus as one blob, a many-lobed one as one blob; in working pixels.
_SIGMAS = (4.5, 8.0)
_LEAST_BLOB = 0.8
_SEEDS = 12
_REACH = 18
_MARGIN = 2 * _REACH + 1
_RINGS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.6, 3.3)

_SIDE = np.arange(-_REACH, _REACH + 1)
_AWAY = np.hypot(_SIDE[:, None], _SIDE[None, :])
_RING_MASKS = np.stack(
    [(_AWAY >= near * RADIUS) & (_AWAY < far * RADIUS) for near, far in zip(_RINGS, _RINGS[1:])]
).astype(np.float32)

FEATURES: Tuple[str, ...] = (
    *("area", "side", "width", "height", "solidity", "roundness", "blob", "sigma", "pieces", "lit"),
    *("score mean", "score sd", "score max"),
    *(f"nucleus {part} {channel}" for part in ("mean", "sd") for channel in "rgb"),
    *(f"ring {ring} {channel}" for ring in range(6) for channel in (*"rgb", "score")),
    *(f"ring {ring} score sd" for ring in range(4)),
    *(f"hue {part} {channel}" for part in ("nucleus", "ring 0", "ring 1") for channel in "rb"),
    *(f"red cell {channel}" for channel in "rgb"),
)


@dataclass(frozen=True)
class Proposals:
    """Candidates of one field.

    Attributes:
        features: (N, len(FEATURES)) float32; lengths in red-cell radii, densities relative to the field's red cells.
        nuclei: (N, 4) float32 boxes around nuclei, in working pixels.
        scale: working pixels per pixel of the field.
        lit: (h, w) bool at the working scale, where light came through.
    """

    features: np.ndarray
    nuclei: np.ndarray
    scale: float
    lit: np.ndarray


@dataclass(frozen=True)
class WorkingField:
    """A field at the working scale.

    Attributes:
        density: (h, w, 3) float32 optical density in lengths of `red_cell`.
        excess: (h, w, 3) float32, of `excess_density`.
        red_cell: (3,) density of its red cells.
        lit: (h, w) bool, where light came through.
        scale: working pixels per pixel of the field.
    """

    density: np.ndarray
    excess: np.ndarray
    red_cell: np.ndarray
    lit: np.ndarray
    scale: float


def working_field(rgb: np.ndarray, um_per_px: Optional[float] = None) -> Optional[WorkingField]:
    """Brings a field to the working scale; None where nothing tells its scale.

    Args:
        rgb: (H, W, 3) uint8.
        um_per_px: micrometres a pixel spans; without it the field's own red cells are the ruler.
    """
    coarse = min(1.0, (_COARSE_PIXELS / (rgb.shape[0] * rgb.shape[1])) ** 0.5)
    small = _shrunk(rgb, coarse)
    lit = bright_disc(small)
    density, red_cell = optical_density(small, lit)
    radius = RED_CELL_UM / um_per_px * coarse if um_per_px else red_cell_radius(density, red_cell, lit)
    if radius is None:
        return None
    if radius > RADIUS:
        small = _shrunk(small, RADIUS / radius)
        lit = cv2.resize(lit.astype(np.uint8), small.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
        density, red_cell = optical_density(small, lit)
    unit = density * np.float32(1 / stain_strength(red_cell))
    return WorkingField(unit, excess_density(density, red_cell), red_cell, lit, small.shape[1] / rgb.shape[1])


def red_cells_in(rgb: np.ndarray) -> Optional[float]:
    """Radius of the red cells of a field in its own pixels; None where nothing round repeats."""
    coarse = min(1.0, (_COARSE_PIXELS / (rgb.shape[0] * rgb.shape[1])) ** 0.5)
    small = _shrunk(rgb, coarse)
    lit = bright_disc(small)
    radius = red_cell_radius(*optical_density(small, lit), lit)
    return None if radius is None else radius / coarse


def _shrunk(rgb: np.ndarray, scale: float) -> np.ndarray:
    if scale >= 1:
        return rgb
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def propose(rgb: np.ndarray, colour: np.ndarray, um_per_px: Optional[float] = None) -> Optional[Proposals]:
    """All that may be white cells in a field; None where nothing tells its scale.

    Args:
        rgb: (H, W, 3) uint8.
        colour: (3,) weights of red, green and blue excess density in the nucleus score.
        um_per_px: as for `working_field`.
    """
    field = working_field(rgb, um_per_px)
    if field is None:
        return None
    score = cv2.transform(field.excess, colour.astype(np.float32)[None, :])
    layers = np.dstack([field.density, score, field.lit.astype(np.float32), cv2.GaussianBlur(score, (0, 0), 1.0)])
    padded = np.pad(layers, ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0)))
    rows: List[np.ndarray] = []
    boxes: List[Tuple[int, int, int, int]] = []
    for sigma in _SIGMAS:
        seeds, blobs = _seeds(score, field.lit, sigma)
        for seed, blob in zip(seeds, blobs):
            window = _window(padded, seed)
            nucleus = _nucleus(window[..., 5], seeds - seed)
            if nucleus is None:
                continue
            y, x = np.nonzero(nucleus)
            top, left = seed[0] - _REACH + y.min(), seed[1] - _REACH + x.min()
            boxes.append((left, top, left + int(np.ptp(x)) + 1, top + int(np.ptp(y)) + 1))
            around = _window(padded, seed - _REACH + np.array([round(y.mean()), round(x.mean())]))
            colours = _colours(window[nucleus], around, field.red_cell)
            pieces = cv2.connectedComponents(nucleus.astype(np.uint8))[0] - 1
            rows.append(np.concatenate([_shape(x, y), [blob, sigma / RADIUS, pieces], *colours, field.red_cell]))
    return Proposals(
        np.array(rows, np.float32).reshape(-1, len(FEATURES)),
        np.array(boxes, np.float32).reshape(-1, 4),
        field.scale,
        field.lit,
    )


def _window(padded: np.ndarray, middle: np.ndarray) -> np.ndarray:
    row, column = middle + _MARGIN
    return padded[row - _REACH : row + _REACH + 1, column - _REACH : column + _REACH + 1]


def _seeds(score: np.ndarray, lit: np.ndarray, sigma: float) -> Tuple[np.ndarray, np.ndarray]:
    """(N, 2) rows and columns of the strongest blobs, strongest first, and their (N,) strength."""
    blob = cv2.GaussianBlur(score, (0, 0), sigma)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    rows, columns = np.nonzero((blob == cv2.dilate(blob, disc)) & lit & (blob > _LEAST_BLOB))
    strength = blob[rows, columns]
    order = np.argsort(-strength, kind="stable")[:_SEEDS]
    return np.stack([rows[order], columns[order]], axis=1), strength[order]


def _nucleus(fine: np.ndarray, others: np.ndarray) -> Optional[np.ndarray]:
    """The (37, 37) mask of the nucleus that a window's middle lies in, every lobe of it; None where there is none.

    Args:
        fine: the window of the lightly smoothed score.
        others: (N, 2) all seeds relative to this one; each pixel belongs to the seed nearest to it.
    """
    peak = float(fine[_REACH - 2 : _REACH + 3, _REACH - 2 : _REACH + 3].max())
    mine = fine > max(1.0, 0.35 * peak)
    for row, column in others[(np.abs(others) < 2 * _REACH).all(1) & others.any(1)]:
        mine &= _AWAY <= np.hypot(_SIDE[:, None] - row, _SIDE[None, :] - column)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(mine.astype(np.uint8))
    if count < 2:
        return None
    kept = stats[:, cv2.CC_STAT_AREA] >= 0.1 * stats[1:, cv2.CC_STAT_AREA].max()
    kept[0] = False
    return kept[pieces]


def _shape(x: np.ndarray, y: np.ndarray) -> Tuple[float, ...]:
    area, wide, high = len(x), float(np.ptp(x)) + 1, float(np.ptp(y)) + 1
    # The hull of pixel middles lacks half a pixel all around.
    hull = cv2.contourArea(cv2.convexHull(np.stack([x, y], 1).astype(np.int32))) + wide + high - 1
    sides = wide / RADIUS, high / RADIUS
    return area / RADIUS**2, area**0.5 / RADIUS, *sides, area / hull, min(sides) / max(sides)


def _colours(inside: np.ndarray, around: np.ndarray, red_cell: np.ndarray) -> Tuple[np.ndarray, ...]:
    """Of the nucleus's own pixels, and of the rings around its middle."""
    weights = _RING_MASKS * around[..., 4]
    seen = weights.sum((1, 2))
    amount = seen + 1e-3
    rings = np.tensordot(weights, around[..., :4], ((1, 2), (0, 1))) / amount[:, None]
    squares = np.tensordot(weights[:4], around[..., 3] ** 2, ((1, 2), (0, 1))) / amount[:4]
    score = inside[:, 3]
    # Hue: red and blue for the green, against the red cells'.
    parts = np.stack([inside[:, :3].mean(0), rings[0, :3], rings[1, :3]])
    hue = parts[:, ::2] / np.maximum(parts[:, 1:2], 0.1) - red_cell[::2] / max(float(red_cell[1]), 0.02)
    return (
        np.array([seen[-1] / _RING_MASKS[-1].sum(), score.mean(), score.std(), score.max()]),
        inside[:, :3].mean(0),
        inside[:, :3].std(0),
        rings.ravel(),
        np.sqrt(np.maximum(squares - rings[:4, 3] ** 2, 0)),
        hue.ravel(),
    )
