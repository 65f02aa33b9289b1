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
from edge_wbc.lab.synthesis.single_cells import SingleCellOptions, draw_single_cells
from edge_wbc.lab.training import RECIPES, TrainOptions, train

RESULTS = Path(__file__).parent / "results"
LABS = {"tecom": "tecom", "bccd": "bccd/crops"}
CELLS_OF_PBC = 2500
SOURCES = {"drawn": ("drawn",), "pbc": ("pbc",), "pbc and drawn": ("pbc", "drawn")}
# From a phone that sees a whole field to one that is close enough for two cells: micrometres a pixel.
SCALES = (0.07, 0.1, 0.14, 0.2)
KINDS = ("white_cell", "platelet")


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


def detectors(data: Path, work: Path, fields: int, epochs: int) -> list[dict[str, Any]]:
    """A row for inputs of one size and for inputs of many: average precision on bccd's fields, kind by kind."""
    drawn = together(work, fields)
    if not (work / "bccd" / "records").is_dir():
        import_set("bccd", data / "bccd", work / "bccd")
    rows = []
    for resize in (False, True):
        run = work / f"detector-{'many' if resize else 'one'}"
        options = DetectorOptions(epochs=epochs, finds=KINDS, resize=resize)
        train_detector(read_fields(drawn, KINDS), run, options, log=say)
        detector = load_detector(run)
        loaded = load_fields(read_fields(work / "bccd", KINDS), 640)
        found = detect_loaded(detector.network, loaded, detector.size, len(KINDS))
        judged = {
            kind: detection_measures(got, loaded.of(row), detector.thresholds[kind])
            for row, (kind, got) in enumerate(zip(KINDS, found, strict=True))
        }
        rows.append({"resize": resize, "epochs": epochs, "fields": fields, "bccd": judged})
        for kind, got in judged.items():
            say(f"resize {resize}: {kind} AP50 {got['ap50']:.3f}, {got['cells']} cells in {got['fields']} fields")
    return rows


def together(work: Path, fields: int) -> Path:
    """Drawn fields of all scales in one dataset folder, linked and not copied."""
    out = work / "fields"
    for scale in SCALES:
        name = f"at{round(1000 * scale):03d}"
        options = SmearOptions(
            "galaxy-s5/olympus" if scale in SCALES[::2] else "lg-g3/zeiss",
            smears=fields // len(SCALES),
            fields_per_smear=1,
            white_cells=round(1 + 5 * (scale / SCALES[-1]) ** 2),
            um_per_px=scale,
            mark_platelets=True,
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
        "| input | kind | AP50 on bccd | AP50:95 | cells | recall at one false box a field |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in found:
        size = "many sizes" if row["resize"] else "one size"
        for kind, got in row["bccd"].items():
            recall = got["recall_at_false_per_field"]["1.0"]
            lines.append(
                f"| {size} | {kind} | {got['ap50']:.3f} | {got['ap50_95']:.3f} | {got['cells']} | {recall:.3f} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--work", type=Path, default=Path("build/synthetic"))
    asked.add_argument("--cells", type=int, default=5000)
    asked.add_argument("--fields", type=int, default=1200)
    asked.add_argument("--epochs", type=int, default=10, help="of the detectors")
    asked.add_argument("--seeds", type=int, default=1)
    asked.add_argument("--only", choices=("classifiers", "detectors"), help="nothing is written then")
    given = asked.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    named = classifiers(given.data, given.work, given.cells, given.seeds) if given.only != "detectors" else []
    found = detectors(given.data, given.work, given.fields, given.epochs) if given.only != "classifiers" else []
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
