"""`edge-wbc segment`: masks, overlays and cells.csv from crops, folders and datasets; faults by name."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.images import write_image
from edge_wbc.core.masks import read_mask
from edge_wbc.core.records import read_field


@pytest.fixture
def crops(draw_masked: Callable, tmp_path: Path) -> Path:
    folder = tmp_path / "crops"
    (folder / "more").mkdir(parents=True)
    for number, place in enumerate(("a.png", "b.png", "more/c.png")):
        write_image(folder / place, draw_masked(120, 110 + 10 * number, seed=number)[0])
    return folder


def rows_of(out: Path) -> list[dict[str, str]]:
    with (out / "cells.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("method", ["easy-gt", "kmeans", "graph-cut", "tavakoli"])
def test_masks_have_their_crop_s_size_and_three_greys(
    edge_wbc: Callable, crops: Path, tmp_path: Path, method: str
) -> None:
    out = tmp_path / "out"
    said = edge_wbc("segment", method, crops, "--out", out, "--overlays", "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert told["method"] == method and told["faults"] == []
    assert [cell["name"] for cell in told["cells"]] == ["a", "b", "more_c"]
    for cell, width in zip(told["cells"], (110, 120, 130), strict=True):
        mask = read_mask(out / "masks" / f"{cell['name']}.png", (width, 120))
        greys = cv2.imread(str(out / "masks" / f"{cell['name']}.png"), cv2.IMREAD_UNCHANGED)
        assert greys.ndim == 2 and greys.dtype == np.uint8 and set(np.unique(greys)) == {0, 128, 255}
        assert cell["nucleus_px"] == (mask == 255).sum() and cell["cell_px"] == (mask > 0).sum()
        assert (out / "overlays" / f"{cell['name']}.png").is_file()
    rows = rows_of(out)
    assert [row["name"] for row in rows] == ["a", "b", "more_c"] and {row["method"] for row in rows} == {method}
    assert float(rows[0]["nucleus_to_cytoplasm"]) == pytest.approx(told["cells"][0]["nucleus_to_cytoplasm"], abs=1e-4)
    assert rows[0]["cell_um2"] == "" and int(rows[0]["lobes"]) >= 1


def test_a_file_and_a_folder_in_one_run_and_a_scale(edge_wbc: Callable, crops: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = edge_wbc("segment", "easy-gt", crops / "a.png", crops / "more", "--out", out, "--um-per-px", 0.2, "--json")
    cells = json.loads(said.out)["cells"]
    assert [cell["name"] for cell in cells] == ["a", "c"]
    assert cells[0]["cell_um2"] == pytest.approx(cells[0]["cell_px"] * 0.04)


def test_goes_on_where_it_stopped(edge_wbc: Callable, crops: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    whole = edge_wbc("segment", "easy-gt", crops, "--out", out, "--json").out
    table = (out / "cells.csv").read_bytes()
    (out / "cells" / "b.json").unlink()
    (out / "masks" / "b.png").unlink()
    before = {file.name: file.stat().st_mtime_ns for file in (out / "masks").iterdir()}
    assert edge_wbc("segment", "easy-gt", crops, "--out", out, "--json").out == whole
    after = {file.name: file.stat().st_mtime_ns for file in (out / "masks").iterdir()}
    assert {name: after[name] for name in before} == before and len(after) == 3
    assert (out / "cells.csv").read_bytes() == table
    assert edge_wbc("segment", "easy-gt", crops, "--out", out, "--overlays").code == 0
    assert len(list((out / "overlays").iterdir())) == 3
    other = edge_wbc("segment", "easy-gt", crops, "--out", out, "--a", 0.5)
    assert other.code == 2 and "begun with another method or other options" in other.err


def test_a_changes_the_nucleus_and_a_threshold_is_taken(edge_wbc: Callable, crops: Path, tmp_path: Path) -> None:
    areas = {}
    for name, options in {"low": ("--a", 1), "high": ("--a", 0), "hand": ("--threshold", 200)}.items():
        said = edge_wbc("segment", "easy-gt", crops / "a.png", "--out", tmp_path / name, *options, "--json")
        areas[name] = json.loads(said.out)["cells"][0]["nucleus_px"]
    assert areas["low"] > areas["high"] > areas["hand"]


def test_of_basophils_whole_cells_alone(edge_wbc: Callable, crops: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert edge_wbc("segment", "easy-gt", crops / "a.png", "--out", out, "--basophil").code == 0
    assert set(np.unique(cv2.imread(str(out / "masks" / "a.png"), cv2.IMREAD_UNCHANGED))) == {0, 128}
    row = rows_of(out)[0]
    assert row["nucleus_px"] == "0" and row["lobes"] == "" and int(row["cell_px"]) > 1000


def test_a_crop_without_a_cell_has_an_empty_mask_and_a_reason(edge_wbc: Callable, tmp_path: Path) -> None:
    for name, level in (("white", 255), ("black", 0)):
        write_image(tmp_path / f"{name}.png", np.full((50, 70, 3), level, np.uint8))
    out = tmp_path / "out"
    said = edge_wbc("segment", "kmeans", tmp_path / "white.png", tmp_path / "black.png", "--out", out)
    assert said.code == 0 and "no nucleus" in said.out
    mask = cv2.imread(str(out / "masks" / "black.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (50, 70) and not mask.any()
    assert all("no nucleus" in row["reason"] for row in rows_of(out))


def test_the_cells_of_a_dataset_s_fields(edge_wbc: Callable, drawn_lab: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "lab" / "records").mkdir(parents=True)
    (tmp_path / "lab" / "images").symlink_to(drawn_lab / "images")
    file = sorted((drawn_lab / "records").iterdir())[0]
    (tmp_path / "lab" / "records" / file.name).write_bytes(file.read_bytes())
    said = edge_wbc("segment", "easy-gt", tmp_path / "lab", "--out", out, "--json")
    cells, record = json.loads(said.out)["cells"], read_field(file)
    assert [cell["box"] for cell in cells] == [list(cell.box) for cell in record.cells]
    assert [cell["name"] for cell in cells] == [f"{file.stem}_{n:03d}" for n in range(1, len(cells) + 1)]
    assert record.um_per_px and cells[0]["cell_um2"] == pytest.approx(cells[0]["cell_px"] * record.um_per_px**2)
    assert sum(cell["cell_px"] > 0 for cell in cells) >= len(cells) - 1


def test_labels_csv_names_the_images_and_leaves_the_masks(edge_wbc: Callable, crops: Path, tmp_path: Path) -> None:
    lab = tmp_path / "lab"
    (lab / "images").mkdir(parents=True)
    (lab / "masks").mkdir()
    (lab / "images" / "a.png").write_bytes((crops / "a.png").read_bytes())
    (lab / "masks" / "a.png").write_bytes((crops / "b.png").read_bytes())
    (lab / "labels.csv").write_text("image,label\na.png,monocyte\n")
    assert edge_wbc("segment", "easy-gt", lab, "--out", tmp_path / "out").code == 0
    assert [row["name"] for row in rows_of(tmp_path / "out")] == ["a"]


def test_faults_are_named_and_the_rest_goes_on(edge_wbc: Callable, crops: Path, tmp_path: Path) -> None:
    (crops / "short.png").write_bytes((crops / "a.png").read_bytes()[:900])
    write_image(crops / "field.jpg", np.full((480, 640, 3), 200, np.uint8))
    out = tmp_path / "out"
    said = edge_wbc("segment", "easy-gt", crops, "--out", out, "--json")
    told = json.loads(said.out)
    assert said.code == 1 and len(told["cells"]) == 3 and len(rows_of(out)) == 3
    assert "short.png: truncated PNG" in told["faults"][1]
    assert "640 x 480 pixels are a field, not a crop of one cell; edge-wbc find" in told["faults"][0]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("watershed", "a.png"), "METHOD: no method 'watershed'"),
        (("kmeans", "a.png", "--a", 0.3), "--a, --threshold: kmeans has no such threshold"),
        (("easy-gt", "a.png", "--a", 0.3, "--threshold", 90), "exclude each other"),
        (("easy-gt", "none.png"), "none.png: no such file"),
        (("easy-gt", "a.png", "a.png"), "would have the mask of"),
        (("easy-gt", "broken.png"), "broken.png: not a readable image"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    edge_wbc: Callable, crops: Path, tmp_path: Path, arguments: tuple, line: str
) -> None:
    (crops / "broken.png").write_bytes(b"no picture")
    given = [crops / word if str(word).endswith(".png") else word for word in arguments]
    said = edge_wbc("segment", *given, "--out", tmp_path / "out")
    assert said.code == 2 and line in said.err
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_or_within_the_source_is_refused(
    edge_wbc: Callable, crops: Path, tmp_path: Path
) -> None:
    said = edge_wbc("segment", "easy-gt", crops / "a.png", "--out", crops)
    assert said.code == 2 and "holds something else" in said.err
    said = edge_wbc("segment", "easy-gt", crops, "--out", crops / "out")
    assert said.code == 2 and "choose another --out" in said.err and not (crops / "out").exists()
