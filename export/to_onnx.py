"""PyTorch graph -> ONNX, in float32 and in int8 (QDQ), each one self-contained file."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from export.quiet import converter

if TYPE_CHECKING:
    from onnxruntime.quantization import CalibrationDataReader

__all__ = ["OPSET", "to_int8_onnx", "to_onnx"]

OPSET = 17
_INPUT, _OUTPUT = "pixels", "probabilities"


def to_onnx(graph: nn.Module, size: int, outputs: Sequence[str] = (_OUTPUT,)) -> bytes:
    """A float32 ONNX model: input ``pixels`` (1, size, size, 3) 0..255, `outputs`: else ``probabilities`` (1, L).

    Raises:
        BadInput: an operator that the exporter does not know, or a model that breaks the standard.
    """
    import onnx
    from onnxscript import optimizer

    file = io.BytesIO()
    with converter("torch.onnx"):
        # Otherwise PyTorch 2.12 prints the graph that it fails on to stdout, whatever `verbose` says.
        torch._C._jit_set_onnx_log_output_stream("stderr")
        # The older exporter on purpose: it folds batch normalisation and writes opset 17, which ONNX Runtime has read
        # since 1.12; the newer one writes 18 at least and leaves reshapes around the pooling.
        torch.onnx.export(
            graph,
            (torch.zeros(1, size, size, 3),),
            file,  # type: ignore[arg-type]  # the older exporter takes a stream, its annotation does not say so
            dynamo=False,
            opset_version=OPSET,
            input_names=[_INPUT],
            output_names=list(outputs),
        )
        model = onnx.load_from_string(file.getvalue())
        # Sizes are known, yet the exporter writes arithmetic on shapes: 490 of EfficientNet-Lite0's 588 nodes. Left
        # alone, the optimiser stops at ConstantOfShape.
        optimizer.fold_constants(
            model, onnx_shape_inference=True, should_fold=lambda node: node.op_type == "ConstantOfShape" or None
        )
        model = optimizer.optimize(model)
        onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def _reader(crops: np.ndarray) -> CalibrationDataReader:
    """The calibration reader that ONNX Runtime asks for, one crop at a time."""
    from onnxruntime.quantization import CalibrationDataReader as Reader

    class Crops(Reader):
        def __init__(self) -> None:
            self.feeds: Iterator[dict[str, np.ndarray]] = ({_INPUT: crop[None].astype(np.float32)} for crop in crops)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.feeds, None)

    return Crops()


def to_int8_onnx(model: bytes, crops: np.ndarray) -> bytes:
    """A statically quantised ONNX model: int8 weights per channel, uint8 activations; float32 input and output remain.

    Args:
        model: what `to_onnx` returned.
        crops: uint8 (N, S, S, 3) RGB, to calibrate on; N > 0.

    Raises:
        BadInput: an operator that the quantiser does not know.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory(prefix="onnx-int8-") as folder, converter("onnxruntime"):
        source, prepared, target = (Path(folder) / name for name in ("in.onnx", "prepared.onnx", "out.onnx"))
        source.write_bytes(model)
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            target,
            _reader(crops),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            # uint8 activations with int8 weights are what ONNX Runtime's x86 and ARM kernels are written for.
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return target.read_bytes()
