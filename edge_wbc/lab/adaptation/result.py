"""What an adaptation leaves: a run folder like any other, whose parts say which labels were used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from edge_wbc.core.files import write_whole
from edge_wbc.lab.adaptation.lab import NewLab
from edge_wbc.lab.evaluation import GUARD_LABEL, evaluate, guard_measures
from edge_wbc.lab.models import pick_device
from edge_wbc.lab.training.judging import predict_logits
from edge_wbc.lab.training.run import (
    SOURCE_FILE,
    CropRow,
    TrainedRun,
    provenance_lines,
    versions,
    write_crops,
    write_run,
)

__all__ = ["judge", "parts_of_lab", "write_adapted"]


def parts_of_lab(lab: NewLab, shots: np.ndarray, learned_from: Sequence[str] | frozenset[str]) -> np.ndarray:
    """The part of each row: train (the shots), test, unlabelled, or "" for what must not be judged on.

    That is a copy of a shot, and whatever photograph the source was trained or chosen on.
    """
    parts = np.where(lab.columns < 0, "unlabelled", "test")
    known = np.isin(lab.sha256, sorted(learned_from)) & (parts == "test")
    parts[known | (np.isin(lab.groups, lab.groups[shots]) & (parts == "test"))] = ""
    parts[shots] = "train"
    return parts


def judge(
    network: nn.Module, lab: NewLab, rows: np.ndarray, labels: Sequence[str], temperature: float, threshold: float
) -> dict[str, Any] | None:
    """The object of ``evaluate --json`` on labelled rows, or None where none is of a class."""
    truth = [labels[column] for column in lab.columns[rows]]
    if set(truth) <= {GUARD_LABEL}:
        return None
    logits = torch.from_numpy(predict_logits(network, lab.crops()[rows]))
    scores = torch.softmax(logits / temperature, 1).numpy()
    found = evaluate(truth, scores, labels, threshold)
    if GUARD_LABEL in labels:
        found["guard"] = guard_measures([lab.items[row].label for row in rows], scores, labels, threshold)
    return found


def write_adapted(
    out: Path,
    source: TrainedRun,
    lab: NewLab,
    parts: np.ndarray,
    network: nn.Module,
    model: str,
    calibration: tuple[float, float],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Judges the network on the test part and writes the run folder, run.json last.

    Args:
        parts: as `parts_of_lab` gives them.
        calibration: temperature, and the score below which an answer is uncertain.
        facts: of the method, for run.json.

    Returns:
        The facts of run.json.
    """
    temperature, threshold = calibration
    rows = np.flatnonzero(parts == "test")
    after = judge(network, lab, rows, source.labels, temperature, threshold)
    kept = np.flatnonzero(parts != "")
    domain = lab.path.resolve().name
    write_crops(out, lab.raw[kept], [_crop_row(domain, lab, row, str(parts[row])) for row in kept.tolist()])
    write_whole(out / SOURCE_FILE, provenance_lines(source.provenance))
    written: dict[str, Any] = {
        "model": model,
        "labels": list(source.labels),
        "crop": asdict(lab.rule),
        "weights": "adapted",
        "parts": dict(Counter(parts[kept].tolist())),
        "left_out": int((parts == "").sum()),
        "dropped": lab.dropped,
        "temperature": temperature,
        "uncertain_below": threshold,
        "metrics": {} if after is None else {"test": after},
        "versions": versions(pick_device()),
        **facts,
    }
    write_run(out, network, written)
    return written


def _crop_row(domain: str, lab: NewLab, row: int, part: str) -> CropRow:
    item = lab.items[row]
    box = " ".join(map(str, item.box)) if item.box else ""
    return CropRow(domain, item.name, box, item.label, item.smear, part, lab.sha256[row])
