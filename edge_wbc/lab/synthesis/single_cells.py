"""Photographs of single white cells amid red ones, with labels and masks: a training set like pbc or tecom.

A little field is assembled around each cell and the photograph is cut from it, so that its neighbours lie as they do
in any other drawn field.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.core.pack import check_replaceable
from edge_wbc.core.records import read_json
from edge_wbc.core.taxonomy import FIVE_CLASSES, SUBTYPES
from edge_wbc.lab.many import map_in_order
from edge_wbc.lab.synthesis.assemble import Assembled, assemble
from edge_wbc.lab.synthesis.cutouts import ANNOTATED, RED_CELL, SEE_THROUGH, Pools
from edge_wbc.lab.synthesis.drawing import draw_pools
from edge_wbc.lab.synthesis.fields import ANY_STAIN
from edge_wbc.lab.synthesis.optics import DOMAINS, Optics, domain_optics, jpeg_photograph
from edge_wbc.lab.synthesis.placement import PlacementOptions
from edge_wbc.lab.synthesis.pools import read_pools
from edge_wbc.lab.synthesis.stain import STAINS, random_stain

__all__ = ["ANY_DOMAIN", "SHARES", "SingleCell", "SingleCellOptions", "draw_single_cell", "draw_single_cells"]

SHARES: dict[str, dict[str, float]] = {
    "neutrophil": {
        "segmented_neutrophil": 0.6,
        "band": 0.2,
        "hyper_segmented_neutrophil": 0.1,
        "hypo_segmented_neutrophil": 0.1,
    },
    "lymphocyte": {"lymphocyte": 0.6, "reactive_lymphocyte": 0.2, "atypical_lymphocyte": 0.2},
    "monocyte": {"monocyte": 0.8, "atypical_monocyte": 0.2},
    "eosinophil": {"eosinophil": 1.0},
    "basophil": {"basophil": 1.0},
}
"""Class -> how often each subtype is drawn for it. A choice for variety, not how often they are in blood."""

ANY_DOMAIN = "any"
_MARKER = "cells.json"
# The first word of every seed: numpy pads seeds with zeros, so that others could be equal.
_OF_CELL, _OF_SUBTYPE = 3, 4
_WHITE = tuple(name for name in ANNOTATED if name not in SEE_THROUGH)
_SMALLEST_UM = 16.0
_LARGEST_SIDE = 2000
_DENSEST = 0.9  # share of what a field has left that the squares around red cells may fill
_NEIGHBOUR, _PLATELETS = 0.25, 0.5  # how often there is another white cell, and how many platelets on average
_REDS = 6  # different red cells around a cell
_AROUND = 0.25  # of the photograph's side: how far the field reaches beyond it
_JITTER = 0.1  # of the photograph's side: how far off its middle a cell may lie
_OFF_AXIS = 0.8  # of the field's radius: how far from its middle a cell may be photographed
_ATTEMPTS = 60
_PLACING = PlacementOptions(thresholds=(0.0, 0.12), most_tries=500)


@dataclass(frozen=True)
class SingleCellOptions:
    """Which cells to photograph, and how.

    Attributes:
        classes: drawn in turn; of the five classes (by `SHARES`) or of the subtypes that are white cells.
        size: side of a photograph, px.
        domain: one of `optics.DOMAINS`, or "any", which one chance says for each photograph.
        um_per_px: micrometres a pixel spans; None for the domain's own.
        stain: a name of `stain.STAINS`, or "any"; each photograph has its own draw of it.
        seed: equal seeds draw equal cells.

    Raises:
        BadInput: an unknown class, domain or stain, or a number out of range.
    """

    classes: tuple[str, ...] = FIVE_CLASSES
    size: int = 160
    domain: str = ANY_DOMAIN
    um_per_px: float | None = None
    stain: str = ANY_STAIN
    seed: int = 0

    def __post_init__(self) -> None:
        known = (*FIVE_CLASSES, *(name for name in _WHITE if name not in FIVE_CLASSES))
        strangers = [name for name in self.classes if name not in known]
        if strangers or not self.classes:
            raise BadInput("classes", f"unknown: {', '.join(strangers) or 'none given'}", f"of {', '.join(known)}")
        if self.stain not in (ANY_STAIN, *STAINS):
            raise BadInput("stain", f"unknown stain {self.stain!r}", f"one of: {', '.join((ANY_STAIN, *STAINS))}")
        if self.um_per_px is not None and not 0 < self.um_per_px < 5:
            raise BadInput("um-per-px", f"{self.um_per_px} is not a scale", "give micrometres per pixel, such as 0.16")
        for name in _domains(self):
            domain_optics(name)
        if not 1 <= self.size <= _LARGEST_SIDE:
            raise BadInput("size", f"{self.size} is not in 1 to {_LARGEST_SIDE} px")
        if self.seed < 0:
            raise BadInput("seed", f"{self.seed} is negative")


@dataclass(frozen=True, eq=False)
class SingleCell:
    """A photograph of one cell.

    Attributes:
        jpeg: the photograph's file.
        mask: uint8 (size, size): 255 nucleus, 128 cytoplasm, 0 rest, of the middle cell.
        subtype, label: what it is; of `taxonomy.SUBTYPES`.
    """

    jpeg: bytes
    mask: np.ndarray
    subtype: str
    label: str


def draw_single_cell(options: SingleCellOptions, number: int, pools: Pools | None = None) -> SingleCell:
    """Photograph `number`, alone or as one of many: the same either way.

    Args:
        options: the run.
        number: from 0.
        pools: cut-outs to take; None to draw new ones.

    Raises:
        BadInput: a negative number, too small a photograph; pools of another scale or stain than asked for, or without
            red cells or the class.
    """
    if number < 0:
        raise BadInput("number", f"{number}: numbers begin at 0")
    subtype = _drawn_subtype(options, number, pools)
    chance, drawn, laid, seen = np.random.SeedSequence([_OF_CELL, options.seed, number]).spawn(4)
    rng = np.random.default_rng(chance)
    optics = domain_optics(str(rng.choice(_domains(options))))
    stain = str(rng.choice(list(STAINS))) if options.stain == ANY_STAIN else options.stain
    others = _WHITE if pools is None else [name for name in _WHITE if name in pools.cutouts]
    neighbour = str(rng.choice(others)) if rng.uniform() < _NEIGHBOUR else None
    scale = options.um_per_px or optics.um_per_px
    if pools is None:
        wanted = {RED_CELL: _REDS, "platelet": 2, subtype: 1}
        if neighbour:
            wanted[neighbour] = wanted.get(neighbour, 0) + 1
        pools = draw_pools(random_stain(rng, stain), scale, wanted, int(drawn.generate_state(1)[0]))
    else:
        _check_pools(pools, options)
        scale = pools.um_per_px
    _check_room(options.size, scale)
    field, owner, part = _laid(pools, subtype, neighbour, options.size, laid)
    own = field.owners[part] == owner
    mask = np.select([own & field.nuclei[part], own], [255, 128], 0).astype(np.uint8)
    jpeg = jpeg_photograph(field.rgb[part], _somewhere(optics, scale, rng), np.random.default_rng(seen))
    return SingleCell(jpeg, mask, subtype, SUBTYPES[subtype])


def draw_single_cells(
    out: Path,
    options: SingleCellOptions,
    count: int,
    pools: Sequence[Path] = (),
    report: Callable[[int, int], None] | None = None,
    processes: int = 1,
) -> int:
    """Photographs `count` cells into `out/images`, their masks into `out/masks`, and names them in `out/labels.csv`.

    What is there already is left alone, so that a stopped run goes on, and a longer one begins with a shorter one's
    cells.

    Args:
        out: the dataset's folder; made when absent.
        options: the run.
        count: how many.
        pools: folders of pools to take cells from; none to draw every cell anew.
        report: called with the cells done, those there already among them, and the total.
        processes: how many processes draw, at most.

    Returns:
        The number of cells drawn now.

    Raises:
        BadInput: a count out of range, unusable pools, or an `out` that holds something else or another run.
    """
    if not 1 <= count <= 10_000_000:
        raise BadInput("count", f"{count} is not in 1 to 10000000")
    if pools:
        found = _pools(tuple(pools))
        _check_pools(found, options)
        for name in options.classes:
            _subtype(name, found, np.random.default_rng(0))
        _check_room(options.size, found.um_per_px)
    else:
        for domain in _domains(options):
            _check_room(options.size, options.um_per_px or domain_optics(domain).um_per_px)
    _claim(out, options, pools)
    there = {file.stem for file in (out / "images").glob("*.jpg")}
    if len(there) > count:
        raise BadInput(out, f"holds {len(there)} cells already", f"give --count {len(there)} or more, or another --out")
    todo = [number for number in range(count) if _name(number) not in there]
    done = count - len(todo)
    for _ in map_in_order(partial(_write, out, options, tuple(pools)), todo, processes=processes):
        done += 1
        if report:
            report(done, count)
    write_whole(out / "labels.csv", _table(options, count, tuple(pools)))
    return len(todo)


def _write(out: Path, options: SingleCellOptions, pools: tuple[Path, ...], number: int) -> None:
    cell = draw_single_cell(options, number, _pools(pools) if pools else None)
    # The photograph comes last, so that it proves the mask.
    write_whole(out / "masks" / f"{_name(number)}.png", cv2.imencode(".png", cell.mask)[1].tobytes())
    write_whole(out / "images" / f"{_name(number)}.jpg", cell.jpeg)


def _table(options: SingleCellOptions, count: int, pools: tuple[Path, ...]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(("image", "label", "subtype"))
    found = _pools(pools) if pools else None
    for number in range(count):
        subtype = _drawn_subtype(options, number, found)
        writer.writerow((f"{_name(number)}.jpg", SUBTYPES[subtype], subtype))
    return text.getvalue().encode()


@lru_cache(maxsize=1)
def _pools(paths: tuple[Path, ...]) -> Pools:
    return read_pools(paths)


def _name(number: int) -> str:
    return f"cell_{number:06d}"


def _claim(out: Path, options: SingleCellOptions, pools: Sequence[Path]) -> None:
    """Makes `out` this run's; raises `BadInput` where it is another's."""
    check_replaceable(out, _MARKER)
    run = {"schema": 1, **asdict(options), "classes": list(options.classes), "pools": [str(path) for path in pools]}
    if (out / _MARKER).is_file() and read_json(out / _MARKER) != run:
        raise BadInput(out, "holds the cells of another run", "choose another --out, or remove it")
    for name in ("images", "masks"):
        (out / name).mkdir(parents=True, exist_ok=True)
    write_whole(out / _MARKER, (json.dumps(run, indent=1) + "\n").encode())


def _domains(options: SingleCellOptions) -> tuple[str, ...]:
    return tuple(DOMAINS) if options.domain == ANY_DOMAIN else (options.domain,)


def _drawn_subtype(options: SingleCellOptions, number: int, pools: Pools | None) -> str:
    rng = np.random.default_rng([_OF_SUBTYPE, options.seed, number])
    return _subtype(options.classes[number % len(options.classes)], pools, rng)


def _subtype(name: str, pools: Pools | None, rng: np.random.Generator) -> str:
    """A subtype of a class by its share, or the subtype itself."""
    shares = SHARES.get(name, {name: 1.0})
    there = [subtype for subtype in shares if pools is None or subtype in pools.cutouts]
    if not there:
        raise BadInput(name, "the pools have none of it", f"add a pool of {', '.join(shares)}, or leave it out")
    weights = np.array([shares[subtype] for subtype in there])
    return str(rng.choice(there, p=weights / weights.sum()))


def _check_pools(pools: Pools, options: SingleCellOptions) -> None:
    if options.um_per_px is not None and not np.isclose(options.um_per_px, pools.um_per_px):
        fault = f"asks for {options.um_per_px:g} um a pixel, the pools have {pools.um_per_px:g}"
        raise BadInput("--um-per-px", fault, "leave it out")
    if options.stain not in (ANY_STAIN, pools.stain):
        raise BadInput("--stain", f"asks for {options.stain}, the pools are {pools.stain}", "leave it out")
    if RED_CELL not in pools.cutouts:
        raise BadInput(RED_CELL, "there is no pool of it", "add one with another --pools")


def _check_room(size: int, um_per_px: float) -> None:
    if size * um_per_px < _SMALLEST_UM:
        least = int(np.ceil(_SMALLEST_UM / um_per_px))
        raise BadInput("size", f"{size} px are {size * um_per_px:.1f} um", f"a cell needs {least} px at least")


def _laid(
    pools: Pools, subtype: str, neighbour: str | None, size: int, seed: np.random.SeedSequence
) -> tuple[Assembled, int, tuple[slice, slice]]:
    """A little field, the owner number of the cell in its middle, and the part of it to photograph."""
    side, rng = size + 2 * round(_AROUND * size), np.random.default_rng(seed)
    own, red = (max(max(one.alpha.shape) for one in pools.cutouts[name]) for name in (subtype, RED_CELL))
    crowd = rng.uniform(0, _DENSEST) * max(0, side**2 - own**2) / red**2
    counts = {subtype: 1, RED_CELL: int(crowd)}
    if "platelet" in pools.cutouts:
        counts["platelet"] = int(rng.poisson(_PLATELETS))
    if neighbour and own + max(max(one.alpha.shape) for one in pools.cutouts[neighbour]) <= side:
        counts[neighbour] = counts.get(neighbour, 0) + 1
    for attempt in seed.spawn(_ATTEMPTS):
        field = assemble(
            pools, counts, (side, side), _PLACING, attempt, annotated=_WHITE, middle=(side // 2, side // 2)
        )
        owner = int(field.owners[side // 2, side // 2])
        if 1 <= owner <= len(field.cells) and field.cells[owner - 1].subtype == subtype:
            x0, y0, x1, y1 = field.cells[owner - 1].box
            # Large cells stay nearer the middle, or the border would cut what is to be learnt.
            room = np.maximum(0, (size - np.array([x1 - x0, y1 - y0])) // 2)
            shift = np.clip(rng.uniform(-_JITTER, _JITTER, 2) * size, -room, room)
            corner = np.rint((np.array([x0 + x1, y0 + y1]) - size) / 2 + shift).astype(int)
            left, top = np.clip(corner, 0, side - size).tolist()
            return field, owner, np.s_[top : top + size, left : left + size]
    raise BadInput("size", f"{size} px leave no room for a {subtype}", "give a larger --size")


def _somewhere(optics: Optics, um_per_px: float, rng: np.random.Generator) -> Optics:
    """The same phone at this scale, the cell anywhere in the inner part of its round field."""
    away, angle = _OFF_AXIS * optics.field_um / 2 * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
    axis = float(away * np.cos(angle)), float(away * np.sin(angle))
    return replace(optics, um_per_px=um_per_px, axis_um=axis)
