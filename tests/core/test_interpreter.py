"""Whatever runs an artefact takes uint8 crops and gives probabilities."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from edge_wbc.core import interpreter as room
from edge_wbc.core.errors import BadInput
from edge_wbc.core.interpreter import OnnxInterpreter, TfliteInterpreter, open_interpreter, timed_turn, use_tflite


class FakeRuntime:
    """Keeps what it is fed and answers with its first values."""

    def __init__(self, dtype, quantization=(0.0, 0), out_dtype=np.float32, out_quantization=(0.0, 0)):
        self._input = {"index": 4, "dtype": dtype, "quantization": quantization, "shape": np.array([1, 4, 4, 3])}
        self._output = {"index": 9, "dtype": out_dtype, "quantization": out_quantization, "shape": np.array([1, 3])}
        self.fed = []
        self.ready = False

    def allocate_tensors(self):
        self.ready = True

    def get_input_details(self):
        return [self._input]

    def get_output_details(self):
        return [self._output]

    def set_tensor(self, index, value):
        assert self.ready and index == 4
        assert value.dtype == self._input["dtype"] and value.shape == (1, 4, 4, 3)
        self.fed.append(value.copy())

    def invoke(self):
        self.answer = self.fed[-1].reshape(1, -1)[:, :3].astype(self._output["dtype"])

    def get_tensor(self, index):
        assert index == 9
        return self.answer


CROPS = np.stack([np.arange(48), np.arange(208, 256), np.full(48, 128)]).astype(np.uint8).reshape(3, 4, 4, 3)


def test_int8_of_scale_1_is_the_value_less_128():
    fake = FakeRuntime(np.int8, (1.0, -128))
    before = CROPS.copy()
    TfliteInterpreter("fake", fake).predict(CROPS)
    assert np.array_equal(np.concatenate(fake.fed).astype(int), CROPS.astype(int) - 128)
    assert np.array_equal(CROPS, before)


@pytest.mark.parametrize(("scale", "zero"), [(0.75, -100), (2.0, -128), (1.0, -100), (0.5, -128)])
def test_int8_of_another_scale_rounds_and_clips(scale, zero):
    fake = FakeRuntime(np.int8, (scale, zero))
    TfliteInterpreter("fake", fake).predict(CROPS)
    expected = np.clip([round(value / scale) + zero for value in CROPS.ravel().tolist()], -128, 127)
    assert np.array_equal(np.concatenate(fake.fed).ravel(), expected)


def test_uint8_input():
    fake = FakeRuntime(np.uint8, (1.0, 0))
    TfliteInterpreter("fake", fake).predict(CROPS)
    assert np.array_equal(np.concatenate(fake.fed), CROPS)


def test_float_input_and_output_pass_as_they_are():
    fake = FakeRuntime(np.float32)
    scores = TfliteInterpreter("fake", fake).predict(CROPS)
    assert np.array_equal(np.concatenate(fake.fed), CROPS)
    assert scores.dtype == np.float32 and np.array_equal(scores, CROPS.reshape(3, -1)[:, :3])


def test_int8_output_is_turned_into_probabilities():
    fake = FakeRuntime(np.int8, (1.0, -128), np.int8, (1 / 256, -128))
    scores = TfliteInterpreter("fake", fake).predict(CROPS)
    assert scores.dtype == np.float32 and scores.shape == (3, 3)
    assert scores == pytest.approx(CROPS.reshape(3, -1)[:, :3] / 256)


def test_what_a_runtime_only_sees_when_it_computes_is_one_line(monkeypatch):
    """TFLite 2.8 opens a model whose weights lie outside its flatbuffer."""
    fake = FakeRuntime(np.float32)

    def invoke():
        raise RuntimeError("Input tensor 12 lacks data\nNode number 3 failed to prepare.")

    monkeypatch.setattr(fake, "invoke", invoke)
    line = r"^m\.tflite: fake cannot run it \(Input tensor 12 lacks data\)$"
    with pytest.raises(BadInput, match=line):
        TfliteInterpreter("fake", fake, "m.tflite").predict(CROPS)
    with pytest.raises(BadInput, match=line):
        TfliteInterpreter("fake", fake, "m.tflite").outputs(CROPS[0])


def test_no_crops_give_no_rows():
    none = np.zeros((0, 4, 4, 3), np.uint8)
    assert TfliteInterpreter("fake", FakeRuntime(np.float32)).predict(none).shape == (0, 3)
    assert OnnxInterpreter(FakeSession()).predict(none).shape == (0, 3)


class FakeSession:
    class _Port:
        name, shape = "crop", [1, 3]

    def get_inputs(self):
        return [self._Port]

    get_outputs = get_inputs

    def run(self, names, feed):
        assert names is None
        assert feed["crop"].dtype == np.float32 and feed["crop"].shape == (1, 4, 4, 3)
        return [feed["crop"].reshape(1, -1)[:, :3]]


def test_onnx_is_fed_floats():
    scores = OnnxInterpreter(FakeSession()).predict(CROPS)
    assert scores.dtype == np.float32 and np.array_equal(scores, CROPS.reshape(3, -1)[:, :3])


@pytest.mark.parametrize("name", ["model.pt", "model", "model.tflite.txt", ""])
def test_a_suffix_that_is_none_of_ours(name):
    with pytest.raises(BadInput, match="neither .tflite nor .onnx"):
        open_interpreter(name, b"")


GARBAGE = {
    "empty": b"",
    "text": b"no model at all\n" * 40,
    "zeros": bytes(4096),
    "a tflite's first bytes": b"\x1c\0\0\0TFL3" + bytes(100),
    "noise": np.random.default_rng(0).integers(0, 256, 3000).astype(np.uint8).tobytes(),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_as_tflite(kind):
    pytest.importorskip("ai_edge_litert.interpreter")
    with pytest.raises(BadInput, match="m.tflite: litert refuses it"):
        open_interpreter("m.tflite", GARBAGE[kind])


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_as_onnx(kind):
    pytest.importorskip("onnxruntime")
    with pytest.raises(BadInput, match="m.onnx: onnxruntime refuses it"):
        open_interpreter("m.onnx", GARBAGE[kind])


@pytest.mark.parametrize("name", ["m.tflite", "m.onnx"])
def test_no_runtime_says_what_to_install(monkeypatch, name):
    def absent(module):
        raise ImportError(module)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(BadInput, match=f"{name}: .* installed; pip install"):
        open_interpreter(name, b"")


def test_the_second_runtime_serves_where_the_first_is_absent(monkeypatch):
    asked = []

    class Home:
        @staticmethod
        def Interpreter(model_content, num_threads):
            assert (model_content, num_threads) == (b"model", 2)
            return FakeRuntime(np.float32)

    def only_the_second(module):
        asked.append(module)
        if module == room._TFLITE_HOMES[0][0]:
            raise ImportError(module)
        return Home

    monkeypatch.setattr(importlib, "import_module", only_the_second)
    opened = open_interpreter("m.tflite", b"model", threads=2)
    assert opened.runtime == "tflite-runtime" and len(asked) == 2


def test_what_the_app_brings_opens_every_tflite_and_no_onnx(monkeypatch):
    monkeypatch.setattr(room, "_brought", None)
    use_tflite(lambda name, model, threads: (name, model, threads))
    assert open_interpreter("m.tflite", b"model", threads=2) == ("m.tflite", b"model", 2)
    with pytest.raises(BadInput, match="m.onnx"):
        open_interpreter("m.onnx", b"model")
    use_tflite(None)
    with pytest.raises(BadInput, match="m.tflite"):
        open_interpreter("m.tflite", b"model")


def test_a_refusal_without_words(monkeypatch):
    class Home:
        @staticmethod
        def Interpreter(model_content, num_threads):
            raise RuntimeError

    monkeypatch.setattr(importlib, "import_module", lambda module: Home)
    with pytest.raises(BadInput, match="litert refuses it .RuntimeError."):
        open_interpreter("m.tflite", b"x")


def test_a_turn_times_each_but_the_first(monkeypatch):
    clock = [0.0]
    lasts = iter([9.0, 1.0, 2.0, 3.0])

    class Slow:
        runtime = "slow"

        def outputs(self, pixels):
            assert pixels.shape == (4, 4, 3)
            clock[0] += next(lasts)
            return []

    monkeypatch.setattr(room.time, "perf_counter", lambda: clock[0])
    assert timed_turn(Slow(), CROPS[0], 3) == [1.0, 2.0, 3.0]
    assert next(lasts, None) is None, "one before, then as many as asked"


def test_a_turn_hands_on_what_cannot_run():
    class Broken(FakeRuntime):
        def invoke(self):
            raise RuntimeError("Node 3")

    with pytest.raises(BadInput, match="cannot run it"):
        timed_turn(TfliteInterpreter("fake", Broken(np.float32), "m.tflite"), CROPS[0], 1)
