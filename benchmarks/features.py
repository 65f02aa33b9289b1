"""The 51 features: how fast on one core, and how right an SVM on them is, at home and in two other labs.

    python benchmarks/features.py [--data ../shared/data] [--seeds 5]

pbc's five classes, without what dedup removes, are split by seed into 4/5 (train and val) and 1/5 (test); kernel and C
are chosen in the 4/5 alone. tecom and bccd/crops are judged by the same SVMs and chose nothing. Beside it, in the same
run: the same features from the formulas written down plainly, channel by channel, as rival in speed and check of the
numbers; and logistic regression on colour histograms and the commonest class, as rivals in accuracy. Prints two tables
and writes benchmarks/results/features.json.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import platform
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_wbc.lab.curation.clean import deduplicate
from edge_wbc.lab.curation.duplicates import THRESHOLDS
from edge_wbc.lab.datasets import LoadedCrops, load_crops, read_dataset
from edge_wbc.lab.datasets.splitfile import draw_split
from edge_wbc.lab.evaluation.baseline import ColourBaseline
from edge_wbc.lab.evaluation.measures import evaluate
from edge_wbc.lab.features import CROP, FEATURE_NAMES, extract, features
from edge_wbc.lab.features.svm import fit_table
from edge_wbc.lab.features.tavakoli import convex_hull

ROOT = Path(__file__).parents[1]
TIMED = 256
ROUNDS = 3
FIGURES = ("accuracy", "balanced_accuracy_5", "macro_f1")


def plain(rgb: np.ndarray) -> np.ndarray:
    """The features of a crop that shows a nucleus, each formula by itself on whole pictures in float64."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(float)
    scaled = [rgb[..., channel] * (grey.mean() / rgb[..., channel].astype(float).mean()) for channel in range(3)]
    balanced = np.clip(np.rint(np.dstack(scaled)), 0, 255).astype(np.uint8)
    green, brightest = balanced[..., 1].astype(float), balanced.max(axis=2).astype(float)
    # (1 - G - K) / (1 - K) with 1 - K the brightest channel, in 255ths: nothing is rounded before the end.
    m = np.rint(np.divide(255 * (brightest - green), brightest, out=np.zeros_like(green), where=brightest > 0))
    k = 255 - brightest
    s = cv2.cvtColor(balanced, cv2.COLOR_RGB2HLS)[..., 2].astype(float)
    km, ms = k - np.minimum(k, m), np.minimum(m, s)
    soft = cv2.GaussianBlur((ms - np.minimum(ms, km)).astype(np.uint8), (5, 5), 0)
    count, pieces = cv2.connectedComponents((soft > otsu(soft)).astype(np.uint8))
    areas = [(pieces == piece).sum() for piece in range(1, count)]
    mask = np.isin(pieces, [piece for piece, area in enumerate(areas, 1) if area >= max(areas) / 10])
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    around = cv2.convexHull(np.vstack(outlines))
    hull = convex_hull(mask)
    length = sum(cv2.arcLength(outline, True) for outline in outlines)
    values = [length**2 / (4 * np.pi * mask.sum()), cv2.arcLength(around, True) / length, mask.sum() / hull.sum()]
    spaces = [cv2.cvtColor(balanced, to) for to in (cv2.COLOR_RGB2HSV, cv2.COLOR_RGB2LAB, cv2.COLOR_RGB2YCrCb)]
    channels = np.dstack([balanced, *spaces]).astype(float)
    for part in (mask, hull & ~mask):
        for measure in (np.mean, np.std):
            values += [measure(channels[part, channel]) / measure(channels[hull, channel]) for channel in range(12)]
    return np.array(values)


def otsu(grey: np.ndarray) -> int:
    """The threshold with the largest variance between classes, tried one by one."""
    best, chosen = -1.0, 0
    for level in range(255):
        low, high = grey[grey <= level], grey[grey > level]
        if low.size and high.size:
            between = low.size * high.size * (low.mean() - high.mean()) ** 2
            if between > best:
                best, chosen = between, level
    return chosen


def speed(crops: np.ndarray) -> dict[str, Any]:
    """CPU milliseconds a crop of both ways, taken in turns, and the largest difference between their numbers."""
    ways: dict[str, Callable[[np.ndarray], Any]] = {"edge-wbc": features, "plain formulas": plain}
    times: dict[str, list[float]] = {name: [] for name in ways}
    apart = 0.0
    for crop in crops:
        rows = {}
        for name, way in ways.items():
            taken = []
            for _ in range(ROUNDS):
                start = time.process_time()
                rows[name] = way(crop)
                taken.append(1000 * (time.process_time() - start))
            times[name].append(min(taken))
        apart = max(apart, float(np.abs(rows["edge-wbc"] - rows["plain formulas"]).max()))
    return {
        "crops": len(crops),
        "largest_difference": apart,
        "ways": {
            name: {"ms_median": statistics.median(got), "ms_p90": statistics.quantiles(got, n=10)[8]}
            for name, got in times.items()
        },
    }


def load(path: Path) -> tuple[LoadedCrops, np.ndarray]:
    """A lab's crops of the five classes, and their labels."""
    loaded = load_crops(read_dataset(path, only="5"), CROP)
    return loaded, np.array([item.label for item in loaded.items])


def figures(truth: np.ndarray, scores: np.ndarray, labels: tuple[str, ...]) -> dict[str, Any]:
    """What `evaluate` says, without the scores' own measures."""
    said = evaluate(truth.tolist(), scores, labels)
    return {name: said[name] for name in (*FIGURES, "accuracy_ci95", "n", "per_class", "confusion", "labels")}


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--scratch", type=Path, default=Path("build/features"), help="where pbc is deduplicated to")
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    if not asked.data.is_dir():
        sys.exit(f"no real cells at {asked.data}; name a folder with pbc, tecom and bccd: --data DIR")
    cv2.setNumThreads(1)
    if not (asked.scratch / "dataset").is_dir():
        deduplicate(asked.data / "pbc", asked.scratch, THRESHOLDS["default"])
    home, truth = load(asked.scratch / "dataset")
    data = read_dataset(asked.scratch / "dataset", only="5")
    digests = dict(zip((item.name for item in data.items), home.sha256, strict=True))
    timed = speed(home.pixels[:: len(home.pixels) // TIMED][:TIMED])
    home_table = extract(home.pixels)
    others = {name: load(asked.data / path) for name, path in (("tecom", "tecom"), ("bccd", "bccd/crops"))}
    tables = {name: extract(loaded.pixels) for name, (loaded, _) in others.items()}
    rows = []
    for seed in range(asked.seeds):
        test = np.array([row.part == "test" for row in draw_split(data, digests, seed)])
        svm = fit_table(home_table[0][~test], home_table[1][~test], truth[~test].tolist(), seed)
        judged = {"pbc": figures(truth[test], svm.scores_of(home_table[0][test], home_table[1][test]), svm.labels)}
        for name, (_, said) in others.items():
            judged[name] = figures(said, svm.scores_of(*tables[name]), svm.labels)
        rivals = {}
        if seed == 0:
            columns = np.searchsorted(svm.labels, truth[~test])
            colour = ColourBaseline(home.pixels[~test], columns, len(svm.labels))
            scores = {"pbc": colour.scores(home.pixels[test])}
            scores |= {name: colour.scores(loaded.pixels) for name, (loaded, _) in others.items()}
            answers = {"pbc": truth[test], **{name: said for name, (_, said) in others.items()}}
            commonest = Counter(truth[~test].tolist()).most_common(1)[0][0]
            rivals = {
                "colour histogram": {name: figures(answers[name], got, svm.labels) for name, got in scores.items()},
                "commonest class": {
                    name: {"accuracy": float((said == commonest).mean())} for name, said in answers.items()
                },
            }
        rows.append({"seed": seed, "train": int((~test).sum()), "chosen": svm.chosen, "svm": judged, "rivals": rivals})
        print(f"seed {seed}: {svm.chosen}", file=sys.stderr)
    report(timed, rows)
    results = {
        "command": "python benchmarks/features.py",
        "device": f"{platform.machine()} {platform.system()}, one core",
        "versions": {name: version(name) for name in ("numpy", "opencv-python", "scikit-learn")},
        "crop": {"size": CROP.size, "widen": CROP.widen, "colour": CROP.colour},
        "features": len(FEATURE_NAMES),
        "without_nucleus": {name: int((~found).sum()) for name, (_, found) in {"pbc": home_table, **tables}.items()},
        "speed": timed,
        "seeds": rows,
    }
    (ROOT / "benchmarks" / "results" / "features.json").write_text(json.dumps(results, indent=1) + "\n")


def report(timed: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Both tables."""
    print(
        f"{timed['crops']} crops of {CROP.size} x {CROP.size}, one core;"
        f" largest difference {timed['largest_difference']:.1e}"
    )
    for name, row in timed["ways"].items():
        print(
            f"{name:16} {row['ms_median']:7.2f} ms (90%: {row['ms_p90']:.2f})  {1000 / row['ms_median']:6.0f} cells/s"
        )
    print(
        f"\n{'':18} {'':6} {'cells':>5} {'accuracy':>9} {'lowest':>7} {'highest':>8} {'balanced 5':>11} {'macro-F1':>9}"
    )
    for lab in ("pbc", "tecom", "bccd"):
        got = {name: [row["svm"][lab][name] for row in rows] for name in FIGURES}
        mean = {name: statistics.mean(values) for name, values in got.items()}
        print(
            f"{'51 features, SVM':18} {lab:6} {rows[0]['svm'][lab]['n']:5} {mean['accuracy']:9.4f}"
            f" {min(got['accuracy']):7.4f} {max(got['accuracy']):8.4f} {mean['balanced_accuracy_5']:11.4f}"
            f" {mean['macro_f1']:9.4f}"
        )
    for name, labs in rows[0]["rivals"].items():
        for lab, said in labs.items():
            print(f"{name:18} {lab:6} {'':5} {said['accuracy']:9.4f}")
    print("research use, not for diagnosis")


if __name__ == "__main__":
    main()
