"""Proof that an artefact says what the PyTorch graph says, on crops that neither was trained nor calibrated on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_wbc.core.interpreter import open_interpreter
from export.cost import cost_of

if TYPE_CHECKING:
    from export.evidence import Evidence

__all__ = ["Limits", "Proof", "cells_of", "prove"]


@dataclass(frozen=True)
class Limits:
    """How far an artefact may stray from the PyTorch graph.

    Counted in cells, a share is never finer than one cell: of 80 crops, one may differ whatever the share says.

    Attributes:
        float_error: largest difference of any probability, of the float32 artefacts.
        agreement: share of crops whose most probable label is the same, of all others.
        accuracy_drop: share of crops by which accuracy may fall below PyTorch's, of all others.
        int8_multiply_adds: share of multiply-adds that compute in int8, of the full int8 artefacts.
    """

    float_error: float = 1e-3
    agreement: float = 0.99
    accuracy_drop: float = 0.005
    int8_multiply_adds: float = 0.95


@dataclass(frozen=True)
class Proof:
    """One artefact beside the PyTorch graph, on `crops` held-out crops.

    Attributes:
        kind, file: which artefact.
        bytes: its size with metadata.
        part: where the crops come from (see `export.evidence.Evidence`).
        crops: how many were compared.
        max_error, mean_error: absolute differences of probabilities.
        agreement: share of crops with the same most probable label.
        accuracy, torch_accuracy: share of crops whose most probable label is right; NaN where nobody knows.
        per_label: label -> {"crops", "accuracy", "torch_accuracy"}, of labels that occur.
        operators: how many there are, as the runtime fuses them.
        int8_operators, int8_multiply_adds: shares of operators, and of multiply-adds, that compute in int8.
        multiply_adds: of one crop.
        transposes: operators that only change the order of axes.
        peak_bytes: the most that activations take at a time.
        ms_median: one crop, one thread, milliseconds.
        runtime: what ran it.
        broken: one line per limit that it breaks; empty when it stands.
        old_runtimes: an older TFLite -> {"crops", "agreement", "max_error"} there (see `export.prove_old`).
    """

    kind: str
    file: str
    bytes: int
    part: str
    crops: int
    max_error: float
    mean_error: float
    agreement: float
    accuracy: float
    torch_accuracy: float
    per_label: Mapping[str, Mapping[str, float]]
    operators: int
    int8_operators: float
    multiply_adds: int
    int8_multiply_adds: float
    transposes: int
    peak_bytes: int
    ms_median: float
    runtime: str
    broken: tuple[str, ...] = ()
    old_runtimes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The fields as plain JSON values; a NaN becomes null."""
        plain = asdict(self)
        return {
            key: None if isinstance(value, float) and not np.isfinite(value) else value for key, value in plain.items()
        }


def cells_of(share: float, crops: int) -> int:
    """A share in whole cells, never below one: 0.29 * 100 shall be 29, hence the hair added."""
    return max(1, int(share * crops + 1e-9))


def _broken(kind: str, limits: Limits, crops: int, max_error: float, differ: int, fewer_right: int) -> tuple[str, ...]:
    """One line per limit that these figures break. Comparisons are turned so that NaN breaks them."""
    lines = []
    if kind.endswith("fp32"):
        if not max_error <= limits.float_error:
            lines.append(f"largest error of a probability {max_error:.2g} is over {limits.float_error:.2g}")
        return tuple(lines)
    if np.isnan(max_error):
        lines.append("probabilities are not numbers")
    if differ > cells_of(1 - limits.agreement, crops):
        lines.append(f"agreement {1 - differ / crops:.4f} is under {limits.agreement:.4f} ({differ} of {crops} differ)")
    if fewer_right > cells_of(limits.accuracy_drop, crops):
        lines.append(f"accuracy falls by {fewer_right / crops:.4f}, over {limits.accuracy_drop:.4f}")
    return tuple(lines)


def _in_float(kind: str, limits: Limits, in_int8: float) -> tuple[str, ...]:
    if not kind.endswith("int8") or in_int8 >= limits.int8_multiply_adds:
        return ()
    return (f"{in_int8:.1%} of its multiply-adds compute in int8, under {limits.int8_multiply_adds:.1%}",)


def prove(
    kind: str,
    file: str,
    model: bytes,
    evidence: Evidence,
    expected: np.ndarray,
    labels: Sequence[str],
    limits: Limits,
    report: Callable[[str, int, int], None] | None = None,
) -> Proof:
    """Run an artefact on held-out crops and compare.

    Args:
        kind: such as ``tflite-int8``; decides which limits apply.
        file: its name in the pack.
        model: its bytes as they will be shipped.
        evidence: the crops and what experts say of them.
        expected: float32 (N, L), what the PyTorch graph says of those crops.
        labels: of the columns.
        limits: what it may differ by.
        report: told ("prove KIND", crops done, crops in all).

    Raises:
        BadInput: the runtime refuses the artefact, or none is installed; an operator whose cost is not known.
    """
    cost = cost_of(file, model)
    crops, truth = evidence.crops, evidence.truth
    interpreter = open_interpreter(file, model, threads=1)
    interpreter.predict(crops[:1])  # the first run lays out memory; it is no measure
    found, seconds = np.empty_like(expected), []
    for index in range(len(crops)):
        started = time.perf_counter()
        found[index] = interpreter.predict(crops[index : index + 1])[0]
        seconds.append(time.perf_counter() - started)
        if report and (index % 50 == 49 or index + 1 == len(crops)):
            report(f"prove {kind}", index + 1, len(crops))

    error = np.abs(found - expected)
    mine, theirs = found.argmax(axis=1), expected.argmax(axis=1)
    right, torch_right = mine == truth, theirs == truth
    named = truth >= 0
    max_error, differ = float(error.max()), int((mine != theirs).sum())
    in_int8 = cost.int8_multiply_adds / max(cost.multiply_adds, 1)
    return Proof(
        kind=kind,
        file=file,
        bytes=len(model),
        part=evidence.part,
        crops=len(crops),
        max_error=max_error,
        mean_error=float(error.mean()),
        agreement=1 - differ / len(crops),
        accuracy=float(right[named].mean()) if named.any() else float("nan"),
        torch_accuracy=float(torch_right[named].mean()) if named.any() else float("nan"),
        per_label={
            label: {
                "crops": int((truth == column).sum()),
                "accuracy": float(right[truth == column].mean()),
                "torch_accuracy": float(torch_right[truth == column].mean()),
            }
            for column, label in enumerate(labels)
            if (truth == column).any()
        },
        operators=sum(cost.operators.values()),
        int8_operators=cost.int8_operators / sum(cost.operators.values()),
        multiply_adds=cost.multiply_adds,
        int8_multiply_adds=in_int8,
        transposes=cost.transposes,
        peak_bytes=cost.peak_bytes,
        ms_median=float(np.median(seconds) * 1000),
        runtime=interpreter.runtime,
        broken=(
            *_broken(kind, limits, len(crops), max_error, differ, int(torch_right.sum()) - int(right.sum())),
            *_in_float(kind, limits, in_int8),
        ),
    )
