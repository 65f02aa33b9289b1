"""PyTorch graph -> TFLite, in float32 and in full int8, such that TFLite 2.8 on the phone agrees with LiteRT today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from export.flatbuffer import check_full_int8, check_fully_connected, check_inline, read_facts
from export.oldest import check_operator_versions
from export.quiet import converter
from export.ranges import activation_ranges
from export.repack import repack_in_process

__all__ = ["to_dynamic_tflite", "to_half_tflite", "to_int8_tflite", "to_tflite"]

INPUT = "pixels"  # what DeployableGraph.forward calls its argument


def to_tflite(graph: nn.Module, size: int) -> bytes:
    """A float32 .tflite: input ``pixels`` (1, size, size, 3) 0..255, output (1, L) probabilities.

    The graph itself takes NHWC, and the converter folds its first transpose away.

    Raises:
        BadInput: an operator that the converter does not know.
        CheckFailed: weights outside the flatbuffer, or an operator that the oldest runtime does not know.
    """
    with converter("litert-torch"):
        import litert_torch

        model = litert_torch.convert(graph, sample_kwargs={INPUT: torch.zeros(1, size, size, 3)}).model_content()
    facts = read_facts(model)
    if facts.external_buffers or facts.misaligned_buffers:
        model = repack_in_process(model)
        check_inline(read_facts(model), "float .tflite")
    check_operator_versions(model, "float .tflite")
    return bytes(model)


def _static_recipe(quantizer: Any) -> None:
    """Int8 weights and activations; weights per channel, but one scale for each fully connected weight."""
    from ai_edge_quantizer import qtyping

    operator, granularity = qtyping.TFLOperationName, qtyping.QuantGranularity
    quantizer.add_static_config(".*", operator.ALL_SUPPORTED, 8, 8)
    # TFLite 2.8 reads one scale only and then returns a constant, with no error.
    quantizer.add_static_config(".*", operator.FULLY_CONNECTED, 8, 8, weight_granularity=granularity.TENSORWISE)


def _dynamic_recipe(quantizer: Any) -> None:
    """Int8 weights, activations quantised while it runs; one scale per fully connected weight, for TFLite 2.14 too."""
    from ai_edge_quantizer import qtyping

    operator, granularity = qtyping.TFLOperationName, qtyping.QuantGranularity
    quantizer.add_dynamic_config(".*", operator.ALL_SUPPORTED, 8)
    quantizer.add_dynamic_config(".*", operator.FULLY_CONNECTED, 8, granularity=granularity.TENSORWISE)


def _half_recipe(quantizer: Any) -> None:
    """Float16 weights, turned into float32 when the model is loaded."""
    from ai_edge_quantizer import algorithm_manager, qtyping

    half = qtyping.OpQuantizationConfig(
        weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
        compute_precision=qtyping.ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )
    operator = qtyping.TFLOperationName
    for name in (operator.CONV_2D, operator.DEPTHWISE_CONV_2D, operator.FULLY_CONNECTED):
        quantizer.update_quantization_recipe(".*", name, half, algorithm_manager.AlgorithmName.FLOAT_CASTING)


def to_int8_tflite(float_model: bytes, crops: np.ndarray) -> bytes:
    """A full int8 .tflite: int8 input with scale 1 and zero point -128 (bytes minus 128), int8 softmax output.

    Args:
        float_model: what `to_tflite` returned.
        crops: uint8 (N, S, S, 3) RGB, to calibrate on; N > 0.

    Raises:
        BadInput: an operator that the quantiser does not know.
        CheckFailed: the result would mislead an old runtime (see `export.flatbuffer.check_full_int8`).
    """
    with converter("ai-edge-quantizer"):
        from ai_edge_quantizer import quantizer as aeq

        quantizer = aeq.Quantizer(bytearray(float_model))
        _static_recipe(quantizer)
        ranges = activation_ranges(quantizer, float_model, crops)
        model = quantizer.quantize(ranges, enable_progress_report=False).quantized_model
    packed = repack_in_process(bytes(model))
    check_full_int8(read_facts(packed), "int8 .tflite")
    check_operator_versions(packed, "int8 .tflite")
    return packed


def _weights_only(float_model: bytes, recipe: Callable[[Any], None], what: str) -> bytes:
    with converter("ai-edge-quantizer"):
        from ai_edge_quantizer import quantizer as aeq

        quantizer = aeq.Quantizer(bytearray(float_model))
        recipe(quantizer)
        model = quantizer.quantize(enable_progress_report=False).quantized_model
    packed = repack_in_process(bytes(model))
    facts = read_facts(packed)
    check_inline(facts, what)
    check_fully_connected(facts, what)
    check_operator_versions(packed, what)
    return packed


def to_dynamic_tflite(float_model: bytes) -> bytes:
    """A .tflite of int8 weights with float32 input and output; raises as `to_int8_tflite` does."""
    return _weights_only(float_model, _dynamic_recipe, "dynamic .tflite")


def to_half_tflite(float_model: bytes) -> bytes:
    """A .tflite of float16 weights that computes in float32; raises as `to_int8_tflite` does."""
    return _weights_only(float_model, _half_recipe, "float16 .tflite")
