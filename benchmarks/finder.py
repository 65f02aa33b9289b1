"""The colour-filter finder on real fields: learned on some, judged on others, timed on one core.

    python benchmarks/finder.py [--data ../shared/data] [--ship]

Learns from the train part of smartphone_fields, the half of bccd whose names' SHA-256 is even, and 12 drawn fields;
judges on the valid part and on the other half, but for fields that dedup ties to a learned one. --ship writes what
was learned as the finder that ships (edge_wbc/core/finder.json). Prints a table and writes
benchmarks/results/finder.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from edge_wbc.core.finder import find_cells
from edge_wbc.core.finder_model import FinderModel, default_model, write_finder
from edge_wbc.core.images import read_image
from edge_wbc.lab.curation.clean import deduplicate
from edge_wbc.lab.curation.duplicates import THRESHOLDS
from edge_wbc.lab.datasets.importing import import_set
from edge_wbc.lab.datasets.splitfile import read_duplicates
from edge_wbc.lab.detection.colour_filter import learn_finder
from edge_wbc.lab.detection.data import MarkedField, read_fields
from edge_wbc.lab.detection.measures import Detections, detection_measures
from edge_wbc.lab.synthesis import DOMAINS, SmearOptions, draw_smears

ROOT = Path(__file__).parents[1]
EVERY_SCORE = 0.02


def fields_of(data: Path, scratch: Path) -> dict[str, tuple[MarkedField, ...]]:
    """Each part's fields: imported once into `scratch`, and drawn there."""
    for name, kind, source in (
        ("train", "yolo", data / "smartphone_fields" / "train"),
        ("valid", "yolo", data / "smartphone_fields" / "valid"),
        ("bccd", "bccd", data / "bccd"),
    ):
        import_set(kind, source, scratch / name)
    drawn: list[MarkedField] = []
    for number, domain in enumerate(DOMAINS):
        draw_smears(scratch / domain, SmearOptions(domain, 6, 1, seed=50 + number))
        drawn += read_fields(scratch / domain).fields
    halves: dict[int, list[MarkedField]] = {0: [], 1: []}
    for field in read_fields(scratch / "bccd").fields:
        halves[int(hashlib.sha256(field.image.stem.encode()).hexdigest(), 16) % 2].append(field)
    # bccd holds some fields twice: a copy of what was learned is not judged on.
    deduplicate(scratch / "bccd", scratch / "bccd_copies", THRESHOLDS["default"])
    groups = read_duplicates(scratch / "bccd_copies")
    known = {field.name for field in halves[0]}
    seen = {group for (image, _), group in groups.items() if image in known}
    copies = {image for (image, _), group in groups.items() if group in seen}
    halves[1] = [field for field in halves[1] if field.name not in copies]
    return {
        "learned": (*read_fields(scratch / "train").fields, *halves[0], *drawn),
        "smartphone_fields valid": read_fields(scratch / "valid").fields,
        "bccd, the other half": tuple(halves[1]),
    }


def judge(model: FinderModel, fields: tuple[MarkedField, ...]) -> dict[str, object]:
    """What `detection_measures` says, and the median CPU milliseconds of a field."""
    everything = replace(model, threshold=EVERY_SCORE)
    found: list[Detections] = []
    seconds = []
    for field in fields:
        rgb = read_image(field.image)
        started = time.process_time()
        cells = find_cells(rgb, everything)
        seconds.append(time.process_time() - started)
        boxes = np.array([cell.box for cell in cells], float).reshape(-1, 4)
        found.append((boxes, np.array([cell.score for cell in cells], float)))
    measured = detection_measures(found, [field.boxes for field in fields], model.threshold)
    return {**measured, "pixels": list(rgb.shape[1::-1]), "ms_median": 1000 * statistics.median(seconds)}


def main() -> None:
    """Learns, judges, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--scratch", type=Path, default=Path("build/finder"), help="where sets are imported to")
    parser.add_argument("--ship", action="store_true")
    asked = parser.parse_args()
    if not asked.data.is_dir():
        sys.exit(f"no real fields at {asked.data}; name a folder with bccd and smartphone_fields: --data DIR")
    cv2.setNumThreads(1)
    fields = fields_of(asked.data, asked.scratch)
    learned = fields.pop("learned")
    if asked.ship:
        facts = {
            "from": "smartphone_fields train, half of bccd, 12 drawn fields",
            "fields": len(learned),
            "cells": sum(len(field.boxes) for field in learned),
        }
        write_finder(ROOT / "edge_wbc" / "core" / "finder.json", learn_finder(learned, facts))
        default_model.cache_clear()
    model = default_model()
    judged = {name: judge(model, part) for name, part in fields.items()}
    print(f"{'':26} {'cells':>5} {'recall':>7} {'false/field':>11} {'AP50':>6} {'AP50:95':>8} {'fields/s':>9}")
    for name, row in judged.items():
        print(
            f"{name:26} {row['cells']:5} {row['recall']:7.3f} {row['false_per_field']:11.3f} {row['ap50']:6.3f}"
            f" {row['ap50_95']:8.3f} {1000 / row['ms_median']:9.1f}"
        )
    results = {
        "command": "python benchmarks/finder.py",
        "device": f"{platform.machine()} {platform.system()}, one core",
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "opencv": cv2.__version__},
        "learned_from": model.learned_from,
        "threshold": model.threshold,
        "judged": judged,
    }
    (ROOT / "benchmarks" / "results" / "finder.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
