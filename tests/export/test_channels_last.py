"""ShuffleNet-V2 without its shuffles and MnasNet with a pooling say what they said, to the last bit where sums are."""

from __future__ import annotations

import copy
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import ShuffleNetV2

from edge_wbc.core.interpreter import open_interpreter
from edge_wbc.lab.models import build_network
from export.channels_last import channels_last_form
from export.flatbuffer import read_facts
from export.graph import DeployableGraph, probabilities
from export.tflite import to_int8_tflite, to_tflite

SIZE = 64
REWRITTEN = ("shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "mnasnet1_0")


def network_of(name: str) -> nn.Module:
    """Weights as they begin, batch norms as they might have become: no two channels alike."""
    torch.manual_seed(0)
    if name == "shufflenet_v2_x0_5":
        from torchvision.models import shufflenet_v2_x0_5

        network: nn.Module = shufflenet_v2_x0_5(num_classes=5)
    else:
        network = build_network(name, 5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network.eval()


@pytest.mark.parametrize("name", REWRITTEN)
@torch.inference_mode()
def test_it_says_what_it_said(name: str) -> None:
    network = network_of(name).double()
    pictures = torch.randn(3, 3, SIZE, SIZE, dtype=torch.float64)
    expected = network(pictures)
    form = channels_last_form(network)
    assert not isinstance(form, type(network)) and expected.std() > 1e-3
    torch.testing.assert_close(form(pictures), expected, atol=1e-12 * expected.abs().max().item(), rtol=0)
    # Where the field is no power of two, a pooling may still round otherwise than a mean.
    torch.testing.assert_close(form(pictures[:, :, :50, :58]), network(pictures[:, :, :50, :58]), atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("name", REWRITTEN)
@torch.inference_mode()
def test_whole_numbers_stay_equal_to_the_last_bit(name: str) -> None:
    """Sums of whole numbers do not depend on their order, so that only a channel in another's place can differ."""
    network = network_of(name).double()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            # Two of each row: through 30 layers a number stays within the 53 bits that are kept exactly.
            rows = torch.zeros(len(module.weight), module.weight[0].numel(), dtype=torch.float64)
            two = torch.stack([torch.randperm(rows.shape[1])[:2] for _ in rows])
            module.weight.copy_(rows.scatter_(1, two, 1.0).view_as(module.weight))
        if isinstance(module, nn.BatchNorm2d):
            module.weight.fill_(1.0)
            module.bias.copy_(torch.randint(-2, 3, module.bias.shape))
            module.running_mean.copy_(torch.randint(-2, 3, module.running_mean.shape))
            module.running_var.fill_(1.0)
            module.eps = 0.0
        if isinstance(module, nn.Linear):
            module.weight.copy_(torch.randint(-3, 4, module.weight.shape))
            module.bias.zero_()
    pictures = torch.randint(-4, 5, (2, 3, SIZE, SIZE), dtype=torch.float64)
    expected = network(pictures)
    assert len(expected.unique()) == 10 and expected.abs().max() < 2**53
    assert torch.equal(channels_last_form(network)(pictures), expected)


@pytest.mark.parametrize("name", REWRITTEN)
def test_the_network_handed_in_is_left_alone(name: str) -> None:
    network = network_of(name)
    modules = [*network.named_modules()]
    tensors = {key: (value, value.clone()) for key, value in network.state_dict(keep_vars=True).items()}
    graph = DeployableGraph(network, (0.5,) * 3, (0.2,) * 3)
    inner = [*graph.network.named_modules()]
    form = graph.channels_last()
    assert form is not graph and form.normalise is graph.normalise
    assert form.inverse_temperature == graph.inverse_temperature
    assert [*network.named_modules()] == modules and [*graph.network.named_modules()] == inner
    for key, value in network.state_dict(keep_vars=True).items():
        assert value is tensors[key][0] and torch.equal(value, tensors[key][1])
    assert not any(module.training for module in form.modules())
    assert not any(parameter.requires_grad for parameter in form.parameters())
    before = probabilities(form, np.full((2, SIZE, SIZE, 3), 90, np.uint8))
    np.testing.assert_array_equal(probabilities(form.eval(), np.full((2, SIZE, SIZE, 3), 90, np.uint8)), before)
    again = probabilities(copy.deepcopy(form), np.full((2, SIZE, SIZE, 3), 90, np.uint8))
    np.testing.assert_array_equal(again, before)


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_b0"])
def test_other_networks_come_back_as_they_are(name: str) -> None:
    network = network_of(name)
    assert channels_last_form(network) is network


UNITS = [2, 2, 1]
"""Of each stage; torchvision's has 4, 8 and 4, whose conversion takes half a minute."""


@pytest.fixture(scope="module")
def shuffling(draw_crops) -> tuple[DeployableGraph, np.ndarray]:
    crops, _ = draw_crops(12, 5, SIZE)
    torch.manual_seed(0)
    network = ShuffleNetV2(UNITS, [24, 32, 48, 64, 96], num_classes=5)
    graph = DeployableGraph(network, (0.5,) * 3, (0.2,) * 3)
    with torch.no_grad():
        graph.network.train()
        for _ in range(20):
            graph(torch.from_numpy(crops).float())
    return graph.eval(), crops


def test_no_transpose_is_left_and_nothing_is_requantised(shuffling) -> None:
    graph, crops = shuffling
    model = to_tflite(graph.channels_last(), SIZE)
    expected = probabilities(graph, crops)
    np.testing.assert_allclose(open_interpreter("m.tflite", model).predict(crops), expected, atol=1e-5)
    small = to_int8_tflite(model, crops)
    operators = Counter(read_facts(small).operators)
    assert operators == Counter(read_facts(model).operators)
    assert not {"TRANSPOSE", "QUANTIZE", "DEQUANTIZE", "RESHAPE"} & set(operators)
    # Two branches of five, and three a unit; one before, one behind, one that normalises.
    assert operators["CONV_2D"] + operators["DEPTHWISE_CONV_2D"] == 5 * 3 + 3 * (sum(UNITS) - 3) + 3
    assert np.abs(open_interpreter("m.tflite", small).predict(crops) - expected).mean() < 0.02


def test_as_torchvision_wrote_it_every_shuffle_transposes_three_times(shuffling) -> None:
    """49 in all with 16 units. If this fails, the converter keeps channels last and the rewriting may go."""
    assert read_facts(to_tflite(shuffling[0], SIZE)).operators["TRANSPOSE"] == 3 * sum(UNITS) + 1
