"""What one inference of an artefact costs, read off the file: no clock, and the same on every machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from edge_wbc.core.errors import BadInput
from export.operators import Graph, Operator, Value
from export.operators_onnx import read_onnx
from export.operators_tflite import read_tflite

__all__ = ["Cost", "cost_of", "moved", "peak"]


@dataclass(frozen=True)
class Cost:
    """The cost of one inference.

    Attributes:
        operators: name -> how many there are.
        int8_operators: how many compute in 8-bit integers from what they read to what they write.
        transposes: how many only change the order of axes.
        multiply_adds: multiplications whose products are summed: convolutions and matrix products, the multiplications
            with padding included. Pooling, scaling and activations have none.
        int8_multiply_adds: those of operators that compute in 8-bit integers.
        bytes_moved: what every operator reads, weights too, and writes, each once.
        peak_bytes: the most that activations take at a time, in the order of the operators; weights not included.
    """

    operators: Mapping[str, int]
    int8_operators: int
    transposes: int
    multiply_adds: int
    int8_multiply_adds: int
    bytes_moved: int
    peak_bytes: int


def cost_of(file: str, model: bytes) -> Cost:
    """The cost of a .tflite or .onnx; of the latter as ONNX Runtime fuses it.

    Args:
        file: its name; the suffix says which format it has.
        model: its bytes, with metadata or without.

    Raises:
        BadInput: another suffix, a file that cannot be read, sizes that are not fixed, or an operator whose
            multiply-adds are not known here.
    """
    readers = {".tflite": read_tflite, ".onnx": read_onnx}
    suffix = next((suffix for suffix in readers if file.endswith(suffix)), None)
    if suffix is None:
        raise BadInput(file, "neither .tflite nor .onnx")
    graph = readers[suffix](file, model)
    in_int8 = [operator for operator in graph.operators if operator.in_int8]
    return Cost(
        operators=dict(sorted(Counter(operator.name for operator in graph.operators).items())),
        int8_operators=len(in_int8),
        transposes=sum(operator.name.lower() == "transpose" for operator in graph.operators),
        multiply_adds=sum(operator.multiply_adds for operator in graph.operators),
        int8_multiply_adds=sum(operator.multiply_adds for operator in in_int8),
        bytes_moved=sum(moved(operator) for operator in graph.operators),
        peak_bytes=peak(graph),
    )


def moved(operator: Operator) -> int:
    """Bytes that an operator reads and writes in every inference; an input named twice is read once."""
    if operator.view or operator.once:
        return 0
    return sum({value.name: value.bytes for value in (*operator.inputs, *operator.outputs)}.values())


def peak(graph: Graph) -> int:
    """The most bytes of activations that live at a time.

    One lives from the operator that writes it to the last that reads it; what goes into the graph, and what comes out
    of it once made, stays, as TFLite keeps them. A view lives in what it is a view of.
    """

    homes: dict[str, str] = {}
    last: dict[str, int] = {}

    def home(value: Value) -> str:
        return homes.get(value.name, value.name)

    for index, operator in enumerate(graph.operators):
        if operator.view:
            homes[operator.outputs[0].name] = home(operator.inputs[0])
        last.update((home(value), index) for value in (*operator.inputs, *operator.outputs))
    last.update((home(value), len(graph.operators)) for value in (*graph.inputs, *graph.outputs))
    live = {value.name: value.bytes for value in graph.inputs}
    most = sum(live.values())
    for index, operator in enumerate(graph.operators):
        if not operator.view:
            live.update({value.name: value.bytes for value in operator.outputs if not value.constant})
        most = max(most, sum(live.values()))
        live = {name: size for name, size in live.items() if last[name] > index}
    return most
