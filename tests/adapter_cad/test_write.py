"""What is written reloads as the same closed solid, from the same bytes each time."""

import io
import zipfile
from xml.etree import ElementTree

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from manifold3d import Manifold

from adapter_cad import write
from adapter_cad.errors import BadDesign
from adapter_cad.solids import to_solid
from adapter_cad.write import GRID, slivers, stl_bytes, threemf_bytes, weld

CORE = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"


def raw(solid: Manifold) -> trimesh.Trimesh:
    mesh = solid.to_mesh64()
    return trimesh.Trimesh(mesh.vert_properties[:, :3], mesh.tri_verts.astype(int), process=False)


def reload(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    return trimesh.load_mesh(io.BytesIO(stl_bytes(mesh)), file_type="stl")


def bracket() -> Manifold:
    plate = Manifold.cube((60, 40, 5)) + Manifold.cube((60, 4, 20))
    return plate - Manifold.cylinder(30, 1.7, 1.7, 48).translate((20.333333, 20.1, -5)).rotate((0, 0, 1))


length = st.floats(1, 60)
place = st.tuples(*[st.floats(-20, 20)] * 3)
box = st.tuples(length, length, length).map(lambda size: Manifold.cube(size, True))
cylinder = st.tuples(length, st.floats(1, 30), st.floats(1, 30), st.integers(3, 96)).map(
    lambda c: Manifold.cylinder(*c, True)
)
plate = st.tuples(st.floats(20, 150), st.floats(20, 80), st.floats(1, 5), st.tuples(*[st.floats(-180, 180)] * 3)).map(
    lambda p: Manifold.cube(p[:3], True).rotate(p[3])
)
moved = st.tuples(st.one_of(box, cylinder, plate), place).map(lambda pair: pair[0].translate(pair[1]))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(first=moved, rest=st.lists(st.tuples(st.booleans(), moved), min_size=1, max_size=7))
def test_any_solid_welds_and_reloads_as_itself(first, rest):
    solid = first
    for turn, (add, other) in enumerate(rest, start=1):
        # No face on another: what is taken away and put back leaves a slit of no width, which no file can hold.
        other = other.translate((0.0371 * turn, 0.0213 * turn, 0.0119 * turn))
        solid = solid + other if add else solid - other
    # One body: pieces may touch in an edge, which no file can tell from a crossing, and weld refuses.
    solid = max(solid.decompose(), key=lambda body: body.volume(), default=Manifold())
    if solid.volume() < 1:
        return
    mesh = raw(solid)
    try:
        welded = weld(mesh)
    except BadDesign:
        edges = np.sort(np.unique((mesh.vertices * GRID).round(), axis=0, return_inverse=True)[1][mesh.edges], axis=1)
        assert np.unique(edges, axis=0, return_counts=True)[1].max() > 2
        return
    again = reload(welded)
    assert again.is_volume and not len(slivers(again))
    assert to_solid(again).genus() == solid.genus()
    assert again.volume == pytest.approx(solid.volume(), abs=3e-4 * solid.surface_area())
    assert stl_bytes(weld(mesh)) == stl_bytes(welded)


def test_weld_puts_corners_on_the_grid_and_forgets_the_order():
    mesh = raw(bracket())
    welded = weld(mesh)
    assert np.array_equal(welded.vertices, (welded.vertices * GRID).round() / GRID)
    order = np.random.default_rng(0).permutation(len(welded.vertices))
    shuffled = trimesh.Trimesh(welded.vertices[order], np.argsort(order)[welded.faces][::-1], process=False)
    assert stl_bytes(weld(shuffled)) == stl_bytes(welded)


def test_weld_takes_out_a_corner_laid_onto_an_edge():
    """A box with a corner 0.00003 mm off an edge: rounded, a face without area; dropped by a slicer, an open edge."""
    box = raw(Manifold.cube((10, 8, 5)))
    top = next(i for i in range(12) if np.ptp(box.triangles[i, :, 2]) == 0 and (box.triangles[i, :, 1] == 0).sum() == 2)
    a, b, c = box.faces[top]
    faces = np.concatenate([np.delete(box.faces, top, axis=0), [[a, b, 8], [b, c, 8], [c, a, 8]]])
    split = trimesh.Trimesh([*box.vertices, (5, 0.00003, box.triangles[top, 0, 2])], faces, process=False)
    assert split.is_volume and len(slivers(split)) == 1
    welded = weld(split)
    assert reload(welded).is_volume and not len(slivers(welded)) and len(welded.faces) == 12


def test_weld_tries_a_coarser_grid_where_a_sliver_stays(monkeypatch):
    found = iter([[0], []])
    monkeypatch.setattr(write, "slivers", lambda mesh: next(found))
    places = weld(raw(bracket())).vertices * GRID
    assert np.allclose(places / 2, (places / 2).round()) and next(found, None) is None


@pytest.mark.parametrize("fault", ["open", "edge", "inside out"])
def test_weld_refuses_what_is_no_solid(fault):
    mesh = raw(bracket())
    if fault == "open":
        mesh.update_faces(np.arange(len(mesh.faces)) >= 40)
    elif fault == "edge":
        mesh = raw(Manifold.cube((10, 10, 10)) + Manifold.cube((10, 10, 10)).translate((10, 10, 0)))
    else:
        mesh.invert()
    with pytest.raises(BadDesign, match="tray: its solid"):
        weld(mesh, "tray")


def test_same_mesh_same_bytes_and_nothing_of_the_day_in_them():
    welded = weld(raw(bracket()))
    stl, packed = stl_bytes(welded), threemf_bytes(welded, "tray")
    assert (stl, packed) == (stl_bytes(welded.copy()), threemf_bytes(welded.copy(), "tray"))
    assert not stl.startswith(b"solid") and len(stl) == 84 + 50 * len(welded.faces)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.testzip() is None


def test_3mf_says_millimetre_and_holds_every_corner_as_it_was():
    welded = weld(raw(bracket()))
    with zipfile.ZipFile(io.BytesIO(threemf_bytes(welded, 'stop <"a" & b>'))) as archive:
        model = ElementTree.fromstring(archive.read("3D/3dmodel.model"))
    assert model.get("unit") == "millimeter"
    assert model.find(f".//{CORE}object").get("name") == 'stop <"a" & b>'
    corners = [[float(v.get(axis)) for axis in "xyz"] for v in model.iter(f"{CORE}vertex")]
    faces = [[int(t.get(corner)) for corner in ("v1", "v2", "v3")] for t in model.iter(f"{CORE}triangle")]
    assert np.array_equal(corners, welded.vertices) and np.array_equal(faces, welded.faces)


def test_3mf_is_read_by_trimesh():
    pytest.importorskip("lxml", reason="trimesh reads 3MF only with lxml")
    welded = weld(raw(bracket()))
    scene = trimesh.load_scene(io.BytesIO(threemf_bytes(welded, "tray")), file_type="3mf")
    assert scene.units == "millimeter" and list(scene.geometry) == ["tray"]
    assert scene.to_mesh().is_volume and scene.to_mesh().volume == pytest.approx(welded.volume)
