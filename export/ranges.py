"""The range of every activation, which is what its int8 scale is made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_wbc.core.errors import CheckFailed
from export.flatbuffer import read_facts, tensor_names
from export.operators_tflite import read_tflite

__all__ = ["activation_ranges"]

_MOVING = {
    "CONCATENATION", "MAX_POOL_2D", "PAD", "PADV2", "RESHAPE", "SLICE", "SPLIT", "STRIDED_SLICE", "TRANSPOSE"
}  # fmt: skip
"""Operators that only move numbers: with one scale for what they read and write, they never round."""

_WITHIN = 0.95
"""Share of the crops that stay within a range. One crop in 400 has extremes three times those of the others, and with
them every step between two values triples: on two labs never seen, MobileNet-V2's probabilities moved by 0.012 with all
crops within, and by 0.008 with 95%."""

Ranges = dict[str, dict[str, np.ndarray]]


def _keep_each(ranges: dict[str, np.ndarray], crop: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Beside the extremes of the crops so far, those of one more."""
    return {end: np.append(ranges[end], crop[end]) for end in ("min", "max")} if ranges else crop


def _within(ends: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    shares = {"min": 1 - _WITHIN, "max": _WITHIN}
    return {end: np.quantile(ends[end], [share]).astype(np.float32) for end, share in shares.items()}


def _collected(quantizer: Any, float_model: bytes, feeds: list[dict[str, np.ndarray]]) -> Ranges:
    from ai_edge_quantizer import calibrator

    # The profiler is ten times faster, but reports the -infinity that a maximum is padded with.
    modes = calibrator.CalibrationMode
    for mode in (modes.CALIBRATION_PROFILER_BASED, modes.CALIBRATION_PRESERVE_ALL_TENSORS):
        collector = calibrator.Calibrator(float_model, 1, mode, _keep_each)
        collector.calibrate({"serving_default": feeds}, quantizer._recipe_manager)
        ranges: Ranges = collector.get_model_qsvs()
        unbounded = [name for name, ends in ranges.items() if ends and not np.isfinite(list(ends.values())).all()]
        if not unbounded:
            return {name: _within(ends) if ends else ends for name, ends in ranges.items()}
    raise CheckFailed(f"int8 .tflite: {unbounded[0]!r} has no finite range on the calibration crops")


def _tie(ranges: Ranges, float_model: bytes) -> None:
    """One range for all tensors that operators only move numbers between.

    The quantiser gives each its own where a branch is sliced for several concatenations, and puts a QUANTIZE between:
    62 of them in ShuffleNet-V2.
    """
    groups: dict[str, set[str]] = {name: {name} for name in ranges}
    names = tensor_names(float_model)
    for operator in read_tflite("float .tflite", float_model).operators:
        if operator.name in _MOVING:
            floats = [value for value in (*operator.inputs, *operator.outputs) if value.dtype == np.float32]
            touched = [names[int(value.name)] for value in floats]
            together = set().union(*(groups[name] for name in touched if ranges.get(name)))
            groups.update(dict.fromkeys(together, together))
    for group in {id(group): group for group in groups.values() if len(group) > 1}.values():
        for end, extreme in (("min", min), ("max", max)):
            value = extreme(ranges[name][end].item() for name in group)
            for name in group:
                ranges[name][end] = np.full_like(ranges[name][end], value)


def activation_ranges(quantizer: Any, float_model: bytes, crops: np.ndarray) -> Ranges:
    """The range of every activation, which 95% of the crops stay within: tensor name -> {"min", "max"}.

    The quantiser's default is a moving average with a memory of 20 crops, which clips what another laboratory's stain
    calls forth (see `export.calibration`).

    Args:
        quantizer: ai-edge-quantizer's, with its recipe.
        float_model: a float32 .tflite with one input.
        crops: uint8 (N, S, S, 3) RGB, N > 0.

    Raises:
        CheckFailed: a range is not finite.
    """
    name = read_facts(float_model).input_name
    ranges = _collected(quantizer, float_model, [{"pixels": crop[None].astype(np.float32)} for crop in crops])
    _tie(ranges, float_model)
    # Dim crops would give the input a finer scale than 1, and the phone's "byte minus 128" would be wrong.
    ranges[name] = {end: np.full_like(ranges[name][end], value) for end, value in (("min", 0), ("max", 255))}
    return ranges
