"""COCO: one JSON file of images, annotations (x, y, width, height) and categories.

Read: ``annotations.json``, ``annotations/*.json``, or any ``_annotations.coco.json`` below the folder (one a part);
photographs beside the file, in ``images/``, or in the folder that the file is named after (instances_val2017.json).
Segmentations, crowds and areas are not read.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, FiniteFloat, ValidationError

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.files import write_whole
from edge_wbc.core.records import read_json
from edge_wbc.lab.datasets.formats.common import (
    KEY,
    ClassSet,
    Entry,
    Exported,
    Marked,
    cell_json,
    facts_of,
    mask_of,
    photograph,
    relative,
    said_of,
)

__all__ = ["read_coco", "write_coco"]

FILE = "annotations.json"
Row = TypeVar("Row", bound=BaseModel)


class _Image(BaseModel):
    id: int
    file_name: str
    width: int = 0
    height: int = 0
    edge_wbc: dict[str, Any] = {}


class _Annotation(BaseModel):
    image_id: int
    category_id: int
    bbox: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]
    edge_wbc: dict[str, Any] | None = None


class _Category(BaseModel):
    id: int
    name: str


def files_of(src: Path) -> list[Path]:
    """The annotation files of a folder, or the one file named."""
    if src.is_file():
        return [src]
    for pattern in (FILE, "annotations/*.json", "**/_annotations.coco.json"):
        found = sorted(src.glob(pattern))
        if found:
            return found
    raise BadInput(src, f"no {FILE}, annotations/*.json or _annotations.coco.json in it", "name the JSON file itself")


def rows(file: Path, data: Any, key: str, kind: type[Row]) -> Iterator[tuple[str, Row | Fault]]:
    """The rows of one list in a stranger's JSON, each checked by itself."""
    listed = data.get(key) if isinstance(data, dict) else None
    if not isinstance(listed, list):
        raise BadInput(file, f"no list {key!r} in it", "this is not a COCO file")
    for number, row in enumerate(listed, 1):
        name = f"{key} {number}"
        try:
            yield name, kind.model_validate(row)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            yield name, Fault(str(file), name, f"{place}: {first['msg'].lower()}")


def read_coco(src: Path) -> Iterator[Entry]:
    """Every image of every annotation file; raises `BadInput` where there is none, or it is not JSON."""
    for file in files_of(src):
        yield from _read_file(src if src.is_dir() else src.parent, file)


def _read_file(src: Path, file: Path) -> Iterator[Entry]:
    data = read_json(file)
    names: dict[int, str] = {}
    for _, category in rows(file, data, "categories", _Category):
        if isinstance(category, Fault):
            yield category
        else:
            names[category.id] = category.name
    images: dict[int, tuple[str, _Image]] = {}
    for row, image in rows(file, data, "images", _Image):
        if isinstance(image, Fault):
            yield image
        elif image.id in images:
            yield Fault(str(file), row, f"image id {image.id} is taken", "give each image its own id")
        else:
            images[image.id] = row, image
    cells: dict[int, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    for row, mark in rows(file, data, "annotations", _Annotation):
        if isinstance(mark, Fault):
            yield mark
            continue
        if mark.image_id not in images or mark.category_id not in names:
            missing = f"image {mark.image_id}" if mark.image_id not in images else f"category {mark.category_id}"
            yield Fault(str(file), row, f"names a missing {missing}", "add it or remove the row")
            continue
        x, y, wide, high = mark.bbox
        box = [round(x), round(y), round(x + wide), round(y + high)]
        try:
            cells[mark.image_id].append((row, cell_json(box, names[mark.category_id], "coco", mark.edge_wbc)))
        except BadInput as error:
            yield Fault(str(file), row, error.fault, error.remedy)
    part = file.stem.split("_")[-1]
    folders = (file.parent, src, src / "images", src / part, src / "images" / part)
    for number, (row, image) in images.items():
        try:
            path = photograph(src, image.file_name, folders)
        except BadInput as error:
            yield Fault(str(file), row, error.fault, error.remedy)
            continue
        name = relative(src, path)
        yield Marked(
            str(file),
            path,
            name,
            tuple(cell for _, cell in cells[number]),
            tuple(row for row, _ in cells[number]),
            (image.width, image.height) if image.width and image.height else None,
            image.edge_wbc,
            mask_of(src, name, image.edge_wbc),
        )


def write_coco(out: Path, fields: Sequence[Exported], classes: ClassSet) -> None:
    """Writes ``annotations.json``; the photographs go to ``images/``."""
    ids = {name: number for number, name in enumerate(classes.names, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, entry in enumerate(fields, 1):
        record = entry.record
        size = {"width": record.width, "height": record.height}
        images.append({"id": number, "file_name": entry.name, **size, KEY: facts_of(record)})
        for cell in record.cells:
            x0, y0, x1, y1 = cell.box
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": ids[classes.of(cell)],
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": (x1 - x0) * (y1 - y0),
                    "iscrowd": 0,
                    KEY: said_of(cell),
                }
            )
    body = {
        "info": {"description": "white blood cells; research use, not for diagnosis"},
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name, "supercategory": "cell"} for name, number in ids.items()],
    }
    write_whole(out / FILE, (json.dumps(body) + "\n").encode())
