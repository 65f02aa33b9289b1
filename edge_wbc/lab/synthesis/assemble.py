"""Cut-outs and places -> one field as the slide shows it, and which cell owns each of its pixels.

Annotated cells are placed first and find room before red cells do. On the slide red cells lie below, platelets on
them, white cells over both, and dirt on everything. An annotated cell that others would hide, or that lies beyond the
border or the lit disc but for a sliver, is not painted at all: what is left of it would be a cell without a box. Nor is
one that covers half of no pixel, as platelets may at coarse scales.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import Box
from edge_wbc.lab.synthesis.cutouts import ANNOTATED, ARTEFACT, RED_CELL, SEE_THROUGH, Cutout, Pools
from edge_wbc.lab.synthesis.placement import Placement, PlacementOptions, place

__all__ = ["COVERED", "FIRST_SCENERY", "INSIDE", "Assembled", "OwnedCell", "assemble"]

COVERED = 0.3
"""Of an annotated cell's visible pixels, the largest share that cells above it may hide."""
INSIDE = 0.2
"""Of an annotated cell, the smallest share that lies on the canvas and in the light."""
FIRST_SCENERY = 1001
"""Owners are numbered from 1 as `Assembled.cells` has them; red cells and what else has no box from here on."""

_MOST_ANNOTATED = FIRST_SCENERY - 1
# Of all cells asked for, the share that has to find room; red cells beyond what fits are left out.
_ENOUGH = 0.75
# About half the distance from one bare patch to the next.
_PATCH_UM = 30.0
_SHORT = 2**16 - FIRST_SCENERY


@dataclass(frozen=True)
class OwnedCell:
    """An annotated cell of a field.

    Attributes:
        subtype: one of `cutouts.ANNOTATED`.
        box: x0, y0, x1, y1 of the pixels it owns, px, end exclusive.
        cut: whether the border, or the edge of the light, cuts it.
        area_px: pixels of the whole cell, hidden ones and those beyond the border included.
    """

    subtype: str
    box: Box
    cut: bool
    area_px: int


@dataclass(frozen=True, eq=False)
class Assembled:
    """A field as the slide shows it.

    Attributes:
        rgb: float32 (H, W, 3), 0 to 1.
        owners: uint16 (H, W); n where the n-th of `cells` is seen, `FIRST_SCENERY` and more where a cell without a box
            is, 0 on bare glass.
        nuclei: bool (H, W), the pixels of annotated cells' nuclei.
        cells: the annotated cells.
        comparisons: Jaccard indices that placing computed.
    """

    rgb: np.ndarray
    owners: np.ndarray
    nuclei: np.ndarray
    cells: tuple[OwnedCell, ...]
    comparisons: int


@dataclass(frozen=True, eq=False)
class _Posed:
    """A cut-out as it lies on the slide: `light` is what it lets through, or its colour where it hides what is below.

    Attributes:
        light: float32 (h, w, 3), 0 to 1.
        alpha: float32 (h, w, 1), 0 to 1.
        cell, nucleus: bool (h, w).
        box: of `cell` within the picture.
    """

    subtype: str
    light: np.ndarray
    alpha: np.ndarray
    cell: np.ndarray
    nucleus: np.ndarray | None
    box: Box


def assemble(
    pools: Pools,
    counts: Mapping[str, int],
    canvas: tuple[int, int],
    options: PlacementOptions,
    seed: np.random.SeedSequence,
    lit: np.ndarray | None = None,
    annotated: Collection[str] = ANNOTATED,
    middle: tuple[int, int] | None = None,
    bare: float = 0.0,
) -> Assembled:
    """Draws cells from pools, turns and places them, and paints the field.

    Args:
        pools: one magnification and stain.
        counts: pool -> how many of its cells.
        canvas: width, height, px.
        options: how they are placed.
        seed: of this field.
        lit: bool (H, W), where light falls; nothing outside is annotated. None for everywhere.
        annotated: the pools whose cells get boxes; others are scenery, which must let light through.
        middle: x, y where the middle of the first annotated cell's box lies, that of the first such name in `counts`;
            None for a random place, as of all others.
        bare: red cells leave patches of glass bare, from 0, none, to below 1; there are as many of them all the same.

    Raises:
        BadInput: a negative or huge count, a pool that is not there, or a canvas with too little room, told with how
            many cells found some.
    """
    width, height = canvas
    _check(pools, counts, annotated)
    chance, layout, cloudy = (np.random.default_rng(part) for part in seed.spawn(3))
    # Where rows of one strategy begin decides who finds room: annotated cells first, as the paper's white cells are.
    order = sorted(counts, key=lambda name: (name not in annotated, name == ARTEFACT, name == RED_CELL))
    spare = round(counts.get(RED_CELL, 0) * bare / (1 - bare))
    posed = list(_posed(pools, [(name, counts[name] + spare * (name == RED_CELL)) for name in order], chance))
    sizes = np.array([(x1 - x0, y1 - y0) for x0, y0, x1, y1 in (one.box for one in posed)], np.int64).reshape(-1, 2)
    first = None if middle is None else (middle[0] - int(sizes[0][0]) // 2, middle[1] - int(sizes[0][1]) // 2)
    placement = place(sizes, canvas, options, layout, first)
    placed = _thinned(posed, placement, spare, canvas, _PATCH_UM / pools.um_per_px, cloudy)
    _check_room(pools, posed, placed, len(posed) - spare, canvas, annotated)
    laid = [
        (one, x - one.box[0], y - one.box[1])
        for one, (x, y), there in zip(posed, placement.corners.tolist(), placed, strict=True)
        if there
    ]
    laid.sort(key=lambda entry: _height(entry[0].subtype))
    scenery = [entry for entry in laid if entry[0].subtype not in annotated]
    marked = [entry for entry in laid if entry[0].subtype in annotated]
    owners, nuclei, kept = _owned(marked, (height, width), lit)
    below = np.zeros((height, width), np.uint16)
    for number, (one, x, y) in enumerate(scenery, FIRST_SCENERY):
        here, there = _overlap(one.cell.shape, (height, width), x, y)
        if one.subtype != ARTEFACT:
            np.copyto(below[there], np.uint16(number), where=one.cell[here])
    shown = [entry for entry, _ in reversed(kept)]
    rgb = _glass(pools.background, width, height, cloudy)
    for one, x, y in sorted([*scenery, *shown], key=lambda entry: _height(entry[0].subtype)):
        _paint(rgb, one, x, y)
    np.copyto(owners, below, where=owners == 0)
    return Assembled(rgb, owners, nuclei, tuple(cell for _, cell in kept), placement.comparisons)


_Laid = tuple[_Posed, int, int]


def _height(subtype: str) -> int:
    """In which order things lie on the slide, the lowest first."""
    if subtype == RED_CELL:
        return 0
    if subtype == ARTEFACT:
        return 3
    return 1 if subtype in SEE_THROUGH else 2


def _owned(
    marked: list[_Laid], shape: tuple[int, int], lit: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, list[tuple[_Laid, OwnedCell]]]:
    """Who owns which pixel, seen from above; what would be hidden or lies outside is left out."""
    owners, nuclei = np.zeros(shape, np.uint16), np.zeros(shape, bool)
    clear = np.ones(shape, np.float32)  # the share of a pixel that the cells above leave to those below
    kept: list[tuple[_Laid, OwnedCell]] = []
    for entry in reversed(marked):
        one, x, y = entry
        here, there = _overlap(one.cell.shape, shape, x, y)
        inside = one.cell[here] if lit is None else one.cell[here] & lit[there]
        alpha = one.alpha[here][..., 0]
        seen = inside & (alpha * clear[there] >= 0.5)
        whole, within, visible = (int(np.count_nonzero(part)) for part in (one.cell, inside, seen))
        if within < INSIDE * whole or visible < (1 - COVERED) * within:
            continue
        clear[there] *= 1 - alpha
        owners[there][seen] = len(kept) + 1
        if one.nucleus is not None:
            nuclei[there] |= one.nucleus[here] & seen
        columns, rows = np.flatnonzero(seen.any(0)), np.flatnonzero(seen.any(1))
        top, left = there[0].start, there[1].start
        box = (left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1)
        kept.append((entry, OwnedCell(one.subtype, box, within < whole, whole)))
    return owners, nuclei, kept


def _check(pools: Pools, counts: Mapping[str, int], annotated: Collection[str]) -> None:
    for name, count in counts.items():
        if count < 0:
            raise BadInput(name, f"{count} cells", "counts cannot be negative")
        if count and not pools.cutouts.get(name):
            raise BadInput(name, "there is no pool of it", f"pools: {', '.join(pools.cutouts)}")
        if name not in annotated and name not in SEE_THROUGH:
            raise BadInput(name, "hides what lies below and gets no box", "annotate it")
    marked = sum(count for name, count in counts.items() if name in annotated)
    if marked > _MOST_ANNOTATED:
        raise BadInput("counts", f"{marked} annotated cells are too many", f"{_MOST_ANNOTATED} a field at most")
    if sum(counts.values()) - marked > _SHORT:
        raise BadInput("counts", f"{sum(counts.values())} cells are too many", f"{_SHORT} a field at most")


def _thinned(
    posed: list[_Posed],
    placement: Placement,
    spare: int,
    canvas: tuple[int, int],
    patch: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Which cells stay: bool (n,); of the red cells the `spare` ones are taken away where smooth noise is lowest."""
    kept = placement.placed.copy()
    reds = np.flatnonzero(kept & np.array([one.subtype == RED_CELL for one in posed], bool))
    rows, columns = (max(2, round(side / patch) + 1) for side in canvas[::-1])
    cloud = cv2.resize(rng.standard_normal((rows, columns)), canvas, interpolation=cv2.INTER_CUBIC)
    wanted = sum(one.subtype == RED_CELL for one in posed) - spare
    x, y = (np.clip(placement.corners[reds, axis], 0, canvas[axis] - 1) for axis in (0, 1))
    kept[reds[np.argsort(cloud[y, x], kind="stable")[: max(0, len(reds) - wanted)]]] = False
    return kept


def _check_room(
    pools: Pools,
    posed: list[_Posed],
    placed: np.ndarray,
    asked: int,
    canvas: tuple[int, int],
    annotated: Collection[str],
) -> None:
    marked = np.array([one.subtype in annotated for one in posed], bool)
    found = int(placed.sum())
    if (placed | ~marked).all() and found >= _ENOUGH * asked:
        return
    um = pools.um_per_px
    raise BadInput(
        "field",
        f"{found} of {asked} cells fit in {canvas[0]} x {canvas[1]} px "
        f"({canvas[0] * um:.0f} x {canvas[1] * um:.0f} um)",
        "ask for fewer, a larger field, or more micrometres a pixel",
    )


def _posed(pools: Pools, counts: list[tuple[str, int]], rng: np.random.Generator) -> Iterator[_Posed]:
    """Cells drawn from their pools and turned: many red cells by quarters, the others by any angle."""
    quarters: dict[tuple[int, int], _Posed] = {}
    for name, count in counts:
        pool = pools.cutouts.get(name, ())
        # Dealt, not drawn: no cell comes twice before each has come once.
        rounds = -(-count // max(1, len(pool)))
        picks = np.concatenate([np.zeros(0, int), *(rng.permutation(len(pool)) for _ in range(rounds))])[:count]
        turns, flips = rng.uniform(0, 360, count), rng.uniform(size=count) < 0.5
        for pick, turn, flip in zip(picks.tolist(), turns.tolist(), flips.tolist(), strict=True):
            if name != RED_CELL:
                turned = _turned(pool[pick], turn, flip)
                if turned.cell.any():
                    yield _lit(turned, pools.background)
                continue
            key = pick, int(turn // 90) + 4 * flip
            if key not in quarters:
                quarters[key] = _lit(_quartered(pool[pick], *divmod(key[1], 4)), pools.background)
            yield quarters[key]


def _quartered(cutout: Cutout, flip: int, quarter: int) -> Cutout:
    def turn(part: np.ndarray) -> np.ndarray:
        turned = np.rot90(part, quarter)
        return np.ascontiguousarray(turned[:, ::-1] if flip else turned)

    return Cutout(cutout.subtype, turn(cutout.rgb), turn(cutout.alpha), None)


def _turned(cutout: Cutout, degrees: float, flip: bool) -> Cutout:
    """A cut-out turned about its middle, on a picture large enough for it."""
    height, width = cutout.alpha.shape
    side = int(np.ceil(np.hypot(height, width)))
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    if flip:
        turn = turn @ np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1]], float)
    turn[:, 2] += (side - width) / 2, (side - height) / 2

    def warp(part: np.ndarray, border: int) -> np.ndarray:
        return cv2.warpAffine(part, turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)

    nucleus = None
    if cutout.nucleus is not None:
        nucleus = warp(cutout.nucleus.astype(np.uint8) * 255, cv2.BORDER_CONSTANT) >= 128
    alpha = warp(cutout.alpha, cv2.BORDER_CONSTANT)
    return Cutout(cutout.subtype, warp(cutout.rgb, cv2.BORDER_REPLICATE), alpha, nucleus)


def _lit(cutout: Cutout, background: np.ndarray) -> _Posed:
    alpha = cutout.alpha[..., None].astype(np.float32) / 255
    if cutout.subtype in SEE_THROUGH:
        light = 1 - alpha + alpha * (cutout.rgb / np.maximum(background, 1).astype(np.float32))
    else:
        light = cutout.rgb.astype(np.float32) / 255
    return _Posed(cutout.subtype, light, alpha, cutout.cell, cutout.nucleus, cutout.box)


def _overlap(
    size: tuple[int, ...], shape: tuple[int, int], x: int, y: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a picture of `size`, its corner at (x, y), and a field of `shape` share pixels: in it, and in the field."""
    left, top = max(0, x), max(0, y)
    right, bottom = max(left, min(shape[1], x + size[1])), max(top, min(shape[0], y + size[0]))
    return np.s_[top - y : bottom - y, left - x : right - x], np.s_[top:bottom, left:right]


def _paint(rgb: np.ndarray, one: _Posed, x: int, y: int) -> None:
    here, there = _overlap(one.cell.shape, rgb.shape[:2], x, y)
    if one.subtype in SEE_THROUGH:
        rgb[there] *= one.light[here]
    else:
        rgb[there] += one.alpha[here] * (one.light[here] - rgb[there])


def _glass(background: np.ndarray, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Bare glass, a little cloudy: float32 (height, width, 3)."""
    cloud = rng.normal(0, 0.004, (7, 9, 3)).astype(np.float32)
    cloud += rng.normal(0, 0.01, (7, 9, 1)).astype(np.float32)
    clouds = cv2.resize(cloud, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(background.astype(np.float32) / 255 * (1 + clouds), np.float32)
