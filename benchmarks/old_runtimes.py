"""What packs say on the phones' runtimes, beside what they say on today's LiteRT.

    python benchmarks/old_runtimes.py PACK [TFLITE ...] ... [--data DATA] [--crops 200] [--emulated 40]

Every .tflite of every pack runs on TFLite 2.8.0, 2.11.0 and 2.14.0 (`make runtimes`), on x86-64 with fast and with
plain kernels ("plain"), and on emulated ARMv7, there with fewer crops. So does every .tflite named after a pack, on
that pack's crops: what another exporter made of its network. DATA is any labelled dataset; without it cells are drawn.
A difference is that of a probability. A runtime that refuses a pack's file ends it all; of another's file it is told.
Prints a table and writes benchmarks/results/old_runtimes.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
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


def compare(
    pack: Pack, others: Sequence[Path], crops: np.ndarray, truth: np.ndarray, emulated: int
) -> list[dict[str, object]]:
    """One row an artefact and runtime."""
    models = {name: data for name, data in pack.files.items() if name.endswith(".tflite")}
    models.update((file.name, file.read_bytes()) for file in others)
    here = {name: open_interpreter(name, data).predict(crops) for name, data in models.items()}
    rows: list[dict[str, object]] = []

    def titles(name: str) -> dict[str, object]:
        maker = name.rsplit(".", 2)[0]
        return {"model": pack.manifest.model if name in pack.files else maker, "kind": name.split(".")[-2]}

    def add(name: str, runtime: str, scores: np.ndarray) -> None:
        count = len(scores)
        error, named = np.abs(scores - here[name][:count]), scores.argmax(1)
        row = {
            "pack": pack.path.name,
            **titles(name),
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
                if name in pack.files:
                    sys.exit(f"{pack.path / name}: TFLite {runtime} refuses it ({words})")
                named = f"{runtime} plain" if plain else runtime
                rows.append({"pack": pack.path.name, **titles(name), "runtime": named, "refused": words})
                print(f"{titles(name)['model']:20} {titles(name)['kind']:8} {named:20} refused: {words}", flush=True)
            for name, scores in found.scores.items():
                add(name, f"{runtime} plain" if plain else runtime, scores)
    return rows


def grouped(paths: Sequence[Path]) -> list[tuple[Path, list[Path]]]:
    """Each pack with the files named after it."""
    found: list[tuple[Path, list[Path]]] = []
    for path in paths:
        if path.suffix != ".tflite":
            found.append((path, []))
        elif found:
            found[-1][1].append(path)
        else:
            sys.exit(f"{path}: name the pack first whose crops it is to run on")
    return found


def main() -> None:
    """All packs, on the same cells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PACK_OR_TFLITE")
    parser.add_argument("--data", type=Path, help="default: 216 drawn cells")
    parser.add_argument("--crops", type=int, default=200)
    parser.add_argument("--emulated", type=int, default=40)
    asked = parser.parse_args()
    rows: list[dict[str, object]] = []
    try:
        versions = {name: dict(open_runtime(name).versions) for name in OLD_RUNTIMES}
        with tempfile.TemporaryDirectory() as drawn:
            if asked.data is None:
                draw_smears(Path(drawn) / "lab", SmearOptions("galaxy-s5/olympus", 12, 3))
            for path, others in grouped(asked.paths):
                pack = read_pack(path)
                crops, truth = cut_crops(pack, asked.data or Path(drawn) / "lab", asked.crops)
                # In an order by chance, so that the first few are of every kind.
                order = np.random.default_rng(0).permutation(len(crops))
                rows += compare(pack, others, crops[order], truth[order], asked.emulated)
    except BadInput as error:
        sys.exit(str(error))
    result = {
        "command": f"python benchmarks/old_runtimes.py {' '.join(path.name for path in asked.paths)}"
        f" --data {asked.data.name if asked.data else '(drawn)'} --crops {asked.crops} --emulated {asked.emulated}",
        "data": asked.data.name if asked.data else "drawn",
        "versions": {"ai-edge-litert": version("ai-edge-litert"), **versions},
        "rows": rows,
    }
    (Path(__file__).parent / "results" / "old_runtimes.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
