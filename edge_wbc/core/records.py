"""The per-field JSON record: what was photographed, where the cells are, what each expert said of them.

``field.schema.json`` beside this file is the published JSON Schema of version 1; `read_field` enforces the
same rules without a schema library, since the phone has none.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.files import write_whole
from edge_wbc.core.taxonomy import LABELS, SUBTYPES, nearest_label

__all__ = [
    "SCHEMA_VERSION",
    "Cell",
    "Field",
    "Microscope",
    "Smear",
    "read_field",
    "read_json",
    "record_faults",
    "write_field",
]

SCHEMA_VERSION = 1
Box = Tuple[int, int, int, int]


@dataclass(frozen=True)
class Smear:
    """One slide: its name within the lab, its stain and the patient's disease where known."""

    id: str = ""
    stain: str = ""
    disease: str = ""


@dataclass(frozen=True)
class Microscope:
    """The microscope and the magnification of its objective."""

    type: str = ""
    magnification: Optional[float] = None


@dataclass(frozen=True)
class Cell:
    """One white cell or artefact in a field.

    Attributes:
        box: x0, y0, x1, y1 in pixels of the field, x right, y down, end exclusive.
        votes: expert's name -> label of `taxonomy.LABELS`; two experts vote without seeing each other.
        score: the finder's confidence, 0 to 1, or None where a person drew the box.
        cut: whether the field's border cuts the cell.
        subtype: a drawn or assembled cell's name in `taxonomy.SUBTYPES`, which says more than its label; "" elsewhere.
    """

    box: Box
    votes: Mapping[str, str] = field(default_factory=dict)
    score: Optional[float] = None
    cut: bool = False
    subtype: str = ""

    @property
    def label(self) -> Optional[str]:
        """The label all experts agree on, or None (no vote, or they differ)."""
        said = set(self.votes.values())
        return said.pop() if len(said) == 1 else None


@dataclass(frozen=True)
class Field:
    """One photograph through the ocular.

    Attributes:
        image: the photograph's path relative to the dataset's folder, with forward slashes.
        width, height: its size in pixels.
        um_per_px: micrometres of the slide a pixel spans, or None where it was never calibrated.
        light: the file of the light that is divided out of the photograph before it is read (`light.Light`: flat
            field and white reference in one), relative to the dataset's folder, or "" where none was measured.
    """

    image: str
    width: int
    height: int
    cells: Tuple[Cell, ...] = ()
    smear: Smear = Smear()
    microscope: Microscope = Microscope()
    camera: str = ""
    um_per_px: Optional[float] = None
    light: str = ""


_NUMBER = (int, float, type(None))
# No root, no drive, no segment "..", no backslash, no NUL; the schema holds the same pattern.
_INSIDE = re.compile(r"^(?!/|[A-Za-z]:)(?!([^/]*/)*\.\.(/|(?![\s\S])))[^\\\x00]+(?![\s\S])")
_RECORD = {
    "schema": int,
    "image": str,
    "width": int,
    "height": int,
    "cells": list,
    "smear": dict,
    "microscope": dict,
    "camera": str,
    "um_per_px": _NUMBER,
    "light": str,
}
_SMEAR = {"id": str, "stain": str, "disease": str}
_MICROSCOPE = {"type": str, "magnification": _NUMBER}
_CELL = {"box": list, "votes": dict, "score": _NUMBER, "cut": bool, "subtype": str}
_Said = Iterator[Tuple[str, str, str]]


def _members(row: str, data: Any, allowed: Mapping[str, Any]) -> _Said:
    """Faults in the names and types of a JSON object's members."""
    if not isinstance(data, dict):
        yield row, "an object is expected here", ""
        return
    for key, value in data.items():
        kinds = allowed.get(key, ())
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        if key not in allowed:
            yield row, f"unknown member {key!r}", f"known are: {', '.join(allowed)}"
        elif (isinstance(value, bool) and bool not in kinds) or not isinstance(value, kinds):
            yield row, f"{key!r} has the wrong type", ""


def _positive(row: str, data: Any, key: str) -> _Said:
    value: Any = data.get(key) if isinstance(data, dict) else None
    if type(value) in (int, float) and not 0 < value < float("inf"):
        yield row, f"{key!r} must be a positive number", ""


def _cell_faults(row: str, cell: Any, width: Any, height: Any) -> _Said:
    yield from _members(row, cell, _CELL)
    if not isinstance(cell, dict):
        return
    box = cell.get("box")
    if not isinstance(box, list) or len(box) != 4 or not all(type(value) is int for value in box):
        yield row, "'box' must be four whole numbers", "write x0, y0, x1, y1"
    elif type(width) is int and type(height) is int:
        x0, y0, x1, y1 = box
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            yield row, f"box {box} is reversed, empty or outside the {width} x {height} field", "draw it again"
    votes = cell.get("votes")
    for expert, label in votes.items() if isinstance(votes, dict) else ():
        if not isinstance(label, str) or label not in LABELS:
            yield row, f"unknown label {label!r} by {expert!r}", nearest_label(str(label))
    score: Any = cell.get("score")
    if type(score) in (int, float) and not 0 <= score <= 1:
        yield row, f"score {score} is outside 0 to 1", ""
    subtype = cell.get("subtype")
    if isinstance(subtype, str) and subtype and subtype not in SUBTYPES:
        yield row, f"unknown subtype {subtype!r}", f"one of: {', '.join(SUBTYPES)}"


def _said_of(data: Any) -> _Said:
    yield from _members("", data, _RECORD)
    if not isinstance(data, dict):
        return
    schema, width, height = (data.get(key) for key in ("schema", "width", "height"))
    if type(schema) is not int or schema != SCHEMA_VERSION:
        yield "", f"schema {schema!r} is not {SCHEMA_VERSION}", "update edge-wbc or the record"
    for key in ("image", "width", "height"):
        if not data.get(key):
            yield "", f"{key!r} is missing or empty", ""
    if any(type(side) is int and side < 0 for side in (width, height)):
        yield "", "width and height must be positive", ""
    for key in ("image", "light"):
        path = data.get(key)
        if isinstance(path, str) and path and not _INSIDE.match(path):
            yield "", f"{key} {path!r} points outside the dataset", "use a relative path with /"
    yield from _positive("", data, "um_per_px")
    yield from _members("smear", data.get("smear", {}), _SMEAR)
    yield from _members("microscope", data.get("microscope", {}), _MICROSCOPE)
    yield from _positive("microscope", data.get("microscope"), "magnification")
    cells = data.get("cells")
    for number, cell in enumerate(cells if isinstance(cells, list) else (), 1):
        yield from _cell_faults(f"cell {number}", cell, width, height)


def record_faults(data: Any, file: str = "record") -> Iterator[Fault]:
    """Everything in parsed JSON that keeps it from being a `Field`, in the order of the record."""
    return (Fault(file, *said) for said in _said_of(data))


def field_from_json(data: Any, where: str = "record") -> Field:
    """A `Field` from parsed JSON.

    Raises:
        BadInput: the first of its `record_faults`, named with the cell's number.
    """
    for fault in record_faults(data, where):
        raise fault.as_error()
    cells = tuple(
        Cell(
            tuple(cell["box"]),
            dict(cell.get("votes", {})),
            None if cell.get("score") is None else float(cell["score"]),
            cell.get("cut", False),
            cell.get("subtype", ""),
        )
        for cell in data.get("cells", [])
    )
    return Field(
        data["image"],
        data["width"],
        data["height"],
        cells,
        Smear(**data.get("smear", {})),
        Microscope(**data.get("microscope", {})),
        data.get("camera", ""),
        data.get("um_per_px"),
        data.get("light", ""),
    )


def field_to_json(record: Field) -> Dict[str, Any]:
    """The JSON object of a record, version first, in the order of the schema."""
    body = asdict(record)
    body["cells"] = [{**asdict(cell), "box": list(cell.box), "votes": dict(cell.votes)} for cell in record.cells]
    return {"schema": SCHEMA_VERSION, **body}


def read_json(path: Path) -> Any:
    """What a JSON file holds; a byte-order mark is accepted.

    Raises:
        BadInput: not to be read, or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadInput(path, f"cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(path, f"not JSON ({error})", "write it again or remove it") from error


def read_field(path: Path) -> Field:
    """Reads one record; raises `BadInput` as `read_json` and `field_from_json` do."""
    return field_from_json(read_json(path), str(path))


def write_field(path: Path, record: Field) -> None:
    """Writes one record, whole or not at all."""
    write_whole(path, (json.dumps(field_to_json(record), indent=1) + "\n").encode())


def in_field(box: Tuple[float, float, float, float], width: int, height: int) -> Optional[Box]:
    """A box rounded and clipped to the field, or None when nothing of it lies inside."""
    x0, y0 = max(0, round(box[0])), max(0, round(box[1]))
    x1, y1 = min(width, round(box[2])), min(height, round(box[3]))
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None
