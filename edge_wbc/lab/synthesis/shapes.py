"""Outlines, nuclei and textures in micrometres, so that one seed draws one cell at whatever scale.

Every function draws a number of random values that does not depend on the scale, and a shape is a signed
distance (negative inside), which is cut into pixels last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos as cosine
from math import sin as sine
from math import sqrt

import cv2
import numpy as np

__all__ = [
    "Bumps",
    "Grid",
    "Lobe",
    "Outline",
    "Range",
    "arc",
    "coverage",
    "discs",
    "ellipse",
    "lobes",
    "merged",
    "noise",
    "random_outline",
]

Range = tuple[float, float]
"""The least and the most of a number drawn per cell."""

_TABLE_UM = 30.0
_ANGLES = np.linspace(0, 2 * np.pi, 360, endpoint=False)


@dataclass(frozen=True)
class Grid:
    """Pixel centres of a square sprite, in micrometres from its middle.

    Attributes:
        x, y: float32 (n, n), n odd, x right, y down.
        um_per_px: micrometres a pixel spans.
    """

    x: np.ndarray
    y: np.ndarray
    um_per_px: float

    @classmethod
    def around(cls, half_um: float, um_per_px: float) -> Grid:
        """The grid that reaches at least `half_um` from the middle to each side."""
        half = int(np.ceil(half_um / um_per_px))
        axis = np.arange(-half, half + 1, dtype=np.float32) * np.float32(um_per_px)
        x, y = np.meshgrid(axis, axis)
        return cls(x, y, um_per_px)


@dataclass(frozen=True)
class Outline:
    """A closed outline in polar form.

    Attributes:
        radii: (360,) radius in um at each degree, clockwise from +x as seen on the picture.
    """

    radii: np.ndarray

    @property
    def reach(self) -> float:
        """The largest radius, um."""
        return float(self.radii.max())

    @property
    def mean(self) -> float:
        """The radius of the disc of equal area, um."""
        return float(np.sqrt(np.mean(self.radii**2)))

    def distance(self, grid: Grid) -> np.ndarray:
        """Signed distance to the outline along the ray, um, float32 (n, n), negative inside."""
        degrees = np.degrees(np.arctan2(grid.y, grid.x)) % np.float32(360)
        low = degrees.astype(np.int16)
        part = degrees - low.astype(np.float32)
        table = np.append(self.radii, self.radii[:2]).astype(np.float32)
        return np.hypot(grid.x, grid.y) - (table[low] * (1 - part) + table[low + 1] * part)


@dataclass(frozen=True)
class Bumps:
    """Blebs, spikes or pseudopods around an outline, or the dents that neighbours press into it.

    Attributes:
        count: how many, least and most; they stand about evenly around the cell.
        width: half width of each, radians.
        height: of each as a fraction of the radius, negative for dents.
    """

    count: tuple[int, int]
    width: Range
    height: Range


def random_outline(
    rng: np.random.Generator, um: Range, elongation: float, wobble: float, bumps: Bumps | None = None
) -> Outline:
    """An irregular outline whose diameters lie within a range.

    Both the diameter of the disc of equal area and the longer side of the tight box come out within `um`, as long
    as the shape is not more elongated than the range is wide.

    Args:
        rng: the source of chance.
        um: the smallest and the largest diameter.
        elongation: the most that the long axis exceeds the short one, as a ratio, 1 or more.
        wobble: how far the outline strays from the ellipse, as a fraction of the radius.
        bumps: what stands out from it.
    """
    smallest, largest = um
    ratio, turn = rng.uniform(1, elongation), rng.uniform(0, np.pi)
    along = _ANGLES - turn
    radii = 1 / np.hypot(np.cos(along) / np.sqrt(ratio), np.sin(along) * np.sqrt(ratio))
    for order in range(2, 8):
        size, phase = rng.normal(0, wobble / order**0.7), rng.uniform(0, 2 * np.pi)
        radii = radii * (1 + size * np.cos(order * _ANGLES + phase))
    if bumps is not None:
        radii = radii * _relief(rng, bumps)
    radii = radii / np.sqrt(np.mean(radii**2))
    # A squarish outline that lies askew is wider by area than along either side.
    extent = max(2.0, np.ptp(radii * np.cos(_ANGLES)), np.ptp(radii * np.sin(_ANGLES))) / 2
    diameter = smallest + rng.uniform() * max(0.0, largest / extent - smallest)
    return Outline(radii * min(diameter, largest / extent) / 2)


def _relief(rng: np.random.Generator, bumps: Bumps) -> np.ndarray:
    count = int(rng.integers(bumps.count[0], bumps.count[1] + 1))
    places = (np.arange(count) + rng.uniform(-0.4, 0.4, count) + rng.uniform()) * (2 * np.pi / max(count, 1))
    away = np.abs((_ANGLES[:, None] - places + np.pi) % (2 * np.pi) - np.pi)
    heights = rng.uniform(*bumps.height, count)
    relief: np.ndarray = 1 + (heights * np.exp(-((away / rng.uniform(*bumps.width, count)) ** 2))).sum(1)
    return relief


def coverage(distance: np.ndarray, um_per_px: float, soft_um: float = 0.0) -> np.ndarray:
    """How much of each pixel lies inside a shape: float32, 0 to 1, smooth over a pixel and `soft_um`."""
    return np.clip(0.5 - distance / (um_per_px + soft_um), 0, 1)


def noise(rng: np.random.Generator, grid: Grid, pitch_um: float) -> np.ndarray:
    """Smooth noise of mean 0 and deviation near 0.7 with grains of about `pitch_um`: float32 (n, n)."""
    count = int(np.ceil(_TABLE_UM / pitch_um)) + 3
    table = rng.standard_normal((count, count), dtype=np.float32)
    middle = np.float32(count / 2)
    scale = np.float32(1 / pitch_um)
    return cv2.remap(
        table, grid.x * scale + middle, grid.y * scale + middle, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )


def discs(grid: Grid, x: np.ndarray, y: np.ndarray, radii: np.ndarray, shades: np.ndarray) -> np.ndarray:
    """A set of discs (um), later ones over earlier ones: float32 (n, n), 0 to 1.

    Args:
        grid: where.
        x, y, radii: (k,) um; a disc smaller than a pixel fades instead of vanishing.
        shades: (k,) how dark each disc is, 0 to 1.
    """
    canvas = np.zeros(grid.x.shape, np.uint8)
    middle, scale = grid.x.shape[0] // 2, 16 / grid.um_per_px
    # OpenCV's smooth discs reach half a pixel beyond their radius.
    reach, levels = np.maximum(radii * scale - 8, 1), 255 * shades * np.minimum(radii * scale / 8, 1) ** 2
    places = np.stack([x * scale + 16 * middle, y * scale + 16 * middle, reach, levels], 1)
    for cx, cy, radius, level in np.rint(places).astype(int).tolist():
        cv2.circle(canvas, (cx, cy), radius, level, cv2.FILLED, cv2.LINE_AA, 4)
    return canvas.astype(np.float32) / 255


@dataclass(frozen=True)
class Lobe:
    """An ellipse: its middle, half axes and the angle of the first, all relative to the cell's radius."""

    x: float
    y: float
    a: float
    b: float
    angle: float = 0.0


def ellipse(x: np.ndarray, y: np.ndarray, lobe: Lobe) -> np.ndarray:
    """Signed distance to an ellipse, near enough close to its edge."""
    cos, sin = cosine(lobe.angle), sine(lobe.angle)
    u = ((x - lobe.x) * cos + (y - lobe.y) * sin) / lobe.a
    v = ((y - lobe.y) * cos - (x - lobe.x) * sin) / lobe.b
    return (np.hypot(u, v) - 1) * sqrt(lobe.a * lobe.b)


def lobes(x: np.ndarray, y: np.ndarray, parts: Sequence[Lobe], bridge: float, blend: float) -> np.ndarray:
    """Signed distance to a chain of lobes, each joined to the next by a strand of half width `bridge`."""
    distance = ellipse(x, y, parts[0])
    for before, after in zip(parts, parts[1:], strict=False):
        distance = merged(distance, _strand(x, y, before, after) - bridge, blend)
        distance = merged(distance, ellipse(x, y, after), blend)
    return distance


def arc(x: np.ndarray, y: np.ndarray, radius: float, span: float, thick: float, taper: float) -> np.ndarray:
    """Signed distance to a bent sausage (kidney to horseshoe) around the origin, its hollow towards -x.

    Args:
        x, y: where, relative to the cell's radius.
        radius: of the bent axis.
        span: the angle the axis covers, radians.
        thick: half the thickness in the middle.
        taper: how much thicker one end is than the other, as a fraction.
    """
    angle = np.clip(np.arctan2(y, x), -span / 2, span / 2)
    away = np.hypot(x - radius * np.cos(angle), y - radius * np.sin(angle))
    return away - thick * (1 + taper * angle / span)


def _strand(x: np.ndarray, y: np.ndarray, one: Lobe, two: Lobe) -> np.ndarray:
    dx, dy = two.x - one.x, two.y - one.y
    along = np.clip(((x - one.x) * dx + (y - one.y) * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
    return np.hypot(x - one.x - along * dx, y - one.y - along * dy)


def merged(one: np.ndarray, two: np.ndarray, width: float) -> np.ndarray:
    """The union of two signed distances with the corner between them rounded over `width`."""
    mix = np.clip(0.5 + 0.5 * (two - one) / width, 0, 1)
    return two + (one - two) * mix - width * mix * (1 - mix)
