"""Two experts' votes on the same cells, from one dataset or from a file of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from edge_wbc.core.boxes import overlaps
from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import IMAGE_SUFFIXES
from edge_wbc.core.records import Box, read_field
from edge_wbc.core.taxonomy import label_from_name
from edge_wbc.lab.curation.agreement import NOT_LABELLED, TwoVotes
from edge_wbc.lab.datasets.tables import read_table

__all__ = ["Voted", "merge_votes", "of_one_expert", "pair_votes", "read_votes", "two_experts"]

# Two experts' boxes around one cell overlap by more than around two neighbours.
_LEAST_OVERLAP = 0.5


@dataclass(frozen=True)
class Voted:
    """A cell with what experts said of it.

    Attributes:
        image: the photograph's name, the same in every expert's file: without the folder ``images/`` or of a class.
        record: the file of the photograph's record, where the votes came from records.
    """

    image: str
    box: Box | None
    votes: Mapping[str, str]
    smear: str = ""
    record: Path | None = None


def read_votes(path: Path) -> list[Voted]:
    """The cells of a dataset or CSV with every vote on them.

    Args:
        path: a folder with ``records/``, with ``labels.csv``, or with a folder per class; or a CSV with the columns
            image and label, and as wanted box ("x0 y0 x1 y1") and smear. A file that names no expert is one expert's,
            named after it.

    Raises:
        BadInput: none of these, or a row or record at fault.
    """
    if path.is_file():
        return _from_csv(path, path.stem)
    if not path.is_dir():
        raise BadInput(path, "no such file or folder")
    if (path / "records").is_dir():
        return _from_records(path)
    if (path / "labels.csv").is_file():
        return _from_csv(path / "labels.csv", path.name)
    return _from_folders(path)


def _plain(image: str) -> str:
    return image.removeprefix("images/")


def _from_records(path: Path) -> list[Voted]:
    found = []
    for file in sorted((path / "records").glob("*.json")):
        record = read_field(file)
        found += [Voted(_plain(record.image), cell.box, cell.votes, record.smear.id, file) for cell in record.cells]
    if not found:
        raise BadInput(path / "records", "no cells in these records")
    return found


def _from_csv(file: Path, expert: str) -> list[Voted]:
    found: dict[tuple[str, Box | None], Voted] = {}
    for where, row in read_table(file, ("image", "label")):
        if not row["image"] or not row["label"]:
            raise BadInput(where, "image or label is empty")
        box = _box(row.get("box", ""), where)
        cell = Voted(_plain(row["image"]), box, {expert: label_from_name(row["label"], where)}, row.get("smear", ""))
        if (cell.image, box) in found:
            raise BadInput(where, "names a cell twice", "an expert has one vote a cell")
        found[cell.image, box] = cell
    if not found:
        raise BadInput(file, "no cells in it")
    return list(found.values())


def _box(text: str, where: str) -> Box | None:
    if not text:
        return None
    numbers = text.split()
    if len(numbers) != 4 or not all(number.isdigit() for number in numbers):
        raise BadInput(where, f"box {text!r} is not four whole numbers", "write x0 y0 x1 y1")
    x0, y0, x1, y1 = map(int, numbers)
    if not (x0 < x1 and y0 < y1):
        raise BadInput(where, f"box {text!r} is reversed or empty")
    return x0, y0, x1, y1


def _from_folders(path: Path) -> list[Voted]:
    found: dict[str, Voted] = {}
    for folder in sorted(entry for entry in path.iterdir() if entry.is_dir()):
        images = sorted(file for file in folder.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES)
        label = label_from_name(folder.name, folder) if images else ""
        for file in images:
            name = file.relative_to(folder).as_posix()
            if name in found:
                raise BadInput(file, "is in two class folders", "an expert has one vote a cell")
            found[name] = Voted(name, None, {path.name: label})
    if not found:
        raise BadInput(path, "no votes in it", "give records/, labels.csv, class folders, or a CSV of image and label")
    return list(found.values())


def two_experts(cells: Sequence[Voted], wanted: Sequence[str], where: Path) -> tuple[str, str]:
    """Which two experts of a dataset to compare: those wanted, or the only two there are.

    Raises:
        BadInput: they did not vote here, or there are not two of them.
    """
    here = _experts(cells)
    for expert in wanted:
        if expert not in here:
            raise BadInput(where, f"has no votes by {expert!r}", f"its experts are: {', '.join(here)}")
    pair = tuple(wanted) or tuple(here)
    if len(pair) != 2:
        raise BadInput(
            where,
            f"has votes by {len(here)} expert{'s' * (len(here) != 1)} ({', '.join(here)})",
            "choose two with --experts a,b" if len(here) > 2 else "give the other expert's dataset or CSV too",
        )
    return pair[0], pair[1]


def of_one_expert(cells: Sequence[Voted], wanted: str | None, where: Path) -> tuple[list[Voted], str]:
    """The cells of one expert's file, and the name of that expert; a file of one expert takes the name wanted.

    Raises:
        BadInput: several experts voted here and none of them is wanted.
    """
    here = _experts(cells)
    if wanted in here:
        expert = str(wanted)
    elif len(here) == 1:
        expert = here[0]
    else:
        raise BadInput(
            where, f"has votes by {', '.join(here) or 'nobody'}", "choose an expert of each with --experts a,b"
        )
    name = wanted or expert
    return [replace(cell, votes={name: cell.votes[expert]} if expert in cell.votes else {}) for cell in cells], name


def _experts(cells: Sequence[Voted]) -> list[str]:
    return sorted({expert for cell in cells for expert in cell.votes})


def merge_votes(first: Sequence[Voted], second: Sequence[Voted]) -> list[Voted]:
    """One list of two experts' cells, each with the votes of whoever marked it.

    Cells are the same where their photographs' names are and their boxes overlap best and by half of their union.
    """
    mine, theirs = _by_image(first), _by_image(second)
    merged: list[Voted] = []
    for image in dict.fromkeys((*mine, *theirs)):
        here, there = mine.get(image, []), theirs.get(image, [])
        partner = _matches([cell.box for cell in here], [cell.box for cell in there])
        for number, cell in enumerate(here):
            votes = there[partner[number]].votes if number in partner else {}
            merged.append(replace(cell, votes={**cell.votes, **votes}))
        merged += [cell for number, cell in enumerate(there) if number not in partner.values()]
    return merged


def _by_image(cells: Sequence[Voted]) -> dict[str, list[Voted]]:
    found: dict[str, list[Voted]] = defaultdict(list)
    for cell in cells:
        found[cell.image].append(cell)
    return found


def _matches(ours: Sequence[Box | None], others: Sequence[Box | None]) -> dict[int, int]:
    """Which of our boxes is which of the others'."""
    if len(ours) == len(others) == 1 and None in (ours[0], others[0]):
        return {0: 0}
    left = [number for number, box in enumerate(ours) if box is not None]
    right = [number for number, box in enumerate(others) if box is not None]
    if not left or not right:
        return {}
    shared = overlaps(np.array([ours[number] for number in left]), np.array([others[number] for number in right]))
    pairs = zip(*linear_sum_assignment(-shared), strict=True)
    return {left[one]: right[other] for one, other in pairs if shared[one, other] >= _LEAST_OVERLAP}


def pair_votes(cells: Sequence[Voted], experts: tuple[str, str]) -> list[TwoVotes]:
    """What two experts said of every cell; `not_labelled` where one did not."""
    return [
        TwoVotes(
            cell.image,
            cell.box,
            cell.votes.get(experts[0], NOT_LABELLED),
            cell.votes.get(experts[1], NOT_LABELLED),
            cell.smear,
        )
        for cell in cells
    ]
