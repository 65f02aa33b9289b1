"""The head of Yu et al.: three fully connected and two batch-norm layers on a frozen network."""

from __future__ import annotations

from torch import nn

__all__ = ["yu_head"]

# Not published.
_HIDDEN = (512, 128)


def yu_head(features: int, labels: int) -> nn.Sequential:
    """(N, features) -> (N, labels), in place of a network's last layer.

    Neither the layers' sizes nor their order is published; each batch norm stands before a ReLU here.
    """
    first, second = _HIDDEN
    return nn.Sequential(
        nn.Linear(features, first),
        nn.BatchNorm1d(first),
        nn.ReLU(),
        nn.Linear(first, second),
        nn.BatchNorm1d(second),
        nn.ReLU(),
        nn.Linear(second, labels),
    )
