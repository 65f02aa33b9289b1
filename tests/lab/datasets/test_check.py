"""Every fault by its file and row, and nothing said of a sound dataset."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.datasets.check import check_dataset


def picture(path: Path, seed: int, width: int = 60, height: int = 40) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8))


def said(path: Path) -> list[tuple[str, str, str]]:
    """File within the dataset, row and fault, in order."""
    return [
        (Path(fault.file).relative_to(path).as_posix(), fault.row, fault.fault.replace(f"{path}/", ""))
        for fault in check_dataset(path)
    ]


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    """Three sound fields of one monocyte each."""
    path = tmp_path / "fields"
    (path / "records").mkdir(parents=True)
    for seed, name in enumerate("abc"):
        picture(path / "images" / f"{name}.png", seed)
        put(path, name)
    return path


def put(path: Path, name: str, **changes: object) -> None:
    cell = {"box": [5, 5, 30, 30], "votes": {"ana": "monocyte"}}
    body = {"schema": 1, "image": f"images/{name}.png", "width": 60, "height": 40, "cells": [cell], **changes}
    (path / "records" / f"{name}.json").write_text(json.dumps(body))


def test_sound_datasets(fields: Path, drawn_lab: Path) -> None:
    assert check_dataset(fields) == []
    assert check_dataset(drawn_lab) == []


def test_a_byte_order_mark_is_no_fault(fields: Path) -> None:
    file = fields / "records" / "a.json"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert check_dataset(fields) == []


def test_every_bad_cell_of_a_record(fields: Path) -> None:
    boxes = [[5, 5, 6, 30], [30, 5, 5, 30], [5, 5, 61, 30], [5, 5, 30], [5, 5, 30, 30]]
    cells = [{"box": box, "votes": {"ana": "monocyte"}} for box in boxes]
    put(fields, "a", cells=[*cells, {"box": [5, 5, 9, 9], "votes": {"ana": "neutrofil", "ben": "bande"}}, 7])
    faults = check_dataset(fields)
    assert [(fault.row, fault.fault.split(" by")[0]) for fault in faults] == [
        ("cell 7", "an object is expected here"),
        ("cell 1", "box [5, 5, 6, 30] is one pixel wide or high"),
        ("cell 2", "box [30, 5, 5, 30] is reversed, empty or outside the 60 x 40 field"),
        ("cell 3", "box [5, 5, 61, 30] is reversed, empty or outside the 60 x 40 field"),
        ("cell 4", "'box' must be four whole numbers"),
        ("cell 6", "unknown label 'neutrofil'"),
        ("cell 6", "unknown label 'bande'"),
    ]
    assert [fault.remedy for fault in faults[-2:]] == ["did you mean 'neutrophil'?", "did you mean 'band'?"]


def test_photographs_and_records_that_do_not_fit(fields: Path) -> None:
    (fields / "images" / "b.png").rename(fields / "images" / "d.png")
    put(fields, "b", cells=[{"box": [0, 0, 99, 9]}])
    put(fields, "a", width=61)
    put(fields, "e", image="images/C.PNG")
    picture(fields / "images" / "C.PNG", 7)
    (fields / "records" / "f.json").write_text("{")
    put(fields, "g", schema=2)
    (fields / "masks").mkdir()
    cv2.imwrite(str(fields / "masks" / "c.png"), np.zeros((40, 61), np.uint8))
    cv2.imwrite(str(fields / "masks" / "x.png"), np.zeros((40, 60), np.uint8))
    cv2.imwrite(str(fields / "masks" / "a.png"), np.eye(40, 60, dtype=np.uint8))
    found = [(file, row, fault.partition(" (")[0]) for file, row, fault in said(fields)]
    mismatch = "a mask of 61 x 40 for a photograph of 60 x 40"
    assert found == [
        ("records/b.json", "", "names a missing photograph 'images/b.png'"),
        ("records/b.json", "cell 1", "box [0, 0, 99, 9] is reversed, empty or outside the 60 x 40 field"),
        ("records/f.json", "", "not JSON"),
        ("records/g.json", "", "no record of schema 1"),
        ("records/e.json", "", "two fields of one name: 'images/c.png' and 'images/C.PNG'"),
        ("records/a.json", "", "says 61 x 40, the photograph is 60 x 40"),
        ("masks/a.png", "", "neither nucleus"),
        ("masks/c.png", "", mismatch),
        ("images/d.png", "", "no sound record names this photograph"),
        ("masks/x.png", "", "a mask without a photograph"),
        (".", "class monocyte", "has 2 images"),
    ]


def bomb(path: Path) -> None:
    """A PNG of a few bytes that claims 300 megapixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 15_000, 8, 2, 0, 0, 0)
    head = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + struct.pack(">I", 0) + b"IEND\xaeB`\x82")


def test_photographs_at_fault(fields: Path) -> None:
    data = (fields / "images" / "a.png").read_bytes()
    (fields / "images" / "b.png").write_bytes(data)
    (fields / "images" / "c.png").write_bytes(data[:200])
    bomb(fields / "images" / "d.png")
    put(fields, "d", width=20_000, height=15_000)
    (fields / "images" / "e.png").write_bytes(b"a line of text")
    put(fields, "e", cells=[{"box": [0, 0, 1, 9]}])
    assert said(fields)[:5] == [
        ("images/b.png", "", "byte for byte the same photograph as images/a.png"),
        ("images/c.png", "", "truncated PNG"),
        ("images/d.png", "", "20000 x 15000 pixels, over the limit of 100 megapixels"),
        ("images/e.png", "", "not a readable image"),
        ("records/e.json", "cell 1", "box [0, 0, 1, 9] is one pixel wide or high"),
    ]


def test_a_table_at_fault(tmp_path: Path) -> None:
    for seed, name in enumerate(("a.png", "b.png", "c.png", "d.png")):
        picture(tmp_path / "images" / name, seed)
    rows = "a.png,band\nb.png,eosinofil\nz.png,band\nc.png,neut\nC.png,neut\na.png,eos\n"
    (tmp_path / "labels.csv").write_text("image,label\n" + rows)
    assert said(tmp_path) == [
        ("labels.csv", "row 3", "unknown label 'eosinofil'"),
        ("labels.csv", "row 4", "names a missing photograph 'z.png'"),
        ("labels.csv", "row 6", "names a missing photograph 'C.png'"),
        ("labels.csv", "row 7", "two fields of one name: 'a.png' and 'a.png'"),
        ("images/b.png", "", "no sound record names this photograph"),
        ("images/d.png", "", "no sound record names this photograph"),
        (".", "class eosinophil", "has 1 image"),
        (".", "class neutrophil", "has 2 images"),
    ]


def test_class_folders_at_fault(tmp_path: Path) -> None:
    for seed, name in enumerate(("band/1.png", "neutrophil/2.png", "neut/3.png", "basophil/4.png", "monozyte/5.png")):
        picture(tmp_path / name, seed)
    (tmp_path / "eosinophil").mkdir()
    faults = check_dataset(tmp_path)
    assert [(Path(fault.file).name, fault.fault) for fault in faults] == [
        ("eosinophil", "an empty class folder"),
        ("monozyte", "unknown label 'monozyte'"),
        (tmp_path.name, "has 1 image"),
    ]
    assert faults[1].remedy == "did you mean 'monocyte'?" and faults[2].row == "class basophil"


def test_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        check_dataset(tmp_path / "absent")
    with pytest.raises(BadInput, match="no class folders"):
        check_dataset(tmp_path)
