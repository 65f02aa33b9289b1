"""A folder of pools, drawn or cut: resumed pool by pool, and never mixed with another run's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.core.images import write_image
from edge_wbc.core.pack import check_replaceable
from edge_wbc.core.records import read_json
from edge_wbc.lab.many import map_in_order
from edge_wbc.lab.synthesis.contact import contact_sheet
from edge_wbc.lab.synthesis.cutouts import POOL_NAMES, Cutout, Pools
from edge_wbc.lab.synthesis.cutting import Cut, Refused, Source, by_subtype, cut, finished, marks_in, turned
from edge_wbc.lab.synthesis.drawing import DRAWN, draw_pools
from edge_wbc.lab.synthesis.pools import CONTACT_SHEET, POOL, RUN, check_mixture, read_pools, write_pool
from edge_wbc.lab.synthesis.stain import STAINS, random_stain

__all__ = ["CutOptions", "DrawOptions", "Made", "cut_pools_into", "draw_pools_into"]

Report = Callable[[str, int, int], None]
# The first words of seeds: numpy pads seeds with zeros, so that others could be equal.
_OF_STAIN, _OF_TURNS = 5, 6
MOST_CUTOUTS, MOST_COPIES = 100_000, 1000


@dataclass(frozen=True)
class DrawOptions:
    """Which pools to draw.

    Attributes:
        count: cut-outs of each pool.
        stain: a name of `stain.STAINS`.
        um_per_px: micrometres of the slide a pixel spans.
        seed: equal seeds draw equal pools.
    """

    count: int
    stain: str = "giemsa"
    um_per_px: float = 0.16
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self.count, self.um_per_px, self.seed)
        if self.stain not in STAINS:
            raise BadInput("stain", f"unknown stain {self.stain!r}", f"one of: {', '.join(STAINS)}")


@dataclass(frozen=True)
class CutOptions:
    """How to cut pools out of photographs.

    Attributes:
        count: the most cells of each pool, picked by chance where there are more; None for all.
        um_per_px: of the photographs; None where their records say it.
        stain: its name; "" where their records say it.
        at: micrometres a pixel of the pools spans; None for the photographs' own scale.
        copies: turned copies of each cell beside itself.
        seed: of the picks and the turns.
    """

    count: int | None = None
    um_per_px: float | None = None
    stain: str = ""
    at: float | None = None
    copies: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for scale in (self.um_per_px, self.at):
            _check(1 if self.count is None else self.count, 1.0 if scale is None else scale, self.seed)
        if not 0 <= self.copies <= MOST_COPIES:
            raise BadInput("copies", f"{self.copies} is not in 0 to {MOST_COPIES}")


@dataclass(frozen=True)
class Made:
    """A finished folder of pools.

    Attributes:
        um_per_px, stain, background: of its pools.
        cutouts: of each pool, turned copies among them.
        refused: pool, or label that no pool takes -> reason -> how many marked cells.
        without_glass: cut-outs around which no glass was seen; the pool's was taken for theirs.
    """

    um_per_px: float
    stain: str
    background: Sequence[int]
    cutouts: Mapping[str, int]
    refused: Mapping[str, Mapping[str, int]]
    without_glass: int = 0


def draw_pools_into(out: Path, options: DrawOptions, report: Report | None = None, processes: int = 1) -> Made:
    """Draws the 18 pools and one of artefacts; those that are there already are left alone.

    Raises:
        BadInput: `out` holds something else or another run's pools; an unknown stain.
    """
    run = {"drawn": asdict(options)}
    if earlier := _earlier(out, run):
        return earlier
    _tell(out, run, done=False)
    todo = [name for name in DRAWN if not (out / name / POOL).is_file()]
    for done, _ in enumerate(map_in_order(partial(_draw, out, options), todo, processes=processes), 1):
        if report:
            report("drawing pools", len(DRAWN) - len(todo) + done, len(DRAWN))
    return _finish(out, run, {}, 0)


def _draw(out: Path, options: DrawOptions, subtype: str) -> None:
    stain = random_stain(np.random.default_rng([_OF_STAIN, options.seed]), options.stain)
    pools = draw_pools(stain, options.um_per_px, {subtype: options.count}, options.seed)
    origins = [f"drawn, seed {options.seed}, number {number}" for number in range(options.count)]
    write_pool(out, pools, subtype, origins)


def cut_pools_into(
    out: Path, data: Sequence[Path], options: CutOptions, report: Report | None = None, processes: int = 1
) -> Made:
    """Cuts pools out of labelled photographs; those that are there already are left alone.

    Raises:
        BadInput: unreadable DATA; no scale or stain, or more than one of either; no cell fit to be cut; `out` holds
            something else or another run's pools.
    """
    for path in data:
        if out.resolve().is_relative_to(path.resolve()):
            raise BadInput(out, f"lies in {path}", "choose another --out")
    marks = [mark for path in data for mark in marks_in(path)]
    sources = [mark for mark in marks if isinstance(mark, Source)]
    um_per_px, stain = _agreed(sources, options)
    run = {"cut": {**asdict(options), "from": [str(path) for path in data]}}
    if earlier := _earlier(out, run):
        return earlier
    found: list[Cut | Refused] = [mark for mark in marks if isinstance(mark, Refused)]
    for done, cells in enumerate(map_in_order(partial(cut, um_per_px=um_per_px), sources, processes=processes), 1):
        found += cells
        if report:
            report("cutting photographs", done, len(sources))
    cuts = [one for one in found if isinstance(one, Cut)]
    refused = Counter((one.name, one.reason) for one in found if isinstance(one, Refused))
    glasses = [one.glass for one in cuts if one.glass is not None]
    if not glasses:
        why = ", ".join(f"{name} {reason}: {count}" for (name, reason), count in refused.most_common(3))
        fault = f"no cell could be cut; {why}" if not cuts else "no glass is seen around any cell"
        raise BadInput(data[0], fault, "give photographs with masks, or boxes of lone cells and a right --um-per-px")
    _tell(out, run, done=False)
    background = np.rint(np.median(glasses, axis=0)).astype(np.uint8)
    scale = um_per_px / options.at if options.at else 1.0
    groups = sorted(by_subtype(cuts).items(), key=lambda group: POOL_NAMES.index(group[0]))
    for done, (subtype, mine) in enumerate(groups, 1):
        if not (out / subtype / POOL).is_file():
            cutouts, origins = _finished(subtype, mine, background, scale, options)
            pools = Pools({subtype: cutouts}, options.at or um_per_px, stain, background)
            write_pool(out, pools, subtype, origins)
        if report:
            report("writing pools", done, len(groups))
    return _finish(out, run, _nested(refused), sum(one.glass is None for one in cuts))


def _finished(
    subtype: str, cuts: Sequence[Cut], background: np.ndarray, scale: float, options: CutOptions
) -> tuple[tuple[Cutout, ...], list[str]]:
    """A pool's cut-outs on its glass with their turned copies, and where each comes from."""
    rng = np.random.default_rng([_OF_TURNS, options.seed, POOL_NAMES.index(subtype)])
    picks = np.arange(len(cuts))
    if options.count is not None and options.count < len(cuts):
        picks = np.sort(rng.choice(len(cuts), options.count, replace=False))
    cutouts, origins = [], []
    for pick in picks.tolist():
        cutouts.append(finished(cuts[pick], background, scale))
        origins.append(cuts[pick].origin)
    for number, degrees in enumerate(rng.uniform(0, 360, len(picks) * options.copies)):
        original = number % len(picks)
        cutouts.append(turned(cutouts[original], background, float(degrees)))
        origins.append(f"{origins[original]} turned {degrees:.1f} degrees")
    return tuple(cutouts), origins


def _agreed(sources: Sequence[Source], options: CutOptions) -> tuple[float, str]:
    """The one scale and the one stain of all photographs."""
    told = options.um_per_px is not None, bool(options.stain)
    for source in sources:
        if source.um_per_px is None and not told[0]:
            raise BadInput(source.image, "no record says its scale", "give --um-per-px")
        if not source.stain and not told[1]:
            raise BadInput(source.image, "no record says its stain", "give --stain NAME")
    said = [("--um-per-px", float(options.um_per_px), "")] if options.um_per_px is not None else []
    said += [(str(source.image), source.um_per_px, "") for source in sources if source.um_per_px is not None]
    check_mixture(said)
    stains = [("--stain", 1.0, options.stain.strip().lower())] if options.stain else []
    stains += [(str(source.image), 1.0, source.stain) for source in sources if source.stain]
    check_mixture(stains)
    return said[0][1], stains[0][2]


def _earlier(out: Path, run: Mapping[str, Any]) -> Made | None:
    """What this run has made, where it is finished. Raises `BadInput` where `out` is not free for it."""
    check_replaceable(out, RUN)
    if not (out / RUN).is_file():
        return None
    earlier = read_json(out / RUN)
    if not isinstance(earlier, dict) or {key: earlier.get(key) for key in run} != run:
        raise BadInput(out, "holds the pools of another run", "choose another --out, or remove it")
    return Made(**earlier["made"]) if earlier.get("done") else None


def _tell(out: Path, run: Mapping[str, Any], **facts: Any) -> None:
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / RUN, (json.dumps({"schema": 1, **run, **facts}, indent=1) + "\n").encode())


def _finish(out: Path, run: Mapping[str, Any], refused: Mapping[str, Mapping[str, int]], without_glass: int) -> Made:
    """Draws the contact sheet, and says in the run's file that all is there."""
    pools = read_pools(out, unfinished=True)
    write_image(out / CONTACT_SHEET, contact_sheet(pools))
    counts = {name: len(cutouts) for name, cutouts in pools.cutouts.items()}
    glass = pools.background.tolist()
    made = Made(pools.um_per_px, pools.stain, glass, counts, refused, without_glass)
    _tell(out, run, done=True, made=asdict(made))
    return made


def _nested(refused: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for (name, reason), count in sorted(refused.items(), key=lambda item: (item[0][0], -item[1])):
        nested.setdefault(name, {})[reason] = count
    return nested


def _check(count: int, um_per_px: float, seed: int) -> None:
    if not 1 <= count <= MOST_CUTOUTS:
        raise BadInput("count", f"{count} is not in 1 to {MOST_CUTOUTS}")
    if not 0 < um_per_px < 5:
        raise BadInput("um-per-px", f"{um_per_px} is not a scale", "give micrometres per pixel, such as 0.16")
    if seed < 0:
        raise BadInput("seed", f"{seed} is negative")
