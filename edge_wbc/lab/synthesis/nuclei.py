"""Where the nucleus of each class lies: signed distances in units of the cell's radius."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edge_wbc.lab.synthesis.shapes import Lobe, arc, ellipse, lobes

__all__ = ["NUCLEI"]

Shape = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]


def _segmented(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Two to five lobes along a bent chain, joined by thin bridges."""
    count = int(rng.choice([2, 3, 4, 5], p=[0.08, 0.42, 0.33, 0.17]))
    step = {2: 2.3, 3: 1.75, 4: 1.42, 5: 1.2}[count]
    size = {2: 0.35, 3: 0.31, 4: 0.265, 5: 0.235}[count]
    parts = []
    angle = rng.uniform(0, 2 * np.pi)
    for _ in range(count):
        away = rng.uniform(0.40, 0.54)
        a, b = size * rng.uniform(1.0, 1.25), size * rng.uniform(0.78, 0.98)
        lean = angle + np.pi / 2 + rng.normal(0, 0.5)
        parts.append(Lobe(away * np.cos(angle), away * np.sin(angle), a, b, lean))
        angle += step * rng.uniform(0.88, 1.1)
    return lobes(x, y, parts, rng.uniform(0.035, 0.075), 0.05)


def _spectacles(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Two plump lobes side by side towards one border, as eosinophils have."""
    angle, bend = rng.uniform(0, 2 * np.pi), rng.uniform(1.9, 2.7)
    parts = []
    for side in (-0.5, 0.5):
        turn = angle + side * bend
        away = rng.uniform(0.43, 0.52)
        a, b = rng.uniform(0.33, 0.41), rng.uniform(0.25, 0.32)
        parts.append(Lobe(away * np.cos(turn), away * np.sin(turn), a, b, turn + np.pi / 2 + rng.normal(0, 0.3)))
    return lobes(x, y, parts, rng.uniform(0.05, 0.10), 0.08)


def _clover(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Two broad lobes run together, as under the granules of a basophil."""
    angle = rng.uniform(0, 2 * np.pi)
    parts = []
    for side in (-1, 1):
        away = side * rng.uniform(0.26, 0.36)
        a, b = rng.uniform(0.36, 0.46), rng.uniform(0.32, 0.40)
        parts.append(Lobe(away * np.cos(angle), away * np.sin(angle), a, b, angle + rng.normal(0, 0.7)))
    return lobes(x, y, parts, 0.2, 0.12)


def _kidney(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Kidney to horseshoe: one thick bent body with a deep indentation."""
    bent = rng.uniform(0, 1)
    radius = 0.40 + 0.09 * bent + rng.normal(0, 0.015)
    span = 2.1 + 2.0 * bent + rng.normal(0, 0.1)
    thick = 0.37 - 0.09 * bent + rng.normal(0, 0.015)
    angle, shift = rng.uniform(0, 2 * np.pi), rng.uniform(-0.08, 0.04)
    cos, sin = np.cos(angle), np.sin(angle)
    u, v = x * cos + y * sin - shift, y * cos - x * sin
    return arc(u, v, radius, span, thick, rng.uniform(-0.45, 0.45))


def _round(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Round to oval, nearly filling the cell, now and then with a shallow dent."""
    size, ratio = rng.uniform(0.76, 0.90), rng.uniform(1.0, 1.16)
    angle, towards = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
    away = (1 - size) * rng.uniform(0.2, 0.8)
    body = Lobe(away * np.cos(towards), away * np.sin(towards), size * ratio**0.5, size / ratio**0.5, angle)
    distance = ellipse(x, y, body)
    dent, side = rng.uniform(-0.1, 0.10), rng.uniform(0, 2 * np.pi)
    bite = Lobe(body.x + size * np.cos(side), body.y + size * np.sin(side), 0.2, 0.2)
    return np.maximum(distance, dent - 0.05 - ellipse(x, y, bite)) if dent > 0.05 else distance


NUCLEI: dict[str, Shape] = {
    "neutrophil": _segmented,
    "eosinophil": _spectacles,
    "basophil": _clover,
    "monocyte": _kidney,
    "lymphocyte": _round,
}
