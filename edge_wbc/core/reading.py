"""What the phone does with a photograph: find the cells, crop them, name them, count them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from edge_wbc.core.crops import LARGEST_CROP, crop_cell, single_box
from edge_wbc.core.errors import BadInput
from edge_wbc.core.finder import find_cells
from edge_wbc.core.interpreter import Interpreter, open_interpreter
from edge_wbc.core.pack import Pack, artefact_name
from edge_wbc.core.records import Box, Cell

__all__ = ["NamedCell", "Reader", "open_reader"]


@dataclass(frozen=True)
class NamedCell:
    """One cell as the network names it.

    Attributes:
        box: x0, y0, x1, y1 in pixels of the photograph, end exclusive.
        scores: label -> probability.
        uncertain: whether `score` is below the pack's threshold.
        found: the finder's own score of the box, or None where it was not searched for.
        cut: whether the field's border or the dark round it cuts the cell.
    """

    box: Box
    label: str
    score: float
    scores: Dict[str, float]
    uncertain: bool
    found: Optional[float] = None
    cut: bool = False


@dataclass(frozen=True)
class Reader:
    """A verified pack with one of its artefacts opened."""

    pack: Pack
    kind: str
    interpreter: Interpreter

    def read(
        self, rgb: np.ndarray, single: Optional[bool] = None, um_per_px: Optional[float] = None
    ) -> List[NamedCell]:
        """Names the cells of a photograph.

        Args:
            rgb: (H, W, 3) uint8.
            single: whether it shows one cell; None tells by its size (`LARGEST_CROP`).
            um_per_px: micrometres a pixel of a field spans where it was calibrated.
        """
        if single is None:
            single = max(rgb.shape[:2]) <= LARGEST_CROP
        cells = [Cell(single_box(rgb))] if single else find_cells(rgb, um_per_px=um_per_px)
        return self._name(rgb, cells)

    def _name(self, rgb: np.ndarray, cells: Sequence[Cell]) -> List[NamedCell]:
        manifest = self.pack.manifest
        if not cells:
            return []
        crops = np.stack([crop_cell(rgb, cell.box, manifest.crop) for cell in cells])
        named = []
        for cell, row in zip(cells, self.interpreter.predict(crops)):
            best = int(row.argmax())
            scores = {label: float(score) for label, score in zip(manifest.labels, row)}
            uncertain = bool(row[best] < manifest.uncertain_below)
            name, score = manifest.labels[best], float(row[best])
            named.append(NamedCell(cell.box, name, score, scores, uncertain, cell.score, cell.cut))
        return named


def open_reader(pack: Pack, kind: str = "tflite-int8", threads: int = 1) -> Reader:
    """Opens one artefact of a verified pack.

    Raises:
        BadInput: the pack has no such artefact, its runtime refuses it, or its input or output do not fit pack.json.
    """
    name = artefact_name(pack.path, pack.files, kind)
    interpreter = open_interpreter(name, pack.files[name], threads)
    size = pack.manifest.crop.size
    try:
        columns = interpreter.predict(np.zeros((1, size, size, 3), np.uint8)).shape[1]
    except (ValueError, RuntimeError) as error:
        fault = str(error).strip().splitlines()[0]
        raise BadInput(f"{pack.path}: {name}", f"does not take {size} x {size} crops ({fault})") from error
    if columns != len(pack.manifest.labels):
        raise BadInput(f"{pack.path}: {name}", f"has {columns} outputs for {len(pack.manifest.labels)} labels")
    return Reader(pack, kind, interpreter)


def label_counts(cells: Sequence[NamedCell]) -> Tuple[str, ...]:
    """The labels to count, one a cell; an uncertain cell waits for a person and is not counted."""
    return tuple(cell.label for cell in cells if not cell.uncertain)
