"""Raabin's Table 4 recomputed, and the statistics against other ways to the same numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score

from edge_wbc.core.taxonomy import RAABIN_LABELS, label_from_name
from edge_wbc.lab.curation.agreement import (
    TwoVotes,
    agreement,
    agreement_json,
    confusions,
    cross_table,
    is_double_labelled,
    label_agreement,
    to_adjudicate,
    without,
)

# Raabin-WBC, Table 4: rows expert 1, columns expert 2.
NAMES = (
    "Artifact, Band, Basophil, Burst, Eosinophil, Large lymph, Meta, Monocyte, Neutrophil, Small lymph, "
    "Not recognized, Not labeled"
)
TABLE = np.array(
    [
        [3489, 0, 0, 14, 2, 1, 0, 0, 6, 4, 96, 225],
        [0, 311, 0, 2, 0, 0, 2, 0, 32, 0, 16, 71],
        [0, 0, 308, 0, 0, 0, 0, 0, 0, 0, 2, 0],
        [29, 0, 0, 2673, 1, 11, 0, 4, 1, 32, 96, 525],
        [0, 0, 0, 9, 1466, 0, 0, 0, 1, 1, 13, 607],
        [0, 0, 0, 1, 0, 2153, 0, 4, 1, 172, 23, 163],
        [0, 0, 0, 1, 0, 0, 11, 1, 2, 0, 6, 12],
        [0, 0, 0, 2, 0, 24, 0, 874, 1, 0, 36, 104],
        [0, 134, 0, 29, 3, 1, 0, 2, 11726, 1, 109, 1078],
        [1, 0, 0, 1, 0, 31, 0, 0, 0, 1833, 20, 370],
        [65, 5, 0, 9, 5, 744, 10, 81, 127, 332, 1099, 268],
        [5, 0, 0, 0, 0, 1, 0, 0, 9, 4, 3, 9015],
    ]
)
LABELS = tuple(label_from_name(name) for name in NAMES.split(", "))
COUNTS = arrays(np.int64, st.integers(2, 5).map(lambda side: (side, side)), elements=st.integers(0, 60))


def votes_of(labels: tuple[str, ...], table: np.ndarray) -> list[TwoVotes]:
    return [
        TwoVotes(f"{number:05d}", None, labels[row], labels[column])
        for number, (row, column) in enumerate(pair for pair, count in np.ndenumerate(table) for _ in range(int(count)))
    ]


def test_table_4() -> None:
    votes = votes_of(LABELS, TABLE)
    labels, table = cross_table(reversed(votes))
    assert labels == LABELS and set(labels) == set(RAABIN_LABELS)
    assert (table == TABLE).all()
    found = agreement_json(("1", "2"), labels, table)
    assert found["cells"] == 40_762
    seen, named = found["labelled_by_both"], found["named_by_both"]
    assert (seen["cells"], round(seen["agreement"], 5), round(seen["kappa"], 5)) == (28_302, 0.91665, 0.89212)
    assert (named["cells"], round(named["agreement"], 5), round(named["kappa"], 5)) == (25_408, 0.97780, 0.96973)
    assert found["per_label"]["not_recognised"]["agreed"] == 1_099
    assert sum(map(is_double_labelled, votes)) == 25_408
    assert "not_labelled" not in found["per_label"]
    assert found["confused"][0] == {
        "labels": ["large_lymphocyte", "not_recognised"], "cells": 767, "forth": 23, "back": 744,
    }  # fmt: skip
    for scope in (seen, named, *found["per_label"].values()):
        assert scope["agreement_ci95"][0] <= scope["agreement"] <= scope["agreement_ci95"][1]
        assert scope["kappa_ci95"][0] <= scope["kappa"] <= scope["kappa_ci95"][1]


def test_the_adjudication_list_begins_with_the_most_confused() -> None:
    wanted = to_adjudicate(votes_of(LABELS, TABLE))
    assert len(wanted) == 28_302 - int(np.trace(TABLE[:11, :11]))
    pairs = [frozenset((vote.first, vote.second)) for vote in wanted]
    assert all(len(pair) == 2 and "not_labelled" not in pair for pair in pairs)
    runs = [pairs[0], *(pair for before, pair in zip(pairs, pairs[1:], strict=False) if pair != before)]
    assert len(runs) == len(set(runs))
    sizes = [pairs.count(pair) for pair in runs]
    assert sizes == sorted(sizes, reverse=True) and runs[0] == {"large_lymphocyte", "not_recognised"}


def kappa_of(p: np.ndarray) -> float:
    chance = p.sum(1) @ p.sum(0)
    return (np.trace(p) - chance) / (1 - chance)


@settings(max_examples=100, deadline=None)
@given(COUNTS)
def test_kappa_and_its_error_by_other_ways(table: np.ndarray) -> None:
    found = agreement(table)
    total = table.sum()
    p = table / max(total, 1)
    if total == 0 or p.sum(1) @ p.sum(0) > 1 - 1e-12:
        assert found.kappa is None
        return
    pairs = votes_of(tuple("abcde"[: len(table)]), table)
    oracle = cohen_kappa_score([vote.first for vote in pairs], [vote.second for vote in pairs])
    assert found.kappa == pytest.approx(oracle, abs=1e-12)
    # The delta method: kappa's slope at these shares, and the shares' multinomial covariance.
    step = 1e-6
    slope = np.array(
        [
            (kappa_of(p + step * unit) - kappa_of(p - step * unit)) / (2 * step)
            for unit in np.eye(p.size).reshape(-1, *p.shape)
        ]
    )
    flat = p.ravel()
    error = np.sqrt(max(0.0, slope @ (np.diag(flat) - np.outer(flat, flat)) @ slope / total))
    low, high = found.kappa_ci95
    if error > 1e-5:
        assert low == pytest.approx(max(-1, found.kappa - 1.959964 * error), abs=1e-4)
        assert high == pytest.approx(min(1, found.kappa + 1.959964 * error), abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(COUNTS)
def test_a_label_against_the_rest(table: np.ndarray) -> None:
    for label in range(len(table)):
        found = label_agreement(table, label)
        either = table[label].sum() + table[:, label].sum() - table[label, label]
        assert (found.agreed, found.cells) == (table[label, label], either)
        collapsed = [[row == label, column == label] for (row, column), n in np.ndenumerate(table) for _ in range(n)]
        if found.kappa is not None:
            first, second = zip(*collapsed, strict=True)
            assert found.kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)


def test_complete_agreement_of_few_is_no_certainty() -> None:
    few = agreement(np.diag([3, 2]))
    assert few.kappa == 1 and few.kappa_ci95[1] == 1 and few.kappa_ci95[0] < 0.1
    many = agreement(np.diag([3000, 2000]))
    assert many.kappa_ci95[0] > 0.99
    assert agreement(np.array([[7]])).kappa is None
    assert agreement(np.zeros((0, 0), int)).share is None


def test_confusions_count_both_ways() -> None:
    pairs = confusions(("a", "b", "c"), np.array([[5, 2, 0], [1, 5, 9], [0, 0, 5]]))
    assert [(pair.one, pair.other, pair.forth, pair.back, pair.cells) for pair in pairs] == [
        ("b", "c", 9, 0, 9),
        ("a", "b", 2, 1, 3),
    ]
    labels, left = without(("a", "b", "c"), np.arange(9).reshape(3, 3), "b")
    assert labels == ("a", "c") and left.tolist() == [[0, 2], [6, 8]]
