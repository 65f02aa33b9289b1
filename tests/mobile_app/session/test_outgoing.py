"""What leaves by hand: three files, each whole or not there, and nothing left of an app that was killed."""

from __future__ import annotations

import zipfile

import pytest

from edge_wbc.core.errors import BadInput
from mobile_app.session import Session
from mobile_app.session.outgoing import write_session


def write(session: Session, report=lambda done, of: None):
    return write_session(session.store.folder, session.id, "Ann", lambda text: text, False, report)


def test_three_files_and_how_far_they_are(session: Session) -> None:
    for cell in session.cells(limit=-1):
        session.vote(cell.id, "band")
    exports = session.store.folder / "exports"
    exports.mkdir()
    (exports / "old.zip.partial").write_bytes(b"half")
    shares = []
    files, lost = write(session, lambda done, of: shares.append(done / of))
    assert sorted(path.name for path in exports.iterdir()) == sorted(path.name for path in files)
    assert [path.name for path in files] == ["smear-7-1.zip", "smear-7-1-Ann.csv", "smear-7-1-Ann.html"]
    assert lost == () and "session.json" in zipfile.ZipFile(files[0]).namelist()
    assert shares == [0, 0.25, 0.5, 0.75]


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_what_ends_it_leaves_no_half_file(session: Session, share: float) -> None:
    for cell in session.cells(limit=-1):
        session.vote(cell.id, "band")

    def end(done: int, of: int) -> None:
        if done / of >= share:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(session, end)
    left = [path.suffix for path in (session.store.folder / "exports").iterdir()]
    assert sorted(left) == ([] if share < 0.5 else [".csv", ".zip"])


def test_no_such_session_is_said(session: Session) -> None:
    with pytest.raises(BadInput, match="there is no session 9"):
        write_session(session.store.folder, 9, "Ann", str, False)
