"""A run or a pack judged on the crops of a lab: what it said of each, and the measures of that."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.taxonomy import five_class
from edge_wbc.lab.datasets import load_crops, read_dataset
from edge_wbc.lab.evaluation.calibration import Reliability, reliability, untempered
from edge_wbc.lab.evaluation.classifier import Classifier, Progress
from edge_wbc.lab.evaluation.guard import guard_measures, is_outside, is_white
from edge_wbc.lab.evaluation.measures import evaluate

__all__ = ["LabResult", "calibration_of", "judge_lab", "lab_measures"]


@dataclass(frozen=True)
class LabResult:
    """What a network said of one lab's crops.

    Attributes:
        truth: (N,) labels, of the five classes or outside them.
        scores: (N, len(labels)) probabilities, after the temperature.
        temperature, uncertain_below: of the run or pack.
        crops: (N, S, S, 3) uint8 RGB as the network saw them.
        embeddings: (N, D), what its last layer saw.
    """

    name: str
    truth: np.ndarray
    scores: np.ndarray
    labels: tuple[str, ...]
    uncertain_below: float = 0.0
    temperature: float = 1.0
    crops: np.ndarray | None = None
    embeddings: np.ndarray | None = None

    @property
    def named(self) -> np.ndarray:
        """(N,) the label that the phone shows: the highest of all outputs."""
        return np.asarray(self.labels)[self.scores.argmax(1)]


def judge_lab(
    classifier: Classifier, data: Path, name: str, progress: Progress | None = None, embed: bool = False
) -> LabResult:
    """Names every labelled crop of DATA, those outside the five classes too.

    Args:
        embed: keep the crops, and their embeddings where the classifier gives any.

    Raises:
        BadInput: as `read_dataset` and `load_crops`, or no cell of the five classes in it.
    """
    dataset = read_dataset(data)
    truth = np.array([item.label for item in dataset.items])
    if not is_white(truth).any():
        raise BadInput(data, "no cell of the five classes in it", "put crops for the guard beside labelled white cells")
    pixels = load_crops(dataset, classifier.crop, progress).pixels
    labels, scores = _folded(classifier.labels, classifier.predict(pixels, progress))
    return LabResult(
        name,
        truth,
        scores,
        labels,
        classifier.uncertain_below,
        classifier.temperature,
        pixels if embed else None,
        classifier.embed(pixels) if embed and classifier.embed else None,
    )


def _folded(labels: tuple[str, ...], scores: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Outputs that are parts of one of the five classes (Yu's bands, and lymphocytes by size) added up to it."""
    classes = [five_class(label) or label for label in labels]
    names = tuple(dict.fromkeys(classes))
    if names == labels:
        return labels, scores
    return names, scores @ np.array([[name == label for name in names] for label in classes], scores.dtype)


def calibration_of(lab: LabResult) -> tuple[Reliability, Reliability]:
    """How far the scores of the white cells can be believed, before the temperature and after it."""
    white = is_white(lab.truth)
    right = (lab.named == lab.truth)[white]
    before, after = untempered(lab.scores[white], lab.temperature), lab.scores[white]
    return reliability(before.max(1), right), reliability(after.max(1), right)


def lab_measures(lab: LabResult) -> dict[str, Any]:
    """The object of ``evaluate --json``: `evaluate` over the five classes, calibration, and the guard.

    ``dropped`` counts by label what is none of the five classes; ``guard`` is None where no such crop is known.
    """
    white = is_white(lab.truth)
    before, after = calibration_of(lab)
    tried = is_outside(lab.truth).any()
    return {
        **evaluate(lab.truth[white].tolist(), lab.scores[white], lab.labels, lab.uncertain_below),
        "dropped": dict(Counter(lab.truth[~white].tolist())),
        "calibration": {"temperature": lab.temperature, "ece_before": before.error, "ece": after.error},
        "guard": guard_measures(lab.truth.tolist(), lab.scores, lab.labels, lab.uncertain_below) if tried else None,
    }
