"""Placing 700 cells on 1024 x 1024: comparisons, recall of true neighbours, overlaps and clumping of each strategy.

    python benchmarks/placement.py [--seeds 20] [--picture docs/images/placement.png]

690 red cells of 30 px and 10 white cells of 45 to 65 px, as at 0.25 um a pixel, the white ones first. Prints a table
and writes benchmarks/results/placement.json and placement.md; fails where the exact index does not decide as brute
force does, or makes more than a twentieth of its comparisons.

Recall: of the cells placed before with a Jaccard index above 0, at every point asked about, the share that was looked
at. Clumping: mean distance to the nearest neighbour by that of as many uniformly random points (Clark and Evans), here
simulated on the same canvas; below 1 clumped, above 1 spread. Unevenness: cells are counted in 8 x 8 squares, and the
counts' variance divided by their mean; 1 for uniformly random points.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
from PIL import Image
from scipy.spatial import cKDTree
from scipy.stats import t as student

from edge_wbc.lab.synthesis import placement
from edge_wbc.lab.synthesis.placement import Placement, PlacementOptions, place

ROOT = Path(__file__).parents[1]
SIDE, CELLS, WHITE = 1024, 700, 10
TOO_MANY = 1200
LARGEST_SHARE = 1 / 20
STRATEGIES = {
    "random (brute force)": PlacementOptions("random"),
    "exact": PlacementOptions("exact"),
    "blocks": PlacementOptions("blocks"),
    **{f"lsh-paper, {bits} bits": PlacementOptions("lsh-paper", bits=bits) for bits in (2, 4, 8, 16, 32)},
}
COLUMNS = {
    "comparisons": "{:,.0f}",
    "fewer": "{:.0f}",
    "recall": "{:.3f}",
    "above_limit": "{:.1f}",
    "clumping": "{:.3f}",
    "unevenness": "{:.2f}",
    "placed": "{:.1f}",
    "milliseconds": "{:.1f}",
}
HEAD = (
    "strategy",
    "comparisons",
    "times fewer",
    "recall",
    "pairs above their limit",
    "clumping",
    "unevenness",
    "placed",
    "CPU ms a field",
)


class Watched:
    """An index whose answers are held against all cells placed."""

    def __init__(self, index: placement.Candidates) -> None:
        self.index, self.boxes = index, np.zeros((0, 4), int)
        self.true = self.found = 0

    def near(self, box: placement.Box) -> list[placement.Box]:
        """The index's answer."""
        told = self.index.near(box)
        x0, y0, x1, y1 = box
        left, top, right, bottom = self.boxes.T
        meets = (left < x1) & (right > x0) & (top < y1) & (bottom > y0)
        self.true += int(meets.sum())
        self.found += len(set(map(tuple, self.boxes[meets].tolist())) & set(told))
        return told

    def add(self, box: placement.Box) -> None:
        """Takes a box."""
        self.index.add(box)
        self.boxes = np.vstack([self.boxes, box])


def field_sizes(seed: int, cells: int = CELLS) -> np.ndarray:
    """The boxes of one field, white cells first."""
    sizes = np.full((cells, 2), 30)
    sizes[:WHITE] = np.random.default_rng([seed, 1]).integers(45, 66, (WHITE, 2))
    return sizes


def run(options: PlacementOptions, seed: int) -> Placement:
    """One field."""
    return place(field_sizes(seed), (SIDE, SIDE), options, np.random.default_rng(seed))


def recall(options: PlacementOptions, seed: int) -> float:
    """Of one field, watched."""
    watched: list[Watched] = []

    def watch(*told: object) -> Watched:
        watched.append(Watched(made(*told)))
        return watched[0]

    made = placement.candidates_of
    with mock.patch.object(placement, "candidates_of", watch):
        run(options, seed)
    return watched[0].found / watched[0].true


def pairs_above(seed: int, done: Placement) -> list[tuple[int, int]]:
    """Pairs (earlier, later) that overlap by more than the later one's limit."""
    boxes = np.hstack([done.corners, done.corners + field_sizes(seed)])
    shared = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    area = np.maximum(shared, 0).prod(2)
    whole = field_sizes(seed).prod(1)
    index = area / (whole[:, None] + whole[None, :] - area)
    index[:, ~done.placed] = index[~done.placed] = 0
    earlier, later = np.nonzero(np.triu(index > done.limits[None, :], 1))
    return list(zip(earlier.tolist(), later.tolist(), strict=True))


def nearest(points: np.ndarray) -> float:
    """Mean distance to the nearest neighbour."""
    return float(cKDTree(points).query(points, k=2)[0][:, 1].mean())


def clumping(seed: int, done: Placement) -> float:
    """Clark and Evans' ratio against 50 uniformly random fields of as many cells."""
    middles = (done.corners + field_sizes(seed) / 2)[done.placed]
    rng = np.random.default_rng([seed, 2])
    by_chance = [nearest(rng.uniform(0, SIDE, middles.shape)) for _ in range(50)]
    return nearest(middles) / statistics.mean(by_chance)


def unevenness(seed: int, done: Placement) -> float:
    """Index of dispersion over 8 x 8 squares."""
    middles = (done.corners + field_sizes(seed) / 2)[done.placed]
    counts = np.histogramdd(middles, bins=8, range=[(0, SIDE)] * 2)[0]
    return float(counts.var(ddof=1) / counts.mean())


def with_limits(values: list[float]) -> dict[str, float]:
    """Mean and its 95% limits (Student's t)."""
    mean = statistics.mean(values)
    reach = float(student.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / len(values) ** 0.5
    return {"mean": mean, "low": mean - reach, "high": mean + reach}


def picture(path: Path, seed: int = 0) -> None:
    """One field of each strategy, side by side; red rings overlap an earlier cell by more than allowed."""
    shown = {
        "random = exact": PlacementOptions("exact"),
        "blocks of 128 px": PlacementOptions("blocks"),
        "lsh-paper, 8 bits": PlacementOptions("lsh-paper"),
        "lsh-paper, 32 bits": PlacementOptions("lsh-paper", bits=32),
    }
    panels = []
    for name, options in shown.items():
        done, sizes = run(options, seed), field_sizes(seed)
        late = {later for _, later in pairs_above(seed, done)}
        panel = np.full((SIDE + 90, SIDE, 3), 255, np.uint8)
        for number in np.flatnonzero(done.placed):
            centre = tuple(int(part) for part in done.corners[number] + sizes[number] // 2 + (0, 90))
            axes = tuple(int(part) for part in sizes[number] // 2)
            fill = (196, 160, 214) if number < WHITE else (226, 226, 214)
            cv2.ellipse(panel, centre, axes, 0, 0, 360, fill, -1, cv2.LINE_AA)
            ring = (40, 40, 220) if number in late else (150, 150, 140)
            cv2.ellipse(panel, centre, axes, 0, 0, 360, ring, 3, cv2.LINE_AA)
        panel[:88] = 255
        cv2.putText(panel, name, (12, 62), cv2.FONT_HERSHEY_SIMPLEX, 1.9, (40, 40, 40), 3, cv2.LINE_AA)
        panels.append(cv2.copyMakeBorder(panel, 0, 0, 0, 16, cv2.BORDER_CONSTANT, value=(255, 255, 255)))
    small = cv2.resize(np.hstack(panels), None, fx=0.33, fy=0.33, interpolation=cv2.INTER_AREA)
    Image.fromarray(small[..., ::-1]).quantize(64).save(path, optimize=True)


def main() -> None:
    """Every strategy on the same fields."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--picture", type=Path, help="also draw a field of each strategy")
    asked = parser.parse_args()
    if asked.picture:
        picture(asked.picture)
    seeds = range(asked.seeds)
    brute = [run(STRATEGIES["random (brute force)"], seed) for seed in seeds]
    rows = {}
    for name, options in STRATEGIES.items():
        values: dict[str, list[float]] = {column: [] for column in COLUMNS}
        for seed in seeds:
            start = time.process_time()
            done = run(options, seed)
            values["milliseconds"].append(1000 * (time.process_time() - start))
            values["comparisons"].append(done.comparisons)
            values["fewer"].append(brute[seed].comparisons / max(1, done.comparisons))
            values["recall"].append(recall(options, seed))
            values["above_limit"].append(len(pairs_above(seed, done)))
            values["clumping"].append(clumping(seed, done))
            values["unevenness"].append(unevenness(seed, done))
            values["placed"].append(int(done.placed.sum()))
            if name == "exact" and not (done.corners == brute[seed].corners).all():
                raise SystemExit(f"seed {seed}: the exact index decided otherwise than brute force")
        rows[name] = {column: with_limits(got) for column, got in values.items()}
        print(name, {column: round(row["mean"], 3) for column, row in rows[name].items()}, flush=True)
    lines = ["| " + " | ".join(HEAD) + " |", "| --- " * len(HEAD) + "|"]
    for name, row in rows.items():
        cells = []
        for column, form in COLUMNS.items():
            told = row[column]
            span = f" ({form.format(told['low'])} to {form.format(told['high'])})"
            # That nearly all find room needs no limits, nor does what is the same in every field.
            bare = column == "placed" or told["high"] == told["low"]
            cells.append(form.format(told["mean"]) + ("" if bare else span))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines.append(f"\nMeans of {asked.seeds} seeds with 95% limits; CPU time on {platform.machine()}, one core.")
    print("\n".join(lines))
    options = PlacementOptions()
    full = [place(field_sizes(seed, TOO_MANY), (SIDE, SIDE), options, np.random.default_rng(seed)) for seed in seeds]
    capacity = with_limits([int(done.placed.sum()) for done in full])
    print(f"of {TOO_MANY} cells {capacity['mean']:.0f} find room")
    result = {
        "command": f"python benchmarks/placement.py --seeds {asked.seeds}",
        "device": f"{platform.machine()} {platform.system()}, one core",
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("numpy", "scipy")}},
        "fields": {"canvas": [SIDE, SIDE], "cells": CELLS, "white": WHITE, "thresholds": options.thresholds},
        "strategies": rows,
        "capacity": {"asked": TOO_MANY, "placed": capacity},
    }
    results = ROOT / "benchmarks" / "results"
    (results / "placement.json").write_text(json.dumps(result, indent=1) + "\n")
    (results / "placement.md").write_text("\n".join(lines) + "\n")
    if rows["exact"]["recall"]["mean"] < 1 or rows["exact"]["fewer"]["low"] < 1 / LARGEST_SHARE:
        raise SystemExit("the exact index misses neighbours or compares too much")


if __name__ == "__main__":
    main()
