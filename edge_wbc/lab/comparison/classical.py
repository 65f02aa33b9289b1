"""The classical baselines of Yu et al. (Table I), on what scikit-learn supplies.

The paper does not say what they saw. Here it is each crop, shrunk to 24 x 24 pixels and flattened: 1,728 numbers from 0
to 1, which the logistic regression and the support vector machine see with mean 0 and variance 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

__all__ = ["Classical", "fit_knn", "fit_logistic", "fit_svm", "fit_tree", "flattened"]

SIDE = 24


def flattened(crops: np.ndarray) -> np.ndarray:
    """(N, S, S, 3) uint8 -> (N, 1728) float32 from 0 to 1."""
    small = [cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for crop in crops]
    return np.stack(small).reshape(len(crops), -1).astype(np.float32) / 255


@dataclass(frozen=True)
class Classical:
    """A fitted scikit-learn classifier of flattened crops."""

    labels: tuple[str, ...]
    model: Any

    def scores(self, crops: np.ndarray) -> np.ndarray:
        """(N, S, S, 3) uint8 RGB -> (N, len(labels)) float64, rows sum to 1.

        A support vector machine gives no probabilities: a softmax of its one-against-the-rest decisions stands for
        them, whose highest is the class that it names.
        """
        seen = flattened(crops)
        if hasattr(self.model, "predict_proba"):
            return np.asarray(self.model.predict_proba(seen), float)
        decisions = self.model.decision_function(seen)
        return softmax(decisions if decisions.ndim == 2 else np.stack([-decisions, decisions], 1) / 2, axis=1)


def _fit(model: Any, crops: np.ndarray, truth: Sequence[str]) -> Classical:
    model.fit(flattened(crops), np.asarray(truth, str))
    return Classical(tuple(map(str, model.classes_)), model)


def fit_knn(crops: np.ndarray, truth: Sequence[str], seed: int) -> Classical:
    """The three nearest neighbours; fewer where there are fewer cells."""
    return _fit(KNeighborsClassifier(min(3, len(truth))), crops, truth)


def fit_svm(crops: np.ndarray, truth: Sequence[str], seed: int) -> Classical:
    """A support vector machine with a Gaussian kernel, scikit-learn's own C and width."""
    return _fit(make_pipeline(StandardScaler(), SVC(cache_size=500)), crops, truth)


def fit_logistic(crops: np.ndarray, truth: Sequence[str], seed: int) -> Classical:
    """Logistic regression; C 0.01, for there are as many numbers to a crop as crops to a class."""
    return _fit(make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000)), crops, truth)


def fit_tree(crops: np.ndarray, truth: Sequence[str], seed: int) -> Classical:
    """A decision tree, grown out; ties between splits are broken by the seed."""
    return _fit(DecisionTreeClassifier(random_state=seed), crops, truth)
