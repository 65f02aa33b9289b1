"""The networks: their heads replaced, their sizes as published, their weights real where they are at hand."""

import copy

import pytest
import timm
import torch
import torchvision.models as zoo

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.models import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    MODELS,
    TimmWeights,
    TorchvisionWeights,
    build_network,
    check_size,
    head_of,
    last_layer,
    multiply_adds,
    normalise,
    on_paper,
    parameters,
)

# Millions of parameters and milliards of multiply-adds with 1,000 outputs at their own size, as timm's model cards at
# Hugging Face round them; Xception's parameters are of keras.io/api/applications, which gives no multiply-adds.
CARDS = {
    "inception_v3": (23.8, 5.7),
    "xception": (22.9, None),
    "resnet101_v2": (44.5, 7.8),
    "inception_resnet_v2": (55.8, 13.2),
}
SMALL = [name for name, entry in MODELS.items() if entry.on_phone]


def papers(paper: str) -> set[str]:
    return {name for name, entry in MODELS.items() if paper in entry.papers}


def test_every_network_of_the_papers_is_there() -> None:
    assert papers("raabin") == {
        *("vgg16", "resnet18", "resnet34", "resnet50", "resnext50_32x4d", "densenet121"),
        *("mobilenet_v2", "mnasnet1_0", "shufflenet_v2_x1_0"),
    }
    assert papers("yu") == {"resnet50", "inception_v3", "vgg16", "vgg19", "xception"}
    assert papers("course") == {"resnet101_v2", "xception", "inception_resnet_v2"}
    assert papers("chossegros") == {"efficientnet_b0"}


@pytest.mark.parametrize("name", MODELS)
def test_head_and_size(name: str) -> None:
    weights, network = MODELS[name].weights, on_paper(name, 5)
    assert head_of(network, name) is last_layer(network)
    whole = parameters(network) + (last_layer(network).in_features + 1) * 995
    if isinstance(weights, TorchvisionWeights):
        assert whole == weights.enum.meta["num_params"]
    elif name == "efficientnet_lite0":  # timm's; Google says 4.7 million
        assert whole == 4_652_008
    else:
        assert round(whole / 1e6, 1) == CARDS[name][0]


def test_inception_v3_is_torchvisions_without_its_auxiliary_head() -> None:
    with torch.device("meta"):
        theirs = zoo.inception_v3(aux_logits=False, init_weights=False)
    assert parameters(theirs) == parameters(on_paper("inception_v3", 1000))


@pytest.mark.parametrize("name", MODELS)
def test_the_least_crop_is_the_least(name: str) -> None:
    network, least = on_paper(name, 5).eval(), MODELS[name].least
    assert network(torch.zeros(2, 3, least, least, device="meta")).shape == (2, 5)
    check_size(name, least)
    if least > 1:
        with pytest.raises(RuntimeError):
            network(torch.zeros(2, 3, least - 1, least - 1, device="meta"))
        with pytest.raises(BadInput, match=f"too small for {name}; give it {least} or more"):
            check_size(name, least - 1)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "xception"])
def test_multiply_adds_are_those_that_are_published(name: str) -> None:
    weights = MODELS[name].weights
    milliards = multiply_adds(on_paper(name, 1000), MODELS[name].size) / 1e9
    if isinstance(weights, TorchvisionWeights):
        assert milliards == pytest.approx(weights.enum.meta["_ops"], abs=6e-4)
    elif name == "efficientnet_lite0":  # B0 less its 32 small convolutions of squeeze-excite
        b0 = multiply_adds(on_paper("efficientnet_b0", 1000), 224) / 1e9
        assert 0.99 * b0 < milliards < b0
    else:
        assert round(milliards, 1) == CARDS[name][1]


@pytest.mark.parametrize("name", MODELS)
def test_a_network_is_fed_as_its_weights_were(name: str) -> None:
    entry = MODELS[name]
    if isinstance(entry.weights, TimmWeights):
        theirs = timm.get_pretrained_cfg(entry.weights.name)
        assert theirs is not None
        assert (entry.mean, entry.std, entry.licence.lower()) == (theirs.mean, theirs.std, theirs.license)
        assert theirs.input_size == (3, entry.size, entry.size)
    elif name != "efficientnet_lite0":
        assert (entry.mean, entry.std, entry.size) == (IMAGENET_MEAN, IMAGENET_STD, 224)


@pytest.mark.parametrize("name", [*SMALL, "resnet101_v2", "mobilenet_v2+embedding", "resnet18+yu"])
def test_the_last_layer_gives_the_logits(name: str) -> None:
    network = build_network(name, 5).eval()
    said: list[torch.Tensor] = []
    last_layer(network).register_forward_hook(lambda _, inputs, logits: said.append(logits))
    with torch.inference_mode():
        assert torch.equal(network(torch.zeros(1, 3, 64, 64)), said[0]) and said[0].shape == (1, 5)


def test_yus_head_has_three_fully_connected_and_two_batch_norm_layers() -> None:
    kinds = [type(module) for module in head_of(on_paper("vgg16+yu", 7), "vgg16+yu").children()]
    assert kinds.count(torch.nn.Linear) == 3 and kinds.count(torch.nn.BatchNorm1d) == 2


def test_resnet101_v2_says_what_timms_network_says() -> None:
    """With its last layer as a matrix instead of a convolution of 1 x 1."""
    ours, theirs = MODELS["resnet101_v2"].build().eval(), timm.create_model("resnetv2_101").eval()
    state = theirs.state_dict()
    state["head.fc.weight"] = state["head.fc.weight"].flatten(1)
    ours.load_state_dict(state)
    crops = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(ours(crops), theirs(crops))


@pytest.mark.parametrize("name", SMALL)
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
    for name in ("mobilenet_v9", "mobilenet_v2+hat"):
        with pytest.raises(BadInput, match=r"mobilenet_v2, shufflenet_v2_x1_0, .* with \+embedding or \+yu after it"):
            build_network(name, 5)
