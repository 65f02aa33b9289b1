"""The phone's runtime gives the numbers that core's own gives, through buffers instead of arrays."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from edge_wbc.core import interpreter as room
from edge_wbc.core.errors import BadInput
from edge_wbc.core.interpreter import open_interpreter
from edge_wbc.core.pack import read_pack
from edge_wbc.core.reading import open_reader
from mobile_app.live.phone_interpreter import RUNTIME, install

PACK = Path(__file__).parents[3] / "mobile_app" / "packs" / "default"


@pytest.fixture(scope="module")
def pack():
    return read_pack(PACK)


@pytest.fixture(scope="module")
def crops():
    return np.random.default_rng(0).integers(0, 256, (5, 96, 96, 3), np.uint8)


def test_int8_gives_the_same_numbers(tflite, pack, crops):
    model = pack.files["model.int8.tflite"]
    own = open_interpreter("m.tflite", model).predict(crops)
    assert install() == "2.11.0"
    phones = open_interpreter("m.tflite", model, threads=2)
    assert phones.runtime == RUNTIME and tflite.threads == [2]
    assert np.array_equal(phones.predict(crops), own)
    assert np.array_equal(phones.predict(crops[::-1]), own[::-1]), "nothing is left from the run before"


@pytest.fixture(scope="module")
def float_model():
    """A network of float32 in and two outputs, written by the converter."""
    torch = pytest.importorskip("torch")
    litert_torch = pytest.importorskip("litert_torch")

    class Net(torch.nn.Module):
        def forward(self, pixels):
            return pixels.mean((1, 2)), pixels.amax((1, 2, 3))[:, None]

    return litert_torch.convert(Net().eval(), (torch.zeros(1, 8, 8, 3),)).model_content()


@pytest.mark.parametrize("turned", [False, True])
def test_float_input_and_two_outputs_in_either_order(tflite, float_model, turned):
    pixels = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    own = {output.shape: output for output in open_interpreter("m.tflite", float_model).outputs(pixels)}
    tflite.turned = turned
    install()
    phones = {output.shape: output for output in open_interpreter("m.tflite", float_model).outputs(pixels)}
    assert own.keys() == phones.keys() and len(own) == 2
    assert all(np.array_equal(own[shape], phones[shape]) for shape in own)


def test_a_whole_pack_is_read_on_another_thread(tflite, pack, crops):
    """Classes are looked up by `install` on the main thread; everything else may go on anywhere."""
    install()
    found = []

    def work():
        reader = open_reader(pack)
        found.append((reader.interpreter.runtime, reader.interpreter.predict(crops)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    runtime, scores = found[0]
    assert runtime == RUNTIME and scores.shape == (5, len(pack.manifest.labels))
    assert tflite.opened == [thread]


def test_what_java_refuses_is_one_line(tflite):
    install()
    with pytest.raises(BadInput, match=r"^m\.tflite: tflite-java refuses it \(Contents of .*\)$"):
        open_interpreter("m.tflite", b"no model")


def test_what_fails_when_it_runs_is_one_line(tflite, java, pack, crops, monkeypatch):
    install()
    opened = open_interpreter("m.tflite", pack.files["model.int8.tflite"])

    def thrown(self, inputs, outputs):
        raise java.JavaException("java.lang.IllegalStateException", "Internal error: Failed to run\nNode 3")

    monkeypatch.setattr(java.classes["org.tensorflow.lite.Interpreter"], "runForMultipleInputsOutputs", thrown)
    with pytest.raises(BadInput, match=r"^m\.tflite: tflite-java cannot run it \(Internal error: Failed to run\)$"):
        opened.predict(crops)


def test_an_app_built_without_the_library(java, monkeypatch):
    monkeypatch.setattr(room, "_brought", None)
    with pytest.raises(BadInput, match="org.tensorflow.lite.Interpreter: no such Java class in this app; build"):
        install()
    assert room._brought is None


def test_no_onnx_goes_there(tflite):
    install()
    with pytest.raises(BadInput, match="onnx"):
        open_interpreter("m.onnx", b"no model")


def test_back_to_the_desktops_own(tflite, pack, crops):
    install()
    room.use_tflite(None)
    assert open_interpreter("m.tflite", pack.files["model.int8.tflite"]).runtime == "litert"
