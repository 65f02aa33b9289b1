"""The networks of the registry on their way to the phone: operators that quantise, and pixels fed as in training."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from scipy.special import softmax

from edge_wbc.core.interpreter import open_interpreter
from edge_wbc.lab.models import MODELS, build_network
from edge_wbc.lab.training import load_run
from edge_wbc.lab.training.loop import predict_logits
from export.flatbuffer import read_facts
from export.graph import DeployableGraph, graph_of_run, probabilities
from export.tflite import to_int8_tflite, to_tflite
from export.to_onnx import to_onnx

SIZE = 64


def settled(name: str, crops: np.ndarray) -> DeployableGraph:
    """A network of random weights whose batch norms have seen the crops."""
    torch.manual_seed(0)
    entry = MODELS[name]
    graph = DeployableGraph(build_network(name, 5), entry.mean, entry.std)
    with torch.no_grad():
        graph.network.train()
        graph(torch.from_numpy(crops).float())
    return graph.eval()


def test_lite0_is_convolutions_and_little_else_in_float_and_in_int8(draw_crops) -> None:
    crops, _ = draw_crops(12, 5, SIZE)
    graph = settled("efficientnet_lite0", crops)
    expected = probabilities(graph, crops)
    model = to_tflite(graph, SIZE)
    np.testing.assert_allclose(open_interpreter("m.tflite", model).predict(crops), expected, atol=1e-4)
    operators = read_facts(model).operators
    # SAME padding inside the convolutions and ReLU6 fused to them leave the residual sums and the head.
    others = {key: count for key, count in operators.items() if "CONV" not in key}
    assert others == {"ADD": 9, "FULLY_CONNECTED": 1, "MEAN": 1, "SOFTMAX": 1}
    small = to_int8_tflite(model, crops)
    assert read_facts(small).operators == operators
    assert np.abs(open_interpreter("m.tflite", small).predict(crops) - expected).mean() < 0.05


@pytest.mark.parametrize("name", ["shufflenet_v2_x1_0", "efficientnet_lite0", "efficientnet_b0"])
def test_onnx_equals_pytorch_and_computes_no_shapes(name: str, draw_crops) -> None:
    crops, _ = draw_crops(6, 5, SIZE)
    graph = settled(name, crops)
    model = to_onnx(graph, SIZE)
    np.testing.assert_allclose(open_interpreter("m.onnx", model).predict(crops), probabilities(graph, crops), atol=1e-4)
    nodes = Counter(node.op_type for node in onnx.load_from_string(model).graph.node)
    assert not {"Shape", "Gather", "ConstantOfShape", "Cast", "Pad", "Constant", "Identity"} & set(nodes)


def test_a_run_of_lite0_is_exported_as_it_was_trained(small_run: Path, tmp_path: Path, draw_crops) -> None:
    """Training, evaluation and the exported graph feed it by one mean and deviation."""
    out = tmp_path / "run"
    shutil.copytree(small_run, out)
    facts = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps({**facts, "model": "efficientnet_lite0"}))
    torch.manual_seed(0)
    safetensors.torch.save_file(
        build_network("efficientnet_lite0", len(facts["labels"])).state_dict(), out / "weights.safetensors"
    )
    run = load_run(out)
    assert (run.mean, run.std) == ((127 / 255,) * 3, (128 / 255,) * 3)
    crops, _ = draw_crops(6, 5, SIZE)
    expected = softmax(predict_logits(run.network, crops) / run.temperature, axis=1)
    np.testing.assert_allclose(probabilities(graph_of_run(run), crops), expected, atol=1e-5)
