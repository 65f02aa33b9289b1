"""A .tflite's operators, read off its flatbuffer."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from edge_wbc.core.errors import BadInput
from export.flatbuffer import enum_names
from export.operators import Graph, Operator, Value, refuse_operator

__all__ = ["read_tflite"]

_DTYPES = {
    "FLOAT32": np.float32,
    "FLOAT16": np.float16,
    "INT8": np.int8,
    "UINT8": np.uint8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "BOOL": np.bool_,
}
_VIEWS = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS"}
# One multiplication an element at most, none of them summed; or no arithmetic at all.
_NONE = _VIEWS | set(
    "ABS ADD ADD_N ARG_MAX ARG_MIN AVERAGE_POOL_2D BROADCAST_TO CAST CEIL CONCATENATION COS DEPTH_TO_SPACE"
    " DEQUANTIZE DIV ELU EQUAL EXP FILL FLOOR FLOOR_DIV FLOOR_MOD GATHER GATHER_ND GELU GREATER GREATER_EQUAL"
    " HARD_SWISH LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC LOG_SOFTMAX MAXIMUM"
    " MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL ONE_HOT PACK PAD PADV2 POW PRELU QUANTIZE RANGE"
    " REDUCE_MAX REDUCE_MIN RELU RELU6 RELU_N1_TO_1 RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT"
    " SELECT SELECT_V2 SHAPE SIGN SIN SLICE SOFTMAX SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE"
    " STRIDED_SLICE SUB SUM TANH TILE TOPK_V2 TRANSPOSE UNPACK ZEROS_LIKE".split()
)


def _batch_matmul(operator: Any, inputs: Sequence[Any], out: Value) -> int:
    from ai_edge_litert import schema_py_generated as schema

    options, table = schema.BatchMatMulOptions(), operator.BuiltinOptions()
    if table is not None:
        options.Init(table.Bytes, table.Pos)
    return out.elements * inputs[0].shape[-2 if table is not None and options.AdjX() else -1]


# Weights: (out, y, x, in / groups) of a convolution, (1, y, x, out) of a depthwise one, (out, y, x, in) transposed.
_COUNTS: dict[str, Callable[[Any, Sequence[Any], Value], int]] = {
    "CONV_2D": lambda _, inputs, out: out.elements * prod(inputs[1].shape[1:]),
    "DEPTHWISE_CONV_2D": lambda _, inputs, out: out.elements * prod(inputs[1].shape[1:3]),
    "TRANSPOSE_CONV": lambda _, inputs, out: inputs[2].elements * prod(inputs[1].shape[:3]),
    "FULLY_CONNECTED": lambda _, inputs, out: out.elements * inputs[1].shape[-1],
    "BATCH_MATMUL": _batch_matmul,
}


def read_tflite(file: str, model: bytes) -> Graph:
    """The first graph of a .tflite; bytes behind the flatbuffer do no harm.

    Float16 weights that DEQUANTIZE turns into float32 are turned once, when the model is loaded.

    Raises:
        BadInput: no .tflite, sizes or types that are not fixed, or an operator that is not known here.
    """
    try:
        return _read(file, model)
    except (struct.error, IndexError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadInput(file, f"not a whole TFLite model ({error})", "export it again") from error


def _read(file: str, model: bytes) -> Graph:
    from ai_edge_litert import schema_py_generated as schema

    if not schema.Model.ModelBufferHasIdentifier(model, 0):
        raise BadInput(file, "not a TFLite model", "export it again")
    types, codes = enum_names(schema.TensorType), enum_names(schema.BuiltinOperator)
    root = schema.Model.GetRootAs(model, 0)
    graph = root.Subgraphs(0)
    values: list[Value] = []
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        shape = tuple(tensor.Shape(axis) for axis in range(tensor.ShapeLength()))
        signature = [tensor.ShapeSignature(axis) for axis in range(tensor.ShapeSignatureLength())]
        if min((*shape, *signature), default=0) < 0:
            raise BadInput(file, f"tensor {tensor.Name().decode()} has no fixed size", "export it again, batch 1")
        buffer = root.Buffers(tensor.Buffer())
        constant = buffer.DataLength() > 0 or buffer.Offset() > 1
        values.append(Value(str(index), shape, np.dtype(_DTYPES[types[tensor.Type()]]), constant))

    operators: list[Operator] = []
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        code = root.OperatorCodes(operator.OpcodeIndex())
        name = codes[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        places = [operator.Inputs(i) for i in range(operator.InputsLength())]
        given = [values[place] if place >= 0 else None for place in places]
        inputs = tuple(value for value in given if value is not None)
        made = [operator.Outputs(i) for i in range(operator.OutputsLength())]
        once = name == "DEQUANTIZE" and inputs[0].constant
        if once:
            values[made[0]] = Value(str(made[0]), values[made[0]].shape, values[made[0]].dtype, constant=True)
        outputs = tuple(values[place] for place in made)
        if name not in _COUNTS and name not in _NONE:
            raise refuse_operator(file, code.CustomCode().decode() if code.CustomCode() else name)
        count = _COUNTS[name](operator, given, outputs[0]) if name in _COUNTS else 0
        operators.append(Operator(name, inputs, outputs, count, _in_int8(inputs + outputs), name in _VIEWS, once))
    first = tuple(values[graph.Inputs(index)] for index in range(graph.InputsLength()))
    last = tuple(values[graph.Outputs(index)] for index in range(graph.OutputsLength()))
    return Graph(tuple(operators), first, last)


def _in_int8(touched: Sequence[Value]) -> bool:
    """Biases, axes and sizes are int32. Int8 weights on float32 activations ("dynamic") are not counted."""
    kinds = {value.dtype.name for value in touched}
    return "int8" in kinds and kinds <= {"int8", "int32"}
