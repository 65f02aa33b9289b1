"""A network at rest under a head that learns: its features are computed once, not in every epoch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from edge_wbc.core.colour import normalise
from edge_wbc.lab.training.judging import inputs_of

__all__ = ["features_of", "freeze_body", "head_logits"]


def freeze_body(network: nn.Module, head: nn.Module) -> None:
    """Lets nothing but the head learn."""
    network.requires_grad_(False)
    head.requires_grad_(True)


def features_of(
    network: nn.Module,
    head: nn.Module,
    pixels: np.ndarray,
    colour: str,
    tell: Callable[[int, int], None],
    batch: int = 64,
) -> np.ndarray:
    """What the head will read: (N, S, S, 3) uint8 crops in their photographs' colours -> (N, D) float32.

    Args:
        colour: of the crop rule.
        tell: called with the crops done and all.
    """
    found = []
    for start in range(0, len(pixels), batch):
        found.append(inputs_of(network, head, normalise(pixels[start : start + batch], colour)))
        tell(min(start + batch, len(pixels)), len(pixels))
    return np.concatenate(found)


@torch.inference_mode()
def head_logits(head: nn.Module, features: np.ndarray) -> np.ndarray:
    """(N, D) float32 features -> (N, labels) float32 logits, with the head in eval mode."""
    device = next(head.parameters()).device
    return head.eval()(torch.from_numpy(features).to(device)).cpu().numpy()
