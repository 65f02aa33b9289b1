"""In and out again on whole folders: nothing half-written, nothing lost, and the same command goes on."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.crops import CropRule
from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import Cell, Field, Microscope, Smear, read_field, write_field
from edge_wbc.lab.datasets import importing, load_crops, read_dataset
from edge_wbc.lab.datasets.exporting import export_set
from edge_wbc.lab.datasets.importing import import_set


def picture(path: Path, seed: int, width: int = 60, height: int = 40) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8))


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    """Three fields, one in a folder of its own, one without cells, one with a mask."""
    path = tmp_path / "fields"
    records = (
        Field(
            "images/a.png",
            60,
            40,
            (Cell((0, 0, 20, 20), {"ana": "band", "ben": "burst"}), Cell((30, 10, 60, 40), {"ana": "eosinophil"}, 0.7)),
            Smear("s1", "Giemsa"),
            Microscope("CX18", 100),
            "Galaxy S5",
            0.12,
        ),
        Field("images/smear 2/b.jpg", 80, 50, (Cell((5, 5, 30, 30), {"ana": "monocyte"}, None, True),), Smear("s2")),
        Field("images/c.bmp", 50, 50),
    )
    (path / "records").mkdir(parents=True)
    (path / "masks").mkdir()
    for seed, record in enumerate(records):
        picture(path / record.image, seed, record.width, record.height)
        write_field(path / "records" / f"{Path(record.image).stem}.json", record)
    cv2.imwrite(str(path / "masks" / "a.png"), np.full((40, 60), 128, np.uint8))
    return path


def tree(path: Path) -> dict[str, bytes]:
    """Photographs and masks by name."""
    files = [*path.glob("images/**/*.*"), *path.glob("masks/*")]
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def records(path: Path) -> dict[str, Field]:
    return {record.image: record for record in map(read_field, (path / "records").iterdir())}


@pytest.mark.parametrize("name", ["coco", "voc", "yolo", "csv"])
def test_out_and_in_again(name: str, fields: Path, tmp_path: Path) -> None:
    done = export_set(name, fields, tmp_path / name)
    assert (done.photographs, done.cells) == (3, 3)
    back = import_set(name, tmp_path / name, tmp_path / "back")
    assert back.faults == () and back.masks == 1
    assert records(tmp_path / "back") == records(fields)
    assert tree(tmp_path / "back") == tree(fields)


def test_a_session_is_copied_and_judged(fields: Path, tmp_path: Path) -> None:
    bad = json.loads((fields / "records" / "a.json").read_text())
    bad["cells"] += [{"box": [5, 5, 6, 9]}, {"box": [9, 5, 6, 9]}, {"box": [0, 0, 9, 9], "votes": {"ana": "bande"}}, 3]
    (fields / "records" / "a.json").write_text("\ufeff" + json.dumps(bad), encoding="utf-8")
    done = import_set("session", fields, tmp_path / "out")
    assert sorted(fault.row for fault in done.faults) == ["cell 3", "cell 4", "cell 5", "cell 6"]
    assert len(records(tmp_path / "out")["images/a.png"].cells) == 2
    assert tree(tmp_path / "out") == tree(fields)
    marker = json.loads((tmp_path / "out" / "import.json").read_text())
    assert marker["format"] == "session" and len(marker["faults"]) == 4


def test_an_export_trains_as_the_dataset_does(drawn_lab: Path, tmp_path: Path) -> None:
    export_set("csv", drawn_lab, tmp_path / "csv")
    rule = CropRule(32)
    direct, out = (load_crops(read_dataset(path), rule) for path in (drawn_lab, tmp_path / "csv"))
    assert np.array_equal(direct.pixels, out.pixels)
    assert [(item.label, item.smear, item.box) for item in direct.items] == [
        (item.label, item.smear, item.box) for item in out.items
    ]


def test_fields_as_class_folders_are_crops(fields: Path, tmp_path: Path) -> None:
    done = export_set("folder", fields, tmp_path / "out")
    assert (done.cells, done.left_out) == (2, 1)
    files = sorted(file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.png"))
    assert files == ["eosinophil/a_002.png", "monocyte/smear 2_b_001.png"]
    crop = cv2.imread(str(tmp_path / "out" / files[0]))
    photograph = cv2.imread(str(fields / "images" / "a.png"))
    # A box of 30 pixels and a quarter of it around, as far as the photograph goes; nothing mirrored in.
    assert np.array_equal(crop, photograph[3:40, 23:60])
    items = read_dataset(tmp_path / "out").items
    assert {item.label for item in items} == {"eosinophil", "monocyte"}
    import_set("folder", tmp_path / "out", tmp_path / "back")
    assert {item.smear for item in read_dataset(tmp_path / "back").items} == {"s1", "s2"}


@pytest.fixture
def singles(tmp_path: Path) -> Path:
    path = tmp_path / "singles"
    for seed, name in enumerate(("a.png", "b.jpg", "c.png")):
        picture(path / "images" / name, seed)
    rows = "a.png,band,s1\nb.jpg,lymphocyte,\nc.png,ig,s2\n"
    (path / "labels.csv").write_text("image,label,smear\n" + rows)
    (path / "masks").mkdir()
    cv2.imwrite(str(path / "masks" / "b.png"), np.full((40, 60), 255, np.uint8))
    return path


@pytest.mark.parametrize("name", ["csv", "folder"])
def test_single_cells_out_and_in_again(name: str, singles: Path, tmp_path: Path) -> None:
    assert export_set(name, singles, tmp_path / name).cells == 3
    assert {item.label for item in read_dataset(tmp_path / name).items} == {
        *("neutrophil", "lymphocyte", "immature_granulocyte")
    }
    done = import_set(name, tmp_path / name, tmp_path / "back")
    assert done.masks == 1 and done.faults == ()
    assert sorted((tmp_path / "back" / "labels.csv").read_text().split()[1:]) == [
        *("a.png,band,s1", "b.jpg,small_lymphocyte,", "c.png,immature_granulocyte,s2")
    ]
    assert tree(tmp_path / "back") == tree(singles)


def test_single_cells_have_no_boxes(singles: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="single cells have no boxes for coco"):
        export_set("coco", singles, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_import_goes_on(fields: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, whole = tmp_path / "out", importing.write_field

    def killed(path: Path, record: Field) -> None:
        if path.name == "c.json":
            raise KeyboardInterrupt
        whole(path, record)

    monkeypatch.setattr(importing, "write_field", killed)
    with pytest.raises(KeyboardInterrupt):
        import_set("session", fields, out)
    assert not list(out.rglob("*.partial"))
    monkeypatch.setattr(importing, "write_field", whole)
    (out / "records").mkdir(exist_ok=True)
    before = {file.name for file in (out / "records").iterdir()}
    assert "c.json" not in before
    done = import_set("session", fields, out)
    assert done.kept == len(before) and done.photographs == 3
    assert records(out) == records(fields) and tree(out) == tree(fields)


def test_a_corrected_record_is_not_overwritten(fields: Path, tmp_path: Path) -> None:
    import_set("session", fields, tmp_path / "out")
    file = tmp_path / "out" / "records" / "c.json"
    mine = Field("images/c.bmp", 50, 50, (Cell((1, 1, 9, 9), {"ana": "band"}),))
    write_field(file, mine)
    assert import_set("session", fields, tmp_path / "out").kept == 3
    assert read_field(file) == mine


def test_names_that_differ_by_suffix_or_case_only(tmp_path: Path) -> None:
    for seed, name in enumerate(("a.png", "a.jpg", "A.bmp", "b.png")):
        picture(tmp_path / "set" / "images" / name, seed)
    rows = "a.png,band\na.jpg,band\nA.bmp,band\nb.png,band\nb.png,burst\n"
    (tmp_path / "set" / "labels.csv").write_text("image,label\n" + rows)
    done = import_set("csv", tmp_path / "set", tmp_path / "out")
    assert done.photographs == 2
    assert [fault.fault for fault in done.faults] == [
        "two fields of one name: 'a.png' and 'a.jpg'",
        "two fields of one name: 'a.png' and 'A.bmp'",
        "two fields of one name: 'b.png' and 'b.png'",
    ]


def test_strict_stops_before_anything_is_copied(singles: Path, tmp_path: Path) -> None:
    with (singles / "labels.csv").open("a") as file:
        file.write("d.png,band,\n")
    with pytest.raises(BadInput, match="labels.csv: row 5: names a missing photograph 'd.png'"):
        import_set("csv", singles, tmp_path / "out", strict=True)
    assert not (tmp_path / "out").exists()
    assert len(import_set("csv", singles, tmp_path / "out").faults) == 1


def test_an_unreadable_photograph_is_left_out(singles: Path, tmp_path: Path) -> None:
    data = (singles / "images" / "b.jpg").read_bytes()
    (singles / "images" / "b.jpg").write_bytes(data[: len(data) // 2])
    done = import_set("csv", singles, tmp_path / "out")
    assert [fault.fault for fault in done.faults] == ["truncated JPEG"]
    assert len(read_dataset(tmp_path / "out").items) == 2
    for name in ("a.png", "c.png"):
        (singles / "images" / name).write_bytes(b"")
    with pytest.raises(BadInput, match="no photograph could be imported"):
        import_set("csv", singles, tmp_path / "none")


def test_something_else_is_never_written_into(singles: Path, fields: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(BadInput, match="holds no import.json"):
        import_set("csv", singles, tmp_path / "mine")
    with pytest.raises(BadInput, match="holds no export.json"):
        export_set("csv", singles, tmp_path / "mine")
    import_set("csv", singles, tmp_path / "out")
    with pytest.raises(BadInput, match="holds something else"):
        import_set("session", fields, tmp_path / "out")
    with pytest.raises(BadInput, match="lies in"):
        import_set("csv", singles, singles / "out")
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_an_export_needs_sound_records(fields: Path, tmp_path: Path) -> None:
    shutil.copy(fields / "records" / "a.json", fields / "records" / "z.json")
    with pytest.raises(BadInput, match="two fields of one name"):
        export_set("coco", fields, tmp_path / "out")
    (fields / "records" / "z.json").unlink()
    (fields / "images" / "a.png").unlink()
    with pytest.raises(BadInput, match="missing photograph 'images/a.png'"):
        export_set("coco", fields, tmp_path / "out")
    with pytest.raises(BadInput, match="'pbc' cannot be written"):
        export_set("pbc", fields, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_zip_is_imported_as_its_folder_would_be_and_named_in_faults(drawn_lab: Path, tmp_path: Path) -> None:
    zipped, folder = tmp_path / "lab.zip", tmp_path / "src"
    shutil.copytree(drawn_lab, folder)
    broken = sorted((folder / "records").iterdir())[0]
    broken.write_text("{}")
    shutil.make_archive(str(zipped.with_suffix("")), "zip", folder)
    from_folder = import_set("session", folder, tmp_path / "a")
    from_zip = import_set("session", zipped, tmp_path / "b")
    for one, other in zip(from_folder.faults, from_zip.faults, strict=True):
        assert (other.fault, other.file) == (one.fault, one.file.replace(str(folder), str(zipped)))
    assert [replace(done, faults=()) for done in (from_folder, from_zip)] == [replace(from_zip, faults=())] * 2
    for name in ("records", "images"):
        assert {path.name: path.read_bytes() for path in (tmp_path / "a" / name).iterdir()} == {
            path.name: path.read_bytes() for path in (tmp_path / "b" / name).iterdir()
        }
    with pytest.raises(BadInput, match=r"lab\.zip/records/.*no record of schema 1"):
        import_set("session", zipped, tmp_path / "c", strict=True)
    assert not list(tmp_path.glob(".*"))
