"""What a user would do instead of our export: litert-torch with ai-edge-quantizer as they are, and onnx2tf.

Each function takes the deployable graph of a run, its crop's size and uint8 (N, S, S, 3) crops to calibrate on, and
returns MAKER.KIND.SUFFIX -> artefact. `rivals.py` measures them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from edge_wbc.core.errors import BadInput
from edge_wbc.core.interpreter import muted_stderr
from export.graph import DeployableGraph
from export.pack import convert
from export.quiet import quiet

OURS, STOCK, ONNX2TF = "ours", "stock", "onnx2tf"
PROBES = ("onnx2tf", "tensorflow", "onnx", "onnxsim")
OPSET = 17


class ChannelsFirst(nn.Module):
    """The graph as PyTorch's users write it: float32 (N, 3, S, S) 0..255 in, probabilities out."""

    def __init__(self, graph: DeployableGraph) -> None:
        super().__init__()
        self.graph = graph
        # PyTorch's exporter puts a module back into the mode that it found, and its children with it.
        self.eval()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        normalise = self.graph.normalise
        logits = self.graph.network(functional.conv2d(pixels, normalise.gain, normalise.shift, groups=3))
        return torch.softmax(logits * self.graph.inverse_temperature, dim=1)


def make_ours(graph: DeployableGraph, size: int, crops: np.ndarray) -> dict[str, bytes]:
    """What `edge-wbc export` makes."""
    names = {"tflite-fp32": "fp32.tflite", "tflite-int8": "int8.tflite", "onnx-int8": "int8.onnx"}
    made = convert(graph.channels_last(), list(names), size, crops, lambda stage, done, total: None)
    return {f"{OURS}.{names[kind]}": model for kind, model in made.items()}


def make_stock(graph: DeployableGraph, size: int, crops: np.ndarray) -> dict[str, bytes]:
    """What the READMEs of litert-torch and ai-edge-quantizer make."""
    with quiet():
        import litert_torch
        from ai_edge_quantizer import quantizer as aeq
        from ai_edge_quantizer import recipe

        wrapped = litert_torch.to_channel_last_io(ChannelsFirst(graph), args=[0]).eval()
        whole = bytes(litert_torch.convert(wrapped, (torch.zeros(1, size, size, 3),)).model_content())
        with muted_stderr():
            from ai_edge_litert.interpreter import Interpreter

            signature = Interpreter(model_content=whole).get_signature_list()["serving_default"]
        feed = [{signature["inputs"][0]: crop[None].astype(np.float32)} for crop in crops]
        quantizer = aeq.Quantizer(bytearray(whole), recipe.static_wi8_ai8())
        ranges = quantizer.calibrate({"serving_default": feed}, num_threads=1)
        small = bytes(quantizer.quantize(ranges, enable_progress_report=False).quantized_model)
    return {f"{STOCK}.fp32.tflite": whole, f"{STOCK}.int8.tflite": small}


def make_onnx2tf(venv: Path, graph: DeployableGraph, size: int, crops: np.ndarray) -> dict[str, bytes]:
    """What onnx2tf makes of PyTorch's own ONNX.

    Raises:
        BadInput: it fails; the line carries its last words.
    """
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        with quiet():
            torch.onnx.export(
                ChannelsFirst(graph),
                (torch.zeros(1, 3, size, size),),
                str(folder / "model.onnx"),
                dynamo=False,
                opset_version=OPSET,
                input_names=["pixels"],
                output_names=["probabilities"],
            )
        np.save(folder / "crops.npy", crops.astype(np.float32))
        # It compares itself with ONNX Runtime on photographs that it would download: here, on some of the crops.
        some = [cv2.resize(crop, (128, 128)) for crop in crops[:20]]
        np.save(folder / "calibration_image_sample_data_20x128x128x3_float32.npy", np.float32(some) / np.float32(255))
        # (crop - 0) / 1 is what it calibrates on, channels last.
        data = ["-cind", "pixels", "crops.npy", "[[[[0,0,0]]]]", "[[[[1,1,1]]]]", "-coton", "denorm"]
        tools = venv.absolute() / "bin"
        command = [str(tools / "onnx2tf"), "-i", "model.onnx", "-o", "out", "-oiqt", *data]
        # It calls onnxsim by name, and goes on without where there is none.
        environment = {**os.environ, "PATH": os.pathsep.join([str(tools), os.environ["PATH"]])}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace")
        found = {
            f"{ONNX2TF}.fp32.tflite": folder / "out" / "model_float32.tflite",
            f"{ONNX2TF}.int8.tflite": folder / "out" / "model_full_integer_quant.tflite",
        }
        if done.returncode or not all(file.is_file() for file in found.values()):
            said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).splitlines()
            words = [line for line in said if "Error" in line] or [f"exit code {done.returncode}"]
            raise BadInput("onnx2tf", f"fails ({words[-1]})")
        return {name: file.read_bytes() for name, file in found.items()}


def versions_in(venv: Path) -> dict[str, str]:
    """Versions of onnx2tf and what it stands on."""
    code = f"import json, importlib.metadata as m; print(json.dumps({{n: m.version(n) for n in {PROBES}}}))"
    done = subprocess.run([venv / "bin" / "python", "-c", code], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{venv}: no onnx2tf there; python3.11 -m venv {venv} && {venv}/bin/pip install onnx2tf==1.29.24")
    return {f"onnx2tf: {name}": number for name, number in json.loads(done.stdout).items() if name != "onnx2tf"} | {
        "onnx2tf": json.loads(done.stdout)["onnx2tf"]
    }
