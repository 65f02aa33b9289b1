"""What drawn cells are worth: networks that learned from them alone, judged on real cells and real fields.

    python benchmarks/synthetic.py --data SHARED [--work DIR] [--cells N] [--fields N] [--seeds 1] [--only NAME ...]

SHARED holds pbc, tecom, bccd (fields and crops). Classifiers learn from drawn cells, from 2,500 cells of pbc, and from
both; detectors of white cells and platelets learn from drawn fields, with and without inputs of many sizes. Nothing of
tecom or bccd is learned from or chosen by; but who drew the cells had looked at pictures of all three. Everything is
kept in --work: the same command goes on after a kill. Prints the tables, writes benchmarks/results/synthetic.{md,json}.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections import defaultdict
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torchvision

from edge_wbc.core.taxonomy import FIVE_CLASSES
from edge_wbc.lab.datasets import Dataset, read_dataset
from edge_wbc.lab.datasets.importing import import_set
from edge_wbc.lab.detection import (
    DetectorOptions,
    detect_loaded,
    detection_measures,
    load_detector,
    load_fields,
    read_fields,
    train_detector,
)
from edge_wbc.lab.evaluation.classifier import open_classifier
from edge_wbc.lab.evaluation.labs import judge_lab, lab_measures
from edge_wbc.lab.synthesis import SmearOptions, draw_smears
from edge_wbc.lab.synthesis.placement import PlacementOptions
from edge_wbc.lab.synthesis.single_cells import SingleCellOptions, draw_single_cells
from edge_wbc.lab.training import RECIPES, TrainOptions, train

RESULTS = Path(__file__).parent / "results"
LABS = {"tecom": "tecom", "bccd": "bccd/crops"}
CELLS_OF_PBC = 2500
SOURCES = {"drawn": ("drawn",), "pbc": ("pbc",), "pbc and drawn": ("pbc", "drawn")}
# From a phone that sees a whole field to one that is close enough for two cells: micrometres a pixel.
SCALES = (0.07, 0.1, 0.14, 0.2)
# Highest Jaccard index of two cells: side by side, or heaped as in the thick of a film.
CLOSEST = (0.25, 0.7)
KINDS = ("white_cell", "platelet")
INPUTS = {False: "one", True: "many"}


def few(data: Dataset, count: int) -> Dataset:
    """So many cells of the five classes, all classes alike."""
    labels: dict[str, list[int]] = defaultdict(list)
    for row, item in enumerate(data.items):
        labels[item.label].append(row)
    chance = np.random.default_rng(0)
    kept = [
        row
        for label in FIVE_CLASSES
        for row in chance.permutation(labels[label])[: count // len(FIVE_CLASSES)].tolist()
    ]
    return replace(data, items=tuple(data.items[row] for row in sorted(kept)))


def classifiers(data: Path, work: Path, cells: int, seeds: int) -> list[dict[str, Any]]:
    """A row for each source and seed: accuracy on each real lab, and at home."""
    draw_single_cells(work / "cells", SingleCellOptions(), cells, processes=os.cpu_count() or 1)
    sets = {
        "drawn": replace(read_dataset(work / "cells", only="5"), domain="drawn"),
        "pbc": replace(few(read_dataset(data / "pbc", only="5"), CELLS_OF_PBC), domain="pbc"),
    }
    recipe = replace(RECIPES["shift"], courses=1)
    rows = []
    for name, sources in SOURCES.items():
        for seed in range(seeds):
            run = work / f"{'+'.join(sources)}-{seed}"
            options = TrainOptions(recipe=recipe, seed=seed, labels="5")
            facts = train([sets[source] for source in sources], run, options, log=say)
            done = run / "judged.json"
            if not done.is_file():
                labs = {lab: judge_lab(open_classifier(run), data / folder, lab) for lab, folder in LABS.items()}
                done.write_text(json.dumps({lab: lab_measures(found) for lab, found in labs.items()}) + "\n")
            judged = json.loads(done.read_text())
            home = {part: got for part, got in facts["metrics"].items() if part.startswith("test")}
            rows.append({"sources": name, "seed": seed, "weights": facts["weights"], "home": home, "labs": judged})
            for lab, got in judged.items():
                say(f"{name:14} seed {seed}  {lab:6} {told(got)}")
    return rows


def told(got: dict[str, Any]) -> str:
    low, high = got["accuracy_ci95"]
    return (
        f"{100 * got['accuracy']:.1f} ({100 * low:.0f} to {100 * high:.0f}) | {100 * got['balanced_accuracy']:.1f} | "
        f"{100 * got['balanced_accuracy_5']:.1f}"
    )


def detector(work: Path, fields: int, epochs: int, resize: bool) -> dict[str, Any]:
    """A row for inputs of one size or of many: average precision on bccd's fields, kind by kind."""
    run = work / f"detector-{INPUTS[resize]}"
    done = run / "judged.json"
    if not done.is_file():
        drawn = together(work, fields)
        options = DetectorOptions(epochs=epochs, finds=KINDS, resize=resize)
        train_detector(read_fields(drawn, KINDS), run, options, log=say)
        learned = load_detector(run)
        loaded = load_fields(read_fields(work / "bccd", KINDS), 640)
        found = detect_loaded(learned.network, loaded, learned.size, len(KINDS))
        measured = {
            kind: detection_measures(got, loaded.of(row), learned.thresholds[kind])
            for row, (kind, got) in enumerate(zip(KINDS, found, strict=True))
        }
        done.write_text(json.dumps(measured) + "\n")
    judged = json.loads(done.read_text())
    for kind, got in judged.items():
        say(f"{INPUTS[resize]} sizes: {kind} AP50 {got['ap50']:.3f}, {got['cells']} cells in {got['fields']} fields")
    return {"input": INPUTS[resize], "epochs": epochs, "fields": fields, "bccd": judged}


def together(work: Path, fields: int) -> Path:
    """Drawn fields of all scales, loose and crowded, in one dataset folder, linked and not copied."""
    out = work / "fields"
    for seed, (scale, closest) in enumerate(product(SCALES, CLOSEST)):
        name = f"at{round(1000 * scale):03d}-{round(100 * closest):02d}"
        options = SmearOptions(
            "galaxy-s5/olympus" if seed % 4 < 2 else "lg-g3/zeiss",
            smears=fields // len(SCALES) // len(CLOSEST),
            fields_per_smear=1,
            white_cells=round(1 + 5 * (scale / SCALES[-1]) ** 2),
            um_per_px=scale,
            placement=PlacementOptions(thresholds=(0.0, closest)),
            mark_platelets=True,
            seed=seed,
            name=name,
        )
        draw_smears(work / name, options, processes=os.cpu_count() or 1)
        for folder in ("images", "records"):
            (out / folder).mkdir(parents=True, exist_ok=True)
            for file in (work / name / folder).iterdir():
                link = out / folder / file.name
                if not link.exists():
                    link.hardlink_to(file)
    return out


def say(line: str) -> None:
    print(line, flush=True)


def page(named: list[dict[str, Any]], found: list[dict[str, Any]]) -> str:
    """The tables in Markdown."""
    lines = [
        "| learned from | seed | judged on | accuracy | balanced | balanced, classes of 5 cells or more |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in named:
        lines += [f"| {row['sources']} | {row['seed']} | {lab} | {told(got)} |" for lab, got in row["labs"].items()]
    lines += [
        "",
        "| input sizes | kind | cells in bccd | AP50 | AP50:95 | recall at one false box a field |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in found:
        for kind, got in row["bccd"].items():
            figures = [got["ap50"], got["ap50_95"], got["recall_at_false_per_field"]["1.0"]]
            told_of = " | ".join(f"{value:.3f}" for value in figures)
            lines.append(f"| {row['input']} | {kind} | {got['cells']} | {told_of} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--work", type=Path, default=Path("build/synthetic"))
    asked.add_argument("--cells", type=int, default=4000)
    asked.add_argument("--fields", type=int, default=800)
    asked.add_argument("--epochs", type=int, default=8, help="of the detectors")
    asked.add_argument("--seeds", type=int, default=1)
    asked.add_argument("--only", choices=("classifiers", *INPUTS.values()), help="nothing is written then")
    given = asked.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    if not (given.work / "bccd" / "records").is_dir():
        import_set("bccd", given.data / "bccd", given.work / "bccd")
    named = classifiers(given.data, given.work, given.cells, given.seeds) if given.only in (None, "classifiers") else []
    found = [
        detector(given.work, given.fields, given.epochs, resize)
        for resize, name in INPUTS.items()
        if given.only in (None, name)
    ]
    if given.only:
        return
    facts = {
        "command": "python benchmarks/synthetic.py --data SHARED",
        "device": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "opencv": cv2.__version__,
            "numpy": np.__version__,
        },
        "cells": given.cells,
        "cells_of_pbc": CELLS_OF_PBC,
        "classifiers": named,
        "detectors": found,
    }
    (RESULTS / "synthetic.json").write_text(json.dumps(facts, indent=1) + "\n")
    (RESULTS / "synthetic.md").write_text(page(named, found))
    print(page(named, found))


if __name__ == "__main__":
    main()
