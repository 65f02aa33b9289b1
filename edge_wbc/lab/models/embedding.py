"""The head of Chossegros et al.: an embedding of 128, a hidden layer of 512, then the labels."""

from __future__ import annotations

from torch import nn

__all__ = ["EMBEDDING", "embedding_head"]

EMBEDDING, _HIDDEN = 128, 512
# Not published; half of the hidden layer is what such layers are usually given.
_DROPOUT = 0.5


def embedding_head(features: int, labels: int) -> nn.Sequential:
    """(N, features) -> (N, labels), in place of a network's last layer.

    What follows the embedding directly is not published; no nonlinearity is assumed.
    """
    return nn.Sequential(
        nn.Linear(features, EMBEDDING),
        nn.Linear(EMBEDDING, _HIDDEN),
        nn.BatchNorm1d(_HIDDEN),
        nn.Dropout(_DROPOUT),
        nn.ReLU(),
        nn.Linear(_HIDDEN, labels),
    )
