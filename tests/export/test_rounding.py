"""Rounded weights: 255 values a channel, which quantising again leaves alone, and outputs that keep their mean."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

from export.graph import DeployableGraph, probabilities
from export.rounding import round_weights

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


def test_rounding_alone_strays_ten_times_further() -> None:
    seen, others = smooth_crops(200, 0), smooth_crops(60, 1)
    graph = differencing_graph(seen)
    before = copy.deepcopy(graph.state_dict())
    rounded = round_weights(graph, seen)
    assert all(torch.equal(value, before[name]) for name, value in graph.state_dict().items())

    plain = copy.deepcopy(rounded)
    for name, layer in plain.network.named_modules():
        if isinstance(layer, nn.Conv2d):
            layer.bias = graph.network.get_submodule(name).bias
    expected = probabilities(graph, others)
    error, plain_error = (np.abs(probabilities(each, others) - expected).mean() for each in (rounded, plain))
    assert 10 * error < plain_error


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
