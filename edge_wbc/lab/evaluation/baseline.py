"""What colour alone achieves: a histogram and logistic regression, to show that a task is not trivial."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

__all__ = ["ColourBaseline"]


class ColourBaseline:
    """Logistic regression on each crop's histogram of 8 x 8 x 8 RGB bins."""

    def __init__(self, pixels: np.ndarray, truth: np.ndarray, labels: int) -> None:
        """Fits on (N, S, S, 3) uint8 crops and their (N,) int columns out of `labels`."""
        self._columns = labels
        self._model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300, C=0.01))
        self._model.fit(self._histograms(pixels), truth)

    def scores(self, pixels: np.ndarray) -> np.ndarray:
        """(N, S, S, 3) uint8 -> (N, labels) probabilities."""
        found = np.zeros((len(pixels), self._columns), np.float32)
        found[:, self._model.classes_] = self._model.predict_proba(self._histograms(pixels))
        return found

    @staticmethod
    def _histograms(pixels: np.ndarray) -> np.ndarray:
        bins = (pixels >> 5).astype(np.int64)
        cell = (bins[..., 0] * 64 + bins[..., 1] * 8 + bins[..., 2]).reshape(len(pixels), -1)
        counts = np.stack([np.bincount(row, minlength=512) for row in cell])
        return np.sqrt(counts / cell.shape[1])
