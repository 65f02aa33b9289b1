"""Raabin-WBC (Kouzehkanan et al. 2022): large fields with a JSON each, or the double-labelled crops in class folders.

Large fields: ``SMEAR/images/NAME.jpg`` and ``SMEAR/jsons/NAME.json`` at any depth (or JSON beside photograph). The
authors publish no description of the JSON. The names in `CELL` are those that public converters of the set read;
those in `FIELD`, the meaning of the corners (pixels from 0, end exclusive) and that the folder above is the smear
are *assumed*. Double-labelled crops: ``Train``, ``TestA`` and ``TestB``, each of class folders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, FiniteFloat, ValidationError

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.images import IMAGE_SUFFIXES
from edge_wbc.core.records import read_json
from edge_wbc.core.taxonomy import label_from_name
from edge_wbc.lab.datasets.formats.common import Entry, Marked, Single, photograph
from edge_wbc.lab.datasets.formats.folders import read_folders

__all__ = ["read_raabin"]

# What it is here -> its key in the JSON. Cells are the members whose name starts with CELL_PREFIX.
CELL_PREFIX = "Cell_"
CELL = {"x0": "x1", "y0": "y1", "x1": "x2", "y1": "y2", "expert_1": "Label1", "expert_2": "Label2"}
FIELD = {"stain": "Staining", "disease": "Disease", "type": "Microscope", "camera": "Camera"}
PARTS = ("Train", "TestA", "TestB", "Test-A", "Test-B")


class _Cell(BaseModel):
    x0: FiniteFloat
    y0: FiniteFloat
    x1: FiniteFloat
    y1: FiniteFloat
    expert_1: str | None = None
    expert_2: str | None = None

    def json_cell(self) -> dict[str, Any]:
        """The cell of a record; raises `BadInput` for an unknown label."""
        said = {"expert 1": self.expert_1, "expert 2": self.expert_2}
        votes = {expert: label_from_name(label) for expert, label in said.items() if label and label.strip()}
        return {"box": [round(self.x0), round(self.y0), round(self.x1), round(self.y1)], "votes": votes}


def _cell(data: Any) -> dict[str, Any]:
    theirs = data if isinstance(data, dict) else {}
    return _Cell.model_validate({ours: theirs[key] for ours, key in CELL.items() if key in theirs}).json_cell()


def read_raabin(src: Path) -> Iterator[Entry]:
    """Large fields where there is a JSON, else the double-labelled crops."""
    parts = [src / part for part in PARTS if (src / part).is_dir()]
    if parts:
        for part in parts:
            for entry in read_folders(part):
                yield replace(entry, name=f"{part.name}_{entry.name}") if isinstance(entry, Single) else entry
        return
    files = sorted(src.rglob("*.json")) if src.is_dir() else []
    if not files:
        raise BadInput(src, "neither JSON of large fields nor Train, TestA, TestB in it")
    for file in files:
        yield from _read_field(src, file)


def _read_field(src: Path, file: Path) -> Iterator[Entry]:
    try:
        data = read_json(file)
        if not isinstance(data, dict):
            raise BadInput(file, "an object is expected here")
        image = _photograph(src, file)
    except BadInput as error:
        yield Fault(str(file), "", error.fault, error.remedy)
        return
    cells, rows = [], []
    for key in (key for key in data if key.startswith(CELL_PREFIX)):
        try:
            cells.append(_cell(data[key]))
            rows.append(key)
        except ValidationError as error:
            first = error.errors()[0]
            place = CELL[str(first["loc"][0])]
            yield Fault(str(file), key, f"{place}: {first['msg'].lower()}")
        except BadInput as error:
            yield Fault(str(file), key, error.fault, error.remedy)
    above = image.parent.parent if image.parent.name.lower() == "images" else image.parent
    smear = above.relative_to(src).as_posix() if above != src else ""
    facts = _facts(data, smear)
    name = f"{smear}/{image.name}" if smear else image.name
    yield Marked(str(file), image, name, tuple(cells), tuple(rows), None, facts)


def _photograph(src: Path, file: Path) -> Path:
    folders = (file.parent.parent / "images", file.parent)
    for suffix in (form(suffix) for suffix in IMAGE_SUFFIXES for form in (str.lower, str.upper)):
        if any((folder / f"{file.stem}{suffix}").is_file() for folder in folders):
            return photograph(src, f"{file.stem}{suffix}", folders)
    raise BadInput(file, "names a missing photograph", "put it back or remove the JSON")


def _facts(data: Mapping[str, Any], smear: str) -> dict[str, Any]:
    said = {name: data[key] for name, key in FIELD.items() if isinstance(data.get(key), str)}
    return {
        "smear": {"id": smear, "stain": said.get("stain", ""), "disease": said.get("disease", "")},
        "microscope": {"type": said.get("type", "")},
        "camera": said.get("camera", ""),
    }
