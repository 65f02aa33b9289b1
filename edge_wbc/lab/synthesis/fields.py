"""One field of a smear before it is photographed: glass, red cells, platelets, and white cells on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.synthesis.cutouts import RED_CELL, Cutout
from edge_wbc.lab.synthesis.drawing import DIAMETERS_UM, draw_cell
from edge_wbc.lab.synthesis.stain import Stain

__all__ = ["DrawnField", "PlacedCell", "SmearLook", "compose_field", "smear_look"]

_LARGEST_UM = 20.0  # a monocyte, Table 1 of Raabin-WBC
_DARTS = 400


@dataclass(frozen=True)
class SmearLook:
    """What all fields of a smear share at one scale.

    Attributes:
        stain: the smear's stain.
        um_per_px: the scale of its sprites.
        reds, platelets: sprites, each what it lets through, float32 (n, n, 3).
        crowding: red cells per square micrometre.
    """

    stain: Stain
    um_per_px: float
    reds: tuple[np.ndarray, ...]
    platelets: tuple[np.ndarray, ...]
    crowding: float


@dataclass(frozen=True)
class PlacedCell:
    """A white cell in a field.

    Attributes:
        box: x0, y0, x1, y1 of its whole mask, px, end exclusive.
        sprite: its drawing.
    """

    box: tuple[int, int, int, int]
    sprite: Cutout


@dataclass(frozen=True)
class DrawnField:
    """A field as the slide shows it.

    Attributes:
        rgb: float32 (H, W, 3), 0 to 1.
        nuclei, cells: bool (H, W), the pixels of white cells' nuclei, and of white cells nuclei included.
        placed: the white cells.
    """

    rgb: np.ndarray
    nuclei: np.ndarray
    cells: np.ndarray
    placed: tuple[PlacedCell, ...]


def smear_look(stain: Stain, um_per_px: float, seed: np.random.SeedSequence) -> SmearLook:
    """The sprites and the crowding of a smear; equal seeds give the same cells at every scale."""
    rng = np.random.default_rng(seed)
    crowding = rng.uniform(0.006, 0.0125)
    red_seed, platelet_seed = seed.spawn(2)
    reds = _stamps(RED_CELL, 18, stain, um_per_px, red_seed)
    return SmearLook(stain, um_per_px, reds, _stamps("platelet", 6, stain, um_per_px, platelet_seed), crowding)


def _stamps(
    name: str, count: int, stain: Stain, um_per_px: float, seed: np.random.SeedSequence
) -> tuple[np.ndarray, ...]:
    drawn = (draw_cell(name, stain, um_per_px, np.random.default_rng(part)) for part in seed.spawn(count))
    return tuple(cell.rgb / stain.background.astype(np.float32) for cell in drawn)


def compose_field(
    look: SmearLook, names: Sequence[str], width: int, height: int, seed: np.random.SeedSequence, finest: float
) -> DrawnField:
    """Draws one field.

    White cells stand at the same fraction of the width and height at every scale down to `finest`, so that two
    domains show the same cells in the same arrangement.

    Args:
        look: the smear.
        names: the subtype of each white cell.
        width, height: px.
        seed: of this field.
        finest: the smallest micrometres per pixel at which this field may be asked for.

    Raises:
        BadInput: the white cells do not fit without overlapping.
    """
    layout, scatter, *own = seed.spawn(2 + len(names))
    sprites = [
        draw_cell(name, look.stain, look.um_per_px, np.random.default_rng(part))
        for name, part in zip(names, own, strict=True)
    ]
    span = np.array([width, height]) * finest
    # The widest that a subtype can be, so that cells stand alike at every scale.
    places = _arrange([0.55 * DIAMETERS_UM[name][1] for name in names], span, np.random.default_rng(layout))
    rng = np.random.default_rng(scatter)
    rgb = _glass(look, width, height, rng)
    middles = [(x * (width - 1), y * (height - 1)) for x, y in places]
    reaches = [sprite.alpha.shape[0] / 2 * look.um_per_px for sprite in sprites]
    _scatter(rgb, look, [(x, y, reach) for (x, y), reach in zip(middles, reaches, strict=True)], rng)
    nuclei, cells = np.zeros((height, width), bool), np.zeros((height, width), bool)
    placed = []
    for (x, y), sprite in zip(middles, sprites, strict=True):
        half = sprite.alpha.shape[0] // 2
        x0, y0 = round(x) - half, round(y) - half
        _paste(rgb, sprite, x0, y0, nuclei, cells)
        left, top, right, bottom = sprite.box
        placed.append(PlacedCell((x0 + left, y0 + top, x0 + right, y0 + bottom), sprite))
    return DrawnField(rgb, nuclei, cells, tuple(placed))


def _arrange(reaches: Sequence[float], span: np.ndarray, rng: np.random.Generator) -> list[tuple[float, float]]:
    """A place for each cell as a fraction of the field, no two closer than their radii."""
    for _ in range(20):
        found: list[tuple[float, float, float]] = []
        for reach in reaches:
            margin = reach + 0.5
            if (span <= 2 * margin).any():
                break
            for x, y in rng.uniform(margin, span - margin, (_DARTS, 2)):
                if all(np.hypot(x - a, y - b) > reach + other for a, b, other in found):
                    found.append((x, y, reach))
                    break
            else:
                break
        if len(found) == len(reaches):
            return [(float(x / span[0]), float(y / span[1])) for x, y, _ in found]
    raise BadInput(
        "white cells",
        f"{len(reaches)} do not fit in {span[0]:.0f} x {span[1]:.0f} um",
        f"draw fewer, or a larger field ({_LARGEST_UM:.0f} um is the largest cell)",
    )


def _glass(look: SmearLook, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Bare glass, a little cloudy."""
    cloud = rng.normal(0, 0.004, (7, 9, 3)).astype(np.float32)
    cloud += rng.normal(0, 0.01, (7, 9, 1)).astype(np.float32)
    clouds = cv2.resize(cloud, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(look.stain.background / np.float32(255) * (1 + clouds), np.float32)


def _scatter(
    rgb: np.ndarray, look: SmearLook, white: list[tuple[float, float, float]], rng: np.random.Generator
) -> None:
    """Stamps red cells and platelets around the white cells (x px, y px, reach um)."""
    height, width = rgb.shape[:2]
    scale = look.um_per_px
    taken = np.array([(x * scale, y * scale) for x, y, _ in white]).reshape(-1, 2)
    reach = np.array([size for _, _, size in white])
    wide, high = width * scale + 8, height * scale + 8
    count = int(look.crowding * wide * high * rng.uniform(0.8, 1.15))
    reds = np.zeros((count, 2))
    placed = 0
    for number in range(count):
        # Red cells mostly keep apart; where four darts miss, the last one may overlap its neighbours.
        for closest in (6.9, 6.6, 6.0, 4.6):
            place = rng.uniform((-4, -4), (wide - 4, high - 4))
            if (np.hypot(*(taken - place).T) < reach + 2.9).any():
                continue
            if (np.hypot(*(reds[:placed] - place).T) < closest).any():
                continue
            reds[placed] = place
            placed += 1
            sprite = look.reds[number % len(look.reds)]
            _stamp(rgb, sprite, place[0] / scale, place[1] / scale, int(rng.integers(8)))
            break
    for _ in range(int(rng.poisson(4))):
        place = rng.uniform((0, 0), (wide - 8, high - 8))
        if not (np.hypot(*(taken - place).T) < reach + 2.0).any():
            sprite = look.platelets[int(rng.integers(len(look.platelets)))]
            _stamp(rgb, sprite, place[0] / scale, place[1] / scale, int(rng.integers(8)))


def _stamp(canvas: np.ndarray, sprite: np.ndarray, x: float, y: float, turn: int) -> None:
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


def _paste(rgb: np.ndarray, sprite: Cutout, x0: int, y0: int, nuclei: np.ndarray, cells: np.ndarray) -> None:
    """Lays a white cell over the field; its empty margin may hang over the border."""
    size = sprite.alpha.shape[0]
    left, top, right, bottom = max(0, x0), max(0, y0), min(rgb.shape[1], x0 + size), min(rgb.shape[0], y0 + size)
    there = np.s_[top:bottom, left:right]
    here = np.s_[top - y0 : bottom - y0, left - x0 : right - x0]
    cover = sprite.alpha[here][..., None] / np.float32(255)
    rgb[there] += cover * (sprite.rgb[here] / np.float32(255) - rgb[there])
    if sprite.nucleus is not None:
        nuclei[there] |= sprite.nucleus[here]
    cells[there] |= sprite.cell[here]
