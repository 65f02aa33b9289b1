"""The networks that name cells: one table of them, and where their ImageNet weights come from."""

from edge_wbc.lab.models.registry import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    MODELS,
    ModelEntry,
    build_network,
    entry_of,
    last_layer,
    load_weights,
    multiply_adds,
    normalise,
    parameters,
    pick_device,
)
from edge_wbc.lab.models.weights import PackagedWeights, TorchvisionWeights

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "MODELS",
    "ModelEntry",
    "PackagedWeights",
    "TorchvisionWeights",
    "build_network",
    "entry_of",
    "last_layer",
    "load_weights",
    "multiply_adds",
    "normalise",
    "parameters",
    "pick_device",
]
