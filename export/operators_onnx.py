"""An ONNX model's operators as ONNX Runtime runs them, after it has fused what it fuses."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from edge_wbc.core.errors import BadInput
from export.operators import Graph, Operator, Value, refuse_operator

__all__ = ["read_onnx"]

# How wide this machine's vectors are decides how it pads channels: no fact of the artefact.
_OF_THIS_MACHINE = ["NchwcTransformer"]

_VIEWS = {"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"}
# One multiplication an element at most, none of them summed; or no arithmetic at all.
_NONE = _VIEWS | set(
    "Abs Add ArgMax ArgMin AveragePool Cast Ceil Clip Concat Constant ConstantOfShape DequantizeLinear Div"
    " DynamicQuantizeLinear Elu Equal Erf Exp Expand Floor Gather GatherND Gelu GlobalAveragePool GlobalMaxPool"
    " Greater HardSigmoid HardSwish LeakyRelu Less Log LogSoftmax Max MaxPool Min Mul Neg NhwcMaxPool Not PRelu"
    " Pad Pow QLinearAdd QLinearAveragePool QLinearConcat QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul"
    " QLinearReduceMean QLinearSigmoid QLinearSoftmax QuantizeLinear QuickGelu Reciprocal ReduceMax ReduceMean"
    " ReduceMin ReduceSum Relu Resize Round Shape Sigmoid Sign Size Slice Softmax Split Sqrt Sub Sum Tanh Tile"
    " TopK Transpose Where".split()
)


def _conv(weight: int) -> Callable[[Sequence[Any], Mapping[str, Any], Value], int]:
    """Weights (out, in / groups, y, x), in whatever layout the activations are."""
    return lambda inputs, _, out: out.elements * prod(inputs[weight].shape[1:])


def _product(inputs: Sequence[Any], attributes: Mapping[str, Any], out: Value) -> int:
    shape = inputs[0].shape
    return out.elements * (shape[-2] if attributes.get("transA") else shape[-1])


_COUNTS: dict[str, Callable[[Sequence[Any], Mapping[str, Any], Value], int]] = {
    "Conv": _conv(1),
    "FusedConv": _conv(1),
    "ConvInteger": _conv(1),
    "QLinearConv": _conv(3),
    "ConvTranspose": lambda inputs, _, out: inputs[0].elements * prod(inputs[1].shape[1:]),
    **dict.fromkeys(
        ("Gemm", "FusedGemm", "QGemm", "MatMul", "FusedMatMul", "QLinearMatMul", "MatMulInteger"), _product
    ),
}


def read_onnx(file: str, model: bytes) -> Graph:
    """An ONNX model of fixed sizes, as ONNX Runtime's default optimisation leaves it; sizes are read off one run.

    Raises:
        BadInput: ONNX Runtime refuses it, a size of its input is not fixed, or an operator is not known here.
    """
    import onnx

    optimised = _optimised(file, model)
    graph = optimised.graph
    weights = {tensor.name: _weight(tensor) for tensor in graph.initializer}
    activations = _activations(file, optimised)
    values = {**activations, **weights}
    operators = []
    for node in graph.node:
        name = node.op_type
        if name not in _COUNTS and name not in _NONE:
            raise refuse_operator(file, name)
        given = [values[place] if place else None for place in node.input]
        inputs = tuple(value for value in given if value is not None)
        outputs = tuple(values[place] for place in node.output if place)
        attributes = {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}
        count = _COUNTS[name](given, attributes, outputs[0]) if name in _COUNTS else 0
        operators.append(Operator(name, inputs, outputs, count, _in_int8(inputs, outputs), name in _VIEWS))
    first = tuple(values[entry.name] for entry in graph.input if entry.name not in weights)
    return Graph(tuple(operators), first, tuple(values[entry.name] for entry in graph.output))


def _in_int8(inputs: Sequence[Value], outputs: Sequence[Value]) -> bool:
    """Scales are float32 constants, so what flows decides; QuantizeLinear and DequantizeLinear take or give floats."""
    kinds = {value.dtype.name for value in (*inputs, *outputs) if not value.constant}
    return bool(kinds & {"int8", "uint8"}) and kinds <= {"int8", "uint8", "int32"}


def _weight(tensor: Any) -> Value:
    import onnx

    return Value(tensor.name, tuple(tensor.dims), onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type), True)


def _quiet_options() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return options


def _session(file: str, model: bytes, options: Any) -> Any:
    import onnxruntime

    try:
        return onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"], disabled_optimizers=_OF_THIS_MACHINE
        )
    except Exception as error:  # onnxruntime's exceptions share no base but Exception
        raise BadInput(file, f"onnxruntime refuses it ({str(error).splitlines()[0]})") from error


def _optimised(file: str, model: bytes) -> Any:
    import onnx

    with tempfile.TemporaryDirectory(prefix="onnx-cost-") as folder:
        target = Path(folder) / "optimised.onnx"
        options = _quiet_options()
        options.optimized_model_filepath = str(target)
        _session(file, model, options)
        return onnx.load(target)


def _activations(file: str, model: Any) -> dict[str, Value]:
    """Every activation of an optimised model as one run on zeros makes it: their sizes stand in no file."""
    import onnx
    import onnxruntime

    weights = {tensor.name for tensor in model.graph.initializer}
    feeds: dict[str, np.ndarray] = {}
    for entry in model.graph.input:
        if entry.name not in weights:
            kind = entry.type.tensor_type
            shape = [axis.dim_value for axis in kind.shape.dim]
            if not all(shape):
                raise BadInput(file, f"input {entry.name} has no fixed size", "export it again, batch 1")
            feeds[entry.name] = np.zeros(shape, onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
    said = {entry.name for entry in model.graph.output}
    made = [name for node in model.graph.node for name in node.output if name]
    showing = onnx.ModelProto()
    showing.CopyFrom(model)
    showing.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made if name not in said)
    options = _quiet_options()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = _session(file, showing.SerializeToString(), options)
    names = [entry.name for entry in session.get_outputs()]
    arrays = {**feeds, **dict(zip(names, session.run(names, feeds), strict=True))}
    return {name: Value(name, array.shape, array.dtype) for name, array in arrays.items()}
