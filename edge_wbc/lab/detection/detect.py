"""A trained detector at work: run folder -> boxes and cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from edge_wbc.core.detector import cells_of, shrink
from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import Cell
from edge_wbc.lab.detection.data import LoadedFields
from edge_wbc.lab.detection.measures import Detections
from edge_wbc.lab.detection.models import DETECTORS, build_detector
from edge_wbc.lab.training.run import read_facts, read_weights

__all__ = [
    "Detector",
    "detect_boxes",
    "detect_cells",
    "detect_kinds",
    "detect_loaded",
    "is_detector_run",
    "load_detector",
]


@dataclass(frozen=True)
class Detector:
    """A finished training of a detector.

    Attributes:
        network: in eval mode.
        size: longer side of the field at its input, in pixels.
        threshold: least score of what it calls a cell, of the highest F1 on the validation part.
        finds: the kinds of cells that it tells apart, of `data.KINDS`; the first is what `threshold` is for.
        facts: all of run.json.
    """

    path: Path
    model: str
    network: nn.Module
    size: int
    threshold: float
    facts: dict[str, Any]
    finds: tuple[str, ...] = ("white_cell",)

    @property
    def thresholds(self) -> dict[str, float]:
        """Of each kind."""
        kinds = self.facts["metrics"]["val"].get("kinds", {})
        return {kind: kinds[kind]["threshold"] if kinds else self.threshold for kind in self.finds}


def is_detector_run(path: Path) -> bool:
    """Whether a folder holds a finished run of a detector, not of a classifier."""
    return (path / "run.json").is_file() and read_facts(path).get("model") in DETECTORS


def load_detector(path: Path) -> Detector:
    """Reads a finished run; nothing in it is unpickled.

    Raises:
        BadInput: no finished run there, a run of a classifier, or weights that are missing or another network's.
    """
    facts = read_facts(path)
    try:
        if facts["model"] not in DETECTORS:
            raise BadInput(path, f"is a run of {facts['model']!r}, which finds no cells", "name a detector's run")
        finds = tuple(facts["finds"])
        network = build_detector(facts["model"], facts["size"], kinds=len(finds))
        read_weights(path / "weights.safetensors", network)
        return Detector(path, facts["model"], network.eval(), facts["size"], float(facts["threshold"]), facts, finds)
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(path / "run.json", f"not a run's facts ({error!r})", "train again") from error


@torch.inference_mode()
def detect_kinds(network: nn.Module, rgb: np.ndarray, size: int, kinds: int) -> list[Detections]:
    """Every box that a detector gives for one field, kind by kind; as `detect_boxes` has them."""
    network.eval()
    device = next(network.parameters()).device
    small, scale = shrink(rgb, size)
    pixels = torch.from_numpy(np.ascontiguousarray(small)).permute(2, 0, 1).to(device).float() / 255
    got = {name: value.cpu().numpy() for name, value in network([pixels])[0].items()}
    found = []
    for kind in range(1, kinds + 1):
        those = got["labels"] == kind
        found.append((got["boxes"][those] / np.float32(scale), got["scores"][those]))
    return found


def detect_boxes(network: nn.Module, fields: Sequence[np.ndarray], size: int) -> list[Detections]:
    """Every box of the first kind that a detector gives, however low its score.

    Args:
        network: of `build_detector`; put into eval mode.
        fields: (H, W, 3) uint8 each.
        size: longer side at the detector's input, in pixels.

    Returns:
        For each field (N, 4) float32 boxes in its own pixels and their (N,) float32 scores, falling.
    """
    return [detect_kinds(network, rgb, size, 1)[0] for rgb in fields]


def detect_loaded(
    network: nn.Module,
    loaded: LoadedFields,
    size: int,
    kinds: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[list[Detections]]:
    """`detect_kinds` for fields that `load_fields` holds: for each kind a list of fields."""
    found: list[list[Detections]] = [[] for _ in range(kinds)]
    for done, rgb in enumerate(loaded.pixels, 1):
        for those, got in zip(found, detect_kinds(network, rgb, size, kinds), strict=True):
            those.append(got)
        if progress:
            progress("finding cells", done, len(loaded.pixels))
    return found


def detect_cells(rgb: np.ndarray, detector: Detector, threshold: float | None = None) -> list[Cell]:
    """The white cells of a field, as `core.finder.find_cells` gives them.

    Args:
        rgb: (H, W, 3) uint8.
        threshold: least score, instead of the run's own.

    Returns:
        Cells with `box` in pixels of `rgb`, `score` 0 to 1 and `cut`, largest first.
    """
    height, width = rgb.shape[:2]
    least = detector.threshold if threshold is None else threshold
    boxes, scores = detect_boxes(detector.network, [rgb], detector.size)[0]
    return cells_of(boxes, scores, least, width, height)
