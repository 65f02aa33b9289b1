"""What one expert does in a session, undoes, and does not see of the other."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import Cell, Microscope, Smear
from mobile_app.session import Session, Setup, Shelf, Store, Suggestion


def ids(session: Session) -> list[int]:
    return [cell.id for cell in session.cells(limit=-1)]


def test_suggestion_stays_apart_from_the_label(session: Session) -> None:
    first = ids(session)[0]
    session.suggest(first, Suggestion("monocyte", 0.9, "default"))
    assert session.cell(first).label is None and session.counts() == {}
    session.vote(first, "basophil")
    seen = session.cell(first)
    assert (seen.label, seen.suggestion) == ("basophil", Suggestion("monocyte", 0.9, "default"))
    assert seen.cell == Cell((0, 0, 9, 9), {"Ann": "basophil"}, 0.5, False)
    session.suggest(first, None)
    assert session.cell(first).suggestion is None and session.cell(first).label == "basophil"


def test_every_act_is_undone_and_redone_in_order(session: Session) -> None:
    def seen() -> object:
        return [session.record(field.id) for field in session.fields()], session.counts(), session.progress()

    field, first = session.fields()[0].id, ids(session)[0]
    states = [seen()]
    for do in (
        lambda: session.vote(first, "monocyte"),
        lambda: session.vote(first, "band"),
        lambda: session.vote(first, "not_recognised"),
        lambda: session.place(field, (30, 30, 40, 40)),
        lambda: session.move(first, (1, 2, 12, 13)),
        lambda: session.remove(first),
        lambda: session.tap("eosinophil"),
        lambda: session.add_cells(field, [Cell((2, 2, 9, 9), score=0.4, cut=True), Cell((4, 4, 9, 9))]),
        lambda: session.remove_field(field),
    ):
        do()
        states.append(seen())
    assert all(before != after for before, after in zip(states, states[1:], strict=False))
    kinds = []
    for state in reversed(states[:-1]):
        undone = session.undo()
        assert undone and seen() == state
        kinds.append(undone.kind)
    assert kinds == ["remove field", "cells", "tap", "remove", "move", "place", "vote", "vote", "vote"]
    for state in states[1:]:
        assert session.redo() and seen() == state
    assert session.redo() is None and session.undoable() == (True, False)


def test_what_is_undone_cannot_be_redone_after_another_act(session: Session) -> None:
    first, second, *_ = ids(session)
    session.vote(first, "band")
    session.undo()
    assert session.undoable() == (True, True)
    session.vote(second, "monocyte")
    assert session.redo() is None and session.counts() == {"monocyte": 1}


def test_the_same_label_again_is_no_act(session: Session) -> None:
    first = ids(session)[0]
    session.vote(first, "band")
    session.vote(first, "band")
    session.undo()
    assert session.cell(first).label is None


def test_an_expert_sees_nothing_of_what_the_other_said(session: Session) -> None:
    shelf = Shelf(session.store)
    bob = shelf.open(session.id, "Bob")

    def sight() -> object:
        fields = bob.fields()
        cells = [bob.cells(limit=-1), bob.cells(label="band"), [bob.cell(cell) for cell in ids(bob)]]
        where = bob.next_unlabelled(), bob.next_cell(), bob.progress(), bob.undoable()
        return fields, [bob.record(field.id) for field in fields], cells, where, bob.counts()

    bob.vote(ids(bob)[1], "monocyte")
    before = sight()
    for cell in ids(session):
        session.vote(cell, "band")
    session.tap("band")
    assert sight() == before
    assert bob.undo() is not None and bob.undo() is None, "Bob undoes his own acts alone"
    assert session.counts() == {"band": 7}


def test_nobody_takes_away_what_another_expert_has_labelled(session: Session) -> None:
    bob = Shelf(session.store).open(session.id, "Bob")
    field = session.fields()[0].id
    placed = session.place(field, (30, 30, 40, 40))
    bob.vote(placed, "monocyte")
    for take in (
        session.undo,
        lambda: session.remove(placed),
        lambda: session.move(placed, (0, 0, 9, 9)),
        lambda: session.remove_field(field),
    ):
        with pytest.raises(BadInput, match="another expert has labelled it; call it an artifact"):
            take()
    assert bob.cell(placed).label == "monocyte" and bob.cell(placed).cell.box == (30, 30, 40, 40)
    bob.undo()
    assert session.undo() is not None and placed not in ids(bob)


def test_undo_leaves_alone_what_another_expert_has_changed_since(session: Session) -> None:
    bob = Shelf(session.store).open(session.id, "Bob")
    first = ids(session)[0]
    session.move(first, (1, 1, 10, 10))
    bob.move(first, (2, 2, 11, 11))
    with pytest.raises(BadInput, match="another expert has changed it since"):
        session.undo()
    assert session.cell(first).cell.box == (2, 2, 11, 11)
    session.vote(first, "band")
    session.undo()
    bob.remove(first)
    with pytest.raises(BadInput, match="it was removed"):
        session.redo()


def test_a_field_with_the_other_experts_cells_does_not_go(
    session: Session, draw_photograph: Callable[[int], bytes]
) -> None:
    bob = Shelf(session.store).open(session.id, "Bob")
    field = session.add_field(draw_photograph(9), (64, 48))
    placed = bob.place(field, (0, 0, 9, 9))
    with pytest.raises(BadInput, match="another expert has marked cells in it"):
        session.undo()
    bob.undo()
    session.undo()
    with pytest.raises(BadInput, match="its field was removed"):
        bob.redo()
    with pytest.raises(BadInput, match="no cell"):
        session.cell(placed)


def test_one_photograph_is_one_field(session: Session, draw_photograph: Callable[[int], bytes]) -> None:
    with pytest.raises(BadInput, match="the same photograph is in this session already"):
        session.add_field(draw_photograph(100), (64, 48))
    session.remove_field(session.fields()[0].id)
    again = session.add_field(draw_photograph(100), (64, 48))
    assert [field.id for field in session.fields()][-1] == again
    other = Shelf(session.store).create(Setup("another"), "Ann")
    shared = other.field(other.add_field(draw_photograph(100), (64, 48))).photograph
    assert shared == session.field(again).photograph and len(list(shared.parent.iterdir())) == 2


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (lambda s: s.vote(1, "Neutrofil"), "unknown label 'Neutrofil'; did you mean 'neutrophil'"),
        (lambda s: s.tap("white"), "unknown label 'white'"),
        (lambda s: s.vote(99, "band"), "no cell 99"),
        (lambda s: s.place(99, (0, 0, 9, 9)), "no field 99"),
        (lambda s: s.place(1, (0, 0, 65, 9)), r"box \[0, 0, 65, 9\] is too small or outside the 64 x 48 field"),
        (lambda s: s.place(1, (5, 5, 6, 20)), "too small"),
        (lambda s: s.move(1, (9, 9, 0, 0)), "too small or outside"),
        (lambda s: s.add_field(b"GIF89a", (64, 48)), "neither JPEG, PNG"),
        (lambda s: s.add_field(b"", (64, 48)), "neither JPEG, PNG"),
        (lambda s: s.add_field(s.fields()[0].photograph.read_bytes(), (64, 48), um_per_px=-1), "-1 is no positive"),
    ],
)
def test_bad_input_is_said_and_changes_nothing(session: Session, do: Callable[[Session], object], said: str) -> None:
    before = session.cells(limit=-1), session.undoable()
    with pytest.raises(BadInput, match=said):
        do(session)
    assert (session.cells(limit=-1), session.undoable()) == before


def test_a_photograph_of_another_size_is_refused_and_a_turned_one_taken(
    session: Session, draw_photograph: Callable[[int], bytes]
) -> None:
    with pytest.raises(BadInput, match="is 64 x 48, not 64 x 64"):
        session.add_field(draw_photograph(1), (64, 64))
    assert session.field(session.add_field(draw_photograph(1), (48, 64))).record.width == 48


def test_a_field_keeps_the_scale_it_was_taken_with(store: Store, draw_photograph: Callable[[int], bytes]) -> None:
    setup = Setup("s", Smear("7", "Giemsa", "CML"), Microscope("CX18", 100), "S5", 0.1)
    shelf = Shelf(store)
    session = shelf.create(replace(setup, um_per_px=None), "Ann")
    before = session.add_field(draw_photograph(0), (64, 48))
    assert session.field(before).record.um_per_px is None
    shelf.edit(session.id, setup)
    session.add_field(draw_photograph(1), (64, 48), focus=0.7)
    shelf.edit(session.id, replace(setup, um_per_px=0.2))
    session.add_field(draw_photograph(2), (64, 48))
    session.add_field(draw_photograph(3), (64, 48), um_per_px=0.3)
    fields = session.fields()
    assert [field.record.um_per_px for field in fields] == [0.2, 0.1, 0.2, 0.3], "calibrated later: as the session is"
    assert fields[1].focus == 0.7 and fields[2].focus is None
    assert (fields[0].record.smear, fields[0].record.microscope) == (setup.smear, setup.microscope)


def test_numbers_of_numpy_are_taken_and_odd_cells_are_not(session: Session) -> None:
    import numpy as np

    box = tuple(np.array([1, 1, 9, 9]))
    (added,) = session.add_cells(1, [Cell(box, score=np.float32(0.5))], [Suggestion("band", np.float32(0.25), "p")])
    session.move(added, tuple(np.array([2, 2, 9, 9])))
    assert session.cell(added).cell == Cell((2, 2, 9, 9), {}, 0.5)
    for cell in (Cell((1, 1, 9, 9), {"Ann": "band"}), Cell((1, 1, 9, 9), score=1.5), Cell((1, 1, 9, 9), score=-0.1)):
        with pytest.raises(ValueError, match="a found cell has no votes"):
            session.add_cells(1, [cell])


def test_pages_and_neighbours(session: Session) -> None:
    cells = ids(session)
    assert [cell.id for cell in session.cells(after=cells[1], limit=2)] == cells[2:4]
    second = session.fields()[1].id
    assert [cell.id for cell in session.cells(second)] == cells[3:]
    session.vote(cells[4], "band")
    assert [cell.id for cell in session.cells(label="band")] == [cells[4]]
    session.remove(cells[2])
    assert (session.next_cell(cells[1]), session.previous_cell(cells[3])) == (cells[3], cells[1])
    assert session.next_cell(cells[-1]) is None and session.previous_cell(cells[0]) is None
    assert session.next_unlabelled(cells[3]) == cells[5], "the labelled one is passed over"
    session.vote(cells[5], "band")
    assert session.next_unlabelled(cells[3]) == cells[0], "from the start again"
    for cell in ids(session):
        session.vote(cell, "band")
    assert session.next_unlabelled(cells[3]) is None


def test_resume_goes_on_where_it_stopped(session: Session) -> None:
    folder = session.store.folder
    first, second, *_ = ids(session)
    session.vote(first, "band")
    reopened = Shelf(Store(folder)).resume()
    assert reopened and (reopened.id, reopened.expert, reopened.next_unlabelled()) == (session.id, "Ann", second)
    assert reopened.undo() and reopened.next_unlabelled() == first
    Shelf(reopened.store).delete(session.id, confirm=True)
    assert Shelf(reopened.store).resume() is None


def test_a_clock_set_back_reorders_nothing(
    store: Store, draw_photograph: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10**9, 0, -86400))
    monkeypatch.setattr(time, "time", lambda: float(next(clock)))
    shelf = Shelf(store)
    began = [shelf.create(Setup(f"session {number}"), "Ann") for number in range(3)]
    assert [listed.id for listed in shelf.find()] == [session.id for session in reversed(began)]
    session = began[-1]
    fields = [session.add_field(draw_photograph(grey), (64, 48), [Cell((0, 0, 9, 9))]) for grey in range(4)]
    assert [field.id for field in session.fields()] == fields
    cells = ids(session)
    assert cells == sorted(cells) and session.next_unlabelled() == cells[0]
    for cell, label in zip(cells, ("band", "monocyte", "basophil", "burst"), strict=True):
        session.vote(cell, label)
    assert [session.undo().cell for _ in cells] == cells[::-1]  # type: ignore[union-attr]
    assert [session.redo().cell for _ in cells] == cells  # type: ignore[union-attr]
    assert [session.cell(cell).label for cell in cells] == ["band", "monocyte", "basophil", "burst"]
