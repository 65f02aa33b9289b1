"""Rounded weights: 255 values a channel, which quantising again leaves alone, and outputs that keep their mean."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from export.graph import DeployableGraph, probabilities
from export.rounding import _rounded, round_weights

SIZE = 32


class Depthwise(nn.Module):
    """Small differences of large inputs: what rounding nine weights spoils and batch norm magnifies."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = nn.Conv2d(3, 48, 3, groups=3, bias=False)
        self.norm = nn.BatchNorm2d(48)
        self.point = nn.Conv2d(48, 16, 1)
        self.last = nn.Linear(16, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.point(nn.functional.relu6(self.norm(self.depth(image))))).mean((2, 3)))


def differencing_graph(crops: np.ndarray) -> DeployableGraph:
    torch.manual_seed(0)
    network = Depthwise()
    with torch.no_grad():
        network.depth.weight -= network.depth.weight.mean((2, 3), keepdim=True)
    graph = DeployableGraph(network, (0.1, 0.1, 0.1), (0.05, 0.05, 0.05))
    with torch.no_grad():
        graph.network.train()
        for _ in range(50):
            graph(torch.from_numpy(crops).float())
    return graph.eval()


def smooth_crops(count: int, seed: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    slope = chance.uniform(-0.5, 0.5, (2, count, 1, 1, 3))
    row, column = np.mgrid[:SIZE, :SIZE][..., None] - SIZE / 2
    return (180 + slope[0] * row + slope[1] * column + chance.normal(0, 1, (count, SIZE, SIZE, 3))).astype(np.uint8)


@torch.no_grad()
def nearest(layer: nn.Conv2d) -> nn.Conv2d:
    """What the quantiser would make of its weights."""
    found = copy.deepcopy(layer)
    scale = layer.weight.abs().amax((1, 2, 3), keepdim=True) / 127
    found.weight.copy_((layer.weight / scale).round() * scale)
    return found


def test_rounded_to_the_nearest_it_strays_ten_times_further() -> None:
    seen, others = smooth_crops(60, 0), smooth_crops(30, 1)
    graph = differencing_graph(seen)
    before = copy.deepcopy(graph.state_dict())
    rounded = round_weights(graph, seen)
    assert all(torch.equal(value, before[name]) for name, value in graph.state_dict().items())

    plain = copy.deepcopy(graph)
    for name in ("depth", "point"):
        plain.network.set_submodule(name, nearest(plain.network.get_submodule(name)))
    expected = probabilities(graph, others)
    error, plain_error = (np.abs(probabilities(each, others) - expected).mean() for each in (rounded, plain))
    assert 10 * error < plain_error, (error, plain_error)


def test_weights_lie_on_the_quantisers_grid() -> None:
    crops = smooth_crops(8, 0)
    rounded = round_weights(differencing_graph(crops), crops)
    again = round_weights(rounded, crops)
    for layer in (rounded.network.depth, rounded.network.point):
        steps = layer.weight / (layer.weight.abs().amax((1, 2, 3), keepdim=True) / 127)
        torch.testing.assert_close(steps, steps.round(), atol=1e-3, rtol=0)
    np.testing.assert_allclose(probabilities(again, crops), probabilities(rounded, crops), atol=1e-4)


def test_a_dead_channel_stays_dead(graph, run) -> None:
    dead = copy.deepcopy(graph)
    with torch.no_grad():
        dead.network.depth[0].weight[0] = 0
    rounded = round_weights(dead, run.crops("train")[0])
    assert not rounded.network.depth[0].weight[0].any() and torch.isfinite(rounded.network.depth[0].bias).all()


class Watched(nn.Module):
    """A depthwise and a pointwise layer, whose outputs are what is asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.depth = nn.Conv2d(3, 24, 3, 1, 1, groups=3, bias=False)
        self.point = nn.Conv2d(24, 8, 1)
        self.last = nn.Linear(8, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.last(self.point(self.depth(image)).mean((2, 3)))


@torch.inference_mode()
@pytest.mark.parametrize("name", ["depth", "point"])
def test_each_layers_output_strays_less_than_rounded_to_the_nearest(name: str) -> None:
    torch.manual_seed(0)
    graph = DeployableGraph(Watched(), (0.5,) * 3, (0.2,) * 3)
    rounded = round_weights(graph, smooth_crops(60, 0))
    inputs = graph.normalise(torch.from_numpy(smooth_crops(30, 1)).float())
    if name == "point":
        inputs = graph.network.depth(inputs)
    layer, ours = graph.network.get_submodule(name), rounded.network.get_submodule(name)
    expected = layer(inputs)

    def spread(output: torch.Tensor) -> float:
        """The error that is left when the bias makes up for its mean."""
        error = output - expected
        return (error - error.mean((0, 2, 3), keepdim=True)).square().mean().item()

    assert spread(ours(inputs)) < 0.6 * spread(nearest(layer)(inputs))


@torch.inference_mode()
def test_every_channel_keeps_its_mean_through_all_layers() -> None:
    crops = smooth_crops(40, 0)
    graph = differencing_graph(crops)
    rounded = round_weights(graph, crops)
    pixels = torch.from_numpy(crops).float()
    means: dict[str, list[torch.Tensor]] = {}
    for each in (graph, rounded):
        for name in ("depth", "point"):
            layer = each.network.get_submodule(name)
            layer.register_forward_hook(
                lambda layer, inputs, output, name=name: means.setdefault(name, []).append(output.mean((0, 2, 3)))
            )
        each(pixels)
    for name, (before, after) in means.items():
        torch.testing.assert_close(after, before, atol=1e-4 * before.abs().max().item(), rtol=0, msg=name)
    assert not torch.equal(graph.network.depth.weight, rounded.network.depth.weight)


def covariance_of(columns: int, places: int, seed: int) -> torch.Tensor:
    inputs = torch.randn(1, columns, places, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return inputs @ inputs.transpose(1, 2) / places


whole_weights = arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.integers(-127, 127))
any_weights = arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.floats(-127, 127, width=32)
)


@given(any_weights, st.integers(1, 20), st.integers(0, 9))
def test_rounded_weights_are_whole_and_fit_a_byte(weights: np.ndarray, places: int, seed: int) -> None:
    """Whatever the inputs were, fewer places than weights included; the largest is only rounded."""
    given_ = torch.from_numpy(weights)[None]
    found = _rounded(given_, covariance_of(weights.shape[1], places, seed))
    assert torch.equal(found, found.round()) and found.abs().max() <= 127
    largest = given_.abs().argmax(2, keepdim=True)
    assert torch.equal(found.gather(2, largest), given_.gather(2, largest).round())


@given(whole_weights, st.integers(0, 9))
def test_whole_weights_stay_as_they_are(weights: np.ndarray, seed: int) -> None:
    given_ = torch.from_numpy(weights).double()[None]
    assert torch.equal(_rounded(given_, covariance_of(weights.shape[1], 12, seed)), given_)


@pytest.mark.parametrize("inputs", ["nothing varies", "one varies"])
def test_inputs_that_do_not_vary_are_rounded_to_the_nearest(inputs: str) -> None:
    weights = torch.tensor([[[126.6, 0.4, -3.6]]], dtype=torch.float64)
    covariance = torch.zeros(1, 3, 3, dtype=torch.float64)
    covariance[0, 1, 1] = float(inputs == "one varies")
    assert _rounded(weights, covariance).tolist() == [[[127, 0, -4]]]


@pytest.mark.parametrize("crops", [np.full((5, SIZE, SIZE, 3), 90, np.uint8), smooth_crops(1, 0)])
def test_crops_of_one_colour_and_a_single_crop(crops: np.ndarray) -> None:
    graph = differencing_graph(smooth_crops(20, 0))
    rounded = round_weights(graph, crops)
    assert all(torch.isfinite(value).all() for value in rounded.state_dict().values())
    np.testing.assert_allclose(probabilities(rounded, crops), probabilities(graph, crops), atol=0.02)


def test_a_network_of_nothing_but_zeros() -> None:
    graph = DeployableGraph(Watched(), (0.5,) * 3, (0.2,) * 3)
    with torch.no_grad():
        for parameter in graph.parameters():
            parameter.zero_()
    rounded = round_weights(graph, smooth_crops(3, 0))
    assert not any(value.any() for name, value in rounded.network.state_dict().items())


def test_at_most_128_crops_are_looked_at_and_fewer_of_large_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = differencing_graph(smooth_crops(4, 0))
    seen: list[int] = []
    graph.network.depth.register_forward_pre_hook(lambda layer, inputs: seen.append(len(inputs[0])))
    round_weights(graph, smooth_crops(300, 0))
    assert seen == [100, 100]
    monkeypatch.setattr("export.rounding._PIXELS", 10 * SIZE**2)
    round_weights(graph, smooth_crops(300, 0))
    assert seen[2:] == [10, 10]
