"""`edge-wbc train`: classifiers of cells, and detectors of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from edge_wbc.cli.show import AsJson, emit_json, percent, progress_bar, remark, table, tell_detection

if TYPE_CHECKING:
    from edge_wbc.lab.datasets import Dataset
    from edge_wbc.lab.detection import DetectorOptions

__all__ = ["read_named", "train"]


def train(
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]DATA...",
            help="Each lab's class folders, labels.csv beside images/, or records/ of fields; NAME is the lab's.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The run folder; the same command goes on after a kill.")],
    model: Annotated[str, typer.Option(help="A network of `edge-wbc models`.")] = "mobilenet_v2",
    labels: Annotated[
        str,
        typer.Option(
            help="Of classifiers. 5: leave out what is none of the five classes; guard: make it one label, artifact; "
            "all: keep it; 6: with erythroblasts (Chossegros et al.); 7: bands and large lymphocytes apart (Yu et al.)."
        ),
    ] = "all",
    recipe: Annotated[
        str,
        typer.Option(help="default, shift, scratch, or a paper's: raabin, yu, course, chossegros; of classifiers."),
    ] = "default",
    weights: Annotated[str, typer.Option(help="imagenet (from TORCH_HOME or a download), or none.")] = "imagenet",
    epochs: Annotated[Optional[int], typer.Option(help="Instead of the recipe's.")] = None,
    batch: Annotated[Optional[int], typer.Option(help="Instead of the recipe's.")] = None,
    lr: Annotated[Optional[float], typer.Option(help="Instead of the recipe's.")] = None,
    size: Annotated[
        Optional[int], typer.Option(help="Of the crops (96), or a field's longer side at a detector, in pixels.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the split, the weights and every draw.")] = 0,
    finds: Annotated[
        str, typer.Option(help="Of detectors, commas between: white_cell, platelet; packs hold white cells alone.")
    ] = "white_cell",
    resize: Annotated[
        bool, typer.Option("--resize", help="Of detectors: draw the input's size anew every ten batches.")
    ] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Curves live: tensorboard --logdir OUT/tensorboard; of classifiers.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train a network on labelled cells of one or more labs, or a detector on fields with boxes.

    Several processes: torchrun --nproc-per-node=2 -m edge_wbc train ...
    """
    from edge_wbc.core.errors import BadInput
    from edge_wbc.core.taxonomy import CLASS_SETS
    from edge_wbc.lab.detection import DETECTORS, DetectorOptions
    from edge_wbc.lab.training import TrainOptions, joined_ranks, live_curves
    from edge_wbc.lab.training import train as train_network
    from edge_wbc.lab.training.ranks import rank_count

    if weights not in ("imagenet", "none"):
        raise BadInput("--weights", f"{weights!r} is neither imagenet nor none")
    if model in DETECTORS:
        if (labels, recipe, tensorboard) != ("all", "default", False):
            raise BadInput(
                "--labels, --recipe, --tensorboard", f"say nothing to the detector {model}", "leave them out"
            )
        if len(data) > 1 or rank_count() > 1:
            raise BadInput("--model", f"the detector {model} learns from one dataset, in one process")
        kinds = tuple(kind.strip() for kind in finds.split(","))
        given = {"epochs": epochs, "batch": batch, "lr": lr, "size": size}
        chosen = {name: value for name, value in given.items() if value is not None}
        detector = DetectorOptions(model, weights, seed=seed, finds=kinds, resize=resize, **chosen)  # type: ignore[arg-type]
        train_on_fields(Path(data[0]), out, detector, as_json)
        return
    if (finds, resize) != ("white_cell", False):
        raise BadInput("--finds, --resize", f"say nothing to the classifier {model}", "leave them out")
    datasets = [read_named(source, labels if labels in CLASS_SETS else "") for source in data]
    options = TrainOptions(model, recipe, weights, epochs, batch, lr, 96 if size is None else size, seed, labels)
    told = live_curves(out / "tensorboard") if tensorboard else None
    with joined_ranks() as ranks:
        with progress_bar() as progress:
            facts = train_network(datasets, out, options, progress, remark, ranks, told)
        if not ranks.first:
            return
    for name, domain in facts["domains"].items():
        if domain["dropped"]:
            by_label = ", ".join(f"{count} {label}" for label, count in sorted(domain["dropped"].items()))
            remark(f"{name}: left out {sum(domain['dropped'].values())} cells: {by_label}")
    if as_json:
        emit_json(facts)
        return
    table(
        f"{facts['model']} in {out}",
        ("part or lab", "cells", "accuracy", "95% limits", "balanced", "macro F1"),
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


def read_named(source: str, only: str = "") -> Dataset:
    """DATA, or NAME=DATA where no path of that whole name is there; raises as `read_dataset` does."""
    from dataclasses import replace

    from edge_wbc.lab.datasets import read_dataset

    name, sign, path = source.partition("=")
    if not sign or Path(source).exists():
        return read_dataset(Path(source), only)
    return replace(read_dataset(Path(path), only), domain=name)


def train_on_fields(data: Path, out: Path, options: DetectorOptions, as_json: bool) -> None:
    """Trains a detector and says what its validation part came to."""
    from edge_wbc.lab.detection import read_fields, train_detector

    fields = read_fields(data, options.finds)
    with progress_bar() as progress:
        facts = train_detector(fields, out, options, progress, remark)
    if as_json:
        emit_json(facts)
        return
    told = f"{options.model}, best epoch {facts['best_epoch']}, in {out}; validation part"
    tell_detection(told, facts["metrics"]["val"])
