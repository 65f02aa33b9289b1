"""Temperature, reliability, and the score to be certain from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from edge_wbc.lab.evaluation import choose_threshold, fit_temperature, reliability
from edge_wbc.lab.evaluation.calibration import untempered

shares = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def test_temperature_is_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (4000, 5))
    odds = np.exp(logits)
    truth = np.array([rng.choice(5, p=row / row.sum()) for row in odds])
    assert fit_temperature(2.5 * logits, truth) == pytest.approx(2.5, rel=0.1)


@given(st.floats(0.2, 5), st.integers(0, 99))
def test_the_temperature_is_taken_back(temperature: float, seed: int) -> None:
    logits = np.random.default_rng(seed).normal(0, 4, (20, 5))
    np.testing.assert_allclose(
        untempered(softmax(logits / temperature, 1), temperature), softmax(logits, 1), rtol=1e-6, atol=1e-12
    )


def test_a_calibrated_network_errs_little_and_a_boaster_by_as_much_as_it_boasts() -> None:
    rng = np.random.default_rng(0)
    score = rng.uniform(0.2, 1, 50_000)
    assert reliability(score, rng.random(50_000) < score).error < 0.01
    boaster = reliability(np.full(200, 0.95), np.arange(200) < 120)
    assert boaster.error == pytest.approx(0.35)
    assert boaster.cells.tolist() == [0] * 14 + [200]


def test_bins_are_those_of_guo() -> None:
    # Interval m of 15 is ((m - 1) / 15, m / 15].
    found = reliability(np.array([0.0, 1 / 15, 0.07, 2 / 3, 1.0]), np.array([True, True, False, True, True]))
    assert np.flatnonzero(found.cells).tolist() == [0, 1, 9, 14]
    assert found.cells[0] == 2


@given(shares)
def test_the_error_is_a_share_and_at_least_the_overall_gap(answers: list[tuple[float, bool]]) -> None:
    score, right = np.array([a[0] for a in answers]), np.array([a[1] for a in answers])
    error = reliability(score, right).error
    assert abs(score.mean() - right.mean()) - 1e-9 <= error <= 1 + 1e-9
    assert reliability(score, right, bins=1).error == pytest.approx(abs(score.mean() - right.mean()))


def test_threshold_keeps_the_error_rate() -> None:
    scores = np.linspace(1, 0.2, 101)
    right = scores > 0.5
    threshold = choose_threshold(scores, right, error_rate=0.05)
    kept = scores >= threshold
    assert (~right[kept]).mean() <= 0.05
    wider = scores >= threshold - 0.02
    assert (~right[wider]).mean() > 0.05
    assert choose_threshold(scores, np.zeros(101, bool)) == 0.99


@given(st.lists(st.tuples(st.sampled_from([-1.0, 0.3, 0.5, 0.7, 0.9]), st.booleans()), min_size=1, max_size=40))
def test_equal_scores_stand_or_fall_together(answers: list[tuple[float, bool]]) -> None:
    scores, right = np.array([a[0] for a in answers]), np.array([a[1] for a in answers])
    threshold = choose_threshold(scores, right, error_rate=0.2)
    certain = scores >= threshold
    assert not certain.any() or (~right[certain]).mean() <= 0.2
    assert threshold > 0


WHITE = np.linspace(0.5, 0.98, 100)


def test_crops_outside_raise_the_threshold_to_where_both_shares_are_largest() -> None:
    outside = np.linspace(0.2, 0.55, 50)
    alone = choose_threshold(WHITE, np.ones(100, bool))
    threshold = choose_threshold(WHITE, np.ones(100, bool), outside=[outside])
    assert alone == 0.5 < threshold < 0.55
    assert (WHITE >= threshold).mean() > 0.9 and (outside < threshold).mean() > 0.9


def test_many_crops_of_an_easy_kind_do_not_speak_for_few_of_a_hard_one() -> None:
    easy, hard = np.full(900, 0.1), np.linspace(0.45, 0.545, 30)
    together, apart = (
        choose_threshold(WHITE, np.ones(100, bool), outside=kinds) for kinds in ([np.append(easy, hard)], [easy, hard])
    )
    assert (hard < together).mean() < 0.7 < 0.85 < (hard < apart).mean()


def test_the_share_kept_wins_over_the_share_held_back() -> None:
    threshold = choose_threshold(WHITE, np.ones(100, bool), outside=[np.full(50, 0.97)])
    assert (WHITE >= threshold).mean() >= 0.9
    closer = choose_threshold(WHITE, np.ones(100, bool), outside=[np.linspace(0.5, 0.98, 50)])
    assert 0.9 <= (WHITE >= closer).mean() <= 0.92


def test_the_error_rate_wins_over_the_share_kept() -> None:
    right = WHITE > 0.7
    threshold = choose_threshold(WHITE, right, outside=[np.full(50, 0.3)])
    certain = WHITE >= threshold
    assert (~right[certain]).mean() <= 0.02
    assert certain.mean() < 0.9


@given(shares, st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_crops_outside_never_lower_the_threshold(answers: list[tuple[float, bool]], outside: list[float]) -> None:
    scores, right = np.array([a[0] for a in answers]), np.array([a[1] for a in answers])
    alone = choose_threshold(scores, right)
    threshold = choose_threshold(scores, right, outside=[np.array(outside)])
    assert alone <= threshold <= 0.99
    assert threshold == alone or (scores >= threshold).mean() >= 0.9
