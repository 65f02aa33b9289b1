"""How well masks were found: Dice and IoU of nucleus and whole cell, for all crops and for each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_wbc.core.masks import Masks

__all__ = ["overlap", "segmentation_measures"]

PARTS = ("nucleus", "cell")
_RESAMPLES = 2000


def overlap(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Dice and IoU of two bool masks of one shape; 1 where both are empty."""
    both, sum_ = int((found & truth).sum()), int(found.sum()) + int(truth.sum())
    return (2 * both / sum_, both / (sum_ - both)) if sum_ else (1.0, 1.0)


def segmentation_measures(found: Sequence[Masks], truths: Sequence[Masks], labels: Sequence[str]) -> dict[str, Any]:
    """The object of a segmenter's ``evaluate --json``: means over crops, with bootstrap 95% limits of the mean.

    Args:
        labels: the class of each crop.
    """
    shares = np.array(
        [
            [overlap(getattr(mine, part), getattr(truth, part)) for part in PARTS]
            for mine, truth in zip(found, truths, strict=True)
        ]
    )
    trust = np.array([mine.confidence for mine in found])
    worse = shares[..., 0].min(1)
    alike = len(found) > 2 and trust.std() > 0 and worse.std() > 0
    return {
        "n": len(found),
        "empty": sum(not mine.cell.any() for mine in found),
        **_means(shares),
        "confidence": float(trust.mean()),
        "confidence_against_dice": float(np.corrcoef(trust, worse)[0, 1]) if alike else None,
        "per_class": {
            label: {"support": int(rows.sum()), **_means(shares[rows])}
            for label in dict.fromkeys(sorted(labels))
            if (rows := np.array([each == label for each in labels])).any()
        },
    }


def _means(shares: np.ndarray) -> dict[str, Any]:
    """Of (N, 2, 2): part, Dice or IoU."""
    draws = np.random.default_rng(0).integers(0, len(shares), (_RESAMPLES, len(shares)))
    means = shares[draws].mean(1)
    return {
        part: {
            name: value
            for column, measure in enumerate(("dice", "iou"))
            for name, value in (
                (measure, float(shares[:, row, column].mean())),
                (f"{measure}_ci95", np.percentile(means[:, row, column], (2.5, 97.5)).tolist()),
            )
        }
        for row, part in enumerate(PARTS)
    }
