"""`edge-wbc data split`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from edge_wbc.cli.show import AsJson, emit_json, progress_bar, remark, table

if TYPE_CHECKING:
    from edge_wbc.lab.datasets.splitfile import SplitRow

__all__ = ["split"]


def split(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Class folders, labels.csv beside images/, or records/.")
    ],
    out: Annotated[Optional[Path], typer.Option("--out", help="The file; DIR/split.csv is what train reads.")] = None,
    verify: Annotated[Optional[Path], typer.Option(help="Prove this split on DIR instead of drawing one.")] = None,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Split a dataset into train, val and test, or prove a split.

    No smear, no copy of a photograph and no group of DIR/duplicates.csv crosses parts; --verify names every fault and
    exits with 1.
    """
    from edge_wbc.core.errors import BadInput, CheckFailed
    from edge_wbc.lab.datasets.split import PARTS
    from edge_wbc.lab.datasets.splitfile import SPLIT_FILE

    if verify and out:
        raise BadInput("--verify", "draws nothing, so that --out has nothing to hold", "leave one of them away")
    file = verify or out or folder / SPLIT_FILE
    with progress_bar() as progress:

        def tell(done: int, total: int) -> None:
            progress("hashing photographs", done, total)

        rows, faults = _prove(file, folder, tell) if verify else (_draw(file, folder, seed, tell), [])
    cells = Counter((row.label, row.part) for row in rows)
    labels = sorted({row.label for row in rows})
    groups = {part: len({row.group for row in rows if row.part == part}) for part in PARTS}
    if as_json:
        counts = {part: {label: cells[label, part] for label in labels} for part in PARTS}
        emit_json({"split": str(file), "cells": counts, "groups": groups, "faults": faults})
    else:
        by_label = [(label, *(str(cells[label, part]) for part in PARTS)) for label in labels]
        by_group = ("groups", *(str(groups[part]) for part in PARTS))
        table(f"{file}: {len(rows)} cells in {sum(groups.values())} groups", ("", *PARTS), [*by_label, by_group])
    for fault in faults:
        remark(fault)
    if faults:
        raise CheckFailed(f"{file}: does not hold for {folder}: {len(faults)} fault{'s' * (len(faults) > 1)}")


def _draw(file: Path, folder: Path, seed: int, tell: Callable[[int, int], None]) -> list[SplitRow]:
    from edge_wbc.core.errors import BadInput
    from edge_wbc.lab.datasets import read_dataset
    from edge_wbc.lab.datasets.splitfile import draw_split, hash_photographs, write_split

    if file.exists():
        raise BadInput(file, "is there already", "remove it to draw another split, or choose another --out")
    dataset = read_dataset(folder)
    sha256 = hash_photographs(folder, (item.name for item in dataset.items), tell)
    rows = draw_split(dataset, sha256, seed)
    write_split(file, rows)
    return rows


def _prove(file: Path, folder: Path, tell: Callable[[int, int], None]) -> tuple[list[SplitRow], list[str]]:
    from edge_wbc.core.errors import BadInput
    from edge_wbc.lab.datasets import read_dataset
    from edge_wbc.lab.datasets.splitfile import hash_photographs, read_split, split_faults

    rows = read_split(file)
    sha256 = hash_photographs(folder, (row.image for row in rows), tell)
    try:
        return rows, split_faults(rows, folder, sha256, read_dataset(folder).items)
    except BadInput as fault:
        # The dataset itself is at fault; what the split can say for itself is still worth saying.
        return rows, [str(fault), *split_faults(rows, folder, sha256, ())]
