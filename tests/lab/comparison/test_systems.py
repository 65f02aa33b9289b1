"""The table of systems, and what is no network in it."""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.comparison.classical import fit_knn, fit_logistic, fit_svm, fit_tree
from edge_wbc.lab.comparison.systems import SYSTEMS, system_named, systems_named
from edge_wbc.lab.models import MODELS

COLOURS = {"neutrophil": (200, 120, 160), "lymphocyte": (90, 60, 150), "basophil": (40, 30, 90)}


def cells(per_class: int, labels: tuple[str, ...] = tuple(COLOURS), seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Noisy patches of one colour a class."""
    chance = np.random.default_rng(seed)
    truth = [label for label in labels for _ in range(per_class)]
    pixels = [np.array(COLOURS[label]) + chance.normal(0, 12, (40, 40, 3)) for label in truth]
    return np.clip(pixels, 0, 255).astype(np.uint8), truth


@pytest.mark.parametrize("fit", [fit_knn, fit_svm, fit_logistic, fit_tree])
@pytest.mark.parametrize("labels", [tuple(COLOURS), tuple(COLOURS)[:2]])
def test_classical_ones_learn_and_give_probabilities(fit: Callable, labels: tuple[str, ...]) -> None:
    fitted = fit(*cells(12, labels), 0)
    assert sorted(fitted.labels) == sorted(labels)
    pixels, truth = cells(6, labels, seed=1)
    scores = fitted.scores(pixels)
    assert scores.shape == (len(pixels), len(labels)) and scores.dtype == np.float64
    np.testing.assert_allclose(scores.sum(1), 1)
    assert (np.asarray(fitted.labels)[scores.argmax(1)] == truth).mean() > 0.9
    np.testing.assert_array_equal(fitted.scores(pixels), fit(*cells(12, labels), 0).scores(pixels))


def test_the_highest_score_of_the_svm_is_the_class_that_it_names() -> None:
    pixels, truth = cells(15)
    # Half of the labels are wrong, so that decisions are close.
    truth[::2] = np.random.default_rng(0).permutation(truth[::2]).tolist()
    fitted = fit_svm(pixels, truth, 0)
    from edge_wbc.lab.comparison.classical import flattened

    named = fitted.model.predict(flattened(pixels))
    assert (np.asarray(fitted.labels)[fitted.scores(pixels).argmax(1)] == named).mean() > 0.95


def test_knn_of_two_cells() -> None:
    assert fit_knn(*cells(1, ("neutrophil", "basophil")), 0).scores(cells(1)[0]).shape == (3, 2)


def test_the_table_holds_every_network() -> None:
    assert set(MODELS) <= set(SYSTEMS)
    assert set(SYSTEMS) - set(MODELS) == {"knn", "svm", "logistic", "tree", "tavakoli", "yu-vote"}
    assert all(system.about and system.name == name for name, system in SYSTEMS.items())


def test_names() -> None:
    head = system_named("efficientnet_b0+embedding@default")
    assert (head.model, head.recipe, head.kind) == ("efficientnet_b0+embedding", "default", "network")
    systems = systems_named(["mobilenet_v2", "efficientnet_lite0", "knn", "yu-vote"])
    assert systems[3].members == ("mobilenet_v2", "efficientnet_lite0")
    assert systems_named(["mobilenet_v2", "mnasnet1_0", "yu-vote:mnasnet1_0:mobilenet_v2"])[2].members == (
        "mnasnet1_0", "mobilenet_v2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        ([], "none given"),
        (["resnet19"], "unknown system 'resnet19'; one of: mobilenet_v2,"),
        (["knn+embedding"], "unknown system"),
        (["knn@raabin"], "unknown system"),
        (["mobilenet_v2+hat"], "unknown network 'mobilenet_v2+hat'"),
        (["mobilenet_v2@magic"], "unknown recipe 'magic'"),
        (["knn", "knn"], "'knn' twice"),
        (["mobilenet_v2", "yu-vote"], "two networks at least"),
        (["mobilenet_v2", "yu-vote:mobilenet_v2:mnasnet1_0"], "'mnasnet1_0' votes and is not compared"),
    ],
)
def test_names_that_are_none(names: list[str], fault: str) -> None:
    with pytest.raises(BadInput) as raised:
        systems_named(names)
    assert fault in str(raised.value) and "\n" not in str(raised.value)


def test_tavakoli_is_fitted_like_the_others() -> None:
    if find_spec("edge_wbc.lab.features") is None:
        pytest.skip("edge_wbc.lab.features is not there yet")
    pixels, truth = cells(8)
    pixels[:, 8:32, 8:32] //= 2
    fitted = SYSTEMS["tavakoli"].fit(pixels, truth, 0)
    np.testing.assert_allclose(fitted.scores(pixels[:4]).sum(1), 1)
