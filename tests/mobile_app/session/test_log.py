"""A battery pulled in mid-write: the write-ahead log cut anywhere leaves exactly the taps before the cut."""

import shutil
import struct
from pathlib import Path

import pytest

from mobile_app.session import Session, Setup, Shelf, Store

HEADER, FRAME = 32, 24


def labels(session: Session) -> list:
    return [cell.label for cell in session.cells(limit=-1)] + [session.counts(cells=False), session.undoable()]


@pytest.fixture
def tapped(session: Session) -> tuple[Path, list[tuple[int, list]]]:
    """A folder whose log was never copied back, and how long it was after each tap with what was then said."""
    folder = session.store.folder
    session.store.close()  # which copies the log into the database
    session = Shelf(Store(folder)).open(session.id, "Ann")
    session.store.read("PRAGMA wal_checkpoint(TRUNCATE)")
    session.store.read("PRAGMA wal_autocheckpoint = 0")
    log = folder / "sessions.sqlite-wal"
    states = [(0, labels(session))]
    cells = [cell.id for cell in session.cells()]
    for number, cell in enumerate(cells):
        for do in (
            lambda: session.vote(cell, "band"),  # noqa: B023
            lambda: session.vote(cell, "monocyte"),  # noqa: B023
            lambda: session.tap("burst"),
            session.undo,
            *([session.undo, session.redo] if number % 2 else []),
        ):
            do()
            states.append((log.stat().st_size, labels(session)))
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    session.store.close()
    return copy, states


def test_cut_at_and_within_every_frame(tapped: tuple[Path, list[tuple[int, list]]], tmp_path: Path) -> None:
    folder, states = tapped
    log = (folder / "sessions.sqlite-wal").read_bytes()
    page = struct.unpack_from(">I", log, 8)[0]
    frames = (len(log) - HEADER) // (FRAME + page)
    assert frames > 3 * len(states) and len({length for length, _ in states}) == len(states)
    boundaries = [HEADER + at * (FRAME + page) for at in range(frames + 1)]
    seen = set()
    for boundary in boundaries:
        for cut, tail in ((boundary, b""), (boundary + 7, b""), (boundary + FRAME + page // 3, b"\0" * page * 2)):
            kept = log[: min(cut, len(log))] + tail
            place = tmp_path / "cut"
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(folder, place)
            (place / "sessions.sqlite-shm").unlink(missing_ok=True)
            (place / "sessions.sqlite-wal").write_bytes(kept)
            session = Shelf(Store(place)).resume()
            assert session is not None
            expected = max(at for at, (length, _) in enumerate(states) if length <= min(cut, len(log)))
            assert labels(session) == states[expected][1], f"cut at {cut} of {len(log)}"
            assert session.store.read("PRAGMA integrity_check")[0][0] == "ok"
            seen.add(expected)
            session.vote(1, "eosinophil")
            assert session.cell(1).label == "eosinophil", "and labelling goes on"
            session.store.close()
    assert seen == set(range(len(states)))


def test_a_log_cut_while_the_database_was_made_leaves_an_empty_shelf(tmp_path: Path) -> None:
    store = Store(tmp_path / "made")
    log = (store.folder / "sessions.sqlite-wal").read_bytes()
    database = store.path.read_bytes()
    for cut in range(0, len(log), 2000):
        place = tmp_path / str(cut)
        place.mkdir()
        (place / "sessions.sqlite").write_bytes(database)
        (place / "sessions.sqlite-wal").write_bytes(log[:cut])
        shelf = Shelf(Store(place))
        assert shelf.find() == [] and shelf.resume() is None
        shelf.create(Setup("s"), "Ann")
        shelf.store.close()
    store.close()
