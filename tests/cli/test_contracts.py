"""The JSON that commands promise, on drawn fields and, where they are at hand, on real photographs."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from edge_wbc.core.records import read_field


def only_json(said) -> dict:  # type: ignore[no-untyped-def, type-arg]
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_evaluate(edge_wbc: Callable, small_pack: Path, small_run: Path, drawn_lab: Path) -> None:
    by_pack = only_json(edge_wbc("evaluate", small_pack, drawn_lab, "--json"))
    by_run = only_json(edge_wbc("evaluate", small_run, drawn_lab, "--json"))
    for found in (by_pack, by_run):
        assert {
            "n",
            "accuracy",
            "accuracy_ci95",
            "balanced_accuracy",
            "macro_f1",
            "per_class",
            "confusion",
            "labels",
            "coverage",
            "accuracy_when_certain",
        } <= set(found)
        assert found["n"] == sum(map(sum, found["confusion"])) == 216
        assert set(found["per_class"]) == set(found["labels"])
        assert set(found["per_class"]["monocyte"]) == {"precision", "sensitivity", "specificity", "f1", "support"}
    table = edge_wbc("evaluate", small_pack, drawn_lab)
    assert table.code == 0 and "sensitivity" in table.out and "not for diagnosis" in table.err


def test_classify_a_field(edge_wbc: Callable, small_pack: Path, drawn_lab: Path, tmp_path: Path) -> None:
    photograph = sorted((drawn_lab / "images").iterdir())[0]
    drawn = tmp_path / "drawn.png"
    found = only_json(edge_wbc("classify", small_pack, photograph, "--draw", drawn, "--json"))
    assert [image["path"] for image in found["images"]] == [str(photograph)]
    cells = found["images"][0]["cells"]
    assert len(cells) >= 4
    for cell in cells:
        assert set(cell) == {"box", "label", "score", "scores", "uncertain"}
        assert cell["score"] == max(cell["scores"].values())
        assert sum(cell["scores"].values()) == pytest.approx(1, abs=0.02)
    counted = sum(share["count"] for share in found["differential"].values())
    assert counted == sum(not cell["uncertain"] for cell in cells)
    assert set(found["differential"]["monocyte"]) == {"count", "percent", "ci95"}
    assert cv2.imread(str(drawn)).shape == cv2.imread(str(photograph)).shape


def test_classify_single_cells_gives_no_differential(
    edge_wbc: Callable, small_pack: Path, drawn_lab: Path, tmp_path: Path
) -> None:
    photograph = sorted((drawn_lab / "images").iterdir())[0]
    only_json(edge_wbc("find", photograph, "--out", tmp_path, "--json"))
    found = only_json(edge_wbc("classify", small_pack, tmp_path / "crops", "--json"))
    assert "differential" not in found
    assert {len(image["cells"]) for image in found["images"]} == {1}


def test_find_writes_records_that_read_back(edge_wbc: Callable, drawn_lab: Path, tmp_path: Path) -> None:
    found = only_json(edge_wbc("find", drawn_lab / "images", "--out", tmp_path, "--json"))
    records = sorted((tmp_path / "records").glob("*.json"))
    assert len(records) == len(found["images"]) == 36
    for file, image in zip(records, found["images"], strict=True):
        record = read_field(file)
        assert (tmp_path / record.image).read_bytes() == Path(image["path"]).read_bytes()
        assert [list(cell.box) for cell in record.cells] == [cell["box"] for cell in image["cells"]]
    assert len(list((tmp_path / "crops").iterdir())) == sum(len(image["cells"]) for image in found["images"])


def test_pack_inspect(edge_wbc: Callable, small_pack: Path) -> None:
    facts = only_json(edge_wbc("pack", "inspect", small_pack, "--json"))
    assert facts["schema"] == 1 and facts["input"]["size"] == 32
    assert {"model.int8.tflite", "weights.safetensors", "numerics.json", "MODEL_CARD.md", "training.sha256"} == set(
        facts["files"]
    )


def test_synth_is_the_same_twice(edge_wbc: Callable, tmp_path: Path) -> None:
    for name in ("one", "two"):
        said = edge_wbc("synth", "smears", "--count", 2, "--white", 3, "--out", tmp_path / name, "--json")
        assert only_json(said)["drawn"] == 2
    files = sorted(file.relative_to(tmp_path / "one") for file in (tmp_path / "one").rglob("*.*"))
    assert {"images/smear_0001_000.jpg", "records/smear_0001_000.json"} <= {file.as_posix() for file in files}
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)
    assert edge_wbc("synth", "smears", "--count", 0, "--out", tmp_path / "three").code == 2


def test_the_white_cell_of_a_real_field_and_no_red_one(edge_wbc: Callable, small_pack: Path, shared_data: Path) -> None:
    photograph = shared_data / "bccd" / "fields" / "BloodImage_00001.jpg"
    cells = only_json(edge_wbc("classify", small_pack, photograph, "--json"))["images"][0]["cells"]
    assert len(cells) == 1
    x0, y0, x1, y1 = cells[0]["box"]
    # Its nucleus lies within x 100 to 265, y 330 to 470.
    assert x0 < 100 and x1 > 265 and y0 < 335 and y1 > 465 and x1 - x0 < 260
