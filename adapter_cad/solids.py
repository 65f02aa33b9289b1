"""Solids that parts are added up from and cut out with: manifold3d's, in mm."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import trimesh
from manifold3d import CrossSection, JoinType, Manifold, Mesh64, OpType

__all__ = [
    "SEGMENTS",
    "along_x",
    "box",
    "cone",
    "cylinder",
    "disc",
    "hull",
    "nut_slot",
    "plate",
    "prism",
    "rectangle",
    "ring_of_nut",
    "rounded",
    "teardrop",
    "to_mesh",
    "to_solid",
    "union",
    "union_2d",
]

SEGMENTS = 64
CHAMFER = 0.4
CHAMFER_HIGH = 0.5  # steeper than 45 degrees, so that a chamfer at the bed is no overhang


def disc(radius: float, x: float = 0.0, y: float = 0.0, segments: int = SEGMENTS) -> CrossSection:
    """A disc round (x, y), its polygon AROUND the circle, so that a hole is nowhere narrower than asked."""
    return CrossSection.circle(radius / math.cos(math.pi / segments), segments).translate((x, y))


def rectangle(x0: float, x1: float, y0: float, y1: float) -> CrossSection:
    """A rectangle between two pairs of edges, each pair in either order."""
    (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
    return CrossSection.square((x1 - x0, y1 - y0)).translate((x0, y0))


def rounded(shape: CrossSection, radius: float, segments: int = 32) -> CrossSection:
    """A shape with its outward corners rounded, by `segments` a turn."""
    return shape.offset(-radius, JoinType.Miter).offset(radius, JoinType.Round, circular_segments=segments)


def hull(shapes: Iterable[CrossSection]) -> CrossSection:
    """The convex hull of shapes."""
    return CrossSection.batch_hull(list(shapes))


def union(solids: Iterable[Manifold]) -> Manifold:
    """All of them as one."""
    return Manifold.batch_boolean(list(solids), OpType.Add)


def union_2d(shapes: Iterable[CrossSection]) -> CrossSection:
    """All of them as one."""
    return CrossSection.batch_boolean(list(shapes), OpType.Add)


def box(x0: float, x1: float, y0: float, y1: float, z0: float, z1: float) -> Manifold:
    """A box between three pairs of faces, each pair in either order."""
    return prism(rectangle(x0, x1, y0, y1), *sorted((z0, z1)))


def prism(shape: CrossSection, z0: float, z1: float) -> Manifold:
    """A shape drawn up from z0 to z1; nothing where it is empty (manifold3d would call that invalid)."""
    return Manifold() if shape.is_empty() else shape.extrude(z1 - z0).translate((0, 0, z0))


def along_x(shape: CrossSection, x0: float, x1: float) -> Manifold:
    """A shape drawn in (y, z), stood up along x between two faces in either order."""
    x0, x1 = sorted((x0, x1))
    return shape.extrude(x1 - x0).rotate((90, 0, 90)).translate((x0, 0, 0))


def plate(shape: CrossSection, z0: float, z1: float, low: bool = False, high: bool = False) -> Manifold:
    """A convex shape drawn up from z0 to z1, its lower or upper edge chamfered."""
    inset = shape.offset(-CHAMFER, JoinType.Miter)
    levels = [(inset, z0), (shape, z0 + CHAMFER_HIGH)] if low else [(shape, z0)]
    levels += [(shape, z1 - CHAMFER_HIGH), (inset, z1)] if high else [(shape, z1)]
    points = [(x, y, z) for level, z in levels for polygon in level.to_polygons() for x, y in polygon]
    return Manifold.hull_points(np.asarray(points, float))


def cylinder(radius: float, z0: float, z1: float, x: float = 0.0, y: float = 0.0) -> Manifold:
    """An upright cylinder round (x, y)."""
    return prism(disc(radius, x, y), z0, z1)


def cone(radius0: float, z0: float, radius1: float, z1: float) -> Manifold:
    """A frustum round the z axis: radius0 at z0, radius1 at z1."""
    out = 1 / math.cos(math.pi / SEGMENTS)
    return Manifold.cylinder(z1 - z0, radius0 * out, radius1 * out, SEGMENTS).translate((0, 0, z0))


def ring_of_nut(flats: float) -> CrossSection:
    """A nut's hexagon, given across flats; corners at +x and -x."""
    return CrossSection.circle(flats / math.sqrt(3), 6)


def teardrop(radius: float, length: float) -> Manifold:
    """A hole along +x from the origin, its roof at 45 degrees towards +z: it prints lying without support."""
    tip, side = radius * math.sqrt(2), radius / math.sqrt(2)
    shape = disc(radius, segments=32) + CrossSection([[(0, 0), (side, side), (0, tip), (-side, side)]])
    return along_x(shape, 0, length)


def nut_slot(flats: float, thick: float, up: float) -> Manifold:
    """Room for a nut on a lying bolt along x: from the axis's underside up to z = `up`, centred on the origin."""
    half = flats / 2
    bottom = -flats / math.sqrt(3)
    return box(-thick / 2, thick / 2, -half, half, bottom, up)


def to_mesh(solid: Manifold) -> trimesh.Trimesh:
    """The solid as a mesh, vertices as manifold3d gives them."""
    mesh = solid.to_mesh64()
    return trimesh.Trimesh(np.asarray(mesh.vert_properties)[:, :3], np.asarray(mesh.tri_verts), process=False)


def to_solid(mesh: trimesh.Trimesh) -> Manifold:
    """The mesh as a solid to cut with; empty, its status() not NoError, if it is no closed solid."""
    # Copies: manifold3d takes no array that is a view of its own, or read-only.
    corners, faces = np.array(mesh.vertices, np.float64, order="C"), np.array(mesh.faces, np.uint64, order="C")
    return Manifold(Mesh64(corners, faces))
