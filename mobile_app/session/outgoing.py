"""Everything of a session that leaves by hand: the lab's zip, a table and a page, in the folder `exports`."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import Callable, List, Sequence, Tuple

from edge_wbc.core.errors import BadInput
from mobile_app.session.export import Report, export_csv, export_zip, unreported
from mobile_app.session.report import write_report
from mobile_app.session.session import Session
from mobile_app.session.shelf import Shelf
from mobile_app.session.store import Store

__all__ = ["write_session"]


def write_session(
    home: Path, session: int, expert: str, say: Callable[[str], str], rtl: bool, report: Report = unreported
) -> Tuple[List[Path], Sequence[str]]:
    """Writes a session into `exports`; opens a store of its own, so any thread may, one call at a time.

    Args:
        home: the store's folder.
        expert: whose labels the table and the page tell; the zip has everybody's.
        say, rtl: the page's language, as `write_report` takes it.
        report: told how far it is; what it raises ends the writing, and the file that is not whole goes.

    Returns:
        The three files, and the photographs that are missing or damaged.

    Raises:
        BadInput: no such session, or a file cannot be written; each is written whole or not at all.
    """
    folder = home / "exports"
    with closing(Store(home)) as store:
        name = Shelf(store).listed(session).setup.name
        try:
            folder.mkdir(exist_ok=True)
            for left in folder.glob("*.partial"):  # of an app that was killed while it wrote
                left.unlink()
        except OSError as error:
            raise BadInput(folder, f"cannot be written ({error.strerror})", "free some space") from error
        one = Session(store, session, expert)
        stem = f"{_plain(name)}-{session}"
        whole = folder / f"{stem}.zip"
        table, page = (folder / f"{stem}-{_plain(expert)}.{kind}" for kind in ("csv", "html"))
        lost = export_zip(store, session, whole, lambda done, of: report(done, 2 * of))
        export_csv(one, table)
        write_report(one, page, say, rtl, lambda done, of: report(of + done, 2 * of))
    return [whole, table, page], lost


def _plain(text: str) -> str:
    """A text as part of a file's name on any disk."""
    return re.sub(r"[^\w.]+", "-", text).strip("-.")[:40] or "session"
