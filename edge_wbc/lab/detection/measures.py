"""How well boxes were found: average precision as COCO counts it, and the FROC curve.

Detections are (boxes, scores) a field, (N, 4) and (N,); truths are (M, 4) boxes a field; boxes are x0, y0, x1, y1
with the end exclusive. One kind of object: the white cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_wbc.core.boxes import overlaps
from edge_wbc.core.errors import BadInput

__all__ = ["Detections", "Froc", "average_precision", "detection_measures", "froc", "match_boxes"]

Detections = tuple[np.ndarray, np.ndarray]
COCO_IOUS = np.linspace(0.5, 0.95, 10)
# COCO's own limit on what counts of one field.
_MOST = 100


def _centres_inside(boxes: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """(N, M) bool: whether the middle of a box lies in a truth."""
    middle = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
    return ((middle >= truths[None, :, :2]) & (middle < truths[None, :, 2:])).all(2)


def _claims(worth: np.ndarray) -> np.ndarray:
    """Which truth each box finds, each truth once: best score first, each box takes the free truth worth most.

    Args:
        worth: (T, N, M), boxes by falling score; what a truth is worth to a box, negative where it is no match,
            under each of T rules.

    Returns:
        (T, N) int64 number of the truth, or -1.
    """
    free = np.ones((len(worth), worth.shape[2]), bool)
    claimed = np.full(worth.shape[:2], -1)
    rules = np.arange(len(worth))
    # Most boxes match nothing at all under the loosest rule; only the others have to queue.
    for row in np.flatnonzero((worth >= 0).any((0, 2))):
        offered = np.where(free, worth[:, row], -1.0)
        best = offered.argmax(1)
        found = offered[rules, best] >= 0
        claimed[found, row] = best[found]
        free[rules, best] &= ~found
    return claimed


def _worth(boxes: np.ndarray, truth: np.ndarray, ious: np.ndarray, centres: bool) -> np.ndarray:
    iou = overlaps(boxes, truth)
    fits = iou[None] >= ious[:, None, None] - 1e-9
    if centres:
        fits |= _centres_inside(boxes, truth)[None]
    return np.where(fits, iou[None], -1.0)


def match_boxes(boxes: np.ndarray, scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Which marked cell each box of one field finds under `froc`'s rule "centre": (N,) int64, -1 where none."""
    order = np.argsort(-scores, kind="stable")
    claimed = np.full(len(order), -1)
    claimed[order] = _claims(_worth(np.reshape(boxes, (-1, 4))[order], truth, np.array([0.5]), True))[0]
    return claimed


def _ranked(
    detections: Sequence[Detections], truths: Sequence[np.ndarray], ious: np.ndarray, centres: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of all fields' boxes, falling, and (T, N) bool whether each found a cell."""
    if len(detections) != len(truths):
        raise BadInput("detections", f"{len(detections)} fields found, {len(truths)} marked")
    scores: list[np.ndarray] = []
    found: list[np.ndarray] = []
    for (boxes, score), truth in zip(detections, truths, strict=True):
        order = np.argsort(-np.asarray(score, float), kind="stable")[:_MOST]
        boxes = np.reshape(boxes, (-1, 4)).astype(float)[order]
        truth = np.reshape(truth, (-1, 4)).astype(float)
        scores.append(np.asarray(score, float)[order])
        found.append(_claims(_worth(boxes, truth, ious, centres)) >= 0)
    together = np.concatenate(scores) if scores else np.zeros(0)
    order = np.argsort(-together, kind="stable")
    return together[order], np.concatenate(found, axis=1)[:, order] if found else np.zeros((len(ious), 0), bool)


def average_precision(
    detections: Sequence[Detections], truths: Sequence[np.ndarray], ious: Sequence[float] | np.ndarray = (0.5,)
) -> np.ndarray:
    """COCO's average precision (101 points of recall) at each overlap of `ious`: (T,) float64.

    Raises:
        BadInput: no truth at all, or another number of fields.
    """
    count = _cells(truths)
    _, found = _ranked(detections, truths, np.asarray(ious, float), centres=False)
    right = found.cumsum(1)
    recall = right / count
    precision = right / np.arange(1, found.shape[1] + 1)
    # The best precision at this recall or any higher one.
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    points = np.linspace(0, 1, 101)
    result = np.zeros(len(found))
    for row in range(len(found)):
        at = np.searchsorted(recall[row], points, side="left")
        result[row] = np.append(precision[row], 0.0)[at].mean()
    return result


@dataclass(frozen=True)
class Froc:
    """The free-response curve: what lowering the threshold gains and costs, from no box to all of them.

    Attributes:
        thresholds: (K,) falling; a box counts when its score is not below; the first is infinite.
        recall: (K,) share of the cells found, rising.
        false_per_field: (K,) boxes that found none, a field, rising.
    """

    thresholds: np.ndarray
    recall: np.ndarray
    false_per_field: np.ndarray

    def recall_at(self, false: float) -> float:
        """The share of cells found at no more than so many false boxes a field."""
        return float(self.recall[np.searchsorted(self.false_per_field, false + 1e-9, side="right") - 1])

    def false_at(self, recall: float) -> float | None:
        """False boxes a field where at least this share is found, or None where it never is."""
        at = int(np.searchsorted(self.recall, recall - 1e-9, side="left"))
        return float(self.false_per_field[at]) if at < len(self.recall) else None

    def at(self, threshold: float) -> tuple[float, float]:
        """Recall and false boxes a field at a threshold."""
        row = int(np.searchsorted(-self.thresholds, -threshold, side="right")) - 1
        return float(self.recall[row]), float(self.false_per_field[row])

    def best_threshold(self, cells_per_field: float, beta: float = 1) -> float:
        """The threshold of the highest F: half-way to the next score below, so that a hair's breadth changes nothing.

        Args:
            cells_per_field: how many cells were marked a field.
            beta: how many times more than precision recall weighs.
        """
        f = (1 + beta**2) * self.recall / (self.recall + self.false_per_field / cells_per_field + beta**2)
        best = int(f.argmax())
        if best == 0:
            return 1.0
        below = self.thresholds[best + 1] if best + 1 < len(self.thresholds) else 0.0
        return float((self.thresholds[best] + below) / 2)


def froc(detections: Sequence[Detections], truths: Sequence[np.ndarray], match: str = "centre") -> Froc:
    """The FROC curve over all fields.

    Args:
        match: "iou50": a box finds a cell when they overlap by half; "centre": also when its middle lies in
            the marked box. Each cell is found once; every other box is false.

    Raises:
        BadInput: no truth at all, another number of fields, or an unknown rule.
    """
    if match not in ("iou50", "centre"):
        raise BadInput("match", f"{match!r} is neither iou50 nor centre")
    count = _cells(truths)
    scores, found = _ranked(detections, truths, np.array([0.5]), match == "centre")
    # Boxes of one score come in together.
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if scores.size else np.zeros(0, int)
    right = found[0].cumsum()[last]
    wrong = (~found[0]).cumsum()[last]
    return Froc(np.append(np.inf, scores[last]), np.append(0.0, right / count), np.append(0.0, wrong / len(truths)))


def _cells(truths: Sequence[np.ndarray]) -> int:
    count = sum(len(np.reshape(truth, (-1, 4))) for truth in truths)
    if not count:
        raise BadInput("truths", "no marked cell in any field", "mark some cells first")
    return count


def detection_measures(
    detections: Sequence[Detections], truths: Sequence[np.ndarray], threshold: float
) -> dict[str, Any]:
    """The object of ``evaluate --json`` for a detector: what the two curves say, and what its threshold makes of them.

    A box counts as found by `froc`'s rule "centre"; average precision asks for overlap alone.
    """
    precisions = average_precision(detections, truths, COCO_IOUS)
    curve = froc(detections, truths)
    recall, false = curve.at(threshold)
    return {
        "fields": len(truths),
        "cells": _cells(truths),
        "ap50": float(precisions[0]),
        "ap50_95": float(precisions.mean()),
        "recall_at_false_per_field": {str(allowed): curve.recall_at(allowed) for allowed in (0.05, 0.1, 1.0)},
        "false_per_field_at_recall": {str(asked): curve.false_at(asked) for asked in (0.95, 0.97, 0.99)},
        "threshold": threshold,
        "recall": recall,
        "false_per_field": false,
    }
