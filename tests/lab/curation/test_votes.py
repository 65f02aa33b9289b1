"""Votes from every form of file, and the same cell recognised in two of them."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import Cell, Field, Smear, write_field
from edge_wbc.lab.curation.votes import Voted, merge_votes, of_one_expert, pair_votes, read_votes, two_experts


def records(path: Path, **fields: tuple[Cell, ...]) -> Path:
    (path / "records").mkdir(parents=True)
    for name, cells in fields.items():
        write_field(path / "records" / f"{name}.json", Field(f"images/{name}.png", 200, 200, cells, Smear("s1")))
    return path


def test_records_keep_every_vote_and_every_cell(tmp_path: Path) -> None:
    cells = (
        Cell((0, 0, 20, 20), {"ana": "band", "ben": "neutrophil"}),
        Cell((30, 0, 50, 20), {"ana": "burst"}),
        Cell((60, 0, 80, 20)),
    )
    read = read_votes(records(tmp_path, f=cells))
    assert two_experts(read, [], tmp_path) == ("ana", "ben")
    assert two_experts(read, ["ben", "ana"], tmp_path) == ("ben", "ana")
    votes = pair_votes(read, ("ana", "ben"))
    assert [(vote.first, vote.second) for vote in votes] == [
        ("band", "neutrophil"),
        ("burst", "not_labelled"),
        ("not_labelled", "not_labelled"),
    ]
    assert votes[0].image == "f.png" and votes[0].box == (0, 0, 20, 20) and votes[0].smear == "s1"
    with pytest.raises(BadInput, match="no votes by 'eve'; its experts are: ana, ben"):
        two_experts(read, ["ana", "eve"], tmp_path)
    with pytest.raises(BadInput, match="votes by ana, ben; choose an expert of each"):
        of_one_expert(read, None, tmp_path)
    with pytest.raises(BadInput, match=r"votes by 3 experts \(ana, ben, cy\); choose two"):
        two_experts([*read, Voted("g.png", None, {"cy": "band"})], [], tmp_path)
    alone, _ = of_one_expert(read, "ana", tmp_path)
    with pytest.raises(BadInput, match=r"votes by 1 expert \(ana\); give the other"):
        two_experts(alone, [], tmp_path)


def test_two_files_of_one_field_are_matched_by_overlap(tmp_path: Path) -> None:
    ana = records(
        tmp_path / "a",
        f=(Cell((0, 0, 40, 40), {"ana": "band"}), Cell((30, 0, 70, 40), {"ana": "burst"}), Cell((150, 150, 190, 190))),
    )
    (tmp_path / "ben.csv").write_text(
        "image,box,label\nf.png,31 2 71 42,Burst\nimages/f.png,2 1 41 42,neut\nf.png,100 100 140 140,mono\n"
    )
    first, _ = of_one_expert(read_votes(ana), None, ana)
    second, name = of_one_expert(read_votes(tmp_path / "ben.csv"), None, tmp_path / "ben.csv")
    assert name == "ben"
    merged = {cell.box: dict(cell.votes) for cell in merge_votes(first, second)}
    assert merged == {
        (0, 0, 40, 40): {"ana": "band", "ben": "neutrophil"},
        (30, 0, 70, 40): {"ana": "burst", "ben": "burst"},
        (150, 150, 190, 190): {},
        (100, 100, 140, 140): {"ben": "monocyte"},
    }


BOXES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(5, 40), st.integers(5, 40)).map(
        lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
    ),
    max_size=8,
    unique=True,
)


@settings(max_examples=80, deadline=None)
@given(BOXES, BOXES, st.randoms())
def test_no_vote_is_lost_or_doubled(ours: list, others: list, shuffle) -> None:
    first = [Voted("f", box, {"a": "band"}) for box in ours]
    second = [Voted("f", box, {"b": "burst"}) for box in others]
    merged = merge_votes(first, second)
    assert sum("a" in cell.votes for cell in merged) == len(ours)
    assert sum("b" in cell.votes for cell in merged) == len(others)
    back = merge_votes(second, first)
    assert len(back) == len(merged)
    shuffled = list(first)
    shuffle.shuffle(shuffled)
    whole = merge_votes(first, [replace(cell, votes={"b": "burst"}) for cell in shuffled])
    assert len(whole) == len(ours) and all(len(cell.votes) == 2 for cell in whole)


def test_class_folders_and_photographs_of_one_cell(tmp_path: Path) -> None:
    for expert, labels in (("ana", ("Neutrophil", "Band")), ("ben", ("Neutrophil", "Neutrophil"))):
        for number, label in enumerate(labels):
            (tmp_path / expert / label).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / expert / label / f"{number}.png"), np.zeros((9, 9, 3), np.uint8))
    (first, a), (second, b) = (
        of_one_expert(read_votes(tmp_path / name), None, tmp_path / name) for name in ("ana", "ben")
    )
    votes = pair_votes(merge_votes(first, second), (a, b))
    said = {vote.image: (vote.first, vote.second) for vote in votes}
    assert said == {"0.png": ("neutrophil", "neutrophil"), "1.png": ("band", "neutrophil")}
    boxed = [Voted("1.png", (1, 1, 8, 8), {"cy": "band"})]
    assert len(merge_votes(first, boxed)) == 2
    (tmp_path / "ana" / "Band" / "0.png").write_bytes(b"")
    with pytest.raises(BadInput, match="0.png: is in two class folders"):
        read_votes(tmp_path / "ana")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("image\na.png\n", "must name the columns image and label"),
        ("image,label\na.png,neutrofil\n", "row 2: unknown label 'neutrofil'; did you mean 'neutrophil'"),
        ("image,label\na.png,band\na.png,burst\n", "row 3: names a cell twice"),
        ("image,label,box\na.png,band,1 2 3\n", "row 2: box '1 2 3' is not four whole numbers"),
        ("image,label,box\na.png,band,5 2 3 4\n", "row 2: box '5 2 3 4' is reversed"),
        ("image,label\n,band\n", "row 2: image or label is empty"),
        ("image,label\n", "no cells in it"),
        ("image,label\n\x81,\xff\n", "is no CSV"),
    ],
)
def test_each_fault_is_named_with_its_row(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "labels.csv").write_bytes(text.encode("latin-1"))
    for path in (tmp_path, tmp_path / "labels.csv"):
        with pytest.raises(BadInput, match=fault):
            read_votes(path)


def test_nothing_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file or folder"):
        read_votes(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="no votes in it"):
        read_votes(tmp_path)
    (tmp_path / "records").mkdir()
    with pytest.raises(BadInput, match="no cells in these records"):
        read_votes(tmp_path)
