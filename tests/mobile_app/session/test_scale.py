"""Ten thousand cells: memory does not grow with them, and no query reads them all to find one."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_wbc.core.records import Cell
from mobile_app.session import Session, Setup, Shelf, Store

CHILD = """
import sys
from pathlib import Path
from mobile_app.session import Shelf, Store, tally

def resident():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024

before = resident()
session = Shelf(Store(Path(sys.argv[1]))).resume()
session.store.read("PRAGMA synchronous = OFF")  # memory is asked here, not the disk
cell, most = session.next_unlabelled(), 0
while cell is not None:
    session.vote(cell, "band" if cell % 3 else "monocyte")
    if cell % 500 == 0:
        tally(session.counts())
        session.cells(after=cell)
        most = max(most, resident())
    cell = session.next_unlabelled(cell)
print(session.progress()[0], most - before)
"""


@pytest.fixture
def many(tmp_path: Path, draw_photograph: Callable[[int], bytes]) -> Session:
    """10,000 cells in 100 fields, labelled by nobody."""
    store = Store(tmp_path / "kept")
    session = Shelf(store).create(Setup("many"), "Ann")
    for grey in range(100):
        session.add_field(draw_photograph(grey), (64, 48), [Cell((0, 0, 9, 9), score=0.5)] * 100)
    return session


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc: Linux only")
def test_memory_over_ten_thousand_votes(many: Session) -> None:
    run = [sys.executable, "-c", CHILD, str(many.store.folder)]
    votes, grown = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
    assert int(votes) == 10_000 and float(grown) < 20


def test_each_tap_is_found_by_an_index(many: Session) -> None:
    asked: list[str] = []
    many.store._db.set_trace_callback(asked.append)
    many.vote(5000, "band")
    many.tap("band")
    many.undo()
    many.redo()
    many.next_unlabelled(5000)
    many.next_cell(5000)
    many.previous_cell(5000)
    many.cell(5001)
    many.cells(label="band")
    many.counts()
    many.undoable()
    many.store._db.set_trace_callback(None)
    queries = [sql for sql in asked if sql.startswith(("SELECT", "UPDATE", "DELETE"))]
    assert len(queries) > 15
    for sql in queries:
        plan = [row["detail"] for row in many.store.read(f"EXPLAIN QUERY PLAN {sql}")]
        assert not any(step.startswith("SCAN") for step in plan), (sql, plan)
