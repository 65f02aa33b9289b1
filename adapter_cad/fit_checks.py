"""What the parts must be together: nothing touches that must not, the camera is on the axis, the light passes.

All is measured on meshes read back from their files; the design says only what to look for and where.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import trimesh
from manifold3d import Manifold
from trimesh.ray.ray_pyembree import RayMeshIntersector

from adapter_cad import layout as at
from adapter_cad.bodies import ocular_body, phone_pieces
from adapter_cad.catalogue import SecondReading
from adapter_cad.optics import all_optics, marginal_rays
from adapter_cad.part import Adapter, Check
from adapter_cad.rays import first_face
from adapter_cad.solids import to_mesh, to_solid, union

__all__ = ["check_fit"]

ON_AXIS = 0.05  # mm
OVERLAP = 0.5  # mm3: what the grid of 1e-4 mm makes of faces that lie on each other
CLEARANCE_SLACK = 0.02  # mm
AXIAL = 0.1  # mm
PLAY_STEP = 0.01  # mm
Meshes = Mapping[str, trimesh.Trimesh]


def check_fit(adapter: Adapter, meshes: Meshes, second: SecondReading | None = None) -> list[Check]:
    """Everything that the parts can be asked together; `meshes` by part, closed, in their print frames."""
    solids = {part.name: to_solid(meshes[part.name]) for part in adapter.parts}
    placed = {part.name: solids[part.name].transform(part.assembly[:3]) for part in adapter.worn}
    parts, pieces = union(placed.values()), phone_pieces(adapter.layout, adapter.phone)
    metal = union(to_solid(item.mesh) for item in adapter.hardware)
    centre, radius = _bore(adapter, "clamp", solids["clamp"])
    return [
        *_apart(adapter, placed, parts, union(pieces), metal),
        _way_in(adapter, placed["tray"], pieces),
        *_play(adapter, parts + metal, pieces),
        _clearance(adapter, radius),
        _coupon(adapter, solids["coupon"], radius),
        _on_axis(adapter, meshes["tray"], solids, centre, second),
        _height(adapter, meshes),
        _rays(adapter, parts),
    ]


def _apart(
    adapter: Adapter, placed: Mapping[str, Manifold], parts: Manifold, phone: Manifold, metal: Manifold
) -> list[Check]:
    ocular = ocular_body(adapter.ocular)
    found = {
        "parts cut each other, mm3": sum(solid.volume() for solid in placed.values()) - parts.volume(),
        "phone cuts parts, mm3": (phone ^ parts).volume(),
        "ocular cuts parts, mm3": (ocular ^ parts).volume(),
        "bolts cut parts, mm3": (metal ^ parts).volume(),
        "bolts cut phone, mm3": (metal ^ phone).volume(),
        "phone cuts ocular, mm3": (phone ^ ocular).volume(),
    }
    return [Check(name, volume <= OVERLAP, round(abs(volume), 3), OVERLAP) for name, volume in found.items()]


def _way_in(adapter: Adapter, tray: Manifold, pieces: list[Manifold]) -> Check:
    """Down into the tray a little towards its bottom end, up under the lip, over to the datum wall: screws drawn back,
    stop taken off."""
    s = adapter.layout.side
    off = (-s * at.SCREW_GAP / 2, 0.0, 0.0)
    low, high = (off[0], -at.SLIDE, 0.0), (off[0], -at.SLIDE, 60.0)
    ways = [(high, low), (low, off), (off, (0.0, 0.0, 0.0))]
    worst = 0.0
    for start, end in ways:
        for body in pieces:
            swept = Manifold.batch_hull([body.translate(start), body.translate(end)])
            worst = max(worst, (swept ^ tray).volume())
    return Check("phone's way in, mm3", worst <= OVERLAP, round(abs(worst), 3), OVERLAP)


def _play(adapter: Adapter, around: Manifold, pieces: list[Manifold]) -> list[Check]:
    """How far the phone can move in six directions before it meets parts or screws."""
    seen = all_optics(adapter.ocular, adapter.phone)
    aside = min([o.decentre_margin for o in seen if o.decentre_margin > 0], default=math.inf)
    along = min([o.axial_margin for o in seen if o.axial_margin > 0], default=math.inf)
    # Held down at one end alone it could be tipped out: each half has to be held.
    middle = adapter.layout.top_y - adapter.layout.length / 2
    halves = [[piece.trim_by_plane((0, end, 0), end * middle) for piece in pieces] for end in (1, -1)]
    checks = []
    for name, way, limit, bodies in (
        ("left", (1, 0, 0), aside, [pieces]),
        ("right", (-1, 0, 0), aside, [pieces]),
        ("up", (0, 1, 0), aside, [pieces]),
        ("down", (0, -1, 0), aside, [pieces]),
        ("off the tray", (0, 0, 1), along, halves),
        ("into the tray", (0, 0, -1), along, [pieces]),
    ):
        most = min(limit, 5.0)
        plays = [_reach(around, body, np.array(way, float), most) for body in bodies]
        play = max((math.inf if play is None else play) for play in plays)
        value = round(play, 3) if math.isfinite(play) else f"more than {most:.2f}"
        checks.append(Check(f"play {name}, mm", math.isfinite(play), value, round(most, 3)))
    return checks


def _reach(around: Manifold, pieces: list[Manifold], way: np.ndarray, limit: float) -> float | None:
    """The least move along `way`, mm, that meets something; None where `limit` does not."""
    swept = union(Manifold.batch_hull([piece, piece.translate(tuple(way * limit))]) for piece in pieces)
    ahead, phone = around ^ swept, union(pieces)

    def meets(move: float) -> bool:
        return (phone.translate(tuple(way * move)) ^ ahead).volume() > 2 * OVERLAP * PLAY_STEP

    if ahead.is_empty() or not meets(limit):
        return None
    free, met = 0.0, PLAY_STEP if meets(PLAY_STEP) else limit
    while met - free > PLAY_STEP:
        middle = (free + met) / 2
        free, met = (free, middle) if meets(middle) else (middle, met)
    return met


def _clearance(adapter: Adapter, bore: float) -> Check:
    found = bore - adapter.ocular.housing_diameter / 2
    designed = adapter.options.clearance
    ok = abs(found - designed) <= CLEARANCE_SLACK
    return Check("radial clearance at the ocular, mm", ok, _value(found), f"{designed:g} +- {CLEARANCE_SLACK:g}")


def _value(found: float) -> float | str:
    """What was measured, or that nothing was there to measure."""
    return round(float(found), 3) if math.isfinite(found) else "not found"


def _coupon(adapter: Adapter, coupon: Manifold, bore: float) -> Check:
    """How far the coupon's bore differs from the clamp's, of which it is to tell."""
    off = _bore(adapter, "coupon", coupon)[1] - bore
    limit = f"+- {CLEARANCE_SLACK:g}"
    return Check("coupon's bore over the clamp's, mm", bool(abs(off) <= CLEARANCE_SLACK), _value(off), limit)


def _bore(adapter: Adapter, name: str, solid: Manifold) -> tuple[np.ndarray, float]:
    """Centre (x, y) in the part's print frame and least radius of its bore, 2 mm down the collar."""
    middle = solid.bounding_box()[2] + at.SEAT + 2  # below any set screw
    about = adapter.by_name[name].to_print([(0, 0, 0)])[0, :2]
    sides = [(p, np.roll(p, -1, axis=0)) for p in map(np.asarray, solid.slice(middle).to_polygons())]
    if not sides:
        return np.full(2, np.nan), math.nan
    starts, ends = (np.concatenate(points) for points in zip(*sides, strict=True))
    near = np.ones(len(starts), bool)
    for points in (starts, ends):
        near &= abs(np.linalg.norm(points - about, axis=1) - adapter.layout.bore) < 1.0
    starts, ends = starts[near], ends[near]
    if len(starts) < 8:
        return np.full(2, np.nan), math.nan
    # Least-squares circle through the corners (Kasa); free is what the sides between them leave.
    left = np.column_stack([starts, np.ones(len(starts))])
    a, b, _ = np.linalg.lstsq(left, (starts**2).sum(axis=1), rcond=None)[0]
    centre = np.array((a / 2, b / 2))
    way = ends - starts
    share = np.clip(np.einsum("ij,ij->i", centre - starts, way) / np.einsum("ij,ij->i", way, way), 0, 1)
    return centre, float(np.linalg.norm(starts + share[:, None] * way - centre, axis=1).min())


def _holes(adapter: Adapter, name: str, part: Manifold, height: float) -> np.ndarray:
    """Centres (3, 2), print frame, of the three holes nearest to where the bolts were designed; NaN where none is."""
    polygons = [np.asarray(p) for p in part.slice(part.bounding_box()[2] + height).to_polygons()]
    centres = np.array([_centroid(p) for p in polygons if _area(p) < 0]).reshape(-1, 2)
    found = np.full((3, 2), np.nan)
    for place, (x, y) in enumerate(adapter.layout.bolts):
        wanted = adapter.by_name[name].to_print([(x, y, 0)])[0, :2]
        away = np.linalg.norm(centres - wanted, axis=1)
        if len(away) and away.min() < 2:
            found[place] = centres[np.argmin(away)]
    return found


def _area(p: np.ndarray) -> float:
    x, y = p.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def _centroid(p: np.ndarray) -> np.ndarray:
    (x, y), (x1, y1) = p.T, np.roll(p, -1, axis=0).T
    cross = x * y1 - x1 * y
    return np.array([((x + x1) * cross).sum(), ((y + y1) * cross).sum()]) / (3 * cross.sum())


def _on_axis(
    adapter: Adapter,
    tray: trimesh.Trimesh,
    solids: Mapping[str, Manifold],
    centre: np.ndarray,
    second: SecondReading | None,
) -> Check:
    """How far the camera's axis is beside the ocular's.

    The ocular's: the bore's `centre` in the clamp, carried over to the tray by the three bolt holes of each. The
    camera's: from the tray's datum walls, met by rays, by the phone's second reading.
    """
    here = _holes(adapter, "clamp", solids["clamp"], at.FLANGE / 2)
    there = _holes(adapter, "tray", solids["tray"], at.NUT_SEAT / 2)
    here, centre = here * (1, -1), centre * (1, -1)  # the clamp prints turned over
    turn, shift = _rigid(here, there)
    ocular = turn @ centre + shift
    wall, top = _datum(adapter, tray)
    phone, case = adapter.phone, adapter.options.case
    if second is None:
        left, right, from_top = phone.lens_left, phone.width - phone.lens_left, phone.lens_top
    else:
        left, right, from_top = second.width - second.lens_right, second.lens_right, second.length - second.lens_bottom
    s = adapter.layout.side
    camera = np.array((wall - s * ((left if s > 0 else right) + case), top - from_top - case))
    off = float(np.linalg.norm(camera - ocular))
    limit = ON_AXIS if second else f"{ON_AXIS:g}, by one reading of the phone"
    return Check("camera beside the ocular's axis, mm", bool(off <= ON_AXIS), _value(off), limit)


def _rigid(here: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The turn (2, 2) and shift (2,) that bring points to points best (Kabsch)."""
    if np.isnan(here).any() or np.isnan(there).any():
        return np.full((2, 2), np.nan), np.full(2, np.nan)
    a, b = here - here.mean(axis=0), there - there.mean(axis=0)
    u, _, v = np.linalg.svd(a.T @ b)
    turn = v.T @ np.diag((1, np.linalg.det(v.T @ u.T))) @ u.T
    return turn, there.mean(axis=0) - turn @ here.mean(axis=0)


def _datum(adapter: Adapter, tray: trimesh.Trimesh) -> tuple[float, float]:
    """x of the datum wall's face and y of the top wall's, print frame: where rays along the phone's middle meet them
    first, so what stands out farthest."""
    layout = adapter.layout
    to_print = adapter.by_name["tray"].to_print
    z = layout.back_z + min(0.35 * layout.thickness, layout.thickness / 2)
    middle = (layout.datum_x + layout.far_x) / 2
    ys = np.linspace(layout.bottom_y + 5, layout.top_y - 5, 60)
    xs = np.linspace(layout.datum_x, layout.far_x, 62)[1:-1]
    starts = to_print(np.column_stack([np.full(60, middle), ys, np.full(60, z)]))
    aside = _first(tray, starts, np.array((layout.side, 0.0, 0.0))) + layout.side * starts[:, 0]
    starts = to_print(np.column_stack([xs, np.full(60, layout.top_y - 20), np.full(60, z)]))
    up = _first(tray, starts, np.array((0, 1.0, 0))) + starts[:, 1]
    return layout.side * float(aside.min()), float(up.min())


def _first(mesh: trimesh.Trimesh, starts: np.ndarray, ways: np.ndarray) -> np.ndarray:
    """How far to the first face met, mm, infinite where there is none."""
    return first_face(RayMeshIntersector(mesh), starts, ways)[0]


def _height(adapter: Adapter, meshes: Meshes) -> Check:
    """How far the camera's entrance pupil is over (+) or under the exit pupil: the clamp's lip, the spacer and the
    floor that the phone lies on, each as thick as its own mesh is."""
    clamp, tray = meshes["clamp"], meshes["tray"]
    layout, down = adapter.layout, np.array((0, 0, -1.0))
    circle = np.radians(np.arange(0, 360, 10))
    ring = (layout.light(0) + layout.bore) / 2 * np.column_stack([np.cos(circle), np.sin(circle), np.zeros(36)])
    starts = adapter.by_name["clamp"].to_print(ring)
    starts[:, 2] = clamp.bounds[0, 2] + at.SEAT + layout.grip / 2
    lip = np.nanmax(starts[:, 2] - _first(clamp, starts, down))

    x = np.linspace(layout.far_x, layout.datum_x, 22)[1:-1]
    y = np.linspace(layout.bottom_y + 1, layout.top_y - at.LIP - 1, 60)
    grid = np.array([(a, b, layout.back_z + 2 * layout.thickness) for a in x for b in y])
    starts = adapter.by_name["tray"].to_print(grid)
    away = _first(tray, starts, down)
    floor = np.max(starts[:, 2] - away)

    stack = lip - clamp.bounds[0, 2] + floor - tray.bounds[0, 2]
    stack += meshes["spacer"].extents[2] if "spacer" in meshes else 0.0
    phone, height = adapter.phone, adapter.phone.bump.height if adapter.phone.bump else 0.0
    off = stack + adapter.options.case - height + phone.pupil_depth - adapter.ocular.exit_pupil_height
    return Check("camera over the exit pupil, mm", bool(abs(off) <= AXIAL), _value(off), f"+- {AXIAL:g}")


def _rays(adapter: Adapter, parts: Manifold) -> Check:
    """Whether each marginal ray goes from the rim to the camera's glass without meeting a part."""
    starts, ends = marginal_rays(adapter.ocular, adapter.layout.pupil_z, adapter.layout.glass_z)
    way = ends - starts
    far = np.linalg.norm(way, axis=1)
    met = _first(to_mesh(parts), starts, way / far[:, None]) < far
    return Check("marginal rays met by a part", not met.any(), int(met.sum()), f"0 of {len(far)}")
