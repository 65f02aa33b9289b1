"""Al-Qudah and Suen's two sets of annotations, three main types and seventeen subtypes, for the tools of others."""

from __future__ import annotations

import os
from pathlib import Path

from edge_wbc.core.records import read_field
from edge_wbc.lab.datasets.formats.coco import write_coco
from edge_wbc.lab.datasets.formats.common import ANNOTATION_SETS, Exported, Writer
from edge_wbc.lab.datasets.formats.voc import write_voc
from edge_wbc.lab.datasets.formats.yolo import write_yolo
from edge_wbc.lab.datasets.photographs import copy_whole, is_copy

__all__ = ["SETS", "write_sets"]

SETS: dict[str, tuple[Writer, str]] = {
    "coco": (write_coco, "images"),
    "voc": (write_voc, "JPEGImages"),
    "yolo": (write_yolo, "images"),
}
_CLASSES = ("main", "subtypes")


def write_sets(out: Path, name: str) -> None:
    """Writes ``out/NAME/main`` and ``out/NAME/subtypes`` from a dataset folder's records, photographs included.

    Args:
        name: one of `SETS`.

    Raises:
        BadInput: a record that cannot be read, or a cell without a subtype.
    """
    write, images = SETS[name]
    records = [read_field(file) for file in sorted((out / "records").glob("*.json"))]
    for classes in _CLASSES:
        folder = out / name / classes
        (folder / images).mkdir(parents=True, exist_ok=True)
        for record in records:
            _link(out / record.image, folder / images / Path(record.image).name)
        entries = [Exported(Path(record.image).name, record) for record in records]
        write(folder, entries, ANNOTATION_SETS[classes])


def _link(original: Path, copy: Path) -> None:
    """The same bytes under a second name; a copy where the disk has no such names."""
    if is_copy(copy, original):
        return
    copy.unlink(missing_ok=True)
    try:
        os.link(original, copy)
    except OSError:
        copy_whole(original, copy)
