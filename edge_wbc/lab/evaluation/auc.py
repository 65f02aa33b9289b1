"""The area under the receiver operating characteristic, one label against the rest."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score

__all__ = ["macro_auc"]


def macro_auc(targets: np.ndarray, scores: np.ndarray) -> float:
    """The mean of the labels' AUC, over those that some cells have and others have not; NaN where there is none.

    Args:
        targets: (N,) int columns of `scores`.
        scores: (N, L); each column only has to rise with the label's likelihood.
    """
    present = np.unique(targets)
    if len(present) < 2:
        return float("nan")
    return float(np.mean([roc_auc_score(targets == label, scores[:, label]) for label in present]))
