"""The registry of networks: name -> builder, weights, sizes, normalisation and papers, in one table."""

from __future__ import annotations

import copy
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torchvision.models as zoo
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.models.embedding import embedding_head
from edge_wbc.lab.models.lite0 import LITE0_MEAN, LITE0_STD, LITE0_WEIGHTS, efficientnet_lite0
from edge_wbc.lab.models.timm_networks import from_timm, resnet101_v2
from edge_wbc.lab.models.weights import PackagedWeights, TimmWeights, TorchvisionWeights
from edge_wbc.lab.models.yu import yu_head

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "MODELS",
    "ModelEntry",
    "build_network",
    "check_size",
    "entry_of",
    "head_of",
    "last_layer",
    "load_weights",
    "multiply_adds",
    "normalise",
    "on_paper",
    "parameters",
    "pick_device",
]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ModelEntry:
    """One network of the registry.

    Attributes:
        build: makes it with 1,000 outputs and random weights.
        head: the attribute path of its last fully connected layer.
        weights: its ImageNet weights.
        papers: whose systems it is one of: raabin, yu, course, chossegros.
        licence: of the code and of those weights.
        mean, std: what its input is normalised by, per channel (R, G, B) in units of 0..1.
        size: of the ImageNet crops that those weights were learned on, in pixels.
        least: the smallest crop that it takes, in pixels.
        on_phone: whether its every operator runs in int8 on the phone's TFLite, and is proved there.
    """

    build: Callable[[], nn.Module]
    head: str
    weights: TorchvisionWeights | PackagedWeights | TimmWeights
    papers: tuple[str, ...] = ()
    licence: str = "BSD-3-Clause"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    size: int = 224
    least: int = 1
    on_phone: bool = False


def _densenet_name(name: str) -> str:
    """torchvision's file still numbers a dense layer's parts as norm.1, its network as norm1."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)", r"\1\2", name)


def _from_timm(weights: str, build: Callable[[], nn.Module], head: str, paper: str, **own: Any) -> ModelEntry:
    """A network of timm whose weights were learned on pixels from -1 to 1."""
    half = (0.5, 0.5, 0.5)
    return ModelEntry(build, head, TimmWeights(weights), (*paper.split(),), "Apache-2.0", half, half, **own)


MODELS: dict[str, ModelEntry] = {
    "mobilenet_v2": ModelEntry(
        zoo.mobilenet_v2,
        "classifier.1",
        TorchvisionWeights(zoo.MobileNet_V2_Weights.IMAGENET1K_V1),
        ("raabin",),
        on_phone=True,
    ),
    "shufflenet_v2_x1_0": ModelEntry(
        zoo.shufflenet_v2_x1_0,
        "fc",
        TorchvisionWeights(zoo.ShuffleNet_V2_X1_0_Weights.IMAGENET1K_V1),
        ("raabin",),
        on_phone=True,
    ),
    "mnasnet1_0": ModelEntry(
        zoo.mnasnet1_0,
        "classifier.1",
        TorchvisionWeights(zoo.MNASNet1_0_Weights.IMAGENET1K_V1),
        ("raabin",),
        on_phone=True,
    ),
    "efficientnet_lite0": ModelEntry(
        efficientnet_lite0, "classifier", LITE0_WEIGHTS, (), "Apache-2.0", LITE0_MEAN, LITE0_STD, on_phone=True
    ),
    "efficientnet_b0": ModelEntry(
        zoo.efficientnet_b0,
        "classifier.1",
        TorchvisionWeights(zoo.EfficientNet_B0_Weights.IMAGENET1K_V1),
        ("chossegros",),
    ),
    "resnet18": ModelEntry(zoo.resnet18, "fc", TorchvisionWeights(zoo.ResNet18_Weights.IMAGENET1K_V1), ("raabin",)),
    "resnet34": ModelEntry(zoo.resnet34, "fc", TorchvisionWeights(zoo.ResNet34_Weights.IMAGENET1K_V1), ("raabin",)),
    "resnet50": ModelEntry(
        zoo.resnet50, "fc", TorchvisionWeights(zoo.ResNet50_Weights.IMAGENET1K_V1), ("raabin", "yu")
    ),
    "resnext50_32x4d": ModelEntry(
        zoo.resnext50_32x4d, "fc", TorchvisionWeights(zoo.ResNeXt50_32X4D_Weights.IMAGENET1K_V1), ("raabin",)
    ),
    "densenet121": ModelEntry(
        zoo.densenet121,
        "classifier",
        TorchvisionWeights(zoo.DenseNet121_Weights.IMAGENET1K_V1, _densenet_name),
        ("raabin",),
        least=29,
    ),
    "vgg16": ModelEntry(
        zoo.vgg16, "classifier.6", TorchvisionWeights(zoo.VGG16_Weights.IMAGENET1K_V1), ("raabin", "yu"), least=32
    ),
    "vgg19": ModelEntry(
        zoo.vgg19, "classifier.6", TorchvisionWeights(zoo.VGG19_Weights.IMAGENET1K_V1), ("yu",), least=32
    ),
    "inception_v3": _from_timm("inception_v3.tf_in1k", from_timm("inception_v3"), "fc", "yu", size=299, least=75),
    "xception": _from_timm(
        "legacy_xception.tf_in1k", from_timm("legacy_xception"), "fc", "yu course", size=299, least=7
    ),
    "resnet101_v2": _from_timm("resnetv2_101.a1h_in1k", resnet101_v2, "head.fc", "course"),
    "inception_resnet_v2": _from_timm(
        "inception_resnet_v2.tf_in1k", from_timm("inception_resnet_v2"), "classif", "course", size=299, least=75
    ),
}


HEADS: dict[str, Callable[[int, int], nn.Module]] = {"": nn.Linear, "embedding": embedding_head, "yu": yu_head}
"""What replaces a network's last layer; all but the first are named NETWORK+HEAD."""


def entry_of(name: str) -> ModelEntry:
    """The table's row of NETWORK or NETWORK+HEAD; raises `BadInput` for another name."""
    base, _, head = name.partition("+")
    if base not in MODELS or head not in HEADS:
        heads = " or ".join(f"+{name}" for name in HEADS if name)
        raise BadInput("--model", f"unknown network {name!r}", f"one of: {', '.join(MODELS)}; or with {heads} after it")
    return MODELS[base]


def check_size(name: str, size: int) -> None:
    """Raises `BadInput` for crops too small for a network."""
    least = entry_of(name).least
    if size < least:
        raise BadInput("--size", f"crops of {size} pixels are too small for {name}", f"give it {least} or more")


def build_network(name: str, labels: int, imagenet: bool = False) -> nn.Module:
    """A network with its last layer replaced by one of `labels` outputs (Raabin-WBC, "Classification").

    Args:
        name: of the table; or with "+embedding" after it for the head of Chossegros et al., "+yu" for Yu et al.'s.
        imagenet: start from ImageNet weights.

    Returns:
        A module from (N, 3, S, S) float32, normalised by `normalise`, to (N, labels) logits.

    Raises:
        BadInput: an unknown name.
        OSError: the ImageNet weights are neither on disk nor to be downloaded.
    """
    entry, head = entry_of(name), HEADS[name.partition("+")[2]]
    network = entry.build()
    if imagenet:
        network.load_state_dict(entry.weights.load())
    old = network.get_submodule(entry.head)
    assert isinstance(old, nn.Linear)
    network.set_submodule(entry.head, head(old.in_features, labels))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.momentum is not None and module.momentum < 0.01:
            # torchvision's MnasNet: at 3e-4 a short training leaves the statistics of ImageNet in place, and
            # its int8 form then loses most.
            module.momentum = 0.1
    # Beside the weights, not among them: whoever holds a network can feed it.
    for figure in ("mean", "std"):
        network.register_buffer(figure, torch.tensor(getattr(entry, figure)).view(3, 1, 1), persistent=False)
    return network


def normalise(network: nn.Module, crops: torch.Tensor) -> torch.Tensor:
    """(N, 3, S, S) uint8 on the network's device -> float32 as it expects them, channels last in memory."""
    scaled = (crops.float() / 255 - network.get_buffer("mean")) / network.get_buffer("std")
    return scaled.contiguous(memory_format=torch.channels_last)


def head_of(network: nn.Module, name: str) -> nn.Module:
    """What `build_network` put in place of the last layer; it reads (N, features)."""
    return network.get_submodule(entry_of(name).head)


def last_layer(network: nn.Module) -> nn.Linear:
    """The fully connected layer that gives a network's logits; what it reads is the network's embedding."""
    return [module for module in network.modules() if isinstance(module, nn.Linear)][-1]


def load_weights(network: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Gives a network of `build_network` the weights that such a network had; raises as `load_state_dict` does.

    A file of plain tensors does not say which version of each layer wrote them, which torchvision's MnasNet asks.
    """
    versioned = OrderedDict(state)
    versioned._metadata = network.state_dict()._metadata  # type: ignore[attr-defined]
    network.load_state_dict(versioned)


def on_paper(name: str, labels: int) -> nn.Module:
    """A network of shapes without numbers: its sizes can be read off, and it is built in no time."""
    with torch.device("meta"):
        return build_network(name, labels)


def parameters(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(parameter.numel() for parameter in network.parameters())


def multiply_adds(network: nn.Module, size: int) -> int:
    """How many multiplications with an addition a network needs for one crop of `size` pixels, as PyTorch counts."""
    shapes = copy.deepcopy(network).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        shapes(torch.empty(1, 3, size, size, device="meta"))
    return counter.get_total_flops() // 2


def pick_device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
