"""Whole smears: photographed fields with their records, the same from one run to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.core.records import Cell, Field, Microscope, Smear, read_field, write_field
from edge_wbc.core.taxonomy import FIVE_CLASSES, SUBTYPES
from edge_wbc.lab.many import map_in_order
from edge_wbc.lab.synthesis.fields import DrawnField, PlacedCell, SmearLook, compose_field, smear_look
from edge_wbc.lab.synthesis.optics import DOMAINS, decoded, domain_optics, jpeg_photograph
from edge_wbc.lab.synthesis.stain import random_stain

__all__ = ["SmearOptions", "draw_field", "draw_smears"]

# The first word of every seed: numpy pads seeds with zeros, so [7, 0] and [7, 0, 0] would be one seed.
_OF_SMEAR, _OF_FIELD = 1, 2
_OBJECTIVE = 100.0
_SMALLEST_SIDE = 64
# The subtypes that a class is drawn from, all alike.
_DRAWN_AS: dict[str, tuple[str, ...]] = {
    "neutrophil": ("segmented_neutrophil",),
    "lymphocyte": ("lymphocyte", "reactive_lymphocyte"),
    "monocyte": ("monocyte",),
    "eosinophil": ("eosinophil",),
    "basophil": ("basophil",),
}


@dataclass(frozen=True)
class SmearOptions:
    """Which smears to draw.

    Attributes:
        domain: one of `optics.DOMAINS`; it changes how cells are seen and at what scale, not which cells.
        smears, fields_per_smear: how many.
        white_cells: in each field.
        width, height: of a field, px.
        classes: the classes a white cell is drawn from, all alike.
        seed: equal seeds draw equal smears.
        name: what file names begin with.

    Raises:
        BadInput: an unknown domain or class, a count that is not positive, a negative seed, a field below 64 px, or
            a name that is no plain file name.
    """

    domain: str
    smears: int
    fields_per_smear: int
    white_cells: int = 6
    width: int = 640
    height: int = 480
    classes: tuple[str, ...] = FIVE_CLASSES
    seed: int = 0
    name: str = "smear"

    def __post_init__(self) -> None:
        domain_optics(self.domain)
        for what in ("smears", "fields_per_smear", "white_cells"):
            if getattr(self, what) < 1:
                raise BadInput(what, f"{getattr(self, what)} is not a positive number")
        if min(self.width, self.height) < _SMALLEST_SIDE:
            raise BadInput("field", f"{self.width} x {self.height} px is too small", f"{_SMALLEST_SIDE} px at least")
        strangers = [name for name in self.classes if name not in FIVE_CLASSES]
        if strangers or not self.classes:
            raise BadInput("classes", f"unknown: {strangers}" if strangers else "none", f"of {', '.join(FIVE_CLASSES)}")
        if self.seed < 0:
            raise BadInput("seed", f"{self.seed} is negative")
        if not self.name or not all(sign.isalnum() or sign in "-_" for sign in self.name):
            raise BadInput("name", f"{self.name!r} is no file name", "use letters, digits, - and _")


def draw_field(options: SmearOptions, smear: int, field: int) -> tuple[np.ndarray, Field]:
    """One photographed field and its record, alone or as one of many: the same either way.

    Args:
        options: the run.
        smear, field: numbers from 0; those beyond the run's counts are drawn as a longer run would.

    Returns:
        uint8 RGB (height, width, 3), and the record.

    Raises:
        BadInput: a negative number, or white cells that do not fit in the field.
    """
    data, record = _photographed(options, smear, field)
    return decoded(data), record


def draw_smears(
    out: Path, options: SmearOptions, report: Callable[[int, int], None] | None = None, processes: int = 1
) -> int:
    """Draws all fields into `out/images/NAME.jpg` and `out/records/NAME.json`.

    Each file is written beside its place and renamed there, the record last; fields that are already complete are
    left alone, so a stopped run goes on where it stopped.

    Args:
        out: the dataset's folder; made when absent.
        options: the run.
        report: called with the fields done, skipped ones among them, and the total.
        processes: how many processes draw, at most.

    Returns:
        The number of fields written now.

    Raises:
        BadInput: `processes` below 1, or fields of the same names drawn with other options.
    """
    if processes < 1:
        raise BadInput("processes", f"{processes} is not a positive number")
    (out / "images").mkdir(parents=True, exist_ok=True)
    (out / "records").mkdir(exist_ok=True)
    jobs = [(smear, field) for smear in range(options.smears) for field in range(options.fields_per_smear)]
    todo = [job for job in jobs if not _complete(out, options, *job)]
    done = len(jobs) - len(todo)
    if report and done:
        report(done, len(jobs))
    for _ in map_in_order(partial(_write, out, options), todo, processes=processes):
        done += 1
        if report:
            report(done, len(jobs))
    return len(todo)


def _write(out: Path, options: SmearOptions, job: tuple[int, int]) -> None:
    data, record = _photographed(options, *job)
    write_whole(out / record.image, data)
    write_field(_record_path(out, options, *job), record)


def _complete(out: Path, options: SmearOptions, smear: int, field: int) -> bool:
    path = _record_path(out, options, smear, field)
    image = out / "images" / f"{path.stem}.jpg"
    if not (path.exists() and image.exists()):
        return False
    found, wanted = read_field(path), _record(options, smear, field, ())
    same = (found.smear, found.camera, found.width, found.height) == (
        wanted.smear, wanted.camera, wanted.width, wanted.height,
    )  # fmt: skip
    if not same or len(found.cells) != options.white_cells:
        raise BadInput(path, "was drawn with other options", "choose another folder or name")
    return True


def _record_path(out: Path, options: SmearOptions, smear: int, field: int) -> Path:
    return out / "records" / f"{_stem(options, smear, field)}.json"


def _stem(options: SmearOptions, smear: int, field: int) -> str:
    return f"{options.name}_{smear:03d}_{field:03d}"


def _photographed(options: SmearOptions, smear: int, field: int) -> tuple[bytes, Field]:
    if min(smear, field) < 0:
        raise BadInput("field", f"smear {smear}, field {field}: numbers begin at 0")
    optics = domain_optics(options.domain)
    chance, drawn_seed, seen_seed = np.random.SeedSequence([_OF_FIELD, options.seed, smear, field]).spawn(3)
    rng = np.random.default_rng(chance)
    names = [str(rng.choice(_DRAWN_AS[str(name)])) for name in rng.choice(options.classes, options.white_cells)]
    look = _look(options.seed, smear, optics.um_per_px)
    finest = min(known.um_per_px for known in DOMAINS.values())
    drawn: DrawnField = compose_field(look, names, options.width, options.height, drawn_seed, finest)
    data = jpeg_photograph(drawn.rgb, optics, np.random.default_rng(seen_seed))
    return data, _record(options, smear, field, drawn.placed)


@lru_cache(maxsize=4)
def _look(seed: int, smear: int, um_per_px: float) -> SmearLook:
    stain_seed, sprite_seed = np.random.SeedSequence([_OF_SMEAR, seed, smear]).spawn(2)
    return smear_look(random_stain(np.random.default_rng(stain_seed)), um_per_px, sprite_seed)


def _record(options: SmearOptions, smear: int, field: int, placed: tuple[PlacedCell, ...]) -> Field:
    optics = domain_optics(options.domain)
    return Field(
        image=f"images/{_stem(options, smear, field)}.jpg",
        width=options.width,
        height=options.height,
        cells=tuple(Cell(cell.box, {"drawn": SUBTYPES[cell.sprite.subtype]}) for cell in placed),
        smear=Smear(id=f"{options.name}-{options.seed}-{smear:03d}", stain="drawn"),
        microscope=Microscope(optics.microscope, _OBJECTIVE),
        camera=optics.camera,
        um_per_px=optics.um_per_px,
    )
