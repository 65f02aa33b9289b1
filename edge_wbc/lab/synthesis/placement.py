"""Where cells go: Al-Qudah and Suen's three strategies and an exact index, under one rule.

A cell is refused where its box and that of a cell placed before it overlap by more than a Jaccard index drawn for it;
the strategies differ in which of those cells they look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.synthesis.candidates import Blocks, Box, Candidates, Every, Grid, Sectors

__all__ = ["EXTENTS", "MOST_CELLS", "STRATEGIES", "Placement", "PlacementOptions", "candidates_of", "jaccard", "place"]

STRATEGIES = ("exact", "random", "blocks", "lsh-paper")
EXTENTS = ("middle", "whole")
MOST_CELLS = 20_000
_LARGEST_SIDE = 30_000
_MOST_TRIES, _MOST_BITS = 10_000, 64
# So often a block may refuse a cell before the next block is asked.
_PATIENCE = 20
_DRAWN_AT_ONCE = 4096


@dataclass(frozen=True)
class PlacementOptions:
    """How cells are placed.

    Attributes:
        strategy: one of `STRATEGIES`.
        thresholds: lowest and highest Jaccard index that a cell may share with one placed before it; each cell's own
            is drawn between them.
        most_tries: points tried for a cell before it is left out.
        inside: "middle", a cell's middle lies on the canvas and its box may hang over; "whole", its whole box does.
        unqueried: so many cells are placed without looking (lsh-paper).
        bits: random vectors of the hash (lsh-paper).
        block: side of a block, px (blocks).

    Raises:
        BadInput: an unknown strategy or extent, or a number out of range.
    """

    strategy: str = "exact"
    thresholds: tuple[float, float] = (0.0, 0.2)
    most_tries: int = 200
    inside: str = "middle"
    unqueried: int = 60
    bits: int = 8
    block: int = 128

    def __post_init__(self) -> None:
        for what, known in (("strategy", STRATEGIES), ("inside", EXTENTS)):
            if getattr(self, what) not in known:
                raise BadInput(what, f"unknown: {getattr(self, what)!r}", f"one of: {', '.join(known)}")
        lowest, highest = self.thresholds
        if not 0 <= lowest <= highest <= 1:
            raise BadInput(
                "thresholds", f"{lowest} to {highest} is no range of Jaccard indices", "0 <= low <= high <= 1"
            )
        bounds = {
            "most_tries": (1, _MOST_TRIES),
            "unqueried": (0, MOST_CELLS),
            "bits": (1, _MOST_BITS),
            "block": (1, _LARGEST_SIDE),
        }
        for what, (low, high) in bounds.items():
            if not low <= getattr(self, what) <= high:
                raise BadInput(what, f"{getattr(self, what)} is not in {low} to {high}")


@dataclass(frozen=True, eq=False)
class Placement:
    """Where cells went.

    Attributes:
        corners: int64 (n, 2), x and y of each box's top left pixel; 0, 0 where there was no room.
        placed: bool (n,), whether there was.
        limits: float (n,), the highest Jaccard index allowed to each cell against those before it.
        comparisons: Jaccard indices computed.
        tries: points tried.
    """

    corners: np.ndarray
    placed: np.ndarray
    limits: np.ndarray
    comparisons: int
    tries: int


def place(
    sizes: np.ndarray | Sequence[tuple[int, int]],
    canvas: tuple[int, int],
    options: PlacementOptions,
    rng: np.random.Generator,
    first: tuple[int, int] | None = None,
) -> Placement:
    """Places boxes one after another at random points; those that find no room are told, not forced.

    "exact" and "random" draw the same points: equal generators give equal placements.

    Args:
        sizes: whole numbers (n, 2), width and height of each box in px, in the order of placing; n may be 0.
        canvas: width, height, px.
        options: strategy and rule.
        rng: the source of chance.
        first: x, y of the first box's top left pixel; None for a random point, as of all others.

    Raises:
        BadInput: more than `MOST_CELLS` boxes, boxes without area, or boxes larger than the canvas.
    """
    boxes, canvas = _checked(sizes, canvas)
    limits = rng.uniform(*options.thresholds, len(boxes))
    known = candidates_of(options, canvas, boxes, rng)
    columns, rows = (max(1, side // options.block) for side in canvas) if options.strategy == "blocks" else (1, 1)
    blind = options.unqueried if options.strategy == "lsh-paper" else 0
    points, deal = _points(rng), _dealt(columns * rows, rng)
    corners, placed = np.zeros((len(boxes), 2), np.int64), np.zeros(len(boxes), bool)
    comparisons = tries = 0
    for number, ((width, height), limit) in enumerate(zip(boxes, limits.tolist(), strict=True)):
        if options.inside == "middle":
            left, top, wide, high = -(width // 2), -(height // 2), *canvas
        else:
            left, top, wide, high = 0, 0, canvas[0] - width + 1, canvas[1] - height + 1
        for attempt in range(options.most_tries):
            if attempt % _PATIENCE == 0:
                down, right = divmod(next(deal), columns)
            across, along = next(points)
            x = left + int((right + across) / columns * wide)
            y = top + int((down + along) / rows * high)
            if first is not None and not number:
                x, y = first
            box = x, y, x + width, y + height
            tries += 1
            refused, compared = _refused(box, known.near(box), limit) if number >= blind else (False, 0)
            comparisons += compared
            if not refused:
                known.add(box)
                corners[number], placed[number] = (x, y), True
                break
    return Placement(corners, placed, limits, comparisons, tries)


def candidates_of(
    options: PlacementOptions, canvas: tuple[int, int], sizes: Sequence[tuple[int, int]], rng: np.random.Generator
) -> Candidates:
    """An empty index of the strategy; lsh-paper draws its vectors from `rng`."""
    longest = [max(size) for size in sizes] or [1]
    if options.strategy == "random":
        return Every()
    if options.strategy == "blocks":
        return Blocks(options.block, max(longest))
    if options.strategy == "lsh-paper":
        return Sectors(rng.standard_normal((options.bits, 2)), canvas)
    return Grid(int(np.median(longest)))


def jaccard(one: Box, other: Box) -> float:
    """Shared area of two boxes by their joint area, 0 to 1."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    shared = wide * high
    areas = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return shared / (areas - shared)


def _refused(box: Box, others: Sequence[Box], limit: float) -> tuple[bool, int]:
    """Whether one of the others overlaps too much, and how many were compared until that was known."""
    for count, other in enumerate(others, 1):
        if jaccard(box, other) > limit:
            return True, count
    return False, len(others)


def _points(rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Points of the unit square without end; drawn in batches, for one by one is slow."""
    while True:
        yield from map(tuple, rng.random((_DRAWN_AT_ONCE, 2)).tolist())


def _dealt(blocks: int, rng: np.random.Generator) -> Iterator[int]:
    """Blocks without end: each comes once in a random order before any comes again."""
    while True:
        yield from rng.permutation(blocks).tolist()


def _checked(
    sizes: np.ndarray | Sequence[tuple[int, int]], canvas: tuple[int, int]
) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    boxes = np.asarray(sizes)
    width, height = int(canvas[0]), int(canvas[1])
    if not (1 <= width <= _LARGEST_SIDE and 1 <= height <= _LARGEST_SIDE):
        raise BadInput("canvas", f"{width} x {height} px", f"1 to {_LARGEST_SIDE} px a side")
    if not len(boxes):
        return [], (width, height)
    if boxes.ndim != 2 or boxes.shape[1] != 2 or not np.issubdtype(boxes.dtype, np.integer):
        raise BadInput("sizes", f"{boxes.dtype} {boxes.shape} is no list of widths and heights in whole pixels")
    if len(boxes) > MOST_CELLS:
        raise BadInput("cells", f"{len(boxes)} are too many", f"{MOST_CELLS} at most")
    if boxes.min() < 1:
        raise BadInput("sizes", f"cell {int(boxes.min(1).argmin())} has no area")
    beyond = (boxes > (width, height)).any(1)
    if beyond.any():
        widest, highest = boxes.max(0)
        raise BadInput(
            "canvas",
            f"{int(beyond.sum())} of {len(boxes)} cells are larger than {width} x {height} px",
            f"{int((~beyond).sum())} fit; all need {widest} x {highest} px at least",
        )
    return [(int(wide), int(high)) for wide, high in boxes], (width, height)
