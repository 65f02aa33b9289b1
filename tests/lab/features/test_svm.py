from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from edge_wbc.core.errors import BadInput

pytest.importorskip("sklearn")

from edge_wbc.lab.features import fit_svm  # noqa: E402


def crops_of(kind: str, count: int, seed: int) -> np.ndarray:
    """Round nuclei, or pairs of lobes."""
    chance = np.random.default_rng([seed, len(kind)])
    crops = []
    for _ in range(count):
        crop = np.full((64, 64, 3), (238, 228, 214), np.uint8)
        cv2.circle(crop, (32, 32), 28, (220, 170, 190), cv2.FILLED)
        size = int(chance.integers(8, 11))
        for x in (32,) if kind == "lymphocyte" else (21, 43):
            cv2.circle(crop, (x, int(chance.integers(28, 37))), size, (90, 45, 140), cv2.FILLED)
        crops.append(np.clip(crop + chance.normal(0, 5, crop.shape), 0, 255).astype(np.uint8))
    return np.stack(crops)


BLANK = np.full((1, 64, 64, 3), 255, np.uint8)


@pytest.fixture(scope="module")
def training() -> tuple[np.ndarray, list[str]]:
    crops = np.concatenate([crops_of("neutrophil", 20, 0), crops_of("lymphocyte", 10, 0), BLANK])
    return crops, ["neutrophil"] * 20 + ["lymphocyte"] * 10 + ["neutrophil"]


def test_tells_lobes_from_a_round_nucleus(training: tuple[np.ndarray, list[str]]) -> None:
    svm = fit_svm(*training, seed=0)
    fresh = np.concatenate([crops_of("neutrophil", 5, 9), crops_of("lymphocyte", 5, 9)])
    scores = svm.scores(fresh)
    assert svm.labels == ("lymphocyte", "neutrophil")
    assert scores.shape == (10, 2) and scores.dtype == np.float64
    np.testing.assert_allclose(scores.sum(1), 1)
    assert scores.argmax(1).tolist() == [1] * 5 + [0] * 5
    assert svm.chosen["kernel"] in ("linear", "rbf")


def test_a_crop_without_a_nucleus_gets_the_training_shares(training: tuple[np.ndarray, list[str]]) -> None:
    svm = fit_svm(*training, seed=0)
    assert svm.without_nucleus == 1
    assert svm.scores(BLANK)[0].tolist() == pytest.approx([10 / 31, 21 / 31])
    mixed = svm.scores(np.concatenate([BLANK, training[0][:1]]))
    assert mixed[1].tolist() == svm.scores(training[0][:1])[0].tolist()


def test_same_seed_same_bytes(training: tuple[np.ndarray, list[str]]) -> None:
    one, other = (fit_svm(*training, seed=3).scores(training[0]) for _ in range(2))
    assert one.tobytes() == other.tobytes()


def test_a_class_of_one_usable_cell_is_refused_by_name(training: tuple[np.ndarray, list[str]]) -> None:
    crops, truth = np.concatenate([training[0], crops_of("lymphocyte", 1, 4), BLANK]), [*training[1]]
    with pytest.raises(BadInput, match="'basophil'.*1 training crop with a nucleus"):
        fit_svm(crops, [*truth, "basophil", "basophil"], seed=0)
    with pytest.raises(BadInput, match="two"):
        fit_svm(crops[:20], truth[:20], seed=0)


def test_features_need_neither_torch_nor_scipy() -> None:
    code = "import sys, edge_wbc.lab.features; print(sorted({'torch', 'scipy', 'sklearn'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
