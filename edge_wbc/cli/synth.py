"""`edge-wbc synth`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from edge_wbc.cli import synth_cells, synth_pools
from edge_wbc.cli.show import AsJson, emit_json, progress_bar, remark

__all__ = ["app"]

app = typer.Typer(help="Draw smears with every label known.", no_args_is_help=True)

app.command("pools")(synth_pools.pools)
app.command("cells")(synth_cells.cells)


@app.callback()
def synth() -> None:
    """Draw smears with every label known."""


@app.command("smears")
def smears(
    count: Annotated[int, typer.Option(help="How many fields.")],
    out: Annotated[Path, typer.Option("--out", help="Where images/ and records/ are written.")],
    domain: Annotated[str, typer.Option(help="Phone and microscope that see them.")] = "galaxy-s5-olympus",
    per_smear: Annotated[int, typer.Option(help="Fields of one smear.")] = 10,
    seed: Annotated[int, typer.Option(help="Of every draw; field 17 of it is the same in every run.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Draw fields of stained smears and their records."""
    from edge_wbc.core.errors import BadInput
    from edge_wbc.lab.synthesis import SmearOptions, draw_smears

    if count < 1 or per_smear < 1 or count % per_smear:
        raise BadInput("--count", f"{count} is no multiple of --per-smear {per_smear}")
    options = SmearOptions(domain, count // per_smear, per_smear, seed=seed)
    with progress_bar() as progress:
        drawn = draw_smears(
            out, options, lambda done, total: progress("drawing fields", done, total), os.cpu_count() or 1
        )
    if as_json:
        emit_json({"fields": count, "drawn": drawn, "out": str(out)})
    else:
        remark(f"{drawn} fields drawn into {out}, {count - drawn} were there already")
