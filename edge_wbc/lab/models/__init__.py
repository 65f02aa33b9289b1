"""The registry of networks: name -> builder and weights, in one table."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torchvision.models as zoo
from torch import nn

from edge_wbc.core.errors import BadInput

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "MODELS", "ModelEntry", "build_network", "load_weights"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ModelEntry:
    """One network of the registry.

    Attributes:
        head: the attribute path of its last fully connected layer.
        weights: torchvision's ImageNet weights for it.
        licence: of the code and of those weights.
        on_phone: whether its every operator runs in int8 on the phone's TFLite.
    """

    head: str
    weights: zoo.WeightsEnum
    licence: str = "BSD-3-Clause"
    on_phone: bool = True


MODELS: dict[str, ModelEntry] = {
    "mobilenet_v2": ModelEntry("classifier.1", zoo.MobileNet_V2_Weights.IMAGENET1K_V1),
    "shufflenet_v2_x1_0": ModelEntry("fc", zoo.ShuffleNet_V2_X1_0_Weights.IMAGENET1K_V1),
    "mnasnet1_0": ModelEntry("classifier.1", zoo.MNASNet1_0_Weights.IMAGENET1K_V1),
}


def _entry(name: str) -> ModelEntry:
    if name not in MODELS:
        raise BadInput("--model", f"unknown network {name!r}", f"one of: {', '.join(MODELS)}")
    return MODELS[name]


def build_network(name: str, labels: int, imagenet: bool = False) -> nn.Module:
    """A network with its last layer replaced by one of `labels` outputs (Raabin-WBC, "Classification").

    Args:
        imagenet: start from ImageNet weights, which torchvision finds under TORCH_HOME or downloads.

    Returns:
        A module from (N, 3, S, S) float32, normalised by IMAGENET_MEAN and IMAGENET_STD, to (N, labels) logits.

    Raises:
        BadInput: an unknown name.
        OSError: the ImageNet weights are neither on disk nor to be downloaded.
    """
    entry = _entry(name)
    network = zoo.get_model(name, weights=None)
    if imagenet:
        state = entry.weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        network.load_state_dict(state)
    parent, _, last = entry.head.rpartition(".")
    owner = network.get_submodule(parent)
    old = owner[int(last)] if last.isdigit() else getattr(owner, last)
    setattr(owner, last, nn.Linear(old.in_features, labels))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.momentum is not None and module.momentum < 0.01:
            # torchvision's MnasNet: at 3e-4 a short training leaves the statistics of ImageNet in place, and
            # its int8 form then loses most.
            module.momentum = 0.1
    return network


def load_weights(network: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Gives a network of `build_network` the weights that such a network had; raises as `load_state_dict` does.

    A file of plain tensors does not say which version of each layer wrote them, which torchvision's MnasNet asks.
    """
    versioned = OrderedDict(state)
    versioned._metadata = network.state_dict()._metadata  # type: ignore[attr-defined]
    network.load_state_dict(versioned)


def parameters(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(parameter.numel() for parameter in network.parameters())


def pick_device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
