"""`dedup` from end to end: index, graph, choice, and the cleaned dataset beside what was found."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.core.images import read_image, write_image
from edge_wbc.core.records import Box, write_field
from edge_wbc.lab.curation.duplicates import Choice, DedupOptions, choose, components, correlation
from edge_wbc.lab.curation.index import Cells, Photograph, cut_cell, index_cells, list_photographs
from edge_wbc.lab.curation.sheet import Tile, draw_sheets
from edge_wbc.lab.evaluation.report import Picture, png, render_report

__all__ = ["Result", "deduplicate"]

Progress = Callable[[str, int, int], None]
_SHEET_ROWS = 50  # components drawn at most, the least alike first


@dataclass(frozen=True)
class Result:
    """What was found.

    Attributes:
        labels: (N,) int, the lowest row of each cell's component.
        facts: what `--json` prints.
    """

    cells: Cells
    labels: np.ndarray
    choice: Choice
    facts: dict[str, Any]


def deduplicate(
    folder: Path,
    out: Path,
    options: DedupOptions,
    strict: bool = False,
    progress: Progress | None = None,
    cluster: str | None = None,
) -> Result:
    """Writes the cleaned copy of a dataset, and what was merged.

    `out` gets ``dataset/`` (photographs linked or copied, records without the removed cells), ``duplicates.csv``,
    ``report.html``, ``sheet_01.png`` and ``index/``. The same command goes on after a kill; with photographs added it
    hashes and compares only these.

    Raises:
        BadInput: no photographs, an `out` within `folder` or used for something else; with `strict` any photograph
            that cannot be read.
    """
    if out.resolve().is_relative_to(folder.resolve()):
        raise BadInput(out, "lies in the folder to be cleaned", "choose another --out")
    if out.exists() and not (out / "index").is_dir() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(out, "exists and holds no index", "choose another --out")
    photographs, bad_records = list_photographs(folder)
    if strict and bad_records:
        raise BadInput(folder / "records", bad_records[0])
    index = out / "index"
    cells = index_cells(photographs, index / "hashes", options.phash, strict, progress, cluster)
    labels, compared = _components(cells, index / "components.npz", options, progress)
    names = [photograph.name for photograph in cells.photographs]
    choice = choose(labels, cells.field, cells.sharp, names)
    rows = _rows(cells, labels, choice)
    facts = {
        "photographs": len(cells.photographs),
        "photographs_removed": int((~choice.fields).sum()),
        "cells": len(labels),
        "cells_removed": int((~choice.cells).sum()),
        "components": len({row["component"] for row in rows if row["component"]}),
        "set_aside": int(cells.hashes.meaningless.sum()),
        "hashed": cells.hashed,
        "compared": compared,
        "unreadable": [*bad_records, *cells.faults],
        "options": asdict(options),
        "out": str(out),
    }
    write_whole(out / "duplicates.csv", _as_csv(rows))
    sheets = _draw(out, cells, rows)
    _write_dataset(folder, out / "dataset", cells, choice)
    write_whole(out / "report.html", _report(facts, rows, sheets).encode())
    return Result(cells, labels, choice, facts)


def _components(cells: Cells, file: Path, options: DedupOptions, progress: Progress | None) -> tuple[np.ndarray, int]:
    """Labels by row; cells that an earlier search saw unchanged are not compared with each other again."""
    asked = json.dumps(asdict(options), sort_keys=True)
    smears = cells.smears
    mine = {name: (digest, smear) for name, digest, smear in zip(cells.names, cells.digests, smears, strict=True)}
    earlier: dict[str, int] = {}
    if file.is_file():
        with np.load(file) as saved:
            same = str(saved["asked"]) == asked
            seen = zip(saved["names"].tolist(), saved["digests"].tolist(), saved["smears"].tolist(), strict=True)
            # A cell that went may have been all that joined two others: then the search begins anew.
            if same and all(mine.get(name) == (digest, smear) for name, digest, smear in seen):
                earlier = dict(zip(saved["names"].tolist(), saved["labels"].tolist(), strict=True))
    fresh = np.array([name not in earlier for name in cells.names])
    order = np.argsort(fresh, kind="stable")
    hashes = replace(cells.hashes, **{name: rows[order] for name, rows in vars(cells.hashes).items()})
    groups = np.array([earlier[cells.names[row]] for row in order[: len(earlier)]], np.int64)
    known = _lowest(groups)
    found = components(
        hashes,
        cells.field[order],
        [smears[row] for row in order],
        options,
        known,
        (lambda done, total: progress("comparing cells", done, total)) if progress else None,
    )
    by_row = np.empty(len(order), np.int64)
    by_row[order] = found
    labels = _lowest(by_row)
    stream = io.BytesIO()
    np.savez(
        stream,
        asked=np.array(asked),
        names=np.array(cells.names),
        digests=np.array(cells.digests),
        smears=np.array(smears),
        labels=labels,
    )
    write_whole(file, stream.getvalue())
    return labels, int(fresh.sum())


def _lowest(groups: np.ndarray) -> np.ndarray:
    """Any numbering of groups -> each row's lowest row of its group."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return first[inverse]


def _rows(cells: Cells, labels: np.ndarray, choice: Choice) -> list[dict[str, Any]]:
    """A row for each cell that has copies or was set aside; components by number, the kept one first."""
    hashes, sizes = cells.hashes, np.bincount(labels, minlength=len(labels))
    number = {int(label): count for count, label in enumerate(np.flatnonzero(sizes > 1), 1)}
    listed = np.flatnonzero((sizes[labels] > 1) | hashes.meaningless)
    rows = []
    for row in sorted(listed.tolist(), key=lambda row: (labels[row], choice.keeper[row] != row, row)):
        keeper = int(choice.keeper[row])
        alone = sizes[labels[row]] == 1
        photograph, box = _place(cells, row)
        rows.append(
            {
                "component": "" if alone else number[int(labels[row])],
                "image": photograph.name,
                "box": " ".join(map(str, box or ())),
                "cell": cells.names[row],
                "verdict": "set aside" if alone else "kept" if keeper == row else "removed",
                "copy_of": "" if keeper == row else cells.names[keeper],
                "ahash_distance": int(np.bitwise_count(hashes.ahash[row] ^ hashes.ahash[keeper])),
                "phash_distance": int(np.bitwise_count(hashes.phash[row] ^ hashes.phash[keeper])),
                "correlation": round(correlation(hashes.thumbs[row], hashes.thumbs[keeper]), 4),
                "sharpness": round(float(cells.sharp[row]), 3),
                "photograph_kept": "yes" if choice.fields[cells.field[row]] else "no",
            }
        )
    return rows


def _place(cells: Cells, row: int) -> tuple[Photograph, Box | None]:
    """A cell's photograph and its box there; None in a picture of this one cell."""
    photograph = cells.photographs[cells.field[row]]
    if photograph.boxes is None:
        return photograph, None
    return photograph, photograph.boxes[int(cells.names[row].rpartition("#")[2]) - 1]


_COLUMNS = (
    "component",
    "image",
    "box",
    "cell",
    "verdict",
    "copy_of",
    "ahash_distance",
    "phash_distance",
    "correlation",
    "sharpness",
    "photograph_kept",
)


def _as_csv(rows: Sequence[dict[str, Any]]) -> bytes:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


def _draw(out: Path, cells: Cells, rows: Sequence[dict[str, Any]]) -> list[Picture]:
    """Contact sheets of the components that are least alike; they are written and handed on for the report."""
    for old in out.glob("sheet_*.png"):
        old.unlink()
    members: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        if row["component"]:
            members.setdefault(row["component"], []).append(row)
    doubtful = sorted(members.values(), key=lambda row: min(cell["correlation"] for cell in row))[:_SHEET_ROWS]
    place = {name: row for row, name in enumerate(cells.names)}
    tiles = []
    for component in doubtful:
        line = []
        for row in component:
            photograph, box = _place(cells, place[row["cell"]])
            words = f"A {row['ahash_distance']}  P {row['phash_distance']}  r {row['correlation']:.2f}"
            kept = row["verdict"] == "kept"
            line.append(Tile(cut_cell(read_image(photograph.path), box), row["cell"], "stays" if kept else words))
        tiles.append(line)
    title = f"{len(doubtful)} of {len(members)} cells photographed more than once, the least alike first"
    pages = draw_sheets(tiles, title)
    for number, page in enumerate(pages, 1):
        write_image(out / f"sheet_{number:02d}.png", page)
    return [Picture(png(page), f"sheet_{number:02d}.png") for number, page in enumerate(pages, 1)]


def _write_dataset(folder: Path, target: Path, cells: Cells, choice: Choice) -> None:
    """The cleaned dataset, beside its place first, then renamed; `folder` is only read."""
    beside, old = target.with_name("dataset.partial"), target.with_name("dataset.old")
    for leftover in (beside, old):
        shutil.rmtree(leftover, ignore_errors=True)
    beside.mkdir()
    for row, photograph in enumerate(cells.photographs):
        if not choice.fields[row]:
            continue
        _link(photograph.path, beside / photograph.name)
        if photograph.record is not None and photograph.record_file is not None:
            first = int(np.searchsorted(cells.field, row))
            stay = choice.cells[first : first + len(photograph.record.cells)]
            left = tuple(cell for cell, stays in zip(photograph.record.cells, stay, strict=True) if stays)
            file = beside / "records" / photograph.record_file.name
            file.parent.mkdir(exist_ok=True)
            write_field(file, replace(photograph.record, cells=left))
    if not (folder / "records").is_dir() and (folder / "labels.csv").is_file():
        write_whole(beside / "labels.csv", _labels_left(folder / "labels.csv", beside))
    if target.exists():
        target.rename(old)
    beside.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)


def _labels_left(file: Path, beside: Path) -> bytes:
    with file.open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.DictReader(stream)
        left = [row for row in rows if (beside / "images" / (row["image"] or "-")).is_file()]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows.fieldnames or ()), lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(left)
    return text.getvalue().encode()


def _report(facts: dict[str, Any], rows: Sequence[dict[str, Any]], sheets: Sequence[Picture]) -> str:
    options = facts["options"]
    confirmed = f" and a correlation of at least {options['correlation']}" if options["correlation"] else ""
    rule = (
        f"Two crops of one smear show the same cell where AHash differs by fewer than {options['ahash_below']} bits, "
        f"PHash ({options['phash']}) by fewer than {options['phash_below']}{confirmed}. Of the copies of a cell the "
        "sharpest stays; a field goes only when each of its cells lives on in a field that stays."
    )
    counts = [
        ("photographs", facts["photographs"], facts["photographs"] - facts["photographs_removed"]),
        ("cells", facts["cells"], facts["cells"] - facts["cells_removed"]),
    ]
    sections: list[dict[str, Any]] = [
        {"title": "What was found", "text": [rule], "head": ("", "before", "after"), "rows": counts},
        {
            "title": "Cells photographed more than once",
            "text": [f"{facts['components']} in all; duplicates.csv names each copy. The least alike come first."],
            "pictures": sheets,
        },
    ]
    aside = [(row["cell"], row["sharpness"]) for row in rows if row["verdict"] == "set aside"]
    if aside:
        text = [
            f"{len(aside)} crops are flat or nothing but noise; their hashes mean nothing, so they were not merged."
        ]
        sections.append({"title": "Set aside", "text": text, "head": ("cell", "sharpness"), "rows": aside[:100]})
    if facts["unreadable"]:
        lines = [(line,) for line in facts["unreadable"]]
        sections.append({"title": "Could not be read", "head": ("file and fault",), "rows": lines})
    return render_report("Cells photographed twice", sections)
