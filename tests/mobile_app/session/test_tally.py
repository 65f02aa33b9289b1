"""The differential of a session, and a rehearsal of the manual counter."""

import random
from collections import Counter

import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.taxonomy import LABELS
from mobile_app.session import WHITE_LABELS, Session, Setup, Shelf, Store, tally
from mobile_app.session.tally import OUTSIDE_LABELS


def test_every_label_counts_or_never_does() -> None:
    assert set(WHITE_LABELS) | set(OUTSIDE_LABELS) == set(LABELS) and not set(WHITE_LABELS) & set(OUTSIDE_LABELS)


def test_what_does_not_count_is_outside_and_erythroblasts_are_told_per_hundred() -> None:
    counts = {"neutrophil": 60, "monocyte": 40, "erythroblast": 12, "burst": 3, "artifact": 2, "not_recognised": 1}
    done = tally(counts)
    assert (done.counted, done.reached, done.shares["neutrophil"].percent) == (100, True, 60.0)
    assert (done.nrbc, done.nrbc_per_100) == (12, 12.0)
    low, high = done.nrbc_ci95 or (0, 0)
    assert low < 12 < high
    assert done.outside == {"burst": 3, "artifact": 2, "not_recognised": 1, "erythroblast": 12}
    fewer = tally(counts, ("neutrophil",), 200)
    assert (fewer.counted, fewer.reached, fewer.outside["monocyte"]) == (60, False, 40)
    assert list(fewer.shares) == ["neutrophil"] and fewer.shares["neutrophil"].percent == 100


def test_nothing_counted_yet() -> None:
    empty = tally({"erythroblast": 2})
    assert (empty.counted, empty.nrbc, empty.nrbc_per_100, empty.nrbc_ci95) == (0, 2, None, None)
    assert not empty.reached and all(share.ci95 == (0.0, 100.0) for share in empty.shares.values())


@pytest.mark.parametrize("classes", [("burst",), ("erythroblast", "band"), ("Band",), ()])
def test_labels_that_never_count_cannot_be_chosen(classes: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match="labels that count"):
        tally({}, classes)


def test_manual_and_labelled_counts_separate_and_together(session: Session) -> None:
    session.vote(1, "band")
    session.vote(2, "burst")
    session.tap("band")
    session.tap("eosinophil")
    assert session.counts(taps=False) == {"band": 1, "burst": 1}
    assert session.counts(cells=False) == {"band": 1, "eosinophil": 1}
    assert session.counts() == {"band": 2, "burst": 1, "eosinophil": 1}


def test_manual_counter_rehearsal(store: Store) -> None:
    beta = pytest.importorskip("scipy.stats", reason="exact limits are held against SciPy's").beta
    chance = random.Random(20)
    labels = [*WHITE_LABELS, "erythroblast", "burst", "not_recognised"]
    script = chance.choices(labels, [50, 6, 2, 20, 6, 7, 3, 1, 1, 4, 2, 2], k=200)
    session = Shelf(store).create(Setup("rehearsal"), "Ann")
    for number, label in enumerate(script):
        session.tap(label)
        if number % 9 == 0:  # a slip of the finger
            session.tap("basophil")
            session.undo()
    expected = Counter(script)
    assert session.counts() == dict(expected)
    done = tally(session.counts(), WHITE_LABELS, 200)
    total = sum(expected[name] for name in WHITE_LABELS)
    assert done.counted == total < 200 and not done.reached and tally(session.counts()).reached

    def limits(k: int, n: int) -> list[float]:
        low = beta.ppf(0.025, k, n - k + 1) if k else 0.0
        return [low, beta.ppf(0.975, k + 1, n - k) if k < n else 1.0]

    for name in WHITE_LABELS:
        share, count = done.shares[name], expected[name]
        assert (share.count, share.percent) == (count, 100 * count / total)
        assert list(share.ci95) == pytest.approx([100 * limit for limit in limits(count, total)], abs=1e-9)
    nrbc = expected["erythroblast"]
    assert (done.nrbc, done.nrbc_per_100) == (nrbc, 100 * nrbc / total)
    odds = [100 * limit / (1 - limit) for limit in limits(nrbc, nrbc + total)]
    assert list(done.nrbc_ci95 or ()) == pytest.approx(odds, abs=1e-9)
    assert done.outside == {name: expected[name] for name in ("burst", "not_recognised", "erythroblast")}
