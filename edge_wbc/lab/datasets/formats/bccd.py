"""BCCD: fields of 640 x 480 with Pascal VOC boxes of red cells, white cells and platelets; and class crops of them.

Red cells and platelets become votes of the expert "bccd"; a white box says no class. Where ``crops/CLASS/FIELD_1.jpg``
lies beside (apple2373/BCCD, with the labels of Kaggle's blood-cells) and the field has one white box only, that box
gets the crop's class. A folder of crops alone is read as class folders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from edge_wbc.core.errors import Fault
from edge_wbc.lab.datasets.formats.common import Entry, Marked, Single
from edge_wbc.lab.datasets.formats.folders import read_folders
from edge_wbc.lab.datasets.formats.voc import read_voc

__all__ = ["read_bccd"]

EXPERT = "bccd"


def read_bccd(src: Path) -> Iterator[Entry]:
    """Fields with boxes, or the crops of a folder without annotations."""
    crops = src / "crops"
    if not src.is_dir() or next(src.rglob("*.xml"), None) is None:
        yield from read_folders(crops if crops.is_dir() else src)
        return
    labels: dict[str, str] = {}
    if crops.is_dir():
        singles = []
        for entry in read_folders(crops):
            if isinstance(entry, Fault):
                yield entry
            elif isinstance(entry, Single):
                singles.append((entry.image.stem.rpartition("_")[0], entry.label))
        counts = Counter(field for field, _ in singles)
        labels = {field: label for field, label in singles if counts[field] == 1}
    for entry in read_voc(src, EXPERT):
        yield _with_class(entry, labels.get(entry.image.stem)) if isinstance(entry, Marked) else entry


def _with_class(entry: Marked, label: str | None) -> Marked:
    white = [number for number, cell in enumerate(entry.cells) if not cell.get("votes")]
    if label is None or len(white) != 1:
        return entry
    cells = list(entry.cells)
    cells[white[0]] = {**cells[white[0]], "votes": {EXPERT: label}}
    return replace(entry, cells=tuple(cells))
