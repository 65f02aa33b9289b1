"""Precision and recall of duplicates on copies of real pbc cells, for the paper's thresholds and for ours.

    python benchmarks/dedup_quality.py [--data ../shared/data]

Each cell gets a copy as if it had been photographed again in a neighbouring field: shifted, rescaled, blurred,
lighter or darker, and compressed, all at once and at random (seeds: the file's name). Settings are chosen on every
second cell, and the figures printed are those of the others. A pair of crops of one cell is right, any other wrong.
Prints tables; writes benchmarks/results/dedup_quality.json and docs/images/duplicates.png.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import zlib
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np

from edge_wbc.core.crops import single_box
from edge_wbc.core.images import read_image
from edge_wbc.lab.curation.duplicates import THRESHOLDS, DedupOptions, correlation
from edge_wbc.lab.curation.hashing import Hashes, hash_crops, to_grey
from edge_wbc.lab.curation.index import cut_cell
from edge_wbc.lab.curation.neighbours import near_pairs

# At strength 1: shift as a share of the box, change of scale, sigma in pixels, change of brightness, JPEG quality.
SHIFT, SCALE, BLUR, LIGHT, QUALITY = 0.05, 0.06, 1.2, 0.15, (60, 95)
CHANGES = ("shift", "scale", "blur", "light", "jpeg")
STRENGTHS = (0.5, 1.0, 1.5, 2.0)
CROPS = ("picture", "field crop")
WIDEST = DedupOptions(16, 18)
ROOT = Path(__file__).parents[1]


def photographed_again(
    rgb: np.ndarray, box: tuple[int, int, int, int], rng: np.random.Generator, changes: tuple[str, ...], strength: float
) -> np.ndarray:
    """The same cell at another place of another field, from the same lab."""
    x0, y0, x1, y1 = box
    shift = rng.uniform(-1, 1, 2) * SHIFT * strength * (x1 - x0, y1 - y0) * ("shift" in changes)
    scale = 1 + rng.uniform(-1, 1) * SCALE * strength * ("scale" in changes)
    middle = np.array([x0 + x1, y0 + y1]) / 2
    move = np.column_stack([np.eye(2) * scale, middle * (1 - scale) + shift])
    seen = cv2.warpAffine(rgb, move, rgb.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    sigma, light, quality = (
        rng.uniform(0, BLUR * strength),
        rng.uniform(-1, 1) * LIGHT * strength,
        rng.uniform(*QUALITY),
    )
    if "blur" in changes and sigma > 0.1:
        seen = cv2.GaussianBlur(seen, (0, 0), sigma)
    if "light" in changes:
        seen = np.clip(seen * np.float32(1 + light), 0, 255).astype(np.uint8)
    if "jpeg" in changes:
        seen = cv2.imdecode(cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1], cv2.IMREAD_COLOR)
    return seen


def hashed(job: tuple[Path, bool]) -> list[list[Hashes]]:
    """For the picture and for the crop of a field: the original, its copy, and on the reporting half all variants."""
    path, reporting = job
    rgb = read_image(path)
    box = single_box(rgb)
    rng = np.random.default_rng(zlib.crc32(path.name.encode()))
    seen = [rgb, photographed_again(rgb, box, rng, CHANGES, 1.0)]
    if reporting:
        seen += [photographed_again(rgb, box, rng, (change,), 1.0) for change in CHANGES]
        seen += [photographed_again(rgb, box, rng, CHANGES, strength) for strength in STRENGTHS]
    crops = ([to_grey(one) for one in seen], [to_grey(cut_cell(one, box)) for one in seen])
    return [[hash_crops(greys), hash_crops(greys, "mean")] for greys in crops]


def joined(parts: list[Hashes], columns: list[int]) -> Hashes:
    """Rows of all cells' first of `columns`, then of all cells' second."""
    names = ("ahash", "phash", "thumbs", "meaningless")
    return Hashes(*(np.concatenate([[getattr(part, name)[c] for part in parts] for c in columns]) for name in names))


class Pairs:
    """All pairs of a half that the widest limits let through: their distances, correlation, and whether right."""

    def __init__(self, hashes: Hashes, limits: DedupOptions) -> None:
        self.cells = len(hashes.ahash) // 2
        found = list(near_pairs(hashes.ahash, hashes.phash, limits.ahash_below, limits.phash_below))
        one, other = np.concatenate(found).T
        self.right = other - one == self.cells
        self.ahash = np.bitwise_count(hashes.ahash[one] ^ hashes.ahash[other])
        self.phash = np.bitwise_count(hashes.phash[one] ^ hashes.phash[other])
        self.alike = np.array(
            [correlation(hashes.thumbs[a], hashes.thumbs[b]) for a, b in zip(one, other, strict=True)]
        )

    def score(self, options: DedupOptions) -> dict[str, float]:
        """Recall over all cells, precision, and how many pairs are wrong."""
        said = (self.ahash < options.ahash_below) & (self.phash < options.phash_below)
        said &= self.alike >= options.correlation if options.correlation else True
        right, wrong = int((said & self.right).sum()), int((said & ~self.right).sum())
        return {
            "recall": right / self.cells,
            "precision": right / max(1, right + wrong),
            "wrong_pairs": wrong,
            "pairs_in_all": self.cells * (2 * self.cells - 1),
        }


def recalled(parts: list[Hashes], column: int, options: DedupOptions) -> float:
    """Share of cells whose copy in that column is joined with the original."""
    count = 0
    for part in parts:
        near = (
            np.bitwise_count(part.ahash[0] ^ part.ahash[column]) < options.ahash_below
            and np.bitwise_count(part.phash[0] ^ part.phash[column]) < options.phash_below
        )
        count += bool(
            near
            and (not options.correlation or correlation(part.thumbs[0], part.thumbs[column]) >= options.correlation)
        )
    return count / len(parts)


def draw(curves: dict[str, dict[str, list[dict[str, float]]]], target: Path) -> None:
    """Precision against recall, a panel for each kind of crop."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (kind, lines) in zip(panels, curves.items(), strict=True):
        for (name, points), style in zip(lines.items(), ("o-", "s-", "^-"), strict=False):
            axes.plot([p["recall"] for p in points], [p["precision"] for p in points], style, ms=3.5, label=name)
        axes.axhline(0.99, color="0.6", lw=0.8, ls=":")
        axes.axvline(0.9, color="0.6", lw=0.8, ls=":")
        axes.set(title=f"{kind}s", xlabel="recall", xlim=(0.6, 1.005))
    panels[0].set(ylabel="precision", ylim=(0.5, 1.01))
    panels[0].legend(loc="lower left", fontsize=8)
    figure.savefig(target, dpi=110, metadata={"Software": None})


def main() -> None:
    """Hashes both halves, scores the grid on one and the chosen settings on the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    files = sorted((parser.parse_args().data / "pbc").glob("*/*.jpg"))
    if not files:
        raise SystemExit("no pbc pictures: name their folder with --data")
    halves: dict[str, list[list[list[Hashes]]]] = {}
    with ProcessPoolExecutor(os.cpu_count(), initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        for half, part in (("choice", files[::2]), ("report", files[1::2])):
            halves[half] = list(pool.map(hashed, [(file, half == "report") for file in part], chunksize=32))
    results: dict[str, object] = {"cells": {half: len(rows) for half, rows in halves.items()}}
    tables: dict[str, dict[str, object]] = {}
    curves: dict[str, dict[str, list[dict[str, float]]]] = {}
    for number, kind in enumerate(CROPS):
        cells = {half: [row[number][0] for row in rows] for half, rows in halves.items()}
        chosen, reported = (Pairs(joined(cells[half], [0, 1]), WIDEST) for half in ("choice", "report"))
        paper_bits = Pairs(joined([row[number][1] for row in halves["report"]], [0, 1]), THRESHOLDS["paper"])
        grid = [
            {"options": f"A<{a} P<{p} r>={r}", **chosen.score(DedupOptions(a, p, r))}
            for a, p in ((11, 14), (14, 16), (16, 16), (16, 18))
            for r in (0.0, 0.86, 0.88, 0.9, 0.92, 0.94)
        ]
        scores = {
            "paper": reported.score(THRESHOLDS["paper"]),
            "paper, PHash against the mean": paper_bits.score(THRESHOLDS["paper"]),
            "default": reported.score(THRESHOLDS["default"]),
        }
        columns = {**{change: 2 + at for at, change in enumerate(CHANGES)}}
        columns |= {f"all, strength {strength}": 2 + len(CHANGES) + at for at, strength in enumerate(STRENGTHS)}
        recall = {
            name: {which: recalled(cells["report"], column, options) for which, options in THRESHOLDS.items()}
            for name, column in columns.items()
        }
        levels = np.arange(0.7, 0.985, 0.01)
        curves[kind] = {
            "hashes alone, PHash below 4 to 18": [reported.score(DedupOptions(11, p, 0.0)) for p in range(4, 19, 2)],
            "paper's thresholds, then correlation": [reported.score(DedupOptions(11, 14, r)) for r in levels],
            "default thresholds, then correlation": [reported.score(DedupOptions(14, 16, r)) for r in levels],
        }
        tables[kind] = {"choice_grid": grid, "report": scores, "recall_by_change": recall}
        print(f"\n{kind}: {results['cells']} cells")
        for name, score in scores.items():
            figures = f"precision {score['precision']:.4f}  recall {score['recall']:.4f}  wrong {score['wrong_pairs']}"
            print(f"  {name:32} {figures}")
        for name, by in recall.items():
            print(f"  {name:20} recall: " + "  ".join(f"{which} {share:.4f}" for which, share in by.items()))
    draw(curves, ROOT / "docs" / "images" / "duplicates.png")
    results |= {
        "command": "python benchmarks/dedup_quality.py",
        "device": f"{platform.machine()} {platform.system()}",
        "versions": {name: version(name) for name in ("numpy", "opencv-python", "scipy")},
        "strength_1": {"shift": SHIFT, "scale": SCALE, "blur": BLUR, "light": LIGHT, "jpeg": QUALITY},
        "crops": tables,
        "curves": curves,
    }
    (ROOT / "benchmarks" / "results" / "dedup_quality.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
