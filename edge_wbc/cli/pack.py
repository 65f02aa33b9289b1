"""`edge-wbc pack`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_wbc.cli.show import AsJson, emit_json, percent, table

__all__ = ["app"]

app = typer.Typer(help="Look into a model pack.", no_args_is_help=True)


@app.callback()
def pack() -> None:
    """Look into a model pack."""


@app.command("inspect")
def inspect(
    path: Annotated[Path, typer.Argument(metavar="PACK", help="A pack's folder or its zip.")], as_json: AsJson = False
) -> None:
    """Verify a pack and print what it says of itself."""
    from edge_wbc.core.pack import read_pack

    found = read_pack(path)
    facts = found.manifest.to_json()
    sizes = {name: len(content) for name, content in found.files.items()}
    if as_json:
        emit_json({**facts, "files": sizes})
        return
    metrics = {part: percent(got["accuracy"]) for part, got in facts["metrics"].items()}
    table(
        f"{path}: every file has the SHA-256 that pack.json names",
        ("fact", "value"),
        [
            ("model", facts["model"]),
            ("labels", ", ".join(facts["labels"])),
            ("crops", f"{facts['input']['size']} pixels, {facts['crop']['widen']} x the box"),
            ("temperature", f"{facts['temperature']:.3f}"),
            ("uncertain below", f"{facts['uncertain_below']:.3f}"),
            *((f"accuracy, {part}", figure) for part, figure in metrics.items()),
            *((name, f"{size:,} bytes") for name, size in sizes.items()),
        ],
    )
