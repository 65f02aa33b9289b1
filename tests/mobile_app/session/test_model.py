"""Two experts at random against a plain model: labels, taps, cells, undo and redo, with the store reopened at will."""

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge_wbc.core.errors import BadInput
from mobile_app.session import Setup, Shelf, Store

EXPERTS = ("Ann", "Bob")
expert = st.sampled_from(EXPERTS)
label = st.sampled_from(["band", "monocyte", "burst", "not_recognised"])
boxes = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda at: (*at, at[0] + 9, at[1] + 9))
pick = st.integers(0, 10**6)


@dataclass
class Plain:
    """What a session holds: a cell is box, whether it is there, and who said what."""

    boxes: dict[int, tuple] = field(default_factory=dict)
    there: dict[int, bool] = field(default_factory=dict)
    votes: dict[int, dict[str, str | None]] = field(default_factory=dict)
    taps: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in EXPERTS})
    done: dict[str, list[tuple]] = field(default_factory=lambda: {name: [] for name in EXPERTS})
    undone: dict[str, list[tuple]] = field(default_factory=lambda: {name: [] for name in EXPERTS})

    def free(self, cell: int, name: str) -> bool:
        return all(said is None for other, said in self.votes[cell].items() if other != name)

    def turn(self, name: str, act: tuple, back: bool) -> bool:
        """Makes an act, or takes it back; False where the other expert's work stands against it."""
        kind, cell, old, new = act
        old, new = (new, old) if back else (old, new)
        if kind == "tap":
            self.taps[name].append(new) if new else self.taps[name].pop()
        elif kind == "vote":
            if not self.there[cell]:
                return False
            self.votes[cell][name] = new
        elif kind == "box":
            if self.boxes[cell] != old or not self.free(cell, name):
                return False
            self.boxes[cell] = new
        else:
            if self.there[cell] != old or (not new and not self.free(cell, name)):
                return False
            self.there[cell] = new
        return True

    def act(self, name: str, act: tuple) -> bool:
        if not self.turn(name, act, back=False):
            return False
        self.done[name].append(act)
        self.undone[name].clear()
        return True


class Sessions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.plain = Plain()

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    @initialize()
    def begin(self) -> None:
        self.store = Store(self.folder)
        began = Shelf(self.store).create(Setup("s"), "Ann")
        data = cv2.imencode(".png", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
        self.field = began.add_field(data, (64, 48))
        self.store.read("DELETE FROM act")
        self.number = began.id
        self.open()

    def open(self) -> None:
        self.seen = {name: Shelf(self.store).open(self.number, name) for name in EXPERTS}

    def cell(self, pick: int) -> int | None:
        there = [cell for cell, there in self.plain.there.items() if there]
        return there[pick % len(there)] if there else None

    def both(self, name: str, act: tuple, do) -> None:  # noqa: ANN001
        if self.plain.act(name, act):
            do()
        else:
            with pytest.raises(BadInput, match="another expert"):
                do()

    @rule(name=expert, box=boxes)
    def place(self, name: str, box: tuple) -> None:
        cell = self.seen[name].place(self.field, box)
        assert cell not in self.plain.boxes
        self.plain.boxes[cell], self.plain.there[cell], self.plain.votes[cell] = box, False, {}
        assert self.plain.act(name, ("there", cell, False, True))

    @rule(name=expert, pick=pick, box=boxes)
    def move(self, name: str, pick: int, box: tuple) -> None:
        cell = self.cell(pick)
        if cell is not None and self.plain.boxes[cell] != box:
            act = ("box", cell, self.plain.boxes[cell], box)
            self.both(name, act, lambda: self.seen[name].move(cell, box))

    @rule(name=expert, pick=pick)
    def remove(self, name: str, pick: int) -> None:
        cell = self.cell(pick)
        if cell is not None:
            self.both(name, ("there", cell, True, False), lambda: self.seen[name].remove(cell))

    @rule(name=expert, pick=pick, label=label)
    def vote(self, name: str, pick: int, label: str) -> None:
        cell = self.cell(pick)
        if cell is not None:
            self.seen[name].vote(cell, label)
            old = self.plain.votes[cell].get(name)
            if old != label:
                assert self.plain.act(name, ("vote", cell, old, label))

    @rule(name=expert, label=label)
    def tap(self, name: str, label: str) -> None:
        self.seen[name].tap(label)
        assert self.plain.act(name, ("tap", None, None, label))

    @rule(name=expert, back=st.booleans())
    def step(self, name: str, back: bool) -> None:
        session = self.seen[name]
        do = session.undo if back else session.redo
        source, target = (self.plain.done, self.plain.undone) if back else (self.plain.undone, self.plain.done)
        if not source[name]:
            assert do() is None
        elif self.plain.turn(name, source[name][-1], back):
            target[name].append(source[name].pop())
            assert do() is not None
        else:
            with pytest.raises(BadInput, match="another expert|was removed"):
                do()

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store(self.folder)
        self.open()

    @invariant()
    def the_same(self) -> None:
        there = [cell for cell, there in self.plain.there.items() if there]
        for name, session in self.seen.items():
            said = {cell: self.plain.votes[cell].get(name) for cell in there}
            assert [(c.id, c.cell.box, c.label) for c in session.cells(limit=-1)] == [
                (cell, self.plain.boxes[cell], said[cell]) for cell in there
            ]
            assert session.counts(taps=False) == Counter(label for label in said.values() if label)
            assert session.counts(cells=False) == Counter(self.plain.taps[name])
            assert session.undoable() == (bool(self.plain.done[name]), bool(self.plain.undone[name]))
            unlabelled = [cell for cell in there if said[cell] is None]
            assert session.next_unlabelled() == (unlabelled[0] if unlabelled else None)


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
