"""The three forms of DATA give the same cells, and labels that none of the five classes holds are counted."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.crops import CropRule
from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import Cell, Field, Smear, write_field
from edge_wbc.lab.datasets import load_crops, read_dataset


def picture(path: Path, seed: int, size: int = 60) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 255, (size, size, 3), np.uint8))


def test_class_folders_by_any_known_name(tmp_path: Path) -> None:
    for seed, name in enumerate(("Neutrophils", "LYT", "ig", "platelet")):
        picture(tmp_path / name / f"{name}.png", seed)
    everything = read_dataset(tmp_path)
    assert {item.label for item in everything.items} == {
        "neutrophil",
        "lymphocyte",
        "immature_granulocyte",
        "platelet",
    }
    assert everything.dropped == {}
    five = read_dataset(tmp_path, only="5")
    assert {item.label for item in five.items} == {"neutrophil", "lymphocyte"}
    assert five.dropped == {"immature_granulocyte": 1, "platelet": 1}


def test_the_papers_sets_of_classes(tmp_path: Path) -> None:
    folders = ("neutrophil", "stab", "lymphocyte", "reactive lymphocyte", "erythroblast", "ig")
    for seed, name in enumerate(folders):
        picture(tmp_path / name / "1.png", seed)
    labels = {only: [item.label for item in read_dataset(tmp_path, only).items] for only in ("5", "6", "7")}
    # Folders are read by name.
    assert labels["5"] == ["lymphocyte", "neutrophil", "lymphocyte", "neutrophil"]
    assert labels["6"] == ["erythroblast", *labels["5"]]
    assert labels["7"] == ["small_lymphocyte", "neutrophil", "large_lymphocyte", "band"]
    assert read_dataset(tmp_path, "7").dropped == {"erythroblast": 1, "immature_granulocyte": 1}
    with pytest.raises(BadInput, match="'8' is no set of classes; one of: 5, 6, 7"):
        read_dataset(tmp_path, "8")


def test_labels_csv_with_smears(tmp_path: Path) -> None:
    for seed in range(2):
        picture(tmp_path / "images" / f"{seed}.png", seed)
    (tmp_path / "labels.csv").write_text("\ufeffimage,label,smear\n0.png,band,s1\n1.png,eos,s2\n", encoding="utf-8")
    items = read_dataset(tmp_path).items
    assert [(item.label, item.smear) for item in items] == [("neutrophil", "s1"), ("eosinophil", "s2")]


def test_records_take_agreed_votes_only(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "f.png", 0, 100)
    (tmp_path / "records").mkdir()
    cells = (
        Cell((10, 10, 40, 40), {"a": "monocyte", "b": "monocyte"}),
        Cell((50, 50, 80, 80), {"a": "monocyte", "b": "band"}),
        Cell((50, 10, 80, 40), {}),
        Cell((10, 50, 40, 80), {"a": "not_labelled"}),
    )
    write_field(tmp_path / "records" / "f.json", Field("images/f.png", 100, 100, cells, Smear("s9")))
    items = read_dataset(tmp_path).items
    assert [(item.label, item.box, item.smear) for item in items] == [("monocyte", (10, 10, 40, 40), "s9")]
    loaded = load_crops(read_dataset(tmp_path), CropRule(size=24))
    assert loaded.pixels.shape == (1, 24, 24, 3) and loaded.pixels.dtype == np.uint8


def test_record_of_a_missing_photograph_and_of_a_smaller_one(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    cell = Cell((10, 10, 90, 90), {"a": "monocyte"})
    write_field(tmp_path / "records" / "f.json", Field("images/f.png", 100, 100, (cell,)))
    with pytest.raises(BadInput, match="missing photograph 'images/f.png'"):
        read_dataset(tmp_path)
    picture(tmp_path / "images" / "f.png", 0, 50)
    with pytest.raises(BadInput, match="outside the 50 x 50"):
        load_crops(read_dataset(tmp_path), CropRule())


def test_many_photographs_come_in_order_from_many_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_wbc.lab.many._TASTE_SECONDS", 0)
    monkeypatch.setattr("edge_wbc.lab.many._WORTH_SECONDS", 0)
    for number in range(640):
        shade = np.full((24, 24, 3), number % 256, np.uint8)
        path = tmp_path / ("basophil" if number % 2 else "monocyte") / f"{number:03d}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), shade)
    loaded = load_crops(read_dataset(tmp_path), CropRule(size=16))
    expected = [int(item.image.stem) % 256 for item in loaded.items]
    assert loaded.pixels[:, 8, 8, 0].tolist() == expected
