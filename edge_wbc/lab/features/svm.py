"""A support vector machine on the 51 features: Tavakoli et al.'s classifier, and a baseline that needs no GPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.features.tavakoli import extract

__all__ = ["FeatureSvm", "fit_svm", "fit_table"]

_FOLDS = 5
_GRID = [
    {"svc__kernel": ["linear"], "svc__C": [0.1, 1.0, 10.0]},
    {"svc__kernel": ["rbf"], "svc__C": [1.0, 3.0, 10.0, 30.0, 100.0]},
]


@dataclass(frozen=True)
class FeatureSvm:
    """A fitted SVM.

    Attributes:
        labels: the classes, by name.
        shares: (len(labels),) how frequent each is among the training cells: the answer for a crop without a nucleus.
        chosen: kernel and C that cross-validation on the training cells chose, and its accuracy there.
        without_nucleus: how many training crops were left out for having none.
    """

    labels: tuple[str, ...]
    shares: np.ndarray
    chosen: dict[str, str | float]
    without_nucleus: int
    _model: CalibratedClassifierCV

    def scores(self, crops: np.ndarray) -> np.ndarray:
        """(N, S, S, 3) uint8 RGB crops -> (N, len(labels)) float64 probabilities; `shares` where no nucleus is."""
        return self.scores_of(*extract(crops))

    def scores_of(self, table: np.ndarray, found: np.ndarray) -> np.ndarray:
        """`scores` of what `extract` gives."""
        scores = np.tile(self.shares, (len(table), 1))
        if found.any():
            scores[found] = self._model.predict_proba(table[found])
        return scores


def fit_svm(crops: np.ndarray, truth: Sequence[str], seed: int) -> FeatureSvm:
    """Fits on labelled crops; kernel and C are chosen, and probabilities fitted, by cross-validation among them.

    Args:
        crops: (N, S, S, 3) uint8 RGB, the training part alone.
        truth: N labels.
        seed: of the folds, the only chance there is.

    Raises:
        BadInput: one class only, or a class with fewer than 2 crops that show a nucleus.
    """
    return fit_table(*extract(crops), truth, seed)


def fit_table(table: np.ndarray, found: np.ndarray, truth: Sequence[str], seed: int) -> FeatureSvm:
    """`fit_svm` of what `extract` gives."""
    labels = np.asarray(truth, str)
    folds = StratifiedKFold(_fold_count(labels, found), shuffle=True, random_state=seed)
    model: Pipeline = make_pipeline(StandardScaler(), SVC())
    search = GridSearchCV(model, _GRID, cv=folds, refit=False).fit(table[found], labels[found])
    chosen = {name.removeprefix("svc__"): value for name, value in search.best_params_.items()}
    # SVC's own probabilities are slow, contradict its answers and leave scikit-learn.
    calibrated = CalibratedClassifierCV(model.set_params(**search.best_params_), cv=folds, ensemble=False)
    calibrated.fit(table[found], labels[found])
    names, counts = np.unique(labels, return_counts=True)
    return FeatureSvm(
        tuple(names.tolist()),
        counts / len(labels),
        {**chosen, "accuracy": float(search.best_score_)},
        int((~found).sum()),
        calibrated,
    )


def _fold_count(labels: np.ndarray, found: np.ndarray) -> int:
    usable = Counter(labels[found].tolist())
    if len(set(labels.tolist())) < 2:
        raise BadInput("the training part", f"holds {len(set(labels.tolist()))} class(es); an SVM needs two")
    for label in sorted(set(labels.tolist())):
        if usable[label] < 2:
            raise BadInput(
                f"class {label!r}",
                f"has {usable[label]} training crop{'s' * (usable[label] != 1)} with a nucleus; the SVM needs 2",
                "add images or remove the class",
            )
    return min(_FOLDS, *usable.values())
