"""`edge-wbc adapt`: its JSON, its tables, and one line for what a person can mend."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("quick_adaptation")


def test_json_and_a_run_that_evaluate_takes(
    edge_wbc: Callable, weights_pack: Path, other_lab: Path, tmp_path: Path
) -> None:
    said = edge_wbc("adapt", weights_pack, other_lab, "--shots", 10, "--out", tmp_path / "out", "--json")
    assert said.code == 0, said.err
    facts = json.loads(said.out)
    assert sum(facts["shots"].values()) == 10 and facts["parts"]["train"] == 10
    assert {"metrics", "before", "seconds", "recipe", "adapted_from", "calibrated_on", "temperature"} <= set(facts)
    again = edge_wbc("evaluate", tmp_path / "out", other_lab, "--json")
    assert again.code == 0 and json.loads(again.out)["n"] == 41


def test_tables(edge_wbc: Callable, small_run: Path, other_lab: Path, tmp_path: Path) -> None:
    said = edge_wbc("adapt", small_run, other_lab, "--shots", 10, "--out", tmp_path / "some")
    assert said.code == 0 and "before" in said.out and "after" in said.out and "not for diagnosis" in said.err
    shutil.copytree(other_lab / "monocyte", tmp_path / "loose" / "slide")
    said = edge_wbc("adapt", small_run, tmp_path / "loose", "--shots", 0, "--out", tmp_path / "none")
    assert said.code == 0 and "unlabelled" in said.out and "no labelled cell is left" in said.err


def one_line(said, *parts: str) -> None:  # type: ignore[no-untyped-def]
    assert said.code == 2 and said.out == "", said
    lines = [line for line in said.err.splitlines() if line.startswith("edge-wbc:")]
    assert len(lines) == 1 and all(part in lines[0] for part in parts), said.err


def test_what_a_person_can_mend(
    edge_wbc: Callable, small_run: Path, weights_pack: Path, other_lab: Path, tmp_path: Path
) -> None:
    out = ("--out", tmp_path / "out")
    one_line(edge_wbc("adapt", small_run, other_lab, "--shots", 99, *out), "has 40 different", "ask for fewer")
    one_line(edge_wbc("adapt", small_run, other_lab, "--method", "magic", *out), "--method", "mobile, chossegros")
    one_line(edge_wbc("adapt", small_run, tmp_path / "gone", *out), "gone", "no such folder")
    data = shutil.copytree(other_lab, tmp_path / "data")
    (data / "monocyte").rename(data / "monozyte")
    one_line(edge_wbc("adapt", small_run, data, "--shots", 5, *out), "monozyte", "did you mean 'monocyte'")
    light = tmp_path / "light"
    shutil.copytree(weights_pack, light)
    facts = json.loads((light / "pack.json").read_text())
    del facts["files"]["weights.safetensors"]
    (light / "pack.json").write_text(json.dumps(facts))
    (light / "weights.safetensors").unlink()
    one_line(edge_wbc("adapt", light, other_lab, *out), "carries no weights.safetensors", "--kinds tflite-int8,weights")
    assert not (tmp_path / "out" / "run.json").exists()
