"""``labels.csv`` beside ``images/``: one row a photograph of one cell (image, label, smear), or one row a box.

Rows of fields have the columns x0, y0, x1, y1 too (pixels, end exclusive); a field without cells has one row with an
empty label and box. Votes and the like ride as JSON in the columns ``cell`` and ``field``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.files import write_whole
from edge_wbc.core.taxonomy import label_from_name
from edge_wbc.lab.datasets.formats.common import (
    WHITE_CELL,
    ClassSet,
    Entry,
    Exported,
    Marked,
    Single,
    cell_json,
    facts_of,
    mask_of,
    photograph,
    said_of,
)

__all__ = ["BOX_COLUMNS", "FILE", "read_rows", "read_table", "write_singles", "write_table"]

FILE = "labels.csv"
BOX_COLUMNS = ("x0", "y0", "x1", "y1")


def read_rows(src: Path) -> tuple[tuple[str, ...], list[tuple[str, dict[str, str]]]]:
    """The columns of ``labels.csv``, and each row with its name ("row 12").

    Raises:
        BadInput: no such file, no text, or no columns image and label.
    """
    file = src / FILE
    try:
        text = file.read_bytes().decode("utf-8-sig")
        rows = csv.DictReader(io.StringIO(text, newline=""), restval="")
        columns = tuple(rows.fieldnames or ())
        read = [(f"row {rows.line_num}", {key: row[key] for key in columns}) for row in rows]
    except OSError as error:
        raise BadInput(file, f"cannot be read ({error.strerror})") from error
    except (csv.Error, ValueError) as error:
        raise BadInput(file, f"not a table ({error})", "save it as CSV in UTF-8") from error
    if not {"image", "label"} <= set(columns):
        raise BadInput(file, "its first line must name the columns image and label")
    return columns, read


def read_table(src: Path) -> Iterator[Entry]:
    """The rows of ``labels.csv`` as single cells, or as fields where it has boxes; raises as `read_rows` does."""
    columns, rows = read_rows(src)
    if set(BOX_COLUMNS) <= set(columns):
        yield from _fields(src, rows)
        return
    for row, got in rows:
        try:
            label = label_from_name(got["label"])
            image = photograph(src, got["image"], (src / "images", src))
        except BadInput as error:
            yield Fault(str(src / FILE), row, error.fault, error.remedy)
            continue
        mask = mask_of(src, got["image"], {})
        yield Single(str(src / FILE), image, got["image"], label, got.get("smear", ""), mask, row)


def box_of(row: dict[str, str]) -> list[int]:
    """The box of a row; raises `BadInput` where a corner is no number."""
    try:
        return [round(float(row[key])) for key in BOX_COLUMNS]
    except (ValueError, OverflowError) as error:
        corners = ", ".join(row[key] for key in BOX_COLUMNS)
        raise BadInput(FILE, f"box {corners!r} is not four numbers", "write x0, y0, x1, y1") from error


def _riding(text: str | None) -> dict[str, Any]:
    try:
        data = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise BadInput(FILE, f"not JSON in the column cell or field ({error})", "empty it") from error
    return data if isinstance(data, dict) else {}


def _fields(src: Path, rows: Sequence[tuple[str, dict[str, str]]]) -> Iterator[Entry]:
    by_image: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for row, got in rows:
        by_image.setdefault(got["image"], []).append((row, got))
    for name, mine in by_image.items():
        cells, names = [], []
        facts: dict[str, Any] = {}
        for row, got in mine:
            try:
                facts |= _riding(got.get("field"))
                if got["label"] or any(got[key] for key in BOX_COLUMNS):
                    said = _riding(got.get("cell"))
                    cells.append(cell_json(box_of(got), got["label"] or WHITE_CELL, "csv", said))
                    names.append(row)
            except BadInput as error:
                yield Fault(str(src / FILE), row, error.fault, error.remedy)
        if "smear" not in facts and mine[0][1].get("smear"):
            facts["smear"] = {"id": mine[0][1]["smear"]}
        try:
            image = photograph(src, name, (src / "images", src))
        except BadInput as error:
            yield Fault(str(src / FILE), mine[0][0], error.fault, error.remedy)
            continue
        mask = mask_of(src, name, facts)
        yield Marked(str(src / FILE), image, name, tuple(cells), tuple(names), None, facts, mask)


def _write(out: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    write_whole(out / FILE, text.getvalue().encode())


def write_table(out: Path, fields: Sequence[Exported], classes: ClassSet) -> None:
    """Writes ``labels.csv`` with a row for each box; the photographs go to ``images/``."""
    rows: list[tuple[object, ...]] = []
    for entry in fields:
        smear, facts = entry.record.smear.id, json.dumps(facts_of(entry.record))
        mine: list[tuple[object, ...]] = [
            (
                entry.name,
                "" if classes.of(cell) == WHITE_CELL else classes.of(cell),
                smear,
                *cell.box,
                json.dumps(said_of(cell)),
            )
            for cell in entry.record.cells
        ] or [(entry.name, "", smear, "", "", "", "", "")]
        rows += [(*row, "" if number else facts) for number, row in enumerate(mine)]
    _write(out, ("image", "label", "smear", *BOX_COLUMNS, "cell", "field"), rows)


def write_singles(out: Path, rows: Sequence[tuple[str, str, str]]) -> None:
    """Writes ``labels.csv`` of single cells: image, label, smear."""
    _write(out, ("image", "label", "smear"), rows)
