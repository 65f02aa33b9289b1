"""Where sessions are kept: one SQLite database an installation, and the photographs beside it.

A tap is one transaction, on the disk before the call returns (write-ahead log, `synchronous=FULL`). Rows are ordered
by their id alone: a phone's clock may be set back, so times are told and never sorted by.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import whole_file

__all__ = ["SCHEMA_VERSION", "Store"]

# Step n brings a database from version n to n + 1; a step that has shipped is never edited, another is added.
_STEPS: Tuple[str, ...] = (
    """
    CREATE TABLE session (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, expert TEXT NOT NULL,
        smear TEXT NOT NULL, stain TEXT NOT NULL, disease TEXT NOT NULL,
        microscope TEXT NOT NULL, magnification REAL, camera TEXT NOT NULL, um_per_px REAL,
        target INTEGER NOT NULL, classes TEXT NOT NULL, at REAL NOT NULL);
    CREATE TABLE field (
        id INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
        sha256 TEXT NOT NULL, suffix TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
        um_per_px REAL, light TEXT NOT NULL, focus REAL, at REAL NOT NULL, gone INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX field_of_session ON field (session, gone);
    CREATE INDEX field_of_photograph ON field (sha256);
    CREATE INDEX field_of_light ON field (light);
    CREATE UNIQUE INDEX photograph_once ON field (session, sha256) WHERE gone = 0;
    CREATE TABLE cell (
        id INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
        field INTEGER NOT NULL REFERENCES field ON DELETE CASCADE,
        x0 INTEGER NOT NULL, y0 INTEGER NOT NULL, x1 INTEGER NOT NULL, y1 INTEGER NOT NULL,
        score REAL, cut INTEGER NOT NULL, suggestion TEXT, suggestion_score REAL, pack TEXT,
        at REAL NOT NULL, gone INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX cell_of_session ON cell (session, gone);
    CREATE INDEX cell_of_field ON cell (field, gone);
    CREATE TABLE vote (
        id INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
        cell INTEGER NOT NULL REFERENCES cell ON DELETE CASCADE, expert TEXT NOT NULL, label TEXT, at REAL NOT NULL,
        UNIQUE (cell, expert));
    CREATE INDEX vote_of_expert ON vote (session, expert, label, cell);
    CREATE TABLE tap (
        id INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
        expert TEXT NOT NULL, label TEXT NOT NULL, at REAL NOT NULL, gone INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX tap_of_expert ON tap (session, expert, gone, label);
    CREATE TABLE act (
        id INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
        expert TEXT NOT NULL, kind TEXT NOT NULL, field INTEGER, cell INTEGER, changes TEXT NOT NULL,
        at REAL NOT NULL, undone INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX act_of_expert ON act (session, expert, undone);
    CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL);
    """,
    """
    CREATE TABLE upload (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, sha256 TEXT NOT NULL UNIQUE, size INTEGER NOT NULL,
        sent INTEGER NOT NULL, state TEXT NOT NULL, said TEXT NOT NULL, at REAL NOT NULL);
    """,
    """
    CREATE TABLE outline (
        id INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE,
        cell INTEGER NOT NULL REFERENCES cell ON DELETE CASCADE, expert TEXT NOT NULL,
        x0 INTEGER NOT NULL, y0 INTEGER NOT NULL, x1 INTEGER NOT NULL, y1 INTEGER NOT NULL, mask BLOB NOT NULL,
        nucleus TEXT NOT NULL, whole TEXT NOT NULL, threshold INTEGER, strokes INTEGER NOT NULL, at REAL NOT NULL,
        UNIQUE (cell, expert));
    CREATE INDEX outline_of_session ON outline (session);
    """,
)
SCHEMA_VERSION = len(_STEPS)
_APPLICATION = 0x65776263  # "ewbc"
_KEPT = "everything up to the last tap is kept"
_WORDS = (
    ("disk is full", "the storage is full", f"free some space and tap again; {_KEPT}"),
    ("disk I/O error", "the storage is full or failing", f"free some space and tap again; {_KEPT}"),
    ("readonly", "cannot be written, it is read-only", f"allow the app to write there; {_KEPT}"),
    ("unable to open", "cannot be opened", "check that the folder may be written and the storage is not full"),
    ("locked", "another program is writing to it", "close the other program and tap again"),
    ("UNIQUE constraint failed: field", "the same photograph is in this session already", "take another field"),
    ("malformed", "is damaged", "do not delete it: copy the whole folder to safety, then choose another folder"),
    ("not a database", "is no database", "do not delete it: copy the whole folder to safety, then choose another"),
)
_MAGIC = (
    (b"\xff\xd8", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
)


class Store:
    """The database of one folder, and its photographs with the light they were taken in; a thread opens its own.

    Args:
        folder: made when it is not there.

    Raises:
        BadInput: it cannot be written, is damaged, another program's, or from a newer version; nothing is changed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "sessions.sqlite"
        self._photographs = folder / "photographs"
        try:
            self._photographs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(folder, f"cannot be written ({error.strerror})", "choose another folder") from error
        with self._in_words():
            self._db = sqlite3.connect(str(self.path), isolation_level=None, timeout=5)
            try:
                self._open()
            except BaseException:
                self._db.close()
                raise

    def _open(self) -> None:
        self._db.row_factory = sqlite3.Row
        self._db.create_function("folded", 1, str.casefold, deterministic=True)
        version = self._pragma("user_version")
        if version > SCHEMA_VERSION:
            raise BadInput(self.path, f"was written by a newer version of the app (schema {version})", "update the app")
        begun = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
        if begun and self._pragma("application_id") != _APPLICATION:
            raise BadInput(self.path, "is another program's database", "choose another folder")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        if version == SCHEMA_VERSION:
            return
        with self.write() as db:
            # Another process may have been first.
            for number in range(self._pragma("user_version"), SCHEMA_VERSION):
                for statement in filter(str.strip, _STEPS[number].split(";")):
                    db.execute(statement)
            db.execute(f"PRAGMA application_id = {_APPLICATION}")
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _pragma(self, name: str) -> int:
        return self._db.execute(f"PRAGMA {name}").fetchone()[0]

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # ours, such as a store used by two threads
        except sqlite3.Error as error:
            for said, fault, remedy in _WORDS:
                if said in str(error):
                    raise BadInput(self.path, fault, remedy) from error
            raise BadInput(self.path, f"failed ({error})", _KEPT) from error

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._in_words():
            self._db.execute(begin)
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: on the disk when the block has ended, undone when it raises. SQLite's faults -> BadInput."""
        with self._transaction("BEGIN IMMEDIATE") as db:
            yield db

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Every `read` within sees the same state, whatever others write meanwhile."""
        with self._transaction("BEGIN"):
            yield

    def read(self, sql: str, *values: Any) -> List[sqlite3.Row]:
        """The rows of a query; raises `BadInput` for SQLite's faults."""
        with self._in_words():
            return self._db.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Optional[sqlite3.Row]:
        """The first row of a query, or None."""
        rows = self.read(sql, *values)
        return rows[0] if rows else None

    def photograph(self, sha256: str, suffix: str) -> Path:
        """The file of a photograph."""
        return self._photographs / (sha256 + suffix)

    def keep_photograph(self, data: bytes) -> Tuple[str, str]:
        """Puts a photograph on the disk, the same one once; to be called within `write`.

        Returns:
            Its SHA-256 and its suffix.

        Raises:
            BadInput: neither JPEG, PNG, BMP nor TIFF, or it cannot be written.
        """
        suffix = next((suffix for magic, suffix in _MAGIC if data.startswith(magic)), None)
        if suffix is None:
            raise BadInput("photograph", "neither JPEG, PNG, BMP nor TIFF", "take it again")
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.photograph(sha256, suffix)
        # Renamed into place only when whole: a file of the right length is the file.
        if not path.is_file() or path.stat().st_size != len(data):
            try:
                with whole_file(path) as stream:
                    stream.write(data)
            except OSError as error:
                remedy = f"free some space and take it again; {_KEPT}"
                raise BadInput("photograph", f"cannot be kept ({error.strerror})", remedy) from error
        return sha256, suffix

    def sweep(self) -> None:
        """Removes the photographs that no field has: of deleted sessions, or kept by a field that never came.

        Raises:
            BadInput: one cannot be removed.
        """
        with self.write() as db:  # so that no other process is between its photograph and its field
            for path in self._photographs.iterdir():
                name = path.name[:64]
                if db.execute("SELECT 1 FROM field WHERE sha256 = ? OR light = ?", (name, name)).fetchone():
                    continue
                try:
                    path.unlink()
                except OSError as error:
                    raise BadInput(path, f"cannot be removed ({error.strerror})", "remove it by hand") from error

    def setting(self, key: str) -> Optional[str]:
        """A setting of the installation, or None."""
        row = self.one("SELECT value FROM setting WHERE key = ?", key)
        return row["value"] if row else None

    def set(self, key: str, value: str) -> None:
        """Keeps a setting of the installation."""
        with self.write() as db:
            db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (key, value))

    def close(self) -> None:
        """Closes the database."""
        self._db.close()


def marks(values: Sequence[Any]) -> str:
    """Question marks for an SQL list of these values."""
    return ", ".join("?" * len(values))
