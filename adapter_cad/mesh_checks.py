"""What one written part's mesh must be, whoever made it: closed, whole, thick enough, printable, in millimetres."""

from __future__ import annotations

import math

import numpy as np
import trimesh
from manifold3d import Error
from trimesh.ray.ray_pyembree import RayMeshIntersector

from adapter_cad.model import Printer
from adapter_cad.part import Check
from adapter_cad.rays import first_face
from adapter_cad.solids import to_solid
from adapter_cad.write import slivers

__all__ = ["check_mesh", "closed_volume", "least_bed", "overhang_share", "thinnest_wall", "turn_to_fit"]

WALL = 1.2  # mm: three lines of a 0.4 mm nozzle
WALL_SLACK = 0.01  # mm; a circle's polygon and the file's rounding take less
FACING = math.cos(math.radians(150))  # between two faces' normals: opposite enough to be two sides of a wall
RELIEF = 0.8  # mm; what is thin over less than this is lettering or an edge, not a wall
SPACING = 0.8  # mm, between the points from which walls are measured
MOST_POINTS = 60_000
OVERHANG_SHARE = 5.0  # percent of the area on the bed
STEEP = math.cos(math.radians(44))  # 45 degrees are allowed; 1 degree for what rounding does to a small face
ON_BED = 0.05  # mm
MICROMETRE = 1e-3
LEAVING = 1e-6  # the least cosine between a ray and the normal of the face through which it leaves
SIZES = (1.2, 15.0, 400.0)  # mm: a part's least extent, and between which its greatest lies; see _size
SIZE_SLACK = 0.01  # mm


def check_mesh(
    mesh: trimesh.Trimesh,
    genus: int | None = None,
    extents: tuple[float, float, float] | None = None,
    printer: Printer | None = None,
) -> list[Check]:
    """Everything that one part's mesh, read back from its file, can be asked by itself.

    mesh     print frame, mm; its lowest point is taken for the bed
    genus    how many holes go through it, as designed; extents (mm, x y z) as designed
    printer  to fit on
    What is not known is not checked: its Check has ok None.
    """
    closed = closed_volume(mesh)
    if not _has_faces(mesh):
        return [closed]
    bodies = _body_count(mesh)
    thin, _ = thinnest_wall(mesh)
    overhang = overhang_share(mesh)
    return [
        closed,
        Check("one body", bodies == 1, bodies, 1),
        _genus(mesh, genus, bodies if closed.ok else None),
        Check("slivers", not len(slivers(mesh)), len(slivers(mesh)), 0),
        Check("walls, mm", thin >= WALL - WALL_SLACK, round(thin, 3), WALL)
        if math.isfinite(thin)
        else Check("walls, mm", None, "not checked: no two faces lie opposite each other", WALL),
        Check("overhang, % of bed contact", overhang <= OVERHANG_SHARE, round(overhang, 2), OVERHANG_SHARE)
        if math.isfinite(overhang)
        else Check("overhang, % of bed contact", False, "nothing lies flat on the bed", OVERHANG_SHARE),
        _fit(mesh, printer),
        _size(mesh, extents),
    ]


def _has_faces(mesh: trimesh.Trimesh) -> bool:
    return bool(len(mesh.faces) and np.isfinite(mesh.vertices).all())


def closed_volume(mesh: trimesh.Trimesh) -> Check:
    """Whether the mesh encloses a volume, every edge between two faces that look outwards."""
    if not _has_faces(mesh):
        return Check("closed volume", False, "the file has no faces, or numbers that are none", "yes")
    faults = []
    if not mesh.is_watertight:
        edges, uses = np.unique(mesh.edges_sorted, axis=0, return_counts=True)
        faults.append(f"{(uses != 2).sum()} of {len(edges)} edges are not between two faces")
    elif not mesh.is_winding_consistent:
        faults.append("some faces are inside out")
    elif mesh.volume <= 0:
        faults.append("it is inside out")
    if (status := to_solid(mesh).status()) != Error.NoError:
        faults.append(f"manifold3d says {status.name}")
    return Check("closed volume", not faults, ", ".join(faults) or "yes", "yes")


def _body_count(mesh: trimesh.Trimesh) -> int:
    """Groups of faces joined by edges, however many share one; a hollow inside counts as one more."""
    order = np.lexsort(mesh.edges_sorted.T)
    edges, owners = mesh.edges_sorted[order], mesh.edges_face[order]
    same = (edges[1:] == edges[:-1]).all(axis=1)
    joined = np.stack([owners[1:], owners[:-1]], axis=1)[same]
    return len(trimesh.graph.connected_components(joined, nodes=np.arange(len(mesh.faces)), min_len=1))


def _genus(mesh: trimesh.Trimesh, genus: int | None, bodies: int | None) -> Check:
    """How many holes go through it; not checked where `bodies` is None, since the mesh is not closed."""
    limit = "unknown" if genus is None else genus
    if bodies is None:
        return Check("genus", None, "not checked: the mesh is not a closed volume", limit)
    found = bodies - mesh.euler_number // 2
    return Check("genus", None if genus is None else found == genus, found, limit)


def thinnest_wall(mesh: trimesh.Trimesh) -> tuple[float, np.ndarray]:
    """The thinnest wall, mm, and the middle of it (x, y, z); infinite, and NaN, where no two faces lie opposite.

    From points on every face a ray goes straight inwards. Where it leaves through a face turned the other way (normals
    150 degrees apart or more, so that corners and chamfers do not count) its length is the wall there. A place thinner
    than 1.2 mm counts when it is so over 0.8 mm or more in every direction along the wall: a letter's stroke or the
    rim of a chamfer is thin over less.
    """
    rays = RayMeshIntersector(mesh)
    points, faces = _points(mesh)
    inward = -mesh.face_normals[faces]
    length, along = _leave(rays, points, inward)
    wall = (-along <= FACING) & np.isfinite(length)
    points, inward, length = points[wall], inward[wall], length[wall]
    thin = np.flatnonzero(length < WALL - WALL_SLACK)
    thin = thin[np.argsort(length[thin], kind="stable")]
    # The thinnest first, so that a part that is thin all over is known by its first few hundred.
    for some in np.array_split(thin, len(thin) // 500 + 1):
        middles = points[some] + inward[some] * length[some, None] / 2
        thin = some[_is_wide(rays, middles, inward[some])]
        if len(thin):
            break
    found = thin if len(thin) else np.flatnonzero(length >= WALL - WALL_SLACK)
    if not len(found):
        return math.inf, np.full(3, np.nan)
    least = found[np.argmin(length[found])]
    return float(length[least]), points[least] + inward[least] * length[least] / 2


def _points(mesh: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    """Points on faces (N, 3) and whose they are (N,): spread evenly by area, and just inside each corner, where a wall
    that tapers is thinnest; always the same."""
    count = np.floor(mesh.area_faces / max(SPACING**2, mesh.area / MOST_POINTS)).astype(int)
    face = np.repeat(np.arange(len(mesh.faces)), count)
    turn = np.arange(len(face)) - np.repeat(np.cumsum(count) - count, count) + 1
    # Roberts' two-dimensional golden ratio: its multiples fill a square evenly; the square is folded to a triangle.
    u, v = turn * 0.7548776662466927 % 1, turn * 0.5698402909980532 % 1
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    spread = np.einsum("kn,nkd->nd", np.stack([1 - u - v, u, v]), mesh.triangles[face])
    inwards = mesh.triangles_center[:, None] - mesh.triangles
    share = np.minimum(0.1, 0.05 / np.maximum(np.linalg.norm(inwards, axis=2, keepdims=True), 1e-9))
    corners = (mesh.triangles + share * inwards).reshape(-1, 3)
    return np.concatenate([spread, corners]), np.concatenate([face, np.repeat(np.arange(len(mesh.faces)), 3)])


def _leave(rays: RayMeshIntersector, points: np.ndarray, ways: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far it is to where the solid ends, infinite where it does not, and the cosine of the angle there."""
    length, along = first_face(rays, points, ways, MICROMETRE)
    return np.where((along > LEAVING) & (length > 0), length, np.inf), along


def _is_wide(rays: RayMeshIntersector, middles: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Whether the wall through `middles` (N, 3), `across` it (N, 3), is thin over RELIEF in each of four directions."""
    if not len(middles):
        return np.zeros(0, bool)
    steps = np.arange(1, 9) * RELIEF / 8
    one = np.cross(across, np.eye(3)[np.argmin(np.abs(across), axis=1)])
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    other = np.cross(across, one)
    wide = np.ones(len(middles), bool)
    for angle in np.radians((0, 45, 90, 135)):
        along = one * math.cos(angle) + other * math.sin(angle)
        reach = np.zeros(len(middles))
        for way in (along, -along):
            places = (middles[:, None] + way[:, None] * steps[:, None]).reshape(-1, 3)
            there = np.repeat(across, len(steps), axis=0)
            width = _leave(rays, places, there)[0] + _leave(rays, places, -there)[0]
            thin = (width < WALL - WALL_SLACK).reshape(-1, len(steps))
            reach += np.cumprod(thin, axis=1).sum(axis=1) * RELIEF / 8
        wide &= reach >= RELIEF - 1e-9
    return wide


def overhang_share(mesh: trimesh.Trimesh) -> float:
    """Area that looks down more than 45 degrees beyond upright and is not on the bed, in percent of the area on the
    bed; infinite where none is on the bed."""
    down = -mesh.face_normals[:, 2]
    on_bed = (mesh.triangles[:, :, 2] < mesh.bounds[0, 2] + ON_BED).all(axis=1)
    bed = mesh.area_faces[on_bed & (down > 0.99)].sum()
    return float(100 * mesh.area_faces[~on_bed & (down > STEEP)].sum() / bed) if bed > 0 else math.inf


def turn_to_fit(mesh: trimesh.Trimesh, printer: Printer) -> int | None:
    """By how many degrees about z, 0 to 179, the part must at least be turned to fit the bed; None: it fits by none,
    or is too high."""
    wide, deep = _turned(mesh)
    fits = (wide <= printer.bed_x) & (deep <= printer.bed_y) & (mesh.extents[2] <= printer.bed_z)
    turns = np.flatnonzero(fits)
    return int(turns[0]) if len(turns) else None


def least_bed(mesh: trimesh.Trimesh) -> float:
    """The side, mm, of the least square bed that the part fits, turned as it fits best."""
    return float(np.maximum(*_turned(mesh)).min())


def _turned(mesh: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    """Its extents, mm, along x and y when turned about z by 0 to 179 degrees, (180,) each."""
    angles = np.radians(np.arange(180))
    x, y = mesh.vertices[:, 0, None], mesh.vertices[:, 1, None]
    along_x, along_y = x * np.cos(angles) - y * np.sin(angles), x * np.sin(angles) + y * np.cos(angles)
    return np.ptp(along_x, axis=0), np.ptp(along_y, axis=0)


def _fit(mesh: trimesh.Trimesh, printer: Printer | None) -> Check:
    if printer is None:
        return Check("bed fit", None, "not checked: no printer named", "unknown")
    turn = turn_to_fit(mesh, printer)
    size = " x ".join(f"{length:.1f}" for length in mesh.extents)
    found = f"{size} mm does not fit" if turn is None else "fits" if turn == 0 else f"fits turned by {turn} degrees"
    return Check("bed fit", turn is not None, found, f"{printer.bed_x:g} x {printer.bed_y:g} x {printer.bed_z:g} mm")


def _size(mesh: trimesh.Trimesh, extents: tuple[float, float, float] | None) -> Check:
    """The extents against the designed ones; without those, against what any part of an adapter can measure: one
    written in metres or inches is smaller, one written in micrometres larger."""
    found = " x ".join(f"{length:.4g}" for length in mesh.extents)
    if extents is not None:
        limit = " x ".join(f"{length:.4g}" for length in extents)
        return Check("size, mm", bool(np.allclose(mesh.extents, extents, rtol=0, atol=SIZE_SLACK)), found, limit)
    least, low, high = SIZES
    ok = bool(mesh.extents.min() >= least and low <= mesh.extents.max() <= high)
    return Check("size, mm", ok, found, f"{least:g} or more, the greatest {low:g} to {high:g}")
