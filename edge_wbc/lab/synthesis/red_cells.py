"""Red cells and platelets: sprites of dye amounts, made once per smear and stamped many times.

A red cell is a biconcave disc of 6.2 to 8.2 um, thick at the rim and pale in the middle third; platelets are 2 to
3 um (textbook sizes). Stamps let light through, so that overlapping cells darken each other as they do on glass.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge_wbc.lab.synthesis.shapes import Grid, coverage, noise, random_outline
from edge_wbc.lab.synthesis.stain import Amounts, Stain

__all__ = ["RED_CELL_UM", "platelets", "red_cells", "stamp"]

RED_CELL_UM = (6.2, 8.2)


def red_cells(stain: Stain, um_per_px: float, rng: np.random.Generator, count: int = 18) -> list[np.ndarray]:
    """`count` different red cells, each what it lets through of the light: float32 (n, n, 3), 0 to 1."""
    middle = rng.uniform(6.8, 7.6)
    pallor, depth = rng.uniform(0.32, 0.5), rng.uniform(0.4, 1.0)
    sprites = []
    for _ in range(count):
        small = min(middle + rng.normal(0, 0.3), RED_CELL_UM[1] - 0.7)
        outline = random_outline(rng, max(RED_CELL_UM[0], small - 0.5), small + 0.7, 1.22, 0.02)
        grid = Grid.around(outline.reach + 0.5, um_per_px)
        edge = outline.distance(grid)
        x0, y0 = rng.normal(0, 0.25, 2)
        away = np.hypot(grid.x - x0, grid.y - y0) * (1 + 0.08 * noise(rng, grid, 2.2)) / outline.reach
        hollow = depth * rng.uniform(0.6, 1.2) / (1 + np.exp((away - pallor * rng.uniform(0.85, 1.2)) / 0.09))
        thick = (1 - np.minimum(hollow, 0.9)) * (1 + 0.03 * noise(rng, grid, 1.2))
        thick *= 1 + 0.1 * np.exp(-(((edge + 0.25) / 0.3) ** 2))
        amounts = (thick * coverage(edge, um_per_px, 0.25))[..., None] * stain.red.varied(rng, 0.07).vector
        sprites.append(np.exp(-(amounts @ stain.dyes)).astype(np.float32))
    return sprites


def platelets(stain: Stain, um_per_px: float, rng: np.random.Generator, count: int = 6) -> list[np.ndarray]:
    """`count` different platelets, as what they let through: float32 (n, n, 3), 0 to 1."""
    sprites = []
    for _ in range(count):
        outline = random_outline(rng, 1.8, 3.2, 1.4, 0.07)
        grid = Grid.around(outline.reach + 0.6, um_per_px)
        inside = coverage(outline.distance(grid), um_per_px, 0.3)
        dark = np.clip(0.35 + 0.45 * noise(rng, grid, 0.5), 0.1, 1.2) * np.exp(
            -((np.hypot(grid.x, grid.y) / outline.reach) ** 2) * 1.2
        )
        amounts = inside[..., None] * (
            dark[..., None] * Amounts(0.9, 0.2, 0.15).varied(rng, 0.15).vector + Amounts(0.04, 0.14, 0.03).vector
        )
        sprites.append(np.exp(-(amounts @ stain.dyes)).astype(np.float32))
    return sprites


def stamp(canvas: np.ndarray, sprite: np.ndarray, x: float, y: float, turn: int) -> None:
    """Multiplies a sprite into the canvas in place, its middle at (x, y) px, in one of eight poses (`turn` 0 to 7)."""
    posed = np.rot90(sprite, turn % 4)
    posed = posed[:, ::-1] if turn >= 4 else posed
    size = posed.shape[0]
    x0, y0 = round(x) - size // 2, round(y) - size // 2
    left, top = max(0, x0), max(0, y0)
    right, bottom = min(canvas.shape[1], x0 + size), min(canvas.shape[0], y0 + size)
    if left >= right or top >= bottom:
        return
    place = canvas[top:bottom, left:right]
    part = np.ascontiguousarray(posed[top - y0 : bottom - y0, left - x0 : right - x0])
    cv2.multiply(place, part, dst=place)
