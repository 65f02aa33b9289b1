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
from edge_wbc.lab.adaptation.mobile import MobileOptions, adapt_mobile, degenerate, turned_scores
from edge_wbc.lab.adaptation.published import SETTINGS, Setting, setting_named
from edge_wbc.lab.adaptation.result import judge, parts_of_lab, write_adapted
from edge_wbc.lab.adaptation.source import open_source
from edge_wbc.lab.evaluation import GUARD_LABEL, certainty, choose_threshold, fit_temperature
from edge_wbc.lab.models import pick_device
from edge_wbc.lab.training.recipes import RECIPES
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
    claim(out, {**begun, **asdict(options)})
    if options.method == "mobile":
        return _mobile(run, data, out, options, progress, log)
    chosen = SETTINGS if options.setting == "all" else (setting_named(options.setting),)
    facts = {
        setting.name: _chossegros(
            run, data, out / setting.name if len(chosen) > 1 else out, out, setting, options, progress, log
        )
        for setting in chosen
    }
    for left in out.glob("source.*.safetensors"):
        left.unlink()
    return facts if len(chosen) > 1 else facts[chosen[0].name]


def _fingerprint(run: TrainedRun) -> str:
    digest = hashlib.sha256()
    for name, value in run.network.state_dict().items():
        digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _done(out: Path, log: Log) -> dict[str, Any] | None:
    if not (out / "run.json").is_file():
        return None
    log(f"{out} is finished already; --out another folder to adapt anew")
    return read_facts(out)


def _mobile(
    run: TrainedRun, data: Path, out: Path, options: AdaptOptions, progress: Progress | None, log: Log
) -> dict[str, Any]:
    done = _done(out, log)
    if done is not None:
        return done
    lab = read_lab(data, run.crop, run.labels, progress)
    shots = _shots(lab, _FEW_SHOTS if options.shots is None else options.shots, options, log)
    parts = _parts(run, lab, shots, log)
    started = time.perf_counter()
    device = pick_device()
    network = run.network.to(device)
    how = MobileOptions()
    adapted = adapt_mobile(network, lab, shots, RECIPES["default"].variation, how, options.seed, progress)
    kept = ""
    if not len(shots):
        crops = lab.crops()
        kept = degenerate(turned_scores(network, crops), turned_scores(adapted, crops))
        if kept:
            log(f"the source network is kept: {kept}")
            adapted = network
    seconds = time.perf_counter() - started
    test = np.flatnonzero(parts == "test")
    calibration = run.temperature, run.uncertain_below
    facts = {
        **_common(run, lab, shots, options),
        "recipe": {"name": "mobile", "transductive": True, **asdict(how)},
        "kept_source": kept,
        "calibrated_on": "the source's validation part",
        "before": judge(network, lab, test, run.labels, *calibration),
        "seconds": round(seconds, 1),
    }
    return write_adapted(out, run, lab, parts, adapted, run.model, calibration, facts)


def _chossegros(
    run: TrainedRun,
    data: Path,
    out: Path,
    keep: Path,
    setting: Setting,
    options: AdaptOptions,
    progress: Progress | None,
    log: Log,
) -> dict[str, Any]:
    done = _done(out, log)
    if done is not None:
        return done
    out.mkdir(exist_ok=True)
    how = options.chossegros()
    rule = rule_of(run.crop, how, setting)
    lab = read_lab(data, rule, run.labels, progress)
    shots = _shots(lab, _published_shots(lab) if options.shots is None else options.shots, options, log)
    parts = _parts(run, lab, shots, log)
    started = time.perf_counter()
    learned = run if setting.source else None
    network = source_network(learned, len(run.labels), how, rule.colour, keep, options.seed, progress)
    target = Crops(lab.raw[shots], lab.columns[shots], len(run.labels))
    mixed = source_crops(run, "train", how.size) if setting.mixed else None
    tuned = fine_tuned(network.to(pick_device()), target, mixed, setting, how, rule.colour, options.seed, progress)
    calibration, said = (1.0, 0.0), "nothing: no labels were held out"
    if tuned.held_out is not None:
        calibration, said = _calibrated(tuned.held_out, target.columns, run.labels), "3 folds of the shots"
    facts = {
        **_common(run, lab, shots, options),
        "recipe": {
            "name": f"chossegros {setting.name}",
            "transductive": False,
            "setting": asdict(setting),
            **asdict(how),
            "fine_tuning": asdict(tuned.numbers),
        },
        "calibrated_on": said,
        "seconds": round(time.perf_counter() - started, 1),
    }
    return write_adapted(out, run, lab, parts, tuned.network, how.network, calibration, facts)


def _published_shots(lab: NewLab) -> int:
    return min(_MOST_SHOTS, int((lab.columns >= 0).sum()) // 10)


def _calibrated(logits: np.ndarray, columns: np.ndarray, labels: tuple[str, ...]) -> tuple[float, float]:
    temperature = fit_temperature(logits, columns)
    scores = torch.softmax(torch.from_numpy(logits) / temperature, 1).numpy()
    inside = np.asarray(labels)[columns] != GUARD_LABEL
    certain, right = certainty(scores, labels), scores.argmax(1) == columns
    return temperature, choose_threshold(certain[inside], right[inside], outside=certain[~inside])


def _shots(lab: NewLab, wanted: int, options: AdaptOptions, log: Log) -> np.ndarray:
    if lab.dropped:
        by_label = ", ".join(f"{count} {label}" for label, count in sorted(lab.dropped.items()))
        log(f"left out {sum(lab.dropped.values())} cells that the network has no output for: {by_label}")
    if not wanted:
        return np.zeros(0, np.int64)
    shots = draw_shots(lab, wanted, options.seed, proportionate=options.method == "chossegros")
    return shots


def _parts(run: TrainedRun, lab: NewLab, shots: np.ndarray, log: Log) -> np.ndarray:
    learned = frozenset(digest for digest, _, part in run.provenance if part in _LEARNED)
    parts = parts_of_lab(lab, shots, learned)
    left_out = int((parts == "").sum())
    if left_out:
        log(f"{left_out} labelled cells are not judged on: copies of shots, or of what the source learned from")
    return parts


def _common(run: TrainedRun, lab: NewLab, shots: np.ndarray, options: AdaptOptions) -> dict[str, Any]:
    named = Counter(run.labels[column] for column in lab.columns[shots])
    return {
        "seed": options.seed,
        "adapted_from": {"path": str(run.path), "model": run.model, "weights": _fingerprint(run)},
        "shots": {label: named[label] for label in run.labels},
        "note": "research use, not for diagnosis",
    }
