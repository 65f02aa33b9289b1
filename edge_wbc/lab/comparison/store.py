"""What a comparison keeps of each finished fit: its scores for every part, and what they depend on."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.lab.training.run import write_json

__all__ = ["Kept", "claim_folder", "read_kept"]

SCHEMA = 1


@dataclass(frozen=True)
class Kept:
    """One fit of one system.

    Attributes:
        fit: what it was fitted with: digest of the data, code version, options, seed.
        labels: the columns of its scores.
        parts: part -> digest of its cells.
        scores: part -> (N, len(labels)) float64.
        facts: versions, device, seconds, weights.
    """

    fit: Mapping[str, Any]
    labels: tuple[str, ...]
    parts: Mapping[str, str]
    scores: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]

    def lacks(self, parts: Mapping[str, str]) -> list[str]:
        """Those parts (name -> digest) of which it has no scores, or another lot of cells'."""
        return [name for name, digest in parts.items() if self.parts.get(name) != digest]

    def aligned(self, part: str, labels: tuple[str, ...]) -> np.ndarray:
        """Its scores of a part with one column for each of `labels`, 0 for those that it never learned."""
        wide = np.zeros((len(self.scores[part]), len(labels)))
        wide[:, [labels.index(label) for label in self.labels]] = self.scores[part]
        return wide

    def write(self, file: Path) -> None:
        """Writes FILE.npz, then FILE.json, which says that all of it is there."""
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = io.BytesIO()
        arrays: dict[str, Any] = {str(number): self.scores[name] for number, name in enumerate(self.parts)}
        np.savez(stream, **arrays)
        write_whole(file.with_name(file.name + ".npz"), stream.getvalue())
        what = {"fit": self.fit, "labels": list(self.labels), "parts": self.parts, "facts": self.facts}
        write_json(file.with_name(file.name + ".json"), {"schema": SCHEMA, **what})


def read_kept(file: Path, fit: Mapping[str, Any]) -> Kept | None:
    """What `Kept.write` wrote, or None where nothing was, or what was fitted with something else."""
    table = file.with_name(file.name + ".json")
    if not table.is_file():
        return None
    facts = json.loads(table.read_text(encoding="utf-8"))
    if facts.get("schema") != SCHEMA or facts["fit"] != fit:
        return None
    with np.load(file.with_name(file.name + ".npz"), allow_pickle=False) as arrays:
        scores = {name: arrays[str(number)] for number, name in enumerate(facts["parts"])}
    return Kept(facts["fit"], tuple(facts["labels"]), facts["parts"], scores, facts["facts"])


def claim_folder(out: Path) -> None:
    """Marks a folder as a comparison's.

    Raises:
        BadInput: it holds something else.
    """
    mark = out / "comparison.json"
    if not mark.is_file():
        if out.is_dir() and any(out.iterdir()):
            raise BadInput(out, "is not empty and holds no comparison", "choose another --out")
        out.mkdir(parents=True, exist_ok=True)
        write_json(mark, {"schema": SCHEMA})
