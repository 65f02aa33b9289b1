"""Train, validation and test parts that no smear, no copy of one photograph and no duplicate of a cell crosses."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from edge_wbc.core.errors import BadInput

__all__ = ["PARTS", "check_enough", "group_numbers", "split_parts"]

PARTS = ("train", "val", "test")
_FOLDS = 10
_LEAST = 3


def group_numbers(*ties: Sequence[str]) -> np.ndarray:
    """One number for all cells that are tied to each other, however indirectly.

    Args:
        ties: of each kind (smears, SHA-256, duplicate groups) one name a cell, "" where it has none; cells with the
            same name of one kind are tied.

    Returns:
        (cells,) int, counted from 0 in the order in which groups first occur.
    """
    cells = len(ties[0])
    tokens: dict[tuple[int, str], int] = {}
    ends = np.array(
        [
            (cell, tokens.setdefault((kind, name), cells + len(tokens)))
            for kind, names in enumerate(ties)
            for cell, name in enumerate(names)
            if name
        ],
        int,
    ).reshape(-1, 2)
    nodes = cells + len(tokens)
    graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(nodes, nodes))
    pieces = connected_components(graph, directed=False)[1][:cells]
    order: dict[int, int] = {}
    return np.array([order.setdefault(piece, len(order)) for piece in pieces], int)


def check_enough(labels: Sequence[str]) -> None:
    """Raises `BadInput` for a label with fewer than 3 cells: training, validation and test need one each."""
    for label, count in Counter(labels).items():
        if count < _LEAST:
            raise BadInput(
                f"class {label!r}",
                f"has {count} image{'s' * (count > 1)}; training, validation and test need one each",
                "add images or remove the class",
            )


def split_parts(labels: Sequence[str], groups: Sequence[int], seed: int, where: str | Path = "the data") -> list[str]:
    """The part of each cell: about 70% train, 10% val, 20% test, stratified by label, each group in one part.

    Args:
        labels: one a cell.
        groups: one a cell, as `group_numbers` gives them.
        where: what a fault names.

    Raises:
        BadInput: fewer than 3 groups, or no label with 3 cells.
    """
    distinct = len(set(groups))
    if distinct < _LEAST:
        raise BadInput(
            where,
            f"comes from {distinct} smear{'s' * (distinct > 1)}",
            "training, validation and test need a smear each",
        )
    folds = min(_FOLDS, distinct, max(Counter(labels).values()))
    if folds < _LEAST:
        raise BadInput(where, f"has no label with {_LEAST} cells", "label more cells")
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold_of = np.empty(len(labels), int)
    with warnings.catch_warnings():
        # It warns of classes smaller than the number of folds; such a class is absent from some part.
        warnings.simplefilter("ignore", UserWarning)
        for number, (_, rows) in enumerate(splitter.split(np.zeros(len(labels)), labels, groups)):
            fold_of[rows] = number
    held_out = max(1, round(0.2 * folds))
    return ["val" if fold == 0 else "test" if fold <= held_out else "train" for fold in fold_of]
