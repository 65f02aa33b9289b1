"""No smear, no copy of one photograph and no duplicate crosses parts; a split proves it later."""

import csv
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import Cell, Field, Smear, read_field, write_field
from edge_wbc.lab.datasets import read_dataset
from edge_wbc.lab.datasets.split import PARTS, check_enough, group_numbers, split_parts
from edge_wbc.lab.datasets.splitfile import (
    draw_split,
    hash_photographs,
    parts_of,
    read_split,
    split_faults,
    write_split,
)

TIES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 60), st.integers(0, 40)), min_size=1, max_size=120)


@settings(max_examples=80, deadline=None)
@given(TIES, st.integers(0, 3))
def test_nothing_that_is_tied_crosses_and_no_part_is_empty(cells: list[tuple[int, int, int]], seed: int) -> None:
    labels = [("neutrophil", "monocyte", "basophil")[min(2, number % 7)] for number in range(len(cells))]
    smears = [f"s{smear}" if smear < 10 else "" for smear, _, _ in cells]
    hashes = [f"h{photograph}" for _, photograph, _ in cells]
    copies = [f"c{copy}" if copy < 5 else "" for _, _, copy in cells]
    groups = group_numbers(smears, hashes, copies)
    try:
        parts = split_parts(labels, groups.tolist(), seed)
    except BadInput as fault:
        assert len(set(groups)) < 3 or max(map(labels.count, labels)) < 3, fault
        return
    assert set(parts) == set(PARTS)
    for ties in (smears, hashes, copies, groups.tolist()):
        seen = defaultdict(set)
        for tie, part in zip(ties, parts, strict=True):
            if tie != "":
                seen[tie].add(part)
        assert all(len(found) == 1 for found in seen.values())


@settings(max_examples=80, deadline=None)
@given(TIES)
def test_groups_are_the_finest_that_keep_ties_together(cells: list[tuple[int, int, int]]) -> None:
    smears = [f"{smear}" if smear < 10 else "" for smear, _, _ in cells]
    hashes = [f"{photograph}" for _, photograph, _ in cells]
    # Brute force: spread the lowest number over ties until nothing changes.
    expected = list(range(len(cells)))
    for _ in cells:
        for ties in (smears, hashes):
            for tie in set(ties) - {""}:
                rows = [row for row, name in enumerate(ties) if name == tie]
                for row in rows:
                    expected[row] = min(expected[other] for other in rows)
    order: dict[int, int] = {}
    assert group_numbers(smears, hashes).tolist() == [order.setdefault(group, len(order)) for group in expected]


def test_shares_strata_and_seed() -> None:
    labels = ["neutrophil"] * 700 + ["basophil"] * 300
    parts = split_parts(labels, range(1000), seed=1)
    assert [parts.count(part) for part in PARTS] == [700, 100, 200]
    basophils = [part for part, label in zip(parts, labels, strict=True) if label == "basophil"]
    assert [basophils.count(part) for part in PARTS] == [210, 30, 60]
    assert parts == split_parts(labels, range(1000), seed=1)
    assert parts != split_parts(labels, range(1000), seed=2)


def test_too_little_is_said() -> None:
    with pytest.raises(BadInput, match="'basophil'.*has 1 image"):
        check_enough(["neutrophil"] * 9 + ["basophil"])
    with pytest.raises(BadInput, match="2 smears"):
        split_parts(["neutrophil"] * 10, [0] * 5 + [1] * 5, 0)
    with pytest.raises(BadInput, match="no label with 3 cells"):
        split_parts(["neutrophil", "basophil", "monocyte"], range(3), 0)


def make_lab(out: Path) -> Path:
    """Eight smears of two fields of three cells; fields 4 and 5, of two smears, are the very same photograph."""
    (out / "images").mkdir(parents=True)
    (out / "records").mkdir()
    for number in range(16):
        shade = 4 if number == 5 else number
        cv2.imwrite(str(out / "images" / f"f{number:02d}.png"), np.full((60, 60, 3), 10 * shade, np.uint8))
        labels = ("monocyte", "basophil", "neutrophil")
        cells = tuple(Cell((20 * k, 0, 20 * k + 15, 15), {"a": label}) for k, label in enumerate(labels))
        smear = Smear(f"s{(number + 1) // 2 % 8}")
        write_field(out / "records" / f"f{number:02d}.json", Field(f"images/f{number:02d}.png", 60, 60, cells, smear))
    return out


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    return make_lab(tmp_path / "lab")


@pytest.fixture(scope="module")
def one_lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_lab(tmp_path_factory.mktemp("split") / "lab")


def drawn(lab: Path, seed: int = 0) -> list:
    data = read_dataset(lab)
    return draw_split(data, hash_photographs(lab, (item.name for item in data.items)), seed)


def faults(rows: list, lab: Path) -> list[str]:
    return split_faults(rows, lab, hash_photographs(lab, (row.image for row in rows)), read_dataset(lab).items)


def duplicates(lab: Path, *rows: tuple[str, str, str]) -> None:
    with (lab / "duplicates.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("image", "box", "component", "kept"), *((*row, "1") for row in rows)])


def test_a_split_is_read_back_and_holds(lab: Path) -> None:
    rows = drawn(lab)
    write_split(lab / "split.csv", rows)
    assert read_split(lab / "split.csv") == rows
    assert faults(rows, lab) == []
    assert rows[0].image == "images/f00.png" and rows[0].box == "0 0 15 15" and len(rows) == 48
    part = {row.image: row.part for row in rows}
    assert part["images/f04.png"] == part["images/f05.png"]
    data = read_dataset(lab)
    assert parts_of(lab / "split.csv", data, [row.sha256 for row in rows]) == [row.part for row in rows]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 47), st.integers(0, 4)), max_size=12), st.integers(0, 3))
def test_duplicate_groups_stay_together(one_lab: Path, pairs: list[tuple[int, int]], seed: int) -> None:
    (one_lab / "duplicates.csv").unlink(missing_ok=True)
    cells = [(row.image, row.box) for row in drawn(one_lab)]
    component = {cells[cell]: str(group) for cell, group in pairs}
    duplicates(one_lab, *((*cell, group) for cell, group in component.items()))
    try:
        rows = drawn(one_lab, seed)
    except BadInput as fault:
        assert "smear" in str(fault)
        return
    assert faults(rows, one_lab) == []
    crossing = defaultdict(set)
    for row in rows:
        if row.key in component:
            crossing[component[row.key]].add(row.part)
    assert all(len(parts) == 1 for parts in crossing.values())


def test_each_fault_is_named(lab: Path) -> None:
    rows = drawn(lab)
    train, test = (next(row for row in rows if row.part == part) for part in ("train", "test"))
    moved = [replace(row, part="test") if row is train else row for row in rows]
    said = faults(moved, lab)
    assert f"smear {train.smear}: crosses parts (train, test)" in said
    assert f"group {train.group}: crosses parts (train, test)" in said
    assert f"photograph with SHA-256 {train.sha256}: crosses parts (train, test)" in said

    duplicates(lab, (train.image, train.box, "7"), (test.image, test.box, "7"))
    assert faults(rows, lab) == ["duplicate group 7: crosses parts (train, test)"]
    duplicates(lab, (train.image, "", "8"), (test.image, "", "8"))
    assert faults(rows, lab) == ["duplicate group 8: crosses parts (train, test)"]
    (lab / "duplicates.csv").unlink()

    record = read_field(lab / "records" / "f00.json")
    write_field(
        lab / "records" / "f00.json", replace(record, cells=(*record.cells, Cell((0, 20, 9, 29), {"a": "band"})))
    )
    assert faults(rows, lab) == ["images/f00.png 0 20 9 29: is not in the split"]
    corrected = (Cell(record.cells[0].box, {"a": "eosinophil"}), record.cells[1])
    write_field(lab / "records" / "f00.json", replace(record, cells=corrected))
    assert faults(rows, lab) == []
    write_field(lab / "records" / "f00.json", replace(record, smear=Smear(test.smear)))
    other = next(row for row in rows if row.image == "images/f00.png").part
    assert faults(rows, lab) == ([] if other == "test" else [f"smear {test.smear}: crosses parts ({other}, test)"])
    write_field(lab / "records" / "f00.json", record)

    cv2.imwrite(str(lab / "images" / "f03.png"), np.zeros((60, 60, 3), np.uint8))
    assert faults(rows, lab) == ["images/f03.png: is not the photograph that was split (its SHA-256 differs)"]
    digests = hash_photographs(lab, (row.image for row in rows))
    digests.pop("images/f09.png")
    assert "images/f09.png: is gone" in split_faults(rows, lab, digests, ())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("image,part\n", "its first line must name the columns image, box, label"),
        ("image,box,label,smear,group,part,sha256\na,,monocyte,s,0,dev,x\n", "row 2: unknown part 'dev'"),
        ("image,box,label,smear,group,part,sha256\n" + "a,,monocyte,s,0,val,x\n" * 2, "row 3: a is there twice"),
        ("image,box,label,smear,group,part,sha256\na,,monocyte\n", "row 2: unknown part ''"),
        ("\x00\xff", "must name the columns|is no CSV"),
    ],
)
def test_a_file_that_is_no_split_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "split.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput, match=fault):
        read_split(tmp_path / "split.csv")
