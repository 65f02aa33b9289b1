"""Sessions are made, found, renamed and deleted."""

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import Microscope, Smear
from mobile_app.session import Session, Setup, Shelf, Store

FULL = Setup(
    "Wednesday",
    Smear("7", "Giemsa", "CML"),
    Microscope("CX18", 100.0),
    "S5",
    0.12,
    200,
    ("band", "monocyte"),
)


def test_a_setup_comes_back_as_it_went(store: Store) -> None:
    shelf = Shelf(store)
    session = shelf.create(FULL, " Ann ")
    listed = shelf.listed(session.id)
    assert (listed.setup, listed.expert, session.expert) == (FULL, "Ann", "Ann")
    assert (listed.fields, listed.cells, listed.taps) == (0, 0, 0)


def test_search_and_pages(store: Store) -> None:
    shelf = Shelf(store)
    names = ("Émile 100%", "گستره خون", "plain_name")
    numbers = [shelf.create(Setup(name, Smear(disease="CML" if "p" in name else "")), "Ann").id for name in names]

    def found(search: str) -> list[int]:
        return [listed.id for listed in shelf.find(search)]

    assert found("") == numbers[::-1]
    assert found("e\u0301MILE") == [numbers[0]], "case and composition of letters do not matter"
    assert found("خون") == [numbers[1]]
    assert found("0%") == [numbers[0]] and found("n_n") == [numbers[2]], "no wildcards"
    assert found("cml") == [numbers[2]] and found("ann") == numbers[::-1] and found("nobody") == []
    assert [listed.id for listed in shelf.find(before=numbers[2], limit=1)] == [numbers[1]]


def test_rename_keeps_the_rest(session: Session) -> None:
    shelf = Shelf(session.store)
    shelf.rename(session.id, "another name")
    assert shelf.listed(session.id).setup == Setup("another name") and shelf.listed(session.id).cells == 6


def test_deletion_wants_a_word_and_takes_everything_of_the_session_and_nothing_else(
    session: Session, draw_photograph: Callable[[int], bytes]
) -> None:
    shelf, store = Shelf(session.store), session.store
    other = shelf.create(Setup("other"), "Ann")
    shared = other.field(other.add_field(draw_photograph(100), (64, 48)))
    session.vote(1, "band")
    session.tap("band")
    own = session.fields()[1].photograph
    with pytest.raises(BadInput, match="'smear 7' is not deleted; confirm it"):
        shelf.delete(session.id, confirm=False)
    shelf.delete(session.id, confirm=True)
    assert shared.photograph.is_file() and not own.exists()
    for table in ("field", "cell", "vote", "tap", "act"):
        column = store.read(f"SELECT * FROM {table}")
        assert all(row["session"] == other.id for row in column), table
    with pytest.raises(BadInput, match="there is no session"):
        shelf.open(session.id, "Ann")
    assert shelf.create(Setup("next"), "Ann").id > other.id, "numbers are not used again"


@pytest.mark.parametrize(
    ("setup", "expert", "said"),
    [
        (Setup("  "), "Ann", "name: is empty"),
        (Setup("s"), "", "expert: is empty"),
        (Setup("s\ud800"), "Ann", "half a character"),
        (Setup("s", target=50), "Ann", "target: 50 is none; choose 100, 200, 500"),
        (Setup("s", classes=("burst",)), "Ann", "'burst' never counts"),
        (Setup("s", classes=()), "Ann", "none is chosen"),
        (Setup("s", um_per_px=0.0), "Ann", "um_per_px: 0.0 is no positive number"),
        (Setup("s", um_per_px=float("nan")), "Ann", "no positive number"),
        (Setup("s", microscope=Microscope("x", -1)), "Ann", "magnification: -1 is no"),
    ],
)
def test_a_setup_that_will_not_do_is_refused(store: Store, setup: Setup, expert: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Shelf(store).create(setup, expert)
    assert Shelf(store).find() == []


def test_two_stores_of_one_folder_see_each_other(session: Session, tmp_path: Path) -> None:
    second = Store(session.store.folder)
    Shelf(second).open(session.id, "Bob").vote(1, "band")
    session.vote(2, "monocyte")
    assert Shelf(second).open(session.id, "Ann").counts() == {"monocyte": 1}
