"""`edge-wbc synth`."""

from __future__ import annotations

import typer

from edge_wbc.cli import synth_cells, synth_pools, synth_smears

__all__ = ["app"]

app = typer.Typer(help="Draw smears with every label known.", no_args_is_help=True)

app.command("smears")(synth_smears.smears)
app.command("cells")(synth_cells.cells)
app.command("pools")(synth_pools.pools)


@app.callback()
def synth() -> None:
    """Draw smears with every label known."""
