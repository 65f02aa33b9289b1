"""The undo log: every act is the rows it changed, before and after, in the transaction that changed them.

Each expert undoes and redoes their own acts in a session. A row that someone else has changed since is left alone,
and a cell that another expert has labelled stays where it is: no undo takes away what somebody else said.
"""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

from edge_wbc.core.errors import BadInput

__all__ = ["Act", "Change", "act", "step"]

Change = Tuple[str, int, Dict[str, Any], Dict[str, Any]]
"""Table, row, what its columns held, what they hold now; rows come and go by their column `gone`."""


@dataclass(frozen=True)
class Act:
    """What an expert did: "field", "cells", "place", "move", "remove", "remove field", "vote" or "tap"; and where."""

    kind: str
    field: Optional[int] = None
    cell: Optional[int] = None


def act(db: sqlite3.Connection, session: int, expert: str, what: Act, changes: Sequence[Change]) -> None:
    """Makes the changes and logs them; what was undone before cannot be redone any more.

    Raises:
        BadInput: another expert's work stands against it.
    """
    _apply(db, expert, changes)
    db.execute("DELETE FROM act WHERE session = ? AND expert = ? AND undone = 1", (session, expert))
    row = (session, expert, what.kind, what.field, what.cell, json.dumps(changes), time.time())
    db.execute("INSERT INTO act (session, expert, kind, field, cell, changes, at) VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def step(db: sqlite3.Connection, session: int, expert: str, back: bool) -> Optional[Act]:
    """Undoes the expert's latest act, or redoes the one undone last; None where there is none. Raises as `act`."""
    latest = "undone = 0 ORDER BY id DESC" if back else "undone = 1 ORDER BY id"
    sql = f"SELECT * FROM act WHERE session = ? AND expert = ? AND {latest} LIMIT 1"
    row = db.execute(sql, (session, expert)).fetchone()
    if row is None:
        return None
    changes: List[Change] = [tuple(change) for change in json.loads(row["changes"])]
    if back:
        changes = [(table, number, after, before) for table, number, before, after in reversed(changes)]
    _apply(db, expert, changes)
    db.execute("UPDATE act SET undone = ? WHERE id = ?", (int(back), row["id"]))
    return Act(row["kind"], row["field"], row["cell"])


def _apply(db: sqlite3.Connection, expert: str, changes: Sequence[Change]) -> None:
    for table, number, before, after in changes:
        put = ", ".join(f"{column} = ?" for column in after)
        held = " AND ".join(f"{column} IS ?" for column in before)
        done = db.execute(
            f"UPDATE {table} SET {put} WHERE id = ? AND {held}", (*after.values(), number, *before.values())
        )
        if done.rowcount != 1:
            raise BadInput(table, "another expert has changed it since", "leave it as it is")
    for table, number, _, after in changes:
        _check(db, expert, table, number, after)


def _check(db: sqlite3.Connection, expert: str, table: str, number: int, after: Dict[str, Any]) -> None:
    def any_row(sql: str, *values: object) -> bool:
        return db.execute(f"SELECT 1 FROM {sql} LIMIT 1", values).fetchone() is not None

    if table == "cell" and after.get("gone") == 0:
        if any_row("cell c JOIN field f ON f.id = c.field WHERE c.id = ? AND f.gone = 1", number):
            raise BadInput("cell", "its field was removed", "take the field again")
    elif table == "cell":
        if any_row("vote WHERE cell = ? AND expert != ? AND label IS NOT NULL", number, expert):
            raise BadInput("cell", "another expert has labelled it", "call it an artifact if it is no cell")
        if after.get("gone") == 1 and any_row("outline WHERE cell = ? AND expert != ?", number, expert):
            raise BadInput("cell", "another expert has outlined it", "call it an artifact if it is no cell")
    elif table == "field" and after["gone"] == 1:
        if any_row("cell WHERE field = ? AND gone = 0", number):
            raise BadInput("field", "another expert has marked cells in it", "leave it as it is")
    elif table == "vote" and any_row("vote v JOIN cell c ON c.id = v.cell WHERE v.id = ? AND c.gone = 1", number):
        raise BadInput("cell", "it was removed", "go on with the next one")
