"""Which training crops the int8 ranges are read from: as many of each label as there are, in turn."""

from __future__ import annotations

import numpy as np

__all__ = ["CALIBRATION_CROPS", "stratified"]

CALIBRATION_CROPS = 200


def stratified(labels: np.ndarray, count: int = CALIBRATION_CROPS, seed: int = 0) -> np.ndarray:
    """Positions of a sample that takes one crop of each label in turn until it is full.

    Shares are equal rather than proportional: a basophil's dark granules set ranges that a hundred neutrophils do not
    reach, and a smear holds one basophil in two hundred cells. Where a label runs out, the others fill its place.

    Args:
        labels: integers (N,).
        count: crops wanted, at least 1.
        seed: which crops of each label.

    Returns:
        int64 (min(count, N),), all different; any beginning of it is as balanced as the whole.

    Raises:
        ValueError: no crop wanted, or none there.
    """
    if count < 1 or len(labels) == 0:
        raise ValueError("calibration needs at least one crop")
    chance = np.random.default_rng(seed)
    queues = [chance.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    longest = max(len(queue) for queue in queues)
    in_turn = [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]
    return np.asarray(in_turn[:count], dtype=np.int64)
