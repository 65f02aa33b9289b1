"""The networks: their heads replaced, their sizes as published, their weights real where they are at hand."""

import copy

import pytest
import torch

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.models import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    MODELS,
    TorchvisionWeights,
    build_network,
    last_layer,
    multiply_adds,
    normalise,
    parameters,
)

# Parameters with 1,000 outputs (torchvision's model pages; timm's for Lite0, of which Google says 4.7 million).
PUBLISHED = {
    "mobilenet_v2": 3_504_872,
    "shufflenet_v2_x1_0": 2_278_604,
    "mnasnet1_0": 4_383_312,
    "efficientnet_lite0": 4_652_008,
    "efficientnet_b0": 5_288_548,
}


@pytest.mark.parametrize("name", MODELS)
def test_head_and_size(name: str) -> None:
    network = build_network(name, 5).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 5)
    features = network.get_submodule(MODELS[name].head).in_features
    assert parameters(network) == PUBLISHED[name] - (features + 1) * 995


@pytest.mark.parametrize("name", MODELS)
def test_multiply_adds_are_those_that_torchvision_publishes(name: str) -> None:
    network = build_network(name, 1000)
    if name == "efficientnet_lite0":  # B0 less its 32 small convolutions of squeeze-excite
        b0 = multiply_adds(build_network("efficientnet_b0", 1000), 224)
        assert 0.99 * b0 < multiply_adds(network, 224) < b0
        return
    weights = MODELS[name].weights
    assert isinstance(weights, TorchvisionWeights)
    assert multiply_adds(network, 224) / 1e9 == pytest.approx(weights.enum.meta["_ops"], abs=6e-4)


@pytest.mark.parametrize("name", [*MODELS, "mobilenet_v2+embedding"])
def test_the_last_layer_gives_the_logits(name: str) -> None:
    network = build_network(name, 5).eval()
    said: list[torch.Tensor] = []
    last_layer(network).register_forward_hook(lambda _, inputs, logits: said.append(logits))
    with torch.inference_mode():
        assert torch.equal(network(torch.zeros(1, 3, 64, 64)), said[0]) and said[0].shape == (1, 5)


@pytest.mark.parametrize("name", MODELS)
def test_pixels_reach_a_network_by_its_own_mean_and_deviation(name: str) -> None:
    network = build_network(name, 5)
    entry = MODELS[name]
    values = torch.tensor([0, 127, 255], dtype=torch.uint8)
    # A copy, on its way to export or to an average of weights, still knows them.
    found = normalise(copy.deepcopy(network), values.view(3, 1, 1, 1).expand(3, 3, 2, 2))
    for channel in range(3):
        expected = (values / 255 - entry.mean[channel]) / entry.std[channel]
        torch.testing.assert_close(found[:, channel, 1, 0], expected)
    assert not {"mean", "std"} & set(network.state_dict())


def test_lite0_takes_what_tensorflow_fed_it() -> None:
    fed = normalise(build_network("efficientnet_lite0", 5), torch.full((1, 3, 1, 1), 255, dtype=torch.uint8))
    torch.testing.assert_close(fed, torch.full((1, 3, 1, 1), (255 - 127) / 128))
    assert {(entry.mean, entry.std) for name, entry in MODELS.items() if name != "efficientnet_lite0"} == {
        (IMAGENET_MEAN, IMAGENET_STD)
    }


def test_mnasnet_statistics_follow_a_short_training() -> None:
    momenta = {m.momentum for m in build_network("mnasnet1_0", 5).modules() if isinstance(m, torch.nn.BatchNorm2d)}
    assert momenta == {0.1}


def test_imagenet_weights_are_loaded() -> None:
    if not MODELS["mobilenet_v2"].weights.at_hand():
        pytest.skip("no ImageNet weights of MobileNet-V2 in TORCH_HOME")
    one, other = (build_network("mobilenet_v2", 5, imagenet=True) for _ in range(2))
    assert torch.equal(one.features[0][0].weight, other.features[0][0].weight)
    assert not torch.equal(one.features[0][0].weight, build_network("mobilenet_v2", 5).features[0][0].weight)


def test_unknown_network() -> None:
    with pytest.raises(BadInput, match="mobilenet_v2, shufflenet_v2_x1_0, mnasnet1_0"):
        build_network("mobilenet_v9", 5)
