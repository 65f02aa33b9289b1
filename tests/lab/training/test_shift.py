"""Frozen statistics stay, mixed styles are of training alone, an average forgets its start."""

import numpy as np
import pytest
import torch
from torch import nn

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.models import MODELS, build_network
from edge_wbc.lab.training.averaging import averaged, decay_at
from edge_wbc.lab.training.shift import early_blocks, freeze_norm, mix_styles, mixed_style


def test_frozen_statistics_do_not_move_and_their_scales_learn() -> None:
    network = build_network("mobilenet_v2", 2).train()
    freeze_norm(network)
    before = {name: value.clone() for name, value in network.named_buffers()}
    network(torch.rand(4, 3, 32, 32)).sum().backward()
    assert all(torch.equal(value, before[name]) for name, value in network.named_buffers())
    assert network.features[0][1].weight.grad.abs().sum() > 0
    network.train()(torch.rand(4, 3, 32, 32))
    assert not torch.equal(network.features[0][1].running_mean, before["features.0.1.running_mean"])


def test_a_mixed_style_is_between_two_and_the_content_its_own() -> None:
    torch.manual_seed(0)
    features = torch.randn(6, 4, 8, 8) * torch.rand(6, 4, 1, 1) + 3 * torch.rand(6, 4, 1, 1)
    mixed = mix_styles(features, np.random.default_rng(3))
    for own, other in ((features.mean((2, 3)), mixed.mean((2, 3))), (features.std((2, 3)), mixed.std((2, 3)))):
        assert (other <= own.max(0).values + 1e-4).all() and (other >= own.min(0).values - 1e-4).all()
        assert not torch.allclose(own, other, atol=1e-3)

    def content(value: torch.Tensor) -> torch.Tensor:
        return (value - value.mean((2, 3), keepdim=True)) / value.std((2, 3), keepdim=True)

    assert torch.allclose(content(features), content(mixed), atol=1e-3)
    assert torch.allclose(mix_styles(features[:1], np.random.default_rng(3)), features[:1], atol=1e-4)


def test_styles_mix_in_training_alone() -> None:
    network = build_network("shufflenet_v2_x1_0", 3).train()
    crops = torch.rand(5, 3, 32, 32)
    with torch.no_grad():
        plain = network(crops)
        with mixed_style(network, 1.0, np.random.default_rng(0)):
            assert not torch.allclose(network(crops), plain, atol=1e-2)
            judged = network.eval()(crops)
        assert torch.equal(network(crops), judged)
        assert torch.equal(network.train()(crops), plain)
        with mixed_style(network, 0.0, np.random.default_rng(0)):
            assert torch.equal(network(crops), plain)


def test_looking_for_stages_leaves_the_modes_of_layers_alone() -> None:
    network = build_network("mobilenet_v2", 3).train()
    freeze_norm(network)
    before = [module.training for module in network.modules()]
    early_blocks(network)
    assert [module.training for module in network.modules()] == before


def test_a_network_without_such_stages_is_refused() -> None:
    with pytest.raises(BadInput, match="mixes styles, and this network has no stage at 1/4 of a crop"):
        early_blocks(build_network("inception_v3", 3), 96)


@pytest.mark.parametrize("model", [name for name, entry in MODELS.items() if entry.on_phone])
def test_every_network_has_two_early_stages(model: str) -> None:
    network = build_network(model, 3).eval()
    sides: list[int] = []
    for block in early_blocks(network):
        block.register_forward_hook(lambda module, inputs, output: sides.append(output.shape[-1]))
    network(torch.rand(1, 3, 96, 96))
    assert sides == [24, 12]


def test_the_average_follows_the_weights_and_its_decay_warms_up() -> None:
    layer = nn.Linear(1, 1, bias=False)
    average = averaged(layer, 0.99)
    expected = 0.0
    for update in range(40):
        with torch.no_grad():
            layer.weight.fill_(update)
        average.update_parameters(layer)
        decay = 0.0 if update == 0 else min(0.99, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * update
    assert average.module.weight.item() == pytest.approx(expected, rel=1e-5)
    assert 30 < expected < 39
    assert decay_at(10**6, 0.99) == 0.99
