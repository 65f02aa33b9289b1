"""The picture of docs/segmentation.md: drawn cells, each method's outlines in a row of its own.

python docs/segments.py
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from edge_wbc.core.crops import crop_fixed
from edge_wbc.core.records import Cell
from edge_wbc.core.taxonomy import five_class
from edge_wbc.lab.segmentation.describe import overlay
from edge_wbc.lab.segmentation.methods import METHODS
from edge_wbc.lab.synthesis import SmearOptions, draw_field

OUT = Path(__file__).parent / "images" / "segmentation.png"
COLOURS = 160
SIDE, SHOWN, HEAD, SMEARS = 110, 220, 26, 8


def cells() -> dict[str, np.ndarray]:
    """A crop of a drawn cell of each class, each of another smear."""
    options = SmearOptions("galaxy-s5-olympus", SMEARS, 1, seed=7)
    found: dict[str, np.ndarray] = {}
    for smear in range(options.smears):
        rgb, record = draw_field(options, smear, 0)
        cell = next((cell for cell in record.cells if not cell.cut and shown(cell) not in found), None)
        if cell is not None:
            found[shown(cell)] = crop_fixed(rgb, cell.box, SIDE)
    return found


def shown(cell: Cell) -> str:
    """One of the five classes, or "" for what is none."""
    return five_class(cell.label or "") or ""


def main() -> None:
    """Writes the picture."""
    crops = cells()
    rows = []
    for name, method in METHODS.items():
        tiles = [
            cv2.resize(overlay(crop, method.segment(crop)), (SHOWN, SHOWN), interpolation=cv2.INTER_AREA)
            for crop in crops.values()
        ]
        row = np.full((SHOWN + HEAD, SHOWN * len(tiles), 3), 255, np.uint8)
        row[HEAD:] = np.hstack(tiles)
        for column, label in enumerate(crops):
            place = (column * SHOWN + 6, 18)
            cv2.putText(row, f"{name}: {label}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
        rows.append(row)
    Image.fromarray(np.vstack(rows)).quantize(COLOURS).save(OUT, optimize=True)


if __name__ == "__main__":
    main()
