"""The outlines of a session's cells, each expert's own: kept in the database at every stroke, as labels are."""

from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import Box
from mobile_app.session.session import Session
from mobile_app.tracing.outline import LARGEST, Facts, Outline

__all__ = ["AROUND", "SessionOutlines", "outline_of", "window"]

AROUND = 1.7
"""What is shown and outlined round a cell, in its box's longer sides."""


class SessionOutlines:
    """What the session's expert has outlined; what others have stays unseen.

    Args:
        photograph: gives a field's photograph, (H, W, 3) uint8 RGB, by its number.

    Every method raises `BadInput`, with everything before it kept, where the storage fails or the cell is gone.
    """

    def __init__(self, session: Session, photograph: Callable[[int], np.ndarray]) -> None:
        self._session, self._photograph = session, photograph
        self.person = session.expert
        self.next_cell, self.previous_cell = session.next_cell, session.previous_cell
        self.place_of = session.place_of

    @property
    def whose(self) -> Tuple[object, ...]:
        """Which cells these are, and whose outlines."""
        return self._session.id, self.person

    def next_open(self) -> Optional[int]:
        """The first cell without an outline, or None."""
        sql = (
            "SELECT min(c.id) AS id FROM cell c LEFT JOIN outline o ON o.cell = c.id AND o.expert = ?"
            " WHERE c.session = ? AND c.gone = 0 AND o.id IS NULL"
        )
        return self._session.store.read(sql, self.person, self._session.id)[0]["id"]

    def progress(self) -> Tuple[int, int]:
        """How many cells have an outline, and how many there are."""
        sql = (
            "SELECT count(o.id) AS done, count(*) AS cells FROM cell c"
            " LEFT JOIN outline o ON o.cell = c.id AND o.expert = ? WHERE c.session = ? AND c.gone = 0"
        )
        row = self._session.store.read(sql, self.person, self._session.id)[0]
        return row["done"], row["cells"]

    def title(self, cell: int) -> str:
        """What a cell is called: nothing, it has a place alone."""
        return ""

    def label(self, cell: int) -> str:
        """What the expert calls a cell, or ""."""
        return self._session.cell(cell).label or ""

    def crop(self, cell: int) -> np.ndarray:
        """A cell with what is round it, (H, W, 3) uint8 RGB: the photograph's own pixels, as far as it goes.

        The window of an outlined cell stays, though its box be moved.
        """
        one, row = self._session.cell(cell), self._row(cell)
        rgb = self._photograph(one.field)
        size = rgb.shape[1], rgb.shape[0]
        x0, y0, x1, y1 = window(one.cell.box, size) if row is None else _box(row)
        return rgb[y0:y1, x0:x1]

    def kept(self, cell: int) -> Optional[Outline]:
        """A cell's outline, or None."""
        row = self._row(cell)
        return None if row is None else outline_of(row)

    def keep(self, cell: int, outline: Optional[Outline]) -> None:
        """Keeps an outline in place of the one before, or removes it; on the disk when it returns."""
        session = self._session
        one = session.cell(cell)
        if outline is None:
            with session.store.write() as db:
                db.execute("DELETE FROM outline WHERE cell = ? AND expert = ?", (cell, self.person))
            return
        row, record = self._row(cell), session.field(one.field).record
        box = window(one.cell.box, (record.width, record.height)) if row is None else _box(row)
        if outline.picture.shape != (box[3] - box[1], box[2] - box[0]):
            raise BadInput("outline", "the cell was moved while it was drawn", "draw it again")
        facts = outline.facts
        with session.store.write() as db:
            db.execute(
                "INSERT INTO outline (session, cell, expert, x0, y0, x1, y1, mask, nucleus, whole, threshold, strokes,"
                " at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (cell, expert) DO UPDATE SET mask = excluded.mask, nucleus = excluded.nucleus,"
                " whole = excluded.whole, threshold = excluded.threshold, strokes = excluded.strokes, at = excluded.at",
                (
                    *(session.id, cell, self.person, *box, cv2.imencode(".png", outline.picture)[1].tobytes()),
                    *(facts.nucleus, facts.cell, facts.threshold, facts.strokes, outline.at),
                ),
            )

    def _row(self, cell: int) -> Any:
        return self._session.store.one("SELECT * FROM outline WHERE cell = ? AND expert = ?", cell, self.person)


def window(box: Box, size: Tuple[int, int]) -> Box:
    """The square round a cell's box that is outlined, as far as the photograph of this width and height goes.

    Raises:
        BadInput: larger than a crop may be.
    """
    half = round(AROUND * max(box[2] - box[0], box[3] - box[1]) / 2)
    x, y = (box[0] + box[2]) // 2, (box[1] + box[3]) // 2
    found = max(x - half, 0), max(y - half, 0), min(x + half, size[0]), min(y + half, size[1])
    if max(found[2] - found[0], found[3] - found[1]) > LARGEST:
        raise BadInput("cell", "its box is too large to be outlined", "make it smaller on Mark field")
    return found


def outline_of(row: Any) -> Outline:
    """A row of the table; raises `BadInput` where its mask is damaged."""
    box = _box(row)
    picture = cv2.imdecode(np.frombuffer(row["mask"], np.uint8), cv2.IMREAD_GRAYSCALE)
    if picture is None or picture.shape != (box[3] - box[1], box[2] - box[0]):
        raise BadInput("outline", "is damaged", "remove its cell on Mark field and place it again")
    facts = Facts(row["nucleus"], row["whole"], row["threshold"], row["strokes"])
    return Outline(picture, row["expert"], facts, row["at"])


def _box(row: Any) -> Box:
    return row["x0"], row["y0"], row["x1"], row["y1"]
