"""`edge-wbc evaluate`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from edge_wbc.cli.show import AsJson, emit_json, percent, progress_bar, remark, table, tell_detection
from edge_wbc.core.errors import BadInput

if TYPE_CHECKING:
    from edge_wbc.lab.evaluation.labs import LabResult

__all__ = ["evaluate"]


def holds_detector(run: Path) -> bool:
    """Whether a folder holds a finished run of a detector, not of a classifier; needs no torch to say no."""
    if not (run / "run.json").is_file():
        return False
    from edge_wbc.lab.detection import is_detector_run

    return is_detector_run(run)


def packs_detector(pack: Path) -> bool:
    """Whether a folder or zip is a sound pack of a detector, not of a classifier."""
    if not pack.is_file() and not (pack / "pack.json").is_file():
        return False
    from edge_wbc.core.pack import DETECT, read_verified, task_of

    return task_of(read_verified(pack)[0]) == DETECT


def measure_detector(model: Path, data: Path, kind: str, progress: Any) -> dict[str, Any]:
    """The object of ``evaluate --json`` for a detector's run, or for an artefact of its pack, on fields with boxes."""
    from edge_wbc.lab.detection import detect_loaded, detection_measures, load_detector, load_fields, read_fields

    if holds_detector(model):
        detector = load_detector(model)
        loaded = load_fields(read_fields(data, detector.finds), detector.size, progress)
        found = detect_loaded(detector.network, loaded, detector.size, len(detector.finds), progress)
        kinds = {
            kind: detection_measures(got, loaded.of(row), detector.thresholds[kind])
            for row, (kind, got) in enumerate(zip(detector.finds, found, strict=True))
        }
        first = kinds[detector.finds[0]]
        return first if len(kinds) == 1 else {**first, "kinds": kinds}
    from edge_wbc.core.detector_pack import open_detector, read_detector_pack

    artefact = open_detector(read_detector_pack(model), kind)
    loaded = load_fields(read_fields(data), artefact.manifest.size, progress)
    boxes = []
    for done, rgb in enumerate(loaded.pixels, 1):
        boxes.append(artefact.boxes(rgb))
        progress("finding cells", done, len(loaded.pixels))
    return detection_measures(boxes, loaded.boxes, artefact.manifest.threshold)


def lab_names(data: Sequence[Path]) -> dict[str, Path]:
    """What each DATA is called: its path from where all of them part, so that no two share a name."""
    whole = [Path(os.path.abspath(path)) for path in data]
    if len(set(whole)) < len(whole):
        raise BadInput("DATA", "the same folder twice", "name each once")
    root = Path(os.path.commonpath([path.parent for path in whole]))
    return {path.relative_to(root).as_posix(): given for path, given in zip(whole, data, strict=True)}


def judge(model: Path, labs: Mapping[str, Path], kind: str, progress: Any, embed: bool) -> list[LabResult]:
    """What a run or a pack says of each lab's crops."""
    from edge_wbc.lab.evaluation.classifier import open_classifier
    from edge_wbc.lab.evaluation.labs import judge_lab

    classifier = open_classifier(model, kind)

    def tell(name: str) -> Any:
        # A bar is known by the first word of its title: each lab has its own.
        return progress if len(labs) == 1 else lambda title, done, total: progress(f"{name}: {title}", done, total)

    return [judge_lab(classifier, data, name, tell(name), embed) for name, data in labs.items()]


def evaluate(
    model: Annotated[Path, typer.Argument(metavar="RUN|PACK", help="What to judge.")],
    data: Annotated[
        list[Path],
        typer.Argument(
            help="Class folders, labels.csv beside images/, or records/ of fields; several for several labs."
        ),
    ],
    kind: Annotated[str, typer.Option(help="Which artefact of a pack.")] = "tflite-int8",
    report: Annotated[Optional[Path], typer.Option(help="Write an HTML page of it all here.")] = None,
    before: Annotated[
        Optional[Path], typer.Option(metavar="RUN|PACK", help="What it was adapted from, to show beside in the report.")
    ] = None,
    photographs: Annotated[bool, typer.Option(help="Show the worst mistakes in the report.")] = True,
    as_json: AsJson = False,
) -> None:
    """Judge a run or a pack on labelled cells, or a detector's on fields with boxes.

    Prints per-class figures, accuracy with exact 95% limits, and how many crops that are none of the five classes are
    held back; for a detector average precision, and recall beside false boxes a field. Several DATA give one line a
    lab, and with --json one object: {"domains": {NAME: {...}}}.
    """
    labs = lab_names(data)
    if before and not report:
        raise BadInput("--before", "shown in the report alone", "add --report FILE.html")
    if report and not report.parent.is_dir():
        raise BadInput(report.parent, "no such folder", "make it or choose another --report")
    if holds_detector(model) or packs_detector(model):
        if report:
            raise BadInput("--report", f"{model} holds a detector, which has no such page", "leave --report out")
        with progress_bar() as progress:
            boxes = {name: measure_detector(model, path, kind, progress) for name, path in labs.items()}
        if as_json:
            emit_json(_one_or_domains(boxes))
        else:
            for name, found in boxes.items():
                tell_detection(str(model) if len(boxes) == 1 else f"{model}, {name}", found)
        return
    from edge_wbc.lab.evaluation.labs import lab_measures

    with progress_bar() as progress:
        results = judge(model, labs, kind, progress, bool(report))
        earlier = judge(before, labs, kind, progress, True) if before else []
    measured = {lab.name: lab_measures(lab) for lab in results}
    if report:
        _write_report(report, f"{model.name} in {', '.join(labs)}", results, earlier, photographs)
    if as_json:
        emit_json(_one_or_domains(measured))
        return
    if len(measured) == 1:
        _tell_classes(next(iter(measured.values())))
    else:
        _tell_labs(measured)
    _tell_guard(measured)
    remark("research use, not for diagnosis")


def _one_or_domains(measured: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return next(iter(measured.values())) if len(measured) == 1 else {"domains": measured}


def _write_report(
    file: Path, title: str, results: list[LabResult], earlier: list[LabResult], photographs: bool
) -> None:
    from edge_wbc.core.files import write_whole
    from edge_wbc.lab.evaluation.page import labs_page

    write_whole(file, labs_page(title, results, earlier, photographs).encode())
    remark(f"wrote {file}")
    if all(lab.embeddings is None for lab in results):
        remark("no map in it: a pack's artefact gives no embeddings; judge the run for one")


def _limits(share: float, limits: Sequence[float]) -> str:
    return f"{percent(share)} ({100 * limits[0]:.1f} to {100 * limits[1]:.1f})"


def _tell_classes(found: Mapping[str, Any]) -> None:
    table(
        f"{found['n']} cells: accuracy {_limits(found['accuracy'], found['accuracy_ci95'])}, "
        f"balanced {_limits(found['balanced_accuracy'], found['balanced_accuracy_ci95'])}, "
        f"macro F1 {_limits(found['macro_f1'], found['macro_f1_ci95'])}; 95% limits in brackets",
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


def _tell_labs(measured: Mapping[str, Any]) -> None:
    def figure(found: Mapping[str, Any], name: str) -> str:
        # Its limits below it: three such columns have to fit into 80 characters.
        limits = found[f"{name}_ci95"]
        return f"{percent(found[name])}\n{100 * limits[0]:.1f}-{100 * limits[1]:.1f}" if limits else "too few"

    overall = ("accuracy", "balanced_accuracy_5", "macro_f1")
    table(
        "labs, with 95% limits; balanced accuracy is over classes of at least five cells",
        ("lab", "cells", "accuracy", "balanced", "macro F1", "certain", "ECE"),
        [
            (
                name,
                str(found["n"]),
                *(figure(found, measure) for measure in overall),
                percent(found["coverage"]),
                f"{found['calibration']['ece']:.3f}",
            )
            for name, found in measured.items()
        ],
    )


def _tell_guard(measured: Mapping[str, Any]) -> None:
    rows = []
    for name, found in measured.items():
        if found["guard"]:
            held, kept = found["guard"]["held_back"], found["guard"]["kept"]
            for crops, got in (("none of the five", held), *held["kinds"].items()):
                rows.append((name, crops, str(got["n"]), _limits(got["share"], got["ci95"]), ""))
            rows.append((name, "white cells", str(kept["n"]), "", _limits(kept["share"], kept["ci95"])))
        elif found["dropped"]:
            remark(f"{name}: left out {sum(found['dropped'].values())} crops of no known label")
    if rows:
        table("the guard: held back is uncertain or artifact", ("lab", "crops", "n", "held back", "kept"), rows)
