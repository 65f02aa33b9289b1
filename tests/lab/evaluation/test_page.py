"""The page of several labs."""

import re
from dataclasses import replace

import numpy as np
import pytest

from edge_wbc.core.taxonomy import FIVE_CLASSES
from edge_wbc.lab.evaluation.embeddings import embed, embedding_map
from edge_wbc.lab.evaluation.labs import LabResult, calibration_of, lab_measures
from edge_wbc.lab.evaluation.page import labs_page

LABELS = (*FIVE_CLASSES, "artifact")


def lab(name: str, seed: int, cells: int = 80) -> LabResult:
    """Cells that are mostly named rightly, some platelets among them."""
    chance = np.random.default_rng(seed)
    truth = chance.choice([*FIVE_CLASSES, "platelet"], cells)
    best = np.array([LABELS.index(label) if label in LABELS else 5 for label in truth])
    best = np.where(chance.random(cells) < 0.2, chance.integers(0, 6, cells), best)
    scores = chance.dirichlet(np.ones(6), cells) + 1.5 * np.eye(6)[best]
    return LabResult(
        name,
        truth,
        scores / scores.sum(1, keepdims=True),
        LABELS,
        uncertain_below=0.6,
        temperature=1.4,
        crops=chance.integers(0, 255, (cells, 24, 24, 3), np.uint8),
        embeddings=np.eye(6)[best] + chance.normal(0, 0.2, (cells, 6)),
    )


@pytest.fixture(scope="module")
def labs() -> list[LabResult]:
    return [lab("here", 0), lab("there <b>", 1)]


@pytest.fixture(scope="module")
def page(labs: list[LabResult]) -> str:
    return labs_page("two labs", labs, [replace(one, scores=np.roll(one.scores, 1, 1)) for one in labs])


def test_it_says_what_was_measured(labs: list[LabResult], page: str) -> None:
    plain = page.replace("\u00a0", " ")
    for one in labs:
        found = lab_measures(one)
        low, high = found["balanced_accuracy_5_ci95"]
        assert f"{100 * found['balanced_accuracy_5']:.1f} ({100 * low:.1f} to {100 * high:.1f})" in plain
        held = found["guard"]["held_back"]["kinds"]["platelet"]
        assert f"{100 * held['share']:.1f} ({100 * held['ci95'][0]:.1f} to" in plain
    for title in ("Precision and recall", "What it lets pass", "The worst mistakes", "Confusion before adaptation"):
        assert f"<h2>{title}</h2>" in page
    assert "here, before" in page and "here, after" in page
    assert "Research use, not for diagnosis" in page
    assert "<b>" not in page
    assert not re.search(r"(src|href)=[\"'](?!data:)", page)
    # Two confusions, curves, reliability, maps, mistakes, and what passed the guard.
    assert page.count("data:image/png;base64,") == 7


def test_without_photographs_the_page_is_that_of_labs_that_have_none(labs: list[LabResult]) -> None:
    blind = labs_page("labs", labs[:1], photographs=False)
    assert blind == labs_page("labs", [replace(labs[0], crops=None)])
    assert "worst mistakes" not in blind
    assert blind.count("data:image/png;base64,") == 4


def test_a_lab_of_few_cells_and_no_crop_outside_has_a_page() -> None:
    few = LabResult("few", np.array(["neutrophil", "basophil", "not_recognised"]), np.eye(6)[[0, 0, 1]], LABELS)
    page = labs_page("few", [few])
    assert "too few" in page and "What it lets pass" not in page


def test_measures_count_what_they_should(labs: list[LabResult]) -> None:
    found = lab_measures(labs[0])
    outside = int((labs[0].truth == "platelet").sum())
    assert found["n"] == 80 - outside and found["dropped"] == {"platelet": outside}
    before, after = calibration_of(labs[0])
    assert found["calibration"] == {"temperature": 1.4, "ece_before": before.error, "ece": after.error}
    assert before.cells.sum() == after.cells.sum() == found["n"]
    white = replace(labs[0], truth=np.where(labs[0].truth == "platelet", "neutrophil", labs[0].truth))
    assert lab_measures(white)["guard"] is None


def test_embeddings_are_what_the_last_layer_sees() -> None:
    import torch
    from torch import nn

    from edge_wbc.lab.training.loop import predict_logits

    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 16), nn.ReLU(), nn.Linear(16, 5))
    for figure in ("mean", "std"):
        network.register_buffer(figure, torch.full((3, 1, 1), 0.5), persistent=False)
    pixels = np.random.default_rng(0).integers(0, 255, (70, 8, 8, 3), np.uint8)
    seen = embed(network, pixels)
    last = network[-1]
    assert seen.shape == (70, 16)
    logits = seen @ last.weight.detach().numpy().T + last.bias.detach().numpy()
    np.testing.assert_allclose(logits, predict_logits(network, pixels), atol=1e-4)
    assert not last._forward_pre_hooks


def test_the_map_keeps_groups_apart_and_is_drawn_the_same_twice() -> None:
    chance = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], 25)
    places = embedding_map(10 * np.eye(3)[groups] + chance.normal(0, 0.3, (75, 3)))
    middles = np.stack([places[groups == group].mean(0) for group in range(3)])
    nearest = ((places[:, None] - middles) ** 2).sum(2).argmin(1)
    assert (nearest == groups).all()
    np.testing.assert_array_equal(
        places, embedding_map(10 * np.eye(3)[groups] + np.random.default_rng(0).normal(0, 0.3, (75, 3)))
    )
