"""A session's fields and cells as they are told, and the rows they are read from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import Cell, Field, Microscope, Smear
from mobile_app.session.store import Store

__all__ = ["CELLS", "FIELDS", "MarkedCell", "Suggestion", "TakenField", "marked", "positive", "taken"]

FIELDS = (
    "SELECT f.id, f.sha256, f.suffix, f.width, f.height, f.light, f.focus,"
    " coalesce(f.um_per_px, s.um_per_px) AS um_per_px,"
    " s.smear, s.stain, s.disease, s.microscope, s.magnification, s.camera"
    " FROM field f JOIN session s ON s.id = f.session"
)
CELLS = "SELECT c.*, v.label FROM cell c LEFT JOIN vote v ON v.cell = c.id AND v.expert = ?"


@dataclass(frozen=True)
class Suggestion:
    """What a pack says of a cell: never a label until a person has said so.

    Attributes:
        score: its probability, 0 to 1.
        pack: the pack's name.
    """

    label: str
    score: float
    pack: str


@dataclass(frozen=True)
class MarkedCell:
    """A cell of a session.

    Attributes:
        id: its number; cells keep the order they came in.
        field: its field's number.
        cell: as the contract has it, with this expert's vote alone.
        label: what this expert said, or None.
        suggestion: what the pack said, or None.
    """

    id: int
    field: int
    cell: Cell
    label: Optional[str]
    suggestion: Optional[Suggestion]


@dataclass(frozen=True)
class TakenField:
    """A field of a session.

    Attributes:
        id: its number; fields keep the order they were taken in.
        record: as the contract has it, without its cells (see `Session.record`).
        photograph: the file of its photograph.
        light: the file of the light that is divided out of it, or None.
        focus: the focus score it was taken with, or None.
    """

    id: int
    record: Field
    photograph: Path
    light: Optional[Path]
    focus: Optional[float]


def taken(store: Store, row: Any) -> TakenField:
    """A row of `FIELDS`."""
    record = Field(
        f"images/{row['sha256']}{row['suffix']}",
        row["width"],
        row["height"],
        (),
        Smear(row["smear"], row["stain"], row["disease"]),
        Microscope(row["microscope"], row["magnification"]),
        row["camera"],
        row["um_per_px"],
        f"light/{row['light']}.png" if row["light"] else "",
    )
    light = store.photograph(row["light"], ".png") if row["light"] else None
    return TakenField(row["id"], record, store.photograph(row["sha256"], row["suffix"]), light, row["focus"])


def marked(row: Any, expert: str) -> MarkedCell:
    """A row of `CELLS`, asked for this expert."""
    label, suggestion = row["label"], None
    if row["suggestion"] is not None:
        suggestion = Suggestion(row["suggestion"], row["suggestion_score"], row["pack"])
    box = (row["x0"], row["y0"], row["x1"], row["y1"])
    cell = Cell(box, {} if label is None else {expert: label}, row["score"], bool(row["cut"]))
    return MarkedCell(row["id"], row["field"], cell, label, suggestion)


def positive(what: str, value: Optional[float]) -> Optional[float]:
    """A positive number or None, which is what the record can say; raises `BadInput` for any other."""
    if value is None:
        return None
    if not 0 < value < float("inf"):
        raise BadInput(what, f"{value} is no positive number", "type it again or leave it empty")
    return float(value)
