"""One protocol over whatever runs an artefact here: LiteRT, tflite-runtime, ONNX Runtime, or what the app brings."""

from __future__ import annotations

import importlib
import os
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List, Mapping, Optional, Protocol, Tuple

import numpy as np

from edge_wbc.core.errors import BadInput

__all__ = ["Interpreter", "TfliteInterpreter", "muted_stderr", "open_interpreter", "timed_turn", "use_tflite"]

_TFLITE_HOMES: Tuple[Tuple[str, str], ...] = (
    ("ai_edge_litert.interpreter", "litert"),
    ("tflite_runtime.interpreter", "tflite-runtime"),
)
TfliteOpener = Callable[[str, bytes, int], "Interpreter"]
_brought: Optional[TfliteOpener] = None


class Interpreter(Protocol):
    """What can name crops, or run any other network that takes a picture."""

    runtime: str

    def predict(self, crops: np.ndarray) -> np.ndarray:
        """(N, S, S, 3) uint8 RGB crops -> (N, labels) float32 probabilities; raises as `outputs`."""

    def outputs(self, pixels: np.ndarray) -> List[np.ndarray]:
        """(S, S, 3) uint8 RGB -> every output of the network as float32, less its batch axis, in no promised order.

        Raises:
            BadInput: a TFLite runtime opened the artefact but cannot run it.
        """


class TfliteInterpreter:
    """A .tflite of float (0 to 255) or int8 (value less 128) input, batch 1, NHWC; `name` is what faults call it."""

    def __init__(self, runtime: str, interpreter: Any, name: str = ".tflite") -> None:
        self.runtime, self._name = runtime, name
        self._interpreter = interpreter
        interpreter.allocate_tensors()
        self._input = interpreter.get_input_details()[0]
        self._outputs = interpreter.get_output_details()

    def predict(self, crops: np.ndarray) -> np.ndarray:
        """(N, S, S, 3) uint8 RGB crops -> (N, labels) float32 probabilities."""
        scores = np.empty((len(crops), int(self._outputs[0]["shape"][-1])), np.float32)
        for row, crop in enumerate(crops):
            scores[row] = self.outputs(crop)[0]
        return scores

    def outputs(self, pixels: np.ndarray) -> List[np.ndarray]:
        """(S, S, 3) uint8 RGB -> every output of the network as float32, less its batch axis, in no promised order."""
        self._interpreter.set_tensor(self._input["index"], self._encode(pixels)[None])
        try:
            self._interpreter.invoke()
        except RuntimeError as error:  # old runtimes find some faults only when they compute
            raise BadInput(self._name, f"{self.runtime} cannot run it ({_first_line(error)})") from error
        return [self._decode(self._interpreter.get_tensor(output["index"])[0], output) for output in self._outputs]

    def _encode(self, crop: np.ndarray) -> np.ndarray:
        if self._input["dtype"] == np.float32:
            return crop.astype(np.float32)
        scale, zero = self._input["quantization"]
        if scale == 1 and zero == -128:
            return (crop ^ 128).view(np.int8)
        whole = np.rint(crop / np.float32(scale)) + zero
        info = np.iinfo(self._input["dtype"])
        return np.clip(whole, info.min, info.max).astype(self._input["dtype"])

    def _decode(self, raw: np.ndarray, output: Mapping[str, Any]) -> np.ndarray:
        if raw.dtype == np.float32:
            return raw
        scale, zero = output["quantization"]
        return (raw.astype(np.float32) - zero) * np.float32(scale)


class OnnxInterpreter:
    """An ONNX model of float32 NHWC input, 0 to 255, batch 1."""

    runtime = "onnxruntime"

    def __init__(self, session: Any) -> None:
        self._session = session
        self._name = session.get_inputs()[0].name

    def predict(self, crops: np.ndarray) -> np.ndarray:
        """(N, S, S, 3) uint8 RGB crops -> (N, labels) float32 probabilities."""
        rows = [self.outputs(crop)[0] for crop in crops]
        labels = self._session.get_outputs()[0].shape[-1]
        return np.stack(rows).astype(np.float32) if rows else np.zeros((0, labels), np.float32)

    def outputs(self, pixels: np.ndarray) -> List[np.ndarray]:
        """(S, S, 3) uint8 RGB -> every output of the network as float32, less its batch axis, in no promised order."""
        return [output[0] for output in self._session.run(None, {self._name: pixels[None].astype(np.float32)})]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def muted_stderr() -> Iterator[None]:
    """Keeps native chatter ("Created TensorFlow Lite XNNPACK delegate") off stderr; faults come as exceptions too."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def use_tflite(opener: Optional[TfliteOpener]) -> None:
    """Opens every .tflite by `opener` (name, model, threads) from now on, None as before.

    For a runtime that is no Python module: the phone's is Android's.
    """
    global _brought
    _brought = opener


def _open_tflite(name: str, model: bytes, threads: int) -> Interpreter:
    if _brought is not None:
        return _brought(name, model, threads)
    for module, runtime in _TFLITE_HOMES:
        try:
            home = importlib.import_module(module)
        except ImportError:
            continue
        try:
            with muted_stderr():
                return TfliteInterpreter(runtime, home.Interpreter(model_content=model, num_threads=threads), name)
        except (ValueError, RuntimeError) as error:
            raise BadInput(name, f"{runtime} refuses it ({_first_line(error)})") from error
    raise BadInput(name, "no TFLite runtime is installed", "pip install 'edge-wbc[export]'")


def _open_onnx(name: str, model: bytes, threads: int) -> Interpreter:
    try:
        home = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise BadInput(name, "ONNX Runtime is not installed", "pip install 'edge-wbc[export]'") from error
    options = home.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        session = home.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base but Exception
        raise BadInput(name, f"onnxruntime refuses it ({_first_line(error)})") from error
    return OnnxInterpreter(session)


def open_interpreter(name: str, model: bytes, threads: int = 1) -> Interpreter:
    """Opens an artefact by the suffix of its name.

    Raises:
        BadInput: no runtime for it is installed, or the runtime refuses it.
    """
    if name.endswith(".onnx"):
        return _open_onnx(name, model, threads)
    if name.endswith(".tflite"):
        return _open_tflite(name, model, threads)
    raise BadInput(name, "neither .tflite nor .onnx")


def timed_turn(interpreter: Interpreter, pixels: np.ndarray, count: int) -> List[float]:
    """Seconds of each of `count` inferences of (S, S, 3) uint8 `pixels`, from pixels to float32 outputs.

    One before them is not timed: it brings the artefact's own weights into the cache, where they are from a field's
    second cell on. Raises as `Interpreter.outputs`.
    """
    interpreter.outputs(pixels)
    seconds = []
    for _ in range(count):
        started = time.perf_counter()
        interpreter.outputs(pixels)
        seconds.append(time.perf_counter() - started)
    return seconds
