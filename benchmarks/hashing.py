"""AHash and PHash beside ImageHash, one core, from JPEG files and from decoded pixels.

    python benchmarks/hashing.py [--data ../shared/data] [--count 256]

Real pbc pictures (224 x 224) where they are at hand, drawn cells elsewhere. Both take turns, batch by batch, so that
both see the same machine; the medians of the batches are compared. Prints a table, fails where a bit differs, and
writes benchmarks/results/hashing.json.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import cv2
import imagehash
import numpy as np
from PIL import Image

from edge_wbc.core.images import read_image, write_image
from edge_wbc.lab.curation.hashing import hash_crops, to_grey

ROOT = Path(__file__).parents[1]
BATCH = 16


def drawn(folder: Path, count: int) -> list[Path]:
    """Drawn cells as JPEG files."""
    from edge_wbc.core.records import read_field
    from edge_wbc.lab.curation.index import cut_cell
    from edge_wbc.lab.synthesis import SmearOptions, draw_smears

    draw_smears(folder / "fields", SmearOptions("galaxy-s5/olympus", -(-count // 12), 2))
    files = []
    for file in sorted((folder / "fields" / "records").glob("*.json")):
        field = read_field(file)
        rgb = read_image(folder / "fields" / field.image)
        for cell in field.cells:
            files.append(folder / f"{len(files):04d}.jpg")
            write_image(files[-1], cv2.resize(cut_cell(rgb, cell.box), (224, 224), interpolation=cv2.INTER_AREA))
    return files[:count]


def by_imagehash(pictures: list[Image.Image]) -> list[tuple[int, int]]:
    """Both hashes of each."""
    return [
        (int(str(imagehash.average_hash(picture)), 16), int(str(imagehash.phash(picture)), 16)) for picture in pictures
    ]


def by_us(pixels: list[np.ndarray]) -> list[tuple[int, int]]:
    """Both hashes of each."""
    hashes = hash_crops(to_grey(rgb) for rgb in pixels)
    return list(zip(hashes.ahash.tolist(), hashes.phash.tolist(), strict=True))


def main() -> None:
    """Times all four, interleaved."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--count", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        files = sorted((asked.data / "pbc").glob("*/*.jpg"))
        source = "pbc, 224 x 224 JPEG" if files else "drawn cells, 224 x 224 JPEG"
        random.Random(0).shuffle(files)
        files = files[: asked.count] or drawn(Path(folder), asked.count)
        batches = [files[start : start + BATCH] for start in range(0, len(files) - BATCH + 1, BATCH)]
        pixels = {file: read_image(file) for batch in batches for file in batch}
        ways: dict[str, Callable[[list[Path]], list[tuple[int, int]]]] = {
            "files, ImageHash": lambda batch: by_imagehash([Image.open(file) for file in batch]),
            "files, edge-wbc": lambda batch: by_us([read_image(file) for file in batch]),
            "pixels, ImageHash": lambda batch: by_imagehash([Image.fromarray(pixels[file]) for file in batch]),
            "pixels, edge-wbc": lambda batch: by_us([pixels[file] for file in batch]),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for batch in batches:
            for _ in range(asked.rounds):  # of one batch in a row: what has just been decoded is in the cache
                bits = []
                for name, way in ways.items():
                    start = time.perf_counter()
                    bits.append(way(batch))
                    times[name].append((time.perf_counter() - start) / BATCH)
                if any(one != bits[0] for one in bits):
                    raise SystemExit(f"bits differ in {batch}")
    rows = {
        name: {"us_median": 1e6 * statistics.median(got), "us_p10": 1e6 * statistics.quantiles(got, n=10)[0]}
        for name, got in times.items()
    }
    faster = {
        kind: {key: rows[f"{kind}, ImageHash"][key] / rows[f"{kind}, edge-wbc"][key] for key in ("us_median", "us_p10")}
        for kind in ("files", "pixels")
    }
    print(f"{len(pixels)} pictures ({source}), one core, both hashes, bits identical")
    for name, row in rows.items():
        print(f"{name:20} median {row['us_median']:7.1f} us  10th percentile {row['us_p10']:7.1f} us")
    for kind, ratio in faster.items():
        print(f"{kind}: {ratio['us_median']:.1f} times faster (medians; {ratio['us_p10']:.1f} by 10th percentiles)")
    result = {
        "command": "python benchmarks/hashing.py",
        "device": f"{platform.machine()} {platform.system()}, one core",
        "versions": {name: version(name) for name in ("numpy", "opencv-python", "scipy", "ImageHash", "pillow")},
        "pictures": {"source": source, "count": len(pixels)},
        "microseconds_a_picture": rows,
        "times_faster": faster,
    }
    (ROOT / "benchmarks" / "results" / "hashing.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
