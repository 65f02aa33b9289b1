"""`edge-wbc segment`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from edge_wbc.cli.show import AsJson, emit_json, progress_bar, remark, table

__all__ = ["segment"]


def segment(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="easy-gt, kmeans, graph-cut or tavakoli.")],
    images: Annotated[list[Path], typer.Argument(help="Crops of one cell each, folders of them, or datasets.")],
    out: Annotated[Path, typer.Option("--out", help="The folder: masks/, cells.csv, with --overlays overlays/.")],
    a: Annotated[
        Optional[float],
        typer.Option("--a", min=0, max=1, help="easy-gt: the threshold is a * th2 + (1 - a) * th3_up."),
    ] = None,
    threshold: Annotated[
        Optional[float], typer.Option(min=0, max=255, help="easy-gt: the level of magenta itself.")
    ] = None,
    basophil: Annotated[bool, typer.Option("--basophil", help="They are basophils: mark whole cells alone.")] = False,
    um_per_px: Annotated[
        Optional[float], typer.Option(min=1e-3, max=10, help="Micrometres a pixel spans, where no record says.")
    ] = None,
    overlays: Annotated[bool, typer.Option("--overlays", help="Also draw the outlines on the crops.")] = False,
    as_json: AsJson = False,
) -> None:
    """Mark nucleus and cytoplasm of single cells.

    A mask has the crop's size: 255 nucleus, 128 cytoplasm, 0 rest. The fields of a dataset are cut at its records'
    boxes first.
    """
    from edge_wbc.core.easy_gt import A, EasyGt
    from edge_wbc.core.errors import BadInput, CheckFailed
    from edge_wbc.lab.segmentation.segmenting import SegmentOptions, segment_in

    if method != "easy-gt" and (a is not None or threshold is not None):
        raise BadInput("--a, --threshold", f"{method} has no such threshold", "leave them out, or use easy-gt")
    if a is not None and threshold is not None:
        raise BadInput("--a, --threshold", "exclude each other", "give one of them")
    options = SegmentOptions(method, EasyGt(A if a is None else a, threshold), basophil, um_per_px)
    with progress_bar() as progress:
        done = segment_in(images, out, options, overlays, progress)
    if as_json:
        emit_json({"method": method, "cells": list(done.cells), "faults": list(done.faults)})
    else:
        tally: dict[str, int] = {}
        for cell in done.cells:
            said = cell["reason"] or ("whole cell alone" if basophil else "nucleus and cytoplasm")
            tally[said] = tally.get(said, 0) + 1
        rows = [(said, str(count)) for said, count in sorted(tally.items(), key=lambda row: -row[1])]
        table(f"{len(done.cells)} cells by {method}, in {out}", ("outcome", "cells"), rows)
        for fault in done.faults:
            remark(f"left out: {fault}")
        remark("research use, not for diagnosis")
    if done.faults:
        raise CheckFailed(f"{len(done.faults)} photographs left out")
