"""TensorFlow Lite's Java classes with LiteRT inside, as strict about buffers as Java is."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edge_wbc.core import interpreter as room

LITE = "org.tensorflow.lite"
PACK = Path(__file__).parents[3] / "mobile_app" / "packs" / "default"


class Word:
    """A Java enum's value."""

    def __init__(self, said: str) -> None:
        self._said = said

    def toString(self) -> str:
        return self._said


NATIVE, BIG = Word("LITTLE_ENDIAN"), Word("BIG_ENDIAN")


def byte_buffer(java: SimpleNamespace) -> type:
    def thrown(kind: str) -> Exception:
        return java.JavaException(f"java.nio.{kind}")

    class ByteBuffer:
        def __init__(self, size: int, direct: bool) -> None:
            self.content, self.at, self.direct, self.endian = bytearray(size), 0, direct, BIG

        @staticmethod
        def allocateDirect(size: int):
            return ByteBuffer(size, True)

        def order(self, endian: Word):
            self.endian = endian
            return self

        def rewind(self):
            self.at = 0
            return self

        def put(self, data: bytes):
            assert isinstance(data, bytes), "a bytearray would be copied back, byte by byte"
            if self.at + len(data) > len(self.content):
                raise thrown("BufferOverflowException")
            self.content[self.at : self.at + len(data)] = data
            self.at += len(data)
            return self

        def get(self, into: bytearray):
            assert isinstance(into, bytearray)
            if self.at + len(into) > len(self.content):
                raise thrown("BufferUnderflowException")
            into[:] = self.content[self.at : self.at + len(into)]
            self.at += len(into)
            return self

    return ByteBuffer


@pytest.fixture
def tflite(java, monkeypatch) -> SimpleNamespace:
    """Java's TFLite in `java.classes`; gives what the test may turn: the order of outputs, and what was opened."""
    home = pytest.importorskip("ai_edge_litert.interpreter")
    monkeypatch.setattr(room, "_brought", None)
    state = SimpleNamespace(turned=False, opened=[], threads=[])
    ByteBuffer = byte_buffer(java)

    def illegal(words: str) -> Exception:
        return java.JavaException("java.lang.IllegalArgumentException", words)

    class HashMap:
        def __init__(self) -> None:
            self.held: dict[int, object] = {}

        def put(self, key: int, value: object) -> None:
            assert type(key) is int
            self.held[key] = value

    class Options:
        def setNumThreads(self, threads: int):
            state.threads.append(threads)
            return self

    class Tensor:
        def __init__(self, details: dict) -> None:
            self.details = details

        def dataType(self) -> Word:
            return Word(np.dtype(self.details["dtype"]).name.upper())

        def shape(self) -> list:
            return [int(side) for side in self.details["shape"]]

        def numBytes(self) -> int:
            return int(np.prod(self.details["shape"])) * np.dtype(self.details["dtype"]).itemsize

        def quantizationParams(self) -> SimpleNamespace:
            scale, zero = self.details["quantization"]
            return SimpleNamespace(getScale=lambda: float(np.float32(scale)), getZeroPoint=lambda: int(zero))

    class Interpreter:
        def __init__(self, model: ByteBuffer, options: Options) -> None:
            if not (model.direct and model.endian is NATIVE):
                raise illegal("Model ByteBuffer should be either a MappedByteBuffer of the model file, or a direct")
            self.model = model
            try:
                self.real = home.Interpreter(model_content=bytes(model.content), num_threads=1)
                self.real.allocate_tensors()
            except (ValueError, RuntimeError) as error:
                raise illegal(f"Contents of /file does not encode a valid TensorFlow Lite model: {error}") from error
            self.inputs, self.outputs = self.real.get_input_details(), self.real.get_output_details()
            if state.turned:
                self.outputs = self.outputs[::-1]
            state.opened.append(threading.current_thread())

        def allocateTensors(self) -> None:
            pass

        def getInputTensorCount(self) -> int:
            return len(self.inputs)

        def getOutputTensorCount(self) -> int:
            return len(self.outputs)

        def getInputTensor(self, index: int) -> Tensor:
            return Tensor(self.inputs[index])

        def getOutputTensor(self, index: int) -> Tensor:
            return Tensor(self.outputs[index])

        def runForMultipleInputsOutputs(self, inputs: list, outputs: HashMap) -> None:
            for details, buffer in zip(self.inputs, inputs, strict=True):
                if len(buffer.content) != Tensor(details).numBytes():
                    raise illegal(f"Cannot copy to a TensorFlowLite tensor with {Tensor(details).numBytes()} bytes")
                assert buffer.direct and buffer.endian is NATIVE and buffer.at == 0
                value = np.frombuffer(bytes(buffer.content), details["dtype"]).reshape(details["shape"])
                self.real.set_tensor(details["index"], value)
            self.real.invoke()
            for key, buffer in outputs.held.items():
                buffer.put(self.real.get_tensor(self.outputs[key]["index"]).tobytes())

    java.classes.update(
        {
            f"{LITE}.Interpreter": Interpreter,
            f"{LITE}.Interpreter$Options": Options,
            f"{LITE}.Tensor": Tensor,
            f"{LITE}.Tensor$QuantizationParams": SimpleNamespace,
            f"{LITE}.DataType": Word,
            f"{LITE}.TensorFlowLite": SimpleNamespace(runtimeVersion=lambda: "2.11.0"),
            "java.nio.ByteBuffer": ByteBuffer,
            "java.nio.Buffer": ByteBuffer,
            "java.nio.ByteOrder": SimpleNamespace(nativeOrder=lambda: NATIVE),
            "java.util.HashMap": HashMap,
        }
    )
    return state
