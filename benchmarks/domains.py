"""Leave one lab out: how networks name the cells of a lab that they never saw, in PyTorch and as the phone runs them.

    python benchmarks/domains.py --data SHARED [--work DIR] [--crops 2500] [--size 96] [--only NAME ...]

SHARED holds pbc, tecom and bccd/crops. Every row is trained on its sources alone, exported to full int8 and judged on
each target lab through the phone's own finder, crop and colours; tecom and bccd served to choose the recipe "shift",
so their figures are those of validation labs. Runs and packs stay in --work: the same command goes on after a kill.
Prints the tables, writes benchmarks/results/domains.md and .json and, without photographs, domains.html and
domains-adapted.html.
Draws of labels: the cells that are judged had none, but took part unlabelled.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torchvision

from edge_wbc.core.errors import CheckFailed
from edge_wbc.core.taxonomy import FIVE_CLASSES
from edge_wbc.lab.adaptation import AdaptOptions, adapt
from edge_wbc.lab.datasets import Dataset, read_dataset
from edge_wbc.lab.evaluation import evaluate
from edge_wbc.lab.evaluation.classifier import open_classifier
from edge_wbc.lab.evaluation.labs import judge_lab, lab_measures
from edge_wbc.lab.evaluation.page import labs_page
from edge_wbc.lab.models import MODELS
from edge_wbc.lab.synthesis import SmearOptions, draw_smears
from edge_wbc.lab.training import RECIPES, Recipe, TrainOptions, load_run, train
from edge_wbc.lab.training.augment import Variation
from export import ExportOptions, Limits, export_run

FIGURES = ("balanced_accuracy_5", "macro_f1")
LABS = {"pbc": "pbc", "tecom": "tecom", "bccd": "bccd/crops"}
SHIFT = RECIPES["shift"]
ONCE = replace(SHIFT, courses=1)
PLAIN = replace(ONCE, epochs=4, variation=Variation(rotate=180, zoom=(0.85, 1.2)), colour="none", average=0.0)
DRAWN_FIELDS = 85
"""Every one a smear and so a stain of its own: about 500 cells."""


@dataclass(frozen=True)
class Row:
    """One way to train, on some labs, for others."""

    name: str
    recipe: Recipe
    model: str = "mobilenet_v2"
    sources: tuple[str, ...] = ("pbc",)
    targets: tuple[str, ...] = ("tecom", "bccd")
    drawn: bool = True
    guard: bool = True
    seeds: int = 1
    whole: bool = False

    def runs(self) -> Iterator[tuple[str, int]]:
        """A folder's name and a seed for each training."""
        for seed in range(self.seeds):
            yield f"{self.name}-{self.model}-{'+'.join(self.sources)}-{seed}".replace(" ", "_"), seed


SOURCE = Row("source", SHIFT, whole=True)
"""What every few-label figure starts from: all cells of pbc, and the recipe as it stands."""


def _models() -> list[Row]:
    rows = [SOURCE]
    gpu = torch.cuda.is_available()
    for model in (name for name, entry in MODELS.items() if entry.on_phone or (gpu and name == "efficientnet_b0")):
        seeds = 3 if model == "mobilenet_v2" else 1
        rows.append(Row("plain", PLAIN, model, drawn=False, guard=False, seeds=seeds))
        rows.append(Row("shift", ONCE, model, seeds=seeds))
    return rows


def _labs() -> list[Row]:
    others = {"tecom": ("pbc", "bccd"), "bccd": ("pbc", "tecom"), "pbc": ("tecom", "bccd")}
    # Without pbc there is nothing to learn the guard from.
    return [
        Row("shift", ONCE, sources=sources, targets=(target,), guard="pbc" in sources)
        for target, sources in others.items()
    ]


def _ablation() -> list[Row]:
    """The recipe built up to the row "shift" of the models, then its choices taken back or in another's place."""
    varied = replace(PLAIN, epochs=ONCE.epochs, variation=SHIFT.variation)
    return [
        Row("varied", varied, drawn=False, guard=False),
        Row("and stain colours", replace(varied, colour="stain"), drawn=False, guard=False),
        Row("and averaged weights", ONCE, drawn=False, guard=False),
        Row("and drawn cells", ONCE, guard=False),
        Row("grey world instead", replace(ONCE, colour="grey_world")),
        Row("Reinhard instead", replace(ONCE, colour="reinhard")),
        Row("without stain variation", replace(ONCE, variation=replace(SHIFT.variation, stain=0.0, hue=0.0))),
        Row("without optics", replace(ONCE, variation=replace(SHIFT.variation, optics=0.0))),
        Row("with mixed styles", replace(ONCE, mix_style=0.5)),
    ]


TABLES = {"models": _models, "other labs": _labs, "ablation": _ablation}


class Bench:
    """The labs, and a folder in which what was trained stays."""

    def __init__(self, data: Path, work: Path, crops: int, size: int) -> None:
        self.paths = {name: data / folder for name, folder in LABS.items()}
        self.work, self.size = work, size
        self.datasets = {name: replace(read_dataset(path), domain=name) for name, path in self.paths.items()}
        self.whole = dict(self.datasets)
        self.datasets["pbc"] = _few(self.datasets["pbc"], crops)
        draw_smears(work / "drawn", SmearOptions("galaxy-s5/olympus", DRAWN_FIELDS, 1))
        self.drawn = [read_dataset(work / "drawn")]

    def judged(self, row: Row, folder: str, seed: int) -> dict[str, Any]:
        """Measures of a run and of its pack, at home and on the targets; read back where they were taken before."""
        run, pack = self.work / folder, self.work / f"{folder}-pack"
        done = self.work / f"{folder}.json"
        if done.is_file():
            found: dict[str, Any] = json.loads(done.read_text())
            return found
        labels = "guard" if row.guard else "5"
        options = TrainOptions(row.model, row.recipe, size=self.size, seed=seed, labels=labels)
        datasets = self.whole if row.whole else self.datasets
        sources = [datasets[name] for name in row.sources] + (self.drawn if row.drawn else [])
        facts = train(sources, run, options, log=lambda line: print(f"  {line}", flush=True))
        found = {"weights": facts["weights"], "home": self._home(facts), "targets": {}}
        for name in row.targets:
            found["targets"][name] = {
                "pytorch": _short(lab_measures(judge_lab(open_classifier(run), self.paths[name], name)))
            }
        try:
            export_run(load_run(run), pack, ExportOptions(("tflite-int8",)))
        except CheckFailed as error:
            found["refused"] = str(error)
        else:
            for name in row.targets:
                found["targets"][name]["int8"] = _short(
                    lab_measures(judge_lab(open_classifier(pack), self.paths[name], name))
                )
        done.write_text(json.dumps(found) + "\n")
        return found

    @staticmethod
    def _home(facts: Mapping[str, Any]) -> dict[str, Any]:
        return {part: _short(got) for part, got in facts["metrics"].items() if part.startswith("test")}

    def adapted(self, source: str, name: str, shots: int, seed: int) -> dict[str, Any]:
        """A pack adapted to a lab with so many labels, exported again, and judged on cells it had no label of."""
        folder = self.work / f"adapted-{source}-{name}-{shots}-{seed}"
        done = folder.with_suffix(".json")
        if done.is_file():
            found: dict[str, Any] = json.loads(done.read_text())
            return found
        facts = adapt(self.work / source, self.paths[name], folder, AdaptOptions(shots=shots, seed=seed))
        run = load_run(folder)
        found = {"pytorch": _short(facts["metrics"]["test"]), "seconds": facts.get("seconds")}
        pack = folder.with_name(folder.name + "-pack")
        try:
            export_run(run, pack, ExportOptions(("tflite-int8",)))
        except CheckFailed as error:
            # Of 200 crops three that int8 names otherwise are too many for a pack, but say what int8 is worth.
            found["refused"] = str(error)
            export_run(run, pack, ExportOptions(("tflite-int8",), limits=Limits(agreement=0.9, accuracy_drop=0.1)))
        crops, targets = run.crops("test")
        scores = open_classifier(pack).predict(crops)
        found["int8"] = _short(evaluate([run.labels[row] for row in targets], scores, run.labels))
        done.write_text(json.dumps(found) + "\n")
        return found


def _few(data: Dataset, count: int) -> Dataset:
    """At most so many cells, seven eighths of them of the five classes, every label alike."""
    labels: dict[str, list[int]] = defaultdict(list)
    for row, item in enumerate(data.items):
        labels[item.label].append(row)
    chance = np.random.default_rng(0)
    others = len(labels) - len(FIVE_CLASSES)
    kept: list[int] = []
    for label, rows in sorted(labels.items()):
        share = count * 7 // 8 // len(FIVE_CLASSES) if label in FIVE_CLASSES else count // 8 // max(others, 1)
        kept += chance.permutation(rows)[:share].tolist()
    return replace(data, items=tuple(data.items[row] for row in sorted(kept)))


def _short(measured: Mapping[str, Any]) -> dict[str, Any]:
    limits = [f"{name}_ci95" for name in ("accuracy", *FIGURES)]
    return {name: measured[name] for name in ("n", "accuracy", *FIGURES, *limits, "confusion", "labels")}


def told(found: Sequence[Mapping[str, Any] | None]) -> list[str]:
    """Accuracy with the 95% limits of the first seed, balanced accuracy and macro-F1, in percent; means over seeds."""
    there = [each for each in found if each is not None]
    if not there:
        return ["refused", "", ""]
    low, high = there[0]["accuracy_ci95"]
    means = [100 * statistics.mean(each[name] for each in there) for name in ("accuracy", *FIGURES)]
    spread = "" if len(there) == 1 else " ± " + format(100 * statistics.stdev(e["accuracy"] for e in there), ".1f")
    return [f"{means[0]:.1f}{spread} ({100 * low:.0f} to {100 * high:.0f})", f"{means[1]:.1f}", f"{means[2]:.1f}"]


def as_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *rows)) + "\n"


def trained_table(bench: Bench, rows: Sequence[Row]) -> tuple[str, dict[str, Any]]:
    """A table of rows and targets, and what stands in it, run by run."""
    lines: list[list[str]] = []
    found: dict[str, Any] = {}
    for row in rows:
        runs = {folder: bench.judged(row, folder, seed) for folder, seed in row.runs()}
        found |= runs
        for name in row.targets:
            at = [run["targets"][name] for run in runs.values()]
            pytorch, int8 = (told([each.get(kind) for each in at]) for kind in ("pytorch", "int8"))
            seeds = str(len(runs))
            lines.append([row.name, row.model, " ".join(row.sources), name, seeds, pytorch[0], *int8])
            print("  ".join(lines[-1]), flush=True)
    head = [
        "method",
        "model",
        "sources",
        "target",
        "seeds",
        "PyTorch accuracy",
        "int8 accuracy",
        "balanced",
        "macro-F1",
    ]
    return as_table(head, lines), found


def adapted_table(bench: Bench, draws: int) -> tuple[str, dict[str, Any]]:
    """Figures by lab and number of labels, over draws of the labels."""
    lines: list[list[str]] = []
    found: dict[str, Any] = {}
    (source, _), *_ = SOURCE.runs()
    for name in ("tecom", "bccd"):
        for shots in (0, 25):
            runs = [bench.adapted(source, name, shots, seed) for seed in range(draws if shots else 1)]
            found[f"{name} {shots}"] = runs
            seconds = f"{statistics.mean(run['seconds'] for run in runs):.0f}"
            pytorch, int8 = (told([run[kind] for run in runs]) for kind in ("pytorch", "int8"))
            refused = str(sum("refused" in run for run in runs))
            lines.append([name, str(shots), str(len(runs)), pytorch[0], *int8, refused, seconds])
            print("  ".join(lines[-1]), flush=True)
    head = [
        "target",
        "labels",
        "draws",
        "PyTorch accuracy",
        "int8 accuracy",
        "balanced",
        "macro-F1",
        "refused",
        "seconds",
    ]
    return as_table(head, lines), found


def main() -> None:
    """Every table, row by row; rows that are done are read back."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--work", type=Path, default=Path("build/domains"))
    asked.add_argument("--crops", type=int, default=2500, help="of pbc")
    asked.add_argument("--size", type=int, default=96)
    asked.add_argument("--only", nargs="*", help="tables; nothing is written then")
    asked.add_argument("--draws", type=int, default=5, help="of the few labels")
    given = asked.parse_args()
    bench = Bench(given.data, given.work, given.crops, given.size)
    tables: dict[str, Callable[[], tuple[str, dict[str, Any]]]] = {
        name: partial(trained_table, bench, rows()) for name, rows in TABLES.items()
    }
    tables["adapted"] = partial(adapted_table, bench, given.draws)
    page, results = [], {}
    for name in given.only or tables:
        print(f"\n{name}", flush=True)
        table, results[name] = tables[name]()
        page.append(f"## {name}\n\n{table}")
    if given.only:
        return
    results_folder = Path(__file__).parent / "results"
    (results_folder / "domains.md").write_text("\n".join(page))
    (folder, _), *_ = SOURCE.runs()
    run, pack = (open_classifier(given.work / f"{folder}{end}") for end in ("", "-pack"))
    labs = [judge_lab(run, bench.paths[name], name, embed=True) for name in SOURCE.targets]
    labs += [judge_lab(pack, bench.paths[name], f"{name}, int8") for name in SOURCE.targets]
    report = labs_page("MobileNet-V2, recipe shift, trained on pbc and drawn cells", labs, photographs=False)
    (results_folder / "domains.html").write_text(report)
    adapted = [
        judge_lab(open_classifier(given.work / f"adapted-{folder}-{name}-25-0"), bench.paths[name], name, embed=True)
        for name in SOURCE.targets
    ]
    title = "The same, adapted with 25 labels of each lab, which are among the cells judged here"
    (results_folder / "domains-adapted.html").write_text(labs_page(title, adapted, labs[:2], photographs=False))
    facts = {
        "command": "python benchmarks/domains.py --data SHARED",
        "device": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "opencv": cv2.__version__,
            "numpy": np.__version__,
        },
        "crops_of_pbc": given.crops,
        "size": given.size,
        **results,
    }
    (results_folder / "domains.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
