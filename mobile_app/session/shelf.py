"""All sessions of an installation: made, found, opened, gone on with, renamed, deleted."""

from __future__ import annotations

import json
import time
import unicodedata
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Optional, Tuple

from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import Microscope, Smear
from mobile_app.session.rows import positive
from mobile_app.session.session import Session
from mobile_app.session.store import Store
from mobile_app.session.tally import TARGETS, WHITE_LABELS, check_classes

__all__ = ["Listed", "Setup", "Shelf"]


@dataclass(frozen=True)
class Setup:
    """What a session is about.

    Attributes:
        name: what people call it.
        um_per_px: micrometres of the slide that a pixel spans, or None before it is calibrated.
        target: cells to count, of `tally.TARGETS`.
        classes: labels that count, of `tally.WHITE_LABELS`.
    """

    name: str
    smear: Smear = Smear()
    microscope: Microscope = Microscope()
    camera: str = ""
    um_per_px: Optional[float] = None
    target: int = 100
    classes: Tuple[str, ...] = WHITE_LABELS


@dataclass(frozen=True)
class Listed:
    """A session in the list.

    Attributes:
        expert: who began it.
        began: seconds since 1970 by the phone's clock, which may be wrong.
        fields, cells, taps: how many there are.
    """

    id: int
    setup: Setup
    expert: str
    began: float
    fields: int
    cells: int
    taps: int


class Shelf:
    """The sessions of a store; the last one begun comes first, whatever the clock says."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def create(self, setup: Setup, expert: str) -> Session:
        """Begins a session and opens it; raises `BadInput` for a setup or an expert's name that will not do."""
        values = _columns(setup)
        values.update(expert=_text("expert", expert, needed=True), at=time.time())
        with self.store.write() as db:
            sql = f"INSERT INTO session ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"
            number = int(db.execute(sql, tuple(values.values())).lastrowid or 0)
        return self.open(number, expert)

    def open(self, session: int, expert: str) -> Session:
        """Opens a session for an expert, who sees nothing of what the others said, and remembers it for `resume`."""
        self.listed(session)
        expert = _text("expert", expert, needed=True)
        self.store.set("open", json.dumps([session, expert]))
        return Session(self.store, session, expert)

    def resume(self) -> Optional[Session]:
        """The session that was open last, or None; its `next_unlabelled()` is where the expert stopped."""
        kept = self.store.setting("open")
        if kept is None:
            return None
        session, expert = json.loads(kept)
        there = self.store.one("SELECT 1 FROM session WHERE id = ?", session)
        return Session(self.store, session, expert) if there else None

    def listed(self, session: int) -> Listed:
        """One session; raises `BadInput` where there is none of this number."""
        row = self.store.one(f"{_LIST} WHERE s.id = ?", session)
        if row is None:
            raise BadInput("session", f"there is no session {session}", "it was deleted")
        return _listed(row)

    def called(self, session: int) -> Tuple[str, str]:
        """A session's name and its smear; raises as `listed`, whose counts it does without."""
        row = self.store.one("SELECT name, smear FROM session WHERE id = ?", session)
        if row is None:
            raise BadInput("session", f"there is no session {session}", "it was deleted")
        return row["name"], row["smear"]

    def find(self, search: str = "", before: Optional[int] = None, limit: int = 50) -> List[Listed]:
        """Sessions begun before one that hold `search` in their name, smear, stain, disease, camera or expert."""
        held = "s.name || char(10) || s.smear || char(10) || s.stain || char(10) || s.disease || char(10) || s.camera"
        where = f"instr(folded({held} || char(10) || s.expert), folded(?)) AND s.id < ?"
        last = before if before is not None else 2**62
        sql = f"{_LIST} WHERE {where} ORDER BY s.id DESC LIMIT ?"
        return [_listed(row) for row in self.store.read(sql, _text("search", search), last, limit)]

    def edit(self, session: int, setup: Setup) -> None:
        """Changes what a session is about; a field keeps the scale it was taken with, if any. Raises as `create`."""
        self.listed(session)
        values = _columns(setup)
        with self.store.write() as db:
            sql = f"UPDATE session SET {', '.join(f'{key} = ?' for key in values)} WHERE id = ?"
            db.execute(sql, (*values.values(), session))

    def rename(self, session: int, name: str) -> None:
        """Gives a session another name."""
        self.edit(session, replace(self.listed(session).setup, name=name))

    def usual(self) -> Setup:
        """What the next session is about unless told otherwise: its name and its slide are for it to say."""
        kept = json.loads(self.store.setting("usual") or "{}")
        return replace(_setup({**_columns(Setup("-")), **kept}), name="")

    def set_usual(self, setup: Setup) -> None:
        """Keeps a session's setup, without its name, smear and disease, for those to come; raises as `create`."""
        plain = replace(setup, name="-", smear=Smear(stain=setup.smear.stain))
        self.store.set("usual", json.dumps(_columns(plain)))

    def delete(self, session: int, confirm: bool) -> None:
        """Deletes a session with its photographs, for good; refused as `BadInput` unless `confirm` is True."""
        name = self.listed(session).setup.name
        if confirm is not True:
            raise BadInput("session", f"{name!r} is not deleted", "confirm it")
        with self.store.write() as db:
            db.execute("DELETE FROM session WHERE id = ?", (session,))
        self.store.sweep()


_LIST = (
    "SELECT s.*, (SELECT count(*) FROM field WHERE session = s.id AND gone = 0) AS fields,"
    " (SELECT count(*) FROM cell WHERE session = s.id AND gone = 0) AS cells,"
    " (SELECT count(*) FROM tap WHERE session = s.id AND gone = 0) AS taps FROM session s"
)


def _listed(row: Any) -> Listed:
    return Listed(row["id"], _setup(row), row["expert"], row["at"], row["fields"], row["cells"], row["taps"])


def _setup(row: Any) -> Setup:
    return Setup(
        row["name"],
        Smear(row["smear"], row["stain"], row["disease"]),
        Microscope(row["microscope"], row["magnification"]),
        row["camera"],
        row["um_per_px"],
        row["target"],
        tuple(row["classes"].split()),
    )


def _columns(setup: Setup) -> Dict[str, Any]:
    if setup.target not in TARGETS:
        raise BadInput("target", f"{setup.target} is none", f"choose {', '.join(map(str, TARGETS))}")
    return {
        "name": _text("name", setup.name, needed=True),
        "smear": _text("smear", setup.smear.id),
        "stain": _text("stain", setup.smear.stain),
        "disease": _text("disease", setup.smear.disease),
        "microscope": _text("microscope", setup.microscope.type),
        "magnification": positive("magnification", setup.microscope.magnification),
        "camera": _text("camera", setup.camera),
        "um_per_px": positive("um_per_px", setup.um_per_px),
        "target": setup.target,
        "classes": " ".join(check_classes(setup.classes)),
    }


def _text(what: str, text: str, needed: bool = False) -> str:
    # One spelling of a name: keyboards differ in how they compose letters.
    plain = unicodedata.normalize("NFC", text).strip()
    if needed and not plain:
        raise BadInput(what, "is empty", "type a name")
    try:
        plain.encode()
    except UnicodeEncodeError as error:
        raise BadInput(what, "holds half a character", "type it again") from error
    return plain
