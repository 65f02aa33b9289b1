"""Channels brought to alike ranges before int8 gives them one scale: cross-layer equalisation.

One scale serves all channels of a tensor, so a channel whose values reach a quarter as far keeps two bits less. Between
a batch norm and the one convolution that reads it, a channel may be counted in another unit, and nothing changes but
its rounding (Nagel et al. 2019, arXiv:1906.04721, section 4.1). ReLU6 cuts at 6 whatever the unit, so there units only
shrink as far as the cut stays beyond what the channel reaches.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

__all__ = ["equalise"]

_CROPS = 64
_MARGIN = 1.5  # what a channel may reach in another laboratory, of what it reaches here
_LARGEST = 8.0
_SAME = 1e-4
_BENDS = (nn.ReLU, nn.ReLU6)


@dataclass
class _Pair:
    """A batch norm, what bends its output, that output, and the convolutions that read it."""

    norm: nn.BatchNorm2d
    bend: nn.Module
    output: torch.Tensor
    readers: list[nn.Conv2d]


def _pairs(graph: nn.Module, pixels: torch.Tensor) -> list[_Pair]:
    """Batch norms whose bent output one convolution alone reads, found by following the tensors of one run."""
    norms: dict[int, tuple[nn.BatchNorm2d, torch.Tensor]] = {}
    found: dict[int, _Pair] = {}

    def see(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        if isinstance(module, nn.BatchNorm2d):
            bend = getattr(module, "act", None)  # timm's batch norms hold what bends them
            if isinstance(bend, _BENDS):
                found[id(output)] = _Pair(module, bend, output, [])
            else:
                norms[id(output)] = module, output
        elif isinstance(module, _BENDS) and id(inputs[0]) in norms:
            norm, _ = norms.pop(id(inputs[0]))
            found[id(output)] = _Pair(norm, module, output, [])
        elif isinstance(module, nn.Conv2d) and id(inputs[0]) in found:
            found[id(inputs[0])].readers.append(module)

    kinds = (nn.BatchNorm2d, *_BENDS, nn.Conv2d)
    hooks = [module.register_forward_hook(see) for module in graph.modules() if isinstance(module, kinds)]
    graph(pixels)
    for hook in hooks:
        hook.remove()
    return [pair for pair in found.values() if len(pair.readers) == 1]


@torch.no_grad()
def equalise(graph: nn.Module, crops: np.ndarray) -> nn.Module:
    """A copy of a deployable graph that says the same, with channels of more alike ranges; else the graph itself.

    Where the copy says anything else of crops that its units were not made from, a channel that sleeps on the others
    was cut. EfficientNet-Lite0 has such: its probabilities in a lab never seen moved by up to 0.12.

    Args:
        graph: takes float32 (N, S, S, 3) RGB 0..255, in eval mode.
        crops: uint8 (N, S, S, 3) RGB, N > 0; at most 64 of them, evenly chosen, make the units, as many judge them.
    """
    other = copy.deepcopy(graph)
    step = -(-len(crops) // _CROPS)
    few, judges = (torch.from_numpy(crops[start::step].astype(np.float32)) for start in (0, step // 2))
    pairs = _pairs(other, few[:1])
    reached: dict[nn.Module, torch.Tensor] = {}

    def look(reader: nn.Module, inputs: tuple) -> None:
        reached[reader] = inputs[0].amax((0, 2, 3)).clamp(min=1e-3)

    hooks = [pair.readers[0].register_forward_pre_hook(look) for pair in pairs]
    other(few)
    for hook in hooks:
        hook.remove()
    for pair in pairs:
        reader = pair.readers[0]
        reach = reached[reader]
        ceiling = 6 / _MARGIN if isinstance(pair.bend, nn.ReLU6) else reach.max()
        # The root leaves half of the difference to the weights that read it, which are rounded too.
        unit = (ceiling / reach).sqrt().clamp(1, _LARGEST)
        pair.norm.weight.mul_(unit)
        pair.norm.bias.mul_(unit)
        reader.weight.div_(unit.view(-1, 1, 1, 1) if reader.groups > 1 else unit.view(1, -1, 1, 1))
    same = all(
        torch.allclose(*said, atol=_SAME) for said in zip(_said(graph, judges), _said(other, judges), strict=True)
    )
    return other if same else graph


def _said(graph: nn.Module, pixels: torch.Tensor) -> list[torch.Tensor]:
    said = graph(pixels)
    return [said] if isinstance(said, torch.Tensor) else list(said)
