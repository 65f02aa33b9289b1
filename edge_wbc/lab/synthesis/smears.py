"""A run of drawn smears: photographs, records and masks in a dataset folder, the same from one run to the next."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.core.pack import check_replaceable
from edge_wbc.core.records import read_field, read_json, write_field
from edge_wbc.core.taxonomy import MAIN_TYPES
from edge_wbc.lab.many import map_in_order
from edge_wbc.lab.synthesis.fields import SmearOptions, drawn_field, stem

__all__ = ["FORMATS", "MARKER", "draw_smears"]

MARKER = "smears.json"
_SETS = ("coco", "voc", "yolo")
FORMATS: tuple[str, ...] = ("records", "masks", *_SETS)
"""What a run may write beside photographs; records always are."""

Report = Callable[[str, int, int], None]
# Level 1 is four times as quick as zlib's usual 6, and flat areas hardly grow by it.
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def draw_smears(
    out: Path,
    options: SmearOptions,
    report: Callable[[int, int], None] | None = None,
    processes: int = 1,
    count: int | None = None,
    formats: Sequence[str] = ("records",),
) -> int:
    """Draws fields into `out/images/NAME.jpg` and `out/records/NAME.json`, and what else `formats` asks for.

    `masks/NAME.png` holds 255 on nuclei, 128 on cytoplasm, 0 elsewhere (none where no such cell is);
    `instances/NAME.png` is 16-bit: n on the n-th cell of the record, 1001 and more on each cell without a box. Sets for
    other tools lie in `out/FORMAT/main` and `out/FORMAT/subtypes`.

    Each file is written beside its place and renamed there, the record last; fields that are already complete are
    left alone, so a stopped run goes on where it stopped, and a longer one adds to a shorter.

    Args:
        out: the dataset's folder; made when absent.
        options: the run.
        report: called with the fields done, skipped ones among them, and the total.
        processes: how many processes draw, at most.
        count: of the run's fields only so many first ones; None for all.
        formats: of `FORMATS`.

    Returns:
        The number of fields written now.

    Raises:
        BadInput: `processes` below 1, a count out of range, an unknown format, a folder with anything else or another
            run in it, or what `drawn_field` raises.
    """
    total = options.smears * options.fields_per_smear
    count = total if count is None else count
    if processes < 1:
        raise BadInput("processes", f"{processes} is not a positive number")
    if not 1 <= count <= total:
        raise BadInput("count", f"{count} is not in 1 to {total}")
    for name in formats:
        if name not in FORMATS:
            raise BadInput("formats", f"unknown: {name!r}", f"of {', '.join(FORMATS)}")
    jobs = [divmod(number, options.fields_per_smear) for number in range(count)]
    if not (out / MARKER).is_file():
        # What cannot be drawn is told before there is a folder that another run would find taken.
        check_replaceable(out, MARKER)
        drawn_field(options, *jobs[0])
    _claim(out, options)
    masks = "masks" in formats
    for folder in ("images", "records", *(("masks", "instances") if masks else ())):
        (out / folder).mkdir(parents=True, exist_ok=True)
    todo = [job for job in jobs if not _complete(out, stem(options, *job), masks)]
    done = len(jobs) - len(todo)
    if report and done:
        report(done, len(jobs))
    for _ in map_in_order(partial(_write, out, options, masks), todo, processes=processes):
        done += 1
        if report:
            report(done, len(jobs))
    sets = [name for name in formats if name in _SETS]
    if sets:
        # Other tools' formats need packages that drawing does without.
        from edge_wbc.lab.synthesis.annotations import write_sets

        for name in sets:
            write_sets(out, name)
    return len(todo)


def _write(out: Path, options: SmearOptions, masks: bool, job: tuple[int, int]) -> None:
    name = stem(options, *job)
    drawn = drawn_field(options, *job)
    write_whole(out / drawn.record.image, drawn.jpeg)
    if masks:
        if drawn.mask is not None:
            write_whole(out / "masks" / f"{name}.png", _png(drawn.mask))
        write_whole(out / "instances" / f"{name}.png", _png(drawn.owners))
    write_field(out / "records" / f"{name}.json", drawn.record)


def _png(grey: np.ndarray) -> bytes:
    return cv2.imencode(".png", grey, _PNG)[1].tobytes()


def _complete(out: Path, name: str, masks: bool) -> bool:
    record = out / "records" / f"{name}.json"
    if not (record.is_file() and (out / "images" / f"{name}.jpg").is_file()):
        return False
    if not masks:
        return True
    nucleated = any(MAIN_TYPES.get(cell.subtype) != "platelet" for cell in read_field(record).cells)
    return (out / "instances" / f"{name}.png").is_file() and (
        not nucleated or (out / "masks" / f"{name}.png").is_file()
    )


def _claim(out: Path, options: SmearOptions) -> None:
    """Makes `out` this run's, or goes on in it."""
    check_replaceable(out, MARKER)
    mine = _facts(options)
    if (out / MARKER).is_file():
        theirs = read_json(out / MARKER)
        theirs = theirs if isinstance(theirs, dict) else {}
        for name in sorted({*mine, *theirs}):
            if mine.get(name) != theirs.get(name):
                fault = f"holds another run: {name} {_said(theirs.get(name))} there, {_said(mine.get(name))} here"
                raise BadInput(out, fault, "choose another --out")
        return
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / MARKER, (json.dumps(mine, indent=1) + "\n").encode())


def _said(value: Any) -> str:
    return json.dumps(value)


def _facts(options: SmearOptions) -> dict[str, Any]:
    """What makes a run that run; how many smears it has does not."""
    facts = asdict(options)
    del facts["smears"]
    facts["pools"] = [str(path.resolve()) for path in options.pools]
    plain: dict[str, Any] = json.loads(json.dumps(facts))  # tuples become lists, as they come back
    return plain
