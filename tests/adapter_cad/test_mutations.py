"""A sound adapter passes; spoilt in one way it fails the check meant for that, and a local fault fails no other."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import trimesh
from manifold3d import Manifold

from adapter_cad import catalogue
from adapter_cad import layout as at
from adapter_cad.bodies import phone_pieces
from adapter_cad.check import check, reloaded
from adapter_cad.design import design
from adapter_cad.errors import BadDesign
from adapter_cad.part import Adapter
from adapter_cad.solids import to_mesh, to_solid, union
from adapter_cad.write import stl_bytes, weld

PHONES = ("galaxy-s5", "iphone-13-pro")  # its camera on the middle line; in a high island near a corner
OCULAR = "olympus-cx18-10x"
AXIS = "together: camera beside the ocular's axis, mm"
GAP = "together: radial clearance at the ocular, mm"
COUPON = "together: coupon's bore over the clamp's, mm"
HEIGHT = "together: camera over the exit pupil, mm"


@cache
def sound(name: str) -> Adapter:
    return design(catalogue.phone(name), catalogue.ocular(OCULAR), catalogue.printer("creality-ender-3"))


@pytest.fixture(params=PHONES)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    return sound(request.param)


def failed(adapter: Adapter, **spoilt: trimesh.Trimesh) -> set[str]:
    """The checks that fail when some parts' files hold other meshes, by the phone's second reading in the catalogue."""
    meshes = {part.name: reloaded(stl_bytes(spoilt.get(part.name, part.mesh))) for part in adapter.parts}
    report = check(adapter, meshes, catalogue.second_reading(adapter.phone.name))
    return {one.name for one in report.checks if one.ok is False}


def part_of(adapter: Adapter, name: str):
    return next(part for part in adapter.parts if part.name == name)


def placed(adapter: Adapter, name: str) -> Manifold:
    """A part as it was written, in the assembly frame."""
    part = part_of(adapter, name)
    return to_solid(reloaded(stl_bytes(part.mesh))).transform(part.assembly[:3])


def unplaced(adapter: Adapter, name: str, solid: Manifold) -> trimesh.Trimesh:
    """Back in the print frame, fit for a file."""
    return weld(to_mesh(solid.transform(np.linalg.inv(part_of(adapter, name).assembly)[:3])), name)


def moved(adapter: Adapter, name: str, which, by) -> trimesh.Trimesh:
    """The part with those corners moved that `which` picks from corners (N, 3) in the assembly frame."""
    part = part_of(adapter, name)
    mesh = reloaded(stl_bytes(part.mesh))
    corners = trimesh.transform_points(mesh.vertices, part.assembly)
    picked = which(*corners.T)
    assert picked.any()
    corners[picked] += by(corners[picked]) if callable(by) else by
    mesh.vertices = trimesh.transform_points(corners, np.linalg.inv(part.assembly))
    return mesh


def box(x0, x1, y0, y1, z0, z1) -> Manifold:
    (x0, x1), (y0, y1) = sorted((x0, x1)), sorted((y0, y1))
    return Manifold.cube((x1 - x0, y1 - y0, z1 - z0)).translate((x0, y0, z0))


def is_bore(adapter: Adapter):
    radius = adapter.layout.bore

    def which(x, y, z):
        away = np.hypot(x, y)
        return (away > radius - 1e-3) & (away < radius / np.cos(np.pi / 64) + 1e-3) & (z < 1e-3)

    return which


def test_sound_adapter_passes_all(adapter):
    report = check(adapter, second=catalogue.second_reading(adapter.phone.name))
    assert [one for one in report.checks if one.ok is not True] == []


@pytest.mark.parametrize("slip", [{"lens_left": 0.1}, {"lens_left": -0.1}, {"lens_top": 0.1}, {"lens_top": -0.1}])
def test_camera_slipped_in_the_catalogue(adapter, slip):
    phone = adapter.phone
    wrong = replace(phone, **{key: getattr(phone, key) + by for key, by in slip.items()})
    assert failed(design(wrong, adapter.ocular, adapter.printer)) == {AXIS}


def test_lens_measured_from_the_wrong_edge():
    phone = sound("iphone-13-pro").phone
    with pytest.raises(BadDesign, match="outside its island"):
        replace(phone, lens_left=phone.width - phone.lens_left)
    bump = replace(phone.bump, left=phone.width - phone.bump.right, right=phone.width - phone.bump.left)
    backs = tuple(replace(hole, left=phone.width - hole.left) for hole in phone.backs)
    wrong = replace(phone, lens_left=phone.width - phone.lens_left, bump=bump, backs=backs)
    assert failed(design(wrong, catalogue.ocular(OCULAR), catalogue.printer("creality-ender-3"))) == {AXIS}


def test_datum_walls_moved_in_the_tray(adapter):
    lay = adapter.layout

    def side(x, y, z):
        return abs(x - lay.datum_x) < 1e-3

    def top(x, y, z):
        return abs(y - lay.top_y) < 1e-3

    assert failed(adapter, tray=moved(adapter, "tray", side, (0.1 * lay.side, 0, 0))) == {AXIS}
    assert failed(adapter, tray=moved(adapter, "tray", top, (0, 0.1, 0))) == {AXIS}
    assert failed(adapter, tray=moved(adapter, "tray", side, (0.03 * lay.side, 0, 0))) == set()
    inwards = failed(adapter, tray=moved(adapter, "tray", side, (-0.1 * lay.side, 0, 0)))
    assert {AXIS, "together: phone cuts parts, mm3"} <= inwards


def test_clamp_bored_beside_its_bolts(adapter):
    """Camera shifted by the other part: the bore moved, the flange with its holes left where it was."""
    bore = moved(adapter, "clamp", is_bore(adapter), (0.1, 0, 0))
    assert failed(adapter, clamp=bore) == {AXIS}


def test_phone_that_stands_too_high(adapter):
    """All of it designed for an exit pupil 0.5 mm lower than the ocular has."""
    lower = replace(adapter.ocular, exit_pupil_height=adapter.ocular.exit_pupil_height - 0.5)
    wrong = design(adapter.phone, lower, adapter.printer)
    assert failed(replace(wrong, ocular=adapter.ocular)) == {HEIGHT}


def test_spacer_too_thin(adapter):
    lay = adapter.layout

    def face(x, y, z):
        return z < at.SEAT + lay.spacer / 2

    thinner = moved(adapter, "spacer", face, (0, 0, 0.5))
    assert failed(adapter, spacer=thinner) == {HEIGHT, "spacer: size, mm"}


def test_walls_thinned(adapter):
    lay = adapter.layout
    wall = lay.datum_x + 0.8 * lay.side
    y = lay.bottom_y + 20
    tray = placed(adapter, "tray") - box(wall, wall + 9 * lay.side, y, y + 15, lay.floor_z + 6, 90)
    assert failed(adapter, tray=unplaced(adapter, "tray", tray)) == {"tray: walls, mm"}

    # The collar's wall, a quarter of the way round from its slit.
    ring = Manifold.cylinder(9, 60, 60) - Manifold.cylinder(9, lay.bore + 0.8, lay.bore + 0.8, 64)
    turn = lay.gaps[0][0]
    wedge = (ring ^ box(0, 60, -4, 4, 0, 9)).rotate((0, 0, turn + 100)).translate((0, 0, at.SEAT - 16))
    clamp = placed(adapter, "clamp") - wedge
    assert failed(adapter, clamp=unplaced(adapter, "clamp", clamp)) == {"clamp: walls, mm"}


@pytest.mark.parametrize(("by", "also"), [(-0.1, set()), (0.1, set()), (-0.3, {"together: ocular cuts parts, mm3"})])
def test_gap_at_the_ocular(adapter, by, also):
    def outwards(corners):
        way = corners * (1, 1, 0)
        return by * way / np.linalg.norm(way, axis=1, keepdims=True)

    narrow = moved(adapter, "clamp", is_bore(adapter), outwards)
    assert failed(adapter, clamp=narrow) == {GAP, COUPON} | also


def test_coupon_of_another_bore(adapter):
    """A coupon left over from a build with another clearance would promise a fit that the clamp has not."""
    other = design(adapter.phone, adapter.ocular, adapter.printer, replace(adapter.options, clearance=0.26))
    assert COUPON in failed(adapter, coupon=part_of(other, "coupon").mesh)


def test_cone_straightened(adapter):
    """To a bore as wide as the cone is at the phone."""
    lay = adapter.layout
    narrow = lay.light(lay.pupil_z)

    def cone(x, y, z):
        wide = np.array([lay.light(height) for height in z])
        return (abs(np.hypot(x, y) - wide) < 0.003 * wide) & (z > -1e-3)

    def inwards(corners):
        away = np.linalg.norm(corners[:, :2], axis=1, keepdims=True)
        return corners * (1, 1, 0) * (narrow / away - 1)

    straight = {name: moved(adapter, name, cone, inwards) for name in ("clamp", "tray")}
    rays = {"together: marginal rays met by a part"}
    assert failed(adapter, clamp=straight["clamp"]) == rays
    assert failed(adapter, **straight) == rays


@pytest.mark.parametrize("name", ["tray", "clamp", "spacer", "stop", "coupon"])
def test_forty_faces_dropped(name):
    adapter = sound(PHONES[0])
    mesh = part_of(adapter, name).mesh.copy()
    mesh.update_faces(np.arange(len(mesh.faces)) >= 40)
    assert f"{name}: closed volume" in failed(adapter, **{name: mesh})


@pytest.mark.parametrize("scale", [0.001, 1 / 25.4, 1000])
def test_other_units(scale):
    adapter = sound(PHONES[0])
    spoilt = {part.name: part.mesh.copy().apply_scale(scale) for part in adapter.parts}
    assert {f"{name}: size, mm" for name in spoilt} <= failed(adapter, **spoilt)


@pytest.mark.parametrize(
    ("name", "caught"),
    [
        ("tray", {AXIS, "together: phone cuts parts, mm3", "together: bolts cut parts, mm3"}),
        ("clamp", {AXIS, "together: bolts cut parts, mm3"}),
        ("spacer", {"together: bolts cut parts, mm3"}),
    ],
)
def test_part_mirrored(name, caught):
    adapter = sound(PHONES[0])
    mesh = part_of(adapter, name).mesh
    middle = mesh.bounds.mean(axis=0)
    mirrored = trimesh.Trimesh((mesh.vertices - middle) * (1, -1, 1) + middle, mesh.faces[:, ::-1], process=False)
    assert caught <= failed(adapter, **{name: mirrored})


def test_second_body_left_over(adapter):
    """A chip 2 mm wide that floats where nothing else is: in the tray's window, or outside its wall."""
    part = part_of(adapter, "tray")
    everything = union([placed(adapter, p.name) for p in adapter.parts if p.name != "coupon"])
    everything += union(phone_pieces(adapter.layout, adapter.phone)) + union(
        to_solid(item.mesh) for item in adapter.hardware
    )
    x1, y1, _ = part.mesh.bounds[1]
    chips = (
        Manifold.cube((2, 2, 2), True).translate((x, y, 1.5)).transform(part.assembly[:3])
        for x in np.arange(5, x1 - 5, 5)
        for y in np.arange(5, y1 - 5, 5)
    )
    chip = next(chip for chip in chips if everything.min_gap(chip, 1.0) >= 1.0)
    spoilt = unplaced(adapter, "tray", placed(adapter, "tray") + chip)
    assert failed(adapter, tray=spoilt) == {"tray: one body"}


def test_hole_too_many(adapter):
    lay = adapter.layout
    drill = Manifold.cylinder(30, 1.5, 1.5, 32).translate((lay.datum_x - 12 * lay.side, lay.bottom_y + 40, -9))
    drill = drill.translate((0, 0, lay.floor_z))
    tray = placed(adapter, "tray")
    assert (tray - drill).genus() == tray.genus() + 1
    assert failed(adapter, tray=unplaced(adapter, "tray", tray - drill)) == {"tray: genus"}


@pytest.mark.parametrize("name", ["tray", "stop"])
def test_lip_removed(adapter, name):
    lay = adapter.layout
    screen = lay.back_z + lay.thickness
    edge = lay.top_y if name == "tray" else lay.bottom_y
    over = box(-99, 99, edge - 5 if name == "tray" else edge, edge if name == "tray" else edge + 5, screen, screen + 9)
    spoilt = unplaced(adapter, name, placed(adapter, name) - over)
    lower = {"stop: size, mm"} if name == "stop" else set()  # behind the tray's lip its wall is as high
    assert failed(adapter, **{name: spoilt}) == {"together: play off the tray, mm"} | lower


def test_stop_that_does_not_reach_the_phone(adapter):
    lay = adapter.layout

    def near(x, y, z):
        return y > lay.bottom_y - 1e-3

    loose = failed(adapter, stop=moved(adapter, "stop", near, (0, -1.4, 0)))  # more than the phone may move
    # With it the lip: the S5, which may move less, can come off the tray too.
    assert loose - {"together: play off the tray, mm"} == {"stop: size, mm", "together: play down, mm"}


def test_no_room_for_the_camera_island(adapter):
    """Beside where the island rests its pocket is filled: on its way there it meets that; then where it rests, too."""
    lay = adapter.layout
    x0, x1, y0, _, height = lay.bump
    floor = lay.back_z - height - at.UNDER_BUMP
    filled = {}
    for low, high in ((-2.6, -0.5), (-2.6, 1)):
        fill = box(x0, x0 + 6, y0 + low, y0 + high, floor - 0.3, lay.back_z)
        tray = placed(adapter, "tray")
        assert (fill ^ tray).volume() > 1
        filled[high] = failed(adapter, tray=unplaced(adapter, "tray", tray + fill))
    assert filled[-0.5] == {"together: phone's way in, mm3"}
    assert filled[1] == {"together: phone's way in, mm3", "together: phone cuts parts, mm3"}


def test_printer_too_small(adapter):
    small = replace(adapter.printer, bed_x=100, bed_y=100)
    assert failed(replace(adapter, printer=small)) == {"tray: bed fit"}
