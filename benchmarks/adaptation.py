"""What each step of `edge-wbc adapt` brings, on labs that are not the source's, over several draws of the labels.

Usage: python benchmarks/adaptation.py RUN|PACK NAME=DATA ... [--shots 25] [--draws 5] [--only NAME ...]
Every variant sees the same draws; the source as it is is the rival. Figures are means over draws of accuracy and of
balanced accuracy over classes with at least 5 cells, on the cells that were not drawn.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge_wbc.lab.adaptation.lab import NewLab, draw_shots, read_lab
from edge_wbc.lab.adaptation.mobile import MobileOptions, adapt_mobile
from edge_wbc.lab.adaptation.result import judge, parts_of_lab
from edge_wbc.lab.adaptation.source import open_source
from edge_wbc.lab.training.run import TrainedRun

OURS = MobileOptions()
# Name -> what is changed, or None for the source as it is.
VARIANTS: dict[str, dict[str, float] | None] = {
    "source": None,
    "last layer": {"steps": 0},
    "labels alone": {"unlabelled": False},
    "no spreading": {"reach": 0.0},
    "ours": {},
}


def figures(run: TrainedRun, lab: NewLab, shots: np.ndarray, change: dict[str, float] | None, seed: int) -> list[float]:
    """Accuracy, balanced accuracy over classes with at least 5 cells, and seconds."""
    started = time.perf_counter()
    network = run.network
    if change is not None:
        how = replace(OURS, **change)
        network, _ = adapt_mobile(network, lab, shots, how, seed)
    seconds = time.perf_counter() - started
    rows = np.flatnonzero(parts_of_lab(lab, shots, frozenset()) == "test")
    found = judge(network, lab, rows, run.labels, run.temperature, run.uncertain_below)
    assert found is not None
    return [found["accuracy"], found["balanced_accuracy_5"], seconds]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("source", type=Path)
    asked.add_argument("labs", nargs="+")
    asked.add_argument("--shots", type=int, default=25)
    asked.add_argument("--draws", type=int, default=5)
    asked.add_argument("--only", nargs="*", default=list(VARIANTS))
    asked.add_argument("--set", type=json.loads, default=None, help="one more variant, as JSON")
    given = asked.parse_args()
    run = open_source(given.source)
    paths = {name: Path(path) for name, _, path in (lab.partition("=") for lab in given.labs)}
    labs = {name: read_lab(path, run.crop, run.labels) for name, path in paths.items()}
    variants = {name: VARIANTS[name] for name in given.only}
    if given.set is not None:
        variants[json.dumps(given.set)] = given.set
    results: dict[str, dict[str, list[list[float]]]] = {}
    for variant, change in variants.items():
        results[variant] = {}
        for name, lab in labs.items():
            draws = [draw_shots(lab, given.shots, seed) for seed in range(given.draws)]
            results[variant][name] = [figures(run, lab, shots, change, seed) for seed, shots in enumerate(draws)]
            mean, spread = np.mean(results[variant][name], 0), np.std(results[variant][name], 0)
            print(
                f"{variant:24} {name:8} accuracy {mean[0]:.3f} (sd {spread[0]:.3f})  balanced {mean[1]:.3f} "
                f"(sd {spread[1]:.3f})  {mean[2]:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
