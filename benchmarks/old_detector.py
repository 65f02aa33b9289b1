"""What a detector's pack says on the phones' runtimes, beside what it says on today's LiteRT.

    python benchmarks/old_detector.py PACK FIELD ...

The .tflite files of the pack run on TFLite 2.8.0 and 2.11.0 (`make runtimes`), on x86-64 and on emulated ARMv7: on one
square of zeros, one of noise, and on the fields. Compared are the scores of all anchors, and the boxes of the cells
that are found on LiteRT. Prints a table and writes benchmarks/results/old_detector.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from edge_wbc.core.boxes import overlaps
from edge_wbc.core.detector import decode, fit_field, suppress
from edge_wbc.core.detector_pack import DetectorPack, read_detector_pack
from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import read_image
from edge_wbc.core.interpreter import open_interpreter
from export.old_runtimes import OldRuntime, open_runtime

RUNTIMES = ("2.8.0-x86_64", "2.11.0-x86_64", "2.8.0-armv7l", "2.11.0-armv7l")
THERE = """
import sys
import numpy as np
from edge_wbc.core.interpreter import open_interpreter
model, squares, out = sys.argv[1:]
with open(model, "rb") as file:
    interpreter = open_interpreter(model, file.read())
answers = [interpreter.outputs(square) for square in np.load(squares)]
np.savez(out, *[np.stack(of_all) for of_all in zip(*answers)])
"""


@dataclass(frozen=True)
class Said:
    """What a runtime says of one square: every anchor's score, and the boxes of cells, in pixels of the square."""

    anchors: np.ndarray
    cells: np.ndarray


def said(pack: DetectorPack, outputs: list[np.ndarray], inside: tuple[int, int]) -> Said:
    """A square's outputs, decoded as the phone does."""
    manifest = pack.manifest
    boxes, scores = decode(outputs, manifest.maps, manifest.size)
    kept, sure = suppress(boxes, scores, inside)
    return Said(scores, kept[sure >= manifest.threshold])


def run_old(runtime: OldRuntime, model: bytes, squares: np.ndarray) -> list[list[np.ndarray]]:
    """Of every square the outputs of a .tflite on an old runtime."""
    with tempfile.TemporaryDirectory() as kept:
        file, crops, out = (Path(kept) / name for name in ("model.tflite", "squares.npy", "out.npz"))
        file.write_bytes(model)
        np.save(crops, squares)
        runtime.python("-c", THERE, str(file), str(crops), str(out))
        with np.load(out) as answers:
            arrays = [answers[name] for name in answers.files]
    return [[of_all[row] for of_all in arrays] for row in range(len(squares))]


def compare(here: Said, there: Said) -> dict[str, float]:
    """Cells on both sides, the largest difference of a score, and of a side of a box (-1: one alone finds any)."""
    shift = 0.0
    if len(here.cells) and len(there.cells):
        nearest = overlaps(here.cells, there.cells).argmax(1)
        shift = float(np.abs(here.cells - there.cells[nearest]).max())
    elif len(here.cells) or len(there.cells):
        shift = -1.0
    return {
        "cells_here": len(here.cells),
        "cells_there": len(there.cells),
        "largest_score_difference": float(np.abs(here.anchors - there.anchors).max()),
        "largest_side_difference_px": shift,
    }


def main() -> None:
    """Every kind on every runtime."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path, metavar="PACK")
    parser.add_argument("fields", nargs="+", type=Path, metavar="FIELD")
    asked = parser.parse_args()
    rows = []
    try:
        pack = read_detector_pack(asked.pack)
        size = pack.manifest.size
        fitted = [fit_field(read_image(path), size) for path in asked.fields]
        noise = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
        squares = np.stack([np.zeros_like(noise), noise, *(square for square, _, _ in fitted)])
        insides = [(size, size)] * 2 + [inside for _, inside, _ in fitted]
        titles = ["zeros", "noise", *(path.name for path in asked.fields)]
        runtimes = [open_runtime(name) for name in RUNTIMES]
        for name, model in pack.files.items():
            if not name.endswith(".tflite"):
                continue
            interpreter = open_interpreter(name, model)
            here = [said(pack, interpreter.outputs(s), inside) for s, inside in zip(squares, insides, strict=True)]
            for runtime in runtimes:
                answers = run_old(runtime, model, squares)
                for title, inside, mine, outputs in zip(titles, insides, here, answers, strict=True):
                    row = {"kind": name.split(".")[-2], "runtime": runtime.name, "field": title}
                    found = compare(mine, said(pack, outputs, inside))
                    rows.append({**row, **found})
                    print(
                        f"{row['kind']:5} {runtime.name:14} {title:40.40} cells {found['cells_here']} and"
                        f" {found['cells_there']}, scores within {found['largest_score_difference']:.5f}, sides within"
                        f" {found['largest_side_difference_px']:.3f} px",
                        flush=True,
                    )
    except BadInput as error:
        sys.exit(str(error))
    result = {
        "command": "python benchmarks/old_detector.py PACK FIELD ...",
        "model": pack.manifest.model,
        "versions": {
            "ai-edge-litert": version("ai-edge-litert"),
            **{runtime.name: dict(runtime.versions) for runtime in runtimes},
        },
        "rows": rows,
    }
    (Path(__file__).parent / "results" / "old_detector.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
