"""A session on its way out: one zip of the contract's records for the lab, one table for a spreadsheet.

The zip holds what every expert said and is the lab's; the table holds what one expert said. The same session makes
the same zip, byte for byte, so that sending it again is sending nothing new.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import unicodedata
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Optional, Tuple

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import whole_file
from edge_wbc.core.images import decode_image
from edge_wbc.core.records import Cell, Field, field_to_json
from mobile_app.session.outlines import outline_of
from mobile_app.session.rows import CELLS, FIELDS, TakenField, marked, taken
from mobile_app.session.session import Session
from mobile_app.session.shelf import Shelf
from mobile_app.session.store import Store
from mobile_app.tracing.folder import COLUMNS, row_of

__all__ = ["USE", "Report", "export_csv", "export_zip", "safe_for_spreadsheets", "unreported", "written"]

USE = "research use, not for diagnosis"
Report = Callable[[int, int], None]
_PAGE = 200
_COLUMNS = (
    *("session", "expert", "smear", "stain", "disease", "source", "field", "image", "cell", "x0", "y0", "x1", "y1"),
    *("label", "suggestion", "suggestion_score", "pack", "use"),
)


_OUTLINES = (
    "SELECT o.*, f.sha256, f.suffix, v.label, s.smear FROM outline o JOIN session s ON s.id = o.session"
    " JOIN cell c ON c.id = o.cell AND c.gone = 0 JOIN field f ON f.id = c.field AND f.gone = 0"
    " LEFT JOIN vote v ON v.cell = o.cell AND v.expert = o.expert WHERE o.session = ? ORDER BY f.id, o.id"
)


def unreported(done: int, total: int) -> None:
    """Nobody asks how far it is."""


def export_zip(store: Store, session: int, out: Path, report: Report = unreported) -> Tuple[str, ...]:
    """Writes ``records/``, ``images/``, ``light/``, ``session.json`` and ``suggestions.csv``, every expert's votes.

    Where cells were outlined, ``outlines/`` is a dataset of its own: crops, masks, labels, and who drew them.

    `edge-wbc data import session` takes it as it is.

    Args:
        report: told before each field how many are in, of how many; what it raises ends the writing.

    Returns:
        Photographs, and lights, that are missing or damaged; the records, with the votes, are in the zip all the same.

    Raises:
        BadInput: no such session, or `out` cannot be written; it is written whole or not at all.
    """
    lost, lights = [], set()
    with store.snapshot(), written(out) as stream, zipfile.ZipFile(stream, "w") as archive:
        facts = _facts(store, session)
        suggestions = io.StringIO()
        rows = csv.writer(suggestions)
        rows.writerow(("image", "cell", "label", "score", "pack"))
        fields = Shelf(store).listed(session).fields
        for done, field in enumerate(_fields(store, session)):
            report(done, fields)
            record, said = _record(store, field)
            rows.writerows((record.image, number, *row) for number, row in enumerate(said, 1) if row)
            facts["focus"][record.image] = field.focus
            files = {record.image: field.photograph}
            if field.light is not None and record.light not in lights:
                lights.add(record.light)
                files[record.light] = field.light
            for name, file in files.items():
                content = _whole(file)
                if content is None:
                    lost.append(file.name)
                else:
                    _put(archive, name, content, zipfile.ZIP_STORED)
            stem = field.photograph.stem
            _put(archive, f"records/{stem}.json", (json.dumps(field_to_json(record), indent=1) + "\n").encode())
        for name, content in _outlines(store, session):
            _put(archive, f"outlines/{name}", content)
        _put(archive, "suggestions.csv", suggestions.getvalue().encode())
        _put(archive, "session.json", (json.dumps(facts, indent=1) + "\n").encode())
    return tuple(lost)


def _facts(store: Store, session: int) -> Dict[str, Any]:
    """What the contract's records have no place for."""
    listed = Shelf(store).listed(session)
    sql = "SELECT expert, label, count(*) AS count FROM tap WHERE session = ? AND gone = 0 GROUP BY expert, label"
    taps: Dict[str, Dict[str, int]] = {}
    for row in store.read(sql, session):
        taps.setdefault(row["expert"], {})[row["label"]] = row["count"]
    setup = listed.setup
    return {
        "schema": 1,
        "use": USE,
        "name": setup.name,
        "expert": listed.expert,
        "began": listed.began,
        "target": setup.target,
        "classes": list(setup.classes),
        "manual_counts": taps,
        "focus": {},
    }


def _fields(store: Store, session: int) -> Iterator[TakenField]:
    after = 0
    while True:
        sql = f"{FIELDS} WHERE f.session = ? AND f.gone = 0 AND f.id > ? ORDER BY f.id LIMIT ?"
        rows = store.read(sql, session, after, _PAGE)
        if not rows:
            return
        yield from (taken(store, row) for row in rows)
        after = rows[-1]["id"]


def _record(store: Store, field: TakenField) -> Tuple[Field, List[Optional[Tuple[str, float, str]]]]:
    """A field's record with every expert's votes, and what the packs said of its cells."""
    sql = (
        "SELECT v.cell, v.expert, v.label FROM vote v JOIN cell c ON c.id = v.cell"
        " WHERE c.field = ? AND c.gone = 0 AND v.label IS NOT NULL ORDER BY v.expert"
    )
    votes: Dict[int, Dict[str, str]] = {}
    for row in store.read(sql, field.id):
        votes.setdefault(row["cell"], {})[row["expert"]] = row["label"]
    cells, said = [], []
    for row in store.read(f"{CELLS} WHERE c.field = ? AND c.gone = 0 ORDER BY c.id", "", field.id):
        one = marked(row, "")
        cells.append(Cell(one.cell.box, votes.get(one.id, {}), one.cell.score, one.cell.cut))
        hint = one.suggestion
        said.append((hint.label, hint.score, hint.pack) if hint else None)
    record = field.record
    about = (record.smear, record.microscope, record.camera, record.um_per_px, record.light)
    return Field(record.image, record.width, record.height, tuple(cells), *about), said


def _outlines(store: Store, session: int) -> Iterator[Tuple[str, bytes]]:
    """The files of every expert's outlines; nothing where there are none.

    Image and mask have one name; ``labels.csv`` holds what the same expert called the cell, ``masks.csv`` who drew it,
    how, and where in which photograph. Of a photograph that is missing or damaged come the masks alone.
    """
    labels, facts = io.StringIO(), io.StringIO()
    label_rows, fact_rows = csv.writer(labels), csv.writer(facts)
    label_rows.writerow(("image", "label", "smear"))
    fact_rows.writerow((*COLUMNS, "field", "x0", "y0", "x1", "y1"))
    shown: Optional[Path] = None
    rgb: Optional[np.ndarray] = None
    for row in store.read(_OUTLINES, session):
        outline, photograph = outline_of(row), store.photograph(row["sha256"], row["suffix"])
        if photograph != shown:
            shown, data = photograph, _whole(photograph)
            rgb = None if data is None else decode_image(data, photograph.name)
        name = f"{photograph.stem[:12]}-{row['id']}.png"
        x0, y0, x1, y1 = box = row["x0"], row["y0"], row["x1"], row["y1"]
        if rgb is not None:
            yield f"images/{name}", _png(rgb[y0:y1, x0:x1, ::-1])
            label_rows.writerow((name, row["label"] or "not_labelled", row["smear"]))
        yield f"masks/{name}", _png(outline.picture)
        fact_rows.writerow((*row_of(name, outline), f"images/{photograph.name}", *box))
    if shown is not None:
        yield "labels.csv", labels.getvalue().encode()
        yield "masks.csv", facts.getvalue().encode()


def _png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def _whole(file: Path) -> Optional[bytes]:
    """A kept file's content, or None where it is not there or not what it was."""
    try:
        data = file.read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == file.stem else None


def _put(archive: zipfile.ZipFile, name: str, data: bytes, method: int = zipfile.ZIP_DEFLATED) -> None:
    # A member's own date would make another zip of the same session.
    member = zipfile.ZipInfo(name)
    member.compress_type, member.external_attr = method, 0o644 << 16
    archive.writestr(member, data)


@contextmanager
def written(out: Path) -> Iterator[BinaryIO]:
    """A stream into a file that appears whole or not at all; raises `BadInput` in words where it cannot."""
    try:
        with whole_file(out) as stream:
            yield stream
    except OSError as error:
        raise BadInput(
            out, f"cannot be written ({error.strerror})", "free some space or choose another place"
        ) from error


def safe_for_spreadsheets(text: str) -> str:
    """Text that no spreadsheet takes for a formula: one that would begin one gets an apostrophe before it."""
    first = unicodedata.normalize("NFKC", text.lstrip())[:1]
    return f"'{text}" if first in tuple("=+-@") or text[:1] in tuple("\t\r\n") else text


def export_csv(session: Session, out: Path) -> None:
    """Writes a row for each cell and each tap of the manual counter, with this expert's labels, as Excel reads it.

    Raises:
        BadInput: `out` cannot be written; it is written whole or not at all.
    """
    setup = Shelf(session.store).listed(session.id).setup
    about = (setup.name, session.expert, setup.smear.id, setup.smear.stain, setup.smear.disease)
    with session.store.snapshot(), written(out) as stream:
        # Excel takes UTF-8 for such only after a byte-order mark.
        text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
        rows = csv.writer(text)
        rows.writerow(_COLUMNS)
        for row in _rows(session):
            cells = [*about, *row, USE]
            rows.writerow(safe_for_spreadsheets(cell) if isinstance(cell, str) else cell for cell in cells)
        text.flush()
        text.detach()


def _rows(session: Session) -> Iterator[Tuple[Any, ...]]:
    for field in _fields(session.store, session.id):
        for cell in session.cells(field.id, limit=-1):
            hint = cell.suggestion
            said = (hint.label, hint.score, hint.pack) if hint else (None, None, None)
            yield ("cell", field.id, field.record.image, cell.id, *cell.cell.box, cell.label, *said)
    sql = "SELECT id, label FROM tap WHERE session = ? AND expert = ? AND gone = 0 AND id > ? ORDER BY id LIMIT ?"
    after = 0
    while True:
        taps = session.store.read(sql, session.id, session.expert, after, _PAGE)
        if not taps:
            return
        for tap in taps:
            yield ("manual", *(None,) * 7, tap["label"], None, None, None)
        after = taps[-1]["id"]
