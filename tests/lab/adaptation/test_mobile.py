"""The steps of our own adaptation, each by itself."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from edge_wbc.core.crops import CropRule
from edge_wbc.core.errors import BadInput
from edge_wbc.lab.adaptation.lab import NewLab, draw_shots
from edge_wbc.lab.adaptation.mobile import degenerate, pull_head, surest
from edge_wbc.lab.adaptation.spread import spread
from edge_wbc.lab.training.judging import predict_logits


def lab_of(columns: list[int], groups: list[int] | None = None) -> NewLab:
    rows = len(columns)
    groups = groups or list(range(rows))
    raw = np.zeros((rows, 8, 8, 3), np.uint8)
    return NewLab("a lab", CropRule(8), raw, (), (), np.array(columns), np.array(groups), {})  # type: ignore[arg-type]


@given(st.lists(st.integers(-1, 4), min_size=20, max_size=60), st.integers(0, 99), st.booleans())
def test_shots_are_labelled_distinct_and_as_many_as_asked(columns: list[int], seed: int, proportionate: bool) -> None:
    lab = lab_of(columns, [row // 2 for row in range(len(columns))])
    possible = len({group for group, column in zip(lab.groups, lab.columns, strict=True) if column >= 0})
    labels = len({column for column in columns if column >= 0})
    wanted = max(labels, possible // 2)
    if possible < max(wanted, 1):
        return
    try:
        shots = draw_shots(lab, wanted, seed, proportionate)
    except BadInput:
        # Copies with two labels may leave one of them without a cell.
        assert possible < wanted or labels > wanted
        return
    assert len(shots) == wanted == len(set(lab.groups[shots]))
    assert (lab.columns[shots] >= 0).all()
    assert np.array_equal(shots, draw_shots(lab, wanted, seed, proportionate))


def test_every_label_is_covered_and_half_of_it_kept() -> None:
    lab = lab_of([0] * 70 + [1] * 12 + [2] * 6 + [3] * 1 + [-1] * 30)
    counts = np.bincount(lab.columns[draw_shots(lab, 25, 3)], minlength=4)
    assert counts.tolist() == [16, 6, 3, 0]
    everything = draw_shots(lab, 89, 0)
    assert np.bincount(lab.columns[everything]).tolist() == [70, 12, 6, 1]


def test_proportionate_shots_are_the_papers() -> None:
    lab = lab_of([0] * 120 + [1] * 60 + [2] * 20)
    assert np.bincount(lab.columns[draw_shots(lab, 20, 0, proportionate=True)]).tolist() == [12, 6, 2]


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    chance = np.random.default_rng(0)
    return chance.integers(0, 256, (24, 32, 32, 3)).astype(np.uint8)


class MeanColour(nn.Module):
    """Names a crop by its mean colour alone."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(3, 3)
        self.register_buffer("mean", torch.full((3, 1, 1), 0.5))
        self.register_buffer("std", torch.full((3, 1, 1), 0.1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(x.mean((2, 3)))


def test_a_strong_prior_holds_the_last_layer_and_a_weak_one_lets_it_learn(crops: np.ndarray) -> None:
    columns = np.arange(len(crops)) % 3
    coloured = crops // 2
    coloured[np.arange(len(crops)), :, :, columns] += 100
    right = []
    for pull in (1e6, 1e-4):
        torch.manual_seed(3)
        network = MeanColour()
        before = network.last.weight.detach().clone()
        pull_head(network, coloured, columns, pull)
        moved = (network.last.weight.detach() - before).abs().max().item()
        assert moved < 1e-3 if pull == 1e6 else moved > 0.1
        right.append((predict_logits(network, coloured).argmax(1) == columns).mean())
    assert right[0] < 0.9 and right[1] == 1.0


def test_answers_are_shared_among_like_cells() -> None:
    chance = np.random.default_rng(0)
    truth = np.arange(60) % 3
    seen = np.eye(3, dtype=np.float32)[truth] + chance.normal(0, 0.1, (60, 3)).astype(np.float32)
    said = truth.copy()
    said[chance.permutation(60)[:18]] += 1
    scores = 0.6 * np.eye(3)[said % 3] + 0.4 / 3
    found = spread(seen, scores)
    assert (scores.argmax(1) == truth).mean() == 0.7
    assert (found.argmax(1) == truth).mean() > 0.93
    assert found.sum(1) == pytest.approx(np.ones(60), abs=1e-5)
    order = chance.permutation(60)
    assert spread(seen[order], scores[order]) == pytest.approx(found[order], abs=1e-5)
    assert spread(seen[:1], scores[:1]) == pytest.approx(scores[:1])
    assert spread(seen, scores, reach=0.0) == pytest.approx(scores, abs=1e-6)


def test_of_each_answer_the_surest_are_learned_from() -> None:
    ahead = np.linspace(0.02, 0.4, 20)
    answers = np.full((30, 3), 0.2)
    answers[:20, 0] = 0.4 + ahead
    answers[20:, 1] = 0.21
    kept = surest(answers, np.arange(2, 30), 0.5)
    # A rare, unsure answer keeps its share: half of what its label got, however sure the other label's cells are.
    assert kept[:9].tolist() == list(range(11, 20))
    assert len(kept) == 14 and (kept[9:] >= 20).all()
    assert surest(answers, np.arange(0), 0.5).size == 0
    assert surest(answers, np.array([4]), 0.1).tolist() == [4]


def test_collapsed_answers_are_noticed() -> None:
    before = np.eye(3, dtype=np.float32)[[0] * 60 + [1] * 30 + [2] * 10]
    assert degenerate(before, before) == ""
    assert "vanished" in degenerate(before, np.eye(3, dtype=np.float32)[[0] * 99 + [1]])
    turned = np.eye(3, dtype=np.float32)[[1] * 60 + [0] * 30 + [2] * 10]
    assert "more than half" in degenerate(before, turned)
