"""Search for near pairs by both hashes: 10,000 beside imagededup, then 40,000 and 1,000,000 as one group.

    python benchmarks/dedup.py [--rival PYTHON] [--sizes 40000 1000000]

The rival's row needs an interpreter that has it (python -m venv rival && rival/bin/pip install imagededup, then
--rival rival/bin/python) and is left out elsewhere. Hashes are those of real pbc pictures, or of drawn cells where
those are not at hand, taken at random with each bit flipped at 12%: skewed as real hashes are, with true pairs among
them. Each search runs in a process of its own, which tells its peak memory. Prints a table and writes
benchmarks/results/dedup.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
FLIPPED = 0.12
AHASH_BELOW, PHASH_BELOW = 11, 14

RIVAL = """
import itertools, json, sys, time
import imagededup, numpy as np
from imagededup.methods import AHash, PHash
saved = np.load(sys.argv[1])
found = []
start = time.perf_counter()
for method, name, limit in ((AHash, "ahash", 11), (PHash, "phash", 14)):
    encodings = {str(row): f"{value:016x}" for row, value in enumerate(saved[name].tolist())}
    got = method(verbose=False).find_duplicates(encoding_map=encodings, max_distance_threshold=limit - 1)
    found.append({(int(one), int(other)) for one, others in got.items() for other in others if int(one) < int(other)})
seconds = time.perf_counter() - start
pairs = sorted(found[0] & found[1])
print(json.dumps({"seconds": seconds, "pairs": pairs, "version": imagededup.__version__}))
"""


def real_or_drawn(data: Path) -> tuple[np.ndarray, str]:
    """(N, 2) uint64 hashes to begin with, and where they come from."""
    from edge_wbc.core.images import read_image
    from edge_wbc.core.records import read_field
    from edge_wbc.lab.curation.hashing import hash_crops, to_grey
    from edge_wbc.lab.curation.index import cut_cell
    from edge_wbc.lab.synthesis import SmearOptions, draw_smears

    files = sorted((data / "pbc").glob("*/*.jpg"))
    if files:
        hashes = hash_crops(to_grey(read_image(file)) for file in files)
        return np.stack([hashes.ahash, hashes.phash], axis=1), f"{len(files)} pbc pictures"
    greys = []
    with tempfile.TemporaryDirectory() as folder:
        draw_smears(Path(folder), SmearOptions("galaxy-s5/olympus", 20, 10))
        for file in sorted((Path(folder) / "records").glob("*.json")):
            field = read_field(file)
            rgb = read_image(Path(folder) / field.image)
            greys += [to_grey(cut_cell(rgb, cell.box)) for cell in field.cells]
    hashes = hash_crops(greys)
    return np.stack([hashes.ahash, hashes.phash], axis=1), f"{len(greys)} drawn cells"


def multiplied(hashes: np.ndarray, count: int) -> np.ndarray:
    """`count` of them at random, each bit flipped at 12%; the same in every run."""
    rng = np.random.default_rng(0)
    out = hashes[rng.integers(0, len(hashes), count)]
    for start in range(0, count, 50_000):
        part = out[start : start + 50_000]
        flips = np.packbits(rng.random((len(part), 2, 64), np.float32) < FLIPPED, axis=2)
        part ^= flips.view(">u8")[..., 0].astype(np.uint64)
    return out


def search(file: Path) -> dict[str, Any]:
    """Pairs and components of one saved set, in this process."""
    from edge_wbc.lab.curation.duplicates import DedupOptions, components
    from edge_wbc.lab.curation.hashing import Hashes
    from edge_wbc.lab.curation.neighbours import near_pairs

    with np.load(file) as saved:
        ahash, phash = saved["ahash"], saved["phash"]
    count = len(ahash)
    start, cpu_start = time.perf_counter(), time.process_time()
    pairs = sum(len(batch) for batch in near_pairs(ahash, phash, AHASH_BELOW, PHASH_BELOW))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    thumbs = np.broadcast_to(np.zeros((1, 32, 32), np.uint8), (count, 32, 32))
    hashes = Hashes(ahash, phash, thumbs, np.zeros(count, bool))
    start = time.perf_counter()
    if count <= 100_000:
        components(hashes, np.arange(count), [""] * count, DedupOptions(AHASH_BELOW, PHASH_BELOW, 0.0))
    return {
        "hashes": count,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "with_components_seconds": time.perf_counter() - start if count <= 100_000 else None,
        "pairs": pairs,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Every search in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--rival", type=Path, help="a Python that has imagededup")
    parser.add_argument("--sizes", type=int, nargs="*", default=[40_000, 1_000_000])
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(search(asked.one)))
        return
    first, source = real_or_drawn(asked.data)
    rows, rival = [], None
    with tempfile.TemporaryDirectory() as folder:
        for count in [10_000, *asked.sizes]:
            file = Path(folder) / f"{count}.npz"
            hashes = multiplied(first, count)
            np.savez(file, ahash=hashes[:, 0], phash=hashes[:, 1])
            ran = subprocess.run([sys.executable, __file__, "--one", file], check=True, capture_output=True, text=True)
            rows.append(json.loads(ran.stdout))
            row = rows[-1]
            print(
                f"edge-wbc   {count:>9,} hashes  {row['seconds']:8.2f} s  {row['cpu_seconds']:8.2f} s of CPU time  "
                f"{row['peak_mb']:6.0f} MB  {row['pairs']} pairs",
                flush=True,
            )
            if count == 10_000 and asked.rival:
                ran = subprocess.run(
                    [asked.rival, "-c", RIVAL, file],
                    check=True,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
                rival = json.loads(ran.stdout.splitlines()[-1])
                ours = [pair for batch in _pairs(hashes) for pair in batch]
                if sorted(ours) != [tuple(pair) for pair in rival.pop("pairs")]:
                    raise SystemExit("imagededup found other pairs")
                rival |= {"hashes": count, "pairs": len(ours), "times_slower": rival["seconds"] / row["seconds"]}
                print(
                    f"imagededup {count:>9,} hashes  {rival['seconds']:8.2f} s, the same {len(ours)} pairs: "
                    f"{rival['times_slower']:.0f} times slower",
                    flush=True,
                )
    if rival is None:
        print("imagededup left out: python -m venv rival && rival/bin/pip install imagededup; --rival rival/bin/python")
    result = {
        "command": "python benchmarks/dedup.py --rival PYTHON",
        "device": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in ("numpy", "scipy")},
        "hashes": f"{source}, bits flipped at {FLIPPED}",
        "limits": {"ahash_below": AHASH_BELOW, "phash_below": PHASH_BELOW},
        "searches": rows,
        "imagededup": rival,
    }
    (ROOT / "benchmarks" / "results" / "dedup.json").write_text(json.dumps(result, indent=1) + "\n")


def _pairs(hashes: np.ndarray) -> list[list[tuple[int, int]]]:
    from edge_wbc.lab.curation.neighbours import near_pairs

    found = near_pairs(hashes[:, 0], hashes[:, 1], AHASH_BELOW, PHASH_BELOW)
    return [[(int(one), int(other)) for one, other in batch] for batch in found]


if __name__ == "__main__":
    main()
