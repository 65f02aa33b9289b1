"""Pictures of a whole adapter: put together round phone and ocular, and taken apart with every piece named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import trimesh
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

from adapter_cad.bodies import bodies
from adapter_cad.part import Adapter, Hardware
from adapter_cad.render import Colour, View, look, render, visible

__all__ = ["COLOURS", "HARDWARE", "OCULAR", "PHONE", "assembled_picture", "exploded_picture"]

# Okabe and Ito's colours, told apart by the colour-blind too.
COLOURS: dict[str, Colour] = {
    "tray": (40, 140, 205),
    "clamp": (225, 105, 30),
    "spacer": (20, 165, 125),
    "stop": (235, 170, 25),
    "coupon": (204, 121, 167),
}
HARDWARE: Colour = (165, 170, 178)
PHONE: Colour = (95, 102, 115)
OCULAR: Colour = (140, 145, 155)
GHOST = 0.35  # how much of the phone and the ocular is seen where they stand before a part
GAP = 9.0  # mm between pieces taken apart
STOP_OFF = -4 * GAP  # how far along y the stop is drawn off the tray
INK = (27, 31, 36)


@dataclass(frozen=True)
class Piece:
    """One solid where the picture shows it."""

    name: str
    mesh: trimesh.Trimesh
    colour: Colour
    ghost: bool = False


def assembled_picture(adapter: Adapter, size: tuple[int, int] = (1600, 800)) -> np.ndarray:
    """(H, W, 3) uint8 RGB: everything in its place, seen from above (left) and from below (right)."""
    phone, ocular = bodies(adapter)
    pieces = [Piece(part.name, part.assembled(), COLOURS[part.name]) for part in adapter.worn]
    pieces += [Piece(item.name, item.mesh, HARDWARE) for item in adapter.hardware]
    pieces += [Piece("phone", phone, PHONE, True), Piece("ocular", ocular, OCULAR, True)]
    half = (size[0] // 2, size[1])
    meshes = [piece.mesh for piece in pieces]
    return np.hstack([_ghosted(pieces, look(meshes, *eye, half)) for eye in ((-32, 30), (-32, -32))])


def _ghosted(pieces: Sequence[Piece], view: View) -> np.ndarray:
    """All pieces, the ghosts among them as if half transparent."""
    solid = [piece for piece in pieces if not piece.ghost]
    without, whole = (
        render([piece.mesh for piece in shown], [piece.colour for piece in shown], view) for shown in (solid, pieces)
    )
    return cv2.addWeighted(whole, GHOST, without, 1 - GHOST, 0)


def exploded_picture(adapter: Adapter, size: tuple[int, int] = (1600, 1150)) -> np.ndarray:
    """(H, W, 3) uint8 RGB: the pieces apart along the axis in the order of assembly, each with its name."""
    pieces = _apart(adapter)
    meshes = [piece.mesh for piece in pieces]
    inner = look(meshes, 148, 20, (size[0] * 56 // 100, size[1]), 0.03)
    view = View(inner.axes, inner.centre, inner.scale, size)
    return _named(_ghosted(pieces, view), visible(meshes, view), [piece.name for piece in pieces])


def _apart(adapter: Adapter) -> list[Piece]:
    """The pieces, moved: ocular, bolts, clamp, spacer, tray, nuts, phone along z; the rest out along their own axes."""
    phone, ocular = bodies(adapter)
    parts = {part.name: Piece(part.name, part.assembled(), COLOURS[part.name]) for part in adapter.worn}
    through = [item for item in adapter.hardware if _is_through(item, adapter)]
    levels: list[list[Piece]] = [
        [Piece("ocular", ocular, OCULAR, True)],
        [Piece(item.name, item.mesh, HARDWARE) for item in through if not _is_nut(item)],
        [parts["clamp"]],
        [parts["spacer"]] if "spacer" in parts else [],
        [parts["tray"]],
        [Piece(item.name, item.mesh, HARDWARE) for item in through if _is_nut(item)],
        [Piece("phone", phone, PHONE, True)],
    ]
    moved: list[Piece] = []
    shifts: dict[str, float] = {}
    top = None
    for level in filter(None, levels):
        low = min(piece.mesh.bounds[0, 2] for piece in level)
        high = max(piece.mesh.bounds[1, 2] for piece in level)
        shift = 0.0 if top is None else top + GAP - low
        top = high + shift
        for piece in level:
            shifts[piece.name] = shift
            moved.append(_shifted(piece, (0, 0, shift)))
    moved.append(_shifted(parts["stop"], (0, STOP_OFF, shifts["tray"] + GAP)))
    moved += [_aside(item, adapter, shifts) for item in adapter.hardware if not _is_through(item, adapter)]
    return moved


def _aside(item: Hardware, adapter: Adapter, shifts: dict[str, float]) -> Piece:
    """A screw of the tray or the clamp drawn out along its axis; a bolt of the stop below it, its nut above."""
    piece, axis = Piece(item.name, item.mesh, HARDWARE), _axis(item.mesh)
    if abs(axis[2]) > 0.9:
        return _shifted(piece, (0, STOP_OFF, shifts["tray"] + (3 * GAP if _is_nut(item) else -GAP)))
    middle = item.mesh.bounds.mean(axis=0)
    others = [other.mesh.bounds.mean(axis=0) for other in adapter.hardware if other.use == item.use]
    out = axis * np.sign(axis @ (middle - np.mean(others, axis=0))) * (GAP if _is_nut(item) else 2 * GAP)
    return _shifted(piece, out + (0, 0, shifts["tray" if middle[2] > adapter.layout.floor_z else "clamp"]))


def _is_nut(item: Hardware) -> bool:
    return "nut" in item.name.lower()


def _is_through(item: Hardware, adapter: Adapter) -> bool:
    """Whether it belongs to the bolts that join clamp, spacer and tray."""
    x, y = item.mesh.bounds.mean(axis=0)[:2]
    return any(np.hypot(x - bx, y - by) < 1 for bx, by in adapter.layout.bolts)


def _axis(mesh: trimesh.Trimesh) -> np.ndarray:
    """The axis of a bolt, nut or washer: that of the one moment of inertia that differs from the other two."""
    small, middle, large = mesh.principal_inertia_components
    return np.asarray(mesh.principal_inertia_vectors)[0 if middle - small > large - middle else 2]


def _shifted(piece: Piece, by: ArrayLike) -> Piece:
    mesh = piece.mesh.copy()
    mesh.apply_translation(by)
    return Piece(piece.name, mesh, piece.colour, piece.ghost)


def _named(picture: np.ndarray, owner: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """The picture with each visible piece's name at its nearer side, equal names once with their count."""
    height, width = owner.shape
    counts = Counter(names)
    anchors: list[tuple[str, int, int]] = []
    for name in counts:
        places = [_middle(owner == i) for i, other in enumerate(names) if other == name]
        seen = [place for place in places if place]
        if seen:
            x, y = max(seen, key=lambda place: abs(place[0] - width / 2))
            anchors.append((f"{counts[name]} x {name}" if counts[name] > 1 else name, x, y))
    size = max(14, height // 50)
    font = ImageFont.load_default(size)
    sheet = np.ascontiguousarray(picture)
    placed: list[tuple[str, float, float]] = []
    for left in (True, False):
        column = sorted((anchor for anchor in anchors if (anchor[1] < width / 2) == left), key=lambda one: one[2])
        rows = _spread([y for _, _, y in column], 1.7 * size, height - size)
        for (text, x, y), row in zip(column, rows, strict=True):
            length = font.getlength(text)
            start = 0.015 * width if left else 0.985 * width - length
            end = (start + length + 8 if left else start - 8, row)
            cv2.line(sheet, (x, y), (round(end[0]), round(row)), INK, 1, cv2.LINE_AA)
            cv2.circle(sheet, (x, y), 4, INK, -1, cv2.LINE_AA)
            placed.append((text, start, row))
    image = Image.fromarray(sheet)
    draw = ImageDraw.Draw(image)
    for text, start, row in placed:
        draw.text((start, row), text, fill=INK, font=font, anchor="lm")
    return np.asarray(image)


def _middle(mask: np.ndarray) -> tuple[int, int] | None:
    """A pixel (x, y) well inside the mask, None where it is empty."""
    if not mask.any():
        return None
    inside = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(inside.argmax()), mask.shape)
    return int(x), int(y)


def _spread(wanted: Sequence[float], least: float, high: float) -> list[float]:
    """Rising places near the wanted ones, `least` apart, none beyond `high`."""
    places: list[float] = []
    for want in wanted:
        places.append(max(want, places[-1] + least) if places else max(want, least))
    over = places[-1] - high if places else 0
    for i in range(len(places) - 1, -1, -1):
        limit = high if i == len(places) - 1 else places[i + 1] - least
        places[i] = min(places[i], limit) if over > 0 else places[i]
    return places
