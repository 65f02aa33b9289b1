"""`edge-wbc agree` on drawn cells, with a second expert who errs in known ways."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge_wbc.core.records import read_field, write_field
from edge_wbc.lab.datasets import read_dataset


@pytest.fixture
def voted(drawn_lab: Path, tmp_path: Path) -> Path:
    """The drawn lab with votes by ana (as drawn) and by ben, who errs in every fifth cell and skips every ninth."""
    lab = tmp_path / "lab"
    shutil.copytree(drawn_lab, lab)
    number = 0
    for file in sorted((lab / "records").iterdir()):
        record, cells = read_field(file), []
        for cell in record.cells:
            number += 1
            votes = {"ana": cell.votes["drawn"], "ben": "monocyte" if number % 5 == 0 else cell.votes["drawn"]}
            if number % 9 == 0:
                del votes["ben"]
            cells.append(replace(cell, votes=votes))
        write_field(file, replace(record, cells=tuple(cells)))
    return lab


def test_one_dataset(edge_wbc: Callable, voted: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = edge_wbc("agree", voted, "--out", out, "--json")
    assert said.code == 0, said.err
    facts = json.loads(said.out)
    assert facts["experts"] == ["ana", "ben"] and facts["cells"] == 216
    assert facts["labelled_by_both"]["cells"] == facts["named_by_both"]["cells"] == 216 - 24
    adjudicate = list(csv.DictReader((out / "adjudicate.csv").open()))
    assert len(adjudicate) == 192 - facts["labelled_by_both"]["agreed"] > 10
    assert all(row["ben"] == "monocyte" != row["ana"] for row in adjudicate)
    page = (out / "agreement.html").read_text()
    assert "not for diagnosis" in page and "rgba(9, 105, 218" in page and "rgba(207, 34, 46" in page

    subset = read_dataset(out / "double_labelled")
    assert len(subset.items) == facts["labelled_by_both"]["agreed"]
    kept = [cell for file in (out / "double_labelled" / "records").iterdir() for cell in read_field(file).cells]
    assert len(kept) == 192 and all(set(cell.votes) == {"ana", "ben"} for cell in kept)

    shown = edge_wbc("agree", voted, "--experts", "ben,ana", "--out", out)
    assert shown.code == 0 and "216 cells; rows ben, columns ana" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    assert "research use, not for diagnosis" in shown.err


def test_blind_copies_give_the_same_again(edge_wbc: Callable, voted: Path, tmp_path: Path) -> None:
    for expert in ("ana", "ben"):
        said = edge_wbc("agree", voted, "--blind", expert, "--out", tmp_path / expert, "--json")
        assert json.loads(said.out)["votes_taken_out"] == {"ana": 192, "ben": 216}[expert]
        cells = [cell for file in (tmp_path / expert / "records").iterdir() for cell in read_field(file).cells]
        assert len(cells) == 216 and set().union(*(cell.votes for cell in cells)) == {expert}
        assert len(list((tmp_path / expert / "images").iterdir())) == 36
    together = edge_wbc("agree", voted, "--json").out
    assert edge_wbc("agree", tmp_path / "ana", tmp_path / "ben", "--json").out == together
    out = tmp_path / "out"
    renamed = edge_wbc("agree", tmp_path / "ana", tmp_path / "ben", "--experts", "x,y", "--out", out, "--json")
    assert json.loads(renamed.out)["experts"] == ["x", "y"]
    assert len(read_dataset(out / "double_labelled").items) == json.loads(together)["labelled_by_both"]["agreed"]


def test_two_csvs(edge_wbc: Callable, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "labels.csv").write_text("image,label\n1.png,band\n2.png,unknown\n3.png,mono\n")
    (tmp_path / "b" / "labels.csv").write_text("image,label\n1.png,neut\n2.png,mono\n3.png,mono\n")
    files = (tmp_path / "a" / "labels.csv", tmp_path / "b" / "labels.csv")
    clash = edge_wbc("agree", *files)
    assert clash.code == 2 and "name the experts with --experts a,b" in clash.err
    out = tmp_path / "out"
    said = edge_wbc("agree", *files, "--experts", "ana,ben", "--out", out, "--json")
    facts = json.loads(said.out)
    assert (facts["labelled_by_both"]["cells"], facts["named_by_both"]["cells"]) == (3, 2)
    assert (out / "double_labelled" / "list.csv").read_text().splitlines() == [
        "image,box,smear,ana,ben",
        "1.png,,,band,neutrophil",
        "3.png,,,monocyte,monocyte",
    ]


def test_faults(edge_wbc: Callable, voted: Path, tmp_path: Path) -> None:
    assert "does not name two" in edge_wbc("agree", voted, "--experts", "ana").err
    assert "no votes by 'eve'" in edge_wbc("agree", voted, "--experts", "ana,eve").err
    assert edge_wbc("agree", voted, "--blind", "ana").code == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    for command in (("agree", voted), ("agree", voted, "--blind", "ana")):
        assert edge_wbc(*command, "--out", tmp_path / "mine").code == 2
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "mine"
    next((voted / "images").iterdir()).unlink()
    gone = edge_wbc("agree", voted, "--blind", "ana", "--out", tmp_path / "blind")
    assert gone.code == 2 and "missing photograph" in gone.err
    assert not any(path.name.startswith((".blind", "blind")) for path in tmp_path.iterdir())
