"""One field on one core, from its pixels to named cells: how long, and where the time goes.

    python benchmarks/field.py [--data ../shared/data] [--rounds 40]

Fields of 1280 x 960 go through the very call that `edge-wbc classify` makes (`Reader.read`), with the int8 model of
the default pack: drawn ones with three white cells; and, where --data has bccd, mosaics of two by two of its 640 x 480
fields in the order of their names, those with three found cells or more. Beside seams, mosaics are as photographed.

Times are those of the one thread that does all of it, by the processor's clock, so that what else the machine does is
not in them; by the wall's clock too. Rounds go over all fields in turn; every field is read once plainly, which gives
the totals, and once with a clock around every stage, which gives their shares. Decoding the JPEG stands apart. Prints
a table and writes benchmarks/results/field.json.
"""

from __future__ import annotations

import argparse
import os

# Before NumPy is loaded: its matrix products would take every core.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np

from edge_wbc.core import colour, finder, proposals, reading
from edge_wbc.core.finder_model import FinderModel
from edge_wbc.core.images import decode_image, read_image
from edge_wbc.core.interpreter import TfliteInterpreter
from edge_wbc.core.pack import read_pack
from edge_wbc.lab.synthesis import DOMAINS, SmearOptions, draw_field
from export.device import device_name, installed

ROOT = Path(__file__).parents[1]
WIDTH, HEIGHT, CELLS = 1280, 960, 3
TARGET_MS = 60
QUALITY = 95
MOSAICS = 6

STAGES: dict[str, tuple[tuple[Any, str], ...]] = {
    "find: shrink": ((proposals, "_shrunk"),),
    "find: lit disc": ((proposals, "bright_disc"),),
    "find: optical density": ((proposals, "optical_density"),),
    "find: red cells' size": ((proposals, "red_cell_radius"),),
    "find: red cells taken away": ((proposals, "excess_density"), (proposals, "stain_strength")),
    "find: blobs": ((proposals, "_seeds"),),
    "find: nuclei": ((proposals, "_nucleus"),),
    "find: shapes and colours": ((proposals, "_shape"), (proposals, "_colours")),
    "find: judge": ((FinderModel, "scores"), (FinderModel, "boxes"), (finder, "distinct")),
    "find: between these": ((reading, "find_cells"), (finder, "propose"), (proposals, "working_field")),
    "crop": ((reading, "crop_cell"),),
    "encode, invoke, scores": ((TfliteInterpreter, "predict"),),
}
COLOUR = "colour"


@dataclass
class Clocks:
    """Seconds of each stage, without those of stages within it."""

    seconds: Counter[str] = field(default_factory=Counter)
    within: list[float] = field(default_factory=list)

    def around(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work`, timed."""

        def timed(*arguments: Any, **named: Any) -> Any:
            self.within.append(0.0)
            started = time.process_time()
            result = work(*arguments, **named)
            whole = time.process_time() - started
            self.seconds[stage] += whole - self.within.pop()
            if self.within:
                self.within[-1] += whole
            return result

        return timed


@contextmanager
def clocked(rule_colour: str) -> Iterator[Clocks]:
    """Every stage timed while the block runs."""
    clocks = Clocks()
    with ExitStack() as stack:
        for stage, places in STAGES.items():
            for home, name in places:
                stack.enter_context(patch.object(home, name, clocks.around(stage, getattr(home, name))))
        method = clocks.around(COLOUR, colour.COLOURS[rule_colour])
        stack.enter_context(patch.dict(colour.COLOURS, {rule_colour: method}))
        yield clocks


def drawn_fields() -> list[np.ndarray]:
    """Two of each drawn laboratory."""
    options = [SmearOptions(domain, 1, 1, CELLS, WIDTH, HEIGHT, seed=seed) for domain in DOMAINS for seed in range(2)]
    return [draw_field(each, 0, 0)[0] for each in options]


def mosaics(folder: Path) -> list[np.ndarray]:
    """bccd's fields two by two."""
    files = sorted(folder.glob("*.jpg"))
    made: list[np.ndarray] = []
    for start in range(0, len(files) - 3, 4):
        four = [read_image(file) for file in files[start : start + 4]]
        whole = np.vstack([np.hstack(four[:2]), np.hstack(four[2:])])
        if whole.shape[:2] == (HEIGHT, WIDTH) and len(finder.find_cells(whole)) >= CELLS:
            made.append(whole)
        if len(made) == MOSAICS:
            break
    return made


def spread(seconds: list[float]) -> dict[str, float]:
    """Median and 90th percentile in milliseconds."""
    return {
        "ms_median": round(1e3 * float(np.median(seconds)), 2),
        "ms_p90": round(1e3 * np.percentile(seconds, 90), 2),
    }


def measure(reader: reading.Reader, groups: dict[str, list[np.ndarray]], rounds: int) -> dict[str, Any]:
    """Every group's times."""
    coded = {
        name: [cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes() for rgb in group]
        for name, group in groups.items()
    }
    found = {name: [len(reader.read(rgb, single=False)) for rgb in group] for name, group in groups.items()}
    times: dict[str, dict[str, list[float]]] = {name: {"cpu": [], "wall": [], "decode": []} for name in groups}
    shares: dict[str, list[Counter[str]]] = {name: [] for name in groups}
    staged: dict[str, list[float]] = {name: [] for name in groups}
    for _ in range(rounds):
        for name, group in groups.items():
            for rgb, data in zip(group, coded[name], strict=True):
                started = time.process_time()
                decode_image(data, name)
                times[name]["decode"].append(time.process_time() - started)
                wall, started = time.perf_counter(), time.process_time()
                reader.read(rgb, single=False)
                times[name]["cpu"].append(time.process_time() - started)
                times[name]["wall"].append(time.perf_counter() - wall)
                with clocked(reader.pack.manifest.crop.colour) as clocks:
                    started = time.process_time()
                    reader.read(rgb, single=False)
                    staged[name].append(time.process_time() - started)
                shares[name].append(clocks.seconds)
    results: dict[str, Any] = {}
    for name in groups:
        stages = {
            stage: round(1e3 * float(np.median([run[stage] for run in shares[name]])), 2) for stage in (*STAGES, COLOUR)
        }
        named = [sum(run.values()) - run["find: between these"] for run in shares[name]]
        results[name] = {
            "fields": len(groups[name]),
            "pixels": [WIDTH, HEIGHT],
            "cells_found": found[name],
            "total_cpu": spread(times[name]["cpu"]),
            "total_wall": spread(times[name]["wall"]),
            "decode_jpeg_cpu": spread(times[name]["decode"]),
            "stages_cpu_ms_median": stages,
            "accounted_for": round(float(np.median(np.array(named) / np.array(staged[name]))), 4),
        }
    return results


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--rounds", type=int, default=40)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    reader = reading.open_reader(read_pack(ROOT / "mobile_app" / "packs" / "default"), threads=1)
    groups = {f"drawn, {CELLS} white cells": drawn_fields()}
    if (asked.data / "bccd" / "fields").is_dir():
        groups["bccd, two by two"] = mosaics(asked.data / "bccd" / "fields")
    else:
        print(f"no real fields at {asked.data}/bccd/fields: drawn ones only")
    results = measure(reader, groups, asked.rounds)
    print(f"{'ms by the processor clock, one core':36}" + "".join(f"{name:>24}" for name in results))
    for stage in (*STAGES, COLOUR):
        print(f"{stage:36}" + "".join(f"{row['stages_cpu_ms_median'][stage]:24.2f}" for row in results.values()))
    for title, key in (("total", "total_cpu"), ("total, wall clock", "total_wall"), ("JPEG, apart", "decode_jpeg_cpu")):
        cells = (f"{row[key]['ms_median']:.1f}, p90 {row[key]['ms_p90']:.1f}" for row in results.values())
        print(f"{title:36}" + "".join(f"{cell:>24}" for cell in cells))
    print(
        f"{'accounted for by the named stages':36}"
        + "".join(f"{row['accounted_for']:24.1%}" for row in results.values())
    )
    print(f"{'cells found':36}" + "".join(f"{' '.join(map(str, row['cells_found'])):>24}" for row in results.values()))
    written = {
        "command": "python benchmarks/field.py",
        "device": f"{device_name()}; one thread",
        "versions": installed(("numpy", "opencv-python", "ai-edge-litert")),
        # Of the last minute: other work beside this slows the wall's clock, and the processor's a little.
        "load_average": round(os.getloadavg()[0], 1),
        "target_ms": TARGET_MS,
        "rounds": asked.rounds,
        "fields": results,
    }
    (ROOT / "benchmarks" / "results" / "field.json").write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
