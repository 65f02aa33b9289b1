"""Ranges of activations: one crop does not widen them, what is only moved shares them, the input's is fixed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn

from edge_wbc.core.errors import CheckFailed
from edge_wbc.core.interpreter import open_interpreter
from export import ranges
from export.flatbuffer import read_facts
from export.graph import DeployableGraph, probabilities
from export.ranges import activation_ranges
from export.tflite import _static_recipe, to_int8_tflite, to_tflite

SIZE = 16


class Branches(nn.Module):
    """Slices of two branches put together in two ways, as ShuffleNet-V2 without its shuffles does."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
        self.pool = nn.Sequential(nn.ZeroPad2d(1), nn.MaxPool2d(3, 2))
        self.last, self.other = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.end = nn.Linear(8, 3)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        # Scales that differ unless they are tied.
        one, two = torch.relu(self.one(picture)), torch.relu(10 * self.two(picture))
        first = self.last(self.pool(torch.cat([one[:, :2], two[:, :2]], 1)))
        second = self.other(self.pool(torch.cat([one[:, 2:], two[:, 2:]], 1)))
        return self.end(torch.cat([first, second], 1).mean((2, 3)))


@pytest.fixture(scope="module")
def branches() -> tuple[DeployableGraph, bytes, np.ndarray]:
    torch.manual_seed(0)
    graph = DeployableGraph(Branches(), (0.5,) * 3, (0.2,) * 3)
    crops = np.random.default_rng(0).integers(60, 200, (40, SIZE, SIZE, 3)).astype(np.uint8)
    return graph, to_tflite(graph, SIZE), crops


def ranges_of(float_model: bytes, crops: np.ndarray) -> dict:
    from ai_edge_quantizer import quantizer as aeq

    quantizer = aeq.Quantizer(bytearray(float_model))
    _static_recipe(quantizer)
    return {name: ends for name, ends in activation_ranges(quantizer, float_model, crops).items() if ends}


def width(found: dict) -> dict[str, float]:
    return {name: ends["max"].item() - ends["min"].item() for name, ends in found.items()}


def test_one_crop_in_forty_does_not_widen_a_range(float_tflite, run) -> None:
    crops = run.crops("train")[0][:40] // 4 + 100
    plain = width(ranges_of(float_tflite, crops))
    lonely = crops.copy()
    lonely[7, ::2], lonely[7, 1::2] = 0, 255
    found = width(ranges_of(float_tflite, lonely))
    many = width(ranges_of(float_tflite, np.concatenate([crops, lonely[[7] * 10]])))
    assert found.keys() == plain.keys() and len(plain) > 5
    inner = [name for name in plain if plain[name] not in (255, 1)]
    assert all(found[name] <= 1.1 * plain[name] for name in inner)
    assert sum(many[name] > 1.5 * plain[name] for name in inner) > 1


def test_a_single_crop_has_its_own_extremes(float_tflite, run) -> None:
    found = ranges_of(float_tflite, run.crops("train")[0][:1])
    assert all(np.isfinite([ends["min"], ends["max"]]).all() for ends in found.values())
    assert max(width(found).values()) == 255


@pytest.mark.filterwarnings("ignore:Warning. Enabling `experimental_preserve_all_tensors`")
def test_what_is_moved_has_one_scale_and_is_never_rounded_again(branches) -> None:
    graph, float_model, crops = branches
    model = to_int8_tflite(float_model, crops)
    assert "QUANTIZE" not in read_facts(model).operators
    interpreter = Interpreter(model_content=model, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    details = {each["index"]: each["quantization"] for each in interpreter.get_tensor_details()}
    moved = [each for each in interpreter._get_ops_details() if each["op_name"] in ranges._MOVING - {"RESHAPE"}]
    assert {each["op_name"] for each in moved} >= {"CONCATENATION", "MAX_POOL_2D"}
    slices = [each for each in moved if each["op_name"] in ("SLICE", "STRIDED_SLICE", "SPLIT")]
    assert slices and len({details[index] for each in slices for index in each["outputs"]}) == 1
    for each in moved:
        (scale,) = {details[index] for index in (*each["inputs"], *each["outputs"]) if details[index][0]}
        assert scale[0] > 0
    expected = probabilities(graph, crops)
    np.testing.assert_allclose(open_interpreter("m.tflite", model).predict(crops), expected, atol=0.03)


def test_untied_they_are_rounded_between(branches, monkeypatch) -> None:
    """The test above can fail: left to the quantiser, each slice has a scale of its own."""
    monkeypatch.setattr(ranges, "_tie", lambda found, model: None)
    assert "QUANTIZE" in read_facts(to_int8_tflite(*branches[1:])).operators


@pytest.mark.parametrize("light", [(0, 20), (120, 121), (0, 256)])
def test_the_inputs_scale_is_1_whatever_the_light(light: tuple[int, int], branches) -> None:
    crops = np.random.default_rng(0).integers(*light, (4, SIZE, SIZE, 3)).astype(np.uint8)
    found = ranges_of(branches[1], crops)
    name = read_facts(branches[1]).input_name
    assert (found[name]["min"].item(), found[name]["max"].item()) == (0, 255)


def test_a_range_that_is_not_finite_is_named(float_tflite, monkeypatch) -> None:
    from ai_edge_quantizer import calibrator

    bad = {"hidden": {"min": np.array([-np.inf]), "max": np.array([1.0])}}
    fake = SimpleNamespace(calibrate=lambda feeds, recipe: None, get_model_qsvs=lambda: bad)
    monkeypatch.setattr(calibrator, "Calibrator", lambda *arguments: fake)
    with pytest.raises(CheckFailed, match="'hidden' has no finite range"):
        ranges_of(float_tflite, np.zeros((1, 32, 32, 3), np.uint8))
