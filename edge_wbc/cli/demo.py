"""`edge-wbc demo`: the whole loop on cells that it draws itself."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_wbc.cli.classify import count
from edge_wbc.cli.export import proof_table
from edge_wbc.cli.show import AsJson, Progress, emit_json, percent, progress_bar, remark, table

if TYPE_CHECKING:
    import numpy as np

    from edge_wbc.lab.datasets import LoadedCrops

__all__ = ["demo"]

HOME, AWAY = "galaxy-s5/olympus", "lg-g3/zeiss"


@dataclass(frozen=True)
class _Sizes:
    """How much is drawn and how long is trained: minutes on two cores with the recipe "scratch"."""

    train_smears: int = 24
    test_smears: int = 8
    fields: int = 20
    crop: int = 64


def demo(
    out: Annotated[Path, typer.Option("--out", help="Where everything is written, report.html first of all.")] = Path(
        "demo-out"
    ),
    seed: Annotated[int, typer.Option(help="Of every draw.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Run the whole loop on drawn cells.

    Draws two labs' smears, trains, quantises, exports, proves, and names the cells of a field: minutes, no download.
    """
    started = time.perf_counter()
    with progress_bar() as progress:
        summary = _run(out, seed, _Sizes(), progress)
    summary["seconds"] = round(time.perf_counter() - started, 1)
    if as_json:
        emit_json(summary)
        return
    table(
        f"accuracy; {out / 'report.html'} shows it all",
        ("", *summary["accuracy"]),
        [
            (domain, *(percent(row[domain]) for row in summary["accuracy"].values()))
            for domain in next(iter(summary["accuracy"].values()))
        ],
    )
    table(f"{summary['pack']}: proof on held-out crops, one thread", *proof_table(summary["artefacts"]))
    remark(f"{summary['seconds']:.0f} s; research use, not for diagnosis")


def _run(out: Path, seed: int, sizes: _Sizes, progress: Progress) -> dict[str, Any]:
    from edge_wbc.core.files import write_whole
    from edge_wbc.core.pack import read_pack
    from edge_wbc.lab.datasets import load_crops, read_dataset
    from edge_wbc.lab.evaluation import evaluate
    from edge_wbc.lab.evaluation.baseline import ColourBaseline
    from edge_wbc.lab.evaluation.classifier import open_classifier
    from edge_wbc.lab.synthesis import SmearOptions, draw_smears
    from edge_wbc.lab.training import TrainOptions, load_run, train
    from export import ExportOptions, Limits, export_run

    folders = {
        "train": (HOME, sizes.train_smears, 3 * seed),
        "test-A": (HOME, sizes.test_smears, 3 * seed + 1),
        "test-B": (AWAY, sizes.test_smears, 3 * seed + 2),
    }
    for name, (domain, smears, draw) in folders.items():
        drawing = SmearOptions(domain, smears, sizes.fields, seed=draw, name=name, stain="giemsa")

        def tell(done: int, total: int, name: str = name) -> None:
            progress(f"{name}: drawing fields", done, total)

        draw_smears(out / name, drawing, tell, os.cpu_count() or 1)

    plan = TrainOptions(recipe="scratch", weights="none", size=sizes.crop, seed=seed)
    facts = train([read_dataset(out / "train", only="5")], out / "run", plan, progress, remark)
    run = load_run(out / "run")
    # Ten epochs from scratch leave a network unsure of many cells, and int8 tips a few of those: a demo's limits.
    options = ExportOptions(seed=seed, limits=Limits(agreement=0.96, accuracy_drop=0.02))
    proofs = [proof.to_json() for proof in export_run(run, out / "pack", options, progress)]

    judges = {
        "PyTorch": open_classifier(out / "run"),
        "TFLite fp32": open_classifier(out / "pack", "tflite-fp32"),
        "TFLite int8": open_classifier(out / "pack", "tflite-int8"),
    }
    baseline = ColourBaseline(*run.crops("train"), len(run.labels))
    results: dict[str, dict[str, Any]] = {name: {} for name in (*judges, "colour histogram")}
    tests: dict[str, LoadedCrops] = {}
    for domain in ("test-A", "test-B"):
        tests[domain] = loaded = load_crops(read_dataset(out / domain, only="5"), run.crop, progress)
        truth = [item.label for item in loaded.items]
        for name, judge in judges.items():
            scores = judge.predict(loaded.pixels, progress)
            results[name][domain] = evaluate(truth, scores, run.labels, run.uncertain_below)
        results["colour histogram"][domain] = evaluate(truth, baseline.scores(loaded.pixels), run.labels)

    drawn, cells = _annotated_field(out, read_pack(out / "pack"))
    page = _page(out, facts, proofs, results, tests, drawn, cells)
    write_whole(out / "report.html", page.encode())
    return {
        "report": str(out / "report.html"),
        "pack": str(out / "pack"),
        "accuracy": {
            name: {domain: result["accuracy"] for domain, result in rows.items()} for name, rows in results.items()
        },
        "test_cells": {domain: dict(Counter(item.label for item in got.items)) for domain, got in tests.items()},
        "artefacts": proofs,
        "differential": cells,
    }


def _annotated_field(out: Path, pack: Any) -> tuple[np.ndarray, dict[str, Any]]:
    """One test-A field as the int8 network reads it, and the differential of its whole smear."""
    from edge_wbc.core.draw import draw_cells
    from edge_wbc.core.images import list_images, read_image, write_image
    from edge_wbc.core.reading import open_reader

    reader = open_reader(pack)
    files = list_images(out / "test-A" / "images")
    smear = [read_image(file) for file in files[: len(files) // 8]]
    read = [reader.read(rgb, single=False) for rgb in smear]
    drawn = draw_cells(smear[0], read[0])
    write_image(out / "field.png", drawn)
    return drawn, count([cell for cells in read for cell in cells])


def _page(
    out: Path,
    facts: dict[str, Any],
    proofs: list[dict[str, Any]],
    results: dict[str, dict[str, Any]],
    tests: dict[str, LoadedCrops],
    drawn: np.ndarray,
    cells: dict[str, Any],
) -> str:
    """The report's HTML."""
    import numpy as np

    from edge_wbc.core.images import list_images, read_image
    from edge_wbc.lab.evaluation.figures import confusion_figure, contact_sheet
    from edge_wbc.lab.evaluation.report import Picture, figure_png, png, render_report

    labels = facts["labels"]
    proof_head, proof_rows = proof_table(proofs)
    sheets = []
    for domain, name in (("test-A", HOME), ("test-B", AWAY)):
        said = np.array([item.label for item in tests[domain].items])
        rows = [tests[domain].pixels[np.flatnonzero(said == label)[:9]] for label in labels]
        sheets.append(Picture(contact_sheet(rows, labels), f"{domain} ({name}): nine cells of each class"))
    away = read_image(list_images(out / "test-B" / "images")[0])
    matrices = {
        f"{domain}, {name}": rows[domain]
        for domain in ("test-A", "test-B")
        for name, rows in results.items()
        if name != "colour histogram"
    }
    accuracy = [
        (
            name,
            *(
                f"{percent(row['accuracy'])} ({' to '.join(percent(end) for end in row['accuracy_ci95'])})"
                for row in rows.values()
            ),
        )
        for name, rows in results.items()
    ]
    counted = ", ".join(f"{domain} {len(got.items)} cells" for domain, got in tests.items())
    recipe = facts["recipe"]
    return render_report(
        "edge-wbc demo: from drawn smears to a verified int8 pack",
        [
            {
                "title": "What was drawn",
                "text": [
                    f"Training cells and test-A are seen through {HOME}, test-B through {AWAY}: another colour cast, "
                    f"blur, noise, vignette and scale, other smears too. Cells by label: training "
                    f"{sum(facts['parts'].values())} (of which {facts['parts']['val']} for validation and "
                    f"{facts['parts']['test']} for the proof of the export), {counted}."
                ],
                "pictures": [*sheets, Picture(png(away), f"a field of test-B ({AWAY})")],
            },
            {
                "title": "Accuracy at home and away",
                "text": [
                    "Exact 95% limits in brackets. The colour histogram (8 x 8 x 8 bins, logistic regression) shows "
                    "how far colour alone goes. The fall from test-A to test-B is what every new lab costs."
                ],
                "head": ("", "test-A", "test-B"),
                "rows": accuracy,
                "pictures": [Picture(figure_png(confusion_figure(matrices, 3)), "rows: truth; columns: named")],
            },
            {
                "title": "Training",
                "text": [
                    f"{facts['model']} from scratch on {facts['crop']['size']}-pixel crops, {recipe['epochs']} epochs "
                    f"of batch {recipe['batch']}, seed {facts['seed']}; what the last epoch "
                    f"left was kept. Temperature {facts['temperature']:.2f}; scores below "
                    f"{facts['uncertain_below']:.2f} are uncertain."
                ],
                "pictures": [Picture((out / "run" / "curves.png").read_bytes(), "training curves")],
            },
            {
                "title": "The artefacts, proved",
                "text": [
                    f"Each was run on {proofs[0]['crops']} held-out crops and compared with the PyTorch network. "
                    "Milliseconds are the median of one crop on one thread of this machine; they say nothing about "
                    "the phone's older runtime."
                ],
                "head": proof_head,
                "rows": proof_rows,
            },
            {
                "title": "A field, read by the int8 network",
                "text": [
                    "The table is the differential of its smear, with exact 95% limits; the uncertain are left out."
                ],
                "pictures": [Picture(png(drawn), "cells found, cropped and named as on the phone; ? is uncertain")],
                "head": ("class", "count", "percent", "95% limits"),
                "rows": [
                    (label, share["count"], f"{share['percent']:.1f}", "{:.1f} to {:.1f}".format(*share["ci95"]))
                    for label, share in cells.items()
                ],
            },
        ],
    )
