"""Proof that an artefact says what the PyTorch graph says, on crops that neither was trained nor calibrated on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from edge_wbc.core.interpreter import open_interpreter

__all__ = ["Limits", "Proof", "prove"]


@dataclass(frozen=True)
class Limits:
    """How far an artefact may stray from the PyTorch graph.

    Counted in cells, a share is never finer than one cell: of 80 crops, one may differ whatever the share says.

    Attributes:
        float_error: largest difference of any probability, of the float32 artefacts.
        half_error: the same of float16 weights.
        agreement: share of crops whose most probable label is the same, of the quantised artefacts.
        accuracy_drop: share of crops by which accuracy may fall below PyTorch's, of the quantised artefacts.
    """

    float_error: float = 1e-3
    half_error: float = 2e-2
    agreement: float = 0.99
    accuracy_drop: float = 0.005


@dataclass(frozen=True)
class Proof:
    """One artefact beside the PyTorch graph, on `crops` held-out crops.

    Attributes:
        kind, file: which artefact.
        bytes: its size with metadata.
        part: "test" or "val"; of an adapted run also "unlabelled" or "train".
        crops: how many were compared.
        max_error, mean_error: absolute differences of probabilities.
        agreement: share of crops with the same most probable label.
        accuracy, torch_accuracy: share of crops whose most probable label is right; NaN where nobody knows.
        per_label: label -> {"crops", "accuracy", "torch_accuracy"}, of labels that occur.
        ms_median: one crop, one thread, milliseconds.
        runtime: what ran it.
        broken: one line per limit that it breaks; empty when it stands.
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
    ms_median: float
    runtime: str
    broken: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The fields as plain JSON values; a NaN becomes null."""
        plain = asdict(self)
        return {
            key: None if isinstance(value, float) and not np.isfinite(value) else value for key, value in plain.items()
        }


def _cells(share: float, crops: int) -> int:
    """A share in whole cells, never below one: 0.29 * 100 shall be 29, hence the hair added."""
    return max(1, int(share * crops + 1e-9))


def _broken(kind: str, limits: Limits, crops: int, max_error: float, differ: int, fewer_right: int) -> tuple[str, ...]:
    """One line per limit that these figures break. Comparisons are turned so that NaN breaks them."""
    lines = []
    if kind.endswith(("fp32", "fp16")):
        limit = limits.float_error if kind.endswith("fp32") else limits.half_error
        if not max_error <= limit:
            lines.append(f"largest error of a probability {max_error:.2g} is over {limit:.2g}")
        return tuple(lines)
    if np.isnan(max_error):
        lines.append("probabilities are not numbers")
    if differ > _cells(1 - limits.agreement, crops):
        lines.append(f"agreement {1 - differ / crops:.4f} is under {limits.agreement:.4f} ({differ} of {crops} differ)")
    if fewer_right > _cells(limits.accuracy_drop, crops):
        lines.append(f"accuracy falls by {fewer_right / crops:.4f}, over {limits.accuracy_drop:.4f}")
    return tuple(lines)


def prove(
    kind: str,
    file: str,
    model: bytes,
    crops: np.ndarray,
    truth: np.ndarray,
    expected: np.ndarray,
    labels: Sequence[str],
    limits: Limits,
    part: str = "test",
    report: Callable[[str, int, int], None] | None = None,
) -> Proof:
    """Run an artefact on held-out crops and compare.

    Args:
        kind: such as ``tflite-int8``; decides which limits apply.
        file: its name in the pack.
        model: its bytes as they will be shipped.
        crops: uint8 (N, S, S, 3) RGB, N > 0.
        truth: int64 (N,), positions in `labels`; -1 where nobody knows.
        expected: float32 (N, L), what the PyTorch graph says of `crops`.
        labels: of the columns.
        limits: what it may differ by.
        part: where the crops come from.
        report: told ("prove KIND", crops done, crops in all).

    Raises:
        BadInput: the runtime refuses the artefact, or none is installed.
    """
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
    return Proof(
        kind=kind,
        file=file,
        bytes=len(model),
        part=part,
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
        ms_median=float(np.median(seconds) * 1000),
        runtime=interpreter.runtime,
        broken=_broken(kind, limits, len(crops), max_error, differ, int(torch_right.sum()) - int(right.sum())),
    )
