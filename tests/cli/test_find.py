"""`edge-wbc find`: a dataset folder from photographs; what is at fault is named, the rest goes on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture
def photographs(drawn_lab: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for file in sorted((drawn_lab / "images").iterdir())[:4]:
        shutil.copy(file, folder)
    return folder


def test_records_crops_and_copies(edge_wbc: Callable, photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = edge_wbc("find", photographs, "--out", out, "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert [Path(entry["path"]).name for entry in found["images"]] == sorted(
        file.name for file in photographs.iterdir()
    )
    for entry in found["images"]:
        stem = Path(entry["path"]).stem
        record = json.loads((out / "records" / f"{stem}.json").read_text())
        assert [cell["box"] for cell in record["cells"]] == [cell["box"] for cell in entry["cells"]]
        assert len(list((out / "crops").glob(f"{stem}_*.png"))) == len(entry["cells"]) > 0
        assert (out / record["image"]).read_bytes() == Path(entry["path"]).read_bytes()
    assert cv2.imread(str(next((out / "crops").iterdir()))).shape == (96, 96, 3)


def test_goes_on_where_it_stopped(edge_wbc: Callable, photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    whole = edge_wbc("find", photographs, "--out", out, "--json").out
    records = sorted((out / "records").iterdir())
    records[1].unlink()
    before = {file.name: file.stat().st_mtime_ns for file in (out / "records").iterdir()}
    assert edge_wbc("find", photographs, "--out", out, "--json").out == whole
    after = {file.name: file.stat().st_mtime_ns for file in (out / "records").iterdir()}
    assert {name: after[name] for name in before} == before and len(after) == 4
    other = edge_wbc("find", photographs, "--out", out, "--size", 64)
    assert other.code == 2 and "begun with another finder or other crops" in other.err


def test_faults_are_named_and_the_rest_goes_on(edge_wbc: Callable, photographs: Path, tmp_path: Path) -> None:
    first = sorted(photographs.iterdir())[0]
    (photographs / "short.jpg").write_bytes(first.read_bytes()[:3000])
    cv2.imwrite(str(first.with_suffix(".png")), np.zeros((60, 60, 3), np.uint8))
    said = edge_wbc("find", photographs, "--out", tmp_path / "out", "--json")
    assert said.code == 1 and "2 photographs left out" in said.err
    found = json.loads(said.out)
    assert len(found["images"]) == 4
    assert any("short.jpg: truncated JPEG" in fault for fault in found["faults"])
    assert any(f"{first.stem}.png: would have the record of" in fault for fault in found["faults"])
    strict = edge_wbc("find", photographs, "--out", tmp_path / "strict", "--strict")
    assert strict.code == 2 and len([line for line in strict.err.splitlines() if line.startswith("edge-wbc:")]) == 1


def test_learns_from_marked_fields(edge_wbc: Callable, drawn_lab: Path, photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = edge_wbc("find", photographs, "--learn", drawn_lab, "--out", out, "--json")
    assert said.code == 0, said.err
    facts = json.loads((out / "finder.json").read_text())
    assert facts["learned_from"] == {"from": "lab", "fields": 36, "cells": 216}
    again = edge_wbc("find", photographs, "--model", out / "finder.json", "--out", tmp_path / "again", "--json")
    assert json.loads(again.out)["images"] == json.loads(said.out)["images"]
    assert edge_wbc("find", photographs, "--learn", drawn_lab, "--model", out / "finder.json", "--out", out).code == 2
    refused = edge_wbc("find", photographs, "--model", tmp_path / "none.json", "--out", tmp_path / "x")
    assert refused.code == 2 and "none.json: cannot be read" in refused.err and not (tmp_path / "x").exists()


def test_crops_of_the_fields_own_pixels(edge_wbc: Callable, photographs: Path, tmp_path: Path) -> None:
    """512 x 512 around each cell, as Raabin-WBC cuts them; unscaled, mirrored beyond the border."""
    out = tmp_path / "out"
    assert edge_wbc("find", photographs, "--fixed", 512, "--out", out).code == 0
    record = json.loads(sorted((out / "records").iterdir())[0].read_text())
    field = cv2.imread(str(out / record["image"]))
    x0, y0, x1, y1 = record["cells"][0]["box"]
    crop = cv2.imread(str(sorted((out / "crops").iterdir())[0]))
    assert crop.shape == (512, 512, 3)
    middle_x, middle_y = round((x0 + x1) / 2), round((y0 + y1) / 2)
    assert np.array_equal(
        crop[256 - 8 : 256 + 8, 256 - 8 : 256 + 8], field[middle_y - 8 : middle_y + 8, middle_x - 8 : middle_x + 8]
    )


def test_a_detector_finds(edge_wbc: Callable, small_detector: Path, photographs: Path, tmp_path: Path) -> None:
    said = edge_wbc("find", photographs, "--detector", small_detector, "--out", tmp_path / "out", "--json")
    assert said.code == 0, said.err
    assert len(json.loads(said.out)["images"]) == 4


def test_another_finder_at_the_same_path_is_another_finder(
    edge_wbc: Callable, photographs: Path, tmp_path: Path
) -> None:
    from dataclasses import replace

    from edge_wbc.core.finder_model import default_model, write_finder

    counts = []
    for threshold in (0.5, 1.0):
        write_finder(tmp_path / "finder.json", replace(default_model(), threshold=threshold))
        out = tmp_path / str(threshold)
        said = edge_wbc("find", photographs, "--model", tmp_path / "finder.json", "--out", out, "--json")
        counts.append(sum(len(entry["cells"]) for entry in json.loads(said.out)["images"]))
    assert counts[0] > 10 and counts[1] == 0
