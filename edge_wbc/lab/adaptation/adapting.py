"""`edge-wbc adapt` without its command line: source and data in, run folder out."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edge_wbc.core.crops import CropRule
from edge_wbc.core.errors import BadInput
from edge_wbc.lab.adaptation.chossegros import (
    ChossegrosOptions,
    Crops,
    fine_tuned,
    rule_of,
    source_crops,
    source_network,
)
from edge_wbc.lab.adaptation.lab import NewLab, draw_shots, read_lab
from edge_wbc.lab.adaptation.mobile import MobileOptions, adapt_mobile
from edge_wbc.lab.adaptation.published import SETTINGS, Setting, setting_named
from edge_wbc.lab.adaptation.result import judge, parts_of_lab, write_adapted
from edge_wbc.lab.adaptation.source import open_source
from edge_wbc.lab.evaluation import GUARD_LABEL, certainty, choose_threshold, fit_temperature
from edge_wbc.lab.models import pick_device
from edge_wbc.lab.training.run import TrainedRun, claim, read_facts

__all__ = ["METHODS", "AdaptOptions", "adapt"]

Progress = Callable[[str, int, int], None]
Log = Callable[[str], None]
METHODS = ("mobile", "chossegros")
# What the source has learned from or was chosen by must not be judged on.
_LEARNED = ("train", "val", "unlabelled")
_MOST_SHOTS, _FEW_SHOTS = 100, 25


@dataclass(frozen=True)
class AdaptOptions:
    """How to adapt.

    Attributes:
        shots: labels to use; 0 for none; None for 25, or at chossegros at most 100 and at most a tenth of the labels.
        setting: of chossegros: a number or name of `published.SETTINGS`, or "all".
        model: of chossegros; None for EfficientNet-B0 at 224 pixels on CUDA and Lite0 at 112 on a CPU.
        epochs: of chossegros' source training.
        trials: of its search; None for 30 on CUDA and 10 on a CPU.
    """

    shots: int | None = None
    method: str = "mobile"
    setting: str = "full"
    model: str | None = None
    epochs: int = 15
    trials: int | None = None
    seed: int = 0

    def chossegros(self) -> ChossegrosOptions:
        """Those of that method, by the device."""
        gpu = pick_device().type == "cuda"
        model, size = ("efficientnet_b0", 224) if gpu else ("efficientnet_lite0", 112)
        trials = self.trials if self.trials is not None else 30 if gpu else 10
        return ChossegrosOptions(self.model or model, size, self.epochs, trials)


def adapt(
    source: Path,
    data: Path,
    out: Path,
    options: AdaptOptions,
    progress: Progress | None = None,
    log: Log = lambda line: None,
) -> dict[str, Any]:
    """Adapts a run's network, or that of a pack with weights, to a new lab, and writes a run folder.

    Args:
        source: a run or a pack.
        data: labelled and unlabelled cells of the new lab.
        progress: called with a title, steps done and steps in all.
        log: called with a line about what a person should know.

    Returns:
        The facts of run.json; with the setting "all", one of them for each setting's name.

    Raises:
        BadInput: a source that cannot be adapted, data or options that do not fit it.
    """
    if options.method not in METHODS:
        raise BadInput("--method", f"unknown method {options.method!r}", f"one of: {', '.join(METHODS)}")
    if options.shots is not None and options.shots < 0:
        raise BadInput("--shots", f"{options.shots} is below 0")
    run = open_source(source)
    begun = {"source": str(source.resolve()), "weights": _fingerprint(run), "data": str(data.resolve())}
    plan = {**begun, **asdict(options)}
    if out.is_dir() and any(out.iterdir()):
        claim(out, plan)
    task = _Task(run, data, options, plan, progress, log)
    if options.method == "mobile":
        return _mobile(task, out)
    if options.setting != "all":
        facts = _chossegros(task, setting_named(options.setting), out, out)
    else:
        facts = {setting.name: _chossegros(task, setting, out / setting.name, out) for setting in SETTINGS}
    for left in out.glob("source.*.safetensors"):
        left.unlink()
    return facts


@dataclass(frozen=True)
class _Task:
    """What every way of adapting is handed."""

    run: TrainedRun
    data: Path
    options: AdaptOptions
    plan: dict[str, Any]
    progress: Progress | None
    log: Log

    def read(self, rule: CropRule, shots: Callable[[NewLab], int]) -> tuple[NewLab, np.ndarray, np.ndarray]:
        """The new lab, the rows of its shots, and the part of each row; says what is left out."""
        lab = read_lab(self.data, rule, self.run.labels, self.progress)
        if lab.dropped:
            by_label = ", ".join(f"{count} {label}" for label, count in sorted(lab.dropped.items()))
            self.log(f"left out {sum(lab.dropped.values())} cells that the network has no output for: {by_label}")
        wanted = shots(lab) if self.options.shots is None else self.options.shots
        drawn = draw_shots(lab, wanted, self.options.seed, proportionate=self.options.method == "chossegros")
        learned = frozenset(digest for digest, _, part in self.run.provenance if part in _LEARNED)
        parts = parts_of_lab(lab, drawn, learned)
        if (parts == "").any():
            copies = "copies of shots, or of what the source learned from"
            self.log(f"{(parts == '').sum()} labelled cells are not judged on: {copies}")
        return lab, drawn, parts

    def facts(self, lab: NewLab, shots: np.ndarray) -> dict[str, Any]:
        """What run.json says whatever the method."""
        named = Counter(self.run.labels[column] for column in lab.columns[shots])
        return {
            "seed": self.options.seed,
            "adapted_from": {"model": self.run.model, "weights": self.plan["weights"], "path": self.plan["source"]},
            "shots": {label: named[label] for label in self.run.labels},
            "note": "research use, not for diagnosis",
        }


def _fingerprint(run: TrainedRun) -> str:
    digest = hashlib.sha256()
    for name, value in run.network.state_dict().items():
        digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _finished(out: Path, log: Log) -> dict[str, Any] | None:
    if not (out / "run.json").is_file():
        return None
    log(f"{out} is finished already; --out another folder to adapt anew")
    return read_facts(out)


def _mobile(task: _Task, out: Path) -> dict[str, Any]:
    finished = _finished(out, task.log)
    if finished is not None:
        return finished
    run, seed = task.run, task.options.seed
    lab, shots, parts = task.read(run.crop, lambda lab: _FEW_SHOTS)
    started = time.perf_counter()
    network, how = run.network.to(pick_device()), MobileOptions()
    adapted, kept = adapt_mobile(network, lab, shots, how, seed, task.progress)
    if kept:
        task.log(f"the source network is kept: {kept}")
    seconds = time.perf_counter() - started
    calibration = run.temperature, run.uncertain_below
    facts = {
        **task.facts(lab, shots),
        "recipe": {"name": "mobile", "transductive": True, **asdict(how)},
        "kept_source": kept,
        "calibrated_on": "the source's validation part",
        "before": judge(network, lab, np.flatnonzero(parts == "test"), run.labels, *calibration),
        "seconds": round(seconds, 1),
    }
    claim(out, task.plan)
    return write_adapted(out, run, lab, parts, adapted, run.model, calibration, facts)


def _chossegros(task: _Task, setting: Setting, out: Path, keep: Path) -> dict[str, Any]:
    finished = _finished(out, task.log)
    if finished is not None:
        return finished
    run, seed, how = task.run, task.options.seed, task.options.chossegros()
    rule = rule_of(run.crop, how, setting)
    lab, shots, parts = task.read(rule, _published_shots)
    if not len(shots) and setting.tuned != "nothing":
        raise BadInput("--shots", f"{setting.name} learns from labels, and none are used", "ask for at least 10")
    started = time.perf_counter()
    target = Crops(lab.raw[shots], lab.columns[shots], len(run.labels))
    mixed = source_crops(run, "train", how.size) if setting.mixed else None
    claim(keep, task.plan)
    learned = run if setting.source else None
    network = source_network(learned, len(run.labels), how, rule.colour, keep, seed, task.progress)
    tuned = fine_tuned(network, target, mixed, setting, how, rule.colour, seed, task.progress)
    calibration, said = (1.0, 0.0), "nothing: no labels were held out"
    if tuned.held_out is not None:
        calibration, said = _calibrated(tuned.held_out, target.columns, run.labels), "3 folds of the shots"
    numbers = {"setting": asdict(setting), **asdict(how), "fine_tuning": asdict(tuned.numbers)}
    facts = {
        **task.facts(lab, shots),
        "recipe": {"name": f"chossegros {setting.name}", "transductive": False, **numbers},
        "calibrated_on": said,
        "seconds": round(time.perf_counter() - started, 1),
    }
    claim(out, task.plan)
    return write_adapted(out, run, lab, parts, tuned.network, how.network, calibration, facts)


def _published_shots(lab: NewLab) -> int:
    return min(_MOST_SHOTS, int((lab.columns >= 0).sum()) // 10)


def _calibrated(logits: np.ndarray, columns: np.ndarray, labels: tuple[str, ...]) -> tuple[float, float]:
    temperature = fit_temperature(logits, columns)
    scores = torch.softmax(torch.from_numpy(logits) / temperature, 1).numpy()
    inside = np.asarray(labels)[columns] != GUARD_LABEL
    certain, right = certainty(scores, labels), scores.argmax(1) == columns
    outside = [] if inside.all() else [certain[~inside]]
    return temperature, choose_threshold(certain[inside], right[inside], outside=outside)
