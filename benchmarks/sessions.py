"""A session of many cells: how long it takes to open, how long a vote takes to reach the disk, how memory grows.

    python benchmarks/sessions.py [--cells 10000] [--folder FOLDER]

Wall time, for a vote waits for the disk: name a folder on the disk that is meant. A vote is timed with the look-up of
the next unlabelled cell and its row. Prints a table and writes benchmarks/results/sessions.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from edge_wbc.core.records import Cell
from edge_wbc.core.taxonomy import LABELS
from mobile_app.session import Session, Setup, Shelf, Store, tally
from mobile_app.session.export import export_csv, export_zip

A_FIELD = 20


def resident_mib() -> float:
    """Memory of this process that is not swapped out."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def fill(folder: Path, cells: int) -> None:
    """A session of so many found cells, `A_FIELD` to a small photograph."""
    store = Store(folder)
    session = Shelf(store).create(Setup("many"), "expert")
    for number in range(cells // A_FIELD):
        rgb = np.zeros((64, 64, 3), np.uint8)
        rgb[0, 0] = number % 256, number // 256, 0
        found = [Cell((at, at, at + 20, at + 20), score=0.5) for at in range(A_FIELD)]
        session.add_field(cv2.imencode(".png", rgb)[1].tobytes(), (64, 64), found)
    store.close()


def milliseconds(do: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    do()
    return 1000 * (time.perf_counter() - started)


def label_all(session: Session) -> list[float]:
    """Milliseconds of each vote with what the screen then needs."""
    labels, times, cell = list(LABELS), [], session.next_unlabelled()
    while cell is not None:
        started, here = time.perf_counter(), cell
        session.vote(here, labels[here * 7 % len(labels)])
        cell = session.next_unlabelled(here)
        if cell is not None:
            session.cell(cell)
        times.append(1000 * (time.perf_counter() - started))
    return times


def main() -> None:
    """Fills, opens, labels, opens again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=Path("."))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as room:
        folder = Path(room)
        fill(folder / "kept", asked.cells)
        before, started = resident_mib(), time.perf_counter()
        session = Shelf(Store(folder / "kept")).resume()
        assert session is not None
        session.next_unlabelled()
        rows = {"open": 1000 * (time.perf_counter() - started)}
        times = label_all(session)
        rows["vote, median"] = statistics.median(times)
        rows["vote, 99 of 100"] = sorted(times)[len(times) * 99 // 100]
        rows["vote, longest"] = max(times)
        grown = resident_mib() - before
        rows["undo"] = milliseconds(session.undo)
        rows["redo"] = milliseconds(session.redo)
        rows["tally with limits"] = milliseconds(lambda: tally(session.counts()))
        rows["a page of 50 cells"] = milliseconds(lambda: session.cells(after=asked.cells // 2))
        session.store.close()
        rows["open, all labelled"] = milliseconds(lambda: Shelf(Store(folder / "kept")).resume().next_unlabelled())
        rows["zip"] = milliseconds(lambda: export_zip(Store(folder / "kept"), session.id, folder / "out.zip"))
        reopened = Shelf(Store(folder / "kept")).resume()
        rows["table"] = milliseconds(lambda: export_csv(reopened, folder / "out.csv"))
        size = (folder / "kept" / "sessions.sqlite").stat().st_size / 2**20
    for name, value in rows.items():
        print(f"{name:22} {value:9.2f} ms")
    print(f"memory grew by {grown:.1f} MiB over {len(times)} votes; the database has {size:.1f} MiB")
    result = {
        "command": "python benchmarks/sessions.py",
        "device": f"{platform.machine()} {platform.system()}",
        "versions": {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "numpy": np.__version__},
        "cells": asked.cells,
        "ms": rows,
        "memory_grown_mib": grown,
        "database_mib": size,
    }
    target = Path(__file__).parent / "results" / "sessions.json"
    target.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
