"""Photographs of cells -> a folder of masks, overlays and cells.csv; after a kill the same call goes on."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_wbc.core.crops import crop_fixed
from edge_wbc.core.easy_gt import EasyGt
from edge_wbc.core.easy_gt import segment as easy_gt
from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.core.images import list_images, read_image
from edge_wbc.core.light import read_light
from edge_wbc.core.masks import Masks, picture_of
from edge_wbc.core.records import Box, read_field
from edge_wbc.core.whole_cell import cell_alone
from edge_wbc.lab.datasets.read import read_dataset
from edge_wbc.lab.many import map_in_order
from edge_wbc.lab.segmentation.describe import COLUMNS, describe, overlay
from edge_wbc.lab.segmentation.methods import find_method

__all__ = ["LARGEST", "SegmentOptions", "Segmented", "segment_in"]

LARGEST = 600
"""A photograph with a longer side than this is a field; Raabin-WBC's crops have 575."""

_WIDEN = 1.4
_PLAN = "segment.json"
_HEAD = ("name", "image", "box", "method", *COLUMNS)


@dataclass(frozen=True)
class SegmentOptions:
    """How cells are segmented.

    Attributes:
        method: a name of `METHODS`.
        easy: what easy-gt alone takes.
        basophil: the cells are basophils: whole cells alone.
        um_per_px: of photographs that no record gives a scale for; None where it is not known.
    """

    method: str
    easy: EasyGt = EasyGt()
    basophil: bool = False
    um_per_px: float | None = None


@dataclass(frozen=True)
class Segmented:
    """A row of cells.csv each, and what was left out, a line each."""

    cells: tuple[dict[str, Any], ...]
    faults: tuple[str, ...]


@dataclass(frozen=True)
class _Job:
    """One photograph: `name` without suffix, and its cells' boxes where it is a field."""

    image: Path
    name: str
    boxes: tuple[Box, ...]
    light: Path | None
    um_per_px: float | None
    options: SegmentOptions
    overlays: bool


@dataclass(frozen=True)
class _Result:
    """Of each cell: its row, mask and overlay; or what is wrong with the photograph."""

    rows: list[dict[str, Any]]
    pictures: list[tuple[bytes, bytes]]
    fault: BadInput | None = None


def segment_in(
    sources: Sequence[Path],
    out: Path,
    options: SegmentOptions,
    overlays: bool = False,
    progress: Callable[[str, int, int], None] = lambda title, done, total: None,
) -> Segmented:
    """Segments the cells of crops, of folders of them, or of datasets, whose fields are cut at their records' boxes.

    Writes ``masks/NAME.png`` (255 nucleus, 128 cytoplasm, 0 rest), with `overlays` ``overlays/NAME.png``, and
    ``cells.csv``. A photograph is done when ``cells/NAME.json`` is there, which is written last.

    Raises:
        BadInput: an unknown method, nothing to segment, two photographs of one name, a folder begun with other
            options; the only photograph, or every one, at fault.
    """
    find_method(options.method)
    for source in sources:
        if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
            raise BadInput(out, f"lies in {source}, and its masks would be segmented next time", "choose another --out")
    jobs = [_Job(*photograph, options, overlays) for source in sources for photograph in _photographs(source)]
    named: dict[str, _Job] = {}
    for job in jobs:
        first = named.setdefault(job.name.lower(), job)
        if first is not job:
            raise BadInput(job.image, f"would have the mask of {first.image}", "segment them into two folders")
    _check_begun(out, options)
    left = [job for job in jobs if not _done(job, out).is_file() or (overlays and not _drawn(job, out))]
    faults: list[str] = []
    fault: BadInput | None = None
    results = map_in_order(_segment, left, report=lambda done, total: progress("segmenting", done, total))
    for job, result in zip(left, results, strict=True):
        if result.fault is not None:
            fault = result.fault
            faults.append(str(fault))
            continue
        _begin(out, options, overlays)
        for row, (mask, drawing) in zip(result.rows, result.pictures, strict=True):
            write_whole(out / "masks" / f"{row['name']}.png", mask)
            if overlays:
                write_whole(out / "overlays" / f"{row['name']}.png", drawing)
        write_whole(_done(job, out), json.dumps(result.rows, indent=1).encode())
    if fault is not None and len(faults) == len(jobs):
        raise fault
    cells = [row for job in jobs if _done(job, out).is_file() for row in _rows(job, out)]
    write_whole(out / "cells.csv", _table(cells).encode())
    return Segmented(tuple(cells), tuple(faults))


def _photographs(source: Path) -> Iterator[tuple[Path, str, tuple[Box, ...], Path | None, float | None]]:
    """Each photograph of a file, folder or dataset: path, name, boxes, light and scale."""
    if (source / "records").is_dir():
        for file in sorted((source / "records").glob("*.json")):
            field = read_field(file)
            boxes = tuple(cell.box for cell in field.cells)
            if boxes:
                light = source / field.light if field.light else None
                yield source / field.image, file.stem, boxes, light, field.um_per_px
    elif (source / "labels.csv").is_file():
        items = read_dataset(source, unlabelled=True).items
        for image, group in groupby(items, key=lambda item: item.image):
            boxes = tuple(item.box for item in group if item.box is not None)
            yield image, _name(image.relative_to(source / "images")), boxes, None, None
    else:
        for image in list_images(source):
            yield image, _name(image.relative_to(source) if source.is_dir() else Path(image.name)), (), None, None


def _name(relative: Path) -> str:
    return "_".join(relative.with_suffix("").parts)


def _check_begun(out: Path, options: SegmentOptions) -> None:
    """Refuses a folder that was begun with other options, or that holds something else."""
    file = out / _PLAN
    if file.is_file():
        if json.loads(file.read_text(encoding="utf-8")) != asdict(options):
            raise BadInput(out, "was begun with another method or other options", "choose another --out")
    elif out.is_dir() and any(out.iterdir()):
        raise BadInput(out, "holds something else", "choose another --out")


def _begin(out: Path, options: SegmentOptions, overlays: bool) -> None:
    if not (out / _PLAN).is_file():
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / _PLAN, (json.dumps(asdict(options), indent=1) + "\n").encode())
    for folder in ("masks", "cells", *(["overlays"] if overlays else [])):
        (out / folder).mkdir(exist_ok=True)


def _done(job: _Job, out: Path) -> Path:
    return out / "cells" / f"{job.name}.json"


def _rows(job: _Job, out: Path) -> list[dict[str, Any]]:
    return json.loads(_done(job, out).read_text(encoding="utf-8"))


def _drawn(job: _Job, out: Path) -> bool:
    return all((out / "overlays" / f"{row['name']}.png").is_file() for row in _rows(job, out))


def _segment(job: _Job) -> _Result:
    try:
        rows, pictures = [], []
        um_per_px = job.um_per_px or job.options.um_per_px
        for name, box, rgb in _crops(job):
            masks = _masks(rgb, job.options)
            row = {"name": name, "image": str(job.image), "box": list(box) if box else None}
            rows.append({**row, "method": job.options.method, **describe(rgb, masks, um_per_px)})
            drawing = _png(overlay(rgb, masks)[..., ::-1]) if job.overlays else b""
            pictures.append((_png(picture_of(masks)), drawing))
        return _Result(rows, pictures)
    except BadInput as fault:
        return _Result([], [], fault)


def _masks(rgb: np.ndarray, options: SegmentOptions) -> Masks:
    if options.method == "easy-gt":
        masks = easy_gt(rgb, options.easy)
    else:
        masks = find_method(options.method).segment(rgb)
    return cell_alone(masks) if options.basophil else masks


def _crops(job: _Job) -> Iterator[tuple[str, Box | None, np.ndarray]]:
    rgb = read_image(job.image)
    if not job.boxes:
        height, width = rgb.shape[:2]
        if max(height, width) > LARGEST:
            remedy = "edge-wbc find its cells first, then segment the folder that it makes"
            raise BadInput(job.image, f"{width} x {height} pixels are a field, not a crop of one cell", remedy)
        yield job.name, None, rgb
        return
    if job.light is not None:
        rgb = read_light(job.light).even(rgb)
    for number, box in enumerate(job.boxes, 1):
        side = 2 * round(_WIDEN * max(box[2] - box[0], box[3] - box[1]) / 2)
        yield f"{job.name}_{number:03d}", box, crop_fixed(rgb, box, max(2, side))


def _png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def _table(cells: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, _HEAD, lineterminator="\n")
    writer.writeheader()
    for cell in cells:
        box = " ".join(map(str, cell["box"])) if cell["box"] else ""
        figures = {name: round(value, 4) for name, value in cell.items() if isinstance(value, float)}
        writer.writerow({**cell, **figures, "box": box})
    return text.getvalue()
