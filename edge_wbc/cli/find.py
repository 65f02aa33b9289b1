"""`edge-wbc find`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from edge_wbc.cli.show import AsJson, Dask, emit_json, progress_bar, remark, table

__all__ = ["find"]


def find(
    images: Annotated[Path, typer.Argument(help="A field's photograph, or a folder of them.")],
    out: Annotated[Path, typer.Option("--out", help="The dataset folder: images/, records/, crops/, finder.json.")],
    learn: Annotated[
        Optional[Path], typer.Option(help="A dataset folder whose every white cell is marked: learn from it first.")
    ] = None,
    model: Annotated[Optional[Path], typer.Option(help="A finder.json that --learn wrote.")] = None,
    detector: Annotated[
        Optional[Path],
        typer.Option(metavar="RUN|PACK", help="A trained detector, of a pack in int8, instead of the filter."),
    ] = None,
    size: Annotated[int, typer.Option(min=8, help="Width and height of the crops in pixels.")] = 96,
    fixed: Annotated[
        Optional[int], typer.Option(min=8, help="Cut so many of the field's own pixels (512 as in Raabin-WBC).")
    ] = None,
    dask: Dask = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first photograph at fault.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find the white cells of fields.

    They are found by their nuclei's colour, or by a trained detector; each field gets a record, each cell a crop.
    """
    from edge_wbc.core.errors import BadInput, CheckFailed
    from edge_wbc.lab.finding import FindOptions, find_in

    if sum(option is not None for option in (learn, model, detector)) > 1:
        raise BadInput("--learn, --model, --detector", "exclude each other", "give one of them")
    with progress_bar() as progress:
        if learn is not None:
            from edge_wbc.core.finder_model import default_model, write_finder
            from edge_wbc.lab.detection.colour_filter import learn_finder
            from edge_wbc.lab.detection.data import read_fields

            model = out / "finder.json"
            if not model.is_file():
                marked = read_fields(learn)
                facts = {"from": learn.resolve().name, "fields": len(marked.fields), "cells": marked.cells}
                learned = learn_finder(marked.fields, facts, default_model(), progress=progress)
                out.mkdir(parents=True, exist_ok=True)
                write_finder(model, learned)
        found = find_in(images, out, FindOptions(size, fixed, model, detector), dask, strict, progress)
    if as_json:
        emit_json(
            {
                "images": [
                    {"path": str(path), "cells": [{"box": list(cell.box), "score": cell.score} for cell in field.cells]}
                    for path, field in found.fields
                ],
                "faults": list(found.faults),
            }
        )
    else:
        cells = sum(len(field.cells) for _, field in found.fields)
        rows = [
            (path.name, str(len(field.cells)), str(sum(cell.cut for cell in field.cells)))
            for path, field in found.fields
        ]
        table(f"{cells} cells in {len(found.fields)} fields, in {out}", ("field", "cells", "cut by the border"), rows)
        for fault in found.faults:
            remark(f"left out: {fault}")
    if found.faults:
        raise CheckFailed(f"{images}: {len(found.faults)} photographs left out")
