"""`edge-wbc data`: where datasets come from and how they are kept honest."""

from __future__ import annotations

import typer

from edge_wbc.cli import fetch, split

__all__ = ["app"]

app = typer.Typer(help="Fetch public sets; split and prove splits.", no_args_is_help=True)
app.command("fetch")(fetch.fetch)
app.command("split")(split.split)
