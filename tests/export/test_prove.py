"""The proof of an artefact: what is float inside is no int8, and its figures are those of its file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from edge_wbc.core.errors import BadInput
from export.cost import cost_of
from export.evidence import Evidence
from export.graph import DeployableGraph, probabilities
from export.prove import Limits, Proof, prove
from export.tflite import to_dynamic_tflite, to_tflite
from export.to_onnx import to_int8_onnx, to_onnx

LOOSE = Limits(agreement=0.9, accuracy_drop=0.1)


@pytest.fixture(scope="module")
def evidence(run) -> Evidence:
    crops, truth = run.crops("test")
    return Evidence(run.crops("train")[0], "test", crops[:20], truth[:20])


@pytest.fixture(scope="module")
def proved(run, graph, evidence):
    expected = probabilities(graph, evidence.crops)

    def prove_(kind: str, model: bytes, limits: Limits = LOOSE, evidence: Evidence = evidence) -> Proof:
        return prove(kind, "m.onnx" if "onnx" in kind else "m.tflite", model, evidence, expected, run.labels, limits)

    return prove_


def test_a_full_int8_artefact_that_is_float_inside_is_refused(proved, float_tflite, int8_tflite, graph, run) -> None:
    onnx = to_onnx(graph, 32)
    line = "{} of its multiply-adds compute in int8, under 95.0%"
    for kind, model in (("tflite-int8", float_tflite), ("onnx-int8", onnx)):
        proof = proved(kind, model)
        assert proof.broken == (line.format("0.0%"),) and proof.int8_multiply_adds == proof.int8_operators == 0
    # Int8 weights on float activations are no int8 arithmetic either, and "dynamic" does not claim it.
    dynamic = to_dynamic_tflite(float_tflite)
    assert proved("tflite-int8", dynamic).broken and not proved("tflite-dynamic", dynamic).broken
    quantised = to_int8_onnx(onnx, run.crops("train")[0][:20])
    for kind, model in (("tflite-int8", int8_tflite), ("onnx-int8", quantised)):
        proof = proved(kind, model)
        assert not proof.broken and proof.int8_multiply_adds == 1, kind
    assert not proved("tflite-fp32", float_tflite).broken


def test_its_share_is_named_and_the_limit_may_be_moved(proved, int8_tflite, monkeypatch) -> None:
    whole = cost_of("m.tflite", int8_tflite)
    partly = replace(whole, int8_multiply_adds=int(0.6 * whole.multiply_adds))
    monkeypatch.setattr("export.prove.cost_of", lambda file, model: partly)
    assert proved("tflite-int8", int8_tflite).broken == ("60.0% of its multiply-adds compute in int8, under 95.0%",)
    assert not proved("tflite-int8", int8_tflite, replace(LOOSE, int8_multiply_adds=0.59)).broken


class Pooling(nn.Module):
    """One convolution and a pooling that the converter knows, where the tiny network takes a mean over two axes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 3, 4), nn.Linear(4, 3)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return self.last(nn.functional.adaptive_avg_pool2d(self.first(picture), 1).flatten(1))


def test_transposes_and_memory_are_those_of_the_file(proved, run, float_tflite) -> None:
    assert proved("tflite-fp32", float_tflite).transposes == 1
    torch.manual_seed(0)
    model = to_tflite(DeployableGraph(Pooling(), run.mean, run.std), 32)
    proof, cost = proved("tflite-fp32", model, Limits(float_error=2.0)), cost_of("m.tflite", model)
    assert proof.transposes == cost.transposes == 0 and proof.bytes == len(model)
    assert proof.operators == sum(cost.operators.values()) and proof.multiply_adds == cost.multiply_adds
    # The picture stays, and beside it live the same normalised and what the convolution makes of that.
    assert proof.peak_bytes == cost.peak_bytes == 4 * (2 * 32 * 32 * 3 + 8 * 8 * 4)


def test_crops_of_unknown_truth_have_no_accuracy_and_others_count(proved, float_tflite, evidence) -> None:
    nobody = replace(evidence, truth=np.full(20, -1))
    proof = proved("tflite-fp32", float_tflite, evidence=nobody)
    assert np.isnan(proof.accuracy) and np.isnan(proof.torch_accuracy) and not proof.per_label
    assert proof.to_json()["accuracy"] is None and proof.agreement == 1 and not proof.broken
    some = replace(evidence, truth=np.where(np.arange(20) < 5, evidence.truth, -1))
    proof = proved("tflite-fp32", float_tflite, evidence=some)
    assert sum(figures["crops"] for figures in proof.per_label.values()) == 5 and proof.accuracy > 0.9
    assert proof.accuracy == proof.torch_accuracy


def test_another_networks_artefact_is_refused_with_its_figure(proved, run) -> None:
    torch.manual_seed(0)
    model = to_onnx(DeployableGraph(Pooling(), run.mean, run.std), 32)
    (line,) = proved("onnx-fp32", model).broken
    assert "largest error of a probability" in line and "over 0.001" in line


@pytest.mark.parametrize("name", ["m.tflite", "m.onnx"])
def test_what_no_runtime_opens_is_one_line(name: str, run, evidence) -> None:
    with pytest.raises(BadInput, match=name) as fault:
        prove("tflite-int8", name, b"no model", evidence, np.zeros((20, 3), np.float32), run.labels, LOOSE)
    assert "\n" not in str(fault.value)
