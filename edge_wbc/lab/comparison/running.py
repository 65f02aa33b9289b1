"""A comparison from end to end: every system fitted and judged on the same cells, finished ones taken as they are."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sklearn

from edge_wbc.core.colour import normalise
from edge_wbc.core.errors import BadInput
from edge_wbc.core.taxonomy import CLASS_SETS
from edge_wbc.lab.comparison.parts import Part, Parts, cut_parts
from edge_wbc.lab.comparison.store import Kept, claim_folder, read_kept
from edge_wbc.lab.comparison.systems import System, systems_named
from edge_wbc.lab.comparison.tables import Judged
from edge_wbc.lab.datasets import Dataset
from edge_wbc.lab.evaluation.classifier import Classifier, open_classifier
from edge_wbc.lab.models import pick_device
from edge_wbc.lab.training import TrainOptions, train
from edge_wbc.lab.training.live import live_curves
from edge_wbc.lab.training.run import read_facts, versions, write_json

__all__ = ["CompareOptions", "Comparison", "compare"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class CompareOptions:
    """What to compare and how.

    Attributes:
        models: names of `systems.SYSTEMS`, NETWORK+HEAD, NETWORK@RECIPE, yu-vote:NETWORK:NETWORK.
        recipe, weights, epochs, batch, lr: of the networks, as `TrainOptions` has them.
        labels: the set of `taxonomy.CLASS_SETS` that is told apart, which the data were read with.
        size: of every system's crops, in pixels.
        seed: of the split and of the first training.
        seeds: how many trainings of each system that chance has a part in, with the seeds that follow.
        budget: minutes after which nothing more is begun, None for no end.
        tensorboard: write each network's curves for TensorBoard too, while it trains.
    """

    models: tuple[str, ...]
    recipe: str = "raabin"
    weights: str = "imagenet"
    epochs: int | None = None
    batch: int | None = None
    lr: float | None = None
    labels: str = "5"
    size: int = 96
    seed: int = 0
    seeds: int = 1
    budget: float | None = None
    tensorboard: bool = False

    def training(self, system: System, seed: int) -> TrainOptions:
        """How a network is trained."""
        recipe = system.recipe or self.recipe
        return TrainOptions(
            system.model, recipe, self.weights, self.epochs, self.batch, self.lr, self.size, seed, self.labels
        )


@dataclass(frozen=True)
class Comparison:
    """What came of it.

    Attributes:
        tested: test-A first, then the other labs.
        remarks: system -> what its figures have to be read with.
        kept: system -> its fits, as far as they were made.
        faults: system -> why it could not be fitted.
        left: fits that the budget left out.
        runs: finished networks' folders by the name of the fit.
    """

    parts: Parts
    systems: tuple[System, ...]
    tested: tuple[Judged, ...]
    remarks: Mapping[str, str]
    kept: Mapping[str, Sequence[Kept]]
    faults: Mapping[str, str]
    left: tuple[str, ...]
    runs: Mapping[str, Path]


def compare(
    data: Dataset,
    others: Sequence[Dataset],
    out: Path,
    options: CompareOptions,
    progress: Progress | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> Comparison:
    """Fits and judges every system; called again after a kill, it goes on.

    A fit is taken as it is where the digest of the data, the version of the code and the options are those it was made
    with, and made anew where any of them is not. First every system's first training, then the second ones.

    Args:
        data: the cells of the lab to learn from, `others` those of other labs; all read as `options.labels` has it.
        log: called with a line about each fit and each epoch.

    Raises:
        BadInput: an unknown system or recipe, or data that cannot be compared on; what is wrong with one system alone
            is in `faults`.
    """
    until = None if options.budget is None else time.monotonic() + 60 * options.budget
    systems = systems_named(options.models)
    if options.seeds < 1 or options.size < 8 or (options.budget or 0) < 0:
        raise BadInput("--seeds, --size, --budget", "take at least 1 training, 8 pixels and 0 minutes")
    for system in systems:
        if system.kind == "network":
            options.training(system, options.seed).resolved()
    claim_folder(out)
    parts = cut_parts(data, others, out, options.size, options.seed, progress, CLASS_SETS[options.labels])
    kept: dict[str, list[Kept]] = {system.name: [] for system in systems}
    faults: dict[str, str] = {}
    left: list[str] = []
    runs: dict[str, Path] = {}
    for seed in range(options.seed, options.seed + options.seeds):
        for system in systems:
            if system.kind == "vote" or system.name in faults or (seed > options.seed and not system.chance):
                continue
            job = _Job(system, seed, out, parts, options, progress, log)
            found = job.finished()
            if found is None and until is not None and time.monotonic() >= until:
                left.append(job.name)
                continue
            try:
                found = found or job.done()
            except BadInput as fault:
                # One system's fault is no reason to lose a night's work on the others.
                faults[system.name] = str(fault)
                log(f"{job.name}: {fault}")
                continue
            kept[system.name].append(found)
            if system.kind == "network":
                runs[job.name] = job.folder
        for system in systems:
            if system.kind == "vote" and all(len(kept[name]) > seed - options.seed for name in system.members):
                kept[system.name].append(_voted([kept[name][-1] for name in system.members], parts))
    tested = tuple(
        Judged(
            part.name,
            part.lab,
            parts.labels,
            part.truth,
            {name: [fit.aligned(part.name, parts.labels) for fit in fits] for name, fits in kept.items()},
        )
        for part in parts.tests
    )
    remarks = {system.name: _remark(system, kept[system.name], faults.get(system.name, "")) for system in systems}
    return Comparison(parts, tuple(systems), tested, remarks, kept, faults, tuple(left), runs)


@dataclass(frozen=True)
class _Job:
    """One fit of one system."""

    system: System
    seed: int
    out: Path
    parts: Parts
    options: CompareOptions
    progress: Progress | None
    log: Callable[[str], None]

    @property
    def name(self) -> str:
        return f"{self.system.name}-seed{self.seed}"

    @property
    def folder(self) -> Path:
        return self.out / "runs" / self.name

    @property
    def fit(self) -> dict[str, Any]:
        """All that the fit depends on, as JSON gives it back."""
        facts: dict[str, Any] = {"data": self.parts.digest, "code": self.system.code(), "seed": self.seed}
        if self.system.kind == "network":
            training = self.options.training(self.system, self.seed)
            facts |= {"model": self.system.model, "weights": training.weights, "size": training.size}
            facts["recipe"] = asdict(training.resolved())
        return json.loads(json.dumps(facts))

    @property
    def file(self) -> Path:
        return self.out / "systems" / self.name

    @property
    def wanted(self) -> dict[str, str]:
        return {part.name: part.digest for part in self.parts.tests}

    def finished(self) -> Kept | None:
        """What was kept of it, where nothing changed since."""
        found = read_kept(self.file, self.fit)
        return None if found is None or found.lacks(self.wanted) else found

    def done(self) -> Kept:
        """Fits it, or takes up its fit, and judges the parts that it was not judged on yet."""
        fit = self.fit
        earlier = read_kept(self.file, fit)
        labels, scores, facts = self._network(fit) if self.system.kind == "network" else self._classical()
        scores_of = dict(earlier.scores) if earlier else {}
        lacking = earlier.lacks(self.wanted) if earlier else list(self.wanted)
        for part in self.parts.tests:
            if part.name in lacking:
                scores_of[part.name] = scores(part)
        kept = Kept(fit, labels, self.wanted, {name: scores_of[name] for name in self.wanted}, facts)
        kept.write(self.file)
        return kept

    def _classical(self) -> tuple[tuple[str, ...], Callable[[Part], np.ndarray], dict[str, Any]]:
        self.log(f"{self.name}: fitting on {len(self.parts.learn_truth)} cells")
        started = time.perf_counter()
        fitted = self.system.fit(self.parts.learn_pixels, self.parts.learn_truth, self.seed)
        seconds = time.perf_counter() - started
        facts = {
            "versions": {**versions(pick_device()), "scikit-learn": sklearn.__version__, "device": "cpu"},
            "seconds": seconds,
        }
        return fitted.labels, lambda part: np.asarray(fitted.scores(part.pixels), float), facts

    def _network(self, fit: dict[str, Any]) -> tuple[tuple[str, ...], Callable[[Part], np.ndarray], dict[str, Any]]:
        begun = self.folder.with_name(self.folder.name + ".json")
        if begun.is_file() and json.loads(begun.read_text(encoding="utf-8")) != fit:
            self.log(f"{self.name}: data, code or options are not what it was begun with; it is trained anew")
            shutil.rmtree(self.folder, ignore_errors=True)
        begun.parent.mkdir(exist_ok=True)
        write_json(begun, fit)
        if not (self.folder / "run.json").is_file():
            training = self.options.training(self.system, self.seed)
            train(
                [self.parts.home],
                self.folder,
                training,
                self._tell,
                lambda line: self.log(f"{self.name}: {line}"),
                told=live_curves(self.folder / "tensorboard") if self.options.tensorboard else None,
                crops_from=self.out / "parts",
            )
        facts = read_facts(self.folder)
        classifier: Classifier = open_classifier(self.folder)

        def scores(part: Part) -> np.ndarray:
            return classifier.predict(normalise(part.pixels, classifier.crop.colour), self._tell).astype(float)

        return classifier.labels, scores, {name: facts[name] for name in ("versions", "weights", "recipe")}

    def _tell(self, title: str, done: int, total: int) -> None:
        if self.progress:
            # A bar is known by the first word of its title: each fit has its own.
            self.progress(f"{self.name}: {title}", done, total)


def _voted(members: Sequence[Kept], parts: Parts) -> Kept:
    """The vote of networks that are fitted; nothing of it is kept, for it costs nothing."""
    from edge_wbc.lab.evaluation.vote import majority_vote

    scores = {
        part.name: majority_vote(np.stack([member.aligned(part.name, parts.labels) for member in members]))[1]
        for part in parts.tests
    }
    digests = {part.name: part.digest for part in parts.tests}
    return Kept({}, parts.labels, digests, scores, {"weights": _common([fit.facts["weights"] for fit in members])})


def _common(weights: Sequence[str]) -> str:
    return "imagenet" if set(weights) == {"imagenet"} else "none"


def _remark(system: System, fits: Sequence[Kept], fault: str) -> str:
    """What a reader has to know of its figures."""
    if fault:
        return f"failed: {fault}"
    if not fits:
        return "not run"
    said = [f"recipe {system.recipe}"] if system.recipe else []
    if system.members:
        said.append(f"votes: {', '.join(system.members)}")
    if fits[0].facts.get("weights") == "none":
        said.append("no ImageNet weights")
    return "; ".join(said)
