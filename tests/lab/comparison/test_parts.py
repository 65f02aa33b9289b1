"""The cells of a comparison: split once, cut once, and refused by name."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edge_wbc
from edge_wbc.core.errors import BadInput
from edge_wbc.lab.comparison import parts
from edge_wbc.lab.comparison.parts import code_digest, cut_parts
from edge_wbc.lab.datasets import Dataset, read_dataset
from edge_wbc.lab.datasets.splitfile import SplitRow, read_split, write_split


@pytest.fixture
def lab(other_lab: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(other_lab, tmp_path / "lab"))


def data(path: Path) -> Dataset:
    return read_dataset(path, only="5")


def test_copies_stay_together_and_a_fifth_is_for_test(lab: Path, tmp_path: Path) -> None:
    found = cut_parts(data(lab), [], tmp_path / "out", 24, 0)
    rows = read_split(tmp_path / "out" / "parts" / "split.csv")
    part = {row.image: row.part for row in rows}
    assert part["monocyte/1.png"] == part["monocyte/copy.png"]
    assert len(found.tests[0].truth) / len(rows) == pytest.approx(0.2, abs=0.05)
    assert len(found.learn_truth) / len(rows) == pytest.approx(0.7, abs=0.06)
    assert found.labels == ("neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil")
    assert found.learn_pixels.shape == (len(found.learn_truth), 24, 24, 3)


def test_smears_stay_together(drawn_lab: Path, tmp_path: Path) -> None:
    cut_parts(data(drawn_lab), [], tmp_path / "out", 24, 0)
    rows = read_split(tmp_path / "out" / "parts" / "split.csv")
    parts_of: dict[str, set[str]] = {}
    for row in rows:
        parts_of.setdefault(row.smear, set()).add(row.part)
    assert len(parts_of) == 12 and all(len(found) == 1 for found in parts_of.values())


def test_cut_once(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = cut_parts(data(lab), [], tmp_path / "out", 24, 0)

    def never(*rest: object) -> None:
        raise AssertionError("cut again")

    with monkeypatch.context() as patched:
        patched.setattr(parts, "cut_sources", never)
        again = cut_parts(data(lab), [], tmp_path / "out", 24, 0)
        assert again.digest == first.digest
        np.testing.assert_array_equal(again.learn_pixels, first.learn_pixels)
        for change in ({"size": 32, "seed": 0}, {"size": 24, "seed": 1}):
            with pytest.raises(AssertionError, match="cut again"):
                cut_parts(data(lab), [], tmp_path / "out", **change)
    relabelled = data(lab)
    items = (replace(relabelled.items[0], label="monocyte"), *relabelled.items[1:])
    assert cut_parts(replace(relabelled, items=items), [], tmp_path / "out", 24, 0).digest != first.digest


def test_the_datasets_own_split_is_kept(lab: Path, tmp_path: Path) -> None:
    cut_parts(data(lab), [], tmp_path / "one", 24, 5)
    rows = read_split(tmp_path / "one" / "parts" / "split.csv")
    write_split(lab / "split.csv", rows)
    cut_parts(data(lab), [], tmp_path / "two", 24, 0)
    assert read_split(tmp_path / "two" / "parts" / "split.csv") == rows


def test_other_labs_are_judged_alone(lab: Path, drawn_lab: Path, tmp_path: Path) -> None:
    away = replace(data(drawn_lab), domain="away")
    found = cut_parts(data(lab), [away], tmp_path / "out", 24, 0)
    assert [part.name for part in found.tests] == ["test-A", "away"]
    assert found.tests[1].truth == tuple(item.label for item in away.items)


def refused(*arguments: object) -> str:
    with pytest.raises(BadInput) as raised:
        cut_parts(*arguments)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_what_cannot_be_compared_on(lab: Path, other_lab: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "copied" / "monocyte").mkdir(parents=True)
    shutil.copy(lab / "monocyte" / "3.png", tmp_path / "copied" / "monocyte" / "x.png")
    said = refused(data(lab), [data(tmp_path / "copied")], out, 24, 0)
    assert "x.png" in said and "is a copy of DATA's monocyte/3.png" in said
    said = refused(data(lab), [replace(data(other_lab), domain="test-A")], out, 24, 0)
    assert "another name" in said
    for number in range(2, 9):
        (lab / "basophil" / f"{number}.png").unlink()
    assert "'basophil'" in refused(data(lab), [], tmp_path / "new", 24, 0)
    for label in ("basophil", "lymphocyte", "monocyte", "eosinophil"):
        shutil.rmtree(lab / label)
    assert "one class alone" in refused(data(lab), [], tmp_path / "new", 24, 0)


def test_a_class_in_no_training_part_is_named(lab: Path, tmp_path: Path) -> None:
    cut_parts(data(lab), [], tmp_path / "one", 24, 0)
    rows = read_split(tmp_path / "one" / "parts" / "split.csv")
    mine = [replace(row, part="test" if row.label == "basophil" else row.part, group="") for row in rows]
    write_split(lab / "split.csv", [SplitRow(*vars(row).values()) for row in mine])
    assert "'basophil': is in no training part" in refused(data(lab), [], tmp_path / "two", 24, 0)


def test_code_has_a_version_by_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert code_digest("core") == code_digest("core") != code_digest("core", "lab/models")
    assert code_digest("core").startswith(edge_wbc.__version__ + "+")
    root = tmp_path / "edge_wbc"
    (root / "core").mkdir(parents=True)
    (root / "core" / "a.py").write_text("1")
    monkeypatch.setattr(edge_wbc, "__file__", str(root / "__init__.py"))
    before = code_digest("core")
    (root / "core" / "a.py").write_text("2")
    assert code_digest("core") != before
