"""The new lab: its crops, who labelled which, which are copies of each other, and the labels drawn to adapt with."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_wbc.core.colour import normalise
from edge_wbc.core.crops import LARGEST_CROP, CropRule
from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import header_size
from edge_wbc.core.taxonomy import five_class
from edge_wbc.lab.curation.duplicates import DedupOptions, components
from edge_wbc.lab.curation.hashing import hash_crops, to_grey
from edge_wbc.lab.datasets import Item, load_crops, read_dataset
from edge_wbc.lab.datasets.read import UNLABELLED
from edge_wbc.lab.datasets.split import group_numbers
from edge_wbc.lab.datasets.splitfile import read_duplicates
from edge_wbc.lab.evaluation import GUARD_LABEL
from edge_wbc.lab.training.run import column_of

__all__ = ["NewLab", "draw_shots", "read_lab"]

Progress = Callable[[str, int, int], None]
_HEADER = 1 << 18


@dataclass(frozen=True)
class NewLab:
    """Crops of one lab, row by row.

    Attributes:
        raw: (N, S, S, 3) uint8 RGB in the colours of their photographs.
        items: what each row is.
        sha256: of each row's photograph.
        columns: (N,) int64, the output that answers for the expert's label; -1 where nobody gave one.
        groups: (N,) int, the same for cells that are copies of each other.
        dropped: label -> how many cells were left out because the network has no output for it.
    """

    path: Path
    rule: CropRule
    raw: np.ndarray
    items: tuple[Item, ...]
    sha256: tuple[str, ...]
    columns: np.ndarray
    groups: np.ndarray
    dropped: dict[str, int]

    def take(self, rows: np.ndarray) -> NewLab:
        """Some of its cells."""
        return replace(
            self,
            raw=self.raw[rows],
            items=tuple(self.items[row] for row in rows),
            sha256=tuple(self.sha256[row] for row in rows),
            columns=self.columns[rows],
            groups=self.groups[rows],
        )

    def crops(self) -> np.ndarray:
        """(N, S, S, 3) uint8 in the colours that the network sees."""
        return normalise(self.raw, self.rule.colour)


def read_lab(path: Path, rule: CropRule, labels: Sequence[str], progress: Progress | None = None) -> NewLab:
    """Reads DATA with the cells that nobody labelled.

    Args:
        labels: of the network's outputs.

    Raises:
        BadInput: no photographs, one that cannot be read or shows a field without boxes, an unknown label, or no cell
            left that the network has an output for.
    """
    apart = [label for label in labels if five_class(label) not in (label, None)]
    if apart:
        fault = f"was trained to tell {', '.join(apart)} apart, and labels are adapted to in five classes"
        raise BadInput("the network", fault, "start from one that was trained with --labels 5, guard or all")
    data = read_dataset(path, unlabelled=True)
    known = {item.label: item.label in labels or GUARD_LABEL in labels for item in data.items}
    known |= {UNLABELLED: True, "not_recognised": False}
    dropped = Counter(item.label for item in data.items if not known[item.label])
    items = tuple(item for item in data.items if known[item.label])
    if not items:
        raise BadInput(path, f"holds only {', '.join(dropped)}, which the network does not know", "train it with them")
    for item in items:
        if item.box is None and item.label == UNLABELLED:
            _refuse_field(item.image)
    loaded = load_crops(replace(data, items=items), replace(rule, colour="none"), progress)
    columns = [-1 if item.label == UNLABELLED else column_of(item.label, labels) for item in items]
    groups = _copies(path, loaded.pixels, items, loaded.sha256)
    return NewLab(path, rule, loaded.pixels, items, loaded.sha256, np.array(columns), groups, dict(dropped))


def _refuse_field(image: Path) -> None:
    with image.open("rb") as stream:
        size = header_size(stream.read(_HEADER))
    if size and max(size) > LARGEST_CROP:
        fault = f"{size[0]} x {size[1]} pixels show a field, not one cell"
        raise BadInput(image, fault, "find its cells first: edge-wbc find IMAGES --out DATA")


def _copies(path: Path, raw: np.ndarray, items: Sequence[Item], sha256: Sequence[str]) -> np.ndarray:
    """Ties cells of one photograph's copies, of one group of duplicates.csv, and whose crops dedup calls one cell."""
    listed = read_duplicates(path)
    keys = [(item.name, " ".join(map(str, item.box)) if item.box else "") for item in items]
    same_box = [f"{digest} {box}" for digest, (_, box) in zip(sha256, keys, strict=True)]
    same_pixels = [hashlib.sha256(crop.tobytes()).hexdigest() for crop in raw]
    photographs = np.unique(np.array([item.name for item in items]), return_inverse=True)[1]
    hashes = hash_crops(to_grey(crop) for crop in raw)
    alike = components(hashes, photographs, [item.smear for item in items], DedupOptions())
    found = [listed.get(key) or listed.get((key[0], "")) or "" for key in keys]
    return group_numbers(same_box, same_pixels, found, [str(number) for number in alike])


def draw_shots(lab: NewLab, shots: int, seed: int, proportionate: bool = False) -> np.ndarray:
    """The rows whose labels are used, one of each group of copies.

    They are drawn label by label in turn, so that rare labels are covered; or in proportion to how often each label
    occurs (Chossegros et al.). A label keeps half its cells to be judged on, as long as others have more to give.

    Raises:
        BadInput: fewer labelled cells than asked for, or fewer shots than labels.
    """
    if not shots:
        return np.zeros(0, np.int64)
    chance = np.random.default_rng(seed)
    labelled = np.flatnonzero(lab.columns >= 0)
    rows = chance.permutation(labelled)
    rows = rows[np.sort(np.unique(lab.groups[rows], return_index=True)[1])]
    if len(rows) < shots:
        fault = f"has {len(rows)} different labelled cells, and --shots asks for {shots}"
        raise BadInput(lab.path, fault, "label more cells, ask for fewer, or adapt without labels: --shots 0")
    queues = {int(column): list(rows[lab.columns[rows] == column]) for column in np.unique(lab.columns[rows])}
    if shots < len(queues):
        raise BadInput("--shots", f"{shots} cannot cover the {len(queues)} labels of {lab.path}", "ask for more")
    half = {column: len(queue) - len(queue) // 2 for column, queue in queues.items()}
    whole = len(rows)
    drawn: list[int] = []
    for keep in (half, dict.fromkeys(queues, 0)):
        while len(drawn) < shots:
            open_ = [column for column, queue in queues.items() if len(queue) > keep[column]]
            if not open_:
                break
            # The label that lags furthest behind its share.
            share = {column: (lab.columns[rows] == column).sum() / whole if proportionate else 1.0 for column in open_}
            taken = Counter(lab.columns[drawn].tolist())
            column = min(open_, key=lambda column: (taken[column] + 1) / share[column])
            drawn.append(queues[column].pop())
    return np.sort(np.array(drawn, np.int64))
