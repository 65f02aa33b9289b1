"""The database: settings that make a tap durable, and everything it refuses, said in words."""

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

import edge_wbc.core.files
from edge_wbc.core.errors import BadInput
from mobile_app.session import Session, Setup, Shelf, Store
from mobile_app.session.store import SCHEMA_VERSION


def test_a_tap_is_on_the_disk_when_it_returns(store: Store) -> None:
    assert store.read("PRAGMA synchronous")[0][0] == 2
    assert store.read("PRAGMA journal_mode")[0][0] == "wal"
    assert store.read("PRAGMA foreign_keys")[0][0] == 1
    again = Store(store.folder)
    assert again.read("PRAGMA synchronous")[0][0] == 2, "not only when it is made"
    assert again.read("PRAGMA foreign_keys")[0][0] == 1


def test_a_newer_database_is_refused_and_left_as_it_is(session: Session) -> None:
    path = session.store.path
    session.store.close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(BadInput, match="newer version of the app .*; update the app"):
        Store(path.parent)
    assert path.read_bytes() == before


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "sessions.sqlite") as db:
        db.execute("CREATE TABLE theirs (id)")
    db.close()
    with pytest.raises(BadInput, match="another program's database"):
        Store(tmp_path)


def test_a_damaged_database_is_said_and_kept(session: Session) -> None:
    path = session.store.path
    session.store.close()
    whole = path.read_bytes()
    for damaged in (b"no database at all" * 400, whole[:1000] + os.urandom(len(whole) - 1000)):
        path.write_bytes(damaged)
        with pytest.raises(BadInput, match="is (damaged|no database); do not delete it"):
            Shelf(Store(path.parent)).find()
        assert path.read_bytes() == damaged
    path.write_bytes(whole)
    assert len(Shelf(Store(path.parent)).find()) == 1


def test_a_read_only_database_is_said(session: Session) -> None:
    first = session.cells()[0].id
    session.vote(first, "band")
    session.store.read("PRAGMA query_only = 1")
    with pytest.raises(BadInput, match="cannot be written, it is read-only"):
        session.vote(first, "monocyte")
    assert session.cell(first).label == "band"


def test_another_writer_is_waited_for_and_then_said(session: Session) -> None:
    other = sqlite3.connect(session.store.path, isolation_level=None)
    session.store.read("PRAGMA busy_timeout = 10")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BadInput, match="another program is writing to it"):
        session.vote(1, "band")
    other.execute("ROLLBACK")
    other.close()
    session.vote(1, "band")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BadInput, match="cannot be written .*; choose another folder"):
        Store(tmp_path / "file")


def test_a_photograph_that_cannot_be_kept_leaves_neither_field_nor_file(
    session: Session, draw_photograph: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted((session.store.folder / "photographs").iterdir()), session.fields()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(edge_wbc.core.files.os, "fsync", full)
    with pytest.raises(BadInput, match=r"cannot be kept \(No space left on device\); free some space"):
        session.add_field(draw_photograph(3), (64, 48))
    assert (sorted((session.store.folder / "photographs").iterdir()), session.fields()) == before


def test_a_half_written_photograph_is_written_again_and_an_orphan_swept(
    session: Session, draw_photograph: Callable[[int], bytes]
) -> None:
    field = session.fields()[0]
    whole = field.photograph.read_bytes()
    field.photograph.write_bytes(whole[:10])
    session.remove_field(field.id)
    session.add_field(whole, (64, 48))
    assert field.photograph.read_bytes() == whole
    orphan = field.photograph.with_name("0" * 64 + ".png.partial")
    orphan.write_bytes(b"")
    shelf = Shelf(session.store)
    shelf.delete(shelf.create(Setup("short"), "Ann").id, confirm=True)
    assert not orphan.exists() and field.photograph.exists()


def test_an_act_that_fails_half_way_leaves_nothing(session: Session) -> None:
    before = session.cells(limit=-1), session.counts(), session.undoable()
    with pytest.raises(ZeroDivisionError), session.store.write() as db:
        db.execute("UPDATE cell SET gone = 1")
        raise ZeroDivisionError
    assert (session.cells(limit=-1), session.counts(), session.undoable()) == before
