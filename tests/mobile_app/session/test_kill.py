"""Killed at any moment: nothing acknowledged is lost, nothing is done twice, the database is whole.

`KILLS=200` kills that often; a plain run 40 times.
"""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from edge_wbc.core.records import Cell
from edge_wbc.core.taxonomy import LABELS
from mobile_app.session import Session, Setup, Shelf, Store

KILLS = int(os.environ.get("KILLS", "40"))
CELLS = 300
NAMES = tuple(LABELS)
# Forks a labelling child for every line of its input: Python and OpenCV are loaded once. Act n is always the same.
CHILD = """
import os, sys
from pathlib import Path
from mobile_app.session import Shelf, Store
from edge_wbc.core.taxonomy import LABELS
labels = tuple(LABELS)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        session = Shelf(Store(Path(sys.argv[1]))).resume()
        number = int(line)
        while True:
            kind = number % 7
            if kind == 3:
                session.tap(labels[number % 11])
            elif kind == 5:
                session.undo()
            elif kind == 6 and number % 3:
                session.redo()
            else:
                session.vote(1 + number * 7 % 300, labels[number % 13])
            os.write(1, f"{number}\\n".encode())
            number += 1
    os.write(1, f"child {child}\\n".encode())
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
"""


class Plain:
    """The same acts on a dictionary and a list."""

    def __init__(self) -> None:
        self.votes: dict[int, str | None] = {}
        self.taps: list[str] = []
        self.done: list[tuple] = []
        self.undone: list[tuple] = []

    def _turn(self, act: tuple, back: bool) -> None:
        cell, old, new = act
        if cell is None:
            self.taps.pop() if back else self.taps.append(new)
        else:
            self.votes[cell] = old if back else new

    def do(self, number: int) -> None:
        kind = number % 7
        if kind == 5:
            if self.done:
                self.undone.append(self.done.pop())
                self._turn(self.undone[-1], back=True)
        elif kind == 6 and number % 3:
            if self.undone:
                self.done.append(self.undone.pop())
                self._turn(self.done[-1], back=False)
        else:
            cell = None if kind == 3 else 1 + number * 7 % CELLS
            label = NAMES[number % (11 if cell is None else 13)]
            if cell is None or self.votes.get(cell) != label:
                self.done.append((cell, None if cell is None else self.votes.get(cell), label))
                self._turn(self.done[-1], back=False)
                self.undone.clear()

    def state(self) -> tuple:
        votes = {cell: label for cell, label in self.votes.items() if label}
        return votes, Counter(self.taps), (len(self.done), len(self.undone))


def state_of(session: Session) -> tuple:
    votes = {cell.id: cell.label for cell in session.cells(limit=-1) if cell.label}
    acts = Counter(row["undone"] for row in session.store.read("SELECT undone FROM act WHERE cell IS NOT ?", -1))
    return votes, Counter(session.counts(cells=False)), (acts[0] - 1, acts[1])  # one act put the field there


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked children: POSIX only")
def test_no_acknowledged_act_is_lost_and_none_is_done_twice(tmp_path: Path, draw_photograph) -> None:  # noqa: ANN001
    began = Shelf(Store(tmp_path)).create(Setup("s"), "Ann")
    began.add_field(draw_photograph(5), (64, 48), [Cell((0, 0, 9, 9), score=0.5)] * CELLS)
    began.store.close()
    chance = random.Random(11)
    plain, number, lived = Plain(), 0, []
    forge = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert forge.stdin and forge.stdout
    try:
        for _ in range(KILLS):
            forge.stdin.write(f"{number}\n")
            forge.stdin.flush()
            # A busy machine kills no sooner: some acts are waited for, sometimes none, then a moment of the next.
            lines = iter(forge.stdout.readline, "dead\n")
            told, child, wanted = [], None, chance.choice([0, chance.randrange(60)])
            while child is None or len(told) < wanted:
                line = next(lines).split()
                if line[0] == "child":  # may come after the child's first acts
                    child = int(line[1])
                else:
                    told += line
            time.sleep(chance.uniform(0, 0.004 if told else 0.03))
            os.kill(child, 9)
            told += (line.strip() for line in lines)
            assert told == [str(number + at) for at in range(len(told))]
            lived.append(len(told))
            for _ in told:
                plain.do(number)
                number += 1
            session = Shelf(Store(tmp_path)).resume()
            assert session is not None
            assert session.store.read("PRAGMA integrity_check")[0][0] == "ok"
            assert session.store.read("PRAGMA foreign_key_check") == []
            found = state_of(session)
            if found != plain.state():  # the act under way may be there, not yet told
                plain.do(number)
                number += 1
            assert found == plain.state()
            session.store.close()
    finally:
        forge.stdin.close()
        forge.wait()
    assert sum(lived) > KILLS, f"acts between kills: {lived}"
    print(f"{KILLS} kills, {sum(lived)} acts acknowledged, {number} done")  # noqa: T201
