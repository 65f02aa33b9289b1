"""Bolts, nuts and washers of a design, where they sit when it is put together."""

from __future__ import annotations

import math

import numpy as np
import trimesh
from manifold3d import Manifold

from adapter_cad import layout as at
from adapter_cad.clamp import ear_bolt, set_screws
from adapter_cad.layout import Layout
from adapter_cad.model import AdapterOptions, Ocular
from adapter_cad.part import Hardware
from adapter_cad.solids import disc, prism, ring_of_nut, to_mesh

__all__ = ["hardware"]

SCREW = 12  # length of the screws that press against the phone, and of the clamp's set screws
EAR_SCREW = 16
Vector = tuple[float, float, float] | np.ndarray
UP: Vector = (0.0, 0.0, 1.0)


def hardware(layout: Layout, ocular: Ocular, options: AdapterOptions) -> tuple[Hardware, ...]:
    """All of it, in the assembly frame: screws driven home, bolts tight."""
    found = []
    head = at.SEAT - at.FLANGE - layout.pad - at.WASHER_THICK
    for x, y in layout.bolts:
        found.append(_bolt(layout.bolt_length, "clamp to tray", (x, y, head), UP))
        found.append(_washer(at.WASHER, at.WASHER_THICK, "clamp to tray", (x, y, head)))
        found.append(_nut("clamp to tray", (x, y, layout.floor_z + at.NUT_SEAT), UP, (1, 0, 0)))
    place, head = layout.bottom_y - at.TONGUE / 2, layout.floor_z - at.STOP_WASHER_THICK
    for x in layout.stops:
        found.append(_bolt(layout.stop_bolt, "stop to tray", (x, place, head), UP))
        found.append(_washer(at.STOP_WASHER, at.STOP_WASHER_THICK, "stop to tray", (x, place, head)))
        seat = layout.back_z - at.STOP_BASE + layout.stop_seat
        found.append(_nut("stop to tray", (x, place, seat), UP, (0, 1, 0)))
    s = layout.side
    for y in layout.screws:
        found.append(_bolt(SCREW, "against the phone's edge", (layout.far_x - s * SCREW, y, layout.screw_z), (s, 0, 0)))
        nut = (layout.far_x - s * (at.SCREW_GAP + at.WALL_TO_NUT + at.NUT_THICK), y, layout.screw_z)
        found.append(_nut("against the phone's edge", nut, (s, 0, 0), UP))
    return tuple(found + _of_clamp(layout, ocular, options))


def _of_clamp(layout: Layout, ocular: Ocular, options: AdapterOptions) -> list[Hardware]:
    if options.clamp == "split":
        radius, z, head, nut = ear_bolt(layout)
        turn = math.radians(layout.gaps[0][0])
        along = np.array((math.sin(turn), -math.cos(turn), 0.0))
        middle = np.array((radius * math.cos(turn), radius * math.sin(turn), z))
        return [
            _bolt(EAR_SCREW, "closes the collar", middle + head * along, along),
            _nut("closes the collar", middle + (nut + 0.1) * along, along, UP),
        ]
    found = []
    z, nut = set_screws(layout)
    for gap, _ in layout.gaps:
        turn = math.radians(gap)
        out = np.array((math.cos(turn), math.sin(turn), 0.0))
        end = (ocular.housing_diameter / 2 + SCREW) * out + (0, 0, z)
        found.append(_bolt(SCREW, "holds the ocular", end, -out))
        found.append(_nut("holds the ocular", (nut + 0.1) * out + (0, 0, z), out, UP))
    return found


def _placed(solid: Manifold, point: Vector, axis: Vector, x: Vector = (1, 0, 0)) -> trimesh.Trimesh:
    """A solid whose origin comes to `point`, its z along `axis`, its x along `x`."""
    place = np.eye(4)
    place[:3, 2], place[:3, 0], place[:3, 3] = axis, x, point
    place[:3, 1] = np.cross(place[:3, 2], place[:3, 0])
    return to_mesh(solid.transform(place[:3]))


def _round(radius: float, z0: float, z1: float) -> Manifold:
    return prism(disc(radius, segments=24), z0, z1)


def _bolt(length: int, use: str, point: Vector, axis: Vector) -> Hardware:
    """A socket-head bolt; `point` is under its head."""
    solid = _round(1.5, 0, length) + _round(at.HEAD / 2, -at.HEAD_THICK, 0.001) - prism(ring_of_nut(2.5), -4, -1.2)
    across = UP if abs(axis[2]) < 0.5 else (1.0, 0.0, 0.0)
    return Hardware(f"M3 x {length} socket-head bolt", use, _placed(solid, point, axis, across))


def _nut(use: str, point: Vector, axis: Vector, corner: Vector) -> Hardware:
    solid = prism(ring_of_nut(at.NUT_FLATS), 0, at.NUT_THICK) - _round(1.5, -1, 4)
    return Hardware("M3 nut", use, _placed(solid, point, axis, corner))


def _washer(diameter: float, thick: float, use: str, point: Vector) -> Hardware:
    solid = _round(diameter / 2, 0, thick) - _round(1.6, -1, 2)
    return Hardware(f"M3 washer, {diameter:g} mm", use, _placed(solid, point, UP))
