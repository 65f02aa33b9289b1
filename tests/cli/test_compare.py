"""`edge-wbc compare`: its tables, its JSON, and one line for what a person can mend."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.comparison.systems import System


@pytest.fixture
def lab(other_lab: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(other_lab, tmp_path / "lab"))


def one_line(said, *parts: str) -> None:  # type: ignore[no-untyped-def]
    assert said.code == 2 and said.out == "", said
    lines = [line for line in said.err.splitlines() if line.startswith("edge-wbc:")]
    assert len(lines) == 1 and all(part in lines[0] for part in parts), said.err


def test_tables_files_and_a_second_lab(edge_wbc: Callable, lab: Path, drawn_lab: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    asked = ("compare", f"here={lab}", "--models", "knn, tree", "--size", 24, "--seeds", 2, "--out", out)
    said = edge_wbc(*asked, "--test-b", f"away={drawn_lab}")
    assert said.code == 0, said.err
    for words in ("Accuracy in percent", "Raabin-WBC, Table 8", "Yu et al., Table III", "Course report", "Chossegros"):
        assert words in said.out
    assert "away" in said.out and "publ" in said.out and "82.9" in said.out
    assert "not for diagnosis" in said.err and max(map(len, said.out.splitlines())) <= 80
    names = {path.name for path in out.iterdir()}
    assert {"report.html", "report.md", "results.json", "figures.csv", "tables"} <= names and "curves.png" not in names
    again = edge_wbc(*asked, "--test-b", f"away={drawn_lab}", "--json")
    facts = json.loads(again.out)
    assert "fitting" not in again.err
    assert list(facts["data"]["parts"]) == ["test-A", "away"] and facts["seeds"] == [0, 1]
    assert len(facts["systems"]["tree"]["parts"]["away"]) == 2
    assert facts["note"] == "research use, not for diagnosis"
    # A lab that is no longer asked for has no table left over.
    assert (out / "tables" / "raabin-9-away.csv").is_file()
    assert edge_wbc(*asked).code == 0 and not (out / "tables" / "raabin-9-away.csv").exists()


def test_yus_seven_classes_are_told_apart(edge_wbc: Callable, lab: Path, tmp_path: Path) -> None:
    (lab / "monocyte").rename(lab / "band")
    (lab / "basophil").rename(lab / "atypical lymphocyte")
    asked = ("--models", "knn,mobilenet_v2", "--recipe", "scratch", "--weights", "none", "--epochs", 1, "--batch", 8)
    out = tmp_path / "out"
    said = edge_wbc("compare", lab, *asked, "--labels", "7", "--size", 32, "--out", out, "--json")
    assert said.code == 0, said.err
    assert list(json.loads(said.out)["systems"]["knn"]["parts"]["test-A"][0]["per_class"]) == [
        "small_lymphocyte", "eosinophil", "large_lymphocyte", "neutrophil", "band"
    ]  # fmt: skip
    # The network of seven is judged in the five that other labs have, its bands as neutrophils.
    run = out / "runs" / "mobilenet_v2-seed0"
    found = json.loads(edge_wbc("evaluate", run, lab, "--json").out)
    assert set(found["labels"]) <= {"neutrophil", "lymphocyte", "eosinophil"} and found["n"] == 41
    said = edge_wbc("adapt", run, lab, "--shots", 5, "--out", tmp_path / "adapted")
    one_line(said, "band", "--labels 5")
    one_line(edge_wbc("compare", lab, *asked, "--labels", "8", "--out", out), "'8' is no set of classes")


def test_budget_is_no_fault(edge_wbc: Callable, lab: Path, tmp_path: Path) -> None:
    said = edge_wbc("compare", lab, "--models", "knn,tree", "--size", 24, "--budget", 0, "--out", tmp_path / "out")
    assert said.code == 0 and "not run" in said.out and "the budget left 2 out: knn-seed0, tree-seed0" in said.err


def test_one_failed_system_is_told_of_at_the_end(
    edge_wbc: Callable, lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*rest: object) -> None:
        raise BadInput("knn", "cannot be fitted")

    fit = System.fit
    monkeypatch.setattr(System, "fit", lambda self, *rest: (fail if self.name == "knn" else fit)(self, *rest))
    said = edge_wbc("compare", lab, "--models", "knn,tree", "--size", 24, "--out", tmp_path / "out")
    assert said.code == 1 and "1 of 2 systems failed: knn" in said.err and "tree" in said.out


def test_what_a_person_can_mend(edge_wbc: Callable, lab: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "out")
    one_line(edge_wbc("compare", lab, "--models", "resnet19", *out), "--models", "'resnet19'", "one of: mobilenet_v2")
    one_line(edge_wbc("compare", lab, "--models", ",", *out), "--models", "none given")
    one_line(edge_wbc("compare", lab, "--models", "mobilenet_v2", "--recipe", "magic", *out), "--recipe", "raabin")
    one_line(edge_wbc("compare", lab, "--models", "mobilenet_v2", "--epochs", 0, *out), "must be positive")
    one_line(edge_wbc("compare", lab, "--models", "knn", "--seeds", 0, *out), "--seeds")
    one_line(edge_wbc("compare", lab, "--models", "knn", "--weights", "mine", *out), "--weights")
    one_line(edge_wbc("compare", tmp_path / "gone", "--models", "knn", *out), "gone", "no such folder")
    (tmp_path / "empty").mkdir()
    one_line(edge_wbc("compare", tmp_path / "empty", "--models", "knn", *out), "empty", "no labelled images")
    one_line(edge_wbc("compare", lab, "--models", "knn", "--test-b", tmp_path / "empty", *out), "no labelled images")
    (lab / "neutrophil").rename(lab / "neutrofil")
    one_line(edge_wbc("compare", lab, "--models", "knn", *out), "neutrofil", "did you mean 'neutrophil'?")
    (lab / "neutrofil").rename(lab / "neutrophil")
    assert not (tmp_path / "out").exists()
    for number in range(2, 9):
        (lab / "basophil" / f"{number}.png").unlink()
    one_line(
        edge_wbc("compare", lab, "--models", "knn", "--size", 24, *out), "'basophil'", "1 image", "remove the class"
    )
    bad = lab / "monocyte" / "bad.jpg"
    shutil.rmtree(lab / "basophil")
    bad.write_bytes(b"not a picture")
    one_line(edge_wbc("compare", lab, "--models", "knn", "--size", 24, *out), str(bad))


def test_one_process(edge_wbc: Callable, lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    one_line(edge_wbc("compare", lab, "--models", "knn", "--out", tmp_path / "out"), "torchrun", "one process")
