"""Crops a second that training learns from, beside a bare PyTorch loop over the same crops already in memory.

    python benchmarks/throughput.py [--steps 60] [--runs 5]

MobileNet-V2, 96 pixels, batch 32. The bare loop takes normalised float tensors in channels-last layout, by a random
order, and does nothing but forward, backward and SGD. `train` runs as the command does, with its recipe's variation of
every crop; once more with everything that a recipe can ask for. Both are timed from their tenth step on, in turn, so
that all see the same machine. Prints a table and writes benchmarks/results/throughput.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from unittest.mock import patch

# As the command line sets it, before torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

import cv2
import numpy as np
import torch

from edge_wbc.core.taxonomy import FIVE_CLASSES
from edge_wbc.lab.datasets import Dataset, Item
from edge_wbc.lab.models import build_network, pick_device
from edge_wbc.lab.training import RECIPES, Recipe, TrainOptions, train
from edge_wbc.lab.training.judging import to_input
from edge_wbc.lab.training.run import CropRow

SIZE, BATCH, WARM = 96, 32, 10


def make_crops(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Blurred noise and labels: (count, 96, 96, 3) uint8, (count,) int64. What is in a crop takes no time."""
    chance = np.random.default_rng(0)
    crops = [cv2.GaussianBlur(chance.integers(0, 256, (SIZE, SIZE, 3), np.uint8), (0, 0), 3) for _ in range(count)]
    return np.stack(crops), np.arange(count) % len(FIVE_CLASSES)


def bare(crops: np.ndarray, targets: np.ndarray, steps: int) -> float:
    """Crops a second of the bare loop."""
    device = pick_device()
    network = build_network("mobilenet_v2", len(FIVE_CLASSES)).to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.SGD(network.parameters(), 0.01, 0.9, weight_decay=1e-4, nesterov=True)
    inputs, truths = to_input(network, crops), torch.from_numpy(targets).to(device)
    order = torch.randperm(len(crops))[: steps * BATCH].view(steps, BATCH).to(device)
    halved = device.type == "cuda" and torch.cuda.is_bf16_supported()
    for step, rows in enumerate(order, 1):
        with torch.autocast(device.type, torch.bfloat16, enabled=halved):
            loss = torch.nn.functional.cross_entropy(network(inputs[rows]), truths[rows])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if step == WARM:
            loss.item()
            started = time.perf_counter()
    loss.item()
    return (steps - WARM) * BATCH / (time.perf_counter() - started)


def ours(crops: np.ndarray, targets: np.ndarray, steps: int, recipe: Recipe) -> float:
    """Crops a second of `train`, given the crops that it would have cut."""
    rows = [CropRow("noise", str(row), "", FIVE_CLASSES[label], "", "train", "") for row, label in enumerate(targets)]
    rows += [replace(rows[row], part=part) for part in ("val", "test") for row in range(5)]
    pixels = np.concatenate([crops, crops[:5], crops[:5]])
    data = Dataset(Path("noise"), tuple(Item(Path(row.image), row.image, None, row.label) for row in rows), {})
    times: dict[int, float] = {}

    def tell(title: str, done: int, total: int) -> None:
        times[done] = time.perf_counter()

    options = TrainOptions(recipe=replace(recipe, epochs=1, batch=BATCH), weights="none", size=SIZE)
    with (
        tempfile.TemporaryDirectory() as out,
        patch("edge_wbc.lab.training.loop.cut_sources", lambda *asked: (pixels, rows)),
    ):
        train([data], Path(out), options, tell)
    return (steps - WARM) * BATCH / (times[steps] - times[WARM])


def main() -> None:
    """Takes turns, so that all see the same machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    crops, targets = make_crops(asked.steps * BATCH)
    everything = replace(RECIPES["default"], colour="stain", average=0.99, mix_style=0.5)
    loops: dict[str, Callable[[], float]] = {
        "bare loop, crops in memory": lambda: bare(crops, targets, asked.steps),
        "train, recipe default": lambda: ours(crops, targets, asked.steps, RECIPES["default"]),
        "train, stain, average, mixed styles": lambda: ours(crops, targets, asked.steps, everything),
    }
    speeds: dict[str, list[float]] = {name: [] for name in loops}
    for run in range(asked.runs):
        for name, measure in loops.items():
            speeds[name].append(measure())
            print(f"run {run + 1}/{asked.runs}  {name:38} {speeds[name][-1]:7.1f} crops/s", flush=True)
    rival = next(iter(speeds.values()))
    rows = {
        name: {
            "crops_per_s_median": statistics.median(got),
            "crops_per_s": got,
            "times_the_bare_loop": statistics.median(base / own for base, own in zip(rival, got, strict=True)),
        }
        for name, got in speeds.items()
    }
    for name, row in rows.items():
        print(f"{name:38} {row['crops_per_s_median']:7.1f} crops/s  time x {row['times_the_bare_loop']:.2f}")
    cuda = pick_device().type == "cuda"
    result = {
        "command": "python benchmarks/throughput.py",
        "device": torch.cuda.get_device_name() if cuda else f"{platform.machine()} {platform.system()}",
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "torchvision", "numpy", "opencv-python")},
        },
        "model": "mobilenet_v2",
        "size": SIZE,
        "batch": BATCH,
        "steps": asked.steps,
        "runs": asked.runs,
        "loops": rows,
    }
    target = Path(__file__).parent / "results" / "throughput.json"
    target.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
