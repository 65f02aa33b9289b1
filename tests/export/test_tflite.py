"""The .tflite files: equal to PyTorch in float, and in int8 as old runtimes and the phone need them."""

from __future__ import annotations

import numpy as np
import pytest

from edge_wbc.core.errors import CheckFailed
from edge_wbc.core.interpreter import open_interpreter
from export.flatbuffer import check_full_int8, check_fully_connected, check_inline, read_facts
from export.graph import DeployableGraph, probabilities
from export.repack import repack, repack_in_process
from export.tflite import to_dynamic_tflite, to_half_tflite, to_int8_tflite, to_tflite


def test_float_equals_pytorch(run, graph, float_tflite):
    crops, _ = run.crops("test")
    found = open_interpreter("m.tflite", float_tflite).predict(crops)
    np.testing.assert_allclose(found, probabilities(graph, crops), atol=1e-4)


def test_int8_is_fed_with_bytes_minus_128(int8_tflite):
    facts = read_facts(int8_tflite)
    assert (facts.input_dtype, facts.input_scale, facts.input_zero_point) == ("INT8", 1.0, -128)
    assert facts.output_dtype == "INT8"


def test_the_input_scale_holds_for_dim_crops_too(float_tflite, run):
    dim = run.crops("train")[0][:20] // 4 + 30
    facts = read_facts(to_int8_tflite(float_tflite, dim))
    assert (facts.input_scale, facts.input_zero_point) == (1.0, -128)


def test_int8_is_inline_aligned_and_int8_throughout(int8_tflite):
    facts = read_facts(int8_tflite)
    assert facts.external_buffers == 0 and facts.misaligned_buffers == 0
    assert facts.float_tensors == () and "DEQUANTIZE" not in facts.operators
    assert facts.scales_of_fully_connected == (1,)
    check_full_int8(facts, "m")


def test_int8_names_the_same_labels(run, graph, int8_tflite):
    crops, _ = run.crops("test")
    found = open_interpreter("m.tflite", int8_tflite).predict(crops)
    expected = probabilities(graph, crops)
    assert (found.argmax(1) == expected.argmax(1)).mean() >= 0.95
    assert np.abs(found - expected).mean() < 0.05


def test_weights_only_kinds_run_with_float_input(run, graph, float_tflite):
    crops, _ = run.crops("test")
    expected = probabilities(graph, crops)
    for make, atol in ((to_half_tflite, 5e-3), (to_dynamic_tflite, 0.1)):
        model = make(float_tflite)
        assert read_facts(model).input_dtype == "FLOAT32"
        np.testing.assert_allclose(open_interpreter("m.tflite", model).predict(crops), expected, atol=atol)


def test_both_traps_are_seen_in_what_the_stock_recipe_makes(float_tflite, run, stock_tflite):
    """If this fails, the quantiser has changed its ways and the workarounds may go."""
    stock = stock_tflite(float_tflite, run.crops("train")[0][:8])
    facts = read_facts(stock)
    # Which of the two depends on size: small buffers stay inside, but unaligned.
    with pytest.raises(CheckFailed, match="outside the flatbuffer|do not start on a multiple of 16"):
        check_inline(facts, "stock")
    with pytest.raises(CheckFailed, match="3 scales"):
        check_fully_connected(facts, "stock")
    repacked = repack(stock)
    check_inline(read_facts(repacked), "repacked")
    crops, _ = run.crops("val")
    before, after = (open_interpreter("m.tflite", model).predict(crops) for model in (stock, repacked))
    np.testing.assert_array_equal(before, after)


def test_a_float_model_is_no_full_int8(float_tflite):
    with pytest.raises(CheckFailed, match="left in float"):
        check_full_int8(read_facts(float_tflite), "m")


def test_equal_vectors_are_written_once_and_say_what_they_said(int8_tflite):
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    parsed = schema.ModelT.InitFromObj(schema.Model.GetRootAs(int8_tflite, 0))
    points = [tensor.quantization.zeroPoint for tensor in parsed.subgraphs[0].tensors if tensor.quantization]
    zeros = [len(found) for found in points if found is not None and len(found) > 1 and not found.any()]
    builder = flatbuffers.Builder(len(int8_tflite))
    builder.Finish(parsed.Pack(builder), file_identifier=b"TFL3")
    assert len(zeros) > len(set(zeros))
    saved = len(builder.Output()) - len(repack(int8_tflite))
    assert saved > 8 * (sum(zeros) - sum(set(zeros)))
    again = schema.ModelT.InitFromObj(schema.Model.GetRootAs(repack(int8_tflite), 0))
    for before, after in zip(parsed.subgraphs[0].tensors, again.subgraphs[0].tensors, strict=True):
        assert np.array_equal(before.shape, after.shape)
        if before.quantization and before.quantization.scale is not None:
            assert np.array_equal(before.quantization.scale, after.quantization.scale)
            assert np.array_equal(before.quantization.zeroPoint, after.quantization.zeroPoint)


def test_repacking_rubbish_says_so():
    with pytest.raises(RuntimeError, match="repacking the .tflite failed"):
        repack_in_process(b"no flatbuffer at all")


def test_conversion_prints_nothing(graph, capfd):
    to_tflite(graph, 16)
    assert capfd.readouterr().out == ""


def test_mobilenet_v2_converts_whole(run, draw_crops):
    torchvision = pytest.importorskip("torchvision", reason="needs the train extra")
    import torch

    torch.manual_seed(0)
    network = torchvision.models.mobilenet_v2(num_classes=5)
    crops, _ = draw_crops(24, 5, 64)
    graph = DeployableGraph(network, run.mean, run.std)
    with torch.no_grad():
        graph.network.train()
        graph(torch.from_numpy(crops).float())
        graph.eval()
    expected = probabilities(graph, crops)
    model = to_tflite(graph, 64)
    np.testing.assert_allclose(open_interpreter("m.tflite", model).predict(crops), expected, atol=1e-4)
    assert "TRANSPOSE" not in read_facts(model).operators
    small = to_int8_tflite(model, crops)
    assert len(small) < 0.36 * len(model)
    assert np.abs(open_interpreter("m.tflite", small).predict(crops) - expected).mean() < 0.05


def test_a_padding_with_minus_infinity_does_not_spoil_the_ranges(run):
    """ShuffleNet-V2 pools after its first convolution, and the converter pads that pooling with -infinity."""
    import torch

    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(3, 2, 1),
        torch.nn.Flatten(),
        torch.nn.LazyLinear(3),
    )
    network(torch.zeros(1, 3, 16, 16))
    graph = DeployableGraph(network, run.mean, run.std)
    crops = run.crops("val")[0][:, :16, :16]
    model = to_int8_tflite(to_tflite(graph, 16), crops)
    found = open_interpreter("m.tflite", model).predict(crops)
    np.testing.assert_allclose(found, probabilities(graph, crops), atol=0.03)
