"""A run becomes a pack that reads back; what cannot be trusted is never written."""

from __future__ import annotations

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from edge_wbc.core.errors import BadInput, CheckFailed
from edge_wbc.core.pack import KINDS, read_pack
from export.metadata import read_metadata
from export.pack import ExportOptions, export_run
from export.prove import Limits, Proof, _broken

LOOSE = Limits(agreement=0.9, accuracy_drop=0.1)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("export") / "pack"
    steps = []
    proofs = export_run(
        run, out, ExportOptions(kinds=(*KINDS, "weights"), limits=LOOSE), lambda *step: steps.append(step)
    )
    return out, proofs, steps


def test_every_kind_is_proven_and_written(exported):
    out, proofs, _ = exported
    pack = read_pack(out)
    assert [proof.kind for proof in proofs] == list(KINDS) == list(pack.artefacts())
    assert set(pack.files) == {
        *KINDS.values(), "weights.safetensors", "training.sha256", "numerics.json", "MODEL_CARD.md"
    }  # fmt: skip
    for proof in proofs:
        assert proof.bytes == len(pack.files[proof.file]) and proof.crops == 60 and proof.part == "test"
        assert proof.ms_median > 0 and not proof.broken


def test_the_artefacts_say_what_the_pack_says(exported, run):
    pack = read_pack(exported[0])
    for kind, name in pack.artefacts().items():
        facts, labels = read_metadata(name, pack.files[name])
        assert facts == {**json.loads(json.dumps(pack.manifest.to_json())), "kind": kind}
        assert labels == run.labels


def test_numerics_card_and_weights_tell_the_same(exported, run):
    out, proofs, _ = exported
    files = read_pack(out).files
    numerics = json.loads(files["numerics.json"])
    assert [entry["file"] for entry in numerics["artefacts"]] == [proof.file for proof in proofs]
    assert numerics["versions"]["torch"] and numerics["calibration"] == {"crops": 180, "seed": 0}
    card = files["MODEL_CARD.md"].decode()
    for heading in ("## Model Details", "### Out-of-Scope Use", "### Training Data", "## Evaluation", "### Rounding"):
        assert f"\n{heading}\n" in card
    assert "Research use, not for diagnosis" in card and all(f"`{proof.file}`" in card for proof in proofs)
    from safetensors.torch import load

    stored = load(files["weights.safetensors"])
    for name, tensor in run.network.state_dict().items():
        assert torch.allclose(stored[name].to(tensor.dtype), tensor, rtol=1e-3, atol=1e-6), name
    assert files["training.sha256"].decode().endswith("  train/a.png\n")


def test_progress_reaches_its_end(exported):
    steps = exported[2]
    # One more than there are kinds: int8 rounded to the nearest, which the card compares.
    assert ("convert", len(KINDS) + 1, len(KINDS) + 1) in steps and ("prove tflite-int8", 60, 60) in steps
    assert all(0 <= done <= total for _, done, total in steps)


def test_beyond_the_limits_nothing_is_written(run, tmp_path):
    limits = Limits(float_error=1e-12)
    with pytest.raises(CheckFailed, match=r"model\.onnx: largest error of a probability .* is over 1e-12"):
        crops, labels = run.crops("test")
        export_run(run, tmp_path / "pack", ExportOptions(kinds=("onnx-fp32", "onnx-int8"), limits=limits))
    assert list(tmp_path.iterdir()) == []


def test_int8_is_made_unasked_and_validation_stands_in_for_a_missing_test_part(run, tmp_path):
    empty = tuple(array[:0] for array in run.crops("test"))
    proofs = export_run(
        run.but(parts={**run.parts, "test": empty}), tmp_path / "pack", ExportOptions(kinds=(), limits=LOOSE)
    )
    assert [(proof.kind, proof.part, proof.crops) for proof in proofs] == [("tflite-int8", "val", 30)]


def test_weights_that_are_no_numbers_name_run_and_tensor(run, tmp_path):
    network = copy.deepcopy(run.network)
    with torch.no_grad():
        network.last.bias[1] = float("nan")
    with pytest.raises(BadInput, match=r"runs/tiny: tensor 'last\.bias'"):
        export_run(run.but(network=network), tmp_path / "pack", ExportOptions())
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_int8_spoils_makes_a_pack_without_it(run, tmp_path):
    kinds = ExportOptions(kinds=("onnx-fp32",))
    (proof,) = export_run(run.but(model="efficientnet_b0"), tmp_path / "pack", kinds)
    assert proof.kind == "onnx-fp32" and list(read_pack(tmp_path / "pack").artefacts()) == ["onnx-fp32"]


def test_an_unknown_kind_names_those_there_are(run, tmp_path):
    with pytest.raises(BadInput, match="unknown kind 'tflite-int4'.*tflite-int8, onnx-fp32"):
        export_run(run, tmp_path / "pack", ExportOptions(kinds=("tflite-int4",)))


@pytest.mark.parametrize("missing, fault", [("train", "no training crops"), ("test", "no held-out crops")])
def test_a_run_without_crops_says_which(run, tmp_path, missing, fault):
    gone = {part: tuple(array[:0] for array in run.crops(part)) for part in (missing, "val")}
    with pytest.raises(BadInput, match=f"runs/tiny: has {fault}"):
        export_run(run.but(parts={**run.parts, **gone}), tmp_path / "pack", ExportOptions())


@pytest.mark.parametrize(
    "kind, crops, error, differ, fewer, breaks",
    [
        ("tflite-fp32", 500, 9e-4, 0, 0, False),
        ("onnx-fp32", 500, 2e-3, 0, 0, True),
        ("onnx-fp32", 500, np.nan, 0, 0, True),
        ("tflite-fp16", 500, 4e-2, 5, 2, False),
        ("tflite-fp16", 500, 4e-2, 6, 0, True),
        ("tflite-int8", 80, 0.5, 1, 1, False),
        ("tflite-int8", 80, 0.5, 2, 0, True),
        ("tflite-int8", 500, 0.5, 5, 2, False),
        ("tflite-int8", 500, 0.5, 6, 0, True),
        ("onnx-int8", 500, 0.5, 0, 3, True),
        ("tflite-dynamic", 500, np.nan, 0, 0, True),
    ],
)
def test_limits_count_in_whole_cells(kind, crops, error, differ, fewer, breaks):
    assert bool(_broken(kind, Limits(), crops, error, differ, fewer)) is breaks


def test_a_proof_with_no_numbers_is_still_json():
    figures = {"operators": 1, "int8_operators": 0.0, "multiply_adds": 1, "int8_multiply_adds": 0.0}
    proof = Proof(
        "onnx-fp32", "m.onnx", 1, "test", 1, float("nan"), 0.0, 1.0, 1.0, 1.0, {}, **figures,
        transposes=0, peak_bytes=1, ms_median=0.1, runtime="onnxruntime",
    )  # fmt: skip
    assert json.loads(json.dumps(proof.to_json(), allow_nan=False))["max_error"] is None


def test_importing_export_loads_neither_torch_nor_converters():
    code = (
        "import sys, export; assert set(export.__all__) <= set(dir(export)) | set(export._HOMES);"
        " export.ExportOptions; export.Limits;"
        " assert not {'torch', 'onnx', 'litert_torch', 'onnxruntime'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_adapted_run_is_proved_on_crops_that_nobody_labelled(run, tmp_path):
    nothing = tuple(array[:0] for array in run.crops("test"))
    crops = np.concatenate([run.crops("train")[0], run.crops("test")[0]])
    parts = {"train": nothing, "val": nothing, "test": nothing, "unlabelled": (crops, np.full(len(crops), -1))}
    adapted = run.but(parts=parts, recipe={"transductive": True}, metrics={})
    proofs = export_run(adapted, tmp_path / "pack", ExportOptions(kinds=("tflite-int8",), limits=LOOSE))
    assert [(proof.part, proof.crops) for proof in proofs] == [("unlabelled", 150)]
    files = read_pack(tmp_path / "pack").files
    figures = json.loads(files["numerics.json"])
    assert figures["artefacts"][0]["accuracy"] is None and figures["calibration"]["crops"] == 300
    assert "nan" not in files["MODEL_CARD.md"].decode() and "weights.safetensors" not in files


def test_a_network_of_a_pack_is_exported_on_another_labs_cells(run, other_lab, tmp_path):
    """Five labels, as the cells have; the tiny network was trained on three colours."""
    torch.manual_seed(0)
    network = copy.deepcopy(run.network)
    network.last = torch.nn.Linear(8, 5)
    labels = ("neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil")
    loose = Limits(agreement=0.8, accuracy_drop=0.2)
    five = run.but(model="efficientnet_b0", network=network.eval(), labels=labels, parts={}, provenance=())
    options = ExportOptions(kinds=("onnx-int8",), limits=loose)
    (proof,) = export_run(five, tmp_path / "pack", options, data=other_lab)
    assert proof.part == "lab" and 18 <= proof.crops <= 23 and set(proof.per_label) <= set(labels)
    numerics = json.loads(read_pack(tmp_path / "pack").files["numerics.json"])
    assert numerics["calibration"]["crops"] == 2 * (41 - proof.crops)


@pytest.mark.parametrize(
    ("model", "kinds", "fault"), [("tiny", ("weights",), "--calibration"), ("efficientnet_b0", ("weights",), "--kinds")]
)
def test_nothing_to_calibrate_on_and_nothing_to_make(run, tmp_path, model, kinds, fault):
    with pytest.raises(BadInput, match=f"^{fault}: "):
        export_run(run.but(model=model), tmp_path / "pack", ExportOptions(kinds, calibration_crops=0))
    assert list(tmp_path.iterdir()) == []
