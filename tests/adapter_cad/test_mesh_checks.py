"""Each check of a part's mesh catches its own fault, by name, and passes sound parts as they come back from a file."""

import io

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from manifold3d import CrossSection, Manifold

from adapter_cad.mesh_checks import check_mesh, overhang_share, thinnest_wall, turn_to_fit
from adapter_cad.model import Printer
from adapter_cad.write import slivers, stl_bytes, weld

PRINTER = Printer("p", "P", 220, 200, 250, 0.4, 0.2)
GENUS = 4


def box(x0, x1, y0, y1, z0, z1) -> Manifold:
    return Manifold.cube((x1 - x0, y1 - y0, z1 - z0)).translate((x0, y0, z0))


def hole(radius, x, y, segments=64) -> Manifold:
    return Manifold.cylinder(80, radius, radius, segments).translate((x, y, -20))


def bracket(thick=3.0) -> Manifold:
    """A plate with an upright wall that has a 45 degree lip, four holes, a cone for light and two hexagonal traps."""
    lip = Manifold.hull_points([(x, y, z) for x in (0, 90) for y, z in ((thick, 20), (thick, 24), (thick + 4, 24))])
    solid = box(0, 90, 0, 60, 0, 5) + box(0, 90, 0, thick, 0, 24) + lip
    for x, y in ((12, 45), (78, 45)):
        solid -= hole(1.7, x, y) + Manifold.cylinder(5, 3.3, 3.3, 6).translate((x, y, 2.6))
    solid -= hole(2.5, 45, 50) + Manifold.cylinder(5.2, 12, 9, 96).translate((45, 28, -0.1))
    return solid


def reloaded(solid: Manifold) -> trimesh.Trimesh:
    raw = solid.to_mesh64()
    mesh = weld(trimesh.Trimesh(raw.vert_properties[:, :3], raw.tri_verts.astype(int), process=False))
    return reread(mesh)


def reread(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    return trimesh.load_mesh(io.BytesIO(stl_bytes(mesh)), file_type="stl")


def results(mesh: trimesh.Trimesh, **known) -> dict[str, bool | None]:
    return {check.name.split(",")[0]: check.ok for check in check_mesh(mesh, **known)}


def failed(mesh: trimesh.Trimesh, **known) -> set[str]:
    return {name for name, ok in results(mesh, **{"genus": GENUS, "printer": PRINTER, **known}).items() if ok is False}


@pytest.fixture(scope="module")
def sound() -> trimesh.Trimesh:
    return reloaded(bracket())


def test_sound_part_passes_all(sound):
    checks = check_mesh(sound, genus=GENUS, extents=(90, 60, 24), printer=PRINTER)
    assert [check for check in checks if not check.ok] == []
    walls = next(check for check in checks if check.name == "walls, mm")
    assert walls.value == pytest.approx(2.6, abs=0.01)  # under the traps


def test_what_is_unknown_is_not_called_checked(sound):
    unknown = {name for name, ok in results(sound).items() if ok is None}
    assert unknown == {"genus", "bed fit"}
    assert failed(sound, genus=None, printer=None) == set()


def test_forty_faces_dropped(sound):
    holed = sound.copy()
    holed.update_faces(np.arange(len(holed.faces)) >= 40)
    assert "closed volume" in failed(reread(holed))
    assert results(reread(holed), genus=GENUS)["genus"] is None


@pytest.mark.parametrize("faces", [slice(7, 8), slice(None)])
def test_faces_turned_inside_out(sound, faces):
    turned = sound.copy()
    turned.faces[faces] = turned.faces[faces, ::-1]
    assert "closed volume" in failed(trimesh.Trimesh(turned.vertices, turned.faces, process=False))


def test_no_faces_and_no_numbers(sound):
    assert failed(trimesh.Trimesh()) == {"closed volume"}
    lost = sound.copy()
    lost.vertices[3] = np.nan
    assert failed(lost) == {"closed volume"}


@pytest.mark.parametrize("scale", [0.001, 1 / 25.4, 1000])
def test_other_units(sound, scale):
    scaled = sound.copy().apply_scale(scale)
    assert "size" in failed(scaled)
    assert "size" in failed(scaled, extents=(90, 60, 24))


def test_size_other_than_designed(sound):
    assert failed(sound, extents=(90, 60, 24.05)) == {"size"}


def test_two_bodies(sound):
    # Beside, and hidden inside: a hollow is a second skin.
    assert failed(reloaded(bracket() + box(100, 120, 0, 20, 0, 5))) == {"one body"}
    assert failed(reloaded(bracket() - box(60, 70, 10, 20, 1.5, 3.5))) == {"one body"}


def test_wrong_genus():
    assert failed(reloaded(bracket() - hole(2, 70, 20))) == {"genus"}
    assert failed(reloaded(bracket() + box(40, 50, 45, 55, 0, 5))) == {"genus"}


def test_collapsed_face(sound):
    """One face split where a corner lies on its longest edge, its neighbour not: closed, but one face has no area."""
    face = int(np.argmax(sound.area_faces))
    a, b, c = sound.faces[face]
    corner = len(sound.vertices)
    middle = sound.vertices[[a, b]].mean(axis=0)
    faces = np.concatenate([np.delete(sound.faces, face, 0), [[a, b, corner], [b, c, corner], [c, a, corner]]])
    collapsed = trimesh.Trimesh([*sound.vertices, middle], faces, process=False)
    assert collapsed.is_volume
    assert failed(collapsed) == {"slivers"}
    assert list(slivers(collapsed)) == [len(faces) - 3]


def test_doubled_face(sound):
    doubled = trimesh.Trimesh(sound.vertices, np.concatenate([sound.faces, sound.faces[:1]]), process=False)
    assert failed(doubled) == {"closed volume", "slivers"}
    assert len(slivers(doubled)) == 2


def test_long_thin_faces_are_sound():
    plate = box(0, 150, 0, 80, 0, 4)
    for x in range(10, 150, 10):
        plate -= hole(1.6, x, 40.001 + 0.001 * x, 96)
    assert failed(reloaded(plate), genus=14) == set()


def test_thinned_wall_and_where():
    assert failed(reloaded(bracket(thick=0.8))) == {"walls"}
    thin, place = thinnest_wall(reloaded(bracket() - box(20, 30, 0.8, 9, 8, 14)))
    assert thin == pytest.approx(0.8, abs=1e-3)
    assert 20 <= place[0] <= 30 and place[1] == pytest.approx(0.4, abs=1e-3) and 8 <= place[2] <= 14


def test_wall_of_just_enough():
    assert failed(reloaded(bracket(thick=1.2))) == set()
    assert failed(reloaded(bracket(thick=1.18))) == {"walls"}


@settings(max_examples=25, deadline=None)
@given(top=st.floats(0.4, 0.95), turn=st.floats(0, 90))
def test_tapering_wall_is_measured_at_its_thin_end(top, turn):
    wedge = CrossSection([[(0, 0), (4, 0), (4 - (4 - top) / 2, 20), ((4 - top) / 2, 20)]]).extrude(150)
    thin, _ = thinnest_wall(reloaded(wedge.rotate((90, 0, turn))))
    assert thin == pytest.approx(top, abs=0.03)


@settings(max_examples=25, deadline=None)
@given(x=st.floats(10, 80), y=st.floats(15, 50), rest=st.floats(0.3, 1.1), radius=st.floats(1.5, 6))
def test_thin_floor_is_found_wherever_it_is(x, y, rest, radius):
    pocket = Manifold.cylinder(5, radius, radius, 32).translate((x, y, rest))
    thin, _ = thinnest_wall(reloaded(box(0, 90, 0, 60, 0, 5) - pocket))
    assert thin == pytest.approx(rest, abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(rest=st.floats(0.3, 1.0), radius=st.floats(1.5, 10), turn=st.floats(0, 90))
def test_thin_wall_between_a_hole_and_an_edge_is_found(rest, radius, turn):
    plate = (box(0, 90, 0, 60, 0, 5) - hole(radius, 45, rest + radius, 64)).rotate((0, 0, turn))
    thin, _ = thinnest_wall(reloaded(plate))
    assert thin == pytest.approx(rest, abs=0.03)


def test_lettering_and_chamfers_are_no_walls():
    stroke = CrossSection.square((0.8, 8)).extrude(0.6)
    corner = CrossSection([[(0, 0), (4, 0), (0, 1)]]).extrude(0.6)  # between two sunk strokes that meet
    plate = box(0, 90, 0, 60, 0, 5) + stroke.translate((20, 20, 5)) - box(39, 46, 29, 34, 4.4, 6)
    plate += corner.translate((40, 30, 4.4))
    chamfered = plate - Manifold.cube((200, 4, 4), True).rotate((45, 0, 0)).translate((0, 0, 5))
    assert failed(reloaded(chamfered), genus=0) == set()
    # The same stroke stood up is a wall.
    tall = plate + CrossSection.square((0.8, 8)).extrude(4).translate((20, 20, 5))
    assert failed(reloaded(tall), genus=0) == {"walls"}


def test_a_thin_wall_is_not_lost_among_much_lettering():
    comb = [CrossSection.square((0.5, 50)).extrude(0.6).translate((5 + 1.5 * i, 5, 5)) for i in range(40)]
    plate = sum(comb, box(0, 90, 0, 60, 0, 5)) - box(75, 85, 20, 30, 1.1, 6)
    thin, place = thinnest_wall(reloaded(plate))
    assert thin == pytest.approx(1.1, abs=1e-3) and 75 <= place[0] <= 85


@pytest.mark.parametrize(("degrees", "ok"), [(30, True), (45, True), (47, False), (90, False)])
def test_overhang_begins_beyond_45_degrees(degrees, ok):
    reach = 20 * np.tan(np.radians(min(degrees, 89.99)))
    outline = [(0, 0), (30, 0), (30, 5), (30 + reach, 25), (30 + reach, 40), (0, 40)]
    if degrees == 90:
        outline = [(0, 0), (30, 0), (30, 25), (60, 25), (60, 40), (0, 40)]
    part = reloaded(CrossSection([outline]).extrude(20).rotate((90, 0, 0)).translate((0, 20, 0)))
    assert failed(part, genus=0) == (set() if ok else {"overhang"})


def test_overhang_share_is_of_the_area_on_the_bed():
    shelf = reloaded(box(0, 40, 0, 40, 0, 20) + box(30, 50, 0, 40, 15, 20))
    assert overhang_share(shelf) == pytest.approx(100 * 10 * 40 / (40 * 40))
    on_an_edge = reloaded(box(0, 40, 0, 40, 0, 40).rotate((45, 0, 0)))
    assert "overhang" in failed(on_an_edge, genus=0)


def turned(mesh: trimesh.Trimesh, degrees: float) -> np.ndarray:
    about_z = trimesh.transformations.rotation_matrix(np.radians(degrees), (0, 0, 1))
    return mesh.copy().apply_transform(about_z).extents


@pytest.mark.parametrize(
    ("size", "turn", "fits"),
    [
        ((200, 30, 5), 0, "as it is"),
        ((30, 210, 5), 0, "turned"),
        ((270, 12, 5), 0, "turned"),
        ((270, 12, 5), 45, "as it is"),
        ((290, 12, 5), 0, "not"),
        ((20, 20, 251), 0, "not"),
    ],
)
def test_bed_fit_over_rotations(size, turn, fits):
    bar = reloaded(Manifold.cube(size).rotate((0, 0, turn)))
    found = turn_to_fit(bar, PRINTER)
    assert fits == ("not" if found is None else "turned" if found else "as it is")
    assert failed(bar, genus=0) == ({"bed fit"} if fits == "not" else set())
    if found:
        assert (turned(bar, found) <= (220, 200, 250)).all()
        assert not (turned(bar, found - 1) <= (220, 200, 250)).all()
