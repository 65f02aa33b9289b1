"""Every way to segment a cell, against masks: Dice and IoU of nucleus and whole cell, by class, and cells a second.

    pip install scikit-image==0.26.0        # the rival; without it its rows are left out
    python benchmarks/segmentation.py [--data ../shared/data/tecom] [--learned FILE]

DATA has labels.csv, images/ and masks/. Nothing is learned from it but Easy-GT's `a`, whose row "easy-gt, a held out"
takes each tenth of the crops with the `a` that suits the other nine best. Rivals: scikit-image's multi-Otsu into three
classes on grey and on green, holes filled, specks removed, the piece in the middle kept. FILE is what measured the
learned segmenter on crops that it never saw, an object as `evaluate --json` prints it; its speed is measured here.
Beside it: three-class Otsu alone against scikit-image's, and the ground-truth tool's slider on crops of 512 x 512.
Times are of the processor, one thread. Prints the tables, writes benchmarks/results/segmentation.json and .md.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_wbc.core.easy_gt import A, EasyGt, magenta_map, nucleus_above, segment
from edge_wbc.core.images import read_image
from edge_wbc.core.masks import Masks, masks_of, no_cell, read_mask
from edge_wbc.core.otsu import otsu3
from edge_wbc.lab.datasets import read_dataset
from edge_wbc.lab.segmentation.measures import overlap, segmentation_measures
from edge_wbc.lab.segmentation.methods import METHODS

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
FOLDS = 10
GRID = tuple(round(0.05 * step, 2) for step in range(13))
ROUNDS = 3
SLIDER = 512
HELD_OUT = "easy-gt, a held out"
Segment = Callable[[np.ndarray], Masks]


def load(path: Path) -> tuple[list[np.ndarray], list[Masks], list[str]]:
    """Crops, the masks that people drew, and classes."""
    crops, truths, labels = [], [], []
    for item in read_dataset(path).items:
        crops.append(read_image(item.image))
        mask = path / "masks" / f"{item.image.stem}.png"
        truths.append(masks_of(read_mask(mask, crops[-1].shape[1::-1])))
        labels.append(item.label)
    return crops, truths, labels


def multi_otsu(channel: Callable[[np.ndarray], np.ndarray]) -> Segment:
    """scikit-image's pipeline as its examples have it: the darkest class nucleus, the two darker ones cell."""
    from skimage.filters import threshold_multiotsu
    from skimage.measure import label
    from skimage.morphology import remove_small_objects

    def run(rgb: np.ndarray) -> Masks:
        grey = channel(rgb)
        low, up = threshold_multiotsu(grey, classes=3)
        cell = in_the_middle(fill(grey <= up), label)
        if cell is None:
            return no_cell(*grey.shape, "no cell")
        nucleus = remove_small_objects(fill(grey <= low) & cell, max_size=int(0.02 * cell.sum()))
        return Masks(nucleus, cell)

    return run


def fill(mask: np.ndarray) -> np.ndarray:
    """The mask without holes."""
    from scipy.ndimage import binary_fill_holes

    return binary_fill_holes(mask)


def in_the_middle(mask: np.ndarray, label: Callable[[np.ndarray], np.ndarray]) -> np.ndarray | None:
    """The largest piece of those that reach the middle third."""
    pieces = label(mask)
    height, width = mask.shape
    inner = pieces[height // 3 : height - height // 3, width // 3 : width - width // 3]
    areas = np.bincount(pieces.ravel())
    reached = [piece for piece in np.unique(inner) if piece]
    return pieces == max(reached, key=lambda piece: areas[piece]) if reached else None


def rivals() -> dict[str, Segment]:
    """What is installed to compare with."""
    if find_spec("skimage") is None:
        print("scikit-image is not installed: its rows are left out", file=sys.stderr)
        return {}
    return {
        "scikit-image multi-Otsu, grey": multi_otsu(lambda rgb: cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)),
        "scikit-image multi-Otsu, green": multi_otsu(lambda rgb: np.ascontiguousarray(rgb[..., 1])),
    }


def timed(way: Segment, crops: Sequence[np.ndarray]) -> tuple[list[Masks], float]:
    """The masks, and crops a second of processor time, each crop's fastest of a few."""
    found, spent = [], 0.0
    for crop in crops:
        best = np.inf
        for _ in range(ROUNDS):
            start = time.process_time()
            masks = way(crop)
            best = min(best, time.process_time() - start)
        found.append(masks)
        spent += best
    return found, len(crops) / spent


def with_a_held_out(crops: Sequence[np.ndarray], truths: Sequence[Masks]) -> tuple[list[Masks], list[float]]:
    """Masks of each tenth with the `a` that has the highest mean nucleus Dice in the other nine; and those `a`."""
    tried = {a: [segment(crop, EasyGt(a)) for crop in crops] for a in GRID}
    dice = {
        a: np.array([overlap(masks.nucleus, truth.nucleus)[0] for masks, truth in zip(found, truths, strict=True)])
        for a, found in tried.items()
    }
    fold = np.random.default_rng(0).permutation(len(crops)) % FOLDS
    chosen = [max(GRID, key=lambda a: float(dice[a][fold != part].mean())) for part in range(FOLDS)]
    return [tried[chosen[fold[row]]][row] for row in range(len(crops))], chosen


def otsu_speed(crops: Sequence[np.ndarray]) -> dict[str, Any]:
    """Microseconds of three-class Otsu on 256 bins: of the crops' magenta, and with every level taken."""
    histograms = [np.bincount(magenta_map(crop).ravel(), minlength=256) for crop in crops]
    full = [np.random.default_rng(seed).integers(1, 300, 256) for seed in range(len(crops))]
    ways: dict[str, Callable[[np.ndarray], Any]] = {"edge-wbc": otsu3}
    if find_spec("skimage"):
        from skimage.filters import threshold_multiotsu

        ways["scikit-image"] = lambda histogram: threshold_multiotsu(classes=3, hist=histogram)
    return {
        name: {way_name: quickest(way, given) for way_name, way in ways.items()}
        for name, given in (("of the crops", histograms), ("every level taken", full))
    }


def quickest(way: Callable[[Any], Any], given: Sequence[Any]) -> float:
    """The median over inputs of the fastest of ten calls, in microseconds."""
    times = []
    for each in given:
        best = np.inf
        for _ in range(10):
            start = time.perf_counter()
            way(each)
            best = min(best, time.perf_counter() - start)
        times.append(1e6 * best)
    return statistics.median(times)


def slider(crops: Sequence[np.ndarray]) -> dict[str, float]:
    """Milliseconds of processor time that the nucleus at a new threshold takes, on crops enlarged to 512 x 512."""
    times = []
    for crop in crops[:: max(1, len(crops) // 20)]:
        large = cv2.resize(crop, (SLIDER, SLIDER), interpolation=cv2.INTER_CUBIC)
        stain, cell = magenta_map(large), segment(large).cell
        for threshold in range(4, 256, 8):
            start = time.process_time()
            nucleus_above(stain, threshold, cell)
            times.append(1000 * (time.process_time() - start))
    return {"ms_median": statistics.median(times), "ms_p99": float(np.percentile(times, 99)), "ms_most": max(times)}


def installed(names: Sequence[str]) -> dict[str, str]:
    """Versions of the packages that are there."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def tables(rows: dict[str, dict[str, Any]], beside: dict[str, Any]) -> str:
    """The results in Markdown."""
    lines = [
        "| method | nucleus Dice | nucleus IoU | whole cell Dice | whole cell IoU | empty | cells a second |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in rows.items():
        shares = [
            "{:.4f} ({:.4f} to {:.4f})".format(row[part][measure], *row[part][f"{measure}_ci95"])
            for part in ("nucleus", "cell")
            for measure in ("dice", "iou")
        ]
        speed = f"{row['per_second']:.0f}" if "per_second" in row else ""
        lines.append(f"| {name} | {' | '.join(shares)} | {row['empty']} | {speed} |")
    classes = {label: row["support"] for label, row in next(iter(rows.values()))["per_class"].items()}
    head = " | ".join(f"{label} ({count})" for label, count in classes.items())
    for part, title in (("nucleus", "nucleus"), ("cell", "whole cell")):
        lines += ["", f"| Dice of the {title} | {head} |", "| --- |" + " --- |" * len(classes)]
        for name, row in rows.items():
            per = [f"{row['per_class'][label][part]['dice']:.3f}" for label in classes]
            lines.append(f"| {name} | {' | '.join(per)} |")
    lines += ["", "| three-class Otsu, 256 bins | us | scikit-image, us | times as fast |", "| --- | --- | --- | --- |"]
    for name, times in beside["otsu3"].items():
        theirs = times.get("scikit-image")
        more = f"{theirs:.0f} | {theirs / times['edge-wbc']:.1f}" if theirs else " | "
        lines.append(f"| {name} | {times['edge-wbc']:.0f} | {more} |")
    moved = beside["slider"]
    lines += [
        "",
        f"a of easy-gt: {A}; chosen by nine tenths: {', '.join(map(str, beside['chosen_a']))}",
        "",
        f"The slider on {SLIDER} x {SLIDER}: median {moved['ms_median']:.1f} ms, 99% {moved['ms_p99']:.1f} ms, "
        f"longest {moved['ms_most']:.1f} ms.",
        "",
        "Research use, not for diagnosis.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "tecom")
    parser.add_argument("--learned", type=Path, help="the learned segmenter's figures on crops that it never saw")
    asked = parser.parse_args()
    if not (asked.data / "masks").is_dir():
        sys.exit(f"no masks of real cells at {asked.data}; name a folder with labels.csv, images and masks: --data DIR")
    cv2.setNumThreads(1)
    crops, truths, labels = load(asked.data)
    rows: dict[str, dict[str, Any]] = {}
    for name, way in {**{name: method.segment for name, method in METHODS.items()}, **rivals()}.items():
        print(name, file=sys.stderr)
        if name == "learned":
            # Trained on these very crops: only figures of others count.
            if asked.learned:
                told = json.loads(asked.learned.read_text(encoding="utf-8"))
                rows[name] = {**told, "per_second": timed(way, crops[::10])[1]}
            continue
        found, speed = timed(way, crops)
        rows[name] = {**segmentation_measures(found, truths, labels), "per_second": speed}
        if name == "easy-gt":
            held, chosen = with_a_held_out(crops, truths)
            rows[HELD_OUT] = segmentation_measures(held, truths, labels)
    beside = {"chosen_a": chosen, "otsu3": otsu_speed(crops), "slider": slider(crops)}
    text = tables(rows, beside)
    print(text)
    results = {
        "command": "python benchmarks/segmentation.py",
        "data": asked.data.name,
        "crops": len(crops),
        "device": f"{platform.machine()} {platform.system()}, one core",
        "versions": installed(("numpy", "opencv-python", "opencv-python-headless", "scikit-image", "scipy")),
        "methods": rows,
        **beside,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "segmentation.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "segmentation.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
