"""`edge-wbc data`: where datasets come from, how they are kept honest, where they go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_wbc.cli import fetch, split
from edge_wbc.cli.show import AsJson, emit_json, progress_bar, remark, table

if TYPE_CHECKING:
    from edge_wbc.core.errors import Fault

__all__ = ["app"]

app = typer.Typer(help="Fetch, import, check, split and export datasets.", no_args_is_help=True)
app.command("fetch")(fetch.fetch)
app.command("split")(split.split)

Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first fault.")]


@app.callback()
def data() -> None:
    """Fetch, import, check, split and export datasets."""


def list_faults(faults: Sequence[Fault]) -> None:
    """One line a fault on stdout, as a compiler would: file, row, fault, remedy."""
    for fault in faults:
        print(fault.as_error())


def _counted(faults: Sequence[Fault]) -> str:
    return f"{len(faults)} fault{'s' * (len(faults) != 1)}"


@app.command("import")
def import_(
    name: Annotated[
        str,
        typer.Argument(
            help="coco, voc, yolo, csv, folder, session, pbc, tecom, cellavision, lisc, bccd or raabin.",
        ),
    ],
    src: Annotated[Path, typer.Argument(help="The folder or zip as it came.")],
    out: Annotated[Path, typer.Option("--out", help="The dataset folder; the same command goes on after a kill.")],
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Turn a public set or an annotation format into a dataset folder.

    What is at fault is listed and left out; the rest is written, and the exit code is 1.
    """
    from edge_wbc.core.errors import CheckFailed
    from edge_wbc.lab.datasets.importing import import_set

    with progress_bar() as progress:
        done = import_set(name, src, out, strict, progress)
    if as_json:
        emit_json({"format": name, "out": str(out), **asdict(done)})
    else:
        figures = (done.photographs, done.kept, done.cells, done.labelled, done.masks)
        head = ("format", "photographs", "there already", "cells", "labelled", "masks")
        table(f"imported into {out}", head, [(name, *map(str, figures))])
        list_faults(done.faults)
    if done.faults:
        raise CheckFailed(f"{out}: {_counted(done.faults)} left out, {done.photographs} photographs written")


@app.command("export")
def export(
    name: Annotated[str, typer.Argument(help="coco, voc, yolo, csv, or folder (a crop of each labelled cell).")],
    path: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder.")],
    out: Annotated[Path, typer.Option("--out", help="Where it is written; the same command goes on after a kill.")],
    as_json: AsJson = False,
) -> None:
    """Write a dataset folder in another tool's format."""
    from edge_wbc.lab.datasets.exporting import export_set

    with progress_bar() as progress:
        done = export_set(name, path, out, progress)
    if as_json:
        emit_json({"format": name, "out": str(out), **asdict(done)})
        return
    left_out = f", {done.left_out} without an agreed label left out" if done.left_out else ""
    remark(f"{done.photographs} photographs and {done.cells} cells written to {out} as {name}{left_out}")


@app.command("check")
def check(
    path: Annotated[Path, typer.Argument(metavar="DIR", help="records/, labels.csv beside images/, or class folders.")],
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Name every fault of a dataset, with file and row."""
    from itertools import islice

    from edge_wbc.core.errors import CheckFailed
    from edge_wbc.lab.datasets.check import faults_of

    with progress_bar() as progress:
        faults = list(islice(faults_of(path, progress), 1 if strict else None))
    if as_json:
        emit_json({"path": str(path), "faults": [asdict(fault) for fault in faults]})
    else:
        list_faults(faults)
    if faults:
        raise CheckFailed(f"{path}: {_counted(faults)}")
    remark(f"{path}: no faults")
