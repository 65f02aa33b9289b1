"""Detectors on the command line: trained, judged and listed by the commands that classifiers have."""

import json
from collections.abc import Callable
from pathlib import Path


def test_train_evaluate_and_models(edge_wbc: Callable, drawn_lab: Path, tmp_path: Path) -> None:
    model = ("--model", "ssdlite320_mobilenet_v2", "--weights", "none", "--size", 64)
    train = ("train", drawn_lab, "--out", tmp_path / "run", *model, "--epochs", 1, "--batch", 8)
    said = edge_wbc(*train, "--json")
    assert said.code == 0
    facts = json.loads(said.out)
    assert facts["model"] == "ssdlite320_mobilenet_v2" and facts["recipe"]["epochs"] == 1
    assert "finished already" in edge_wbc(*train).err

    said = edge_wbc("evaluate", tmp_path / "run", drawn_lab, "--json")
    assert said.code == 0
    measured = json.loads(said.out)
    assert measured["fields"] == 36 and measured["cells"] == 216
    assert set(measured["recall_at_false_per_field"]) == {"0.05", "0.1", "1.0"}
    assert 0 <= measured["ap50_95"] <= measured["ap50"] <= 1
    said = edge_wbc("evaluate", tmp_path / "run", drawn_lab)
    assert "216 cells in 36 fields" in said.out and "not for diagnosis" in said.err

    listed = json.loads(edge_wbc("models", "--json").out)
    assert {row["model"] for row in listed["detectors"]} == {
        "ssdlite320_mobilenet_v2",
        "fasterrcnn_mobilenet_v2",
        "fasterrcnn_resnet50_fpn",
    }


def test_what_a_detector_cannot_use_is_refused(
    edge_wbc: Callable, drawn_lab: Path, small_detector: Path, tmp_path: Path
) -> None:
    detector = ("--model", "ssdlite320_mobilenet_v2", "--out", tmp_path / "run")
    said = edge_wbc("train", drawn_lab, *detector, "--recipe", "raabin")
    assert said.code == 2 and "say nothing to the detector" in said.err
    (tmp_path / "crops" / "neutrophil").mkdir(parents=True)
    said = edge_wbc("train", tmp_path / "crops", *detector)
    assert said.code == 2 and "no records of fields" in said.err and said.err.count("\n") == 1
    said = edge_wbc("evaluate", small_detector, tmp_path / "crops")
    assert said.code == 2 and "no records of fields" in said.err
    assert not (tmp_path / "run").exists()
