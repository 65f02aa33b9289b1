"""A run or a pack behind one face: crops in, probabilities out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import softmax

from edge_wbc.core.crops import CropRule
from edge_wbc.core.pack import read_pack
from edge_wbc.core.reading import open_reader

__all__ = ["Classifier", "open_classifier"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Classifier:
    """What can be judged.

    Attributes:
        scores: (N, S, S, 3) uint8 RGB -> (N, len(labels)) float32 probabilities.
        temperature: that the logits were divided by.
        embed: (N, S, S, 3) uint8 RGB -> (N, D) float32, what the last layer sees; None for an artefact of a pack,
            which gives probabilities alone.
    """

    labels: tuple[str, ...]
    crop: CropRule
    uncertain_below: float
    scores: Callable[[np.ndarray], np.ndarray]
    temperature: float = 1.0
    embed: Callable[[np.ndarray], np.ndarray] | None = None

    def predict(self, pixels: np.ndarray, progress: Progress | None = None, batch: int = 64) -> np.ndarray:
        """`scores` in batches, telling how far it is."""
        rows = []
        for start in range(0, len(pixels), batch):
            rows.append(self.scores(pixels[start : start + batch]))
            if progress:
                progress("naming cells", min(start + batch, len(pixels)), len(pixels))
        return np.concatenate(rows)


def open_classifier(path: Path, kind: str = "tflite-int8") -> Classifier:
    """Opens a run's network, or the artefact `kind` of a pack.

    Raises:
        BadInput: neither a finished run nor a sound pack.
    """
    if path.is_dir() and not (path / "pack.json").is_file() and (path / "plan.json").is_file():
        from edge_wbc.lab.evaluation.embeddings import embed
        from edge_wbc.lab.training.loop import predict_logits
        from edge_wbc.lab.training.run import load_run

        run = load_run(path)
        return Classifier(
            run.labels,
            run.crop,
            run.uncertain_below,
            lambda pixels: softmax(predict_logits(run.network, pixels) / run.temperature, axis=1),
            run.temperature,
            lambda pixels: embed(run.network, pixels),
        )
    pack = read_pack(path)
    manifest = pack.manifest
    reader = open_reader(pack, kind)
    return Classifier(
        manifest.labels, manifest.crop, manifest.uncertain_below, reader.interpreter.predict, manifest.temperature
    )
