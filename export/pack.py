"""A trained run -> a verified pack: convert, prove, and only then write."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_wbc.core.errors import BadInput, CheckFailed
from edge_wbc.core.pack import KINDS, WEIGHTS_FILE, Manifest, check_replaceable, write_pack
from export.calibration import CALIBRATION_CROPS, calibration_set
from export.card import model_card
from export.metadata import embed_metadata
from export.prove import Limits, Proof, prove

if TYPE_CHECKING:
    from torch import nn

    from edge_wbc.lab.training.run import TrainedRun
    from export.graph import DeployableGraph

__all__ = ["ALWAYS", "WEIGHTS", "ExportOptions", "export_run"]

Report = Callable[[str, int, int], None]

ALWAYS = "tflite-int8"
"""The artefact that every pack for a phone holds."""

WEIGHTS = "weights"
"""No artefact: what `edge-wbc adapt` starts from."""

_TOOLS = ("torch", "litert-torch", "litert-converter", "ai-edge-quantizer", "ai-edge-litert", "onnx", "onnxruntime")


@dataclass(frozen=True)
class ExportOptions:
    """What to export.

    Attributes:
        kinds: artefacts wanted, of `edge_wbc.core.pack.KINDS`, and ``weights``; ``tflite-int8`` is made whether named
            or not, unless the registry says that the network does not run on the phone.
        calibration_crops: training crops that the int8 ranges are read from, plain and relit.
        seed: which crops those are.
        limits: how far an artefact may stray from PyTorch.
        about: Markdown for the model card about the training data: whose it is, and under which licence.
    """

    kinds: tuple[str, ...] = ("tflite-int8", "tflite-fp32", "onnx-fp32", "onnx-int8", WEIGHTS)
    calibration_crops: int = CALIBRATION_CROPS
    seed: int = 0
    limits: Limits = field(default_factory=Limits)
    about: str = ""


def wanted(kinds: Sequence[str], model: str) -> list[str]:
    from edge_wbc.lab.models import MODELS

    unknown = [kind for kind in kinds if kind not in (*KINDS, WEIGHTS)]
    if unknown:
        raise BadInput("--kinds", f"unknown kind {unknown[0]!r}", f"choose among: {', '.join((*KINDS, WEIGHTS))}")
    for_phone = model not in MODELS or MODELS[model].on_phone
    return [kind for kind in KINDS if kind in kinds or (kind == ALWAYS and for_phone)]


def _crops_of(run: TrainedRun, part: str) -> tuple[np.ndarray, np.ndarray]:
    crops, labels = run.crops(part)
    return np.asarray(crops), np.asarray(labels)


def _held_out(run: TrainedRun) -> tuple[str, np.ndarray, np.ndarray]:
    # Of an adapted run nobody may have labelled more than it learned from; what agrees on those agrees.
    for part in ("test", "val", *(("unlabelled", "train") if _transductive(run) else ())):
        crops, labels = _crops_of(run, part)
        if len(crops):
            return part, crops, labels
    raise BadInput(run.path, "has no held-out crops to prove an export on", "train with a test or validation part")


def _transductive(run: TrainedRun) -> bool:
    return bool(run.recipe.get("transductive"))


def _calibration(run: TrainedRun, graph: DeployableGraph, options: ExportOptions) -> np.ndarray:
    """Crops that the int8 ranges are read from: the training part's, or all that an adaptation saw without labels."""
    crops, labels = _crops_of(run, "train")
    if _transductive(run):
        from export.graph import probabilities

        crops = np.concatenate([crops, *(_crops_of(run, part)[0] for part in ("unlabelled", "test"))])
        labels = probabilities(graph, crops).argmax(1)
    if not len(crops):
        raise BadInput(run.path, "has no training crops to calibrate int8 on", "keep the run beside its data")
    return calibration_set(crops, labels, options.calibration_crops, options.seed)


def convert(
    graph: nn.Module,
    kinds: Sequence[str],
    size: int,
    calibration: np.ndarray,
    report: Report,
    outputs: Sequence[str] = ("probabilities",),
) -> dict[str, bytes]:
    """Kind -> artefact without metadata; `outputs` are what ONNX calls the graph's."""
    from export import tflite, to_onnx
    from export.rounding import round_weights

    makers: dict[str, Callable[[nn.Module, int], bytes]] = {
        "tflite": tflite.to_tflite,
        "onnx": partial(to_onnx.to_onnx, outputs=outputs),
    }

    @cache
    def whole(family: str, weights: str) -> bytes:
        return makers[family](round_weights(graph, calibration) if weights == "rounded" else graph, size)

    steps: dict[str, Callable[[], bytes]] = {
        "tflite-fp32": lambda: whole("tflite", "float"),
        "tflite-fp16": lambda: tflite.to_half_tflite(whole("tflite", "float")),
        "tflite-dynamic": lambda: tflite.to_dynamic_tflite(whole("tflite", "rounded")),
        "tflite-int8": lambda: tflite.to_int8_tflite(whole("tflite", "rounded"), calibration),
        "onnx-fp32": lambda: whole("onnx", "float"),
        "onnx-int8": lambda: to_onnx.to_int8_onnx(whole("onnx", "rounded"), calibration),
    }
    made: dict[str, bytes] = {}
    for done, kind in enumerate(kinds):
        report("convert", done, len(kinds))
        made[kind] = steps[kind]()
    report("convert", len(kinds), len(kinds))
    return made


def tool_versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _TOOLS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _numerics(options: ExportOptions, calibration: int, proofs: Sequence[Proof]) -> bytes:
    body: dict[str, Any] = {
        "device": f"{platform.machine()} {platform.system()}",
        "versions": tool_versions(),
        "limits": asdict(options.limits),
        "calibration": {"crops": calibration, "seed": options.seed},
        "artefacts": [proof.to_json() for proof in proofs],
    }
    return (json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _manifest(run: TrainedRun) -> Manifest:
    return Manifest(
        model=run.model,
        labels=tuple(run.labels),
        crop=run.crop,
        mean=run.mean,
        std=run.std,
        temperature=run.temperature,
        uncertain_below=run.uncertain_below,
        metrics=run.metrics,
        seed=run.seed,
        versions=run.versions,
    )


def export_run(run: TrainedRun, out: Path, options: ExportOptions, report: Report | None = None) -> list[Proof]:
    """Export a run, prove every artefact, write the pack.

    Args:
        run: what `load_run` returned.
        out: the pack's folder; an earlier pack there is replaced.
        options: what to export.
        report: told (stage, done, total), for a progress bar.

    Returns:
        one proof per artefact, in the order of `edge_wbc.core.pack.KINDS`.

    Raises:
        BadInput: an unknown kind, an `out` that holds something else,
            weights that are NaN or infinite, or a run without training or held-out crops.
        CheckFailed: artefacts beyond the limits, each named with its figure and limit. Nothing is written.
    """
    kinds = wanted(options.kinds, run.model)
    check_replaceable(out, "pack.json")
    from edge_wbc.lab.adaptation.weights import write_halves
    from edge_wbc.lab.training.run import provenance_lines
    from export.graph import graph_of_run, probabilities

    tell: Report = report or (lambda stage, done, total: None)
    graph = graph_of_run(run)
    part, crops, truth = _held_out(run)
    calibration = _calibration(run, graph, options)

    models = convert(graph, kinds, run.crop.size, calibration, tell)
    manifest = _manifest(run)
    files: dict[str, bytes] = {}
    proofs = []
    expected = probabilities(graph, crops)
    for kind in kinds:
        name = KINDS[kind]
        files[name] = embed_metadata(name, models[kind], {**manifest.to_json(), "kind": kind}, run.labels)
        # Proven with its metadata inside: byte for byte what ships.
        proofs.append(
            prove(kind, name, files[name], crops, truth, expected, run.labels, options.limits, part=part, report=tell)
        )
    broken = [f"{proof.file}: {line}" for proof in proofs for line in proof.broken]
    if broken:
        raise CheckFailed("; ".join(broken) + "; no pack was written")

    if WEIGHTS in options.kinds:
        files[WEIGHTS_FILE] = write_halves(run.network, run.model, run.labels)
    files["training.sha256"] = provenance_lines(run.provenance)
    files["numerics.json"] = _numerics(options, len(calibration), proofs)
    files["MODEL_CARD.md"] = model_card(run, proofs, options.about).encode()
    write_pack(out, manifest, files)
    return proofs
