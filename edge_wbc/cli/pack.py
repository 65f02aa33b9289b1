"""`edge-wbc pack`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
    from edge_wbc.cli.evaluate import packs_detector
    from edge_wbc.core.detector_pack import read_detector_pack
    from edge_wbc.core.pack import read_pack

    detects = packs_detector(path)
    found = read_detector_pack(path) if detects else read_pack(path)
    facts = found.manifest.to_json()
    sizes = {name: len(content) for name, content in found.files.items()}
    if as_json:
        emit_json({**facts, "files": sizes})
        return
    table(
        f"{path}: every file has the SHA-256 that pack.json names",
        ("fact", "value"),
        [
            ("model", facts["model"]),
            ("labels", ", ".join(facts["labels"])),
            *(_of_detector(facts) if detects else _of_classifier(facts)),
            *((name, f"{size:,} bytes") for name, size in sizes.items()),
        ],
    )


def _of_classifier(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("crops", f"{facts['input']['size']} pixels, {facts['crop']['widen']} x the box"),
        ("temperature", f"{facts['temperature']:.3f}"),
        ("uncertain below", f"{facts['uncertain_below']:.3f}"),
        *((f"accuracy, {part}", percent(got["accuracy"])) for part, got in facts["metrics"].items()),
    ]


def _of_detector(facts: dict[str, Any]) -> list[tuple[str, str]]:
    maps = facts["outputs"]["maps"]
    return [
        ("fields", f"{facts['input']['size']} pixels along the longer side"),
        ("anchors", "; ".join(f"{', '.join(f'{side:.0f}' for side in each['sides'])}" for each in maps) + " pixels"),
        ("a cell from a score of", f"{facts['threshold']:.3f}"),
        *((f"AP50, {part}", percent(got["ap50"])) for part, got in facts["metrics"].items()),
    ]
