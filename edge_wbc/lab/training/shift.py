"""What makes a network lean less on its own lab's look, in training alone: nothing of it is left in the graph."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import nn

from edge_wbc.core.errors import BadInput

__all__ = ["early_blocks", "freeze_norm", "mix_styles", "mixed_style"]

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def freeze_norm(network: nn.Module) -> None:
    """Keeps the batch-norm statistics where they are, at ImageNet's; call it after each ``network.train()``."""
    for module in network.modules():
        if isinstance(module, _BATCH_NORMS):
            module.eval()


def mix_styles(features: torch.Tensor, chance: np.random.Generator, alpha: float = 0.1) -> torch.Tensor:
    """Gives each crop a mix of its own channel means and deviations and of another's (Zhou et al. 2021, section 2.2).

    Args:
        features: (N, C, H, W) float.
        alpha: of the Beta distribution of the mixing shares; the paper's.
    """
    count = len(features)
    share = torch.as_tensor(chance.beta(alpha, alpha, (count, 1, 1, 1)), dtype=features.dtype, device=features.device)
    other = torch.as_tensor(chance.permutation(count), device=features.device)
    # No gradient flows through the statistics, in the paper too.
    variance, mean = torch.var_mean(features.detach(), dim=(2, 3), keepdim=True)
    deviation = (variance + 1e-6).sqrt()
    mixed_mean, mixed_deviation = (share * own + (1 - share) * own[other] for own in (mean, deviation))
    return (features - mean) / deviation * mixed_deviation + mixed_mean


@torch.no_grad()
def early_blocks(network: nn.Module, size: int = 64) -> list[nn.Module]:
    """The last blocks of a network at a quarter and at an eighth of the crop's size: its first two stages' ends."""
    found: dict[int, nn.Module] = {}
    stages = chain.from_iterable(
        child.children() if isinstance(child, nn.Sequential) else (child,) for child in network.children()
    )

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.ndim == 4:
            found[output.shape[-1]] = module

    hooks = [stage.register_forward_hook(note) for stage in stages]
    modes = [(module, module.training) for module in network.modules()]
    first = next(network.parameters())
    try:
        network.eval()(torch.zeros(1, 3, size, size, device=first.device))
    finally:
        # One by one: some of a network's batch norms may be frozen.
        for module, mode in modes:
            module.training = mode
        for hook in hooks:
            hook.remove()
    if missing := [stride for stride in (4, 8) if size // stride not in found]:
        raise BadInput("the recipe", f"mixes styles, and this network has no stage at 1/{missing[0]} of a crop")
    return [found[size // stride] for stride in (4, 8)]


@contextmanager
def mixed_style(network: nn.Module, probability: float, chance: np.random.Generator) -> Iterator[None]:
    """Within it the network, while it trains, mixes styles after its first two stages.

    Args:
        probability: of each stage in each batch; the paper's is 0.5, and 0 does nothing.
    """

    def mix(module: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        return mix_styles(output, chance) if module.training and chance.random() < probability else output

    hooks = [block.register_forward_hook(mix) for block in early_blocks(network)] if probability else []
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
