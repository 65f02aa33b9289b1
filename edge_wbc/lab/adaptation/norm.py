"""Batch-norm statistics read anew off unlabelled crops of the new lab (Schneider et al. 2020, section 2)."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from edge_wbc.lab.training.judging import to_input

__all__ = ["balancing_weights", "with_statistics"]

_STATISTICS = ("running_mean", "running_var")


def balancing_weights(scores: np.ndarray) -> np.ndarray:
    """(N,) chances that sum to 1 and make every label as frequent as the network was trained on.

    A smear holds 60 neutrophils in 100 cells: its plain statistics are those of a neutrophil, and a network that
    normalises by them calls the neutrophil average and names it anything.

    Args:
        scores: (N, L) probabilities.
    """
    # A label that hardly anything resembles is not blown up to a full share.
    frequent = np.maximum(scores.sum(0), 0.02 * len(scores))
    weights = (scores / frequent).sum(1)
    return weights / weights.sum()


@torch.no_grad()
def with_statistics(
    network: nn.Module, crops: np.ndarray, chances: np.ndarray, share: float, seed: int, draws: int = 512
) -> nn.Module:
    """A copy of the network with its batch-norm statistics moved by `share` towards those of `crops`.

    Args:
        crops: (N, S, S, 3) uint8 in the network's colours.
        chances: (N,) of each crop to be drawn.
        share: 0 keeps the network's own statistics, 1 takes those of the crops.
    """
    moved = copy.deepcopy(network)
    norms = [module for module in moved.modules() if isinstance(module, _BatchNorm)]
    if not share or not norms:
        return moved.eval()
    before = [([norm.get_buffer(name).clone() for name in _STATISTICS], norm.momentum) for norm in norms]
    moved.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
        norm.train()
    device = next(moved.parameters()).device
    drawn = np.random.default_rng(seed).choice(len(crops), draws, p=chances)
    for rows in drawn.reshape(-1, 64):
        moved(to_input(moved, torch.from_numpy(crops[rows]).to(device)))
    for norm, (statistics, momentum) in zip(norms, before, strict=True):
        for name, value in zip(_STATISTICS, statistics, strict=True):
            norm.get_buffer(name).lerp_(value, 1 - share)
        norm.momentum = momentum
    return moved.eval()
