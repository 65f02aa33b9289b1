"""What goes on beside the app's preview: from freezing to boxes, focus and exposure, fields photographed twice.

    taskset -c 0 python benchmarks/live.py [--data ../shared/data] [--rounds 30]

Freezing is measured as the app does it: a folder's photograph asked of the worker, read with the default pack, its
answer polled, JPEG decoding included. Fields of 1280 x 960 are mosaics of two by two of bccd's. Focus: real fields
blurred by known amounts, with a sensor's noise after it, at their own size. Fields photographed twice: 70% of a
field, against the same place moved, turned, refocused and lit otherwise, and against all other fields of the set.
Prints tables and writes benchmarks/results/live.json.
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
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_wbc.core.focus import look
from edge_wbc.core.images import read_image, write_image
from edge_wbc.core.pack import read_pack
from edge_wbc.core.reading import open_reader
from export.device import device_name, installed
from mobile_app.live.calibrate import Calibration, calibrated
from mobile_app.live.duplicates import Seen
from mobile_app.live.worker import Worker
from mobile_app.sources.folder import FolderSource

ROOT = Path(__file__).parents[1]
FREEZE_TARGET_MS, FOCUS_TARGET_MS = 150, 10
SETS = {"bccd": ("bccd/fields", 3), "smartphone_fields": ("smartphone_fields/valid/images", 1)}
BLURS = (0.0, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
AGAIN: dict[str, tuple[float, float, float, float]] = {
    "as it was": (0, 0, 0, 1),
    "moved by 0.15": (0.15, 0, 0, 1),
    "moved by 0.3": (0.3, 0, 0, 1),
    "turned by 2 degrees": (0.1, 2, 0, 1),
    "turned by 4 degrees": (0.1, 4, 0, 1),
    "blurred by 2 px": (0.1, 0, 2, 1),
    "blurred by 4 px": (0.1, 0, 4, 1),
    "at 0.7 of the light": (0.1, 0, 0, 0.7),
    "all at once": (0.3, -2.5, 2, 0.85),
}


def fields(data: Path, name: str, each: int = 1) -> list[np.ndarray]:
    """A set's fields, every so many of them."""
    folder, usual = SETS[name]
    return [read_image(path) for path in sorted((data / folder).glob("*.jpg"))[:: usual * each]]


def spread(seconds: list[float]) -> dict[str, float]:
    """Median and 90th percentile in milliseconds."""
    return {
        "ms_median": round(1e3 * float(np.median(seconds)), 1),
        "ms_p90": round(1e3 * np.percentile(seconds, 90), 1),
    }


def freezing(data: Path, rounds: int) -> dict[str, Any]:
    """From asking for a still to its answer in the UI's hands; and the focus score of the same pictures."""
    small = fields(data, "bccd")
    wholes = [np.vstack([np.hstack(small[at : at + 2]), np.hstack(small[at + 2 : at + 4])]) for at in range(0, 24, 4)]
    worker = Worker(calibrated(open_reader(read_pack(ROOT / "mobile_app" / "packs" / "default")), Calibration("none")))
    frozen, focus, cells = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for number, rgb in enumerate(wholes):
            write_image(Path(folder) / f"{number}.jpg", rgb)
        source = FolderSource(Path(folder))
        for _ in range(rounds):
            for rgb in wholes:
                source.step()
                started = time.perf_counter()
                worker.ask(source.still)
                while not (answers := worker.answers()):
                    time.sleep(0.001)
                frozen.append(time.perf_counter() - started)
                if answers[0].fault is not None:
                    raise answers[0].fault
                cells.append(len(answers[0].cells))
                started = time.perf_counter()
                look(rgb)
                focus.append(time.perf_counter() - started)
        source.stop()
    worker.stop()
    return {
        "pixels": list(wholes[0].shape[1::-1]),
        "fields": len(wholes),
        "cells_a_field": round(float(np.mean(cells)), 1),
        "freeze_to_boxes": spread(frozen),
        "focus": spread(focus),
    }


def view(rgb: np.ndarray, share: float, turn: float, blur: float, gain: float, seed: int) -> np.ndarray:
    """70% of a field, moved by a share of itself in a direction of chance, turned, blurred, lit otherwise, noisy."""
    chance = np.random.default_rng(seed)
    height, width = rgb.shape[:2]
    wide, high = int(0.7 * width), int(0.7 * height)
    towards = chance.uniform(0, 2 * np.pi)
    left = float(np.clip((width - wide) / 2 + share * wide * np.cos(towards), 0, width - wide))
    top = float(np.clip((height - high) / 2 + share * high * np.sin(towards), 0, height - high))
    moved = cv2.getRotationMatrix2D((left + wide / 2, top + high / 2), turn, 1.0)
    moved[:, 2] -= left, top
    seen = cv2.warpAffine(rgb, moved, (wide, high), borderMode=cv2.BORDER_REFLECT).astype(np.float32) * gain
    seen = cv2.GaussianBlur(seen, (0, 0), blur) if blur else seen
    return np.clip(seen + chance.normal(0, 2, seen.shape), 0, 255).astype(np.uint8)


def twice(rgbs: list[np.ndarray], disc: bool) -> dict[str, Any]:
    """Misses of each change, and how many fields are taken for another one of the set."""

    def cut(rgb: np.ndarray) -> np.ndarray:
        if not disc:
            return rgb
        lit = np.zeros(rgb.shape[:2], np.uint8)
        cv2.circle(lit, (rgb.shape[1] // 2, rgb.shape[0] // 2), min(rgb.shape[:2]) // 2, 1, cv2.FILLED)
        return rgb * lit[..., None]

    misses = dict.fromkeys(AGAIN, 0)
    seen, taken_for, seconds = Seen(), [], []
    for number, rgb in enumerate(rgbs):
        first = cut(view(rgb, 0, 0, 0, 1, number))
        started = time.perf_counter()
        found = seen.match(first)
        seconds.append((time.perf_counter() - started) / max(1, len(seen)))
        if found is not None:
            taken_for.append([number, int(found.name), round(found.likeness, 2)])
        seen.add(str(number), first)
        alone = Seen()
        alone.add("it", first)
        for at, (name, change) in enumerate(AGAIN.items()):
            misses[name] += alone.match(cut(view(rgb, *change, seed=1000 * at + number))) is None
    return {
        "fields": len(rgbs),
        "pairs_of_others": len(rgbs) * (len(rgbs) - 1) // 2,
        "taken_for_another": taken_for,
        "misses": misses,
        "ms_a_field_compared": round(1e3 * float(np.median(seconds)), 2),
    }


def focusing(rgbs: list[np.ndarray]) -> dict[str, Any]:
    """How sharpness follows blur."""
    chance = np.random.default_rng(0)
    rows = []
    for rgb in rgbs:
        soft = (cv2.GaussianBlur(rgb, (0, 0), sigma) if sigma else rgb for sigma in BLURS)
        rows.append([look(np.clip(each + chance.normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)) for each in soft])
    sharp = np.array([[each.sharpness for each in row] for row in rows])
    order = {
        f"sigma {BLURS[low]:g} above {BLURS[high]:g}, any two fields": round(
            float((sharp[:, None, low] > sharp[None, :, high]).mean()), 3
        )
        for low, high in ((0, 2), (0, 4), (4, 6))
    }
    return {
        "fields": len(rgbs),
        "falls_at_every_step": int((np.diff(sharp, axis=1) < 0).all(1).sum()),
        "median_by_sigma": dict(zip(map(str, BLURS), np.round(np.median(sharp, 0), 3).tolist(), strict=True)),
        **order,
        "exposure": sorted({row[0].exposure for row in rows}),
    }


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--rounds", type=int, default=30)
    asked = parser.parse_args()
    if not (asked.data / "bccd" / "fields").is_dir():
        parser.exit(1, f"no real fields at {asked.data}\n")
    cv2.setNumThreads(1)
    found: dict[str, Any] = {
        "command": "python benchmarks/live.py",
        "device": f"{device_name()}; one thread",
        "versions": installed(("numpy", "opencv-python", "ai-edge-litert")),
        "load_average": round(os.getloadavg()[0], 1),
        "targets_ms": {"freeze_to_boxes": FREEZE_TARGET_MS, "focus": FOCUS_TARGET_MS},
        "freezing": freezing(asked.data, asked.rounds),
        "focus": {name: focusing(fields(asked.data, name, 4)) for name in SETS},
        "twice": {name: twice(fields(asked.data, name), name == "smartphone_fields") for name in SETS},
    }
    print(json.dumps({name: found[name] for name in ("freezing", "focus", "twice")}, indent=1))
    (ROOT / "benchmarks" / "results" / "live.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
