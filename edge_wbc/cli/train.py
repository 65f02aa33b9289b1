"""`edge-wbc train`: classifiers of cells, and detectors of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from edge_wbc.cli.show import AsJson, emit_json, percent, progress_bar, remark, table, tell_detection

__all__ = ["train"]


def train(
    data: Annotated[Path, typer.Argument(help="Class folders, labels.csv beside images/, or records/ of fields.")],
    out: Annotated[Path, typer.Option("--out", help="The run folder; the same command goes on after a kill.")],
    model: Annotated[str, typer.Option(help="A network of `edge-wbc models`.")] = "mobilenet_v2",
    labels: Annotated[
        str, typer.Option(help="Classifiers. 5: leave out what is none of the five classes; all: keep it.")
    ] = "all",
    recipe: Annotated[str, typer.Option(help="default, or raabin (the paper's); of classifiers.")] = "default",
    weights: Annotated[str, typer.Option(help="imagenet (from TORCH_HOME or a download), or none.")] = "imagenet",
    epochs: Annotated[Optional[int], typer.Option(help="Instead of the recipe's.")] = None,
    batch: Annotated[Optional[int], typer.Option(help="Instead of the recipe's.")] = None,
    lr: Annotated[Optional[float], typer.Option(help="Instead of the recipe's.")] = None,
    size: Annotated[
        Optional[int], typer.Option(help="Of the crops (96), or a field's longer side at a detector, in pixels.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the split, the weights and every draw.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Train a network on labelled cells, or a detector on fields with boxes."""
    from edge_wbc.core.errors import BadInput
    from edge_wbc.lab.datasets import read_dataset
    from edge_wbc.lab.detection import DETECTORS
    from edge_wbc.lab.training import TrainOptions
    from edge_wbc.lab.training import train as train_network

    if weights not in ("imagenet", "none"):
        raise BadInput("--weights", f"{weights!r} is neither imagenet nor none")
    if model in DETECTORS:
        if (labels, recipe) != ("all", "default"):
            raise BadInput("--labels, --recipe", f"say nothing to the detector {model}", "leave them out")
        train_on_fields(data, out, model, weights, epochs, batch, lr, size, seed, as_json)
        return
    if labels not in ("5", "all"):
        raise BadInput("--labels", f"{labels!r} is neither 5 nor all")
    dataset = read_dataset(data, five_only=labels == "5")
    if dataset.dropped:
        by_label = ", ".join(f"{count} {label}" for label, count in sorted(dataset.dropped.items()))
        remark(f"left out {sum(dataset.dropped.values())} images that are none of the five classes: {by_label}")
    options = TrainOptions(model, recipe, weights, epochs, batch, lr, 96 if size is None else size, seed)
    with progress_bar() as progress:
        facts = train_network(dataset, out, options, progress, remark)
    if as_json:
        emit_json(facts)
        return
    table(
        f"{facts['model']}, best epoch {facts['best_epoch']}, in {out}",
        ("part", "cells", "accuracy", "95% limits", "balanced", "macro F1"),
        [
            (
                part,
                str(got["n"]),
                percent(got["accuracy"]),
                " to ".join(map(percent, got["accuracy_ci95"])),
                percent(got["balanced_accuracy"]),
                percent(got["macro_f1"]),
            )
            for part, got in facts["metrics"].items()
        ],
    )


def train_on_fields(
    data: Path,
    out: Path,
    model: str,
    weights: str,
    epochs: int | None,
    batch: int | None,
    lr: float | None,
    size: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Trains a detector and says what its validation part came to."""
    from edge_wbc.lab.detection import DetectorOptions, read_fields, train_detector

    given: dict[str, Any] = {"epochs": epochs, "batch": batch, "lr": lr, "size": size}
    options = DetectorOptions(
        model=model, weights=weights, seed=seed, **{name: value for name, value in given.items() if value is not None}
    )
    fields = read_fields(data)
    with progress_bar() as progress:
        facts = train_detector(fields, out, options, progress, remark)
    if as_json:
        emit_json(facts)
        return
    tell_detection(f"{model}, best epoch {facts['best_epoch']}, in {out}; validation part", facts["metrics"]["val"])
