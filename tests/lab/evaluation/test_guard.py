"""What is held back and what is kept, on scores made by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_wbc.core.differential import exact_interval
from edge_wbc.lab.evaluation import certainty, guard_measures

LABELS = ("neutrophil", "lymphocyte", "artifact")
TRUTH = ["neutrophil", "neutrophil", "lymphocyte", "lymphocyte", "platelet", "platelet", "red_cell", "not_recognised"]
SCORES = np.array(
    [
        [0.9, 0.1, 0.0],  # kept
        [0.2, 0.8, 0.0],  # kept, though wrong
        [0.4, 0.5, 0.1],  # uncertain
        [0.0, 0.1, 0.9],  # named artifact
        [0.1, 0.1, 0.8],  # held back as artifact
        [0.0, 0.9, 0.1],  # passes
        [0.5, 0.4, 0.1],  # held back as uncertain
        [0.0, 1.0, 0.0],  # nobody knows
    ]
)


def test_shares_and_kinds() -> None:
    found = guard_measures(TRUTH, SCORES, LABELS, uncertain_below=0.7)
    assert found["kept"] == {"share": 0.5, "ci95": list(exact_interval(2, 4)), "n": 4}
    held = found["held_back"]
    assert (held["share"], held["n"]) == (pytest.approx(2 / 3), 3)
    assert {kind: (row["share"], row["n"]) for kind, row in held["kinds"].items()} == {
        "platelet": (0.5, 2),
        "red_cell": (1.0, 1),
    }


def test_without_crops_of_a_kind_there_is_no_share() -> None:
    white = guard_measures(TRUTH[:4], SCORES[:4], LABELS, 0.7)
    assert white["held_back"] is None and white["kept"]["n"] == 4
    assert guard_measures(TRUTH[4:], SCORES[4:], LABELS, 0.7)["kept"] is None


def test_certainty_is_the_top_score_unless_that_is_the_guards() -> None:
    assert certainty(SCORES, LABELS).tolist() == [0.9, 0.8, 0.5, -1, -1, 0.9, 0.5, 1]
    assert certainty(SCORES, ("neutrophil", "lymphocyte", "monocyte")).tolist() == SCORES.max(1).tolist()
    # Even a pack that calls nothing uncertain holds back what it names artifact.
    assert guard_measures(TRUTH, SCORES, LABELS, 0.0)["held_back"]["kinds"]["platelet"]["share"] == 0.5


@given(st.integers(0, 999), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_threshold_holds_back_more_and_keeps_less(seed: int, one: float, other: float) -> None:
    chance = np.random.default_rng(seed)
    truth = chance.choice(["neutrophil", "lymphocyte", "platelet", "erythroblast"], 30).tolist()
    truth[:2] = ["neutrophil", "platelet"]
    scores = chance.dirichlet((0.5, 0.5, 0.5), 30)
    low, high = (guard_measures(truth, scores, LABELS, limit) for limit in sorted((one, other)))
    assert low["held_back"]["share"] <= high["held_back"]["share"]
    assert low["kept"]["share"] >= high["kept"]["share"]
