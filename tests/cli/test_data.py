"""`edge-wbc data`: exit code 0 clean, 1 faults found or left out, 2 nothing to work on; --json prints one object."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Nine photographs of three classes, sound."""
    path = tmp_path / "set"
    (path / "images").mkdir(parents=True)
    rows = []
    for number in range(9):
        drawn = np.random.default_rng(number).integers(0, 255, (40, 40, 3), np.uint8)
        cv2.imwrite(str(path / "images" / f"{number}.png"), drawn)
        rows.append(f"{number}.png,{('neut', 'mono', 'eos')[number % 3]}\n")
    (path / "labels.csv").write_text("image,label\n" + "".join(rows))
    return path


def spoil(path: Path) -> None:
    with (path / "labels.csv").open("a") as file:
        file.write("gone.png,neut\n1.png,neutrofil\n")


def test_in_check_and_out(edge_wbc: Callable, table: Path, tmp_path: Path) -> None:
    said = edge_wbc("data", "import", "csv", table, "--out", tmp_path / "in")
    assert said.code == 0 and "9" in said.out, said.err
    said = edge_wbc("data", "check", tmp_path / "in")
    assert (said.code, said.out) == (0, "") and "no faults" in said.err
    said = edge_wbc("data", "export", "folder", tmp_path / "in", "--out", tmp_path / "out")
    assert said.code == 0 and "9 photographs and 9 cells" in said.err
    assert len(list((tmp_path / "out" / "monocyte").iterdir())) == 3


def test_faults_are_left_out_and_the_exit_code_tells(edge_wbc: Callable, table: Path, tmp_path: Path) -> None:
    spoil(table)
    said = edge_wbc("data", "import", "csv", table, "--out", tmp_path / "in", "--json")
    found = json.loads(said.out)
    assert said.code == 1 and "2 faults left out, 9 photographs written" in said.err
    assert (found["photographs"], found["cells"], found["kept"]) == (9, 9, 0)
    assert [(fault["row"], fault["remedy"]) for fault in found["faults"]] == [
        ("row 11", "put it back or remove what names it"),
        ("row 12", "did you mean 'neutrophil'?"),
    ]
    assert all(fault["file"] == str(table / "labels.csv") for fault in found["faults"])
    assert edge_wbc("data", "check", tmp_path / "in").code == 0


def test_strict_stops_at_the_first(edge_wbc: Callable, table: Path, tmp_path: Path) -> None:
    spoil(table)
    said = edge_wbc("data", "import", "csv", table, "--out", tmp_path / "in", "--strict")
    assert said.code == 2 and said.out == "" and "labels.csv: row 11" in said.err and "row 12" not in said.err
    assert not (tmp_path / "in").exists()
    said = edge_wbc("data", "check", table, "--strict", "--json")
    assert said.code == 1 and [fault["row"] for fault in json.loads(said.out)["faults"]] == ["row 11"]


def test_check_lists_one_fault_a_line(edge_wbc: Callable, table: Path) -> None:
    spoil(table)
    said = edge_wbc("data", "check", table)
    assert said.code == 1 and "2 faults" in said.err
    assert said.out.splitlines() == [
        f"{table}/labels.csv: row 11: names a missing photograph 'gone.png'; put it back or remove what names it",
        f"{table}/labels.csv: row 12: unknown label 'neutrofil'; did you mean 'neutrophil'?",
    ]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("import", "yollo", ".", "--out", "o"), "did you mean 'yolo'?"),
        (("import", "coco", ".", "--out", "o"), "annotations.json"),
        (("export", "coc", ".", "--out", "o"), "cannot be written"),
        (("check", "nowhere"), "no such folder"),
    ],
)
def test_bad_input(
    arguments: tuple[str, ...], word: str, edge_wbc: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = edge_wbc("data", *arguments)
    assert said.code == 2 and said.out == "" and word in said.err
    assert len([line for line in said.err.splitlines() if line.startswith("edge-wbc:")]) == 1
    assert not (tmp_path / "o").exists()


def test_help_names_every_format(edge_wbc: Callable) -> None:
    from edge_wbc.lab.datasets.exporting import WRITABLE
    from edge_wbc.lab.datasets.formats import FORMATS

    for command, names in (("import", FORMATS), ("export", WRITABLE)):
        words = edge_wbc("data", command, "--help").out.replace(",", " ").replace(".", " ").split()
        assert set(names) <= set(words)
