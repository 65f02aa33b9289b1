"""The cells of a comparison, cut once: every system learns from the same and is judged on the same.

DATA is split by its own split.csv, proved first, or by a draw that no smear, copy or duplicate crosses: 4/5 to learn
from, of which an eighth is the validation part that networks set their temperature by, and 1/5, test-A. Other labs'
cells are judged alone. Crops and split are kept in the comparison's folder, in the colours of their photographs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import edge_wbc
from edge_wbc.core.crops import CropRule
from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import whole_folder
from edge_wbc.core.taxonomy import FIVE_CLASSES
from edge_wbc.lab.datasets import Dataset, load_crops
from edge_wbc.lab.datasets.splitfile import DUPLICATES_FILE, SPLIT_FILE, SplitRow, hash_photographs, write_split
from edge_wbc.lab.training.run import CropRow, read_crops, write_crops, write_json
from edge_wbc.lab.training.sources import cut_sources, name_domains

__all__ = ["HOME", "Part", "Parts", "code_digest", "cut_parts"]

HOME = "test-A"
_ROOMS = ("core", "lab/datasets", "lab/finding.py", "lab/many.py")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Part:
    """Cells that systems are judged on.

    Attributes:
        name: "test-A", or the lab's.
        lab: whose cells they are.
        pixels: (N, S, S, 3) uint8 RGB in the colours of the photographs.
        truth: N labels of the classes.
        digest: of the photographs, boxes, labels and the way they were cut.
    """

    name: str
    lab: str
    pixels: np.ndarray
    truth: tuple[str, ...]
    digest: str


@dataclass(frozen=True)
class Parts:
    """All cells of a comparison.

    Attributes:
        home: what networks are trained on: DATA's cells, with its folder that holds split and crops.
        learn_pixels, learn_truth: the training part, as a `Part`'s.
        tests: test-A first, then the other labs.
        labels: those of the classes that occur anywhere.
        digest: of DATA, its split and the way it was cut.
    """

    home: Dataset
    learn_pixels: np.ndarray
    learn_truth: tuple[str, ...]
    tests: tuple[Part, ...]
    labels: tuple[str, ...]
    digest: str


def code_digest(*rooms: str) -> str:
    """The version of the code in some rooms of `edge_wbc`: the package's own, and a hash of their files."""
    root = Path(edge_wbc.__file__).parent
    found = hashlib.sha256()
    for room in rooms:
        for file in [root / room] if room.endswith(".py") else sorted((root / room).rglob("*.py")):
            found.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return f"{edge_wbc.__version__}+{found.hexdigest()[:12]}"


def cut_parts(
    data: Dataset,
    others: Sequence[Dataset],
    out: Path,
    size: int,
    seed: int,
    progress: Progress | None = None,
    classes: Sequence[str] = FIVE_CLASSES,
) -> Parts:
    """Splits and cuts the cells, or takes those that lie in `out` where nothing has changed.

    Args:
        data: cells of the classes alone, as the others'.
        size: of the crops, in pixels.
        seed: of the split, where DATA has none of its own.
        classes: those that the cells were read with, in the order of the tables.

    Raises:
        BadInput: as `cut_sources`; a class that is in no training part; a photograph of another lab that is DATA's too.
    """
    (home, data), *away = name_domains([data, *others]).items()
    if HOME in dict(away):
        raise BadInput("--test-b", f"{HOME} is DATA's own test part", "give the lab another name")
    rule = CropRule(size=size)
    folder = out / "parts"
    hashes = _hashes(data, progress)
    digest = _digest(data, hashes, rule, seed)
    if not _holds(folder, digest):
        pixels, rows = cut_sources({home: data}, rule, seed, progress)
        _keep(folder, digest, pixels, rows, split=True)
    pixels, rows = read_crops(folder)
    learnt = np.array([row.part == "train" for row in rows])
    tested = np.array([row.part == "test" for row in rows])
    taught = {row.label for row in rows if row.part == "train"}
    for label in data.labels:
        if label not in taught:
            raise BadInput(f"class {label!r}", "is in no training part", "add smears or remove the class")
    if len(taught) < 2:
        raise BadInput(data.path, f"has one class alone, {data.labels[0]}", "systems are compared on two at least")
    tests = [Part(HOME, home, pixels[tested], _truth(rows, tested), digest)]
    known = {row.sha256: row.image for row in rows}
    for name, lab in away:
        tests.append(_away(name, lab, out / "labs" / name.replace("/", "_"), rule, known, progress))
    occurring = {label for part in tests for label in part.truth} | taught
    return Parts(
        replace(data, path=folder, domain=home),
        pixels[learnt],
        _truth(rows, learnt),
        tuple(tests),
        tuple(label for label in classes if label in occurring),
        digest,
    )


def _away(
    name: str, lab: Dataset, folder: Path, rule: CropRule, known: Mapping[str, str], progress: Progress | None
) -> Part:
    hashes = _hashes(lab, progress)
    for item in lab.items:
        if hashes[item.name] in known:
            raise BadInput(
                item.image,
                f"is a copy of DATA's {known[hashes[item.name]]}",
                "leave it out: it would not be another lab's",
            )
    digest = _digest(lab, hashes, rule, 0)
    if not _holds(folder, digest):
        loaded = load_crops(lab, rule, progress)
        rows = [
            CropRow(name, item.name, " ".join(map(str, item.box or ())), item.label, item.smear, "test", sha256)
            for item, sha256 in zip(loaded.items, loaded.sha256, strict=True)
        ]
        _keep(folder, digest, loaded.pixels, rows)
    pixels, rows = read_crops(folder)
    return Part(name, name, pixels, tuple(row.label for row in rows), digest)


def _truth(rows: Sequence[CropRow], chosen: np.ndarray) -> tuple[str, ...]:
    return tuple(row.label for row, taken in zip(rows, chosen, strict=True) if taken)


def _hashes(data: Dataset, progress: Progress | None) -> dict[str, str]:
    def tell(done: int, total: int) -> None:
        if progress:
            progress("reading photographs", done, total)

    return hash_photographs(data.path, [item.name for item in data.items], tell)


def _digest(data: Dataset, hashes: Mapping[str, str], rule: CropRule, seed: int) -> str:
    found = hashlib.sha256(f"{rule} {seed} {code_digest(*_ROOMS)}\n".encode())
    for item in data.items:
        found.update(f"{item.name} {item.box} {item.label} {item.smear} {hashes.get(item.name)}\n".encode())
    for name in (SPLIT_FILE, DUPLICATES_FILE):
        file = data.path / name
        found.update(name.encode() + (file.read_bytes() if file.is_file() else b""))
    return found.hexdigest()


def _holds(folder: Path, digest: str) -> bool:
    file = folder / "parts.json"
    return file.is_file() and json.loads(file.read_text(encoding="utf-8"))["digest"] == digest


def _keep(folder: Path, digest: str, pixels: np.ndarray, rows: Sequence[CropRow], split: bool = False) -> None:
    """Writes crops, and the split as `train` reads it, whole or not at all."""
    with whole_folder(folder) as beside:
        write_crops(beside, pixels, rows)
        if split:
            cells = (SplitRow(row.image, row.box, row.label, row.smear, "", row.part, row.sha256) for row in rows)
            write_split(beside / SPLIT_FILE, cells)
        facts: dict[str, Any] = {"digest": digest, "cells": len(rows)}
        write_json(beside / "parts.json", facts)
