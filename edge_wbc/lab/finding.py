"""Photographs of fields -> a dataset folder: records, copies of the photographs, a crop of each cell."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_wbc.core.crops import CropRule, crop_cell, crop_fixed
from edge_wbc.core.detector_pack import open_detector, read_detector_pack
from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.core.finder import find_cells
from edge_wbc.core.finder_model import DEFAULT_FINDER, FinderModel, read_finder
from edge_wbc.core.images import list_images, read_image
from edge_wbc.core.records import Cell, Field, read_field, write_field
from edge_wbc.lab.many import map_in_order

__all__ = ["FindOptions", "Found", "find_in"]

_PLAN = "find.json"


@dataclass(frozen=True)
class FindOptions:
    """How cells are found and cut out.

    Attributes:
        size: width and height of the crops in pixels.
        fixed: cut this many of the field's own pixels instead (Raabin-WBC: 512), or None.
        model: a learned finder's JSON; None for the one that ships.
        detector: a trained detector's run or pack, used instead of the colour filter.
    """

    size: int = 96
    fixed: int | None = None
    model: Path | None = None
    detector: Path | None = None


@dataclass(frozen=True)
class Found:
    """Fields with their records, and what was left out, a line each."""

    fields: tuple[tuple[Path, Field], ...]
    faults: tuple[str, ...]


@dataclass(frozen=True)
class _Job:
    photograph: Path
    image: str
    options: FindOptions
    digest: str


def find_in(
    images: Path,
    out: Path,
    options: FindOptions = FindOptions(),
    cluster: str | None = None,
    strict: bool = False,
    progress: Callable[[str, int, int], None] = lambda title, done, total: None,
) -> Found:
    """Finds the white cells of every photograph and writes `out` as a dataset folder; after a kill it goes on.

    Args:
        images: one photograph or a folder of them.
        cluster: the address of a Dask scheduler whose workers see `images` at the same path; None for this machine.
        strict: raise the first fault instead of leaving that photograph out.

    Raises:
        BadInput: no photograph there, or a folder begun with other options; with `strict`, any fault.
    """
    photographs = list_images(images)
    # What cannot find is refused before anything is written.
    digest = _digest(options)
    _detector(options.detector, digest) if options.detector else _finder(options.model, digest)
    for folder in ("images", "records", "crops"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    _claim(out, options, digest)
    faults: list[str] = []
    named: dict[str, tuple[str, Path]] = {}
    for photograph in photographs:
        relative = photograph.relative_to(images) if images.is_dir() else Path(photograph.name)
        name = "_".join(relative.with_suffix("").parts)
        _, first = named.setdefault(name.lower(), (name, photograph))
        if first is not photograph:
            _note(BadInput(photograph, f"would have the record of {first}", "rename one of them"), faults, strict)
    jobs, done = [], {}
    for name, photograph in named.values():
        record = out / "records" / f"{name}.json"
        if record.is_file():
            done[photograph] = read_field(record)
        else:
            jobs.append(_Job(photograph, f"images/{name}{photograph.suffix.lower()}", options, digest))
    results = map_in_order(_find, jobs, cluster, lambda count, total: progress("finding cells", count, total))
    for job, (field, crops, fault) in zip(jobs, results, strict=True):
        if fault is not None or field is None:
            _note(fault or BadInput(job.photograph, "was not read"), faults, strict)
            continue
        stem = Path(job.image).stem
        write_whole(out / field.image, job.photograph.read_bytes())
        for number, crop in enumerate(crops, 1):
            write_whole(out / "crops" / f"{stem}_{number:03d}.png", crop)
        # The record last: it says that the field is done.
        write_field(out / "records" / f"{stem}.json", field)
        done[job.photograph] = field
    fields = tuple((photograph, done[photograph]) for _, photograph in named.values() if photograph in done)
    if not fields:
        raise BadInput(images, f"none of {len(photographs)} photographs could be read", faults[0])
    return Found(fields, tuple(faults))


def _note(fault: BadInput, faults: list[str], strict: bool) -> None:
    if strict:
        raise fault
    faults.append(str(fault))


def _digest(options: FindOptions) -> str:
    """SHA-256 of what finds: a path may hold another finder tomorrow, on a worker that still knows today's."""
    file = options.model or DEFAULT_FINDER
    if options.detector:
        inside = "pack.json" if _is_pack(options.detector) else "weights.safetensors"
        file = options.detector if options.detector.is_file() else options.detector / inside
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInput(file, f"cannot be read ({error.strerror})") from error


def _claim(out: Path, options: FindOptions, digest: str) -> None:
    """Marks the folder as found with these options; refuses one that was begun with others."""
    plan: dict[str, Any] = {
        "size": options.size,
        "fixed": options.fixed,
        "detector": str(options.detector) if options.detector else None,
        "finder": digest,
    }
    file = out / _PLAN
    if not file.is_file():
        if any((out / "records").iterdir()):
            raise BadInput(out, "holds records of something else", "choose another --out")
        write_whole(file, (json.dumps(plan, indent=1) + "\n").encode())
    elif json.loads(file.read_text(encoding="utf-8")) != plan:
        raise BadInput(out, "was begun with another finder or other crops", "choose another --out")


def _find(job: _Job) -> tuple[Field | None, list[bytes], BadInput | None]:
    try:
        rgb = read_image(job.photograph)
    except BadInput as fault:
        return None, [], fault
    options = job.options
    if options.detector:
        cells = _detector(options.detector, job.digest)(rgb)
    else:
        cells = find_cells(rgb, _finder(options.model, job.digest))
    crops = []
    for cell in cells:
        fixed = options.fixed
        crop = crop_fixed(rgb, cell.box, fixed) if fixed else crop_cell(rgb, cell.box, CropRule(options.size))
        crops.append(cv2.imencode(".png", crop[..., ::-1])[1].tobytes())
    return Field(job.image, rgb.shape[1], rgb.shape[0], tuple(cells)), crops, None


@lru_cache(maxsize=1)
def _finder(model: Path | None, digest: str) -> FinderModel:
    return read_finder(model or DEFAULT_FINDER)


def _is_pack(detector: Path) -> bool:
    return detector.is_file() or (detector / "pack.json").is_file()


@lru_cache(maxsize=1)
def _detector(path: Path, digest: str) -> Callable[[np.ndarray], list[Cell]]:
    """What finds cells: a run's network, or a pack's int8 artefact."""
    if _is_pack(path):
        return open_detector(read_detector_pack(path)).find_cells
    from edge_wbc.lab.detection import detect_cells, load_detector

    detector = load_detector(path)
    return lambda rgb: detect_cells(rgb, detector)
