"""One labelling session as one expert sees it: fields, cells, this expert's labels and taps, and their undoing.

Two experts label the same session blind to each other: everything here answers with this expert's labels alone.
Fields and cells are shared. Every method that changes something has it on the disk when it returns.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Dict, List, Optional, Sequence, Tuple

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import LARGEST_IMAGE, header_size
from edge_wbc.core.records import Box, Cell, Field
from edge_wbc.core.taxonomy import LABELS, nearest_label
from mobile_app.session.acts import Act, Change, act, step
from mobile_app.session.rows import CELLS, FIELDS, MarkedCell, Suggestion, TakenField, marked, positive, taken
from mobile_app.session.store import Store

__all__ = ["Session"]


class Session:
    """A session opened by one expert; `Shelf` makes and opens them.

    Every method raises `BadInput`, with everything before it kept, where the storage fails.
    """

    def __init__(self, store: Store, number: int, expert: str) -> None:
        self.store, self.id, self.expert = store, number, expert

    # Fields

    def add_field(
        self,
        photograph: bytes,
        size: Tuple[int, int],
        cells: Sequence[Cell] = (),
        suggestions: Sequence[Optional[Suggestion]] = (),
        um_per_px: Optional[float] = None,
        focus: Optional[float] = None,
        light: Optional[bytes] = None,
    ) -> int:
        """Keeps a photograph, and the cells the finder saw in it, as one act.

        Args:
            photograph: the encoded file as it came, JPEG, PNG, BMP or TIFF.
            size: width and height as it is shown.
            cells: without votes.
            suggestions: as in `add_cells`.
            um_per_px: where it differs from the session's; one taken before calibration gets the session's later.
            light: the file of the light that was divided out of it (`core.light.Light.png`), kept once.

        Returns:
            The field's number.

        Raises:
            BadInput: no photograph, of another size, there already, or a cell outside it.
        """
        claimed = header_size(photograph)
        if claimed is None or not 0 < claimed[0] * claimed[1] <= LARGEST_IMAGE:
            raise BadInput("photograph", "neither JPEG, PNG, BMP nor TIFF, or far too large", "take it again")
        if sorted(claimed) != sorted(size):  # EXIF may turn it
            raise BadInput("photograph", f"is {claimed[0]} x {claimed[1]}, not {size[0]} x {size[1]}", "take it again")
        scale = positive("um_per_px", um_per_px)
        with self.store.write() as db:
            sha256, suffix = self.store.keep_photograph(photograph)
            if scale is None:
                sql = "SELECT um_per_px FROM session WHERE id = ?"
                scale = db.execute(sql, (self.id,)).fetchone()["um_per_px"]
            lit = "" if light is None else self.store.keep_photograph(light)[0]
            added = db.execute(
                "INSERT INTO field (session, sha256, suffix, width, height, um_per_px, light, focus, at, gone)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
                (self.id, sha256, suffix, *size, scale, lit, focus, time.time()),
            ).lastrowid
            number = int(added or 0)
            changes: List[Change] = [("field", number, {"gone": 1}, {"gone": 0})]
            changes += self._inserted(db, number, size, cells, suggestions)
            act(db, self.id, self.expert, Act("field", number), changes)
        return number

    def remove_field(self, field: int) -> None:
        """Removes a field with its cells as one act; raises `BadInput` where another expert has labelled one."""
        with self.store.write() as db:
            self._field_row(field)
            rows = db.execute("SELECT id FROM cell WHERE field = ? AND gone = 0", (field,)).fetchall()
            changes: List[Change] = [("cell", row["id"], {"gone": 0}, {"gone": 1}) for row in rows]
            changes.append(("field", field, {"gone": 0}, {"gone": 1}))
            act(db, self.id, self.expert, Act("remove field", field), changes)

    def field(self, field: int) -> TakenField:
        """A field; raises `BadInput` where the session has no such field."""
        return taken(self.store, self._field_row(field))

    def fields(self, after: int = 0, limit: int = 50) -> List[TakenField]:
        """The fields after one, in the order they were taken in."""
        sql = f"{FIELDS} WHERE f.session = ? AND f.gone = 0 AND f.id > ? ORDER BY f.id LIMIT ?"
        return [taken(self.store, row) for row in self.store.read(sql, self.id, after, limit)]

    def record(self, field: int) -> Field:
        """A field's record with its cells and this expert's votes."""
        cells = tuple(one.cell for one in self.cells(field, limit=-1))
        return replace(self.field(field).record, cells=cells)

    # Cells

    def add_cells(
        self, field: int, cells: Sequence[Cell], suggestions: Sequence[Optional[Suggestion]] = ()
    ) -> List[int]:
        """Marks what the finder saw in a field as one act.

        Args:
            cells: without votes.
            suggestions: one a cell, or none at all.

        Returns:
            The cells' numbers.
        """
        return self._add(Act("cells", field), cells, suggestions)

    def place(self, field: int, box: Box) -> int:
        """Marks a cell by hand and returns its number; raises `BadInput` for a box outside the field or too small."""
        return self._add(Act("place", field), [Cell(box)], ())[0]

    def move(self, cell: int, box: Box) -> None:
        """Gives a cell another box; raises as `place`, and where another expert has labelled it."""
        with self.store.write() as db:
            row = self._cell_row(cell)
            field = self._field_row(row["field"])
            before = {side: row[side] for side in _SIDES}
            after = dict(zip(_SIDES, _checked(box, (field["width"], field["height"]))))
            if after != before:
                act(db, self.id, self.expert, Act("move", row["field"], cell), [("cell", cell, before, after)])

    def remove(self, cell: int) -> None:
        """Removes a cell; raises `BadInput` where another expert has labelled it."""
        with self.store.write() as db:
            where = Act("remove", self._cell_row(cell)["field"], cell)
            act(db, self.id, self.expert, where, [("cell", cell, {"gone": 0}, {"gone": 1})])

    def suggest(self, cell: int, suggestion: Optional[Suggestion]) -> None:
        """Keeps what a pack says of a cell; not an act, for no person did it."""
        with self.store.write() as db:
            sql = "UPDATE cell SET suggestion = ?, suggestion_score = ?, pack = ? WHERE id = ? AND session = ?"
            db.execute(sql, (*_said(suggestion), cell, self.id))

    def cell(self, cell: int) -> MarkedCell:
        """A cell; raises `BadInput` where the session has no such cell."""
        return marked(self._cell_row(cell), self.expert)

    def cells(
        self, field: Optional[int] = None, label: Optional[str] = None, after: int = 0, limit: int = 50
    ) -> List[MarkedCell]:
        """The cells after one, in the order they came in: of a field, with a label; all of them where limit is -1."""
        asked = {"c.field": field, "v.label": label}
        values = [value for value in asked.values() if value is not None]
        where = "".join(f" AND {column} = ?" for column, value in asked.items() if value is not None)
        sql = f"{CELLS} WHERE c.session = ? AND c.gone = 0 AND c.id > ?{where} ORDER BY c.id LIMIT ?"
        return [marked(row, self.expert) for row in self.store.read(sql, self.expert, self.id, after, *values, limit)]

    def next_cell(self, after: int = 0) -> Optional[int]:
        """The cell after one, or None at the end."""
        sql = "SELECT min(id) AS id FROM cell WHERE session = ? AND gone = 0 AND id > ?"
        return self.store.read(sql, self.id, after)[0]["id"]

    def previous_cell(self, before: int) -> Optional[int]:
        """The cell before one, or None at the start."""
        sql = "SELECT max(id) AS id FROM cell WHERE session = ? AND gone = 0 AND id < ?"
        return self.store.read(sql, self.id, before)[0]["id"]

    def place_of(self, cell: int) -> int:
        """Which of the session's cells one is, from 1."""
        sql = "SELECT count(*) AS place FROM cell WHERE session = ? AND gone = 0 AND id <= ?"
        return self.store.read(sql, self.id, cell)[0]["place"]

    def place_of_field(self, field: int) -> int:
        """Which of the session's fields one is, from 1."""
        sql = "SELECT count(*) AS place FROM field WHERE session = ? AND gone = 0 AND id <= ?"
        return self.store.read(sql, self.id, field)[0]["place"]

    def next_unlabelled(self, after: int = 0) -> Optional[int]:
        """The next cell this expert has not labelled, from the start again when there is none after `after`."""
        sql = (
            "SELECT c.id FROM cell c LEFT JOIN vote v ON v.cell = c.id AND v.expert = ?"
            " WHERE c.session = ? AND c.gone = 0 AND v.label IS NULL AND c.id > ? ORDER BY c.id LIMIT 1"
        )
        row = self.store.one(sql, self.expert, self.id, after)
        if row is None and after:
            row = self.store.one(sql, self.expert, self.id, 0)
        return row["id"] if row else None

    # Labels

    def vote(self, cell: int, label: str) -> None:
        """Says what a cell is, "not_recognised" included, or something else than before; the same again is no act.

        Raises:
            BadInput: an unknown label, or a cell that was removed.
        """
        _check_label(label)
        with self.store.write() as db:
            field = self._cell_row(cell)["field"]
            sql = "INSERT OR IGNORE INTO vote (session, cell, expert, label, at) VALUES (?, ?, ?, NULL, ?)"
            db.execute(sql, (self.id, cell, self.expert, time.time()))
            sql = "SELECT id, label FROM vote WHERE cell = ? AND expert = ?"
            row = db.execute(sql, (cell, self.expert)).fetchone()
            if row["label"] != label:
                change: Change = ("vote", row["id"], {"label": row["label"]}, {"label": label})
                act(db, self.id, self.expert, Act("vote", field, cell), [change])

    def tap(self, label: str) -> None:
        """Counts a cell seen through the ocular without a photograph: the manual counter."""
        _check_label(label)
        with self.store.write() as db:
            sql = "INSERT INTO tap (session, expert, label, at, gone) VALUES (?, ?, ?, ?, 1)"
            number = db.execute(sql, (self.id, self.expert, label, time.time())).lastrowid
            act(db, self.id, self.expert, Act("tap"), [("tap", int(number or 0), {"gone": 1}, {"gone": 0})])

    def counts(self, cells: bool = True, taps: bool = True) -> Dict[str, int]:
        """Label -> how often this expert said it of a cell, by the manual counter, or both."""
        asked = []
        if cells:
            asked.append(
                "SELECT v.label AS label, count(*) AS count FROM vote v JOIN cell c ON c.id = v.cell AND c.gone = 0"
                " WHERE v.session = ? AND v.expert = ? AND v.label IS NOT NULL GROUP BY v.label"
            )
        if taps:
            asked.append(
                "SELECT label, count(*) AS count FROM tap WHERE session = ? AND expert = ? AND gone = 0 GROUP BY label"
            )
        found = dict.fromkeys(LABELS, 0)
        for sql in asked:
            for row in self.store.read(sql, self.id, self.expert):
                found[row["label"]] += row["count"]
        return {label: count for label, count in found.items() if count}

    def progress(self) -> Tuple[int, int]:
        """How many cells this expert has labelled, and how many there are."""
        row = self.store.read("SELECT count(*) AS cells FROM cell WHERE session = ? AND gone = 0", self.id)[0]
        return sum(self.counts(taps=False).values()), row["cells"]

    # Undo

    def undo(self) -> Optional[Act]:
        """Undoes this expert's latest act and says what it was; None where there is none.

        Raises:
            BadInput: another expert has changed or labelled the same cell since.
        """
        with self.store.write() as db:
            return step(db, self.id, self.expert, back=True)

    def redo(self) -> Optional[Act]:
        """Does again what was undone last; None where there is none, or something else was done since."""
        with self.store.write() as db:
            return step(db, self.id, self.expert, back=False)

    def undoable(self) -> Tuple[bool, bool]:
        """Whether there is something to undo, and something to redo."""
        sql = "SELECT DISTINCT undone FROM act WHERE session = ? AND expert = ?"
        found = {row["undone"] for row in self.store.read(sql, self.id, self.expert)}
        return 0 in found, 1 in found

    # Rows

    def _add(self, what: Act, cells: Sequence[Cell], suggestions: Sequence[Optional[Suggestion]]) -> List[int]:
        with self.store.write() as db:
            row = self._field_row(what.field or 0)
            changes = self._inserted(db, row["id"], (row["width"], row["height"]), cells, suggestions)
            numbers = [number for _, number, _, _ in changes]
            if changes:
                act(db, self.id, self.expert, replace(what, cell=numbers[0]), changes)
        return numbers

    def _inserted(
        self,
        db: Any,
        field: int,
        size: Tuple[int, int],
        cells: Sequence[Cell],
        suggestions: Sequence[Optional[Suggestion]],
    ) -> List[Change]:
        if suggestions and len(suggestions) != len(cells):
            raise ValueError(f"{len(suggestions)} suggestions for {len(cells)} cells")
        changes: List[Change] = []
        for cell, suggestion in zip(cells, suggestions or [None] * len(cells)):
            if cell.votes or not 0 <= (cell.score or 0) <= 1:
                raise ValueError(f"a found cell has no votes and a score of 0 to 1: {cell}")
            box, score = _checked(cell.box, size), None if cell.score is None else float(cell.score)
            number = db.execute(
                "INSERT INTO cell (session, field, x0, y0, x1, y1, score, cut, suggestion, suggestion_score, pack, at,"
                " gone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
                (self.id, field, *box, score, int(cell.cut), *_said(suggestion), time.time()),
            ).lastrowid
            changes.append(("cell", number, {"gone": 1}, {"gone": 0}))
        return changes

    def _field_row(self, field: int) -> Any:
        row = self.store.one(f"{FIELDS} WHERE f.session = ? AND f.gone = 0 AND f.id = ?", self.id, field)
        if row is None:
            raise BadInput("field", f"this session has no field {field}", "it was removed")
        return row

    def _cell_row(self, cell: int) -> Any:
        row = self.store.one(f"{CELLS} WHERE c.session = ? AND c.gone = 0 AND c.id = ?", self.expert, self.id, cell)
        if row is None:
            raise BadInput("cell", f"this session has no cell {cell}", "it was removed")
        return row


_SIDES = ("x0", "y0", "x1", "y1")


def _said(suggestion: Optional[Suggestion]) -> Tuple[Optional[str], Optional[float], Optional[str]]:
    if suggestion is None:
        return None, None, None
    return suggestion.label, float(suggestion.score), suggestion.pack


def _check_label(label: str) -> None:
    if label not in LABELS:
        raise BadInput("label", f"unknown label {label!r}", nearest_label(label))


def _checked(box: Box, size: Tuple[int, int]) -> Box:
    x0, y0, x1, y1 = (int(side) for side in box)
    # A box of one pixel is a slip of the finger, and the lab's import refuses it as such.
    if not (0 <= x0 and 0 <= y0 and x0 + 2 <= x1 <= size[0] and y0 + 2 <= y1 <= size[1]):
        fault = f"box {[x0, y0, x1, y1]} is too small or outside the {size[0]} x {size[1]} field"
        raise BadInput("cell", fault, "place it again")
    return x0, y0, x1, y1
