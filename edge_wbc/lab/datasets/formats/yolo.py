"""YOLO: a text file a photograph; class, middle x, middle y, width and height as shares of the photograph.

Read: ``images`` beside ``labels`` at any depth (train/images, images/train), or text beside photographs; class names
from ``data.yaml``, ``classes.txt`` or ``obj.names``. Without names there must be one class only, and its cells have no
votes. A sixth column is a score. A photograph without a text file is a fault: a field without cells has an empty one.
Votes and the like ride in ``edge_wbc.json``, which YOLO tools do not look at.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.files import write_whole
from edge_wbc.core.images import list_images
from edge_wbc.core.records import Box
from edge_wbc.lab.datasets.formats.common import (
    KEY,
    ClassSet,
    Entry,
    Exported,
    Marked,
    cell_json,
    facts_of,
    mask_of,
    relative,
    said_of,
    sidecar,
)

__all__ = ["read_yolo", "write_yolo"]

_NAME_LISTS = ("classes.txt", "obj.names")


class _Names(BaseModel):
    names: list[str] | dict[int, str]


class _Riding(BaseModel):
    field: dict[str, Any]
    cells: list[tuple[str, dict[str, Any]]]


class _Sidecar(BaseModel):
    labels: dict[str, _Riding] = {}


def _class_names(src: Path) -> dict[int, str]:
    for file in (*sorted(src.glob("*.yaml")), *sorted(src.glob("*.yml"))):
        try:
            names = _Names.model_validate(yaml.safe_load(file.read_text(encoding="utf-8-sig"))).names
        except (yaml.YAMLError, ValidationError, ValueError, RecursionError) as error:
            raise BadInput(file, "no list of class names in it", "write names: [neutrophil, ...]") from error
        return dict(enumerate(names)) if isinstance(names, list) else names
    for file in (folder / name for folder in (src, src / "labels") for name in _NAME_LISTS):
        if file.is_file():
            return dict(enumerate(file.read_text(encoding="utf-8-sig").split("\n")))
    return {}


def _label_file(src: Path, image: Path) -> Path:
    parts = list(image.relative_to(src).with_suffix(".txt").parts)
    for number in reversed(range(len(parts) - 1)):
        if parts[number] == "images":
            return src.joinpath(*parts[:number], "labels", *parts[number + 1 :])
    return image.with_suffix(".txt")


def _cell(line: str, names: Mapping[int, str], said: Any) -> dict[str, Any]:
    columns = line.split()
    try:
        number = int(columns[0])
        x, y, wide, high, *score = map(float, columns[1:])
        if len(score) > 1 or not all(map(math.isfinite, (x, y, wide, high, *score))):
            raise ValueError
    except ValueError as error:
        raise BadInput(line, f"{line!r} is not class, x, y, width, height", "polygons are not read") from error
    if names and number not in names or not names and number:
        raise BadInput(line, f"class {number} has no name", "name it in data.yaml")
    rides = {**(said or {}), **({"score": score[0]} if score and not said else {})}
    box = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
    return cell_json(box, names.get(number, "cell"), "yolo", rides)


def read_yolo(src: Path) -> Iterator[Entry]:
    """Every photograph with its text file; raises `BadInput` where there is none, or the class names are unusable."""
    if not src.is_dir():
        raise BadInput(src, "no such folder")
    names, riding = _class_names(src), sidecar(src, _Sidecar).labels
    read = set()
    for image in list_images(src):
        if image.parent == src / "masks":
            continue
        file = _label_file(src, image)
        read.add(file)
        if not file.is_file():
            yield Fault(str(file), "", "missing", "write an empty one for a field without cells")
            continue
        rides = riding.get(file.relative_to(src).as_posix())
        waiting = list(rides.cells) if rides else []
        cells, rows = [], []
        for number, line in enumerate(file.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
            if not line.strip():
                continue
            # By its own line, so that rows added or removed elsewhere do not shift what rides along.
            mine = next((entry for entry in waiting if entry[0] == line), None)
            if mine:
                waiting.remove(mine)
            try:
                cells.append(_cell(line, names, mine[1] if mine else None))
                rows.append(f"row {number}")
            except BadInput as error:
                yield Fault(str(file), f"row {number}", error.fault, error.remedy)
        facts = rides.field if rides else {}
        name = relative(src, image)
        mask = mask_of(src, name, facts)
        yield Marked(str(file), image, name, tuple(cells), tuple(rows), None, facts, mask, shares=True)
    for file in sorted(src.rglob("labels/**/*.txt")):
        if file not in read and file.name not in _NAME_LISTS:
            yield Fault(str(file), "", "names a missing photograph", "put it back or remove the file")


def _line(number: int, box: Box, width: int, height: int) -> str:
    x0, y0, x1, y1 = box
    shares = ((x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height)
    return " ".join([str(number), *map(repr, shares)])


def write_yolo(out: Path, fields: Sequence[Exported], classes: ClassSet) -> None:
    """Writes ``labels/NAME.txt``, ``data.yaml`` and ``edge_wbc.json``; the photographs go to ``images/``."""
    ids = {name: number for number, name in enumerate(classes.names)}
    (out / "labels").mkdir(exist_ok=True)
    riding = {}
    for entry in fields:
        record, file = entry.record, f"labels/{Path(entry.name).stem}.txt"
        lines = [_line(ids[classes.of(cell)], cell.box, record.width, record.height) for cell in record.cells]
        write_whole(out / file, "".join(f"{line}\n" for line in lines).encode())
        said = [(line, said_of(cell)) for line, cell in zip(lines, record.cells, strict=True)]
        riding[file] = {"field": facts_of(record), "cells": said}
    write_whole(out / f"{KEY}.json", (json.dumps({"labels": riding}) + "\n").encode())
    plain = {"path": ".", "train": "images", "val": "images", "names": dict(enumerate(classes.names))}
    write_whole(out / "data.yaml", yaml.safe_dump(plain, sort_keys=False).encode())
