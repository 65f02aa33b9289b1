"""Three networks, their heads replaced, their weights real where they are at hand."""

import os
from pathlib import Path

import pytest
import torch

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.models import MODELS, build_network, parameters

# Parameters of the papers' networks with 1,000 outputs, in millions (torchvision's model pages).
PUBLISHED = {"mobilenet_v2": 3_504_872, "shufflenet_v2_x1_0": 2_278_604, "mnasnet1_0": 4_383_312}


@pytest.mark.parametrize("name", MODELS)
def test_head_and_size(name: str) -> None:
    network = build_network(name, 5).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 5)
    features = network.get_submodule(MODELS[name].head).in_features
    assert parameters(network) == PUBLISHED[name] - (features + 1) * 995


def test_mnasnet_statistics_follow_a_short_training() -> None:
    momenta = {m.momentum for m in build_network("mnasnet1_0", 5).modules() if isinstance(m, torch.nn.BatchNorm2d)}
    assert momenta == {0.1}


def test_imagenet_weights_are_loaded() -> None:
    if not (Path(os.environ["TORCH_HOME"]) / "hub/checkpoints/mobilenet_v2-b0353104.pth").is_file():
        pytest.skip("no ImageNet weights of MobileNet-V2 in TORCH_HOME")
    one, other = (build_network("mobilenet_v2", 5, imagenet=True) for _ in range(2))
    assert torch.equal(one.features[0][0].weight, other.features[0][0].weight)
    assert not torch.equal(one.features[0][0].weight, build_network("mobilenet_v2", 5).features[0][0].weight)


def test_unknown_network() -> None:
    with pytest.raises(BadInput, match="mobilenet_v2, shufflenet_v2_x1_0, mnasnet1_0"):
        build_network("mobilenet_v9", 5)
