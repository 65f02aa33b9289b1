"""The pack of a detector: what its pack.json says, and one of its artefacts at work on photographs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

import numpy as np

from edge_wbc.core.detector import (
    CANDIDATES,
    LEAST_SCORE,
    MARGIN,
    MOST_BOXES,
    OVERLAP,
    AnchorMap,
    cells_of,
    decode,
    fit_field,
    suppress,
)
from edge_wbc.core.errors import BadInput
from edge_wbc.core.interpreter import Interpreter, open_interpreter
from edge_wbc.core.pack import DETECT, PACK_SCHEMA, artefact_name, number, read_verified, task_of, typed
from edge_wbc.core.records import Cell

__all__ = ["CellDetector", "DetectorManifest", "DetectorPack", "open_detector", "read_detector_pack"]


@dataclass(frozen=True)
class DetectorManifest:
    """What a detector's pack.json says beside its list of files.

    Attributes:
        model: the network's name in the registry of detectors.
        size: width and height of the input in pixels.
        maps: the network's maps and the anchors on them, finest first.
        threshold: least score of what it calls a cell.
        mean, std: per channel, 0 to 1; already inside every artefact's graph.
        metrics: part -> the object that ``evaluate --json`` prints.
        seed, versions: of the training.
    """

    model: str
    size: int
    maps: Tuple[AnchorMap, ...]
    threshold: float
    mean: Tuple[float, float, float]
    std: Tuple[float, float, float]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)

    labels = ("white_cell",)

    def to_json(self) -> Dict[str, Any]:
        """The members of pack.json that describe the model."""
        return {
            "schema": PACK_SCHEMA,
            "task": DETECT,
            "model": self.model,
            "labels": list(self.labels),
            "input": {"size": self.size, "layout": "NHWC", "channels": "RGB", "range": [0, 255]},
            "field": {"fit": "longer side", "place": "top left", "margin": list(MARGIN)},
            "normalisation": {"mean": list(self.mean), "std": list(self.std), "in_graph": True},
            "outputs": {"of_each_map": ["logit", "shift and growth"], "maps": [asdict(each) for each in self.maps]},
            "suppression": {
                "least_score": LEAST_SCORE,
                "candidates": CANDIDATES,
                "overlap": OVERLAP,
                "most_boxes": MOST_BOXES,
            },
            "threshold": self.threshold,
            "metrics": dict(self.metrics),
            "seed": self.seed,
            "versions": dict(self.versions),
            "note": "research use, not for diagnosis",
        }


@dataclass(frozen=True)
class DetectorPack:
    """A detector's pack whose every file, name -> content, has been verified."""

    path: Path
    manifest: DetectorManifest
    files: Mapping[str, bytes]


def _manifest(where: str, data: Mapping[str, Any]) -> DetectorManifest:
    try:
        maps = tuple(
            AnchorMap(typed(each["cells"], int), tuple(number(side) for side in typed(each["sides"], list)))
            for each in typed(data["outputs"]["maps"], list)
        )
        colours = data["normalisation"]
        mean, std = (tuple(number(value) for value in typed(colours[key], list)) for key in ("mean", "std"))
        manifest = DetectorManifest(
            typed(data["model"], str),
            typed(data["input"]["size"], int),
            maps,
            number(data["threshold"]),
            mean,  # type: ignore[arg-type]
            std,  # type: ignore[arg-type]
            typed(data["metrics"], dict),
            typed(data["seed"], int),
            typed(data["versions"], dict),
        )
        fixed = ("labels", "input", "field", "outputs", "suppression")
        meant = manifest.to_json()
        said = {name: data[name] for name in fixed}
        # As text, since 0 == False.
        as_written = (
            json.dumps(said, sort_keys=True) == json.dumps({name: meant[name] for name in fixed}, sort_keys=True)
            and colours["in_graph"] is True
        )
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadInput(where, f"pack.json is not as its schema says ({error!r})", "export the pack again") from error
    sound = (
        32 <= manifest.size <= 1024
        and 1 <= len(maps) == len({each.cells for each in maps})
        and all(1 <= each.cells <= manifest.size and 1 <= len(each.sides) <= 16 for each in maps)
        and all(0 < side <= manifest.size for each in maps for side in each.sides)
        and len(mean) == len(std) == 3
        and all(0 <= value <= 1 for value in mean)
        and all(0 < value <= 1 for value in std)
        and 0 <= manifest.threshold <= 1
    )
    if not as_written:
        raise BadInput(
            where, "labels, an input, outputs or a suppression that this edge-wbc does not know", "update edge-wbc"
        )
    if not sound:
        raise BadInput(where, "pack.json names impossible anchors, sizes or thresholds", "export the pack again")
    return manifest


def read_detector_pack(path: Path) -> DetectorPack:
    """Reads and verifies the pack of a detector; raises as `edge_wbc.core.pack.read_pack` does."""
    data, files = read_verified(path)
    if task_of(data) != DETECT:
        raise BadInput(path, f"holds a model to {task_of(data)}, not to {DETECT}", "name a detector's pack")
    return DetectorPack(path, _manifest(f"{path}: pack.json", data), files)


@dataclass(frozen=True)
class CellDetector:
    """One artefact of a detector, opened."""

    manifest: DetectorManifest
    interpreter: Interpreter

    def boxes(self, rgb: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Every box of a field, however low its score: (N, 4) float32 in its pixels, (N,) float32 scores, falling.

        Args:
            rgb: (H, W, 3) uint8.
        """
        square, inside, scale = fit_field(rgb, self.manifest.size)
        found = decode(self.interpreter.outputs(square), self.manifest.maps, self.manifest.size)
        boxes, scores = suppress(*found, inside)
        return boxes / np.float32(scale), scores

    def find_cells(self, rgb: np.ndarray, threshold: Optional[float] = None) -> List[Cell]:
        """The white cells of a field, as `edge_wbc.core.finder.find_cells` gives them.

        Args:
            rgb: (H, W, 3) uint8.
            threshold: least score, instead of the pack's own.
        """
        boxes, scores = self.boxes(rgb)
        least = self.manifest.threshold if threshold is None else threshold
        return cells_of(boxes, scores, least, rgb.shape[1], rgb.shape[0])


def open_detector(pack: DetectorPack, kind: str = "tflite-int8", threads: int = 1) -> CellDetector:
    """Opens one artefact of a verified detector's pack.

    Raises:
        BadInput: the pack has no such artefact, its runtime refuses it, or its input or outputs do not fit pack.json.
    """
    name = artefact_name(pack.path, pack.files, kind)
    detector = CellDetector(pack.manifest, open_interpreter(name, pack.files[name], threads))
    size = pack.manifest.size
    try:
        detector.boxes(np.zeros((size, size, 3), np.uint8))
    except (KeyError, ValueError, RuntimeError) as error:
        fault = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadInput(f"{pack.path}: {name}", f"its input or outputs do not fit pack.json ({fault})") from error
    return detector
