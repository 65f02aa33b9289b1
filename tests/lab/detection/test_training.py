"""A detector learns, goes on after a kill to the very same weights, and finds cells with its run."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import read_image
from edge_wbc.core.records import in_field
from edge_wbc.lab.detection import (
    DetectorOptions,
    detect_cells,
    is_detector_run,
    load_detector,
    read_fields,
    train_detector,
)
from edge_wbc.lab.detection.detect import detect_boxes

OPTIONS = DetectorOptions(weights="none", epochs=2, batch=8, size=64)


def test_run_folder_holds_what_later_commands_need(small_detector: Path) -> None:
    assert {file.name for file in small_detector.iterdir()} == {
        "plan.json",
        "run.json",
        "weights.safetensors",
        "fields.csv",
        "curves.csv",
        "curves.png",
    }
    facts = json.loads((small_detector / "run.json").read_text())
    assert facts["model"] == "ssdlite320_mobilenet_v2" and facts["size"] == 64
    assert 0 < facts["threshold"] <= 1
    with (small_detector / "fields.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 36 == sum(facts["parts"].values())
    parts: dict[str, set[str]] = {}
    for row in rows:
        parts.setdefault(row["smear"], set()).add(row["part"])
    assert all(len(found) == 1 for found in parts.values()) and set.union(*parts.values()) == {"train", "val"}


def test_losses_fall(small_detector: Path) -> None:
    with (small_detector / "curves.csv").open(newline="") as stream:
        losses = [float(row["train_loss"]) for row in csv.DictReader(stream)]
    assert len(losses) == 2 and losses[1] < 0.95 * losses[0]


def test_killed_and_resumed_equals_uninterrupted(
    drawn_lab: Path, small_detector: Path, tmp_path: Path, killed_in_epoch_2: Callable, same_weights: Callable
) -> None:
    out = tmp_path / "run"
    killed_in_epoch_2(
        "from edge_wbc.lab.detection import DetectorOptions, read_fields, train_detector\n"
        "train_detector(read_fields(Path(sys.argv[1])), Path(sys.argv[2]),\n"
        "               DetectorOptions(weights='none', epochs=2, batch=8, size=64), log=kill)\n",
        drawn_lab,
        out,
    )
    with pytest.raises(BadInput, match="it goes on"):
        load_detector(out)
    said: list[str] = []
    facts = train_detector(read_fields(drawn_lab), out, OPTIONS, log=said.append)
    assert "goes on after epoch 1 of 2" in said
    assert same_weights(small_detector, out)
    assert facts["metrics"] == json.loads((small_detector / "run.json").read_text())["metrics"]
    # Once more, it is finished.
    assert train_detector(read_fields(drawn_lab), out, OPTIONS, log=said.append)["threshold"] == facts["threshold"]
    assert "finished already" in said[-1]


def test_cells_are_boxes_of_the_photograph_above_the_threshold(drawn_lab: Path, small_detector: Path) -> None:
    rgb = read_image(sorted((drawn_lab / "images").iterdir())[0])
    detector = load_detector(small_detector)
    boxes, scores = detect_boxes(detector.network, [rgb], detector.size)[0]
    every = detect_cells(rgb, detector, threshold=0.0)
    # Less than a pixel of some boxes lies in the field.
    inside = [in_field(tuple(box), rgb.shape[1], rgb.shape[0]) for box in boxes.tolist()]
    assert sorted(cell.box for cell in every) == sorted(box for box in inside if box) and len(every) > 1
    areas = [(cell.box[2] - cell.box[0]) * (cell.box[3] - cell.box[1]) for cell in every]
    assert areas == sorted(areas, reverse=True)
    assert max(cell.box[2] for cell in every) > detector.size, "boxes are in pixels of the photograph"
    # A threshold between two scores parts the cells.
    least = float(np.median([cell.score for cell in every]))
    few = detect_cells(rgb, detector, least)
    assert 0 < len(few) < len(every) and {cell.box for cell in few} < {cell.box for cell in every}
    assert sum(scores >= detector.threshold) >= len(detect_cells(rgb, detector))
    assert all(
        cell.cut == (min(cell.box[:2]) <= 1 or cell.box[2] >= rgb.shape[1] - 1 or cell.box[3] >= rgb.shape[0] - 1)
        for cell in every
    )


def test_faster_rcnn_trains(drawn_lab: Path, tmp_path: Path) -> None:
    model = "fasterrcnn_mobilenet_v2"
    facts = train_detector(read_fields(drawn_lab), tmp_path / "run", replace(OPTIONS, model=model, epochs=1))
    assert load_detector(tmp_path / "run").model == facts["model"] == model


def test_public_weights_stay_where_they_are_frozen(
    drawn_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.models import MobileNet_V2_Weights, WeightsEnum, mobilenet_v2

    torch.manual_seed(3)
    public = mobilenet_v2(weights=None).state_dict()
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: public)
    assert MobileNet_V2_Weights.IMAGENET1K_V1.get_state_dict() is public
    facts = train_detector(read_fields(drawn_lab), tmp_path / "run", replace(OPTIONS, weights="imagenet", epochs=1))
    assert facts["weights"] == "imagenet"
    trained = safetensors.torch.load_file(tmp_path / "run" / "weights.safetensors")
    assert torch.equal(trained["backbone.stages.0.0.0.weight"], public["features.0.0.weight"])
    assert torch.equal(trained["backbone.stages.0.6.conv.1.1.running_mean"], public["features.6.conv.1.1.running_mean"])
    assert not torch.equal(trained["backbone.stages.0.6.conv.1.0.weight"], public["features.6.conv.1.0.weight"])


def test_weights_that_cannot_be_had_are_said(drawn_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    said: list[str] = []
    options = replace(OPTIONS, weights="imagenet", epochs=1)
    facts = train_detector(read_fields(drawn_lab), tmp_path / "run", options, log=said.append)
    assert facts["weights"] == "none"
    assert "no public weights for ssdlite320_mobilenet_v2 (no network): training from scratch" in said


def test_bad_options_and_other_runs_are_refused(
    drawn_lab: Path, small_detector: Path, small_run: Path, tmp_path: Path
) -> None:
    data = read_fields(drawn_lab)
    with pytest.raises(BadInput, match="seed 0 instead of 7"):
        train_detector(data, small_detector, replace(OPTIONS, seed=7))
    with pytest.raises(BadInput, match="must be positive"):
        train_detector(data, tmp_path / "new", replace(OPTIONS, batch=0))
    with pytest.raises(BadInput, match="unknown detector"):
        train_detector(data, tmp_path / "new", replace(OPTIONS, model="mobilenet_v2"))
    assert not (tmp_path / "new").exists()
    assert is_detector_run(small_detector) and not is_detector_run(small_run) and not is_detector_run(tmp_path)
    with pytest.raises(BadInput, match="run of 'mobilenet_v2', which finds no cells"):
        load_detector(small_run)
    other = tmp_path / "other"
    shutil.copytree(small_detector, other)
    facts = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps({**facts, "model": "fasterrcnn_mobilenet_v2"}))
    with pytest.raises(BadInput, match="weights of another network"):
        load_detector(other)
    (other / "run.json").write_text(json.dumps({"schema": facts["schema"], "model": facts["model"]}))
    with pytest.raises(BadInput, match="not a run's facts"):
        load_detector(other)
