"""An artefact as a list of operators in the order in which a runtime does them, whatever format it came in."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from edge_wbc.core.errors import BadInput

__all__ = ["Graph", "Operator", "Value", "refuse_operator"]


@dataclass(frozen=True)
class Value:
    """What operators read and write.

    Attributes:
        name: of its own within a graph.
        shape: of one inference.
        dtype: as it is stored.
        constant: whether it is known once the model is loaded.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    constant: bool = False

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """How much room it takes."""
        return self.elements * self.dtype.itemsize


@dataclass(frozen=True)
class Operator:
    """One operator.

    Attributes:
        name: as its format calls it.
        inputs, outputs: optional inputs that are absent are left out.
        multiply_adds: multiplications whose products are summed, those with padding included.
        in_int8: whether it computes in 8-bit integers.
        view: whether its output is its first input seen in another shape.
        once: whether it is done when the model is loaded, not in every inference.
    """

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    multiply_adds: int = 0
    in_int8: bool = False
    view: bool = False
    once: bool = False


@dataclass(frozen=True)
class Graph:
    """Operators in the order in which they run, and what they are handed and hand back."""

    operators: tuple[Operator, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


def refuse_operator(file: str, name: str) -> BadInput:
    """The fault of an operator that is in no table: it may multiply, and shall not be counted as if it did not."""
    return BadInput(
        file, f"has an operator {name}, whose multiply-adds nobody here can count", "add it to export/operators_*.py"
    )
