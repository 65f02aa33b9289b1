"""What a run of drawn smears holds: a contact sheet, and a page like Figures 4 and 5 of Al-Qudah and Suen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.figure import Figure

from edge_wbc.core.crops import CropRule, crop_cell
from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.core.images import read_image, write_image
from edge_wbc.core.records import Field, read_field
from edge_wbc.core.taxonomy import MAIN_TYPES, SUBTYPES
from edge_wbc.lab.datasets.photographs import Progress, each
from edge_wbc.lab.evaluation.figures import contact_sheet
from edge_wbc.lab.evaluation.report import Picture, figure_png, png, render_report
from edge_wbc.lab.synthesis.assemble import FIRST_SCENERY
from edge_wbc.lab.synthesis.counts import Counts
from edge_wbc.lab.synthesis.fields import SmearOptions

__all__ = ["REPORT", "SHEET", "count_cells", "write_report"]

SHEET, REPORT = "sheet.png", "report.html"
# Okabe and Ito's palette, as everywhere.
_COLOURS = {
    "wbc": (0, 114, 178),
    "platelet": (213, 94, 0),
    "nucleated_rbc": (0, 158, 115),
    "red cells": (204, 121, 167),
}
_TILES, _COLUMNS, _TILE = 6, 3, 480
_CROPS, _CROP = 9, 72
# Label maps are large: red cells are counted, and neighbours sought, in so many fields at most.
_MAPS = 400


@dataclass(frozen=True)
class _Map:
    """Of one label map: the number of cells without a box, and each cell's distance to its nearest neighbour, um."""

    red: int
    nearest: np.ndarray
    expected: float


def count_cells(out: Path) -> dict[str, int]:
    """Annotated cells of a run by subtype, all seventeen in their order."""
    found = Counter(cell.subtype for record in _records(out) for cell in record.cells)
    return {name: found[name] for name in SUBTYPES}


def write_report(out: Path, options: SmearOptions, progress: Progress | None = None) -> None:
    """Writes ``sheet.png`` and ``report.html`` of the smears in `out`, from what lies there.

    Raises:
        BadInput: no records there, or a photograph or label map that cannot be read.
    """
    records = _records(out)
    if not records:
        raise BadInput(out / "records", "no records in it")
    sheet = _sheet(out, records)
    write_image(out / SHEET, sheet)
    maps = _maps(out, records, progress)
    sections = [_drawn(options, records, sheet), _instances(records), _per_field(options, records, maps)]
    sections += [_sizes(records), *([_neighbours(maps)] if maps else []), _crops(out, records)]
    write_whole(out / REPORT, render_report("Drawn smears", sections).encode())


def _records(out: Path) -> list[Field]:
    return [read_field(file) for file in sorted((out / "records").glob("*.json"))]


def _spread(count: int, most: int) -> list[int]:
    """So many of `count` numbers at most, evenly apart."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, most))})


def _sheet(out: Path, records: Sequence[Field]) -> np.ndarray:
    """A few fields with their boxes: uint8 RGB."""
    tiles = []
    for number in _spread(len(records), _TILES):
        record = records[number]
        scale = _TILE / record.width
        size = (_TILE, max(1, round(record.height * scale)))
        tile = cv2.resize(read_image(out / record.image), size, interpolation=cv2.INTER_AREA)
        for cell in record.cells:
            x0, y0, x1, y1 = (round(side * scale) for side in cell.box)
            cv2.rectangle(tile, (x0, y0), (x1 - 1, y1 - 1), _COLOURS[MAIN_TYPES[cell.subtype]], 1)
        tiles.append(cv2.copyMakeBorder(tile, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(255, 255, 255)))
    columns = min(_COLUMNS, len(tiles))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[first : first + columns]) for first in range(0, len(tiles), columns)])


def _maps(out: Path, records: Sequence[Field], progress: Progress | None) -> list[_Map]:
    """Of label maps, where the run wrote them."""
    chosen = [records[number] for number in _spread(len(records), _MAPS)]
    if not all(_map_of(out, record).is_file() for record in chosen):
        return []
    return list(each(lambda record: _read_map(out, record), chosen, "reading label maps", progress))


def _map_of(out: Path, record: Field) -> Path:
    return out / "instances" / f"{Path(record.image).stem}.png"


def _read_map(out: Path, record: Field) -> _Map:
    file = _map_of(out, record)
    owners = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if owners is None or owners.shape != (record.height, record.width) or owners.dtype != np.uint16:
        raise BadInput(file, "is no 16-bit label map of its photograph", "remove it and draw again")
    pixels = np.bincount(owners.ravel())
    pixels[0] = 0
    cells = np.flatnonzero(pixels)
    um = record.um_per_px or 1.0
    x = np.bincount(owners.ravel(), np.tile(np.arange(record.width, dtype=float), record.height))[cells] / pixels[cells]
    y = np.bincount(owners.ravel(), np.repeat(np.arange(record.height, dtype=float), record.width))[cells]
    places = np.stack([x, y / pixels[cells]], 1) * um
    nearest = np.zeros(0)
    if len(places) > 1:
        apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
        np.fill_diagonal(apart, np.inf)
        nearest = apart.min(1)
    density = max(1, len(places)) / (record.width * record.height * um**2)
    return _Map(int((cells >= FIRST_SCENERY).sum()), nearest, 0.5 / density**0.5)


def _tint(name: str) -> str:
    return "#{:02x}{:02x}{:02x}".format(*_COLOURS[name])


def _drawn(options: SmearOptions, records: Sequence[Field], sheet: np.ndarray) -> dict[str, Any]:
    first = records[0]
    stains = Counter(record.smear.stain for record in records)
    shown = ", ".join(f"{name} {count}" for name, count in sorted(stains.items()))
    source = "assembled from pools of cut-outs" if options.pools else "drawn from nothing"
    many = "the paper's Gaussians" if options.white_cells is None else f"{options.white_cells} white cells a field"
    text = (
        f"{len(records)} fields of {first.width} x {first.height} px at {first.um_per_px:g} um a pixel, {source}, seen "
        f"through {options.domain}; fields by stain: {shown}. Counts: {many}. Placement: {options.placement.strategy}, "
        f"Jaccard index up to {options.placement.thresholds[1]:g}. Seed {options.seed}."
    )
    caption = "fields with their boxes: white cells blue, platelets orange, nucleated red cells green"
    # As JPEG, which is a tenth of the PNG beside it.
    picture = cv2.imencode(".jpg", sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
    return {"title": "What was drawn", "text": [text], "pictures": [Picture(picture, caption)]}


def _instances(records: Sequence[Field]) -> dict[str, Any]:
    counts = Counter(cell.subtype for record in records for cell in record.cells)
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    names = list(SUBTYPES)[::-1]
    bars = axes.barh(
        [name.replace("_", " ") for name in names],
        [counts[name] for name in names],
        color=[_tint(MAIN_TYPES[name]) for name in names],
    )
    axes.bar_label(bars, padding=3, fontsize=8)
    axes.set_xlabel("annotated cells")
    axes.margins(x=0.1)
    main = Counter(MAIN_TYPES[cell.subtype] for record in records for cell in record.cells)
    total = sum(main.values())
    return {
        "title": "Instances of each subtype",
        "text": [f"{total} annotated cells (compare Figure 4 of Al-Qudah and Suen)."],
        "pictures": [Picture(figure_png(figure), "annotated cells by subtype; colours as above")],
        "head": ("main type", "cells", "a field"),
        "rows": [(name, count, f"{count / len(records):.2f}") for name, count in sorted(main.items())],
    }


def _per_field(options: SmearOptions, records: Sequence[Field], maps: Sequence[_Map]) -> dict[str, Any]:
    plan = Counts()
    kinds = [[MAIN_TYPES[cell.subtype] for cell in record.cells] for record in records]
    white = np.array([sum(kind != "platelet" for kind in kind_of) for kind_of in kinds])
    panels = [
        ("white and nucleated red cells", white, plan.white, "wbc"),
        ("platelets", np.array([kind_of.count("platelet") for kind_of in kinds]), plan.platelets, "platelet"),
    ]
    if maps:
        panels.append(("red cells", np.array([one.red for one in maps]), plan.red, "red cells"))
    figure = Figure(figsize=(4 * len(panels), 3.4), layout="constrained")
    rows = []
    for axes, (name, counts, (mean, deviation), colour) in zip(
        np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True
    ):
        high = int(counts.max()) + 1
        step = max(1, round(high / 30))
        axes.hist(counts, np.arange(0, high + step, step) - 0.5, color=_tint(colour), alpha=0.75)
        row = [name, len(counts), f"{counts.mean():.1f}", f"{counts.std():.1f}", counts.min(), counts.max()]
        if options.white_cells is None:
            at = np.linspace(0, max(high, mean + 3 * deviation), 200)
            density = np.exp(-(((at - mean) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi))
            axes.plot(at, len(counts) * step * density, color="#000000", linewidth=1)
            row.append(f"{mean:g} +- {deviation:g}")
        axes.set_xlabel(f"{name} in a field")
        axes.set_ylabel("fields")
        rows.append(tuple(row))
    text = "Compare Figure 5 of Al-Qudah and Suen."
    if options.white_cells is None:
        text += (
            " The line is the paper's Gaussian; what of it lies below zero is drawn as zero, the last remainder of "
            "Algorithm 1 goes to no subtype, and cells that would be hidden or lie in the dark are left out."
        )
    if len(maps) < len(records) and maps:
        text += f" Red cells are those of {len(maps)} fields."
    head = ("in a field", "fields", "mean", "deviation", "least", "most")
    return {
        "title": "Cells in each field",
        "text": [text],
        "pictures": [Picture(figure_png(figure), "how many fields have how many cells")],
        "head": (*head, *(("paper",) if options.white_cells is None else ())),
        "rows": rows,
    }


def _sizes(records: Sequence[Field]) -> dict[str, Any]:
    sides: dict[str, list[float]] = {name: [] for name in SUBTYPES}
    for record in records:
        for cell in record.cells:
            if not cell.cut:
                x0, y0, x1, y1 = cell.box
                sides[cell.subtype].append(max(x1 - x0, y1 - y0) * (record.um_per_px or 1.0))
    names = [name for name in SUBTYPES if sides[name]][::-1]
    figure = Figure(figsize=(9, 0.6 + 0.28 * len(names)), layout="constrained")
    axes = figure.subplots()
    if names:
        axes.boxplot(
            [sides[name] for name in names],
            orientation="horizontal",
            showfliers=False,
            medianprops={"color": "#000000"},
        )
        axes.set_yticks(range(1, len(names) + 1), [name.replace("_", " ") for name in names])
    axes.set_xlabel("longer side of the box, um")
    axes.grid(axis="x", alpha=0.3)
    return {
        "title": "Sizes",
        "text": ["Of cells that no border cuts; the box holds the middle half, the whiskers 1.5 times its width."],
        "pictures": [Picture(figure_png(figure), "longer side of each box, in micrometres of the slide")],
    }


def _neighbours(maps: Sequence[_Map]) -> dict[str, Any]:
    apart = np.concatenate([one.nearest for one in maps])
    expected = float(np.mean([one.expected for one in maps]))
    ratios = [float(one.nearest.mean() / one.expected) for one in maps if len(one.nearest)]
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.subplots()
    bins = np.linspace(0, np.percentile(apart, 99.5) if len(apart) else 1, 50)
    axes.hist(apart, bins.tolist(), density=True, color=_tint("red cells"), alpha=0.75, label="here")
    density = 1 / (4 * expected**2)
    curve = 2 * np.pi * density * bins * np.exp(-np.pi * density * bins**2)
    axes.plot(bins, curve, color="#000000", linewidth=1, label="points at random, as many")
    axes.set_xlabel("distance to the nearest cell's middle, um")
    axes.set_ylabel("share of cells per um")
    axes.legend(frameon=False)
    return {
        "title": "Nearest neighbours",
        "text": [
            f"All cells of {len(maps)} fields, red ones too. Mean distance over that of as many points at random "
            f"(Clark and Evans): {np.mean(ratios):.2f}; 1 is random, below it cells clump, above it they keep apart."
        ],
        "pictures": [Picture(figure_png(figure), "distances between the middles of what is seen of cells")],
    }


def _crops(out: Path, records: Sequence[Field]) -> dict[str, Any]:
    places: dict[str, list[tuple[int, int]]] = {name: [] for name in SUBTYPES}
    for number, record in enumerate(records):
        for index, cell in enumerate(record.cells):
            if not cell.cut:
                places[cell.subtype].append((number, index))
    chosen = {name: [found[k] for k in _spread(len(found), _CROPS)] for name, found in places.items() if found}
    crops: dict[tuple[int, int], np.ndarray] = {}
    for number in sorted({number for found in chosen.values() for number, _ in found}):
        rgb = read_image(out / records[number].image)
        for found in chosen.values():
            for one, index in found:
                if one == number:
                    crops[one, index] = crop_cell(rgb, records[number].cells[index].box, CropRule(_CROP))
    blank = np.full((_CROP, _CROP, 3), 255, np.uint8)
    rows = [np.stack([crops[place] for place in found] + [blank] * (_CROPS - len(found))) for found in chosen.values()]
    caption = "some cells of each subtype, each scaled to its own box"
    sheet = contact_sheet(rows, list(chosen), _CROP, 215) if rows else png(blank)
    return {"title": "Cells", "text": [], "pictures": [Picture(sheet, caption)]}
