"""An exponential moving average of the weights: flatter minima, and no single step decides (Izmailov et al. 2018)."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

__all__ = ["averaged", "decay_at"]


def decay_at(update: int, decay: float) -> float:
    """How much of the average stays at an update: little at first, so that a short training forgets its start."""
    return min(decay, (1 + update) / (10 + update))


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """The average of a network over its ``update_parameters(network)``, batch-norm statistics and all.

    Call it before hooks are hung on the network: they would be copied.
    """

    def update(average: list[torch.Tensor], current: list[torch.Tensor], seen: torch.Tensor | int) -> None:
        get_ema_multi_avg_fn(decay_at(int(seen), decay))(average, current, seen)

    return AveragedModel(network, multi_avg_fn=update, use_buffers=True)  # type: ignore[arg-type]
