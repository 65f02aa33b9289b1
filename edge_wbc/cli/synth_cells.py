"""`edge-wbc synth cells`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Optional

import typer

from edge_wbc.cli.show import AsJson, emit_json, progress_bar, remark

__all__ = ["cells"]


def cells(
    count: Annotated[int, typer.Option(help="How many photographs.")],
    out: Annotated[Path, typer.Option("--out", help="Where images/, masks/ and labels.csv are written.")],
    pools: Annotated[
        Optional[list[Path]],
        typer.Option(metavar="DIR", help="Pools to take cells from, instead of drawing each; may be repeated."),
    ] = None,
    stain: Annotated[str, typer.Option(help="Of all; any: each photograph has its own.")] = "any",
    domain: Annotated[str, typer.Option(help="Phone and microscope; any: each photograph has its own.")] = "any",
    classes: Annotated[str, typer.Option(help="Of the five classes or the white subtypes, a,b,..; in turn.")] = "",
    size: Annotated[int, typer.Option(help="Side of a photograph, px.")] = 160,
    um_per_px: Annotated[
        Optional[float], typer.Option(help="Micrometres a pixel spans; by default the phone's.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of every draw; cell 17 of it is the same in every run.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Draw photographs of single white cells, with labels and masks to train on."""
    from edge_wbc.core.taxonomy import FIVE_CLASSES
    from edge_wbc.lab.synthesis.single_cells import SingleCellOptions, draw_single_cells

    names = tuple(name.strip() for name in classes.split(",")) if classes else FIVE_CLASSES
    options = SingleCellOptions(names, size, domain, um_per_px, stain, seed)
    with progress_bar() as progress:
        drawn = draw_single_cells(
            out,
            options,
            count,
            pools or (),
            lambda done, total: progress("drawing cells", done, total),
            os.cpu_count() or 1,
        )
    if as_json:
        emit_json({"cells": count, "drawn": drawn, "out": str(out)})
    else:
        remark(f"{drawn} cells drawn into {out}, {count - drawn} were there already; research use, not for diagnosis")
