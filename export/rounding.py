"""Weights rounded to int8 so that each layer still says what it said.

Rounded to the nearest, the nine weights of a depthwise convolution no longer add up to what they did, and batch
normalisation magnifies the rest. Here each weight's rounding error is made good by the weights of its channel that are
still to be rounded, as far as their inputs vary together (Frantar et al. 2022, arXiv:2210.17323, section 3), and what
is left of a shift of the mean goes into the bias (Nagel et al. 2019, arXiv:1906.04721, section 4.2).
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

__all__ = ["round_weights"]

_CROPS = 128  # in one batch, so that each layer is rounded for what the rounded layers before it say
_PIXELS = _CROPS * 224**2  # of them all: a detector's fields are fewer
_NUMBERS = 1 << 26  # to gather at a time, half a gigabyte in double precision
_DAMPING = 0.01  # of the mean variance, added to each: what did not vary on these crops may vary on others
_HIGHEST = 127


def _patches(layer: nn.Conv2d, inputs: torch.Tensor) -> torch.Tensor:
    """What each weight of a channel is multiplied with: (groups, weights of a channel, places).

    The layer itself gathers them, so that its padding and stride are its own; of fewer crops where there are many.
    """
    weight, bias = layer.weight, layer.bias
    columns = weight[0].numel()
    each = layer.groups * columns * inputs[0, 0].numel() // (layer.stride[0] * layer.stride[1])
    inputs = inputs[:: -(-len(inputs) * each // _NUMBERS)]
    eye = torch.eye(columns).view(columns, *weight.shape[1:]).repeat(layer.groups, 1, 1, 1)
    layer.weight, layer.bias = nn.Parameter(eye, requires_grad=False), None
    gathered = layer.forward(inputs)
    layer.weight, layer.bias = weight, bias
    return gathered.transpose(0, 1).reshape(layer.groups, columns, -1)


def _rounded(weights: torch.Tensor, covariance: torch.Tensor) -> torch.Tensor:
    """Whole numbers up to 127 either way, as floats, in place of weights counted in units of their channel's scale.

    Args:
        weights: float64 (groups, channels, columns).
        covariance: float64 (groups, columns, columns), of what they are multiplied with.
    """
    columns = weights.shape[-1]
    mean = covariance.diagonal(dim1=1, dim2=2).mean(1).clamp(min=1e-12).view(-1, 1, 1)
    inverse = torch.linalg.inv(covariance + _DAMPING * mean * torch.eye(columns))
    factor = torch.linalg.cholesky(inverse, upper=True)
    # The largest stays where it is, or the quantiser would find another scale than the one rounded for.
    largest = weights.abs().argmax(2, keepdim=True)
    kept = weights.gather(2, largest).round()
    left, whole = weights.clone(), torch.empty_like(weights)
    for column in range(columns):
        now = left[:, :, column]
        near = now.round().clamp(-_HIGHEST, _HIGHEST)
        near = torch.where(largest[:, :, 0] == column, kept[:, :, 0], near)
        whole[:, :, column] = near
        error = (now - near) / factor[:, None, column, column]
        left[:, :, column:] -= error[:, :, None] * factor[:, None, column, column:]
    return whole


def _round(layer: nn.Conv2d, inputs: torch.Tensor) -> None:
    """Rounds a convolution's weights, one scale a channel: a batch norm folded in later only changes that scale."""
    patches = _patches(layer, inputs).double()
    patches -= patches.mean(2, keepdim=True)  # the bias makes up for a mean
    covariance = patches @ patches.transpose(1, 2) / patches.shape[2]
    scale = layer.weight.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12) / _HIGHEST
    units = (layer.weight / scale).double().reshape(layer.groups, -1, patches.shape[1])
    layer.weight.copy_(_rounded(units, covariance).float().view_as(layer.weight) * scale)


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
    hooks = [graph.get_submodule(name).register_forward_hook(note(name)) for name in layers]
    graph(few)
    for name, layer in layers.items():
        hooks.append(layer.register_forward_pre_hook(lambda layer, inputs: _round(layer, inputs[0])))
        hooks.append(layer.register_forward_hook(shift(name)))
    rounded(few)
    for hook in hooks:
        hook.remove()
    for name, layer in layers.items():
        bias = shifts[name] if layer.bias is None else layer.bias + shifts[name]
        layer.bias = nn.Parameter(bias.clone(), requires_grad=False)
    return rounded
