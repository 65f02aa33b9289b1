"""`edge-wbc adapter build` and `check`: what they write, what they say, what they refuse."""

from __future__ import annotations

import json
import re
import shutil
import stat
from pathlib import Path

import pytest
import trimesh

from edge_wbc.cli.main import main

PAIR = ("--phone", "lg-g3", "--ocular", "zeiss-primo-star-10x")
FILES = {
    *(f"{part}.{kind}" for part in ("tray", "clamp", "spacer", "stop", "coupon") for kind in ("stl", "3mf")),
    *("assembled.png", "exploded.png", "section.png", "calibration.html", "report.json", "report.html"),
}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr("sys.argv", ["edge-wbc", "adapter", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code or 0


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, *arguments: str | Path) -> str:
    """The one line with which a command ends that exits 2."""
    assert run(monkeypatch, *arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = [line for line in said.err.splitlines() if line.startswith("edge-wbc: ")]
    assert "Traceback" not in said.err
    return line


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("adapter") / "out"
    with pytest.MonkeyPatch.context() as patch:
        assert run(patch, "build", *PAIR, "--out", out) == 0
    return out


def test_build_writes_all_and_leaves_nothing_else(built: Path) -> None:
    assert {file.name for file in built.iterdir()} == FILES
    report = json.loads((built / "report.json").read_text())
    assert report["disclaimer"] == "research use, not for diagnosis"
    assert all(check["ok"] for check in report["checks"])
    assert report["assumed"] and "Built on assumed numbers" in (built / "report.html").read_text()


def test_the_same_inputs_give_the_same_bytes(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert run(monkeypatch, "build", *PAIR, "--out", tmp_path, "--json") == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert {Path(file).name for file in found["files"]} == FILES
    assert set(found["checks"][0]) == {"name", "ok", "value", "limit"}
    assert "ASSUMED" in said.err
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (built / name).read_bytes(), name


def test_a_design_without_spacer_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The phone so near that a spacer would be thinner than it prints: the floor takes up the rest."""
    near = ("--phone", "galaxy-s5", "--ocular", "common-23-2mm-10x", "--case", "4")
    assert run(monkeypatch, "build", *near, "--out", tmp_path) == 0
    assert {file.name for file in tmp_path.iterdir()} == FILES - {"spacer.stl", "spacer.3mf"}


def test_check_reads_a_folder(built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    assert run(monkeypatch, "check", built, "--json") == 0
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)["checks"]}
    assert found["together: camera beside the ocular's axis, mm"]["ok"]
    assert found["tray.3mf: genus"]["ok"] and found["tray.stl: genus"]["ok"]
    slicer = found["tray.stl: slicer"]
    assert slicer["ok"] is (True if shutil.which("prusa-slicer") else None)


def test_check_slices_a_part_as_it_fits_the_bed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The G3's tray goes onto a bed of 180 x 180 mm across a corner; upright the slicer would refuse it."""
    turns = {}
    monkeypatch.setattr("adapter_cad.build.slice_file", lambda file, printer, turn: turns.update({file.stem: turn}))
    assert run(monkeypatch, "build", *PAIR, "--printer", "bambu-a1-mini", "--out", tmp_path) == 0
    assert run(monkeypatch, "check", tmp_path) == 0
    assert 30 < turns.pop("tray") < 60 and set(turns.values()) == {0}


def test_check_catches_a_part_changed_on_the_disk(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    folder = shutil.copytree(built, tmp_path / "changed")
    mesh = trimesh.load_mesh(folder / "spacer.stl")
    mesh.apply_scale((1, 1, 0.9))
    mesh.export(folder / "spacer.stl")
    assert run(monkeypatch, "check", folder) == 1
    said = capsys.readouterr()
    assert "FAILS" in said.out and "checks failed" in said.err


def test_a_file_without_report_is_checked_alone(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    shutil.copy(built / "clamp.stl", tmp_path)
    assert run(monkeypatch, "check", tmp_path / "clamp.stl", "--json") == 0
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)["checks"]}
    assert found["clamp.stl: closed volume"]["ok"]
    assert found["clamp.stl: genus"]["ok"] is None and found["together: fit"]["ok"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--phone", "galaxy-s6"), "galaxy-s5"),
        (("--ocular", "olympus-cx18"), "olympus-cx18-10x"),
        (("--printer", "ender"), "creality-ender-3"),
        (("--clamp", "glue"), "split"),
        (("--case", "-1"), "0"),
        (("--case", "nan"), "number"),
        (("--wall", "0"), "2.4"),
        (("--xy-travel", "9"), "1.4"),
    ],
)
def test_bad_input_is_one_line(
    options: tuple[str, str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    asked = dict(zip(PAIR[::2], PAIR[1::2], strict=True)) | dict([options])
    line = refused(monkeypatch, capsys, "build", *(x for pair in asked.items() for x in pair), "--out", tmp_path / "a")
    assert said in line
    assert not (tmp_path / "a").exists()


def test_an_unwritable_folder_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "file" in refused(monkeypatch, capsys, "build", *PAIR, "--out", tmp_path / "file" / "out")
    assert not any(path.suffix == ".stl" for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("data", [b"", b"solid nothing", b"\0" * 84, b"\xff" * 500, b"PK\x03\x04 no zip"])
@pytest.mark.parametrize("kind", ["stl", "3mf"])
def test_a_file_that_is_no_mesh_is_one_line(
    data: bytes, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / f"part.{kind}").write_bytes(data)
    assert f"part.{kind}" in refused(monkeypatch, capsys, "check", tmp_path / f"part.{kind}")


def test_check_of_nothing_is_one_line(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert "neither" in refused(monkeypatch, capsys, "check", tmp_path)
    assert "absent.stl" in refused(monkeypatch, capsys, "check", tmp_path / "absent.stl")
    assert "neither" in refused(monkeypatch, capsys, "check", built / "report.html")
    shutil.copy(built / "tray.stl", tmp_path)
    (tmp_path / "report.json").write_text('{"design": {"phone": 3}}')
    assert re.search("report.json: .*no adapter's report", refused(monkeypatch, capsys, "check", tmp_path))
    assert stat.S_ISREG((tmp_path / "tray.stl").stat().st_mode)
