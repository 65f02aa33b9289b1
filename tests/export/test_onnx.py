"""The ONNX files: equal to PyTorch in float, self-contained, and nothing left on the disk."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from edge_wbc.core.errors import BadInput
from edge_wbc.core.interpreter import open_interpreter
from export.graph import DeployableGraph, probabilities
from export.to_onnx import OPSET, to_int8_onnx, to_onnx

SIZE = 32


@pytest.fixture(scope="module")
def float_onnx(graph) -> bytes:
    return to_onnx(graph, SIZE)


def test_float_equals_pytorch(run, graph, float_onnx):
    crops, _ = run.crops("test")
    found = open_interpreter("m.onnx", float_onnx).predict(crops)
    np.testing.assert_allclose(found, probabilities(graph, crops), atol=1e-4)


def test_float_is_one_file_of_a_modest_opset(float_onnx):
    model = onnx.load_from_string(float_onnx)
    assert [entry.version for entry in model.opset_import] == [OPSET]
    assert all(tensor.data_location != onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer)
    assert [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim] == [1, SIZE, SIZE, 3]


def test_int8_names_the_same_labels_and_leaves_no_file(run, graph, float_onnx, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    model = to_int8_onnx(float_onnx, run.crops("train")[0])
    assert list(Path(tmp_path).rglob("*")) == []
    assert capfd.readouterr().out == ""
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in onnx.load_from_string(model).graph.node}
    crops, _ = run.crops("test")
    found, expected = open_interpreter("m.onnx", model).predict(crops), probabilities(graph, crops)
    assert (found.argmax(1) == expected.argmax(1)).mean() >= 0.95


def test_an_operator_that_onnx_lacks_is_one_line_and_no_graph_on_stdout(run, capfd):
    class Odd(torch.nn.Module):
        def forward(self, picture):
            return torch.lgamma(picture).mean((2, 3))

    with pytest.raises(
        BadInput, match="^torch.onnx: cannot convert it .*'aten::lgamma'.*; train a network of"
    ) as fault:
        to_onnx(DeployableGraph(Odd(), run.mean, run.std), SIZE)
    assert "\n" not in str(fault.value)
    assert capfd.readouterr().out == ""
