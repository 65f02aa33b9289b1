"""A trained run -> a verified pack: convert, prove, and only then write."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_wbc.core.errors import BadInput, CheckFailed
from edge_wbc.core.pack import KINDS, WEIGHTS_FILE, Manifest, check_replaceable, write_pack
from export.calibration import CALIBRATION_CROPS
from export.card import model_card
from export.device import installed
from export.metadata import embed_metadata
from export.prove import Limits, Proof, prove
from export.prove_old import prove_on_old_runtimes

if TYPE_CHECKING:
    from torch import nn

    from edge_wbc.lab.training.run import TrainedRun

__all__ = ["ALWAYS", "WEIGHTS", "ExportOptions", "export_run"]

Report = Callable[[str, int, int], None]

ALWAYS = "tflite-int8"
"""The artefact that every pack for a phone holds."""

WEIGHTS = "weights"
"""No artefact: what `edge-wbc adapt` starts from."""

PLAIN = "tflite-int8-plain"
"""No artefact of a pack: int8 of the weights as they are, rounded to the nearest, for the card to compare with."""

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
    found = [kind for kind in KINDS if kind in kinds or (kind == ALWAYS and for_phone)]
    if not found:
        raise BadInput("--kinds", f"names no artefact, and {model} is none for the phone", "add onnx-fp32")
    return found


def convert(
    graph: nn.Module,
    kinds: Sequence[str],
    size: int,
    calibration: np.ndarray,
    report: Report,
    network: str,
    outputs: Sequence[str] = ("probabilities",),
) -> dict[str, bytes]:
    """Kind, or PLAIN -> artefact without metadata; `outputs` are what ONNX calls the graph's.

    Raises:
        BadInput, CheckFailed: as the converters; the line begins with `network`.
    """
    from export import tflite, to_onnx
    from export.equalise import equalise
    from export.rounding import round_weights

    makers: dict[str, Callable[[nn.Module, int], bytes]] = {
        "tflite": tflite.to_tflite,
        "onnx": partial(to_onnx.to_onnx, outputs=outputs),
    }

    @cache
    def rounded() -> nn.Module:
        return round_weights(equalise(graph, calibration), calibration)

    @cache
    def whole(family: str, weights: str) -> bytes:
        return makers[family](rounded() if weights == "rounded" else graph, size)

    steps: dict[str, Callable[[], bytes]] = {
        "tflite-fp32": lambda: whole("tflite", "float"),
        "tflite-fp16": lambda: tflite.to_half_tflite(whole("tflite", "float")),
        "tflite-dynamic": lambda: tflite.to_dynamic_tflite(whole("tflite", "rounded")),
        "tflite-int8": lambda: tflite.to_int8_tflite(whole("tflite", "rounded"), calibration),
        PLAIN: lambda: tflite.to_int8_tflite(whole("tflite", "float"), calibration),
        "onnx-fp32": lambda: whole("onnx", "float"),
        "onnx-int8": lambda: to_onnx.to_int8_onnx(whole("onnx", "rounded"), calibration),
    }
    made: dict[str, bytes] = {}
    for done, kind in enumerate(kinds):
        report("convert", done, len(kinds))
        try:
            made[kind] = steps[kind]()
        except BadInput as fault:
            raise BadInput(f"{network}: {fault.where}", fault.fault, fault.remedy) from fault
        except CheckFailed as fault:
            raise CheckFailed(f"{network}: {fault}; no pack was written") from fault
    report("convert", len(kinds), len(kinds))
    return made


def tool_versions() -> dict[str, str]:
    """What an export was made with."""
    return installed(_TOOLS)


def _numerics(options: ExportOptions, calibration: int, proofs: Sequence[Proof], nearest: Sequence[Proof]) -> bytes:
    body: dict[str, Any] = {
        "device": f"{platform.machine()} {platform.system()}",
        "versions": tool_versions(),
        "limits": asdict(options.limits),
        "calibration": {"crops": calibration, "seed": options.seed},
        "artefacts": [proof.to_json() for proof in proofs],
        "rounded_to_the_nearest": [proof.to_json() for proof in nearest],
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


def export_run(
    run: TrainedRun, out: Path, options: ExportOptions, report: Report | None = None, data: Path | None = None
) -> list[Proof]:
    """Export a run, prove every artefact, write the pack.

    Args:
        run: what `load_run` returned, or `open_source` of a pack that carries weights.
        out: the pack's folder; an earlier pack there is replaced.
        options: what to export.
        report: told (stage, done, total), for a progress bar.
        data: cells to calibrate and prove on instead of the run's own; a pack has none of its own.

    Returns:
        one proof per artefact, in the order of `edge_wbc.core.pack.KINDS`.

    Raises:
        BadInput: an unknown kind, no crop to calibrate on, an `out` that holds something else,
            weights that are NaN or infinite, an operator that a converter does not know, a run without training or
            held-out crops, or `data` with too few cells or cells of one label alone.
        CheckFailed: artefacts that an old runtime gets wrong, or beyond the limits, each named with its figure and
            limit. Nothing is written.
    """
    kinds = wanted(options.kinds, run.model)
    if options.calibration_crops < 1:
        raise BadInput("--calibration", "needs at least one crop")
    check_replaceable(out, "pack.json")
    from edge_wbc.lab.adaptation.weights import write_halves
    from edge_wbc.lab.training.run import provenance_lines
    from export.evidence import evidence_of_folder, evidence_of_run
    from export.graph import graph_of_run, probabilities

    tell: Report = report or (lambda stage, done, total: None)
    graph = graph_of_run(run)
    if data is None:
        evidence = evidence_of_run(run, graph, options.calibration_crops, options.seed)
    else:
        evidence = evidence_of_folder(run, data, graph, options.calibration_crops, options.seed, tell)

    plain = [PLAIN] if ALWAYS in kinds else []
    # Proved against the network as it was trained, not as it was rewritten.
    network = f"{run.path}: {run.model}"
    models = convert(graph.channels_last(), [*kinds, *plain], run.crop.size, evidence.calibration, tell, network)
    manifest = _manifest(run)
    expected = probabilities(graph, evidence.crops)
    files = {
        # Proven with its metadata inside: byte for byte what ships.
        KINDS[kind]: embed_metadata(KINDS[kind], models[kind], {**manifest.to_json(), "kind": kind}, run.labels)
        for kind in kinds
    }
    limits = options.limits
    proofs = [
        prove(kind, KINDS[kind], files[KINDS[kind]], evidence, expected, run.labels, limits, tell) for kind in kinds
    ]
    proofs = prove_on_old_runtimes(proofs, files, evidence, expected, limits, tell)
    broken = [f"{proof.file}: {line}" for proof in proofs for line in proof.broken]
    if broken:
        raise CheckFailed("; ".join(broken) + "; no pack was written")
    nearest = [prove(ALWAYS, KINDS[ALWAYS], models[PLAIN], evidence, expected, run.labels, limits, tell) for _ in plain]

    if WEIGHTS in options.kinds:
        files[WEIGHTS_FILE] = write_halves(run.network)
    files["training.sha256"] = provenance_lines(run.provenance)
    files["numerics.json"] = _numerics(options, len(evidence.calibration), proofs, nearest)
    files["MODEL_CARD.md"] = model_card(run, proofs, nearest, options.about).encode()
    write_pack(out, manifest, files)
    return proofs
