"""Train, validation and test parts that no smear and no copy of one photograph crosses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from edge_wbc.core.errors import BadInput

__all__ = ["PARTS", "split_parts"]

PARTS = ("train", "val", "test")
_FOLDS = 10
_LEAST = 3


def _groups(smears: Sequence[str], sha256: Sequence[str]) -> np.ndarray:
    """One number for all cells that share a smear or the very same photograph, however indirectly."""
    tokens: dict[str, int] = {}
    links = []
    for row, (smear, digest) in enumerate(zip(smears, sha256, strict=True)):
        links.append((row, tokens.setdefault(f"sha256 {digest}", len(tokens))))
        if smear:
            links.append((row, tokens.setdefault(f"smear {smear}", len(tokens))))
    nodes = len(smears) + len(tokens)
    ends = np.array(links)
    graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], len(smears) + ends[:, 1])), shape=(nodes, nodes))
    return connected_components(graph, directed=False)[1][: len(smears)]


def split_parts(labels: Sequence[str], smears: Sequence[str], sha256: Sequence[str], seed: int) -> list[str]:
    """The part of each cell: about 70% train, 10% val, 20% test, stratified by label.

    Raises:
        BadInput: a label with fewer than 3 images, or everything from fewer than 3 smears.
    """
    for label, count in Counter(labels).items():
        if count < _LEAST:
            raise BadInput(
                f"class {label!r}",
                f"has {count} image{'s' * (count > 1)}; training, validation and test need one each",
                "add images or remove the class",
            )
    groups = _groups(smears, sha256)
    folds = min(_FOLDS, len(set(groups)))
    if folds < _LEAST:
        raise BadInput("the data", f"comes from {folds} smear{'s' * (folds > 1)}", "train on at least 3 smears")
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    # scikit-learn warns of classes smaller than the number of folds; such a class is absent from some part.
    fold_of = np.empty(len(labels), int)
    for number, (_, rows) in enumerate(splitter.split(np.zeros(len(labels)), labels, groups)):
        fold_of[rows] = number
    held_out = max(1, round(0.2 * folds))
    return ["val" if fold == 0 else "test" if fold <= held_out else "train" for fold in fold_of]
