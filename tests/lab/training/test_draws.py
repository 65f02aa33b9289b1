"""An epoch's draws: balanced over labels, fair to small labs, none repeated half the time, prepared beside the work."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_wbc.lab.training.draws import REPEATS, draw_rows, expected_draws, of_course, prepared

CELLS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=60)


@given(CELLS, st.integers(1, 400))
def test_every_label_gets_its_share_and_no_crop_more_than_its_own(cells: list, draws: int) -> None:
    targets = np.array([label for _, label in cells])
    expected = expected_draws(targets, [(domain, str(label)) for domain, label in cells], draws)
    labels = np.unique(targets)
    for label in labels:
        of_label = expected[targets == label]
        assert of_label.sum() == pytest.approx(draws / len(labels))
        assert of_label.max() <= max(REPEATS, of_label.mean()) * (1 + 1e-6)
    by_cell = {name: {expected[row] for row in range(len(cells)) if cells[row] == name} for name in cells}
    assert all(max(rates) == pytest.approx(min(rates)) for rates in by_cell.values())


def test_a_labs_share_is_the_root_of_its_count() -> None:
    targets = np.zeros(500, int)
    expected = expected_draws(targets, [("large", "basophil")] * 400 + [("small", "basophil")] * 100, 300)
    assert expected[:400].sum() == pytest.approx(200) and expected[400:].sum() == pytest.approx(100)


def test_each_kind_within_a_label_has_the_same_share() -> None:
    cells = [("bccd", "red_cell")] * 900 + [("bccd", "platelet")] * 64 + [("pbc", "platelet")] * 100
    expected = expected_draws(np.zeros(1064, int), cells, 540)
    assert expected[:900].sum() == pytest.approx(270)
    assert expected[900:964].sum() == pytest.approx(120) and expected[964:].sum() == pytest.approx(150)


def test_the_only_basophil_of_a_lab_is_not_an_epochs_half() -> None:
    targets = np.array([0] * 1200 + [0] + [1] * 800)
    expected = expected_draws(
        targets, [("pbc", "basophil")] * 1200 + [("bccd", "basophil")] + [("pbc", "x")] * 800, 10000
    )
    assert expected[1200] == REPEATS
    assert expected[:1200].sum() == pytest.approx(5000 - REPEATS)


@given(st.lists(st.floats(0.01, 9), min_size=1, max_size=50), st.integers(0, 2**32))
def test_crops_are_drawn_as_often_as_expected(rates: list, seed: int) -> None:
    draws = max(1, round(sum(rates)))
    expected = np.array(rates) * draws / sum(rates)
    rows = draw_rows(expected, draws, np.random.default_rng(seed))
    assert len(rows) == draws
    drawn = np.bincount(rows, minlength=len(rates))
    assert (np.abs(drawn - expected) < 1 + 1e-6).all()
    assert np.array_equal(rows, draw_rows(expected, draws, np.random.default_rng(seed)))


@given(CELLS, st.integers(0, 7))
def test_a_course_leaves_at_most_one_lab_out_and_no_label(cells: list, course: int) -> None:
    domains, targets = [lab for lab, _ in cells], np.array([label for _, label in cells])
    kept = of_course(course, targets, domains)
    assert set(targets[kept]) == set(targets)
    counts = {lab: domains.count(lab) for lab in domains}
    without = {lab for lab, keeps in zip(domains, kept, strict=True) if not keeps}
    assert len(without) <= course % 2
    assert all(counts[lab] < max(counts.values()) or list(counts.values()).count(counts[lab]) > 1 for lab in without)


def test_courses_leave_each_smaller_lab_out_in_turn() -> None:
    domains = ["drawn"] * 2 + ["pbc"] * 4 + ["tecom"]
    targets = np.array([0, 1, 0, 0, 1, 1, 0])
    without = [{domains[row] for row in np.flatnonzero(~of_course(course, targets, domains))} for course in range(6)]
    assert without == [set(), {"tecom"}, set(), {"drawn"}, set(), {"tecom"}]


def test_the_next_batch_is_prepared_while_one_is_used() -> None:
    begun = [threading.Event() for _ in range(5)]

    def work(step: int) -> int:
        begun[step].set()
        return step

    seen = []
    for step in prepared(work, 5, 2):
        assert begun[min(step + 1, 4)].wait(10)
        seen.append(step)
    assert seen == [0, 1, 2, 3, 4]


def test_a_fault_of_the_thread_is_the_callers() -> None:
    def work(step: int) -> int:
        if step == 1:
            raise ValueError("a bad crop")
        return step

    batches = prepared(work, 3, 1)
    assert next(batches) == 0
    with pytest.raises(ValueError, match="a bad crop"):
        next(batches)
