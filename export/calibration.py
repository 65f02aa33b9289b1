"""Which crops the int8 ranges are read from: of every label and laboratory, as they are and under other light.

A range that is too narrow clips, and clipping shows in the next laboratory rather than at home: MobileNet-V2 calibrated
by the quantiser's moving average agreed with its float self on all held-out crops of its own laboratory, and on 80% of
another's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["CALIBRATION_CROPS", "calibration_set", "relit", "strata", "stratified"]

CALIBRATION_CROPS = 200


def strata(labels: np.ndarray, domains: Sequence[str]) -> np.ndarray:
    """One number, int64 (N,), for each pair of label and domain that occurs."""
    _, columns = np.unique(np.asarray(domains, dtype=str), return_inverse=True)
    _, found = np.unique(np.stack([labels, columns.reshape(-1)], axis=1), axis=0, return_inverse=True)
    return found.reshape(-1)


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


def relit(crops: np.ndarray, seed: int = 0) -> np.ndarray:
    """Each crop under another lamp: brightness and contrast by up to a fifth, each channel by up to a tenth.

    Args:
        crops: uint8 (N, S, S, 3) RGB.
        seed: of the chances.

    Returns:
        uint8, as `crops`.
    """
    chance = np.random.default_rng(seed)
    each = (len(crops), 1, 1, 1)
    gain = chance.uniform(0.8, 1.2, each) * chance.uniform(0.9, 1.1, (len(crops), 1, 1, 3))
    contrast = chance.uniform(0.8, 1.2, each)
    middle = crops.mean(axis=(1, 2), keepdims=True)
    return np.clip(np.rint((crops - middle) * contrast + middle * gain), 0, 255).astype(np.uint8)


def calibration_set(crops: np.ndarray, labels: np.ndarray, count: int = CALIBRATION_CROPS, seed: int = 0) -> np.ndarray:
    """A stratified sample of training crops, followed by the same crops relit.

    Args:
        crops: uint8 (N, S, S, 3) RGB.
        labels: integers (N,).
        count: crops to take, before they are relit.
        seed: of the choice and of the light.

    Returns:
        uint8 (2 * min(count, N), S, S, 3).

    Raises:
        ValueError: as `stratified`.
    """
    plain = np.asarray(crops[stratified(labels, count, seed)])
    return np.concatenate([plain, relit(plain, seed)])
