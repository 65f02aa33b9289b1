"""Fits the colour-filter finder to marked fields (Raabin-WBC, "Cell detection": a filter trained on marked nuclei).

A few fields are enough where a base finder is given: every weight is drawn towards the base's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from edge_wbc.core.boxes import overlaps
from edge_wbc.core.errors import BadInput
from edge_wbc.core.finder import distinct
from edge_wbc.core.finder_model import FinderModel
from edge_wbc.core.images import read_image
from edge_wbc.core.proposals import FEATURES, RADIUS, Proposals, propose, working_field
from edge_wbc.lab.detection.data import MarkedField
from edge_wbc.lab.detection.measures import froc

__all__ = ["LearnOptions", "learn_finder"]

Progress = Callable[[str, int, int], None]

_CYTOPLASM = 0.45
_NUCLEUS_SCORE = 12.0
_PIXELS = 200
_WEIGHTS = len(FEATURES) + 1


@dataclass(frozen=True)
class LearnOptions:
    """How a finder is fitted.

    Attributes:
        pull: strength of the pull of each standardised weight towards the base finder's, or towards 0 without one.
        box_pull: the same for how far cells reach beyond their nuclei.
        folds: parts of the fields that are held out in turn to choose the threshold.
        seed: of the pixels and the folds.
    """

    pull: float = 0.3
    box_pull: float = 30.0
    folds: int = 5
    seed: int = 0


@dataclass(frozen=True)
class _Candidates:
    """One field's proposals against its marked boxes (both in working pixels).

    Attributes:
        field: its number; each is there in four turns.
        verdict: (N,) 1 a marked cell, 0 none, -1 neither clearly: left out of the fit.
        reach: (N, 4) how far the marked cell goes beyond the nucleus, in red-cell radii; of verdict 1 alone.
    """

    field: int
    proposals: Proposals
    truth: np.ndarray
    verdict: np.ndarray
    reach: np.ndarray


def learn_finder(
    fields: tuple[MarkedField, ...],
    learned_from: dict[str, Any],
    base: FinderModel | None = None,
    options: LearnOptions = LearnOptions(),
    progress: Progress = lambda title, done, total: None,
) -> FinderModel:
    """Fits a finder to fields whose every white cell is marked.

    Args:
        learned_from: what to say in the finder of where it comes from.
        base: the finder to begin from; None fits every weight anew.

    Raises:
        BadInput: fields without a white cell that the colour filter could learn, or fewer than two fields.
    """
    if len(fields) < 2:
        raise BadInput("the marked fields", f"are {len(fields)}", "mark the white cells of 2 fields, better of 20")
    colour = _colour(fields, base, options, progress)
    candidates = []
    for number, field in enumerate(_told(fields, progress, "learning: proposals")):
        rgb, boxes = read_image(field.image), field.boxes
        # A smear has no up: what is learned of a cell that the left border cuts holds for every border.
        for _ in range(4):
            candidates.append(_judged(number, rgb, boxes, colour))
            rgb, boxes = _turned(rgb, boxes)
    seen = [found for found in candidates if found is not None]
    if sum(int((found.verdict == 1).sum()) for found in seen) < 3:
        raise BadInput("the marked fields", "show too few marked cells with a stained nucleus", "mark more cells")
    model = _fitted(seen, colour, base, learned_from, options)
    return replace(model, threshold=_threshold(seen, model, base, options))


def _told(fields: tuple[MarkedField, ...], progress: Progress, title: str) -> Iterator[MarkedField]:
    for done, field in enumerate(fields, 1):
        yield field
        progress(title, done, len(fields))


def _colour(
    fields: tuple[MarkedField, ...], base: FinderModel | None, options: LearnOptions, progress: Progress
) -> np.ndarray:
    """(3,) weights that tell the middles of marked cells from whatever lies outside every box."""
    rng = np.random.default_rng(options.seed)
    rows: list[np.ndarray] = []
    truth: list[np.ndarray] = []
    for field in _told(fields, progress, "learning: colours"):
        seen = working_field(read_image(field.image))
        if seen is None:
            continue
        # As smooth as the filter sees it: a nucleus's pale chromatin and a red cell's rim are not to count alone.
        shown = cv2.GaussianBlur(seen.excess, (0, 0), 1.5)
        y, x = np.mgrid[: seen.lit.shape[0], : seen.lit.shape[1]]
        middle, outside = np.zeros(seen.lit.shape, bool), seen.lit.copy()
        for x0, y0, x1, y1 in field.boxes * seen.scale:
            away = np.hypot(x - (x0 + x1) / 2, y - (y0 + y1) / 2)
            middle |= away < max(1.5, 0.22 * min(x1 - x0, y1 - y0))
            outside &= (x < x0 - 2) | (x > x1 + 2) | (y < y0 - 2) | (y > y1 + 2)
        for mask, answer in ((middle & seen.lit, 1.0), (outside, 0.0)):
            pixels = shown[mask]
            pixels = pixels[rng.permutation(len(pixels))[:_PIXELS]]
            rows.append(pixels)
            truth.append(np.full(len(pixels), answer))
    wanted = np.concatenate(truth) if truth else np.zeros(0)
    if not 0 < wanted.sum() < len(wanted):
        raise BadInput("the marked fields", "show no stained pixel inside or none outside the boxes", "mark others")
    start = np.append(base.colour, -2.5) if base else np.zeros(4)
    terms = np.concatenate([np.concatenate(rows), np.ones((len(wanted), 1))], axis=1)
    weights = _drawn_to(start, terms, wanted, 1.0)[:3]
    # Only the direction is learned: the levels above which blobs are sought belong to nuclei of this score.
    return weights * (_NUCLEUS_SCORE / max(float(np.median(terms[wanted > 0, :3] @ weights)), 1e-6))


def _turned(rgb: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A field and its boxes, a quarter turn anticlockwise."""
    x0, y0, x1, y1 = boxes.T
    width = rgb.shape[1]
    return np.ascontiguousarray(np.rot90(rgb)), np.stack([y0, width - x1, y1, width - x0], axis=1)


def _judged(number: int, rgb: np.ndarray, boxes: np.ndarray, colour: np.ndarray) -> _Candidates | None:
    found = propose(rgb, colour)
    if found is None:
        return None
    truth = boxes * found.scale
    sides = np.maximum(*(found.nuclei[:, 2:] - found.nuclei[:, :2]).T)[:, None]
    guess = found.nuclei + (_CYTOPLASM * RADIUS + 0.1 * sides) * np.array([-1, -1, 1, 1])
    guess = np.clip(guess, 0, [*found.lit.shape[::-1]] * 2)
    shared = overlaps(guess, truth)
    best = shared.max(1, initial=0)
    middle = (guess[:, None, :2] + guess[:, None, 2:]) / 2
    within = ((middle >= truth[None, :, :2]) & (middle <= truth[None, :, 2:])).all(2).any(1)
    verdict = np.where(best >= 0.5, 1, np.where(within | (best > 0.2), -1, 0))
    reach = np.zeros((len(guess), 4))
    if len(truth):
        beyond = (found.nuclei - truth[shared.argmax(1)]) * np.array([1, 1, -1, -1]) / RADIUS
        reach[verdict == 1] = beyond[verdict == 1]
    return _Candidates(number, found, truth, verdict, reach)


def _fitted(
    fields: list[_Candidates],
    colour: np.ndarray,
    base: FinderModel | None,
    learned_from: dict[str, Any],
    options: LearnOptions,
) -> FinderModel:
    features = np.concatenate([field.proposals.features for field in fields]).astype(float)
    verdict = np.concatenate([field.verdict for field in fields])
    reach = np.concatenate([field.reach for field in fields])
    scale = features.std(0)
    blank = FinderModel(
        colour,
        base.mean if base else features.mean(0),
        base.scale if base else np.where(scale > 1e-6, scale, 1.0),
        base.judge if base else np.zeros(_WEIGHTS),
        base.box if base else np.zeros((4, _WEIGHTS)),
        0.5,
        learned_from,
    )
    terms, clear, cell = blank.standardised(features), verdict >= 0, verdict == 1
    judge = _drawn_to(blank.judge, terms[clear], cell[clear].astype(float), options.pull)
    pull = np.diag([options.box_pull] * (_WEIGHTS - 1) + [1e-3])
    held = terms[cell]
    box = np.linalg.solve(held.T @ held + pull, held.T @ reach[cell] + pull @ blank.box.T).T
    return replace(blank, judge=judge, box=box)


def _drawn_to(start: np.ndarray, terms: np.ndarray, truth: np.ndarray, pull: float) -> np.ndarray:
    """Logistic weights, both answers weighing the same, each but the last drawn to where it starts."""
    weigh = np.where(truth > 0, 0.5 / truth.sum(), 0.5 / (1 - truth).sum()) * len(truth)
    strength = np.full(len(start), pull)
    strength[-1] = 1e-3

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits, off = terms @ weights, weights - start
        value = (weigh * (np.logaddexp(0, logits) - truth * logits)).sum() + 0.5 * (strength * off**2).sum()
        return float(value), terms.T @ (weigh * (expit(logits) - truth)) + strength * off

    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000}).x)


def _threshold(fields: list[_Candidates], model: FinderModel, base: FinderModel | None, options: LearnOptions) -> float:
    """The score of the best F2 on fields that the judge was not fitted to, each fold held out in turn.

    F2 counts a missed cell four times a false one: a person sees a false box and taps it away.
    """
    count = 1 + max(field.field for field in fields)
    folds = np.random.default_rng(options.seed).permutation(count) % min(options.folds, count)
    detections: list[tuple[np.ndarray, np.ndarray]] = []
    truths: list[np.ndarray] = []
    for fold in range(folds.max() + 1):
        rest = [field for field in fields if folds[field.field] != fold]
        if not any((field.verdict == 1).any() for field in rest):
            continue
        judge = _fitted(rest, model.colour, base, {}, options)
        for field in (field for field in fields if folds[field.field] == fold):
            features = field.proposals.features
            scores, boxes = judge.scores(features), judge.boxes(features, field.proposals.nuclei)
            kept = distinct(boxes, scores)
            detections.append((boxes[kept], scores[kept]))
            truths.append(field.truth)
    return froc(detections, truths).best_threshold(sum(map(len, truths)) / len(truths), beta=2)
