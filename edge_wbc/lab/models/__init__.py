"""The networks that name cells: one table of them, and where their ImageNet weights come from."""

from edge_wbc.lab.models.registry import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    MODELS,
    ModelEntry,
    build_network,
    check_size,
    entry_of,
    head_of,
    last_layer,
    load_weights,
    multiply_adds,
    normalise,
    on_paper,
    parameters,
    pick_device,
)
from edge_wbc.lab.models.weights import PackagedWeights, TimmWeights, TorchvisionWeights

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "MODELS",
    "ModelEntry",
    "PackagedWeights",
    "TimmWeights",
    "TorchvisionWeights",
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
