"""What stands inside a .tflite: the facts that old runtimes stumble over without saying so.

TFLite 2.8 and 2.11 run on the target phones. A weight outside the flatbuffer stops them; a fully connected weight with
a scale per channel makes them return a constant, with no error. So both are read off the file itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from edge_wbc.core.errors import CheckFailed
from export.repack import ALIGNMENT

__all__ = [
    "FlatbufferFacts",
    "check_full_int8",
    "check_fully_connected",
    "check_inline",
    "enum_names",
    "read_facts",
    "tensor_names",
]


@dataclass(frozen=True)
class FlatbufferFacts:
    """Facts of one .tflite.

    Attributes:
        operators: how often each operator occurs, by its TFLite name.
        external_buffers: buffers stored outside the flatbuffer.
        misaligned_buffers: inline buffers that do not start on a multiple of 16 bytes.
        scales_of_fully_connected: the number of scales of each fully connected weight (0 when it is float).
        float_tensors: names of the float32 or float16 tensors that an operator reads or writes.
        input_name: name of the input tensor.
        input_dtype: name of the input's type, such as INT8.
        input_scale: its scale, or 0 when it is float.
        input_zero_point: its zero point, or 0 when it is float.
        output_dtype: name of the output's type.
    """

    operators: dict[str, int]
    external_buffers: int
    misaligned_buffers: int
    scales_of_fully_connected: tuple[int, ...]
    float_tensors: tuple[str, ...]
    input_name: str
    input_dtype: str
    input_scale: float
    input_zero_point: int
    output_dtype: str


def enum_names(enumeration: type) -> dict[int, str]:
    """Number -> name of an enumeration of the TFLite schema."""
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


def tensor_names(model: bytes) -> list[str]:
    """The names of a .tflite's tensors, by index."""
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.Model.GetRootAs(model, 0).Subgraphs(0)
    return [graph.Tensors(index).Name().decode() for index in range(graph.TensorsLength())]


def read_facts(model: bytes) -> FlatbufferFacts:
    """Read a .tflite that has one graph, one input and one output; bytes behind the flatbuffer do no harm."""
    from ai_edge_litert import schema_py_generated as schema

    types, operators = enum_names(schema.TensorType), enum_names(schema.BuiltinOperator)
    root = schema.Model.GetRootAs(model, 0)
    external = misaligned = 0
    for index in range(root.BuffersLength()):
        buffer = root.Buffers(index)
        external += buffer.Offset() > 1
        if buffer.DataLength():
            slot = buffer._tab.Offset(4)  # field 0, the data vector: the API offers its contents but not its place
            misaligned += buffer._tab.Vector(slot) % ALIGNMENT != 0

    graph = root.Subgraphs(0)
    counts: Counter[str] = Counter()
    scales: list[int] = []
    touched: dict[int, None] = {}
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        code = root.OperatorCodes(operator.OpcodeIndex())
        name = operators[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        counts[name] += 1
        inputs = [operator.Inputs(i) for i in range(operator.InputsLength())]
        touched.update(dict.fromkeys([*inputs, *(operator.Outputs(i) for i in range(operator.OutputsLength()))]))
        if name == "FULLY_CONNECTED":
            quantisation = graph.Tensors(inputs[1]).Quantization()
            scales.append(0 if quantisation is None else quantisation.ScaleLength())
    floating = tuple(
        graph.Tensors(index).Name().decode()
        for index in touched
        if index >= 0 and types[graph.Tensors(index).Type()] in ("FLOAT16", "FLOAT32")
    )
    first, last = graph.Tensors(graph.Inputs(0)), graph.Tensors(graph.Outputs(0))
    quantisation = first.Quantization()
    quantised = quantisation is not None and quantisation.ScaleLength() > 0
    return FlatbufferFacts(
        operators=dict(sorted(counts.items())),
        external_buffers=external,
        misaligned_buffers=misaligned,
        scales_of_fully_connected=tuple(scales),
        float_tensors=floating,
        input_name=first.Name().decode(),
        input_dtype=types[first.Type()],
        input_scale=float(quantisation.Scale(0)) if quantised else 0.0,
        input_zero_point=int(quantisation.ZeroPoint(0)) if quantised else 0,
        output_dtype=types[last.Type()],
    )


def check_inline(facts: FlatbufferFacts, what: str) -> None:
    """Refuse what TFLite 2.8 cannot load.

    Raises:
        CheckFailed: buffers outside the flatbuffer, or not aligned; the line names `what` and the count.
    """
    if facts.external_buffers:
        raise CheckFailed(f"{what}: {facts.external_buffers} buffers lie outside the flatbuffer; TFLite 2.8 lacks them")
    if facts.misaligned_buffers:
        raise CheckFailed(f"{what}: {facts.misaligned_buffers} buffers do not start on a multiple of {ALIGNMENT}")


def check_fully_connected(facts: FlatbufferFacts, what: str) -> None:
    """Refuse fully connected weights with a scale per channel, which old runtimes compute wrongly without saying so.

    Raises:
        CheckFailed: one has more than one scale; the line names `what` and the count.
    """
    if any(count > 1 for count in facts.scales_of_fully_connected):
        raise CheckFailed(f"{what}: a fully connected weight has {max(facts.scales_of_fully_connected)} scales, not 1")


def check_full_int8(facts: FlatbufferFacts, what: str) -> None:
    """Refuse an int8 model that old runtimes get wrong, or that the phone cannot feed with its bytes minus 128.

    Raises:
        CheckFailed: beside `check_inline` and `check_fully_connected`: operators left in float, input other than int8
            with scale 1 and zero point -128, output other than int8.
    """
    check_inline(facts, what)
    check_fully_connected(facts, what)
    if facts.float_tensors:
        raise CheckFailed(f"{what}: {len(facts.float_tensors)} tensors left in float, such as {facts.float_tensors[0]}")
    if (facts.input_dtype, facts.input_scale, facts.input_zero_point) != ("INT8", 1.0, -128):
        raise CheckFailed(
            f"{what}: input is {facts.input_dtype} with scale {facts.input_scale} and zero point "
            f"{facts.input_zero_point}, not INT8 with 1 and -128"
        )
    if facts.output_dtype != "INT8":
        raise CheckFailed(f"{what}: output is {facts.output_dtype}, not INT8")
