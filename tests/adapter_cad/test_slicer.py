"""The slicer's own words, read: sound parts pass with a time and a weight, each fault is told apart."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh
from manifold3d import Manifold

from adapter_cad.model import Printer
from adapter_cad.slicer import Slicing, slice_file, slicing_check
from adapter_cad.write import stl_bytes, threemf_bytes, weld

PRINTER = Printer("p", "P", 220, 220, 250, 0.4, 0.2)

if shutil.which("prusa-slicer") is None:
    pytest.skip("prusa-slicer is not installed", allow_module_level=True)


def mesh(solid: Manifold) -> trimesh.Trimesh:
    raw = solid.to_mesh64()
    return weld(trimesh.Trimesh(raw.vert_properties[:, :3], raw.tri_verts.astype(int), process=False))


def bracket() -> trimesh.Trimesh:
    hole = Manifold.cylinder(30, 1.7, 1.7, 48).translate((30, 20, -5))
    return mesh(Manifold.cube((60, 40, 5)) + Manifold.cube((60, 4, 20)) - hole)


def sliced(part: trimesh.Trimesh, folder: Path, **options) -> Slicing:
    file = folder / "part.stl"
    file.write_bytes(stl_bytes(part))
    found = slice_file(file, PRINTER, **options)
    assert found
    return found


def test_sound_part_has_a_time_and_a_weight(tmp_path):
    part = bracket()
    found = sliced(part, tmp_path)
    assert found.manifold is True and found.complaints == ()
    # Shells, floors and a fifth of the rest: less than a solid of PLA weighs, more than that fifth.
    solid = part.volume * 1.24e-3
    assert solid / 5 < found.grams < solid * 1.02
    assert 600 < found.seconds < 36000
    assert found.slicer.startswith("PrusaSlicer 2")
    assert slicing_check(found).ok is True
    assert list(tmp_path.iterdir()) == [tmp_path / "part.stl"]


def test_3mf_weighs_what_the_stl_does(tmp_path):
    part = bracket()
    file = tmp_path / "part.3mf"
    file.write_bytes(threemf_bytes(part, "part"))
    found = slice_file(file, PRINTER)
    assert found and found.complaints == () and found.grams == pytest.approx(sliced(part, tmp_path).grams, rel=0.01)


def test_open_mesh(tmp_path):
    part = bracket()
    part.update_faces(np.arange(len(part.faces)) >= 40)
    found = sliced(part, tmp_path)
    assert found.manifold is False
    assert any("open edges" in line for line in found.complaints)
    assert slicing_check(found).ok is False


def test_face_inside_out_is_mended_but_told(tmp_path):
    part = bracket()
    part.faces[3] = part.faces[3][::-1]
    found = sliced(trimesh.Trimesh(part.vertices, part.faces, process=False), tmp_path)
    assert found.complaints == ("it mended 1 facets reversed",) and slicing_check(found).ok is False


@pytest.mark.parametrize(
    ("part", "complaint"),
    [
        (bracket().apply_scale(0.001), "No layers"),
        (mesh(Manifold.cube((260, 12, 5))), "could not fit on the bed"),
        (mesh(Manifold.cube((20, 20, 251))), "prints to 251 mm, over the printer's 250"),
        (mesh(Manifold.cube((20, 20, 5)) + Manifold.cube((20, 20, 5)).translate((0, 0, 9))), "Empty layer"),
    ],
)
def test_what_cannot_be_printed(tmp_path, part, complaint):
    found = sliced(part, tmp_path)
    assert any(complaint in line for line in found.complaints), found
    assert slicing_check(found).ok is False


def test_turned_part_fits(tmp_path):
    bar = mesh(Manifold.cube((260, 12, 5)))
    assert sliced(bar, tmp_path, turn=45).complaints == ()


@pytest.mark.parametrize("content", [b"", b"\0" * 84, b"hello" * 100])
def test_no_stl(tmp_path, content):
    file = tmp_path / "part.stl"
    file.write_bytes(content)
    found = slice_file(file, PRINTER)
    assert found and found.seconds is None and found.grams is None and found.manifold is None and found.complaints
