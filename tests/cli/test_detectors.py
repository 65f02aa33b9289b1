"""Detectors on the command line: trained, judged and listed by the commands that classifiers have."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_wbc.core.images import read_image
from edge_wbc.lab.detection import load_detector
from edge_wbc.lab.detection.detect import detect_kinds
from edge_wbc.lab.detection.models import set_input


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


def marked_anew(drawn_lab: Path, out: Path) -> Path:
    """The drawn lab with every third cell called a platelet."""
    shutil.copytree(drawn_lab, out)
    for file in (out / "records").glob("*.json"):
        record = json.loads(file.read_text())
        for cell in record["cells"][::3]:
            cell["votes"] = {"a": "platelet"}
        file.write_text(json.dumps(record))
    return out


def test_two_kinds_of_cells_at_inputs_of_many_sizes(
    edge_wbc: Callable, drawn_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, run = marked_anew(drawn_lab, tmp_path / "lab"), tmp_path / "run"
    sizes: list[int] = []
    monkeypatch.setattr(
        "edge_wbc.lab.detection.training.set_input",
        lambda network, size: (sizes.append(size), set_input(network, size)),
    )
    asked = ("--model", "ssdlite320_mobilenet_v2", "--weights", "none", "--size", 64, "--epochs", 1, "--batch", 2)
    said = edge_wbc("train", lab, "--out", run, *asked, "--finds", "white_cell,platelet", "--resize", "--json")
    facts = json.loads(said.out)
    assert set(sizes) <= {64, 96} and len(sizes) == 3 and sizes[-1] == 64
    kinds = facts["metrics"]["val"]["kinds"]
    assert set(kinds) == {"white_cell", "platelet"} and kinds["white_cell"]["cells"] == 2 * kinds["platelet"]["cells"]
    detector = load_detector(run)
    assert detector.thresholds == {kind: got["threshold"] for kind, got in kinds.items()}
    rgb = read_image(sorted((lab / "images").glob("*.jpg"))[0])
    white, platelets = detect_kinds(detector.network, rgb, detector.size, 2)
    assert len(white[0]) and len(platelets[0]) and not np.array_equal(white[1][:5], platelets[1][:5])
    told = edge_wbc("evaluate", run, lab).out
    assert "white_cell: 144 cells" in " ".join(told.split()) and "platelet: 72 cells" in " ".join(told.split())
    found = json.loads(edge_wbc("evaluate", run, lab, "--json").out)
    assert found["kinds"]["platelet"]["cells"] == 72 and found["cells"] == 144
    said = edge_wbc("export", run, "--out", tmp_path / "pack")
    assert said.code == 2 and "a pack holds white cells alone" in said.err and not (tmp_path / "pack").exists()


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


def test_a_pack_is_judged_looked_into_and_finds(
    edge_wbc: Callable, drawn_lab: Path, detector_pack: Path, small_detector: Path, tmp_path: Path
) -> None:
    by_run = json.loads(edge_wbc("evaluate", small_detector, drawn_lab, "--json").out)
    said = edge_wbc("evaluate", detector_pack, drawn_lab, "--kind", "onnx-fp32", "--json")
    assert said.code == 0 and abs(json.loads(said.out)["ap50"] - by_run["ap50"]) < 0.01
    said = edge_wbc("evaluate", detector_pack, drawn_lab)
    assert said.code == 0 and "216 cells in 36 fields" in said.out
    said = edge_wbc("evaluate", detector_pack, drawn_lab, "--kind", "tflite-fp16")
    assert said.code == 2 and "it holds: tflite-int8, onnx-fp32, onnx-int8" in said.err

    facts = json.loads(edge_wbc("pack", "inspect", detector_pack, "--json").out)
    assert facts["task"] == "detect" and len(facts["outputs"]["maps"]) == 4
    assert "AP50, val" in edge_wbc("pack", "inspect", detector_pack).out

    assert [(each["kind"], each["labels"], each["agrees"]) for each in facts["artefacts"]] == [
        (kind, ["white_cell"], True) for kind in ("tflite-int8", "onnx-fp32", "onnx-int8")
    ]

    said = edge_wbc("bench", detector_pack, "--runs", 2, "--json")
    assert said.code == 0, said.err
    timed = json.loads(said.out)["artefacts"]
    assert [(row["kind"], row["threads"]) for row in timed[:2]] == [("tflite-int8", 1), ("tflite-int8", 2)]
    assert len(timed) == 6 and all(0 < row["ms_median"] <= row["ms_p90"] and row["peak_bytes"] for row in timed)
    assert "one field, pixels to maps" in edge_wbc("bench", detector_pack, "--runs", 1).out

    found = ("find", drawn_lab / "images", "--out", tmp_path / "found", "--detector", detector_pack, "--json")
    said = edge_wbc(*found)
    assert said.code == 0 and len(json.loads(said.out)["images"]) == 36

    said = edge_wbc("classify", detector_pack, drawn_lab / "images")
    assert said.code == 2 and "holds a model to detect, not to classify" in said.err and said.err.count("\n") == 1
    said = edge_wbc("export", detector_pack, "--data", drawn_lab, "--out", tmp_path / "again")
    assert said.code == 2 and "holds a model to detect, not to classify" in said.err and said.err.count("\n") == 1


def test_export_tells_what_a_run_is(edge_wbc: Callable, small_detector: Path, tmp_path: Path) -> None:
    said = edge_wbc("export", small_detector, "--out", tmp_path / "pack", "--kinds", "tflite-int4")
    assert said.code == 2 and "unknown kind 'tflite-int4'" in said.err
    said = edge_wbc("export", small_detector, "--out", tmp_path / "pack", "--calibration", 0)
    assert said.code == 2 and "at least one field" in said.err
    said = edge_wbc("export", small_detector, "--out", tmp_path / "pack", "--data", tmp_path)
    assert said.code == 2 and "--data: a detector is proved on the fields of its own run" in said.err
    assert not (tmp_path / "pack").exists()
