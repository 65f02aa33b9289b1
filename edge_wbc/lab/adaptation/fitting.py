"""The short training that every way of adapting shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import nn

from edge_wbc.lab.training.averaging import averaged
from edge_wbc.lab.training.draws import prepared
from edge_wbc.lab.training.judging import to_input

__all__ = ["fit"]

Batch = tuple[np.ndarray, np.ndarray]


def fit(
    network: nn.Module,
    draw: Callable[[int], Batch],
    steps: int,
    optimiser: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    *,
    at_rest: Iterable[nn.Module] = (),
    average: float = 0.0,
    told: Callable[[int], object] | None = None,
) -> nn.Module:
    """Trains a network on batches that are drawn for it.

    Args:
        draw: step -> (N, S, S, 3) uint8 crops in the network's colours, and (N, L) float32 targets that need not sum
            to 1: a row's sum is its weight. It is called on a thread of its own, in order.
        at_rest: modules that stay in eval mode: their batch-norm statistics are left as they are.
        average: the decay of an average of the weights, which is then what is returned; 0 for none.
        told: called with the steps done.

    Returns:
        The network, or the average, in eval mode.
    """
    device = next(network.parameters()).device
    mean = averaged(network, average) if average else None
    network.train()
    for module in at_rest:
        module.training = False
    for step, (crops, targets) in enumerate(prepared(draw, steps, 1), 1):
        wanted = torch.from_numpy(targets).to(device)
        logits = network(to_input(network, torch.from_numpy(crops).to(device)))
        loss = -(wanted * logits.log_softmax(1)).sum() / wanted.sum().clamp(min=1e-6)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        # One cell that was named wrongly shall not throw the weights about.
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        if scheduler:
            scheduler.step()
        if mean:
            mean.update_parameters(network)
        if told:
            told(step)
    return (mean.module if mean else network).eval()
