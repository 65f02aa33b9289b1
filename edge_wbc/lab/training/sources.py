"""Several labs' datasets as one training's crops: their names, their labels, and a split within each."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edge_wbc.core.crops import CropRule
from edge_wbc.core.errors import BadInput
from edge_wbc.core.taxonomy import CLASS_SETS, FIVE_CLASSES
from edge_wbc.lab.datasets import Dataset, load_crops
from edge_wbc.lab.datasets.split import PARTS, check_enough
from edge_wbc.lab.datasets.splitfile import SPLIT_FILE, draw_split, parts_of
from edge_wbc.lab.evaluation.guard import GUARD_LABEL, UNKNOWN
from edge_wbc.lab.training.run import CropRow

__all__ = ["LABEL_SETS", "cut_sources", "name_domains", "output_labels", "source_facts", "with_labels"]

Progress = Callable[[str, int, int], None]

# --labels -> which of the experts' labels are left out. Whoever could not say may have seen a white cell.
LABEL_SETS: dict[str, Callable[[str], bool]] = {
    "5": lambda label: label not in CLASS_SETS["5"],
    "6": lambda label: label not in CLASS_SETS["6"],
    "7": lambda label: label not in CLASS_SETS["7"],
    "guard": lambda label: label in UNKNOWN,
    "all": lambda label: False,
}
# Folders whose name says nothing of the lab.
_GENERIC = frozenset(("crops", "data", "dataset", "fields", "images", "test", "train", "val", "valid"))


def name_domains(datasets: Sequence[Dataset]) -> dict[str, Dataset]:
    """Datasets by their lab's name: the one given, or the folder's, with the folder above where that says too little.

    Raises:
        BadInput: two of one name, or none at all.
    """
    if not datasets:
        raise BadInput("DATA", "none given", "name at least one dataset")
    short = [data.domain or data.path.resolve().name for data in datasets]
    names = [
        "/".join(data.path.resolve().parts[-2:])
        if not data.domain and (short.count(name) > 1 or name.lower() in _GENERIC)
        else name
        for name, data in zip(short, datasets, strict=True)
    ]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise BadInput("DATA", f"two datasets are named {twice[0]!r}", "name them: NAME=PATH")
    return dict(zip(names, datasets, strict=True))


def with_labels(data: Dataset, labels: str) -> Dataset:
    """Without the cells that a choice of `LABEL_SETS` leaves out; they are counted in `dropped`.

    Raises:
        BadInput: an unknown choice.
    """
    if labels not in LABEL_SETS:
        raise BadInput("--labels", f"{labels!r} is none of {', '.join(LABEL_SETS)}")
    left_out = Counter(item.label for item in data.items if LABEL_SETS[labels](item.label))
    kept = tuple(item for item in data.items if item.label not in left_out)
    if not kept:
        raise BadInput(data.path, f"no cell of --labels {labels} in it")
    return replace(data, items=kept, dropped=dict(Counter(data.dropped) + left_out))


def output_labels(found: Sequence[str], labels: str) -> tuple[str, ...]:
    """The network's outputs: those of the five classes that occur, in taxonomy order, then the others or the guard.

    Raises:
        BadInput: a guard without anything to learn it from.
    """
    known = set(found)
    others = tuple(sorted(known - set(FIVE_CLASSES)))
    if labels == "guard":
        if not others:
            raise BadInput("--labels guard", "no cell in the data is anything but the five classes", "add such cells")
        others = (GUARD_LABEL,)
    return tuple(label for label in FIVE_CLASSES if label in known) + others


def source_facts(domains: Mapping[str, Dataset], seed: int) -> dict[str, Any]:
    """Domain -> what was split, and by what."""
    facts: dict[str, Any] = {}
    for name, data in domains.items():
        file = data.path / SPLIT_FILE
        split = (
            {"from": SPLIT_FILE, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
            if file.is_file()
            else {"from": "seed", "seed": seed}
        )
        facts[name] = {"cells": len(data.items), "split": split, "dropped": data.dropped}
    return facts


def cut_sources(
    domains: Mapping[str, Dataset], rule: CropRule, seed: int, progress: Progress | None = None
) -> tuple[np.ndarray, list[CropRow]]:
    """The crops of all domains, and what each is.

    Each domain is split by its own split.csv, proved first, or by a draw.

    Raises:
        BadInput: a photograph that cannot be read, a split that does not hold, a label or a part with too few cells,
            or one photograph in different parts of two domains.
    """
    check_enough([item.label for data in domains.values() for item in data.items])
    pixels: list[np.ndarray] = []
    rows: list[CropRow] = []
    for name, data in domains.items():
        loaded = load_crops(data, rule, progress)
        parts = _parts(data, loaded.sha256, seed)
        pixels.append(loaded.pixels)
        for item, part, sha256 in zip(loaded.items, parts, loaded.sha256, strict=True):
            box = " ".join(map(str, item.box)) if item.box else ""
            rows.append(CropRow(name, item.name, box, item.label, item.smear, part, sha256))
    home: dict[str, CropRow] = {}
    for row in rows:
        first = home.setdefault(row.sha256, row)
        if first.part != row.part:
            raise BadInput(
                f"{row.domain}/{row.image}",
                f"is in the {row.part} part, and its copy {first.domain}/{first.image} in the {first.part} part",
                "remove one of them, or write a split.csv that puts them together",
            )
    return np.concatenate(pixels), rows


def _parts(data: Dataset, sha256: Sequence[str], seed: int) -> list[str]:
    """The parts of the dataset's own split.csv, proved first, or parts drawn by seed where it has none."""
    file = data.path / SPLIT_FILE
    if not file.is_file():
        drawn = draw_split(data, dict(zip((item.name for item in data.items), sha256, strict=True)), seed)
        return [row.part for row in drawn]
    parts = parts_of(file, data, sha256)
    empty = [part for part in PARTS if part not in parts]
    if empty:
        raise BadInput(file, f"puts none of these cells into {empty[0]}", "draw it again")
    return parts
