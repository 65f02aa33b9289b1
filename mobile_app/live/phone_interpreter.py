"""Android's TensorFlow Lite (org.tensorflow:tensorflow-lite:2.11.0) behind core's interpreter protocol.

What Python's TFLite offers is rebuilt here over the Java one, so that pixels go in and scores come out by core's own
arithmetic on every runtime.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, List

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.interpreter import Interpreter, TfliteInterpreter, use_tflite
from mobile_app.android.java import java_class, java_exception, java_words

__all__ = ["RUNTIME", "install"]

RUNTIME = "tflite-java"

_LITE = "org.tensorflow.lite"
# Those that calls only return are among them: pyjnius looks up the class of what it is given.
_CLASSES = (
    *(f"{_LITE}.Interpreter", f"{_LITE}.Interpreter$Options", f"{_LITE}.Tensor", f"{_LITE}.Tensor$QuantizationParams"),
    *(f"{_LITE}.TensorFlowLite", f"{_LITE}.DataType"),
    *("java.nio.ByteBuffer", "java.nio.Buffer", "java.nio.ByteOrder", "java.util.HashMap"),
)
_DTYPES = {"FLOAT32": np.float32, "INT8": np.int8, "UINT8": np.uint8, "INT32": np.int32}


def install() -> str:
    """Has core open every .tflite by Android's library; call once, on the main thread.

    Returns:
        The library's version.

    Raises:
        BadInput: this is no Android, or the app was built without the library.
    """
    classes = {name.rsplit(".", 1)[1]: java_class(name) for name in _CLASSES}
    try:
        version = str(classes["TensorFlowLite"].runtimeVersion())
    except java_exception() as error:
        raise BadInput("TensorFlow Lite", f"does not load ({java_words(error)})", "build the app again") from error
    use_tflite(partial(_opened, classes))
    return version


def _opened(java: Dict[str, Any], name: str, model: bytes, threads: int) -> Interpreter:
    try:
        return TfliteInterpreter(RUNTIME, _JavaInterpreter(java, model, threads), name)
    except java_exception() as error:
        raise BadInput(name, f"{RUNTIME} refuses it ({java_words(error)})") from error


class _JavaInterpreter:
    """The part of Python's TFLite that core calls; an instance belongs to one thread at a time."""

    def __init__(self, java: Dict[str, Any], model: bytes, threads: int) -> None:
        self._java = java
        # Java reads the model where it lies: it must live as long as the interpreter.
        self._model = self._buffer(len(model))
        self._model.put(model)
        options = java["Interpreter$Options"]()
        options.setNumThreads(threads)
        self._interpreter = java["Interpreter"](self._model, options)

    def _buffer(self, size: int) -> Any:
        buffer = self._java["ByteBuffer"].allocateDirect(size)
        buffer.order(self._java["ByteOrder"].nativeOrder())
        return buffer

    def allocate_tensors(self) -> None:
        """Makes the buffers that every run goes through."""
        self._interpreter.allocateTensors()
        inputs, outputs = self._interpreter.getInputTensorCount(), self._interpreter.getOutputTensorCount()
        self._inputs = [_details(self._interpreter.getInputTensor(index), index) for index in range(inputs)]
        self._outputs = [_details(self._interpreter.getOutputTensor(index), index) for index in range(outputs)]
        self._fed = [self._buffer(details["bytes"]) for details in self._inputs]
        self._given = [self._buffer(details["bytes"]) for details in self._outputs]
        self._answers = self._java["HashMap"]()
        for index, buffer in enumerate(self._given):
            self._answers.put(index, buffer)

    def get_input_details(self) -> List[Dict[str, Any]]:
        """As Python's TFLite, of the inputs by Java's numbers."""
        return self._inputs

    def get_output_details(self) -> List[Dict[str, Any]]:
        """As Python's TFLite, of the outputs by Java's numbers."""
        return self._outputs

    def set_tensor(self, index: int, value: np.ndarray) -> None:
        """Fills an input."""
        buffer = self._fed[index]
        buffer.rewind()
        buffer.put(value.tobytes())

    def invoke(self) -> None:
        """Runs the network."""
        for buffer in (*self._fed, *self._given):
            buffer.rewind()
        try:
            self._interpreter.runForMultipleInputsOutputs(self._fed, self._answers)
        except java_exception() as error:
            raise RuntimeError(java_words(error)) from error

    def get_tensor(self, index: int) -> np.ndarray:
        """A copy of an output."""
        details, buffer = self._outputs[index], self._given[index]
        raw = bytearray(details["bytes"])
        buffer.rewind()
        buffer.get(raw)
        return np.frombuffer(raw, details["dtype"]).reshape(details["shape"])


def _details(tensor: Any, index: int) -> Dict[str, Any]:
    kind = tensor.dataType().toString()
    if kind not in _DTYPES:
        raise BadInput(".tflite", f"has a tensor of {kind}", "export the pack again")
    quantised = tensor.quantizationParams()
    return {
        "index": index,
        "dtype": _DTYPES[kind],
        "shape": np.array(tensor.shape()),
        "quantization": (quantised.getScale(), quantised.getZeroPoint()),
        "bytes": tensor.numBytes(),
    }
