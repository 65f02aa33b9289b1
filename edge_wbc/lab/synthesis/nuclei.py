"""Where the nucleus lies: signed distances in units of the cell's radius, by shape."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import cos, pi, sin, sqrt

import numpy as np

from edge_wbc.lab.synthesis.shapes import Lobe, Range, arc, ellipse, lobes, merged

__all__ = ["NUCLEI"]

Shape = Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]
_ROOM = 0.9  # how far from the middle a lobe may reach


def _chain(
    rng: np.random.Generator,
    x: np.ndarray,
    y: np.ndarray,
    counts: dict[int, float],
    fill: Range,
    gap: Range = (0.95, 1.28),
    bridge: Range = (0.025, 0.08),
    plump: float = 1.9,
) -> np.ndarray:
    """Lobes along a bent chain, joined by strands.

    Args:
        rng: the source of chance.
        x, y: where, relative to the cell's radius.
        counts: how many lobes -> how often.
        fill: the nucleus' share of the cell's area.
        gap: the distance of neighbouring lobes over the sum of their radii; below 1 they run together.
        bridge: half the width of a strand.
        plump: the most that a lobe is longer than wide.
    """
    count = int(rng.choice(list(counts), p=list(counts.values())))
    size = np.sqrt(rng.uniform(*fill) / count) * rng.uniform(0.85, 1.15, count)
    # Chains curl one way (C), or turn back (S and Z).
    curl = np.where(rng.uniform() < 0.65, 1.0, (-1.0) ** np.arange(count)) * rng.uniform(0.5, 1.5, count)
    heading = rng.uniform(0, 2 * pi) + np.cumsum(curl)
    apart = (size[1:] + size[:-1]) * rng.uniform(*gap, count - 1)
    steps = np.stack([np.cos(heading[1:]), np.sin(heading[1:])], 1) * apart[:, None]
    places = np.vstack([np.zeros((1, 2)), np.cumsum(steps, 0)])
    places = _settled(places - places.mean(0), size, apart)
    ratio, tilt = np.sqrt(rng.uniform(1, plump, count)), rng.normal(0, 0.6, count)
    parts = [
        Lobe(*(float(part) for part in (x0, y0, radius * long, radius / long, lean)))
        for (x0, y0), radius, long, lean in zip(places, size, ratio, heading + tilt, strict=True)
    ]
    return lobes(x, y, parts, rng.uniform(*bridge), 0.04)


def _settled(places: np.ndarray, size: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Lobes pushed off each other, held to their neighbours and kept inside the cell."""
    least = 0.95 * (size[:, None] + size)
    np.fill_diagonal(least, 0)
    index = np.arange(len(size) - 1)
    for _ in range(14):
        away = places[:, None] - places
        far = np.hypot(away[..., 0], away[..., 1]) + 1e-6
        push = np.maximum(least - far, 0)
        push[index, index + 1] = push[index + 1, index] = 0.6 * (apart - far[index, index + 1])
        places = places + 0.4 * ((push / far)[..., None] * away).sum(1)
        radius = np.hypot(*places.T) + 1e-6
        places = places * np.minimum(1, np.maximum(_ROOM - size, 0.05) / radius)[:, None]
    return places


def _arc(
    rng: np.random.Generator,
    x: np.ndarray,
    y: np.ndarray,
    radius: Range,
    span: Range,
    thick: Range,
    taper: float,
    waists: float = 0.0,
) -> np.ndarray:
    """One bent body: a band where it is thin, a kidney or horseshoe where it is thick."""
    bent = rng.uniform()
    angle, shift, side = rng.uniform(0, 2 * pi), rng.uniform(-0.12, 0.06), 1 if rng.uniform() < 0.5 else -1
    u, v = x * cos(angle) + y * sin(angle) - shift, side * (y * cos(angle) - x * sin(angle))
    axis = rng.uniform(*radius)
    reach = span[0] + (span[1] - span[0]) * bent
    body = arc(u, v, axis, reach, rng.uniform(*thick), rng.uniform(-taper, taper))
    waist, phase = rng.uniform(0, waists), rng.uniform(0, 2 * pi)
    return body + waist * np.cos(3 * np.arctan2(v, u) + phase) if waists else body


def _oval(
    rng: np.random.Generator,
    x: np.ndarray,
    y: np.ndarray,
    fill: Range,
    ratio: float = 1.2,
    dent: Range = (-0.1, 0.08),
    aside: Range = (0.0, 0.9),
) -> np.ndarray:
    """Round to oval, somewhere between the middle and the border, here and there with a dent.

    Args:
        rng: the source of chance.
        x, y: where, relative to the cell's radius.
        fill: the nucleus' share of the cell's area.
        ratio: the most that it is longer than wide.
        dent: depth of the dent; none where negative.
        aside: 0 in the middle, 1 touching the border.
    """
    size, long = sqrt(rng.uniform(*fill)), sqrt(rng.uniform(1, ratio))
    towards, lean = rng.uniform(0, 2 * pi), rng.uniform(0, pi)
    away = (1 - size) * rng.uniform(*aside)
    body = Lobe(away * cos(towards), away * sin(towards), size * long, size / long, lean)
    distance = ellipse(x, y, body)
    depth, side, wide = rng.uniform(*dent), rng.uniform(0, 2 * pi), rng.uniform(0.18, 0.5)
    if depth <= 0:
        return distance
    far = size + wide - depth
    bite = Lobe(body.x + far * cos(side), body.y + far * sin(side), wide, wide)
    return -merged(-distance, ellipse(x, y, bite), 0.1)


def _folded(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, fill: Range = (0.4, 0.72)) -> np.ndarray:
    """Broad lobes run into each other, as a brain's folds."""
    count = int(rng.integers(3, 6))
    size = np.sqrt(rng.uniform(*fill)) * rng.uniform(0.5, 0.68, count)
    angles = (np.arange(count) + rng.uniform(-0.3, 0.3, count)) * (2 * pi / count) + rng.uniform(0, 2 * pi)
    away = rng.uniform(0.24, 0.42, count)
    parts = [
        Lobe(far * cos(angle), far * sin(angle), radius * 1.1, radius / 1.1, angle)
        for far, angle, radius in zip(away.tolist(), angles.tolist(), size.tolist(), strict=True)
    ]
    return lobes(x, y, parts, 0.2, 0.06)


NUCLEI: dict[str, Shape] = {
    "segmented": partial(_chain, counts={2: 0.15, 3: 0.42, 4: 0.29, 5: 0.14}, fill=(0.26, 0.54)),
    "hyper-segmented": partial(
        _chain, counts={5: 0.2, 6: 0.45, 7: 0.25, 8: 0.1}, fill=(0.26, 0.4), gap=(1.0, 1.2), plump=1.25
    ),
    "pince-nez": partial(
        _chain, counts={2: 1.0}, fill=(0.26, 0.4), gap=(1.08, 1.3), bridge=(0.04, 0.09), plump=1.15
    ),
    "spectacles": partial(_chain, counts={2: 0.86, 3: 0.14}, fill=(0.28, 0.48), gap=(0.95, 1.28), bridge=(0.03, 0.1)),
    "clover": partial(_chain, counts={2: 0.6, 3: 0.4}, fill=(0.42, 0.62), gap=(0.6, 0.95), bridge=(0.1, 0.25)),
    "band": partial(_arc, radius=(0.42, 0.56), span=(2.0, 4.4), thick=(0.17, 0.28), taper=0.35, waists=0.035),
    "horseshoe": partial(_arc, radius=(0.40, 0.52), span=(2.4, 4.0), thick=(0.25, 0.34), taper=0.5, waists=0.05),
    "kidney": partial(_arc, radius=(0.30, 0.42), span=(2.0, 3.0), thick=(0.34, 0.46), taper=0.4),
    "bean": partial(_oval, fill=(0.38, 0.7), ratio=1.5, dent=(0.14, 0.38), aside=(0.1, 0.9)),
    "folded": _folded,
    "snug": partial(_oval, fill=(0.52, 1.0), ratio=1.25),
    "oval": partial(_oval, fill=(0.38, 0.66), ratio=1.4, dent=(-0.12, 0.12)),
    "cleft": partial(_oval, fill=(0.45, 0.75), ratio=1.35, dent=(-0.1, 0.28)),
    "aside": partial(_oval, fill=(0.2, 0.36), ratio=1.2, dent=(-1, 0), aside=(0.7, 1.05)),
    "button": partial(_oval, fill=(0.2, 0.46), ratio=1.12, dent=(-1, 0), aside=(0.1, 1.0)),
}  # fmt: skip
