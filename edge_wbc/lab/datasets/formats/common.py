"""What every reader of a format yields, and the parts they share.

What a format has no column for (votes, score, smear, microscope, scale) rides under the one key `KEY`, where other
tools ignore it. Files that others wrote have no such key and are read as well.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.images import IMAGE_SUFFIXES
from edge_wbc.core.records import SCHEMA_VERSION, Cell, Field, field_from_json, field_to_json, read_json, record_faults
from edge_wbc.core.taxonomy import LABELS, MAIN_TYPES, SUBTYPES, label_from_name

__all__ = [
    "ANNOTATION_SETS",
    "KEY",
    "ClassSet",
    "Entry",
    "Exported",
    "Marked",
    "Reader",
    "Single",
    "Writer",
    "to_field",
]

KEY = "edge_wbc"
WHITE_CELL = "white_cell"
Riding = TypeVar("Riding", bound=BaseModel)
_UNNAMED = {
    "white cell",
    "wbc",
    "wbcs",
    "white blood cell",
    "white blood cells",
    "leukocyte",
    "leukocytes",
    "leucocyte",
    "leucocytes",
    "cell",
    "cells",
}


@dataclass(frozen=True)
class Marked:
    """A field's photograph and what is marked in it.

    Attributes:
        where: the annotation file.
        image: the photograph's file.
        name: its path within the set, with forward slashes.
        cells: of its record, as JSON objects; boxes are whole pixels, or shares of 0 to 1 where `shares`.
        rows: where each cell stands in the annotation file.
        size: width and height that the annotation claims.
        facts: other members of the record, as far as the format tells them.
        mask: a picture of 255 nucleus, 128 cytoplasm, 0 rest.
        light: the file of the light that `facts` name.
    """

    where: str
    image: Path
    name: str
    cells: tuple[Mapping[str, Any], ...] = ()
    rows: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    mask: Path | None = None
    shares: bool = False
    light: Path | None = None


@dataclass(frozen=True)
class Single:
    """A photograph of one cell, whose place in it nobody marked; `row` is where `where` names it."""

    where: str
    image: Path
    name: str
    label: str
    smear: str = ""
    mask: Path | None = None
    row: str = ""


@dataclass(frozen=True)
class Exported:
    """A record on its way out, and the file name its photograph gets."""

    name: str
    record: Field


@dataclass(frozen=True)
class ClassSet:
    """The classes of a format with one class a box: their names, and which of them a cell is of."""

    names: tuple[str, ...]
    of: Callable[[Cell], str]


Entry = Marked | Single | Fault
Reader = Callable[[Path], Iterator[Entry]]
Writer = Callable[[Path, Sequence[Exported], ClassSet], None]


def plain_name(image: str) -> str:
    """A photograph's path -> one file name that every tool can read; the same path always gives the same."""
    parts = image.split("/")
    joined = "_".join(parts[1:] if parts[0] == "images" and len(parts) > 1 else parts)
    plain = re.sub(r"[^\w.\-() +]", "_", joined)
    if plain == joined and plain[0] != "." and len(plain.encode()) <= 150:
        return plain
    stem, suffix = PurePosixPath(plain).stem, PurePosixPath(plain).suffix
    return f"_{stem[:40]}_{hashlib.sha256(image.encode()).hexdigest()[:8]}{suffix[:8]}"


def stem_of(image: str) -> str:
    """The name that a photograph's record, label file and mask share."""
    return PurePosixPath(plain_name(image)).stem


def photograph(src: Path, name: str, folders: Sequence[Path]) -> Path:
    """The photograph that an annotation names, in the first of some folders that has it.

    Raises:
        BadInput: it is nowhere, or its path leads out of `src`.
    """
    name = name.replace("\\", "/")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or name[1:2] == ":":
        raise BadInput(src, f"{name!r} points outside the folder", "name it relative to the folder")
    for folder in folders:
        found = folder / name
        if name and found.is_file():
            if not found.resolve().is_relative_to(src.resolve()):
                raise BadInput(src, f"{name!r} is a link out of the folder", "put the photograph itself there")
            return found
    raise BadInput(src, f"names a missing photograph {name!r}", "put it back or remove what names it")


def relative(src: Path, image: Path) -> str:
    """A photograph's name within its set; a folder that only says "images" is left out of it."""
    *folders, name = image.relative_to(src).parts
    return "/".join([*(part for part in folders if part.lower() not in _IMAGE_FOLDERS), name])


_IMAGE_FOLDERS = ("images", "jpegimages", "fields")


def mask_of(src: Path, name: str, facts: Mapping[str, Any]) -> Path | None:
    """The mask that lies in ``masks/`` for a photograph, or None."""
    image = facts.get("image")
    path = src / "masks" / f"{stem_of(image if image and isinstance(image, str) else name)}.png"
    return path if path.is_file() else None


def sidecar(src: Path, kind: type[Riding]) -> Riding:
    """What rides along in ``edge_wbc.json``, or an empty one; raises `BadInput` where someone else wrote it."""
    file = src / f"{KEY}.json"
    if not file.is_file():
        return kind()
    try:
        return kind.model_validate(read_json(file))
    except ValidationError as error:
        raise BadInput(file, "not as edge-wbc writes it", "export again or remove it") from error


def facts_of(record: Field) -> dict[str, Any]:
    """What a record says beside size and cells: the members that ride along, but the light, whose file stays."""
    return {key: value for key, value in field_to_json(record).items() if key not in (*_OWN, "light")}


_OWN = ("schema", "width", "height", "cells")


def said_of(cell: Cell) -> dict[str, Any]:
    """What a cell says beside its box and class."""
    return {"votes": dict(cell.votes), "score": cell.score, "cut": cell.cut, "subtype": cell.subtype}


def _agreed(cell: Cell) -> str:
    return cell.label or WHITE_CELL


def _subtype(cell: Cell) -> str:
    if not cell.subtype:
        raise BadInput("subtype", f"none of the cell at {list(cell.box)}", "only drawn and assembled smears have them")
    return cell.subtype


# What all experts agree on; and the two sets of Al-Qudah and Suen, which drawn and assembled cells alone have.
ANNOTATION_SETS: dict[str, ClassSet] = {
    "labels": ClassSet((*LABELS, WHITE_CELL), _agreed),
    "main": ClassSet(tuple(dict.fromkeys(MAIN_TYPES.values())), lambda cell: MAIN_TYPES[_subtype(cell)]),
    "subtypes": ClassSet(tuple(SUBTYPES), _subtype),
}


def cell_json(box: Sequence[float], name: str, expert: str, said: Any = None) -> dict[str, Any]:
    """A cell of a record.

    Args:
        name: its class as the format spells it; "WBC" and the like give no vote.
        expert: who votes where nothing rides along, or where the class was changed since.
        said: what rides along.

    Raises:
        BadInput: an unknown class, with the nearest label.
    """
    body = dict(said) if isinstance(said, Mapping) else {}
    subtype = body.get("subtype")
    if isinstance(subtype, str) and subtype in SUBTYPES and name in (subtype, MAIN_TYPES[subtype]):
        return {**body, "box": list(box)}
    label = None if re.sub(r"[\s_-]+", " ", name.strip().lower()) in _UNNAMED else label_from_name(name)
    votes = body.get("votes")
    labels = list(votes.values()) if isinstance(votes, Mapping) else []
    if (labels[0] if labels and all(said == labels[0] for said in labels) else None) != label:
        body |= {"votes": {expert: label} if label else {}, "subtype": ""}
    return {**body, "box": list(box)}


def to_field(entry: Marked, width: int, height: int) -> tuple[Field | None, list[Fault]]:
    """The record of a photograph of this size, and what of it had to be left out.

    A cell at fault is left out; a fault of the field itself leaves no record.
    """
    faults, size = [], entry.size or (width, height)
    if size != (width, height):
        claim = f"says {size[0]} x {size[1]}, the photograph is {width} x {height}"
        faults.append(Fault(entry.where, "", claim, "mark the photograph itself, not a scaled copy"))
    cells = [dict(cell) for cell in entry.cells]
    if entry.shares:
        sides = (width, height, width, height)
        for cell in cells:
            cell["box"] = [round(share * side) for share, side in zip(cell["box"], sides, strict=True)]
    body = {
        "image": f"images/{plain_name(entry.name)}",
        **{key: value for key, value in entry.facts.items() if key not in _OWN},
        "schema": SCHEMA_VERSION,
        "width": size[0],
        "height": size[1],
    }
    own = list(record_faults(body, entry.where))
    if not own and not _place_is_free(body["image"]):
        own = [Fault(entry.where, "", f"image {body['image']!r} is no place for a photograph", "use images/")]
    faults += own
    usable = not faults
    kept = []
    for cell, row in zip(cells, entry.rows, strict=True):
        alone = {"schema": SCHEMA_VERSION, "image": "x", "width": size[0], "height": size[1], "cells": [cell]}
        wrong = [replace(fault, row=row) for fault in record_faults(alone, entry.where)]
        wrong = wrong or thin_box(entry.where, row, cell["box"])
        faults += wrong
        if not wrong:
            kept.append(cell)
    return field_from_json({**body, "cells": kept}) if usable else None, faults


def _place_is_free(image: str) -> bool:
    parts = image.lower().split("/")
    return parts[0] not in ("records", "masks") and PurePosixPath(parts[-1]).suffix in IMAGE_SUFFIXES


def thin_box(file: str, row: str, box: Sequence[int]) -> list[Fault]:
    """A fault where a box is one pixel wide or high: a slip of the mouse, no cell."""
    if min(box[2] - box[0], box[3] - box[1]) > 1:
        return []
    return [Fault(file, row, f"box {list(box)} is one pixel wide or high", "draw it again")]
