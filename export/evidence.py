"""The crops that an export is calibrated and proved on: a run's own, or a folder's for a pack that carries none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_wbc.core.errors import BadInput
from export.calibration import calibration_set, strata
from export.graph import DeployableGraph, probabilities

if TYPE_CHECKING:
    from edge_wbc.lab.training.run import TrainedRun

__all__ = ["Evidence", "evidence_of_folder", "evidence_of_run"]

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Evidence:
    """Crops to calibrate on, and others to prove on.

    Attributes:
        calibration: uint8 (M, S, S, 3) RGB, plain and relit.
        part: where the others come from: of a run "test" or "val", of an adapted one also "unlabelled" or "train";
            else the folder's name.
        crops: uint8 (N, S, S, 3) RGB, N > 0.
        truth: int64 (N,), positions in the labels; -1 where nobody knows.
    """

    calibration: np.ndarray
    part: str
    crops: np.ndarray
    truth: np.ndarray


def evidence_of_run(run: TrainedRun, graph: DeployableGraph, count: int, seed: int) -> Evidence:
    """Calibrates on training crops, proves on the test part, else the validation part.

    An adaptation without labels has seen all crops: it is calibrated on them all, and proved on those without a label.

    Args:
        count, seed: of the crops to calibrate on.

    Raises:
        BadInput: no training crops or no held-out crops in the run.
    """
    transductive = bool(run.recipe.get("transductive"))
    # Of an adapted run nobody may have labelled more than it learned from; what agrees on those agrees.
    for part in ("test", "val", *(("unlabelled", "train") if transductive else ())):
        crops, truth = run.crops(part)
        if len(crops):
            break
    else:
        raise BadInput(run.path, "has no held-out crops to prove an export on", "train with a test or validation part")
    learned, labels = run.crops("train")
    domains = run.domains("train")
    if transductive:
        others = ("unlabelled", "test")
        learned = np.concatenate([learned, *(run.crops(part)[0] for part in others)])
        domains = [*domains, *(domain for part in others for domain in run.domains(part))]
        labels = probabilities(graph, learned).argmax(1)
    if not len(learned):
        raise BadInput(run.path, "has no training crops to calibrate int8 on", "keep the run beside its data")
    return Evidence(calibration_set(learned, strata(labels, domains), count, seed), part, crops, truth)


def evidence_of_folder(
    run: TrainedRun, data: Path, graph: DeployableGraph, count: int, seed: int, report: Report
) -> Evidence:
    """Calibrates on the cells of DATA that the network learned from, and proves on the others.

    Where it learned from none, half of them are calibrated on; copies of one cell stay together.

    Raises:
        BadInput: DATA as `edge_wbc.lab.adaptation.lab.read_lab`; too few cells, cells of one label alone, or none that
            the network did not learn from.
    """
    from edge_wbc.lab.adaptation.lab import read_lab

    lab = read_lab(data, run.crop, run.labels, report)
    crops = lab.crops()
    seen = frozenset(digest for digest, _, part in run.provenance if part == "train")
    learned = np.array([digest in seen for digest in lab.sha256])
    learned |= np.isin(lab.groups, lab.groups[learned])
    if not learned.any():
        groups = np.random.default_rng(seed).permutation(np.unique(lab.groups))
        learned = np.isin(lab.groups, groups[: len(groups) // 2])
    labels = np.where(lab.columns < 0, probabilities(graph, crops).argmax(1), lab.columns)
    if not learned.any():
        fault = "has one cell or copies of it, too few to calibrate and prove on"
        raise BadInput(data, fault, "name a folder with more cells")
    if learned.all():
        fault = f"has {len(learned)} cells, all of which the network learned from: none is left to prove on"
        raise BadInput(data, fault, "name a folder with more cells")
    _refuse_one_label(data, labels[learned], run.labels)
    chosen = calibration_set(crops[learned], strata(labels[learned], [""] * int(learned.sum())), count, seed)
    return Evidence(chosen, data.resolve().name, crops[~learned], lab.columns[~learned])


def _refuse_one_label(data: Path, labels: np.ndarray, names: Sequence[str]) -> None:
    found = np.unique(labels)
    if len(found) < 2:
        fault = f"cells of one label alone to calibrate on ({names[int(found[0])]})"
        raise BadInput(data, fault, "name a folder with cells of every label")
