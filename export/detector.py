"""A trained detector's run -> a verified pack: convert, prove on held-out fields, and only then write."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_wbc.core.detector import LEAST_SCORE, AnchorMap, decode, fit_field, suppress
from edge_wbc.core.detector_pack import DetectorManifest
from edge_wbc.core.errors import BadInput, CheckFailed
from edge_wbc.core.interpreter import open_interpreter
from edge_wbc.core.pack import KINDS, check_replaceable, write_pack
from export.calibration import CALIBRATION_CROPS, calibration_set
from export.detector_card import detector_card
from export.metadata import embed_metadata
from export.pack import Report, convert, tool_versions, wanted

if TYPE_CHECKING:
    from edge_wbc.lab.detection import Detector
    from edge_wbc.lab.detection.data import LoadedFields
    from edge_wbc.lab.detection.measures import Detections

__all__ = ["DetectorExportOptions", "DetectorLimits", "DetectorProof", "export_detector"]

_HELD_OUT = "val"


@dataclass(frozen=True)
class DetectorLimits:
    """How far an artefact may stray from PyTorch.

    Attributes:
        float_score: largest difference of any anchor's score, of the float32 artefacts.
        float_box: the same of a coordinate of any box that counts, in pixels of the input.
        half: how many times as much float16 weights may.
        ap50_drop: average precision that any artefact may lose, but never less than one cell's worth.
    """

    float_score: float = 1e-3
    float_box: float = 0.1
    half: float = 20.0
    ap50_drop: float = 0.01


@dataclass(frozen=True)
class DetectorExportOptions:
    """What to export.

    Attributes:
        kinds: artefacts wanted, of `edge_wbc.core.pack.KINDS`; ``tflite-int8`` is made whether named or not, and
            ``weights`` are left out, since nothing adapts a detector.
        calibration_fields: training fields that the int8 ranges are read from, plain and relit.
        seed: which fields those are.
        limits: how far an artefact may stray from PyTorch.
        about: Markdown for the model card about the training data: whose it is, and under which licence.
    """

    kinds: tuple[str, ...] = ("tflite-int8", "tflite-fp32", "onnx-fp32", "onnx-int8")
    calibration_fields: int = CALIBRATION_CROPS
    seed: int = 0
    limits: DetectorLimits = field(default_factory=DetectorLimits)
    about: str = ""


@dataclass(frozen=True)
class DetectorProof:
    """One artefact beside PyTorch, on held-out fields.

    Attributes:
        kind, file: which artefact.
        bytes: its size with metadata.
        part: where the fields come from.
        fields, cells: how many were compared.
        max_score_error: largest difference of any anchor's score.
        max_box_error: of a coordinate of an anchor's box, in pixels of the input, where PyTorch's score counts.
        ap50, torch_ap50, ap50_95, torch_ap50_95: average precision.
        ms_median: one field, one thread, the network alone, milliseconds.
        runtime: what ran it.
        broken: one line per limit that it breaks; empty when it stands.
    """

    kind: str
    file: str
    bytes: int
    part: str
    fields: int
    cells: int
    max_score_error: float
    max_box_error: float
    ap50: float
    torch_ap50: float
    ap50_95: float
    torch_ap50_95: float
    ms_median: float
    runtime: str
    broken: tuple[str, ...] = ()


@dataclass(frozen=True)
class _HeldOut:
    """Held-out fields, and what PyTorch says of them: its anchors' boxes and scores, and what it finds."""

    loaded: LoadedFields
    maps: tuple[AnchorMap, ...]
    size: int
    anchors: list[Detections]
    found: list[Detections]

    @property
    def cells(self) -> int:
        return sum(len(boxes) for boxes in self.loaded.boxes)


def _look(detector: Detector, graph: Any, loaded: LoadedFields) -> _HeldOut:
    from edge_wbc.lab.detection import detect_loaded
    from export.detector_graph import anchor_maps, raw_outputs

    maps, size = anchor_maps(detector), detector.size
    anchors = [decode(raw_outputs(graph, fit_field(rgb, size)[0]), maps, size) for rgb in loaded.pixels]
    return _HeldOut(loaded, maps, size, anchors, detect_loaded(detector.network, loaded, size)[0])


def broken_limits(kind: str, limits: DetectorLimits, cells: int, score: float, box: float, drop: float) -> list[str]:
    """One line per limit that these figures break. Comparisons are turned so that NaN breaks them."""
    lines = []
    if kind.endswith(("fp32", "fp16")):
        times = 1.0 if kind.endswith("fp32") else limits.half
        if not score <= times * limits.float_score:
            lines.append(f"largest error of a score {score:.2g} is over {times * limits.float_score:.2g}")
        if not box <= times * limits.float_box:
            lines.append(f"largest error of a box {box:.2g} px is over {times * limits.float_box:.2g}")
    elif not np.isfinite([score, box]).all():
        lines.append("scores or boxes are not numbers")
    # A hair for 0.99 - 0.98 being over 0.01.
    if not drop <= max(limits.ap50_drop, 1 / cells) + 1e-9:
        lines.append(f"AP50 falls by {drop:.4f}, over {max(limits.ap50_drop, 1 / cells):.4f}")
    return lines


def _prove(
    kind: str, file: str, model: bytes, held_out: _HeldOut, limits: DetectorLimits, report: Report
) -> DetectorProof:
    from edge_wbc.lab.detection.measures import COCO_IOUS, average_precision

    interpreter = open_interpreter(file, model, threads=1)
    found, seconds, score_error, box_error = [], [], 0.0, 0.0
    # The first run lays out memory; it is no measure.
    interpreter.outputs(np.zeros((held_out.size, held_out.size, 3), np.uint8))
    for done, (rgb, (boxes, scores)) in enumerate(zip(held_out.loaded.pixels, held_out.anchors, strict=True), 1):
        square, inside, scale = fit_field(rgb, held_out.size)
        started = time.perf_counter()
        outputs = interpreter.outputs(square)
        seconds.append(time.perf_counter() - started)
        mine, my_scores = decode(outputs, held_out.maps, held_out.size)
        score_error = float(np.maximum(score_error, np.abs(my_scores - scores).max()))
        counts = scores > LEAST_SCORE
        box_error = float(np.maximum(box_error, np.abs(mine - boxes)[counts].max(initial=0.0)))
        kept, kept_scores = suppress(mine, my_scores, inside)
        found.append((kept / np.float32(scale), kept_scores))
        report(f"prove {kind}", done, len(held_out.anchors))
    truths = held_out.loaded.boxes
    ours, theirs = (average_precision(each, truths, COCO_IOUS) for each in (found, held_out.found))
    drop = float(theirs[0] - ours[0])
    return DetectorProof(
        kind=kind,
        file=file,
        bytes=len(model),
        part=_HELD_OUT,
        fields=len(found),
        cells=held_out.cells,
        max_score_error=score_error,
        max_box_error=box_error,
        ap50=float(ours[0]),
        torch_ap50=float(theirs[0]),
        ap50_95=float(ours.mean()),
        torch_ap50_95=float(theirs.mean()),
        ms_median=float(np.median(seconds) * 1000),
        runtime=interpreter.runtime,
        broken=tuple(broken_limits(kind, limits, held_out.cells, score_error, box_error, drop)),
    )


def _calibration(detector: Detector, options: DetectorExportOptions, report: Report) -> np.ndarray:
    """Squares that the int8 ranges are read from; only the chosen fields are decoded."""
    from dataclasses import replace

    from edge_wbc.lab.detection.parts import load_part, read_part

    marked = read_part(detector.path, "train")
    if not marked.fields:
        raise BadInput(detector.path, "has no training fields to calibrate int8 on", "train again")
    order = np.random.default_rng(options.seed).permutation(len(marked.fields))[: options.calibration_fields]
    chosen = replace(marked, fields=tuple(marked.fields[row] for row in order))
    loaded = load_part(detector.path, chosen, detector.size, report)
    squares = np.stack([fit_field(rgb, detector.size)[0] for rgb in loaded.pixels])
    return calibration_set(squares, np.zeros(len(squares), np.int64), len(squares), options.seed)


def _numerics(options: DetectorExportOptions, fields: int, proofs: Sequence[DetectorProof]) -> bytes:
    body = {
        "device": f"{platform.machine()} {platform.system()}",
        "versions": tool_versions(),
        "limits": asdict(options.limits),
        "calibration": {"fields": fields, "seed": options.seed},
        "artefacts": [asdict(proof) for proof in proofs],
    }
    return (json.dumps(body, indent=1, allow_nan=False) + "\n").encode()


def export_detector(
    detector: Detector, out: Path, options: DetectorExportOptions, report: Report | None = None
) -> list[DetectorProof]:
    """Export a detector's run, prove every artefact, write the pack.

    Args:
        detector: what `load_detector` returned.
        out: the pack's folder; an earlier pack there is replaced.
        options: what to export.
        report: told (stage, done, total), for a progress bar.

    Returns:
        one proof per artefact, in the order of `edge_wbc.core.pack.KINDS`.

    Raises:
        BadInput: an unknown kind, an `out` that holds something else, a detector that is not for the phone, or a run
            whose dataset is gone or has changed.
        CheckFailed: artefacts beyond the limits, each named with its figure and limit. Nothing is written.
    """
    from edge_wbc.lab.detection import DETECTORS
    from edge_wbc.lab.detection.parts import load_part, provenance, read_part
    from edge_wbc.lab.training.run import provenance_lines
    from export.detector_graph import DetectorGraph

    if not DETECTORS[detector.model].on_phone:
        fit = ", ".join(name for name, entry in DETECTORS.items() if entry.on_phone)
        raise BadInput(detector.path, f"holds {detector.model!r}, which is no one graph to export", f"train {fit}")
    if detector.finds != ("white_cell",):
        fault = f"finds {' and '.join(detector.finds)}, and a pack holds white cells alone"
        raise BadInput(detector.path, fault, "train without --finds")
    if options.calibration_fields < 1:
        raise BadInput("--calibration", "needs at least one field")
    kinds = wanted(options.kinds, detector.model)
    check_replaceable(out, "pack.json")
    tell: Report = report or (lambda stage, done, total: None)
    loaded = load_part(detector.path, read_part(detector.path, _HELD_OUT), detector.size, tell)
    calibration = _calibration(detector, options, tell)

    graph = DetectorGraph(detector.network)
    held_out = _look(detector, graph, loaded)
    network = f"{detector.path}: {detector.model}"
    models = convert(graph, kinds, detector.size, calibration, tell, network, graph.output_names)
    manifest = DetectorManifest(
        detector.model,
        detector.size,
        held_out.maps,
        detector.threshold,
        graph.mean,
        graph.std,
        detector.facts["metrics"],
        detector.facts["seed"],
        detector.facts["versions"],
    )
    files: dict[str, bytes] = {}
    proofs = []
    for kind in kinds:
        name = KINDS[kind]
        files[name] = embed_metadata(name, models[kind], {**manifest.to_json(), "kind": kind}, manifest.labels)
        # Proven with its metadata inside: byte for byte what ships.
        proofs.append(_prove(kind, name, files[name], held_out, options.limits, tell))
    broken = [f"{proof.file}: {line}" for proof in proofs for line in proof.broken]
    if broken:
        raise CheckFailed("; ".join(broken) + "; no pack was written")

    files["training.sha256"] = provenance_lines(provenance(detector.path))
    files["numerics.json"] = _numerics(options, len(calibration) // 2, proofs)
    files["MODEL_CARD.md"] = detector_card(manifest, provenance(detector.path), proofs, options.about).encode()
    write_pack(out, manifest, files)
    return proofs
