"""One HTML page of a network in several labs: how well it names, how far to believe it, what it lets pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from edge_wbc.core.differential import exact_interval
from edge_wbc.core.taxonomy import FIVE_CLASSES
from edge_wbc.lab.evaluation.embeddings import embedding_map
from edge_wbc.lab.evaluation.figures import (
    confusion_figure,
    embedding_figure,
    mistakes_figure,
    precision_recall_figure,
    reliability_figure,
)
from edge_wbc.lab.evaluation.guard import certainty, is_outside, is_white
from edge_wbc.lab.evaluation.labs import LabResult, calibration_of, lab_measures
from edge_wbc.lab.evaluation.measures import FEW
from edge_wbc.lab.evaluation.report import Picture, figure_png, render_report

__all__ = ["labs_page"]

MAP_CELLS = 1500
"""t-SNE takes some ten seconds for so many."""
WORST = 8


def labs_page(title: str, labs: Sequence[LabResult], before: Sequence[LabResult] = (), photographs: bool = True) -> str:
    """The report as HTML.

    Args:
        labs: what the network said of each lab's crops; those that carry crops are on the contact sheets, those that
            carry embeddings on the map.
        before: what it had said before it was adapted, to be shown beside.
        photographs: False leaves the contact sheets out, so that nobody's pictures leave with the page.
    """
    measured = {lab.name: lab_measures(lab) for lab in labs}
    earlier = {lab.name: lab_measures(lab) for lab in before}
    sections = [
        _overall(measured, earlier),
        _per_class(measured),
        *_confusion(measured, earlier),
        _precision_recall(labs),
        _calibration(labs),
        *_guard(measured),
        *_maps(labs, before),
        *(_mistakes(labs) if photographs else ()),
    ]
    return render_report(title, sections)


def _share(share: float, limits: Sequence[float]) -> str:
    # A line breaks before the bracket or not at all.
    return f"{100 * share:.1f} ({100 * limits[0]:.1f}\u00a0to\u00a0{100 * limits[1]:.1f})"


def _overall(measured: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
    def row(name: str, found: Mapping[str, Any]) -> tuple[str, ...]:
        certain = found["accuracy_when_certain"]
        five = found["balanced_accuracy_5"]
        return (
            name,
            str(found["n"]),
            _share(found["accuracy"], found["accuracy_ci95"]),
            "too few" if five is None else _share(five, found["balanced_accuracy_5_ci95"]),
            _share(found["macro_f1"], found["macro_f1_ci95"]),
            f"{100 * found['coverage']:.1f}",
            "none" if certain is None else f"{100 * certain:.1f}",
        )

    rows = [
        line
        for name, found in measured.items()
        for line in (
            *([row(f"{name}, before", earlier[name])] if name in earlier else []),
            row(f"{name}, after" if name in earlier else name, found),
        )
    ]
    return {
        "title": "Labs",
        "text": [
            "Percent, with 95% limits in brackets: exact ones of the accuracy; of the others those of 2,000 bootstrap "
            "draws within each true class. Balanced accuracy is over the classes of which a lab has at least five "
            "cells. Accuracy is over the five classes, whatever is uncertain; the last two columns say how many cells "
            "are named with certainty, and how many of those rightly."
        ],
        "head": ("lab", "cells", "accuracy", "balanced accuracy", "macro-F1", "certain", "of those right"),
        "rows": rows,
    }


def _per_class(measured: Mapping[str, Any]) -> dict[str, Any]:
    def cell(row: Mapping[str, Any] | None) -> str:
        if not row or not row["support"]:
            return "none"
        n = row["support"]
        return f"{_share(row['sensitivity'], exact_interval(round(row['sensitivity'] * n), n))} of {n}"

    return {
        "title": "Sensitivity by class",
        "text": ["Percent of each class that is named rightly, with exact 95% limits, and how many there are."],
        "head": ("class", *measured),
        "rows": [
            (label, *(cell(found["per_class"].get(label)) for found in measured.values())) for label in FIVE_CLASSES
        ],
    }


def _confusion(measured: Mapping[str, Any], earlier: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    after = "Confusion after adaptation" if earlier else "Confusion"
    for title, found in (("Confusion before adaptation", earlier), (after, measured)):
        if found:
            picture = figure_png(confusion_figure(found, min(3, len(found))))
            yield {"title": title, "pictures": [Picture(picture, "rows: truth; columns: named; above: accuracy")]}


def _precision_recall(labs: Sequence[LabResult]) -> dict[str, Any]:
    curves: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {lab.name: {} for lab in labs}
    for lab in labs:
        white = is_white(lab.truth)
        for column, label in enumerate(lab.labels):
            positive = lab.truth[white] == label
            if label in FIVE_CLASSES and positive.sum() >= FEW:
                curves[lab.name][label] = (positive, lab.scores[white, column])

    def cell(found: tuple[np.ndarray, np.ndarray] | None) -> str:
        return f"{100 * average_precision_score(*found):.1f} of {found[0].sum()}" if found else "too few"

    caption = f"one class against the other white cells; no line where a lab has fewer than {FEW} of a class"
    return {
        "title": "Precision and recall",
        "text": ["Average precision in percent, and how many cells of the class there are."],
        "head": ("class", *curves),
        "rows": [(label, *(cell(rows.get(label)) for rows in curves.values())) for label in FIVE_CLASSES],
        "pictures": [Picture(figure_png(precision_recall_figure(curves)), caption)],
    }


def _calibration(labs: Sequence[LabResult]) -> dict[str, Any]:
    figure = reliability_figure({lab.name: calibration_of(lab) for lab in labs})
    return {
        "title": "How far to believe a score",
        "text": [
            f"The logits are divided by a temperature of {labs[0].temperature:.2f}, fitted on validation cells. ECE is "
            "the expected calibration error over 15 bins of equal width (Guo et al. 2017), of white cells."
        ],
        "pictures": [Picture(figure_png(figure), "accuracy over score; larger points hold more cells")],
    }


def _guard(measured: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    guards = {name: found["guard"] for name, found in measured.items() if found["guard"]}
    if not guards:
        return
    rows = []
    for name, guard in guards.items():
        kinds = {"outside the five, all": guard["held_back"], **guard["held_back"]["kinds"]}
        rows += [
            (name, kind.replace("_", " "), str(found["n"]), _share(found["share"], found["ci95"]), "")
            for kind, found in kinds.items()
        ]
        kept = guard["kept"]
        rows.append((name, "white cells", str(kept["n"]), "", _share(kept["share"], kept["ci95"])))
    yield {
        "title": "What it lets pass",
        "text": [
            "Percent with exact 95% limits: crops outside the five classes that come back uncertain or as artifact, "
            "and white cells that stay certain, whether rightly named or not."
        ],
        "head": ("lab", "crops", "n", "held back", "kept"),
        "rows": rows,
    }


def _maps(labs: Sequence[LabResult], before: Sequence[LabResult]) -> Iterator[dict[str, Any]]:
    maps = {}
    for title, results in (("before adaptation", before), ("after adaptation" if before else "", labs)):
        drawn = [_few(lab, len(results)) for lab in results if lab.embeddings is not None]
        if sum(len(seen) for seen, _, _ in drawn) >= 4:
            seen, truth, names = (np.concatenate([part[column] for part in drawn]) for column in range(3))
            maps[title] = (embedding_map(seen), truth, names)
    if maps:
        caption = (
            "neighbours in the map are alike to the network; its axes and the distances between groups say nothing"
        )
        yield {
            "title": "What the network's last layer sees (t-SNE)",
            "pictures": [Picture(figure_png(embedding_figure(maps)), caption)],
        }


def _few(lab: LabResult, labs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings, labels and lab of at most its share of the map's cells, the same ones for every network."""
    assert lab.embeddings is not None
    rows = np.random.default_rng(0).permutation(len(lab.truth))[: MAP_CELLS // labs]
    return lab.embeddings[rows], lab.truth[rows], np.full(len(rows), lab.name)


def _mistakes(labs: Sequence[LabResult]) -> Iterator[dict[str, Any]]:
    sheets = (
        ("white cells named wrongly", lambda lab: is_white(lab.truth) & (lab.named != lab.truth)),
        (
            "crops outside the five classes that pass as certain",
            lambda lab: is_outside(lab.truth) & (certainty(lab.scores, lab.labels) >= lab.uncertain_below),
        ),
    )
    pictures = []
    for caption, chosen in sheets:
        rows = {lab.name: _worst(lab, chosen(lab)) for lab in labs if lab.crops is not None and chosen(lab).any()}
        if rows:
            pictures.append(Picture(figure_png(mistakes_figure(rows, WORST)), f"{caption}: the surest of each lab"))
    if pictures:
        yield {"title": "The worst mistakes", "pictures": pictures}


def _worst(lab: LabResult, chosen: np.ndarray) -> list[tuple[np.ndarray, str, str, float]]:
    assert lab.crops is not None
    top = lab.scores.max(1)
    rows = sorted(np.flatnonzero(chosen), key=lambda row: -top[row])[:WORST]
    return [(lab.crops[row], str(lab.truth[row]), str(lab.named[row]), float(top[row])) for row in rows]
