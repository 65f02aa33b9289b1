"""Channels brought to alike ranges: the same function, a smaller int8 error, and no channel cut."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from torch import nn  # noqa: E402

from export.equalise import equalise  # noqa: E402
from export.graph import DeployableGraph, probabilities  # noqa: E402

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def network(bend: type[nn.Module], reach: torch.Tensor) -> DeployableGraph:
    """A depthwise block whose first channels reach as far as `reach` says."""
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(8)
    layers = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), norm, bend(), nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.BatchNorm2d(8), bend(),
        nn.Conv2d(8, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3),
    )  # fmt: skip
    with torch.no_grad():
        norm.weight.copy_(reach)
        norm.running_var.fill_(1.0)
    return DeployableGraph(layers.eval(), MEAN, STD)


def crops(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)


def reaches(graph: nn.Module, pixels: np.ndarray, layer: int) -> torch.Tensor:
    found = []
    hook = graph.network[layer].register_forward_hook(lambda module, inputs, output: found.append(output))
    probabilities(graph, pixels)
    hook.remove()
    return torch.cat(found).amax((0, 2, 3))


@pytest.mark.parametrize("bend", [nn.ReLU, nn.ReLU6])
def test_it_says_the_same_with_channels_more_alike(bend):
    graph = network(bend, torch.logspace(-2, 0, 8))
    before = graph.network[1].weight.clone()
    other = equalise(graph, crops(40, 0))
    assert other is not graph and torch.equal(graph.network[1].weight, before)
    np.testing.assert_allclose(probabilities(other, crops(60, 1)), probabilities(graph, crops(60, 1)), atol=1e-5)
    wide, narrow = (reaches(each, crops(20, 2), 2) for each in (graph, other))
    assert narrow.max() / narrow.min() < 0.5 * wide.max() / wide.min()


def test_a_channel_that_wakes_on_other_crops_leaves_the_network_as_it_is():
    """Every second crop is as grey as the mean: on those, which make the units, channels sleep; on the judges not."""
    graph = network(nn.ReLU6, torch.full((8,), 4.0))
    quiet = np.full((128, 16, 16, 3), 124, np.uint8)
    quiet[1::2] = crops(64, 3)  # 128 crops: every second judges
    assert equalise(graph, quiet) is graph


def test_what_two_layers_read_is_left_alone():
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
            self.left, self.right = nn.Conv2d(4, 3, 1), nn.Conv2d(4, 3, 1)

        def forward(self, picture):
            seen = self.first(picture)
            return (self.left(seen) + self.right(seen)).mean((2, 3))

    torch.manual_seed(0)
    graph = DeployableGraph(Shared().eval(), MEAN, STD)
    other = equalise(graph, crops(8, 4))
    assert torch.equal(other.network.first[1].weight, graph.network.first[1].weight)
