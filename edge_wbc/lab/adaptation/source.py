"""Where an adaptation starts: a run's network, or the one whose weights a pack carries."""

from __future__ import annotations

from pathlib import Path

from edge_wbc.core.errors import BadInput
from edge_wbc.core.pack import WEIGHTS_FILE, read_pack
from edge_wbc.lab.adaptation.weights import read_halves
from edge_wbc.lab.models import build_network
from edge_wbc.lab.training.run import TrainedRun, load_run, read_provenance

__all__ = ["open_source"]


def open_source(path: Path) -> TrainedRun:
    """The network of a run, or of a pack that carries its weights; a pack's has no crops and no recipe.

    Raises:
        BadInput: neither a finished run nor a sound pack, or a pack without weights.
    """
    if path.is_dir() and not (path / "pack.json").is_file():
        return load_run(path)
    pack = read_pack(path)
    manifest = pack.manifest
    if WEIGHTS_FILE not in pack.files:
        remedy = "export it with `--kinds tflite-int8,weights`, or start from its run"
        raise BadInput(path, f"carries no {WEIGHTS_FILE} to start from", remedy)
    network = build_network(manifest.model, len(manifest.labels))
    read_halves(pack.files[WEIGHTS_FILE], network, f"{path}: {WEIGHTS_FILE}")
    return TrainedRun(
        path,
        manifest.model,
        network.eval(),
        manifest.labels,
        manifest.crop,
        manifest.temperature,
        manifest.uncertain_below,
        manifest.metrics,
        manifest.seed,
        {},
        manifest.versions,
        tuple(read_provenance(pack.files.get("training.sha256", b""), f"{path}: training.sha256")),
        manifest.mean,
        manifest.std,
    )
