"""`edge-wbc pack`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_wbc.cli.show import AsJson, emit_json, percent, table
from edge_wbc.core.errors import BadInput

if TYPE_CHECKING:
    from edge_wbc.core.detector_pack import DetectorPack
    from edge_wbc.core.pack import Pack

__all__ = ["app", "open_pack"]

app = typer.Typer(help="Look into a model pack.", no_args_is_help=True)


@app.callback()
def pack() -> None:
    """Look into a model pack."""


def open_pack(path: Path) -> Pack | DetectorPack:
    """A verified pack, whatever its model does."""
    from edge_wbc.cli.evaluate import packs_detector
    from edge_wbc.core.detector_pack import read_detector_pack
    from edge_wbc.core.pack import read_pack

    return read_detector_pack(path) if packs_detector(path) else read_pack(path)


@app.command("inspect")
def inspect(
    path: Annotated[Path, typer.Argument(metavar="PACK", help="A pack's folder or its zip.")], as_json: AsJson = False
) -> None:
    """Verify a pack and print what it says of itself."""
    from edge_wbc.core.pack import DETECT

    found = open_pack(path)
    facts = found.manifest.to_json()
    sizes = {name: len(content) for name, content in found.files.items()}
    inside = _of_artefacts(found)
    if as_json:
        emit_json({**facts, "files": sizes, "artefacts": inside})
        return
    table(
        f"{path}: every file has the SHA-256 that pack.json names",
        ("fact", "value"),
        [
            ("model", facts["model"]),
            ("labels", ", ".join(facts["labels"])),
            *(_of_detector(facts) if facts.get("task") == DETECT else _of_classifier(facts)),
            *((name, f"{size:,} bytes") for name, size in sizes.items()),
        ],
    )
    table(
        "what each artefact says of itself",
        ("artefact", "kind", "labels", "its metadata"),
        [(each["file"], each["kind"], ", ".join(each["labels"] or ["-"]), each["metadata"]) for each in inside],
    )


def _of_artefacts(pack: Pack | DetectorPack) -> list[dict[str, Any]]:
    """The metadata inside each artefact beside pack.json; `agrees` is null where they cannot be read."""
    from edge_wbc.core.pack import artefacts_in
    from export.metadata import read_metadata

    # As JSON gives it back: lists where there were tuples.
    meant = json.loads(json.dumps(pack.manifest.to_json()))
    rows: list[dict[str, Any]] = []
    for kind, name in artefacts_in(pack.files).items():
        row: dict[str, Any] = {"file": name, "kind": kind, "labels": None, "agrees": None}
        try:
            said, labels = read_metadata(name, pack.files[name])
        except BadInput as fault:
            row |= {"agrees": False, "metadata": fault.fault}
        except ModuleNotFoundError as missing:
            row["metadata"] = f"not read: {missing.name} is not installed"
        else:
            facts = {**meant, "kind": kind}
            other = [key for key in sorted({*facts, *said}) if said.get(key) != facts.get(key)]
            other += ["labels.txt"] if list(labels) != meant["labels"] else []
            row |= {"labels": list(labels), "agrees": not other}
            row["metadata"] = f"differs from pack.json in {', '.join(other)}" if other else "as pack.json says"
        rows.append(row)
    return rows


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
