"""`edge-wbc export`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge_wbc.cli.evaluate import holds_detector
from edge_wbc.cli.show import AsJson, emit_json, percent, progress_bar, table

__all__ = ["export", "proof_rows"]

PROOF_HEAD = ("artefact", "bytes", "worst error", "same answer", "accuracy", "PyTorch", "ms")


def proof_rows(proofs: list[dict]) -> list[tuple[str, ...]]:
    """The proof of each artefact as a row under PROOF_HEAD."""
    return [
        (
            proof["kind"],
            f"{proof['bytes']:,}",
            f"{proof['max_error']:.2g}",
            percent(proof["agreement"]),
            *("-" if share is None else percent(share) for share in (proof["accuracy"], proof["torch_accuracy"])),
            f"{proof['ms_median']:.2f}",
        )
        for proof in proofs
    ]


DETECTOR_PROOF_HEAD = ("artefact", "bytes", "score error", "box error, px", "AP50", "PyTorch", "ms")


def detector_proof_rows(proofs: list[dict]) -> list[tuple[str, ...]]:
    """The proof of each of a detector's artefacts as a row under DETECTOR_PROOF_HEAD."""
    return [
        (
            proof["kind"],
            f"{proof['bytes']:,}",
            f"{proof['max_score_error']:.2g}",
            f"{proof['max_box_error']:.2g}",
            percent(proof["ap50"]),
            percent(proof["torch_ap50"]),
            f"{proof['ms_median']:.2f}",
        )
        for proof in proofs
    ]


def export(
    run: Annotated[Path, typer.Argument(help="A run folder that train wrote.")],
    out: Annotated[Path, typer.Option("--out", help="The pack's folder.")],
    kinds: Annotated[
        str, typer.Option(help="Artefacts, by commas, and weights for `edge-wbc adapt` to start from.")
    ] = "tflite-int8,tflite-fp32,onnx-fp32,onnx-int8,weights",
    calibration: Annotated[
        int, typer.Option(help="Training crops, of a detector fields, that the int8 ranges are read from.")
    ] = 200,
    seed: Annotated[int, typer.Option(help="Of the choice of those.")] = 0,
    about: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Markdown for the model card: whose the training data is, and its licence.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Export a run to a verified pack.

    Each artefact, TFLite or ONNX, is proved against PyTorch before the pack is written; beyond the limits the command
    fails with exit code 1 and writes nothing.
    """
    words = about.read_text(encoding="utf-8", errors="replace") if about else ""
    wanted = tuple(kind.strip() for kind in kinds.split(","))
    if holds_detector(run):
        _export_detector(run, out, wanted, calibration, seed, words, as_json)
        return
    from edge_wbc.lab.training import load_run
    from export import ExportOptions, export_run

    options = ExportOptions(wanted, calibration, seed, about=words)
    trained = load_run(run)
    with progress_bar() as progress:
        proofs = [proof.to_json() for proof in export_run(trained, out, options, progress)]
    if as_json:
        emit_json({"pack": str(out), "artefacts": proofs})
        return
    table(f"{out}: {proofs[0]['crops']} crops of part {proofs[0]['part']}, one thread", PROOF_HEAD, proof_rows(proofs))


def _export_detector(
    run: Path, out: Path, kinds: tuple[str, ...], calibration: int, seed: int, about: str, as_json: bool
) -> None:
    from edge_wbc.lab.detection import load_detector
    from export import DetectorExportOptions, export_detector

    options = DetectorExportOptions(kinds, calibration, seed, about=about)
    with progress_bar() as progress:
        proofs = [asdict(proof) for proof in export_detector(load_detector(run), out, options, progress)]
    if as_json:
        emit_json({"pack": str(out), "artefacts": proofs})
        return
    first = proofs[0]
    title = f"{out}: {first['cells']} cells in {first['fields']} fields of part {first['part']}, one thread"
    table(title, DETECTOR_PROOF_HEAD, detector_proof_rows(proofs))
