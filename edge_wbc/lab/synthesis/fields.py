"""One field of a drawn smear: how many cells, drawn or from pools, assembled, photographed, and its record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import Cell, Field, Microscope, Smear
from edge_wbc.core.taxonomy import FIVE_CLASSES, MAIN_TYPES, SUBTYPES
from edge_wbc.lab.synthesis.assemble import Assembled, OwnedCell, assemble
from edge_wbc.lab.synthesis.counts import NUCLEATED, PLATELETS, Counts, draw_counts
from edge_wbc.lab.synthesis.cutouts import ANNOTATED, ARTEFACT, RED_CELL, Pools
from edge_wbc.lab.synthesis.drawing import draw_pools
from edge_wbc.lab.synthesis.optics import Optics, decoded, domain_optics, jpeg_photograph, seen
from edge_wbc.lab.synthesis.placement import PlacementOptions
from edge_wbc.lab.synthesis.stain import STAINS, Stain, random_stain

__all__ = [
    "ANY_STAIN",
    "LARGE_LYMPHOCYTE_UM",
    "LOOSENESS",
    "DrawnField",
    "SmearOptions",
    "draw_field",
    "drawn_field",
    "stem",
]

ANY_STAIN = "any"
LOOSENESS = (0.0, 0.25)
"""Lowest and highest Jaccard index that a cell may share with one placed before it, in the most crowded smear."""
LARGE_LYMPHOCYTE_UM = 11.0
"""Small lymphocytes end and large ones begin at about one and a half red cells."""

# The first word of every seed: numpy pads seeds with zeros, so [7, 0] and [7, 0, 0] would be one seed.
_OF_SMEAR, _OF_FIELD = 1, 2
_PARTS = ("stain", "cells", "crowding", "evenness", "phone")
_OBJECTIVE = 100.0
_SMALLEST_SIDE = 64
_LARGEST_SIDE = 8192
# Red cells per um2 in a field with a fixed number of white cells, from thin to crowded.
_CROWDING = (0.006, 0.0125)
# How many different cells of a kind a drawn smear has; white cells are drawn anew for every field.
_OF_A_KIND = {RED_CELL: 24, ARTEFACT: 4} | dict.fromkeys(PLATELETS, 6)
_DIRT = 1.2
_FEW_PLATELETS = (4.0, 2.0)
# As what the classes are drawn that are no subtypes, or more than one.
_OF_CLASS = {"neutrophil": ("segmented_neutrophil",), "lymphocyte": ("lymphocyte", "reactive_lymphocyte")}
# How far a phone sits off the ocular's axis, as a share of the field's radius.
_ASKEW = 0.025
# How even a smear is: the share of its highest threshold that is used, and how bare its glass is in patches.
_CLOSE, _BARE = (0.15, 1.0), (0.0, 0.3)
# Where red cells would cover so much of the glass they begin to lie closer, up to all that the placement allows.
_CROWDED = (0.45, 0.75)


@dataclass(frozen=True)
class SmearOptions:
    """Which smears to draw.

    Attributes:
        domain: one of `optics.DOMAINS`: how cells are seen and at what scale.
        smears, fields_per_smear: how many.
        white_cells: in each field, all of `classes`, among few platelets, which then have no boxes; None for the
            Gaussians and all subtypes of Al-Qudah and Suen, which want 256 x 256 um.
        width, height: of a field, px.
        classes: of `FIVE_CLASSES` or `NUCLEATED`, the ones that a fixed number of white cells is drawn from, all alike.
        seed: equal seeds draw equal smears.
        name: what file names begin with.
        stain: one of `stain.STAINS`, or "any", which each smear draws for itself.
        um_per_px: micrometres a pixel spans; None for the domain's, or the pools'.
        placement: how cells are placed; the highest threshold is that of the most crowded smear.
        mark_platelets: whether platelets beside a fixed number of white cells get boxes too.
        eyepiece: whether the ocular's round field is seen, and black around it.
        pools: folders of cut-outs to assemble from, instead of drawn cells.

    Raises:
        BadInput: an unknown domain, class or stain, a count that is not positive, a negative seed, a field below 64 px,
            a name that is no plain file name, or more cells than fit.
    """

    domain: str
    smears: int
    fields_per_smear: int
    white_cells: int | None = 6
    width: int = 640
    height: int = 480
    classes: tuple[str, ...] = FIVE_CLASSES
    seed: int = 0
    name: str = "smear"
    stain: str = ANY_STAIN
    um_per_px: float | None = None
    placement: PlacementOptions = PlacementOptions(thresholds=LOOSENESS)
    mark_platelets: bool = False
    eyepiece: bool = False
    pools: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        domain_optics(self.domain, self.um_per_px, self.eyepiece)
        for what in ("smears", "fields_per_smear", "white_cells"):
            count = getattr(self, what)
            if count is not None and count < 1:
                raise BadInput(what, f"{count} is not a positive number")
        if not all(_SMALLEST_SIDE <= side <= _LARGEST_SIDE for side in (self.width, self.height)):
            sides = f"{_SMALLEST_SIDE} to {_LARGEST_SIDE} px a side"
            raise BadInput("field", f"{self.width} x {self.height} px is too small or too large", sides)
        strangers = [name for name in self.classes if name not in (*FIVE_CLASSES, *NUCLEATED)]
        if strangers or not self.classes:
            known = dict.fromkeys((*FIVE_CLASSES, *NUCLEATED))
            raise BadInput("classes", f"unknown: {strangers}" if strangers else "none", f"of {', '.join(known)}")
        if self.stain not in (ANY_STAIN, *STAINS):
            raise BadInput("stain", f"unknown: {self.stain!r}", f"one of: {', '.join((ANY_STAIN, *STAINS))}")
        if self.pools and self.stain != ANY_STAIN:
            raise BadInput("stain", "pools have their own", f"leave it {ANY_STAIN!r}")
        if self.seed < 0:
            raise BadInput("seed", f"{self.seed} is negative")
        if not self.name or not all(sign.isalnum() or sign in "-_" for sign in self.name):
            raise BadInput("name", f"{self.name!r} is no file name", "use letters, digits, - and _")


@dataclass(frozen=True, eq=False)
class DrawnField:
    """A photographed field and all that is known of it.

    Attributes:
        jpeg: the photograph's bytes.
        record: its record; n-th of its cells is number n of `owners`.
        owners, nuclei: as in `assemble.Assembled`.
    """

    jpeg: bytes
    record: Field
    owners: np.ndarray
    nuclei: np.ndarray

    @property
    def mask(self) -> np.ndarray | None:
        """uint8 (H, W): 255 nuclei, 128 cytoplasm of white and nucleated red cells, 0 rest; None without any."""
        shades = np.zeros(len(self.record.cells) + 1, np.uint8)
        shades[1:] = [0 if MAIN_TYPES[cell.subtype] == "platelet" else 128 for cell in self.record.cells]
        if not shades.any():
            return None
        known = np.where(self.owners < len(shades), self.owners, 0)
        mask = shades[known]
        mask[self.nuclei & (mask > 0)] = 255
        return mask


def draw_field(options: SmearOptions, smear: int, field: int) -> tuple[np.ndarray, Field]:
    """One photographed field and its record, alone or as one of many: the same either way.

    Args:
        options: the run.
        smear, field: numbers from 0; those beyond the run's counts are drawn as a longer run would.

    Returns:
        uint8 RGB (height, width, 3), and the record.

    Raises:
        BadInput: a negative number, cells that do not fit in the field, or pools that cannot be read.
    """
    drawn = drawn_field(options, smear, field)
    return decoded(drawn.jpeg), drawn.record


def drawn_field(options: SmearOptions, smear: int, field: int) -> DrawnField:
    """As `draw_field`, but the JPEG's bytes, and with masks."""
    if min(smear, field) < 0:
        raise BadInput("field", f"smear {smear}, field {field}: numbers begin at 0")
    chance, cells_seed, layout, light = np.random.SeedSequence([_OF_FIELD, options.seed, smear, field]).spawn(4)
    shared = _pools(options, smear)
    optics = _optics(options, smear, shared.um_per_px)
    counts = _counts(options, shared, smear, np.random.default_rng(chance))
    placement, bare = _evenness(options, shared, smear, counts[RED_CELL])
    whites = {name: count for name, count in counts.items() if count and name in NUCLEATED}
    pools = shared if options.pools else _with_whites(options, smear, shared, whites, cells_seed)
    made = assemble(
        pools,
        counts,
        (options.width, options.height),
        placement,
        layout,
        seen(optics, options.height, options.width) if options.eyepiece else None,
        ANNOTATED if options.white_cells is None or options.mark_platelets else NUCLEATED,
        bare=bare,
    )
    jpeg = jpeg_photograph(made.rgb, optics, np.random.default_rng(light))
    return DrawnField(jpeg, _record(options, optics, shared.stain, smear, field, made), made.owners, made.nuclei)


def stem(options: SmearOptions, smear: int, field: int) -> str:
    """What the names of a field's files begin with."""
    return f"{options.name}_{smear:04d}_{field:03d}"


def _optics(options: SmearOptions, smear: int, um_per_px: float) -> Optics:
    optics = domain_optics(options.domain, um_per_px, options.eyepiece)
    field_um = optics.field_um
    if not options.eyepiece:
        # A picture wider than the ocular's field would be black at its corners: such a one has a wider ocular.
        field_um = max(field_um, float(np.hypot(options.width, options.height)) * um_per_px)
    right, down = _of_smear(options, smear, "phone").normal(0, _ASKEW * field_um / 2, 2)
    return replace(optics, field_um=field_um, axis_um=(float(right), float(down)))


def _counts(options: SmearOptions, pools: Pools, smear: int, rng: np.random.Generator) -> dict[str, int]:
    """How many cells of each pool a field has."""
    if options.white_cells is None:
        known = tuple(name for name in ANNOTATED if not options.pools or name in pools.cutouts)
        plan = Counts(subtypes=known)
    else:
        area = options.width * options.height * pools.um_per_px**2
        crowding = _of_smear(options, smear, "crowding").uniform(*_CROWDING)
        red = crowding * area * rng.uniform(0.8, 1.15)
        # Giant and activated ones, without boxes, would pass for white cells that someone forgot.
        few = _FEW_PLATELETS if "platelet" in pools.cutouts else (0, 0)
        plan = Counts((red, 0), (0, 0), few, ("platelet",), "even")
    counts = draw_counts(rng, plan)
    for name in rng.choice(options.classes, options.white_cells or 0).tolist():
        kinds = [kind for kind in _OF_CLASS.get(name, (name,)) if not options.pools or kind in pools.cutouts]
        if not kinds:
            raise BadInput(name, "there is no pool of it", f"pools: {', '.join(pools.cutouts)}")
        counts[str(rng.choice(kinds))] += 1
    if ARTEFACT in pools.cutouts:
        counts[ARTEFACT] = int(rng.poisson(_DIRT))
    return counts


def _of_smear(options: SmearOptions, smear: int, part: str) -> np.random.Generator:
    seed = np.random.SeedSequence([_OF_SMEAR, options.seed, smear])
    return np.random.default_rng(dict(zip(_PARTS, seed.spawn(len(_PARTS)), strict=True))[part])


def _evenness(options: SmearOptions, pools: Pools, smear: int, reds: int) -> tuple[PlacementOptions, float]:
    """How close together the cells of a field lie, and how much glass they leave bare in patches."""
    rng = _of_smear(options, smear, "evenness")
    area = float(np.mean([np.count_nonzero(one.cell) for one in pools.cutouts[RED_CELL]]))
    covered = reds * area / (options.width * options.height)
    crowded = float(np.clip((covered - _CROWDED[0]) / (_CROWDED[1] - _CROWDED[0]), 0, 1))
    low, high = options.placement.thresholds
    close, bare = max(crowded, rng.uniform(*_CLOSE)), (1 - crowded) * rng.uniform(*_BARE)
    return replace(options.placement, thresholds=(low, low + (high - low) * close)), bare


def _pools(options: SmearOptions, smear: int) -> Pools:
    if not options.pools:
        optics = domain_optics(options.domain, options.um_per_px)
        return _drawn_pools(options.seed, smear, optics.um_per_px, options.stain)[1]
    pools = _read_pools(options.pools)
    if options.um_per_px is not None and options.um_per_px != pools.um_per_px:
        fault = f"{options.um_per_px:g} is not the pools' {pools.um_per_px:g}"
        raise BadInput("um_per_px", fault, "leave it out, or make pools of that scale")
    missing = [name for name in (RED_CELL,) if name not in pools.cutouts]
    if missing:
        raise BadInput(options.pools[0], "no pool of red cells in it", "add the folder of one: they are all around")
    return pools


@lru_cache(maxsize=2)
def _read_pools(paths: tuple[Path, ...]) -> Pools:
    from edge_wbc.lab.synthesis.pools import read_pools  # pydantic: drawing does without

    return read_pools(paths)


@lru_cache(maxsize=4)
def _drawn_pools(seed: int, smear: int, um_per_px: float, stain: str) -> tuple[Stain, Pools]:
    """The stain of a smear and the cells that all its fields share."""
    stain_seed, cells, *_ = np.random.SeedSequence([_OF_SMEAR, seed, smear]).spawn(len(_PARTS))
    drawn = random_stain(np.random.default_rng(stain_seed), None if stain == ANY_STAIN else stain)
    return drawn, draw_pools(drawn, um_per_px, _OF_A_KIND, _number(cells))


def _with_whites(
    options: SmearOptions, smear: int, shared: Pools, whites: dict[str, int], seed: np.random.SeedSequence
) -> Pools:
    stain, _ = _drawn_pools(options.seed, smear, shared.um_per_px, options.stain)
    own = draw_pools(stain, shared.um_per_px, whites, _number(seed))
    return replace(shared, cutouts={**shared.cutouts, **own.cutouts})


def _number(seed: np.random.SeedSequence) -> int:
    return int(seed.generate_state(1, np.uint64)[0])


def _record(options: SmearOptions, optics: Optics, stain: str, smear: int, field: int, made: Assembled) -> Field:
    return Field(
        image=f"images/{stem(options, smear, field)}.jpg",
        width=options.width,
        height=options.height,
        cells=tuple(
            Cell(cell.box, {"drawn": _label(cell, optics.um_per_px)}, cut=cell.cut, subtype=cell.subtype)
            for cell in made.cells
        ),
        smear=Smear(id=f"{options.name}-{options.seed}-{smear:04d}", stain=stain),
        microscope=Microscope(optics.microscope, _OBJECTIVE),
        camera=optics.camera,
        um_per_px=optics.um_per_px,
    )


def _label(cell: OwnedCell, um_per_px: float) -> str:
    if cell.subtype != "lymphocyte":
        return SUBTYPES[cell.subtype]
    diameter = 2 * float(np.sqrt(cell.area_px / np.pi)) * um_per_px
    return "small_lymphocyte" if diameter < LARGE_LYMPHOCYTE_UM else "large_lymphocyte"
