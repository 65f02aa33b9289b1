"""Importers of public sets: drawn stand-ins of each layout, and the real sets where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.crops import CropRule
from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import Cell, Smear, read_field
from edge_wbc.lab.datasets import load_crops, read_dataset
from edge_wbc.lab.datasets.importing import import_set


def picture(path: Path, seed: int = 0, width: int = 60, height: int = 40) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8))


def mask(path: Path, *boxes: tuple[int, int, int, int], width: int = 60, height: int = 40) -> None:
    """Cytoplasm in each box, a nucleus in the middle of it."""
    drawn = np.zeros((height, width), np.uint8)
    for x0, y0, x1, y1 in boxes:
        drawn[y0:y1, x0:x1] = 120
        drawn[y0 + 5 : y1 - 5, x0 + 5 : x1 - 5] = 250
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), drawn)


def test_pbc(tmp_path):
    picture(tmp_path / "pbc" / "ig" / "MY_1.jpg", 1)
    picture(tmp_path / "pbc" / "platelet" / "PLATELET_1.jpg", 2)
    done = import_set("pbc", tmp_path / "pbc", tmp_path / "out")
    assert (done.photographs, done.labelled, done.faults) == (2, 2, ())
    assert (tmp_path / "out" / "labels.csv").read_text().split() == [
        *("image,label,smear", "MY_1.jpg,immature_granulocyte,", "PLATELET_1.jpg,platelet,")
    ]


def test_class_folders_whose_names_clash_keep_their_class(tmp_path):
    for label in ("neutrophil", "monocyte"):
        picture(tmp_path / "set" / label / "001.png")
    import_set("folder", tmp_path / "set", tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out" / "images").iterdir()) == [
        *("monocyte_001.png", "neutrophil_001.png")
    ]


@pytest.mark.parametrize(("name", "number"), [("tecom", 1), ("cellavision", 2)])
def test_masked_sets_as_their_authors_lay_them_out(tmp_path, name, number):
    src, out = tmp_path / "set", tmp_path / "out"
    for stem in ("001", "002", "003"):
        picture(src / f"Dataset {number}" / f"{stem}.bmp", int(stem))
    mask(src / f"Dataset {number}" / "001.png", (10, 10, 40, 40))
    mask(src / f"Dataset {number}" / "002.png", (10, 10, 40, 40), width=61)
    (src / f"Class Labels of Dataset {number}.csv").write_text("image,class\n1,1\n2,5\n3,9\n4,2\n")
    done = import_set(name, src, out)
    assert (out / "labels.csv").read_text().split()[1:] == ["001.bmp,neutrophil,", "002.bmp,basophil,"]
    drawn = cv2.imread(str(out / "masks" / "001.png"), cv2.IMREAD_UNCHANGED)
    assert drawn.shape == (40, 60) and drawn[25, 25] == 255 and drawn[11, 11] == 128 and drawn[0, 0] == 0
    assert done.masks == 1
    assert [fault.fault.partition(";")[0] for fault in done.faults] == [
        "unknown label '9'",
        "names a missing photograph '004.bmp'",
        "a mask of 61 x 40 for a photograph of 60 x 40",
    ]


def test_lisc(tmp_path):
    src, out = tmp_path / "LISC", tmp_path / "out"
    for name in ("neut/1", "mixt/1", "eosi/7"):
        picture(src / "Main Dataset" / f"{name}.bmp", len(name), 200, 150)
    truth = src / "Ground Truth Segmentation"
    mask(truth / "neut" / "areaforget" / "1_expert.bmp", (20, 30, 80, 90), width=200, height=150)
    mask(truth / "mixt" / "1_expert.bmp", (20, 30, 80, 90), (100, 30, 160, 90), width=200, height=150)
    done = import_set("lisc", src, out)
    assert read_field(out / "records" / "neut_1.json").cells == (Cell((20, 30, 80, 90), {"lisc": "neutrophil"}),)
    assert {cell.label for cell in read_field(out / "records" / "mixt_1.json").cells} == {None}
    assert (done.cells, done.labelled, done.masks) == (3, 1, 2)
    assert [Path(fault.file).name for fault in done.faults] == ["7.bmp"]
    assert "the finder sees" in done.faults[0].fault


def test_lisc_without_masks_takes_what_the_finder_sees(tmp_path):
    from edge_wbc.lab.synthesis import SmearOptions, draw_smears

    draw_smears(tmp_path / "drawn", SmearOptions("galaxy-s5/olympus", 1, 1, white_cells=1, seed=2))
    (tmp_path / "LISC" / "mono").mkdir(parents=True)
    (photograph,) = (tmp_path / "drawn" / "images").iterdir()
    photograph.rename(tmp_path / "LISC" / "mono" / "1.jpg")
    import_set("lisc", tmp_path / "LISC", tmp_path / "out")
    (found,) = read_field(tmp_path / "out" / "records" / "mono_1.json").cells
    assert found.votes == {"lisc": "monocyte"} and found.score is not None


def raabin(tmp_path: Path, cells: dict[str, object]) -> Path:
    src = tmp_path / "raabin"
    picture(src / "film 3" / "images" / "f.jpg", 0, 300, 200)
    (src / "film 3" / "jsons").mkdir()
    body = {"Cell Numbers": len(cells), "Microscope": "Olympus CX18", "Staining": "Giemsa", "Unknown": [1], **cells}
    (src / "film 3" / "jsons" / "f.json").write_text(json.dumps(body))
    return src


def test_raabins_large_fields(tmp_path):
    corners = {"x1": "10", "x2": 60, "y1": 20, "y2": "90"}
    cells = {
        "Cell_0": {"Label1": "Large Lymph", "Label2": "Small Lymph", **corners},
        "Cell_1": {"Label1": "Artifact", "Label2": "", **corners},
        "Cell_2": {"Label1": "Neutrofil", **corners},
        "Cell_3": {"Label1": "Band", "x1": 5},
        "Cell_4": {"Label1": "Band", **corners, "x2": 301},
        "Cell_5": 7,
    }
    done = import_set("raabin", raabin(tmp_path, cells), tmp_path / "out")
    record = read_field(tmp_path / "out" / "records" / "film 3_f.json")
    assert record.smear == Smear("film 3", "Giemsa") and record.microscope.type == "Olympus CX18"
    assert record.cells == (
        Cell((10, 20, 60, 90), {"expert 1": "large_lymphocyte", "expert 2": "small_lymphocyte"}),
        Cell((10, 20, 60, 90), {"expert 1": "artifact"}),
    )
    assert sorted((fault.row, fault.remedy or fault.fault.split()[0]) for fault in done.faults) == [
        ("Cell_2", "did you mean 'neutrophil'?"),
        ("Cell_3", "y1:"),
        ("Cell_4", "draw it again"),
        ("Cell_5", "x1:"),
    ]


def test_raabins_double_labelled_crops(tmp_path):
    for part in ("Train", "TestA"):
        picture(tmp_path / "raabin" / part / "Neutrophil" / "1.jpg")
    picture(tmp_path / "raabin" / "TestA" / "Lymphocyte" / "2.jpg")
    import_set("raabin", tmp_path / "raabin", tmp_path / "out")
    rows = (tmp_path / "out" / "labels.csv").read_text().split()[1:]
    assert rows == ["Train_1.jpg,neutrophil,", "TestA_2.jpg,small_lymphocyte,", "TestA_1.jpg,neutrophil,"]


def test_the_real_bccd(shared_data, tmp_path):
    done = import_set("bccd", shared_data / "bccd", tmp_path)
    # As counted in the XML: 301 white, 3,350 red, 292 platelets; two boxes are one pixel wide.
    assert (done.photographs, done.cells) == (292, 301 + 3350 + 292 - 2)
    assert sorted((Path(fault.file).name, fault.row) for fault in done.faults) == [
        ("BloodImage_00338.xml", "object 13"),
        ("BloodImage_00343.xml", "object 4"),
    ]
    cells = [cell for file in (tmp_path / "records").iterdir() for cell in read_field(file).cells]
    labels = [cell.label for cell in cells]
    assert labels.count("red_cell") == 3350 - 2 and labels.count("platelet") == 292
    # 283 crops, of which 6 belong to fields that are absent or have none or two white boxes.
    assert labels.count(None) == 301 - 277
    first = read_field(tmp_path / "records" / "BloodImage_00000.json").cells[0]
    assert first.box == (259, 176, 491, 376)


def test_the_real_phone_fields(shared_data, tmp_path):
    done = import_set("yolo", shared_data / "smartphone_fields", tmp_path)
    assert (done.photographs, done.cells, done.labelled, done.faults) == (557, 1063, 0, ())


def test_the_real_tecom(shared_data, tmp_path):
    done = import_set("tecom", shared_data / "tecom", tmp_path)
    assert (done.photographs, done.masks, done.faults) == (200, 200, ())
    before, after = shared_data / "tecom" / "masks" / "009.png", tmp_path / "masks" / "009.png"
    assert np.array_equal(cv2.imread(str(before), -1), cv2.imread(str(after), -1))


def test_training_on_the_import_is_training_on_the_set(shared_data, tmp_path):
    """The same crops and labels, to the bit, from PBC's folders and from their import."""
    for folder in sorted((shared_data / "pbc").iterdir()):
        (tmp_path / "pbc" / folder.name).mkdir(parents=True)
        for image in sorted(folder.iterdir())[:4]:
            (tmp_path / "pbc" / folder.name / image.name).write_bytes(image.read_bytes())
    import_set("pbc", tmp_path / "pbc", tmp_path / "out")
    rule = CropRule(48)
    direct, brought = (load_crops(read_dataset(tmp_path / name), rule) for name in ("pbc", "out"))
    assert len(direct.items) == 32
    assert [item.label for item in direct.items] == [item.label for item in brought.items]
    assert np.array_equal(direct.pixels, brought.pixels) and direct.sha256 == brought.sha256


@pytest.mark.parametrize("name", ["lisc", "bccd", "raabin", "tecom", "pbc", "yolo", "coco", "voc", "csv", "session"])
def test_a_folder_of_something_else(tmp_path, name):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "notes.txt").write_text("mine")
    for src in (tmp_path / "set", tmp_path / "absent"):
        with pytest.raises(BadInput):
            import_set(name, src, tmp_path / "out")
    assert not (tmp_path / "out").exists()
