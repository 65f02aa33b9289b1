"""A detector's run becomes a pack whose artefacts find what PyTorch finds; what cannot be trusted is never written."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edge_wbc.core.detector import decode, fit_field, suppress
from edge_wbc.core.detector_pack import open_detector, read_detector_pack
from edge_wbc.core.errors import BadInput, CheckFailed
from edge_wbc.core.images import read_image, write_image
from edge_wbc.lab.detection import build_detector, detect_cells, load_detector
from edge_wbc.lab.detection.detect import Detector, detect_boxes
from edge_wbc.lab.detection.parts import load_part, provenance, read_part
from export import DetectorExportOptions, DetectorLimits, export_detector
from export.detector import broken_limits
from export.detector_graph import DetectorGraph, anchor_maps, raw_outputs
from export.flatbuffer import check_full_int8, read_facts
from export.metadata import read_metadata

KINDS = ("tflite-int8", "onnx-fp32", "onnx-int8")


@pytest.fixture(scope="module")
def detector(small_detector: Path) -> Detector:
    return load_detector(small_detector)


@pytest.mark.parametrize("size", [64, 96, 320])
def test_anchors_in_words_are_the_networks_own(size: int) -> None:
    """At 64 pixels the largest are cut to the field; 96 is no multiple of the coarsest stride."""
    torch.manual_seed(0)
    network = build_detector("ssdlite320_mobilenet_v2", size).eval()
    maps = anchor_maps(Detector(Path("run"), "ssdlite320_mobilenet_v2", network, size, 0.5, {}))
    silent = [np.zeros((each.cells, each.cells, 2 * width), np.float32) for each in maps for width in (1, 4)]
    boxes, _ = decode(silent, maps, size)
    from torchvision.models.detection.image_list import ImageList

    square = torch.zeros(1, 3, size, size)
    with torch.inference_mode():
        features = list(network.backbone(square).values())
        anchors = network.anchor_generator(ImageList(square, [(size, size)]), features)[0].numpy()
    np.testing.assert_allclose(boxes, anchors, atol=1e-3)


@pytest.mark.parametrize("shape", [(64, 64), (96, 128), (128, 70), (30, 50)])
def test_the_graph_with_its_decoding_finds_what_the_network_finds(
    detector: Detector, drawn_lab: Path, shape: tuple[int, int]
) -> None:
    rgb = read_image(sorted((drawn_lab / "images").iterdir())[0])[: shape[0], : shape[1]]
    square, inside, scale = fit_field(rgb, detector.size)
    found = decode(raw_outputs(DetectorGraph(detector.network), square), anchor_maps(detector), detector.size)
    boxes, scores = suppress(*found, inside)
    theirs, their_scores = detect_boxes(detector.network, [rgb], detector.size)[0]
    assert abs(len(scores) - len(their_scores)) <= 2 and len(their_scores) > 20
    # The margin and enlarged pixels are whole numbers here, and so little training gives many boxes nearly one score.
    both = min(len(scores), len(their_scores))
    np.testing.assert_allclose(scores[:both], their_scores[:both], atol=0.01)
    away = np.abs(boxes[None] / scale - theirs[:, None]).max(2)
    assert np.mean(away.min(0) < 0.5) > 0.95 and np.mean(away.min(1) < 0.5) > 0.95


def test_every_artefact_is_proven_and_written(detector_pack: Path, small_detector: Path) -> None:
    pack = read_detector_pack(detector_pack)
    names = {"model.int8.tflite", "model.onnx", "model.int8.onnx"}
    assert set(pack.files) == {*names, "training.sha256", "numerics.json", "MODEL_CARD.md"}
    numerics = json.loads(pack.files["numerics.json"])
    assert [proof["kind"] for proof in numerics["artefacts"]] == list(KINDS)
    held_out = json.loads((small_detector / "run.json").read_text())["parts"]["val"]
    for proof in numerics["artefacts"]:
        assert proof["part"] == "val" and proof["fields"] == held_out and proof["cells"] > 0
        assert proof["bytes"] == len(pack.files[proof["file"]]) and proof["ms_median"] > 0
        if proof["kind"].endswith("fp32"):
            assert proof["max_score_error"] < 1e-4 and proof["max_box_error"] < 0.01
            assert proof["ap50"] == pytest.approx(proof["torch_ap50"], abs=1e-6)
        else:
            assert 0 < proof["max_score_error"] < 0.5
    assert numerics["calibration"] == {"fields": 12, "seed": 0} and numerics["versions"]["torch"]
    lines = pack.files["training.sha256"].decode().splitlines()
    assert len(lines) == 36 == len(provenance(small_detector)) and "  val/images/" in "".join(lines)
    card = pack.files["MODEL_CARD.md"].decode()
    assert "Research use, not for diagnosis" in card and all(f"`{name}`" in card for name in names)
    for name in names:
        facts, labels = read_metadata(name, pack.files[name])
        assert facts.pop("kind") in KINDS and labels == ("white_cell",)
        assert facts == json.loads(json.dumps(pack.manifest.to_json()))


def test_int8_is_whole_and_each_map_has_scales_of_its_own(detector_pack: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    model = read_detector_pack(detector_pack).files["model.int8.tflite"]
    facts = read_facts(model)
    check_full_int8(facts, "int8 .tflite")
    assert set(facts.operators) == {"ADD", "CONV_2D", "DEPTHWISE_CONV_2D", "PAD"}
    outputs = Interpreter(model_content=model).get_output_details()
    assert len(outputs) == 8 and all(output["dtype"] == np.int8 for output in outputs)
    assert len({output["quantization"][0] for output in outputs}) == 8


@pytest.mark.parametrize("kind", KINDS)
def test_a_pack_finds_cells_as_its_run_does(
    detector_pack: Path, detector: Detector, drawn_lab: Path, kind: str
) -> None:
    rgb = read_image(sorted((drawn_lab / "images").iterdir())[0])
    artefact = open_detector(read_detector_pack(detector_pack), kind)
    boxes, scores = artefact.boxes(rgb)
    theirs, their_scores = detect_boxes(detector.network, [rgb], detector.size)[0]
    assert abs(scores.max() - their_scores.max()) < (0.01 if kind.endswith("fp32") else 0.2)
    assert [cell.score for cell in artefact.find_cells(rgb, 2.0)] == []
    if kind.endswith("fp32"):
        mine = {cell.box for cell in artefact.find_cells(rgb)}
        run = {cell.box for cell in detect_cells(rgb, detector)}
        assert len(mine ^ run) <= 0.1 * len(mine | run)


def test_beyond_the_limits_nothing_is_written(
    detector: Detector, detector_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from export.repack import repack

    files = read_detector_pack(detector_pack).files
    # Converted once is enough; repacking drops the metadata.
    made = {"tflite-int8": repack(files["model.int8.tflite"]), "onnx-fp32": files["model.onnx"]}
    monkeypatch.setattr("export.detector.convert", lambda *_: made)
    options = DetectorExportOptions(("onnx-fp32",), 4, limits=DetectorLimits(float_score=1e-12, ap50_drop=1.0))
    with pytest.raises(CheckFailed, match=r"model\.onnx: largest error of a score .* is over 1e-12; no pack"):
        export_detector(detector, tmp_path / "pack", options)
    # Another run's weights at the phone's end: what it finds is not what this run finds.
    torch.manual_seed(1)
    other = replace(detector, network=build_detector(detector.model, detector.size).eval())
    with pytest.raises(CheckFailed, match="largest error of a score"):
        export_detector(other, tmp_path / "pack", replace(options, limits=DetectorLimits(ap50_drop=1.0)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "kind, cells, score, box, drop, broken",
    [
        ("tflite-fp32", 500, 9e-4, 0.09, 0.0, 0),
        ("onnx-fp32", 500, 2e-3, 0.2, 0.02, 3),
        ("tflite-fp16", 500, 1e-2, 1.0, 0.0, 0),
        ("tflite-fp32", 500, np.nan, np.nan, np.nan, 3),
        ("tflite-int8", 500, 0.3, 9.0, 0.01, 0),
        ("tflite-int8", 500, 0.3, 9.0, 0.011, 1),
        ("tflite-int8", 50, 0.3, 9.0, 0.02, 0),
        ("onnx-int8", 50, np.nan, 9.0, 0.021, 2),
    ],
)
def test_limits_count_in_whole_cells(kind: str, cells: int, score: float, box: float, drop: float, broken: int) -> None:
    assert len(broken_limits(kind, DetectorLimits(), cells, score, box, drop)) == broken


@pytest.fixture
def moved(small_detector: Path, drawn_lab: Path, tmp_path: Path) -> tuple[Detector, Path]:
    """The run with a copy of its data that a test may spoil."""
    shutil.copytree(drawn_lab, tmp_path / "data")
    shutil.copytree(small_detector, tmp_path / "run")
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    (tmp_path / "run" / "plan.json").write_text(json.dumps({**plan, "data": str(tmp_path / "data")}))
    return load_detector(tmp_path / "run"), tmp_path / "data"


def test_a_run_whose_data_changed_is_refused(moved: tuple[Detector, Path], tmp_path: Path) -> None:
    detector, data = moved
    whole = read_part(detector.path, "val")
    assert len(load_part(detector.path, whole, 64).pixels) == len(whole.fields) > 0
    write_image(whole.fields[0].image, np.zeros_like(read_image(whole.fields[0].image)))
    with pytest.raises(BadInput, match=r"is not the photograph that .*run was trained with"):
        export_detector(detector, tmp_path / "pack", DetectorExportOptions())
    (data / "records" / f"{whole.fields[0].image.stem}.json").unlink()
    with pytest.raises(BadInput, match=r"data: lacks 'images/"):
        export_detector(detector, tmp_path / "pack", DetectorExportOptions())
    shutil.rmtree(data)
    with pytest.raises(BadInput, match="no records of fields"):
        export_detector(detector, tmp_path / "pack", DetectorExportOptions())
    (detector.path / "plan.json").unlink()
    with pytest.raises(BadInput, match=r"plan\.json: does not name the run's data"):
        export_detector(detector, tmp_path / "pack", DetectorExportOptions())
    (detector.path / "fields.csv").write_text("image,part\na,val\n")
    with pytest.raises(BadInput, match=r"fields\.csv: not a run's list of fields"):
        export_detector(detector, tmp_path / "pack", DetectorExportOptions())
    assert not (tmp_path / "pack").exists()


def test_what_cannot_be_exported_is_refused(detector: Detector, tmp_path: Path) -> None:
    def refused(detector: Detector, options: DetectorExportOptions, match: str) -> None:
        with pytest.raises(BadInput, match=match):
            export_detector(detector, tmp_path / "pack", options)

    refused(replace(detector, model="fasterrcnn_mobilenet_v2"), DetectorExportOptions(), "train ssdlite320")
    refused(detector, DetectorExportOptions(("tflite-int4",)), "unknown kind 'tflite-int4'")
    refused(detector, DetectorExportOptions(calibration_fields=0), "--calibration")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "mine.txt").write_text("mine")
    refused(detector, DetectorExportOptions(), "exists and holds no pack.json")
