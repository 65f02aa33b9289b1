"""`edge-wbc synth smears`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Optional

import typer

from edge_wbc.cli.show import AsJson, emit_json, progress_bar, remark, table

__all__ = ["smears"]

# The paper's counts want 256 x 256 um; a fixed number of white cells is for fields as a phone's preview has them.
_PAPER = (1024, 1024, 0.25)
_FEW = (640, 480, None)


def smears(
    count: Annotated[int, typer.Option(help="How many fields.")],
    out: Annotated[Path, typer.Option("--out", help="The dataset folder: images/, records/ and what --formats asks.")],
    domain: Annotated[str, typer.Option(help="Phone and microscope that see them.")] = "galaxy-s5/olympus",
    stain: Annotated[
        str, typer.Option(help="giemsa, wright, leishman, may-gruenwald; any: each smear its own.")
    ] = "any",
    pools: Annotated[
        Optional[list[Path]], typer.Option(help="A folder of cut-outs to assemble from instead; may be repeated.")
    ] = None,
    placement: Annotated[str, typer.Option(help="exact, random, blocks or lsh-paper.")] = "exact",
    white: Annotated[
        Optional[int],
        typer.Option(help="So many white cells of the five classes in each field; else the paper's counts."),
    ] = None,
    width: Annotated[Optional[int], typer.Option(help="Of a field, px: 1024, with --white 640.")] = None,
    height: Annotated[Optional[int], typer.Option(help="Of a field, px: 1024, with --white 480.")] = None,
    um_per_px: Annotated[
        Optional[float], typer.Option(help="Micrometres a pixel: 0.25, with --white the domain's, with --pools theirs.")
    ] = None,
    eyepiece: Annotated[bool, typer.Option(help="Show the ocular's round field, and black around it.")] = False,
    per_smear: Annotated[int, typer.Option(help="Fields of one smear: of one stain.")] = 1,
    formats: Annotated[
        str, typer.Option(help="records, masks, and coco, voc, yolo: each with main types and with subtypes.")
    ] = "records,masks",
    seed: Annotated[int, typer.Option(help="Of every draw; field 17 of it is the same in every run.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Draw fields of stained smears with every label known.

    Records, masks, a contact sheet and a page of figures. A stopped run goes on where it stopped, a longer one adds to
    a shorter.
    """
    from edge_wbc.core.errors import BadInput
    from edge_wbc.lab.synthesis import PlacementOptions, SmearOptions, draw_smears
    from edge_wbc.lab.synthesis.fields import LOOSENESS
    from edge_wbc.lab.synthesis.statistics import REPORT, SHEET, count_cells, write_report

    if count < 1:
        raise BadInput("--count", f"{count} is not a positive number")
    if per_smear < 1:
        raise BadInput("--per-smear", f"{per_smear} is not a positive number")
    wide, high, scale = _PAPER if white is None else _FEW
    options = SmearOptions(
        domain,
        -(-count // per_smear),
        per_smear,
        white_cells=white,
        width=wide if width is None else width,
        height=high if height is None else height,
        seed=seed,
        stain=stain,
        um_per_px=um_per_px if um_per_px is not None or pools else scale,
        placement=PlacementOptions(placement, LOOSENESS),
        eyepiece=eyepiece,
        pools=tuple(pools or ()),
    )
    with progress_bar() as progress:
        drawn = draw_smears(
            out,
            options,
            lambda done, total: progress("drawing fields", done, total),
            os.cpu_count() or 1,
            count,
            tuple(part.strip() for part in formats.split(",")),
        )
        write_report(out, options, progress)
    subtypes = count_cells(out)
    if as_json:
        facts = {"fields": count, "drawn": drawn, "out": str(out), "cells": subtypes}
        emit_json({**facts, "sheet": str(out / SHEET), "report": str(out / REPORT)})
        return
    rows = [(name, str(found)) for name, found in subtypes.items() if found]
    table(f"{sum(subtypes.values())} annotated cells in {count} fields", ("subtype", "cells"), rows)
    remark(f"{drawn} fields drawn into {out}, {count - drawn} were there already; look at {out / REPORT}")
    remark("research use, not for diagnosis")
