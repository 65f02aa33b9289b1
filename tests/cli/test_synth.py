"""`edge-wbc synth smears`: any count, the same twice, and one line for each thing that cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_wbc.core.images import read_image
from edge_wbc.core.records import read_field
from edge_wbc.core.taxonomy import SUBTYPES

SMALL = ("--width", 320, "--height", 320, "--um-per-px", 0.8)


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_smears_records_masks_sheet_and_page(edge_wbc: Callable, tmp_path: Path) -> None:
    said = edge_wbc("synth", "smears", "--count", 3, "--per-smear", 2, *SMALL, "--out", tmp_path / "one", "--json")
    assert said.code == 0
    found = json.loads(said.out)
    assert (found["fields"], found["drawn"], found["out"]) == (3, 3, str(tmp_path / "one"))
    assert list(found["cells"]) == list(SUBTYPES)
    records = [read_field(file) for file in sorted((tmp_path / "one" / "records").iterdir())]
    assert [Path(record.image).stem for record in records] == ["smear_0000_000", "smear_0000_001", "smear_0001_000"]
    assert sum(found["cells"].values()) == sum(len(record.cells) for record in records) > 0
    assert records[0].smear == records[1].smear != records[2].smear
    page = Path(found["report"]).read_text()
    assert "Research use, not for diagnosis" in page and "Instances of each subtype" in page
    assert "669 +- 149" in page and "Nearest neighbours" in page
    sheet = read_image(Path(found["sheet"]))
    blue = (np.abs(sheet.astype(int) - (0, 114, 178)) < 3).all(2)
    assert blue.any()

    whole = files(tmp_path / "one")
    again = edge_wbc("synth", "smears", "--count", 3, "--per-smear", 2, *SMALL, "--out", tmp_path / "one", "--json")
    assert json.loads(again.out)["drawn"] == 0 and files(tmp_path / "one") == whole
    told = edge_wbc("synth", "smears", "--count", 3, "--per-smear", 2, *SMALL, "--out", tmp_path / "two")
    assert told.code == 0 and files(tmp_path / "two") == whole
    assert "subtype" in told.out and "not for diagnosis" in told.err


def test_a_fixed_number_of_white_cells_is_a_field_as_the_phone_sees_it(edge_wbc: Callable, tmp_path: Path) -> None:
    said = edge_wbc("synth", "smears", "--count", 1, "--white", 4, "--out", tmp_path / "few", "--formats", "records")
    assert said.code == 0
    (record,) = (read_field(file) for file in (tmp_path / "few" / "records").iterdir())
    assert (record.width, record.height, record.um_per_px) == (640, 480, 0.16) and len(record.cells) <= 4
    assert not (tmp_path / "few" / "masks").exists()
    page = (tmp_path / "few" / "report.html").read_text()
    assert "4 white cells a field" in page and "Nearest" not in page


def test_sets_for_other_tools(edge_wbc: Callable, tmp_path: Path) -> None:
    out = tmp_path / "sets"
    assert edge_wbc("synth", "smears", "--count", 1, *SMALL, "--out", out, "--formats", "coco,voc,yolo").code == 0
    for name, file in (("coco", "annotations.json"), ("voc", "Annotations/smear_0000_000.xml"), ("yolo", "data.yaml")):
        for classes in ("main", "subtypes"):
            assert (out / name / classes / file).is_file()
    assert edge_wbc("data", "import", "yolo", out / "yolo" / "main", "--out", tmp_path / "back").code == 0


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--count", 0), "--count: 0 is not a positive number"),
        (("--count", -3), "--count: -3 is not a positive number"),
        (("--count", 1, "--per-smear", 0), "--per-smear: 0 is not a positive number"),
        (("--count", 1, "--white", 0), "white_cells: 0 is not a positive number"),
        (("--count", 1, "--white", 500), "cells fit in 640 x 480 px"),
        (("--count", 1, "--width", 128, "--height", 128), "cells fit in 128 x 128 px (32 x 32 um)"),
        (("--count", 1, "--width", 10), "field: 10 x 1024 px is too small"),
        (("--count", 1, "--domain", "nokia"), "domain: unknown domain 'nokia'"),
        (("--count", 1, "--stain", "ink"), "stain: unknown: 'ink'"),
        (("--count", 1, "--placement", "tetris"), "strategy: unknown: 'tetris'"),
        (("--count", 1, "--um-per-px", 0), "optics"),
        (("--count", 1, "--seed", -1), "seed: -1 is negative"),
        (("--count", 1, "--formats", "records,pdf"), "formats: unknown: 'pdf'"),
        (("--count", 1, "--pools", "nowhere"), "nowhere: no such folder"),
    ],
)
def test_bad_input_is_one_line(edge_wbc: Callable, tmp_path: Path, arguments: tuple[object, ...], line: str) -> None:
    said = edge_wbc("synth", "smears", *arguments, "--out", tmp_path / "out")
    assert said.code == 2 and line in said.err.splitlines()[-1]
    assert not list((tmp_path / "out").rglob("*.jpg")) and not list(tmp_path.rglob("*.partial"))


def test_another_run_in_the_folder_is_named(edge_wbc: Callable, tmp_path: Path) -> None:
    small = ("synth", "smears", "--count", 1, *SMALL, "--formats", "records", "--out", tmp_path / "run")
    assert edge_wbc(*small).code == 0
    before = files(tmp_path / "run")
    said = edge_wbc(*small, "--seed", 7)
    assert said.code == 2 and f"{tmp_path / 'run'}: holds another run: seed 0 there, 7 here" in said.err
    assert files(tmp_path / "run") == before
