"""`edge-wbc classify`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from edge_wbc.cli.show import AsJson, emit_json, percent, progress_bar, remark, table

if TYPE_CHECKING:
    from edge_wbc.core.reading import NamedCell

__all__ = ["classify", "count"]

TOLD = ("box", "label", "score", "scores", "uncertain")

_SINGLE = {"auto": None, "crop": True, "field": False}


def count(cells: list[NamedCell]) -> dict[str, Any]:
    """The differential of named cells as the contract's JSON; the uncertain wait for a person and are left out."""
    from edge_wbc.core.differential import differential
    from edge_wbc.core.reading import label_counts
    from edge_wbc.core.taxonomy import FIVE_CLASSES, five_class

    classes = [five_class(label) or label for label in label_counts(cells)]
    return {label: asdict(share) for label, share in differential(classes, FIVE_CLASSES).items()}


def classify(
    pack: Annotated[Path, typer.Argument(help="A pack that export wrote, folder or zip.")],
    images: Annotated[Path, typer.Argument(help="A photograph, or a folder of them.")],
    draw: Annotated[Optional[Path], typer.Option(help="Write the photograph(s) with boxes, labels and scores.")] = None,
    shows: Annotated[str, typer.Option(help="What the photographs show: auto (by size), crop or field.")] = "auto",
    kind: Annotated[str, typer.Option(help="Which artefact of the pack.")] = "tflite-int8",
    as_json: AsJson = False,
) -> None:
    """Name the white cells of photographs.

    In fields the cells are found first, and counted to a differential; a single-cell crop is named as it is.
    """
    from edge_wbc.core.crops import LARGEST_CROP
    from edge_wbc.core.draw import draw_cells
    from edge_wbc.core.errors import BadInput
    from edge_wbc.core.images import list_images, read_image, write_image
    from edge_wbc.core.pack import read_pack
    from edge_wbc.core.reading import open_reader

    if shows not in _SINGLE:
        raise BadInput("--shows", f"{shows!r} is none of auto, crop, field")
    files = list_images(images)
    reader = open_reader(read_pack(pack), kind)
    listed: list[dict[str, Any]] = []
    in_fields: list[NamedCell] = []
    fields = 0
    with progress_bar() as progress:
        for done, file in enumerate(files, 1):
            rgb = read_image(file)
            single = _SINGLE[shows] if shows != "auto" else max(rgb.shape[:2]) <= LARGEST_CROP
            cells = reader.read(rgb, single)
            if not single:
                fields += 1
                in_fields += cells
            listed.append(
                {"path": str(file), "cells": [{name: getattr(cell, name) for name in TOLD} for cell in cells]}
            )
            if draw is not None:
                target = draw
                if images.is_dir():
                    target = draw / file.relative_to(images).with_suffix(".png")
                target.parent.mkdir(parents=True, exist_ok=True)
                write_image(target, draw_cells(rgb, cells))
            progress("naming cells", done, len(files))
    result: dict[str, Any] = {"images": listed}
    if fields:
        result["differential"] = count(in_fields)
    if as_json:
        emit_json(result)
        return
    table(
        f"{len(files)} photograph{'s' * (len(files) > 1)}",
        ("photograph", "box", "label", "score"),
        [
            (
                Path(entry["path"]).name,
                " ".join(map(str, cell["box"])),
                cell["label"] + (" (uncertain)" if cell["uncertain"] else ""),
                percent(cell["score"]),
            )
            for entry in listed
            for cell in entry["cells"]
        ],
    )
    if fields:
        counted = sum(share["count"] for share in result["differential"].values())
        table(
            f"differential of {counted} cells; {len(in_fields) - counted} uncertain are not counted",
            ("class", "count", "percent", "95% limits"),
            [
                (label, str(share["count"]), f"{share['percent']:.1f}", "{:.1f} to {:.1f}".format(*share["ci95"]))
                for label, share in result["differential"].items()
            ],
        )
    remark("research use, not for diagnosis")
