"""A dataset folder -> COCO, Pascal VOC, YOLO, labels.csv or class folders.

Fields export to all five; as class folders each labelled cell becomes a crop, at the photograph's own scale with a
quarter of a cell around it: the one export that loses the field. Photographs of single cells have no boxes and export
as labels.csv or class folders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.images import read_image, write_image
from edge_wbc.core.records import Box, read_field
from edge_wbc.lab.datasets.formats import FORMATS
from edge_wbc.lab.datasets.formats.common import ANNOTATION_SETS, Exported, Single, plain_name, stem_of
from edge_wbc.lab.datasets.formats.folders import read_folders, write_smears
from edge_wbc.lab.datasets.formats.table import FILE, read_table, write_singles
from edge_wbc.lab.datasets.photographs import claim, copy_whole, each

__all__ = ["WRITABLE", "ExportedSet", "export_set"]

MARKER = "export.json"
WRITABLE = (*(name for name, form in FORMATS.items() if form.write), "folder")
_AROUND = 1.5  # side of a crop, as a multiple of the box's longer side
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ExportedSet:
    """What an export holds; `left_out` counts cells without an agreed label, which class folders have no place for."""

    photographs: int
    cells: int
    left_out: int = 0


def export_set(name: str, path: Path, out: Path, progress: Progress | None = None) -> ExportedSet:
    """Writes a dataset folder in the format `name` of `WRITABLE`; started again it goes on.

    Raises:
        BadInput: an unknown format, a fault in the dataset, or an `out` that holds something else.
    """
    if name not in WRITABLE:
        raise BadInput("NAME", f"{name!r} cannot be written", f"one of: {', '.join(WRITABLE)}")
    if not path.is_dir():
        raise BadInput(path, "no such folder")
    if (path / "records").is_dir():
        fields = _fields(path)
        claim(out, MARKER, name, path)
        if name == "folder":
            return _crops(path, out, fields, progress)
        return _annotated(name, path, out, fields, progress)
    if name not in ("csv", "folder"):
        raise BadInput(path, f"single cells have no boxes for {name}", "export as csv or folder")
    singles = _singles(path)
    claim(out, MARKER, name, path)
    return _single_cells(name, out, singles, progress)


def _fields(path: Path) -> list[Exported]:
    fields = [read_field(file) for file in sorted((path / "records").glob("*.json"))]
    if not fields:
        raise BadInput(path / "records", "no records in it")
    taken: dict[str, str] = {}
    for record in fields:
        other = taken.setdefault(stem_of(record.image).lower(), record.image)
        if other is not record.image:
            raise BadInput(path, f"two fields of one name: {other!r} and {record.image!r}", "rename one")
        if not (path / record.image).is_file():
            raise BadInput(path, f"names a missing photograph {record.image!r}", "edge-wbc data check lists them all")
    return [Exported(plain_name(record.image), record) for record in fields]


def _annotated(name: str, path: Path, out: Path, fields: Sequence[Exported], progress: Progress | None) -> ExportedSet:
    form = FORMATS[name]
    assert form.write

    def copy(entry: Exported) -> None:
        copy_whole(path / entry.record.image, out / form.images / entry.name)
        mask = path / "masks" / f"{stem_of(entry.record.image)}.png"
        if mask.is_file():
            copy_whole(mask, out / "masks" / mask.name)

    for _ in each(copy, fields, "copying photographs", progress):
        pass
    form.write(out, fields, ANNOTATION_SETS["labels"])
    return ExportedSet(len(fields), sum(len(entry.record.cells) for entry in fields))


def _crops(path: Path, out: Path, fields: Sequence[Exported], progress: Progress | None) -> ExportedSet:
    smears: dict[str, str] = {}
    left_out = 0
    for names, entry in zip(each(partial(_cut, path, out), fields, "cutting cells", progress), fields, strict=True):
        smears |= dict.fromkeys(names, entry.record.smear.id)
        left_out += len(entry.record.cells) - len(names)
    if not smears:
        raise BadInput(path, "no cell in it has a label that all experts agree on", "label some cells first")
    write_smears(out, smears)
    return ExportedSet(len(fields), len(smears), left_out)


def _cut(path: Path, out: Path, entry: Exported) -> list[str]:
    names = {}
    for number, cell in enumerate(entry.record.cells, 1):
        if cell.label:
            names[f"{cell.label}/{Path(entry.name).stem}_{number:03d}.png"] = cell.box
    missing = {name: box for name, box in names.items() if not (out / name).is_file()}
    if missing:
        rgb = read_image(path / entry.record.image)
        for name, box in missing.items():
            (out / name).parent.mkdir(exist_ok=True)
            write_image(out / name, _around(rgb, box))
    return list(names)


def _around(rgb: np.ndarray, box: Box) -> np.ndarray:
    """The square around a box, as far as the photograph goes: mirrored at its border, a cell would be there twice."""
    x0, y0, x1, y1 = box
    half = round(_AROUND * max(x1 - x0, y1 - y0) / 2)
    middle_x, middle_y = (x0 + x1) // 2, (y0 + y1) // 2
    return rgb[max(0, middle_y - half) : middle_y + half, max(0, middle_x - half) : middle_x + half]


def _singles(path: Path) -> list[Single]:
    singles = []
    for entry in (read_table if (path / FILE).is_file() else read_folders)(path):
        if isinstance(entry, Fault):
            raise entry.as_error()
        if not isinstance(entry, Single):
            raise BadInput(path, "its labels.csv has boxes", "edge-wbc data import csv makes records of it")
        singles.append(entry)
    if not singles:
        raise BadInput(path, "no photographs in it")
    return singles


def _single_cells(name: str, out: Path, singles: Sequence[Single], progress: Progress | None) -> ExportedSet:
    def place(entry: Single) -> str:
        return f"{entry.label}/{plain_name(entry.name)}" if name == "folder" else f"images/{plain_name(entry.name)}"

    def copy(entry: Single) -> None:
        copy_whole(entry.image, out / place(entry))
        if entry.mask:
            copy_whole(entry.mask, out / "masks" / f"{stem_of(entry.name)}.png")

    for _ in each(copy, singles, "copying photographs", progress):
        pass
    if name == "folder":
        write_smears(out, {place(entry): entry.smear for entry in singles})
    else:
        write_singles(out, [(plain_name(entry.name), entry.label, entry.smear) for entry in singles])
    return ExportedSet(len(singles), len(singles))
