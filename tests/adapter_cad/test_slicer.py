"""The slicer's own words, read: sound parts pass with a time and a weight, each fault is told apart."""

import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
import trimesh
from manifold3d import Manifold

from adapter_cad import slicer
from adapter_cad.model import Printer
from adapter_cad.slicer import Slicing, slice_file, slicing_check
from adapter_cad.write import stl_bytes, threemf_bytes, weld

PRINTER = Printer("p", "P", 220, 220, 250, 0.4, 0.2)

needs_slicer = pytest.mark.skipif(shutil.which("prusa-slicer") is None, reason="prusa-slicer is not installed")


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


@needs_slicer
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


@needs_slicer
def test_3mf_weighs_what_the_stl_does(tmp_path):
    part = bracket()
    file = tmp_path / "part.3mf"
    file.write_bytes(threemf_bytes(part, "part"))
    found = slice_file(file, PRINTER)
    assert found and found.complaints == () and found.grams == pytest.approx(sliced(part, tmp_path).grams, rel=0.01)


@needs_slicer
def test_open_mesh(tmp_path):
    part = bracket()
    part.update_faces(np.arange(len(part.faces)) >= 40)
    found = sliced(part, tmp_path)
    assert found.manifold is False
    assert any("open edges" in line for line in found.complaints)
    assert slicing_check(found).ok is False


@needs_slicer
def test_face_inside_out_is_mended_but_told(tmp_path):
    part = bracket()
    part.faces[3] = part.faces[3][::-1]
    found = sliced(trimesh.Trimesh(part.vertices, part.faces, process=False), tmp_path)
    assert found.complaints == ("it mended 1 facets reversed",) and slicing_check(found).ok is False


@needs_slicer
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


@needs_slicer
def test_turned_part_fits(tmp_path):
    bar = mesh(Manifold.cube((260, 12, 5)))
    assert sliced(bar, tmp_path, turn=45).complaints == ()


@needs_slicer
@pytest.mark.parametrize("content", [b"", b"\0" * 84, b"hello" * 100])
def test_no_stl(tmp_path, content):
    file = tmp_path / "part.stl"
    file.write_bytes(content)
    found = slice_file(file, PRINTER)
    assert found and found.seconds is None and found.grams is None and found.manifold is None and found.complaints


def test_absent_slicer_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert slice_file(tmp_path / "part.stl", PRINTER) is None
    check = slicing_check(None)
    assert check.ok is None and check.value == "not checked: prusa-slicer is not installed"


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A program in the slicer's place."""

    def make(script: str) -> Path:
        program = tmp_path / "prusa-slicer"
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(slicer.shutil, "which", lambda name: str(program))
        file = tmp_path / "part.stl"
        file.write_bytes(b"")
        return file

    return make


def test_slicer_that_hangs_is_stopped(fake):
    found = slice_file(fake("exec /bin/sleep 60"), PRINTER, timeout=0.2)
    assert found and found.complaints == ("it took longer than 0.2 s",)


def test_slicer_that_does_nothing_but_says_0_is_not_believed(fake):
    found = slice_file(fake("exit 0"), PRINTER)
    assert found and slicing_check(found).ok is False


def test_no_such_file(fake, tmp_path):
    fake("exit 0")
    with pytest.raises(FileNotFoundError):
        slice_file(tmp_path / "absent.stl", PRINTER)


def test_days_and_hours_are_seconds():
    gcode = "; generated by PrusaSlicer 2.5.0 on 2026\n;Z:0.2\n"
    gcode += "; total filament used [g] = 4.17\n; estimated printing time (normal mode) = 1d 2h 3m 4s\n"
    found = slicer._read("manifold = yes\n", "", gcode, PRINTER)
    assert found == Slicing("PrusaSlicer 2.5.0", 93784, 4.17, True, ())
