"""What an artefact costs: against counts made by hand, and a liveness that is slow and plain."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.models import build_network, multiply_adds
from export.cost import cost_of, moved, peak
from export.operators import Graph, Operator, Value
from export.operators_onnx import read_onnx
from export.operators_tflite import read_tflite
from export.tflite import to_dynamic_tflite, to_half_tflite
from export.to_onnx import to_int8_onnx, to_onnx

DEFAULT = Path(__file__).parents[2] / "mobile_app" / "packs" / "default" / "model.int8.tflite"

# The tiny network at 32 pixels, by hand: operator -> (multiply-adds, numbers in, weights, biases, numbers out, bytes of
# axes and paddings).
BY_HAND = [
    ("DEPTHWISE_CONV_2D", 32 * 32 * 3, 32 * 32 * 3, 3, 3, 32 * 32 * 3, 0),  # colours, 1 x 1
    ("PAD", 0, 32 * 32 * 3, 0, 0, 34 * 34 * 3, 32),
    ("CONV_2D", 16 * 16 * 8 * 27, 34 * 34 * 3, 8 * 27, 8, 16 * 16 * 8, 0),
    ("DEPTHWISE_CONV_2D", 16 * 16 * 8 * 9, 16 * 16 * 8, 9 * 8, 8, 16 * 16 * 8, 0),
    ("CONV_2D", 16 * 16 * 8 * 8, 16 * 16 * 8, 8 * 8, 8, 16 * 16 * 8, 0),
    ("ADD", 0, 2 * 16 * 16 * 8, 0, 0, 16 * 16 * 8, 0),
    ("TRANSPOSE", 0, 16 * 16 * 8, 0, 0, 16 * 16 * 8, 16),
    ("MEAN", 0, 16 * 16 * 8, 0, 0, 8, 8),
    ("FULLY_CONNECTED", 8 * 3, 8, 8 * 3, 3, 3, 0),
    ("SOFTMAX", 0, 3, 0, 0, 3, 0),
]
MULTIPLY_ADDS = sum(row[1] for row in BY_HAND)


@pytest.fixture(scope="module")
def float_onnx(graph) -> bytes:
    return to_onnx(graph, 32)


@pytest.mark.parametrize(("name", "size"), [("float_tflite", 4), ("int8_tflite", 1)])
def test_the_tiny_network_operator_by_operator(name, size, request):
    model = request.getfixturevalue(name)
    read = read_tflite("m.tflite", model)
    for operator, (kind, count, numbers, weights, biases, out, axes) in zip(read.operators, BY_HAND, strict=True):
        assert (operator.name, operator.multiply_adds) == (kind, count)
        assert moved(operator) == size * (numbers + weights + out) + 4 * biases + axes
    cost = cost_of("m.tflite", model)
    assert cost.multiply_adds == MULTIPLY_ADDS == 93_208
    assert cost.bytes_moved == sum(map(moved, read.operators))
    assert cost.operators == {
        name: sum(row[0] == name for row in BY_HAND) for name in sorted({row[0] for row in BY_HAND})
    }
    assert cost.transposes == 1
    # While it pads: the input, which stays, what is padded, and what that gives.
    assert cost.peak_bytes == size * (32 * 32 * 3 + 32 * 32 * 3 + 34 * 34 * 3)
    in_int8 = (10, MULTIPLY_ADDS) if size == 1 else (0, 0)
    assert (cost.int8_operators, cost.int8_multiply_adds) == in_int8


def test_weights_alone_in_int8_or_half_do_not_compute_in_it(float_tflite):
    whole, half = cost_of("m.tflite", float_tflite), cost_of("m.tflite", to_half_tflite(float_tflite))
    assert half.operators == {**whole.operators, "DEQUANTIZE": 5}
    # They are turned into float32 once, when the model is loaded.
    assert (half.bytes_moved, half.peak_bytes) == (whole.bytes_moved, whole.peak_bytes)
    dynamic = cost_of("m.tflite", to_dynamic_tflite(float_tflite))
    assert dynamic.int8_operators == half.int8_operators == 0
    weights = sum(row[3] for row in BY_HAND)
    lent = whole.bytes_moved - dynamic.bytes_moved
    # At most all kernels a quarter as large; small ones may be left in float.
    assert 0 < lent <= 3 * weights


def test_onnx_counts_the_same_multiply_adds(run, float_onnx):
    cost = cost_of("m.onnx", float_onnx)
    assert (cost.multiply_adds, cost.int8_operators, cost.int8_multiply_adds) == (MULTIPLY_ADDS, 0, 0)
    quantised = cost_of("m.onnx", to_int8_onnx(float_onnx, run.crops("train")[0]))
    assert quantised.multiply_adds == quantised.int8_multiply_adds == MULTIPLY_ADDS
    left = {name: quantised.operators.get(name, 0) for name in ("QuantizeLinear", "DequantizeLinear", "ReduceMean")}
    assert sum(left.values()) == sum(quantised.operators.values()) - quantised.int8_operators > 0
    assert quantised.operators["QLinearConv"] == 4
    assert quantised.bytes_moved < cost.bytes_moved


def test_the_default_pack_needs_what_pytorch_counts_and_the_colours():
    cost = cost_of(DEFAULT.name, DEFAULT.read_bytes())
    colours = 96 * 96 * 3  # scale and offset of each channel stand in the graph, as a 1 x 1 depthwise convolution
    assert cost.multiply_adds == multiply_adds(build_network("mobilenet_v2", 6), 96) + colours
    assert colours / cost.multiply_adds < 0.01
    assert cost.int8_multiply_adds == cost.multiply_adds
    assert cost.int8_operators == sum(cost.operators.values()) == 71
    assert cost.transposes == 0


def build(operators, tensors, inputs, outputs) -> bytes:
    """A .tflite of (code, inputs, outputs, options) over (shape, type, whether constant); for sizes, it cannot run."""
    model = schema.ModelT()
    model.version, model.buffers = 3, [schema.BufferT(), schema.BufferT()]
    model.buffers[1].data = np.zeros(4, np.uint8)
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, model.operatorCodes = [], [], []
    for shape, kind, constant in tensors:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer, tensor.name = np.array(shape, np.int32), kind, int(constant), "t"
        graph.tensors.append(tensor)
    for code, given_, made, options in operators:
        known = schema.OperatorCodeT()
        known.builtinCode, known.deprecatedBuiltinCode = code, min(code, 127)
        model.operatorCodes.append(known)
        one = schema.OperatorT()
        one.opcodeIndex, one.inputs, one.outputs = (
            len(graph.operators),
            np.array(given_, np.int32),
            np.array(made, np.int32),
        )
        if options is not None:
            one.builtinOptionsType, one.builtinOptions = schema.BuiltinOptions.BatchMatMulOptions, options
        graph.operators.append(one)
    graph.inputs, graph.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
    model.subgraphs = [graph]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


FLOAT, INT8, INT32 = schema.TensorType.FLOAT32, schema.TensorType.INT8, schema.TensorType.INT32


def test_transposed_convolution_by_hand():
    tensors = [
        ((4,), INT32, True),
        ((5, 3, 3, 7), FLOAT, True),
        ((1, 4, 6, 7), FLOAT, False),
        ((1, 8, 12, 5), FLOAT, False),
    ]
    model = build([(schema.BuiltinOperator.TRANSPOSE_CONV, (0, 1, 2), (3,), None)], tensors, (2,), (3,))
    assert cost_of("m.tflite", model).multiply_adds == 4 * 6 * 7 * 3 * 3 * 5


@pytest.mark.parametrize("turned", [False, True])
def test_matrix_product_by_hand(turned):
    left = (2, 11, 3) if turned else (2, 3, 11)
    tensors = [(left, INT8, False), ((2, 11, 5), INT8, False), ((2, 3, 5), INT8, False)]
    options = schema.BatchMatMulOptionsT()
    options.adjX = turned
    model = build([(schema.BuiltinOperator.BATCH_MATMUL, (0, 1), (2,), options)], tensors, (0, 1), (2,))
    cost = cost_of("m.tflite", model)
    assert cost.multiply_adds == cost.int8_multiply_adds == 2 * 3 * 11 * 5


def test_several_outputs_views_and_an_input_named_twice():
    """A detector's kind: boxes and scores off one feature, which is also doubled; float on the way to the scores."""
    code = schema.BuiltinOperator
    tensors = [
        ((1, 4, 4, 2), INT8, False),
        ((1, 16, 2), INT8, False),  # a view of 0
        ((1, 4, 4, 2), INT8, False),
        ((1, 4, 4, 2), FLOAT, False),
        ((2,), INT32, True),
    ]
    operators = [
        (code.RESHAPE, (0, 4), (1,), None),
        (code.ADD, (0, 0), (2,), None),
        (code.DEQUANTIZE, (2,), (3,), None),
    ]
    cost = cost_of("m.tflite", build(operators, tensors, (0,), (1, 3)))
    assert cost.operators == {"ADD": 1, "DEQUANTIZE": 1, "RESHAPE": 1}
    assert cost.bytes_moved == (32 + 32) + (32 + 128)
    assert cost.peak_bytes == 32 + 32 + 128
    assert cost.int8_operators == 2


def test_what_may_multiply_is_not_counted_as_nothing():
    tensors = [((1, 4), FLOAT, False), ((1, 4), FLOAT, False)]
    model = build([(schema.BuiltinOperator.SVDF, (0,), (1,), None)], tensors, (0,), (1,))
    with pytest.raises(BadInput, match=r"m\.tflite: has an operator SVDF"):
        cost_of("m.tflite", model)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 4]) for name in "ab"]
    nodes = [helper.make_node("LpNormalization", ["a"], ["b"])]
    unknown = helper.make_model(
        helper.make_graph(nodes, "g", ends[:1], ends[1:]), opset_imports=[helper.make_opsetid("", 17)]
    )
    unknown.ir_version = 8
    with pytest.raises(BadInput, match=r"m\.onnx: has an operator LpNormalization"):
        cost_of("m.onnx", unknown.SerializeToString())


def test_onnx_products_by_hand():
    """A transposed convolution and both matrix products, one with its first factor turned."""
    nodes = [
        helper.make_node("ConvTranspose", ["x", "kernel"], ["wide"], strides=[2, 2]),
        helper.make_node("MatMul", ["wide", "right"], ["y"]),
        helper.make_node("Gemm", ["z", "factor"], ["turned"], transA=1),
    ]
    made = {"kernel": (7, 5, 2, 2), "right": (12, 9), "factor": (4, 6)}
    weights = [onnx.numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in made.items()]
    given_ = [("x", [1, 7, 4, 6]), ("z", [4, 3])]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in given_]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("y", "turned")]
    model = helper.make_model(
        helper.make_graph(nodes, "g", inputs, outputs, weights), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 8
    read = read_onnx("m.onnx", model.SerializeToString())
    counts = {operator.name: operator.multiply_adds for operator in read.operators}
    assert counts == {"ConvTranspose": 4 * 6 * 7 * 5 * 4, "MatMul": 5 * 8 * 12 * 9, "Gemm": 3 * 4 * 6}


def test_a_size_that_is_not_fixed_is_refused(float_onnx):
    model = onnx.load_from_string(float_onnx)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    with pytest.raises(BadInput, match="no fixed size"):
        cost_of("m.onnx", model.SerializeToString())


@pytest.mark.parametrize("file", ["m.tflite", "m.onnx", "m.txt"])
def test_garbage_is_bad_input(file):
    with pytest.raises(BadInput, match=file):
        cost_of(file, b"not a model at all, whatever it is called")


@given(share=st.floats(0, 0.99))
def test_half_a_tflite_is_bad_input_or_says_something(int8_tflite, share):
    try:
        cost_of("m.tflite", int8_tflite[: int(share * len(int8_tflite))])
    except BadInput as fault:
        assert "m.tflite" in str(fault)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Operators that each read a few earlier values and write one or two, some of them views."""
    values = [Value(f"in{index}", (draw(st.integers(1, 50)),), np.dtype(np.int8)) for index in range(2)]
    inputs, operators = tuple(values), []
    for index in range(draw(st.integers(1, 8))):
        read = tuple(draw(st.lists(st.sampled_from(values), min_size=1, max_size=3)))
        view = draw(st.booleans())
        sizes = [read[0].shape] if view else [(draw(st.integers(1, 50)),) for _ in range(draw(st.integers(1, 2)))]
        made = tuple(Value(f"{index}.{part}", size, np.dtype(np.int8)) for part, size in enumerate(sizes))
        operators.append(Operator("x", read, made, view=view))
        values += made
    return Graph(tuple(operators), inputs, tuple(draw(st.lists(st.sampled_from(values), min_size=1, max_size=2))))


def slow_peak(graph: Graph) -> int:
    """At every operator, ask of every array whether it was made by then and is wanted from then on."""
    arrays = [{value.name} for value in graph.inputs]
    sizes = [value.bytes for value in graph.inputs]
    born = [-1 for _ in graph.inputs]
    for step, operator in enumerate(graph.operators):
        for value in operator.outputs:
            if operator.view:
                next(names for names in arrays if operator.inputs[0].name in names).add(value.name)
            else:
                arrays.append({value.name})
                sizes.append(value.bytes)
                born.append(step)
    ends = {value.name for value in (*graph.inputs, *graph.outputs)}
    most = 0
    for step in range(len(graph.operators)):
        later = {value.name for one in graph.operators[step:] for value in one.inputs}
        here = {value.name for value in graph.operators[step].outputs}
        alive = [
            size
            for names, size, made in zip(arrays, sizes, born, strict=True)
            if made <= step and names & (later | here | ends)
        ]
        most = max(most, sum(alive))
    return most


@given(graphs())
def test_peak_is_that_of_a_plain_liveness(graph):
    assert peak(graph) == slow_peak(graph)


def test_peak_of_real_graphs_too(int8_tflite, float_onnx):
    for read in (
        read_tflite("m.tflite", int8_tflite),
        read_tflite("m.tflite", DEFAULT.read_bytes()),
        read_onnx("m.onnx", float_onnx),
    ):
        weightless = Graph(
            tuple(
                Operator(
                    one.name, tuple(value for value in one.inputs if not value.constant), one.outputs, view=one.view
                )
                for one in read.operators
            ),
            read.inputs,
            read.outputs,
        )
        assert peak(read) == slow_peak(weightless)
