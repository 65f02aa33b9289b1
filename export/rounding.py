"""Weights rounded to int8 as the quantisers will round them, and the shift that rounding causes taken back.

Rounding moves the mean of a convolution's output, a depthwise one's most: nine rounded weights no longer add up to what
they did, and batch normalisation magnifies the rest. The bias takes it back (Nagel et al. 2019, arXiv:1906.04721,
section 4.2).
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

__all__ = ["round_weights"]

_CROPS = 128  # in one batch, so that each layer is corrected on what the corrected layers before it say
_PIXELS = _CROPS * 224**2  # of them all: a detector's fields are fewer


@torch.no_grad()
def round_weights(graph: nn.Module, crops: np.ndarray) -> nn.Module:
    """A copy of a deployable graph whose convolutions hold int8 weights, as floats, and say the same on average.

    Args:
        graph: takes float32 (N, S, S, 3) RGB 0..255, in eval mode.
        crops: uint8 (N, S, S, 3) RGB, N > 0; at most 128 of them, evenly chosen, are looked at,
            fewer where they are larger than 224 pixels.
    """
    rounded = copy.deepcopy(graph)
    layers = {name: layer for name, layer in rounded.named_modules() if isinstance(layer, nn.Conv2d)}
    for layer in layers.values():
        # One scale a channel: a batch norm folded into it later only changes that scale.
        scale = layer.weight.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12) / 127
        layer.weight.copy_((layer.weight / scale).round() * scale)

    means: dict[str, torch.Tensor] = {}
    shifts: dict[str, torch.Tensor] = {}

    def note(name: str) -> Callable:
        def hook(layer: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
            means[name] = output.mean((0, 2, 3))

        return hook

    def shift(name: str) -> Callable:
        def hook(layer: nn.Module, inputs: tuple, output: torch.Tensor) -> torch.Tensor:
            shifts[name] = means[name] - output.mean((0, 2, 3))
            return output + shifts[name].view(-1, 1, 1)

        return hook

    most = min(_CROPS, max(1, _PIXELS // crops[0, :, :, 0].size))
    few = torch.from_numpy(crops[:: -(-len(crops) // most)].astype(np.float32))
    for network, hook_of in ((graph, note), (rounded, shift)):
        hooks = [network.get_submodule(name).register_forward_hook(hook_of(name)) for name in layers]
        network(few)
        for hook in hooks:
            hook.remove()
    for name, layer in layers.items():
        bias = shifts[name] if layer.bias is None else layer.bias + shifts[name]
        layer.bias = nn.Parameter(bias.clone(), requires_grad=False)
    return rounded
