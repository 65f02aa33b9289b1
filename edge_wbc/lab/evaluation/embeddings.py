"""What a network's last layer sees, and its map in two dimensions."""

from __future__ import annotations

import numpy as np
from torch import nn

from edge_wbc.lab.models import last_layer

__all__ = ["embed", "embedding_map"]


def embed(network: nn.Module, pixels: np.ndarray) -> np.ndarray:
    """(N, S, S, 3) uint8 crops -> (N, D) float32, the input of the network's last fully connected layer."""
    from edge_wbc.lab.training.judging import inputs_of

    return inputs_of(network, last_layer(network), pixels)


def embedding_map(embeddings: np.ndarray, seed: int = 0) -> np.ndarray:
    """(N, D) -> (N, 2) by t-SNE (van der Maaten and Hinton 2008) of the first 50 principal components; N at least 4.

    Distances within a cluster say something, those between clusters and the axes say nothing.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    few = PCA(min(50, *embeddings.shape), random_state=seed).fit_transform(embeddings)
    near = min(30.0, (len(few) - 1) / 3)
    return TSNE(perplexity=near, init="pca", random_state=seed).fit_transform(few)
