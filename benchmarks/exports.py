"""The four networks of the phone, exported in every kind and proved; labels that change in a lab never seen.

    python benchmarks/exports.py --data SHARED [--work DIR] [--only MODEL ...]

SHARED holds pbc and tecom. Each network is trained on all of pbc (those without ImageNet weights at hand from random
ones), which takes 10 to 30 minutes of one core, exported in all kinds, and run on tecom's 200 crops. Runs and packs
stay in --work: the same command goes on after a kill. Prints a table and writes benchmarks/results/exports.md
and .json.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_wbc.core.pack import KINDS, read_pack
from edge_wbc.core.reading import open_reader
from edge_wbc.lab.datasets import load_crops, read_dataset
from edge_wbc.lab.training import RECIPES, Recipe, TrainedRun, TrainOptions, load_run, train
from export import ExportOptions, export_run
from export.device import device_name
from export.graph import graph_of_run, probabilities

ONCE = replace(RECIPES["shift"], courses=1)
FROM_RANDOM = replace(RECIPES["scratch"], colour="stain", average=0.99)
HOW: dict[str, Recipe] = {
    "mobilenet_v2": ONCE,
    "shufflenet_v2_x1_0": replace(FROM_RANDOM, epochs=24),
    "mnasnet1_0": replace(FROM_RANDOM, epochs=12),
    "efficientnet_lite0": ONCE,
}
SIZE = 96
HEAD = (
    "network",
    "kind",
    "MB",
    "same label of pbc's",
    "accuracy",
    "PyTorch",
    "largest error",
    "in int8",
    "transposes",
    "tecom: changed of 200",
)


def trained(model: str, data: Path, work: Path) -> TrainedRun:
    """The finished run of a network, trained where it is not there."""
    run = work / model
    if not (run / "run.json").is_file():
        pbc = replace(read_dataset(data / "pbc"), domain="pbc")
        train([pbc], run, TrainOptions(model, HOW[model], size=SIZE, labels="guard"), log=lambda line: print(line))
    return load_run(run)


def exported(run: TrainedRun, pack: Path) -> float:
    """Exports a run in every kind; returns the seconds that it took."""
    begun = time.perf_counter()
    export_run(run, pack, ExportOptions((*KINDS, "weights")))
    return time.perf_counter() - begun


def changed(run: TrainedRun, pack: Path, crops: np.ndarray) -> dict[str, int]:
    """Kind -> how many crops an artefact names otherwise than the network in PyTorch."""
    expected = probabilities(graph_of_run(run), crops).argmax(1)
    opened = read_pack(pack)
    named = {kind: open_reader(opened, kind).interpreter.predict(crops).argmax(1) for kind in opened.artefacts()}
    return {kind: int((found != expected).sum()) for kind, found in named.items()}


def rows(model: str, numerics: dict[str, Any], differ: dict[str, int]) -> list[list[str]]:
    """The lines of one network's artefacts, under HEAD."""
    return [
        [
            model,
            proof["kind"],
            f"{proof['bytes'] / 1e6:.2f}",
            f"{100 * proof['agreement']:.2f}%",
            f"{100 * proof['accuracy']:.2f}%",
            f"{100 * proof['torch_accuracy']:.2f}%",
            f"{proof['max_error']:.1g}",
            f"{100 * proof['int8_multiply_adds']:.0f}%",
            str(proof["transposes"]),
            str(differ[proof["kind"]]),
        ]
        for proof in numerics["artefacts"]
    ]


def main() -> None:
    """Every network in turn."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--work", type=Path, default=Path("build/exports"))
    asked.add_argument("--only", nargs="*", help="networks; nothing is written then")
    given = asked.parse_args()
    lines: list[list[str]] = []
    found: dict[str, Any] = {}
    for model in given.only or HOW:
        run, pack = trained(model, given.data, given.work), given.work / f"{model}-pack"
        seconds = exported(run, pack)
        numerics = json.loads((pack / "numerics.json").read_text())
        differ = changed(run, pack, load_crops(read_dataset(given.data / "tecom"), run.crop).pixels)
        found[model] = {"seconds": round(seconds, 1), "changed_of_200_tecom": differ, **numerics}
        lines += rows(model, numerics, differ)
        print("\n".join("  ".join(line) for line in rows(model, numerics, differ)), flush=True)
    if given.only:
        return
    spent = ", ".join(f"{model} {facts['seconds']:.0f} s" for model, facts in found.items())
    table = "\n".join("| " + " | ".join(line) + " |" for line in (HEAD, ["---"] * len(HEAD), *lines))
    note = f"All kinds converted and proved in: {spent} ({os.cpu_count()} cores)."
    results = Path(__file__).parent / "results"
    (results / "exports.md").write_text(f"{table}\n\n{note}\n")
    facts = {"command": "python benchmarks/exports.py --data SHARED", "device": device_name()}
    (results / "exports.json").write_text(json.dumps({**facts, "networks": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
