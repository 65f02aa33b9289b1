"""LISC (Rezatofighi and Soltanian-Zadeh 2011): fields of 720 x 576 in a folder per class, and masks of their cells.

``Main Dataset/{Baso,eosi,lymp,mono,neut,mixt}/N.bmp`` is how public code reads it. *Assumed*: masks lie anywhere below
a folder whose name starts with "Ground Truth", in a folder of the class, named ``N`` or ``N_expert``; black is the
rest, the brightest grey the nucleus. A mask's pieces are the cells; a field of one cell gives it the folder's class,
with more (or in mixt) nobody said which is which. Without a mask the finder must see exactly one cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.finder import find_cells
from edge_wbc.core.images import read_image
from edge_wbc.lab.datasets.formats.common import Entry, Marked
from edge_wbc.lab.datasets.formats.folders import class_folders, images_in

__all__ = ["read_lisc"]

CLASSES = {
    "baso": "basophil",
    "eosi": "eosinophil",
    "lymp": "small_lymphocyte",
    "mono": "monocyte",
    "neut": "neutrophil",
    "mixt": None,
}
_LEAST = 500  # pixels; a hundredth of a cell of 100x, so dust in a mask is no cell


def _masks(src: Path) -> dict[tuple[str, str], Path]:
    found = {}
    for top in sorted(entry for entry in src.iterdir() if entry.is_dir()):
        if top.name.lower().startswith("ground truth"):
            for image in images_in(top):
                folders = [part.lower() for part in image.relative_to(top).parts[:-1]]
                for name in set(folders) & set(CLASSES):
                    found[name, re.sub(r"_expert$", "", image.stem)] = image
    return found


def _boxes(mask: np.ndarray) -> list[list[int]]:
    """Boxes of the pieces of a mask ((H, W) uint8)."""
    _, _, stats, _ = cv2.connectedComponentsWithStats((mask >= 64).astype(np.uint8))
    return [[int(x), int(y), int(x + w), int(y + h)] for x, y, w, h, area in stats[1:] if area >= _LEAST]


def read_lisc(src: Path) -> Iterator[Entry]:
    """Every field of every class; raises `BadInput` where there is no class folder."""
    masks = _masks(src) if src.is_dir() else {}
    main = src / "Main Dataset" if (src / "Main Dataset").is_dir() else src
    folders = [folder for folder in class_folders(main) if folder.name.lower() in CLASSES]
    if not folders:
        raise BadInput(src, "no class folders in it", "give the folder that holds 'Main Dataset'")
    for folder in folders:
        label = CLASSES[folder.name.lower()]
        for image in images_in(folder):
            mask = masks.get((folder.name.lower(), image.stem))
            cells: list[dict[str, Any]]
            try:
                if mask:
                    cells = [{"box": box} for box in _boxes(cv2.cvtColor(read_image(mask), cv2.COLOR_RGB2GRAY))]
                else:
                    cells = [{"box": list(cell.box), "score": cell.score} for cell in find_cells(read_image(image))]
            except BadInput as error:
                yield Fault(error.where, "", error.fault, error.remedy)
                continue
            if not mask and len(cells) != 1:
                sees = f"no mask, and the finder sees {len(cells)} cells"
                yield Fault(str(image), "", sees, "mark it by hand")
                continue
            if label and len(cells) == 1:
                cells[0]["votes"] = {"lisc": label}
            rows = tuple(f"cell {number}" for number in range(1, len(cells) + 1))
            name = f"{folder.name.lower()}_{image.name}"
            yield Marked(str(mask or image), image, name, tuple(cells), rows, mask=mask)
