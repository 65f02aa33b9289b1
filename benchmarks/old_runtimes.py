"""What packs say on the phones' runtimes, beside what they say on today's LiteRT.

    python benchmarks/old_runtimes.py PACK ... [--data DATA] [--crops 200] [--emulated 40]

Every .tflite of every pack runs on TFLite 2.8.0, 2.11.0 and 2.14.0 (`make runtimes`), on x86-64 with fast and with
plain kernels ("plain"), and on emulated ARMv7, there with fewer crops. DATA is any labelled dataset; without it cells
are drawn. A difference is that of a probability. Prints a table and writes benchmarks/results/old_runtimes.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.interpreter import open_interpreter
from edge_wbc.core.pack import Pack, read_pack
from edge_wbc.lab.datasets import load_crops, read_dataset
from edge_wbc.lab.synthesis import SmearOptions, draw_smears
from export.old_runtimes import OLD_RUNTIMES, open_runtime, run_there


def cut_crops(pack: Pack, data: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """At most `count` crops as this pack wants them, evenly chosen, and the column of each one's label."""
    cells = load_crops(read_dataset(data), pack.manifest.crop)
    labels = list(pack.manifest.labels)
    known = [row for row, item in enumerate(cells.items) if item.label in labels]
    rows = known[:: max(1, len(known) // count)][:count]
    return cells.pixels[rows], np.array([labels.index(cells.items[row].label) for row in rows])


def compare(pack: Pack, crops: np.ndarray, truth: np.ndarray, emulated: int) -> list[dict[str, object]]:
    """One row an artefact and runtime."""
    models = {name: data for name, data in pack.files.items() if name.endswith(".tflite")}
    here = {name: open_interpreter(name, data).predict(crops) for name, data in models.items()}
    rows: list[dict[str, object]] = []

    def add(name: str, runtime: str, scores: np.ndarray) -> None:
        count = len(scores)
        error, named = np.abs(scores - here[name][:count]), scores.argmax(1)
        row = {
            "pack": pack.path.name,
            "model": pack.manifest.model,
            "kind": name.split(".")[-2],
            "runtime": runtime,
            "crops": count,
            "labels_differ": int((named != here[name][:count].argmax(1)).sum()),
            "max_difference": float(error.max()),
            "mean_difference": float(error.mean()),
            "accuracy": float((named == truth[:count]).mean()),
        }
        rows.append(row)
        print(
            f"{row['model']:20} {row['kind']:8} {runtime:20} {count:4} crops  {row['labels_differ']:3} labels differ"
            f"  difference {row['max_difference']:.4f}, mean {row['mean_difference']:.5f}"
            f"  accuracy {row['accuracy']:.3f}",
            flush=True,
        )

    for name, scores in here.items():
        add(name, "litert", scores)
    for runtime in OLD_RUNTIMES:
        arm = runtime.endswith("armv7l")
        for plain in (False,) if arm else (False, True):
            found = run_there(open_runtime(runtime), models, crops[:emulated] if arm else crops, plain)
            for name, words in found.refused.items():
                sys.exit(f"{pack.path / name}: TFLite {runtime} refuses it ({words})")
            for name, scores in found.scores.items():
                add(name, f"{runtime} plain" if plain else runtime, scores)
    return rows


def main() -> None:
    """All packs, on the same cells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packs", nargs="+", type=Path, metavar="PACK")
    parser.add_argument("--data", type=Path, help="default: 216 drawn cells")
    parser.add_argument("--crops", type=int, default=200)
    parser.add_argument("--emulated", type=int, default=40)
    asked = parser.parse_args()
    rows: list[dict[str, object]] = []
    try:
        versions = {name: dict(open_runtime(name).versions) for name in OLD_RUNTIMES}
        with tempfile.TemporaryDirectory() as drawn:
            if asked.data is None:
                draw_smears(Path(drawn) / "lab", SmearOptions("galaxy-s5-olympus", 12, 3))
            for path in asked.packs:
                pack = read_pack(path)
                crops, truth = cut_crops(pack, asked.data or Path(drawn) / "lab", asked.crops)
                # In an order by chance, so that the first few are of every kind.
                order = np.random.default_rng(0).permutation(len(crops))
                rows += compare(pack, crops[order], truth[order], asked.emulated)
    except BadInput as error:
        sys.exit(str(error))
    result = {
        "command": "python benchmarks/old_runtimes.py PACK ...",
        "data": asked.data.name if asked.data else "drawn",
        "versions": {"ai-edge-litert": version("ai-edge-litert"), **versions},
        "rows": rows,
    }
    (Path(__file__).parent / "results" / "old_runtimes.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
