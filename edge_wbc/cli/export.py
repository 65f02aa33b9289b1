"""`edge-wbc export`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge_wbc.cli.evaluate import holds_detector
from edge_wbc.cli.show import AsJson, emit_json, percent, progress_bar, remark, table
from edge_wbc.core.errors import BadInput

__all__ = ["export", "proof_table"]


def proof_table(proofs: list[dict]) -> tuple[list[str], list[list[str]]]:
    """The proofs as a head and rows, a column each, PyTorch's before them."""
    labels = proofs[0]["per_label"]

    def share(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.1f}"

    figures: dict[str, tuple[str, Callable[[dict], str]]] = {
        "MB": ("", lambda proof: f"{proof['bytes'] / 1e6:.2f}"),
        "largest error": ("", lambda proof: f"{proof['max_error']:.1g}"),
        "mean error": ("", lambda proof: f"{proof['mean_error']:.1g}"),
        "same label, %": ("", lambda proof: share(proof["agreement"])),
    }
    for name in dict.fromkeys(name for proof in proofs for name in proof["old_runtimes"]):
        figures[f"  on {name}, %"] = (
            "",
            lambda proof, name=name: share(proof["old_runtimes"].get(name, {}).get("agreement")),  # type: ignore[misc]
        )
    figures |= {
        "accuracy, %": (share(proofs[0]["torch_accuracy"]), lambda proof: share(proof["accuracy"])),
    }
    for label, found in labels.items():
        figures[f"  {label}, {found['crops']}"] = (
            share(found["torch_accuracy"]),
            lambda proof, label=label: share(proof["per_label"][label]["accuracy"]),  # type: ignore[misc]
        )
    figures |= {
        "operators": ("", lambda proof: str(proof["operators"])),
        "  in int8, %": ("", lambda proof: share(proof["int8_operators"])),
        "  transposes": ("", lambda proof: str(proof["transposes"])),
        "multiply-adds, M": ("", lambda proof: f"{proof['multiply_adds'] / 1e6:.1f}"),
        "  in int8, % ": ("", lambda proof: share(proof["int8_multiply_adds"])),
        "tensors, KiB": ("", lambda proof: f"{proof['peak_bytes'] / 1024:,.0f}"),
        "ms": ("", lambda proof: f"{proof['ms_median']:.2f}"),
    }
    head = ["", "PyTorch", *(proof["kind"].replace("-", "\n") for proof in proofs)]
    return head, [[name, first, *map(told, proofs)] for name, (first, told) in figures.items()]


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
    run: Annotated[
        Path, typer.Argument(metavar="RUN|PACK", help="A run folder that train wrote, or a pack with weights.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The pack's folder.")],
    kinds: Annotated[
        str, typer.Option(help="Artefacts, by commas, and weights for `edge-wbc adapt` to start from.")
    ] = "tflite-int8,tflite-fp32,onnx-fp32,onnx-int8,weights",
    calibration: Annotated[
        int, typer.Option(help="Training crops, of a detector fields, that the int8 ranges are read from.")
    ] = 200,
    seed: Annotated[int, typer.Option(help="Of the choice of those.")] = 0,
    data: Annotated[
        Path | None,
        typer.Option(help="Cells to calibrate and prove on, instead of the run's own; a pack has none of its own."),
    ] = None,
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
        if data is not None:
            raise BadInput("--data", "a detector is proved on the fields of its own run", "leave it out")
        _export_detector(run, out, wanted, calibration, seed, words, as_json)
        return
    from edge_wbc.lab.adaptation.source import open_source
    from export import ExportOptions, export_run

    options = ExportOptions(wanted, calibration, seed, about=words)
    source = open_source(run)
    if data is None and (not run.is_dir() or (run / "pack.json").is_file()):
        raise BadInput(run, "a pack carries no cells to calibrate and prove on", "name some: --data DATA")
    with progress_bar() as progress:
        proofs = [proof.to_json() for proof in export_run(source, out, options, progress, data)]
    if as_json:
        emit_json({"pack": str(out), "artefacts": proofs})
        return
    table(f"{out}: {proofs[0]['crops']} crops of part {proofs[0]['part']}, one thread", *proof_table(proofs))
    remark("research use, not for diagnosis")


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
    remark("research use, not for diagnosis")
