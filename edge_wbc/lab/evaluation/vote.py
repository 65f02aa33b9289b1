"""Several networks' verdicts as one: the majority vote of Yu et al."""

from __future__ import annotations

import numpy as np

__all__ = ["majority_vote"]


def majority_vote(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The label most networks name; of several with as many votes, the one with the highest summed probability.

    Args:
        scores: (M, N, L) probabilities of M networks.

    Returns:
        (N,) int64 columns of the winners, and (N, L) float64 scores whose highest is the winner's and whose rows sum
        to 1: votes plus mean probability, over M + 1. A mean is below 1 wherever a vote is lacking, so that no
        probability outweighs a vote.
    """
    networks, _, labels = scores.shape
    votes = (scores.argmax(2)[..., None] == np.arange(labels)).sum(0)
    together = (votes + scores.mean(0, dtype=np.float64)) / (networks + 1)
    return together.argmax(1), together
