"""Which crops calibrate and which prove: of a run its parts, of a folder what was learned from and what was not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from edge_wbc.core.crops import CropRule
from edge_wbc.core.errors import BadInput
from edge_wbc.lab.adaptation.lab import NewLab, read_lab
from export.calibration import relit
from export.evidence import Evidence, evidence_of_folder, evidence_of_run

FIVE = ("neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil")


def quiet(*said: object) -> None:
    pass


def rows_of(found: np.ndarray, among: np.ndarray) -> set[int]:
    """Which of some crops there are, all of them different."""
    places = {crop.tobytes(): row for row, crop in enumerate(among)}
    return {places[crop.tobytes()] for crop in found}


def test_a_runs_calibration_takes_each_label_of_each_lab_in_turn(run, graph, draw_crops) -> None:
    crops, labels = draw_crops(90, 6)
    domains = ["rare"] * 9 + ["common"] * 81

    class TwoLabs(type(run)):  # type: ignore[misc]
        def domains(self, part: str) -> list[str]:
            return domains if part == "train" else super().domains(part)

    fields = {name: getattr(run, name) for name in run.__dataclass_fields__}
    two = TwoLabs(**{**fields, "parts": {**run.parts, "train": (crops, labels)}})
    found = evidence_of_run(two, graph, 18, 0)
    taken = rows_of(found.calibration[:18], crops)
    assert len(taken) == 18 and found.part == "test"
    for label in range(3):
        for domain in ("rare", "common"):
            assert sum(labels[row] == label and domains[row] == domain for row in taken) == 3
    np.testing.assert_array_equal(found.calibration[18:], relit(found.calibration[:18], 0))
    np.testing.assert_array_equal(found.crops, run.crops("test")[0])
    again, other = evidence_of_run(two, graph, 18, 0), evidence_of_run(two, graph, 18, 1)
    np.testing.assert_array_equal(again.calibration, found.calibration)
    assert rows_of(other.calibration[:18], crops) != taken


def test_what_is_proved_on_never_calibrates(run, graph) -> None:
    found = evidence_of_run(run, graph, 200, 0)
    learned = {crop.tobytes() for crop in run.crops("train")[0]}
    assert len(found.calibration) == 180 and {crop.tobytes() for crop in found.calibration[:90]} == learned
    assert not learned & {crop.tobytes() for crop in found.crops}


@pytest.mark.parametrize(
    ("parts", "part"),
    [(("test", "unlabelled"), "test"), (("unlabelled", "train"), "unlabelled"), (("train",), "train")],
)
def test_an_adaptation_without_labels_has_seen_all_crops(parts, part, run, graph, draw_crops) -> None:
    crops, _ = draw_crops(20, 8)
    nothing = (crops[:0], np.zeros(0, np.int64))
    held = {
        name: (crops, np.full(20, -1)) if name in parts else nothing for name in ("train", "val", "test", "unlabelled")
    }
    found = evidence_of_run(run.but(parts=held, recipe={"transductive": True}), graph, 100, 0)
    assert found.part == part and (found.truth == -1).all()
    assert len(found.calibration) == 2 * 20 * len(parts)
    with pytest.raises(BadInput, match="no held-out crops"):
        evidence_of_run(run.but(parts={**held, "test": nothing, "val": nothing}), graph, 100, 0)


@pytest.fixture
def five(run):
    """The tiny run as a network of five labels, for the cells of another lab."""
    return run.but(labels=FIVE, crop=CropRule(32, 1.2), provenance=())


def of_folder(run, data: Path, graph, count: int = 200, seed: int = 0) -> tuple[Evidence, NewLab]:
    return evidence_of_folder(run, data, graph, count, seed, quiet), read_lab(data, run.crop, run.labels, quiet)


def test_of_a_folder_nobody_learned_from_half_calibrates_and_copies_stay_together(five, other_lab, graph) -> None:
    sides = []
    for seed in range(6):
        found, lab = of_folder(five, other_lab, graph, seed=seed)
        crops = lab.crops()
        copies = [row for row, item in enumerate(lab.items) if item.name in ("monocyte/1.png", "monocyte/copy.png")]
        assert len(copies) == 2 and len({int(lab.groups[row]) for row in copies}) == 1
        calibrating = {crop.tobytes() for crop in found.calibration[: len(found.calibration) // 2]}
        proving = {crop.tobytes() for crop in found.crops}
        assert not calibrating & proving
        assert len(found.calibration) // 2 + len(found.crops) == len(crops) == 41
        assert abs(len(found.crops) - 20) <= 2 and found.part == other_lab.name
        assert (found.truth >= 0).all() and len(np.unique(found.truth)) > 2
        sides.append(crops[copies[0]].tobytes() in calibrating)
    assert len(set(sides)) == 2
    again, _ = of_folder(five, other_lab, graph)
    np.testing.assert_array_equal(again.crops, of_folder(five, other_lab, graph)[0].crops)


def test_of_a_folder_with_learned_cells_those_calibrate_with_their_copies(five, other_lab, graph) -> None:
    lab = read_lab(other_lab, five.crop, five.labels, quiet)
    chosen = [row for row, item in enumerate(lab.items) if item.name.endswith(("/1.png", "/2.png"))]
    provenance = tuple((lab.sha256[row], lab.items[row].name, "train") for row in chosen)
    provenance += ((lab.sha256[-1], "in its test part", "test"),)
    found, _ = of_folder(five.but(provenance=provenance), other_lab, graph)
    copy = next(row for row, item in enumerate(lab.items) if item.name == "monocyte/copy.png")
    learned = {*chosen, copy}
    crops = lab.crops()
    calibrating = {crop.tobytes() for crop in found.calibration[: len(found.calibration) // 2]}
    assert calibrating == {crops[row].tobytes() for row in learned}
    assert len(found.crops) == 41 - len(learned)


class EvenOrOdd(torch.nn.Module):
    """Stands in for a network: calls a crop by the sum of its pixels."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        odd = pixels.double().sum((1, 2, 3)).long() % 2
        return torch.nn.functional.one_hot(odd, 5).float()


def test_cells_that_nobody_labelled_calibrate_by_what_the_network_calls_them(five, other_lab, tmp_path) -> None:
    for row, file in enumerate(sorted(other_lab.glob("*/?.png"))):
        (tmp_path / "loose" / "slide").mkdir(parents=True, exist_ok=True)
        shutil.copy(file, tmp_path / "loose" / "slide" / f"{row}.png")
    found, lab = of_folder(five, tmp_path / "loose", EvenOrOdd(), count=8)
    assert (found.truth == -1).all() and len(lab.items) == 40
    odd = found.calibration[:8].sum((1, 2, 3), dtype=np.int64) % 2
    assert odd.sum() == 4, "a label in turn"


def test_what_a_folder_lacks_is_one_line(five, other_lab, graph, tmp_path, monkeypatch) -> None:
    def refused(data: Path, match: str, run=five) -> None:
        with pytest.raises(BadInput, match=match) as fault:
            evidence_of_folder(run, data, graph, 200, 0, quiet)
        assert "\n" not in str(fault.value) and str(data) in str(fault.value)

    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "no ")
    refused(tmp_path / "gone", "no such folder")
    shutil.copytree(other_lab / "monocyte", tmp_path / "one" / "monocyte")
    refused(tmp_path / "one", r"cells of one label alone to calibrate on \(monocyte\)")
    (tmp_path / "copies" / "basophil").mkdir(parents=True)
    for name in "ab":
        shutil.copy(other_lab / "basophil" / "1.png", tmp_path / "copies" / "basophil" / f"{name}.png")
    refused(tmp_path / "copies", "has one cell or copies of it, too few")
    lab = read_lab(other_lab, five.crop, five.labels, quiet)
    provenance = tuple((digest, "its own", "train") for digest in lab.sha256)
    refused(other_lab, "has 41 cells, all of which the network learned from", five.but(provenance=provenance))
    monkeypatch.chdir(other_lab)
    assert evidence_of_folder(five, Path(), graph, 200, 0, quiet).part == other_lab.name
