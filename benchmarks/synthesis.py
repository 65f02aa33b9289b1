"""Drawing smears: how many a second, and where the time goes.

    python benchmarks/synthesis.py [--count 40]

Smears of 1024 x 1024 px at 0.25 um a pixel with the paper's counts, each of its own stain, with records and masks
by the very call that `edge-wbc synth smears` makes, on one process and on two, by the wall's clock, and by the
processor's clock in all processes, start of these included, so that what else the machine does is not in it. The first
dozen are drawn once more with a clock around every stage. A run of 2,500 is reckoned from this sample. Prints a table
and writes benchmarks/results/synthesis.json.
"""

from __future__ import annotations

import argparse
import os

# Before NumPy is loaded: its matrix products would take every core.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2

from edge_wbc.lab.synthesis import SmearOptions, assemble, draw_smears, fields, smears
from export.device import device_name, installed

ROOT = Path(__file__).parents[1]
WHOLE, MINUTES, STAGED = 2500, 30, 12
STAGES: dict[str, tuple[Any, str]] = {
    "draw cells": (fields, "draw_pools"),
    "choose places": (assemble, "place"),
    "assemble": (fields, "assemble"),
    "photograph, JPEG": (fields, "jpeg_photograph"),
    "masks as PNG": (smears, "_png"),
    "everything else": (smears, "_write"),
}


class Clocks:
    """Processor seconds of each stage, without those of stages within it."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._within: list[float] = []

    def around(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work`, timed."""

        def timed(*arguments: Any, **named: Any) -> Any:
            self._within.append(0.0)
            started = time.process_time()
            result = work(*arguments, **named)
            whole = time.process_time() - started
            self.seconds[stage] += whole - self._within.pop()
            if self._within:
                self._within[-1] += whole
            return result

        return timed


def used() -> float:
    """Processor seconds of this process and its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def rates(options: SmearOptions, count: int) -> tuple[dict[str, dict[str, float]], float, float]:
    """Smears a second, and processor seconds a smear, by processes; seconds of the page of figures; bytes a smear."""
    found: dict[str, dict[str, float]] = {}
    for processes in (1, 2):
        fields._drawn_pools.cache_clear()
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "smears"
            started, before = time.perf_counter(), used()
            draw_smears(out, options, processes=processes, formats=("records", "masks"))
            seconds, busy = time.perf_counter() - started, used() - before
            found[str(processes)] = {
                "smears_a_second": round(count / seconds, 3),
                "minutes_for_2500": round(WHOLE * seconds / count / 60, 1),
                "cpu_seconds_a_smear": round(busy / count, 3),
                "minutes_for_2500_with_cores_free": round(WHOLE * busy / count / processes / 60, 1),
            }
            # Here and not above: every new process would load it too.
            from edge_wbc.lab.synthesis.statistics import write_report

            size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / count
            started = time.perf_counter()
            write_report(out, options)
            page = time.perf_counter() - started
    return found, page, size


def stages(options: SmearOptions) -> dict[str, float]:
    """Processor milliseconds a smear in each stage."""
    clocks = Clocks()
    fields._drawn_pools.cache_clear()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for stage, (home, name) in STAGES.items():
            stack.enter_context(patch.object(home, name, clocks.around(stage, getattr(home, name))))
        draw_smears(Path(folder) / "smears", options, count=STAGED, formats=("records", "masks"))
    return {stage: round(1e3 * clocks.seconds[stage] / STAGED, 1) for stage in STAGES}


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=40)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    count = max(STAGED, asked.count)
    options = SmearOptions("galaxy-s5/olympus", count, 1, white_cells=None, width=1024, height=1024, um_per_px=0.25)
    found, page, size = rates(options, count)
    parts = stages(options)
    print(f"a sample of {count} smears of 1024 x 1024 px, paper's counts, records and masks")
    for processes, row in found.items():
        print(
            f"processes: {processes}; {row['smears_a_second']:.2f} smears a second, {WHOLE} in "
            f"{row['minutes_for_2500']:.0f} minutes; {row['cpu_seconds_a_smear']:.2f} CPU s a smear, {WHOLE} in "
            f"{row['minutes_for_2500_with_cores_free']:.0f} minutes where nothing else runs"
        )
    print(f"page of figures and contact sheet: {page:.1f} s; {size / 1e6:.2f} MB a smear")
    for stage, milliseconds in parts.items():
        print(f"{stage:20}{milliseconds:8.1f} ms a smear, one core")
    print(f"{'all':20}{sum(parts.values()):8.1f} ms")
    written = {
        "command": f"python benchmarks/synthesis.py --count {count}",
        "device": device_name(),
        "versions": installed(("numpy", "opencv-python")),
        # Of the last minute: other work beside this slows the wall's clock, and the processor's a little.
        "load_average": round(os.getloadavg()[0], 1),
        "sample": count,
        "processes": found,
        "target_minutes": MINUTES,
        "page_seconds": round(page, 1),
        "bytes_a_smear": round(size),
        "stages_cpu_ms": parts,
    }
    (ROOT / "benchmarks" / "results" / "synthesis.json").write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
