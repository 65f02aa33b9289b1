"""`edge-wbc find`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_wbc.cli.show import AsJson, emit_json, progress_bar, table

__all__ = ["find"]


def find(
    images: Annotated[Path, typer.Argument(help="A field's photograph, or a folder of them.")],
    out: Annotated[Path, typer.Option("--out", help="Where records/ and crops/ are written.")],
    size: Annotated[int, typer.Option(help="Width and height of the crops in pixels.")] = 96,
    as_json: AsJson = False,
) -> None:
    """Find the white cells of fields.

    They are found by their nuclei's colour; each field gets a record, each cell a crop.
    """
    from edge_wbc.core.crops import CropRule, crop_cell
    from edge_wbc.core.files import write_whole
    from edge_wbc.core.finder import find_cells
    from edge_wbc.core.images import list_images, read_image, write_image
    from edge_wbc.core.records import Field, write_field

    files = list_images(images)
    listed = []
    for folder in ("images", "records", "crops"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    with progress_bar() as progress:
        for done, file in enumerate(files, 1):
            rgb = read_image(file)
            cells = tuple(find_cells(rgb))
            name = "_".join(file.relative_to(images).with_suffix("").parts) if images.is_dir() else file.stem
            copy = out / "images" / (name + file.suffix.lower())
            write_whole(copy, file.read_bytes())
            for number, cell in enumerate(cells, 1):
                write_image(out / "crops" / f"{name}_{number:03d}.png", crop_cell(rgb, cell.box, CropRule(size)))
            record = Field(f"images/{copy.name}", rgb.shape[1], rgb.shape[0], cells)
            write_field(out / "records" / f"{name}.json", record)
            listed.append(
                {"path": str(file), "cells": [{"box": list(cell.box), "score": cell.score} for cell in cells]}
            )
            progress("finding cells", done, len(files))
    if as_json:
        emit_json({"images": listed})
        return
    rows = [(Path(str(entry["path"])).name, str(len(entry["cells"]))) for entry in listed]
    table(f"{sum(int(row[1]) for row in rows)} cells in {len(files)} fields, in {out}", ("field", "cells"), rows)
