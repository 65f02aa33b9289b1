"""The per-field JSON record: what was photographed, where the cells are, what each expert said of them.

``field.schema.json`` beside this file is the published JSON Schema of version 1; `read_field` enforces the
same rules without a schema library, since the phone has none.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.core.taxonomy import LABELS

__all__ = ["SCHEMA_VERSION", "Cell", "Field", "Microscope", "Smear", "read_field", "write_field"]

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
    """

    box: Box
    votes: Mapping[str, str] = field(default_factory=dict)
    score: Optional[float] = None
    cut: bool = False

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
    """

    image: str
    width: int
    height: int
    cells: Tuple[Cell, ...] = ()
    smear: Smear = Smear()
    microscope: Microscope = Microscope()
    camera: str = ""
    um_per_px: Optional[float] = None


def _take(where: str, data: Any, allowed: Mapping[str, Any]) -> Dict[str, Any]:
    """The members of a JSON object after checking their names and types."""
    if not isinstance(data, dict):
        raise BadInput(where, "an object is expected here")
    for key, value in data.items():
        if key not in allowed:
            raise BadInput(where, f"unknown member {key!r}", f"known are: {', '.join(allowed)}")
        if isinstance(value, bool) and bool not in _types(allowed[key]) or not isinstance(value, allowed[key]):
            raise BadInput(where, f"{key!r} has the wrong type")
    return data


def _types(kind: Any) -> Tuple[type, ...]:
    return kind if isinstance(kind, tuple) else (kind,)


_NUMBER = (int, float, type(None))
# No root, no drive, no segment "..", no backslash, no NUL; the schema holds the same pattern.
_INSIDE = re.compile(r"^(?!/|[A-Za-z]:)(?!([^/]*/)*\.\.(/|(?![\s\S])))[^\\\x00]+(?![\s\S])")


def _cell(where: str, data: Any, width: int, height: int) -> Cell:
    got = _take(where, data, {"box": list, "votes": dict, "score": _NUMBER, "cut": bool})
    box = got.get("box")
    if not isinstance(box, list) or len(box) != 4 or not all(type(value) is int for value in box):
        raise BadInput(where, "'box' must be four whole numbers", "write x0, y0, x1, y1")
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise BadInput(where, f"box {box} is reversed, empty or outside the {width} x {height} field")
    votes = got.get("votes", {})
    for expert, label in votes.items():
        if not isinstance(label, str) or label not in LABELS:
            raise BadInput(where, f"unknown label {label!r} by {expert!r}", f"one of: {', '.join(LABELS)}")
    score = got.get("score")
    if score is not None and not 0 <= score <= 1:
        raise BadInput(where, f"score {score} is outside 0 to 1")
    return Cell((x0, y0, x1, y1), dict(votes), None if score is None else float(score), got.get("cut", False))


def field_from_json(data: Any, where: str = "record") -> Field:
    """A `Field` from parsed JSON.

    Raises:
        BadInput: anything the schema forbids, named with the cell's number.
    """
    got = _take(
        where,
        data,
        {
            "schema": int,
            "image": str,
            "width": int,
            "height": int,
            "cells": list,
            "smear": dict,
            "microscope": dict,
            "camera": str,
            "um_per_px": _NUMBER,
        },
    )
    if got.get("schema") != SCHEMA_VERSION:
        raise BadInput(where, f"schema {got.get('schema')!r} is not {SCHEMA_VERSION}", "update edge-wbc or the record")
    for key in ("image", "width", "height"):
        if not got.get(key):
            raise BadInput(where, f"{key!r} is missing or empty")
    if got["width"] < 1 or got["height"] < 1:
        raise BadInput(where, "width and height must be positive")
    if not _INSIDE.match(got["image"]):
        raise BadInput(where, f"image {got['image']!r} points outside the dataset", "use a relative path with /")
    um_per_px = got.get("um_per_px")
    if um_per_px is not None and not 0 < um_per_px < float("inf"):
        raise BadInput(where, "'um_per_px' must be a positive number")
    smear = _take(f"{where}: smear", got.get("smear", {}), {"id": str, "stain": str, "disease": str})
    scope = _take(f"{where}: microscope", got.get("microscope", {}), {"type": str, "magnification": _NUMBER})
    magnification = scope.get("magnification")
    if magnification is not None and not 0 < magnification < float("inf"):
        raise BadInput(where, "'magnification' must be a positive number")
    cells = tuple(
        _cell(f"{where}: cell {number}", cell, got["width"], got["height"])
        for number, cell in enumerate(got.get("cells", []), 1)
    )
    return Field(
        got["image"],
        got["width"],
        got["height"],
        cells,
        Smear(**smear),
        Microscope(**scope),
        got.get("camera", ""),
        um_per_px,
    )


def field_to_json(record: Field) -> Dict[str, Any]:
    """The JSON object of a record, version first, in the order of the schema."""
    body = asdict(record)
    body["cells"] = [{**asdict(cell), "box": list(cell.box), "votes": dict(cell.votes)} for cell in record.cells]
    return {"schema": SCHEMA_VERSION, **body}


def read_field(path: Path) -> Field:
    """Reads one record; a byte-order mark is accepted.

    Raises:
        BadInput: not to be read, not JSON, or not a record of this version.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadInput(path, f"cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(path, f"not a JSON record ({error})", "write it again or remove it") from error
    return field_from_json(data, str(path))


def write_field(path: Path, record: Field) -> None:
    """Writes one record, whole or not at all."""
    write_whole(path, (json.dumps(field_to_json(record), indent=1) + "\n").encode())


def in_field(box: Tuple[float, float, float, float], width: int, height: int) -> Optional[Box]:
    """A box rounded and clipped to the field, or None when nothing of it lies inside."""
    x0, y0 = max(0, round(box[0])), max(0, round(box[1]))
    x1, y1 = min(width, round(box[2])), min(height, round(box[3]))
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None
