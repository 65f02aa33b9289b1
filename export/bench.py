"""Every artefact of a pack timed on this machine, in turns, with what its file says of its cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edge_wbc.core.interpreter import Interpreter, open_interpreter, timed_turn
from export.cost import Cost, cost_of
from export.memory import resident_growth

__all__ = ["PACKAGES", "BenchOptions", "Row", "bench"]

Report = Callable[[str, int, int], None]

PACKAGES = ("numpy", "ai-edge-litert", "tflite-runtime", "onnxruntime")
"""Whose versions a measurement names."""

_TURN = 5


@dataclass(frozen=True)
class BenchOptions:
    """How to time.

    Attributes:
        runs: timed inferences of each artefact with each number of threads.
        threads: numbers of threads.
        memory: whether to measure resident memory, in a process of its own for each artefact.
    """

    runs: int = 200
    threads: tuple[int, ...] = (1, 2)
    memory: bool = True


@dataclass(frozen=True)
class Row:
    """One artefact with one number of threads.

    Attributes:
        file, kind, bytes: which artefact.
        runtime: what ran it.
        threads: how many it was given.
        runs: how many inferences were timed.
        ms_median, ms_p90: milliseconds of one inference, from uint8 pixels to the network's float32 outputs.
        resident_bytes: growth of resident memory with one thread; None where it was not measured.
        cost: what the file says; None where the reader of its format is not installed.
    """

    file: str
    kind: str
    bytes: int
    runtime: str
    threads: int
    runs: int
    ms_median: float
    ms_p90: float
    resident_bytes: int | None
    cost: Cost | None

    def to_json(self) -> dict[str, Any]:
        """One flat object; `operators` is their number, and what is not known is null."""
        plain = {name: value for name, value in asdict(self).items() if name != "cost"}
        plain |= {"ms_median": round(self.ms_median, 4), "ms_p90": round(self.ms_p90, 4)}
        figures = asdict(self.cost) if self.cost else dict.fromkeys(Cost.__dataclass_fields__)
        if self.cost:
            figures["operators"] = sum(self.cost.operators.values())
        return {**plain, **figures}


def bench(
    artefacts: Mapping[str, tuple[str, bytes]], size: int, options: BenchOptions, report: Report | None = None
) -> list[Row]:
    """Times artefacts in turns, so that a busy moment of the machine hits all alike.

    An inference is what the app pays for one crop, of a detector one field: encoding its pixels, running, decoding what
    comes out. Each turn starts with one that is not timed, which brings the artefact's own weights into the cache: the
    state from a field's second cell on.

    Args:
        artefacts: kind -> file name and content.
        size: width and height of the input in pixels.
        options: how to time.
        report: told ("timing" or "memory", done, in all).

    Returns:
        Rows in the order of `artefacts`, and of `options.threads` within each.

    Raises:
        BadInput: no runtime is installed for one, a runtime refuses it, or its cost cannot be counted.
    """
    tell: Report = report or (lambda stage, done, total: None)
    costs = {kind: _cost(file, model) for kind, (file, model) in artefacts.items()}
    opened: dict[tuple[str, int], Interpreter] = {
        (kind, threads): open_interpreter(file, model, threads)
        for kind, (file, model) in artefacts.items()
        for threads in options.threads
    }
    # What is in a picture does not change how long it takes.
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    seconds: dict[tuple[str, int], list[float]] = {key: [] for key in opened}
    for done in range(0, options.runs, _TURN):
        tell("timing", done, options.runs)
        for key, interpreter in opened.items():
            seconds[key] += timed_turn(interpreter, pixels, min(_TURN, options.runs - done))
    tell("timing", options.runs, options.runs)

    grown: dict[str, int | None] = dict.fromkeys(artefacts)
    if options.memory:
        for done, (kind, (file, model)) in enumerate(artefacts.items()):
            tell("memory", done, len(artefacts))
            grown[kind] = resident_growth(file, model, size)
        tell("memory", len(artefacts), len(artefacts))
    return [
        Row(
            file=artefacts[kind][0],
            kind=kind,
            bytes=len(artefacts[kind][1]),
            runtime=opened[kind, threads].runtime,
            threads=threads,
            runs=len(times),
            ms_median=1000 * float(np.median(times)),
            ms_p90=1000 * float(np.percentile(times, 90)),
            resident_bytes=grown[kind],
            cost=costs[kind],
        )
        for (kind, threads), times in seconds.items()
    ]


def _cost(file: str, model: bytes) -> Cost | None:
    try:
        return cost_of(file, model)
    except ModuleNotFoundError as missing:
        # Beside tflite-runtime there is no reader of its format.
        if missing.name not in ("ai_edge_litert", "onnx"):
            raise
        return None
