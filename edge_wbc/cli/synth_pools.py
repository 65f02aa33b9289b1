"""`edge-wbc synth pools`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from edge_wbc.cli.show import AsJson, emit_json, progress_bar, remark, table

if TYPE_CHECKING:
    from edge_wbc.lab.synthesis.pool_runs import Made

__all__ = ["pools"]


def pools(
    out: Annotated[Path, typer.Option("--out", help="Where SUBTYPE/pool.json and its cut-outs are written.")],
    count: Annotated[
        Optional[int], typer.Option(help="Cut-outs of each pool; with --from the most cells of each.")
    ] = None,
    data: Annotated[
        Optional[list[Path]],
        typer.Option("--from", metavar="DATA", help="Photographs with masks/, or boxes, to cut; may be repeated."),
    ] = None,
    um_per_px: Annotated[
        Optional[float], typer.Option(help="Micrometres a pixel spans; with --from of the photographs.")
    ] = None,
    at: Annotated[Optional[float], typer.Option(help="Micrometres a pixel of the pools spans, with --from.")] = None,
    stain: Annotated[str, typer.Option(help="Of the pools; with --from what records do not say.")] = "",
    copies: Annotated[int, typer.Option(help="Turned copies of each cell, with --from.")] = 0,
    seed: Annotated[int, typer.Option(help="Of every draw.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Draw pools of cells, or cut them out of labelled photographs."""
    from dataclasses import asdict

    from edge_wbc.core.errors import BadInput
    from edge_wbc.lab.synthesis.pool_runs import CutOptions, DrawOptions, cut_pools_into, draw_pools_into

    cores = os.cpu_count() or 1
    with progress_bar() as progress:
        if data:
            made = cut_pools_into(out, data, CutOptions(count, um_per_px, stain, at, copies, seed), progress, cores)
        else:
            if count is None:
                raise BadInput("--count", "how many cut-outs of each pool?", "give --count, or --from DATA to cut them")
            if at is not None or copies:
                raise BadInput("--at, --copies", "belong to --from", "give --um-per-px and --count alone")
            scale = DrawOptions.um_per_px if um_per_px is None else um_per_px
            made = draw_pools_into(out, DrawOptions(count, stain or DrawOptions.stain, scale, seed), progress, cores)
    if as_json:
        emit_json({"out": str(out), **asdict(made)})
    else:
        _show(out, made)


def _show(out: Path, made: Made) -> None:
    names = [*made.cutouts, *(name for name in made.refused if name not in made.cutouts)]
    rows = []
    for name in names:
        reasons = made.refused.get(name, {})
        why = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
        rows.append((name, str(made.cutouts.get(name, 0)), str(sum(reasons.values())), why))
    table(f"{out}: {made.stain}, {made.um_per_px:g} um a pixel", ("pool", "cut-outs", "refused", "why"), rows)
    glass = f"unseen around {made.without_glass} of them" if made.without_glass else "seen around all"
    remark(f"glass is RGB {', '.join(map(str, made.background))}, {glass}; {out / 'contact-sheet.png'} shows the cells")
    remark("research use, not for diagnosis")
