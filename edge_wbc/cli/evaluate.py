"""`edge-wbc evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edge_wbc.cli.show import AsJson, emit_json, percent, progress_bar, remark, table, tell_detection

__all__ = ["evaluate", "measure", "measure_detector"]


def measure(model: Path, data: Path, kind: str, progress: Any) -> dict[str, Any]:
    """The object of ``evaluate --json`` for a run or a pack on labelled cells of the five classes."""
    from edge_wbc.lab.datasets import load_crops, read_dataset
    from edge_wbc.lab.evaluation import evaluate as compare
    from edge_wbc.lab.evaluation.classifier import open_classifier

    classifier = open_classifier(model, kind)
    dataset = read_dataset(data, five_only=True)
    loaded = load_crops(dataset, classifier.crop, progress)
    scores = classifier.predict(loaded.pixels, progress)
    found = compare([item.label for item in loaded.items], scores, classifier.labels, classifier.uncertain_below)
    return {**found, "dropped": dataset.dropped}


def holds_detector(run: Path) -> bool:
    """Whether a folder holds a finished run of a detector, not of a classifier; needs no torch to say no."""
    if not (run / "run.json").is_file():
        return False
    from edge_wbc.lab.detection import is_detector_run

    return is_detector_run(run)


def measure_detector(run: Path, data: Path, progress: Any) -> dict[str, Any]:
    """The object of ``evaluate --json`` for a detector's run on fields with boxes."""
    from edge_wbc.lab.detection import detect_loaded, detection_measures, load_detector, load_fields, read_fields

    detector = load_detector(run)
    loaded = load_fields(read_fields(data), detector.size, progress)
    found = detect_loaded(detector.network, loaded, detector.size, progress)
    return detection_measures(found, loaded.boxes, detector.threshold)


def evaluate(
    model: Annotated[Path, typer.Argument(metavar="RUN|PACK", help="What to judge.")],
    data: Annotated[Path, typer.Argument(help="Class folders, labels.csv beside images/, or records/ of fields.")],
    kind: Annotated[str, typer.Option(help="Which artefact of a pack.")] = "tflite-int8",
    as_json: AsJson = False,
) -> None:
    """Judge a run or a pack on labelled cells, or a detector's run on fields with boxes.

    Prints per-class figures, and accuracy with exact 95% limits; for a detector average precision, and recall
    beside false boxes a field.
    """
    if holds_detector(model):
        with progress_bar() as progress:
            boxes = measure_detector(model, data, progress)
        if as_json:
            emit_json(boxes)
        else:
            tell_detection(str(model), boxes)
        return
    with progress_bar() as progress:
        found = measure(model, data, kind, progress)
    if found["dropped"]:
        remark(f"left out {sum(found['dropped'].values())} images that are none of the five classes")
    if as_json:
        emit_json(found)
        return
    low, high = found["accuracy_ci95"]
    table(
        f"{found['n']} cells: accuracy {percent(found['accuracy'])} (95% limits {percent(low)} to {percent(high)}), "
        f"balanced {percent(found['balanced_accuracy'])}, macro F1 {percent(found['macro_f1'])}",
        ("class", "precision", "sensitivity", "specificity", "F1", "cells"),
        [
            (
                label,
                *(percent(row[name]) for name in ("precision", "sensitivity", "specificity", "f1")),
                str(row["support"]),
            )
            for label, row in found["per_class"].items()
        ],
    )
    remark("research use, not for diagnosis")
