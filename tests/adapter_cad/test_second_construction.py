"""Each part made a second time, another way, has the same sections and the same volume.

Here a part is its sections: what of the plane at height z is solid, drawn with Shapely from the part's description and
the layout's numbers, and summed over z. Nothing of what makes the real parts is called.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import trimesh

from adapter_cad import catalogue, clamp, lettering, stop, tray
from adapter_cad import layout as at
from adapter_cad.design import design
from adapter_cad.layout import Layout, sides, spans
from adapter_cad.model import AdapterOptions, Phone, assumed
from adapter_cad.part import Adapter
from adapter_cad.solids import to_solid

shapely = pytest.importorskip("shapely", reason="the second construction is drawn with shapely")
from shapely import Polygon, affinity  # noqa: E402

PHONES = ("oneplus-nord-ce-3-lite", "iphone-13-pro", "pixel-7a")
OCULARS = ("olympus-cx18-10x", "common-30mm-10x")
NOTHING = Polygon()
Section = Callable[[float], Polygon]


def disc(radius: float, x: float = 0.0, y: float = 0.0, sides: int = 64) -> Polygon:
    """A regular polygon round the circle."""
    turn = 2 * np.pi * np.arange(sides) / sides
    return Polygon(np.column_stack([np.cos(turn), np.sin(turn)]) * radius / math.cos(math.pi / sides) + (x, y))


def rect(x0: float, x1: float, y0: float, y1: float) -> Polygon:
    return shapely.box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def turned(shape: Polygon, degrees: float) -> Polygon:
    return affinity.rotate(shape, degrees, origin=(0, 0))


def merged(shapes: Iterable[Polygon]) -> Polygon:
    return shapely.union_all(list(shapes))


def rounded(shape: Polygon, radius: float) -> Polygon:
    return shape.buffer(-radius, join_style="mitre").buffer(radius, quad_segs=8)


def closed(shape: Polygon) -> Polygon:
    """With what is narrower than 1.6 mm filled."""
    return shape.buffer(0.8, quad_segs=8).buffer(-0.8, join_style="mitre")


def slab(shape: Polygon, z: float, low: float, high: float, below: bool = False, above: bool = False) -> Polygon:
    """The section of a plate from low to high, its edges broken by 0.4 mm over a height of 0.5."""
    if not low < z < high:
        return NOTHING
    inset = max(0.5 - (z - low) if below else 0, 0.5 - (high - z) if above else 0, 0) * 0.4 / 0.5
    return shape.buffer(-inset, join_style="mitre") if inset else shape


def drilled(along: tuple[float, float], middle: float, up: float) -> Polygon:
    """The section, at `up` over its axis, of a lying 3.4 mm hole along x: round below, a roof of 45 degrees above."""
    radius = at.HOLE / 2
    half = math.sqrt(max(radius**2 - up**2, 0)) if up < radius * math.sqrt(0.5) else radius * math.sqrt(2) - up
    return rect(*along, middle - half, middle + half) if half > 0 else NOTHING


ROUND = [at.HOLE / 2 * part for part in (-1, -0.95, -0.8, -0.5, 0, 0.5, math.sqrt(0.5), math.sqrt(2))]
NUT = at.NUT_FLATS + 0.2
NUT_LOW = -NUT / math.sqrt(3)


def slabs(levels: Iterable[float]) -> list[tuple[float, float]]:
    """Between levels, of which one has to be wherever a section begins to change otherwise."""
    edges = sorted({round(level, 6) for level in levels})
    return list(zip(edges, edges[1:], strict=False))


def volume(section: Section, levels: Iterable[float]) -> float:
    """By Gauss's rule."""
    places, weights = np.polynomial.legendre.leggauss(3)
    total = 0.0
    for low, high in slabs(levels):
        heights = low + (high - low) / 2 * (1 + places)
        total += (high - low) / 2 * sum(w * section(float(z)).area for z, w in zip(heights, weights, strict=True))
    return total


def difference(mesh: trimesh.Trimesh, section: Section, levels: Iterable[float]) -> float:
    """Area, mm2, by which the worst of the mesh's sections differs from its second construction."""
    pairs = slabs(levels)
    heights = [(low + high) / 2 for low, high in pairs if high - low > 0.01]
    sections = [section(z) for z in heights]
    x, y = np.min([one.bounds[:2] for one in sections], axis=0)  # the mesh stands on the bed's corner
    solid, worst = to_solid(mesh), 0.0
    for z, mine in zip(heights, sections, strict=True):
        theirs = NOTHING
        for ring in solid.slice(z - pairs[0][0]).to_polygons():
            theirs = theirs.symmetric_difference(Polygon(ring))
        worst = max(worst, theirs.symmetric_difference(affinity.translate(mine, -x, -y)).area)
    return worst


@cache
def glyph(letter: str) -> Polygon:
    """A letter as strokes between points of a grid, its ends octagons round a 1.3 mm pen; lower left at the origin."""
    half, corners = lettering.STROKE / 2, np.radians(22.5 + 45 * np.arange(8))
    pen = np.column_stack([np.cos(corners), np.sin(corners)]) * half / math.cos(math.pi / 8)
    wide, high = lettering.WIDTH - 2 * half, lettering.HEIGHT - 2 * half
    shapes = []
    for stroke in filter(None, lettering._STROKES[letter].split(",")):
        ends = [np.array((half + int(p[0]) * wide / 2, half + int(p[1]) * high / 4)) for p in stroke.split()]
        shapes += [
            shapely.MultiPoint(np.concatenate([pen + a, pen + b])).convex_hull
            for a, b in zip(ends, ends[1:], strict=False)
        ]
    return merged(shapes)


def line(text: str, left: float, low: float) -> Polygon:
    return merged(affinity.translate(glyph(c), left + k * lettering.ADVANCE, low) for k, c in enumerate(text.upper()))


def round_text(layout: Layout, texts: list[str]) -> Polygon:
    """Two texts read from outside round the axis, y turned over, each in the middle of a gap between bolts."""
    radius = layout.collar + 6.2 + lettering.HEIGHT / 2
    step = math.degrees(lettering.ADVANCE / (radius - lettering.HEIGHT / 2))
    shapes = []
    for text, (middle, width) in zip(texts, layout.gaps[1:], strict=True):
        room = int((width - math.degrees(2 * 6.2 / radius)) // step)
        while len(text) > room and ("-" in text or " " in text):
            text = text.partition("-")[2] if "-" in text else text.rpartition(" ")[0]
        for place, letter in enumerate(text[:room]):
            upright = affinity.translate(glyph(letter), -lettering.WIDTH / 2, -lettering.HEIGHT / 2)
            out = affinity.translate(turned(upright, 90), radius, 0)
            shapes.append(turned(out, -middle + (place - (len(text[:room]) - 1) / 2) * step))
    return merged(shapes)


def the_tray(adapter: Adapter) -> tuple[Section, list[float]]:
    lay, phone, s = adapter.layout, adapter.phone, adapter.layout.side
    floor, back, screen = lay.floor_z, lay.back_z, lay.back_z + lay.thickness
    inner = lay.far_x - s * at.SCREW_GAP
    outer, far = lay.datum_x + s * lay.wall, inner - s * lay.wall
    top, end = lay.top_y + lay.wall, lay.bottom_y - at.TONGUE
    outline = rounded(rect(outer, far, end, top), 3)
    shelf = disc(math.hypot(*lay.bolts[0]) + at.BOSS)
    bosses = [rect(inner, inner - s * at.SCREW_BOSS, y - 6, y + 6) for y in lay.screws]
    within = rect(lay.datum_x, inner, lay.bottom_y, lay.top_y)
    at_datum, at_screws = sides(lay)
    open_sides = merged(
        [rect(lay.datum_x - s, outer + s, *span) for span in spans(lay, phone, at_datum)]
        + [rect(inner + s, far - s, *span) for span in spans(lay, phone, at_screws)]
        + [rect(*span, lay.top_y - at.LIP - 1, top + 1) for span in spans(lay, phone, "top")]
    )
    openings = floor_openings(lay, phone).intersection(within)
    pocket, deep = island_pocket(lay, openings).intersection(within), back
    if lay.bump:
        deep = back - lay.bump[4] - at.UNDER_BUMP
    panel, text = name_panel(adapter, *sorted((lay.datum_x, inner)))
    holes = merged([disc(at.HOLE / 2, *bolt) for bolt in lay.bolts])
    holes = holes.union(merged(disc(at.HOLE / 2, x, lay.bottom_y - at.TONGUE / 2) for x in lay.stops))
    window = floor_window(lay, panel, merged([openings, pocket]), *sorted((lay.datum_x, inner)))
    through = merged([openings, holes, window])
    traps = merged(affinity.translate(disc(NUT / 2, sides=6), *bolt) for bolt in lay.bolts)
    channel = rect(lay.datum_x, inner, end - 1, lay.bottom_y)
    slots = merged(rect(inner - s * 2.1, inner - s * 4.7, y - NUT / 2, y + NUT / 2) for y in lay.screws)
    wall_top, lid = back + tray.WALL_SHARE * lay.thickness, screen + at.LIFT + at.LIP + at.LIP_THICK
    boss_top = lay.screw_z + 3.8

    def top_wall(z: float) -> Polygon:
        if not back - 1 < z < lid:
            return NOTHING
        reach = min(max(z - screen - at.LIFT, 0), at.LIP)  # the lip comes in at 45 degrees, then straight
        return rect(outer, far, lay.top_y - reach, top - 0.8 * max(z - lid + 1, 0))

    def section(z: float) -> Polygon:
        walls = [slab(rect(x, x1, end, top), z, back - 1, wall_top, above=True) for x, x1 in
                 ((lay.datum_x, outer), (inner, far))]  # fmt: skip
        walls = merged([*walls, top_wall(z)])
        solid = merged([
            slab(outline, z, floor, back, below=True),
            slab(shelf, z, floor, back, below=True),
            *[slab(boss, z, floor, boss_top, below=True, above=True) for boss in bosses],
            walls.difference(open_sides) if z > back else walls,
        ])  # fmt: skip
        cut = [disc(lay.light(z)), *[drilled((inner + s, inner - 29 * s), y, z - lay.screw_z) for y in lay.screws]]
        cut += [through] * (z < back + 1) + [channel] * (z > back - at.STOP_BASE) + [pocket] * (z > deep)
        cut += [traps] * (z > floor + at.NUT_SEAT) + [slots] * (z > lay.screw_z + NUT_LOW)
        if z > back - tray.LETTER_DEEP:
            cut.append(panel if z > back - tray.LETTER_UNDER else panel.difference(text))
        return solid.difference(merged(cut))

    levels = [floor, floor + 0.5, floor + at.NUT_SEAT, deep, back - at.STOP_BASE, back - 1, back - 0.8, back - 0.2]
    levels += [back, back + 1, boss_top - 0.5, boss_top, wall_top - 0.5, wall_top, lay.screw_z + NUT_LOW]
    levels += [screen + at.LIFT, screen + at.LIFT + at.LIP, lid - 1, lid, *[lay.screw_z + part for part in ROUND]]
    return section, levels + [lay.pupil_z] * (floor < lay.pupil_z < lid)


def floor_openings(lay: Layout, phone: Phone) -> Polygon:
    light, holes = disc(lay.light(lay.floor_z)), []
    for hole in phone.backs:
        shape = disc(hole.diameter / 2 + 1, phone.lens_left - hole.left, phone.lens_top - hole.top, 48)
        near = shape.intersects(disc(lay.light(lay.floor_z) + tray.CLOSE))
        holes.append(shape.union(light).convex_hull if near else shape)
    return closed(merged(holes))


def island_pocket(lay: Layout, openings: Polygon) -> Polygon:
    """Room for the island where it rests and on its way up under the lip, with the openings that it comes close to."""
    if not lay.bump:
        return NOTHING
    x0, x1, y0, y1, _ = lay.bump
    around = at.ROUND_BUMP
    room = rect(x0 - around, x1 + around, y0 - at.SLIDE - around, y1 + around)
    near = [hole for hole in shapely.get_parts(openings) if hole.distance(room) < tray.CLOSE]
    return closed(merged([room, *near]))


def name_panel(adapter: Adapter, x0: float, x1: float) -> tuple[Polygon, Polygon]:
    lay = adapter.layout
    words = [adapter.phone.name.upper(), f"{lay.length:g} X{lay.width:g} X{lay.thickness:g}"]
    words += ["ASSUMED"] * bool(assumed(adapter.phone) or assumed(adapter.ocular))
    room, lines = int((x1 - x0 - 10) // lettering.ADVANCE), [""]
    for word in words:
        pieces = word.replace("-", "-\n").replace(" ", "\n").split("\n")
        lines.append("")
        for piece in pieces:
            if len(lines[-1]) + len(piece) > room:
                lines.append("")
            lines[-1] += piece
    lines = list(filter(None, lines))
    assert max(map(len, lines)) <= room
    wide = max(map(len, lines)) * lettering.ADVANCE - (lettering.ADVANCE - lettering.WIDTH)
    left, low = (x0 + x1 - wide) / 2, lay.bottom_y + 6
    rows = [low + 1.6 + row * tray.LINE for row in reversed(range(len(lines)))]
    text = merged(line(words, left, y) for words, y in zip(lines, rows, strict=True))
    return rect(left - 1.6, left + wide + 1.6, low, low + len(lines) * tray.LINE + 1.6), text


def floor_window(lay: Layout, panel: Polygon, taken: Polygon, x0: float, x1: float) -> Polygon:
    lowest = [y - at.BOSS for _, y in lay.bolts if y > lay.bottom_y] + [-lay.light(lay.floor_z)]
    lowest += [y - at.HOLE / 2 for _, y in lay.bolts if y > lay.bottom_y] + [taken.bounds[1]] * (not taken.is_empty)
    low, high = panel.bounds[3] + 4, min(lowest) - 4
    return rounded(rect(x0 + 8, x1 - 8, low, high), 4) if high - low >= 12 else NOTHING


def the_clamp(adapter: Adapter) -> tuple[Section, list[float]]:
    lay, split = adapter.layout, adapter.options.clamp == "split"
    height, axis = at.SEAT + lay.grip, at.FLANGE + clamp.SCREW_UP
    words = round_text(lay, [adapter.ocular.name.upper(), f"{2 * lay.bore:.1f} MM"])
    flange, collar = disc(lay.flange, sides=96), disc(lay.collar)
    pads = merged(disc(clamp.PAD, x, -y) for x, y in lay.bolts)
    bolts = merged(disc(at.HOLE / 2 + lay.xy_travel, x, -y) for x, y in lay.bolts)
    slit = turned(rect(0, 100, -1.2, 1.2), -lay.gaps[0][0])
    if split:
        lugs = [turned(rect(lay.bore + 1, lay.collar + 10.5, -1.2 - 6.5, 1.2 + 8), -lay.gaps[0][0])]
        nuts = turned(rect(lay.collar + 5.5 - NUT / 2, lay.collar + 5.5 + NUT / 2, 3.6, 6.2), -lay.gaps[0][0])
    else:
        turns = [-middle for middle, _ in lay.gaps]
        lugs = [turned(rect(lay.bore + 1, lay.bore + 9.5, -6, 6), turn) for turn in turns]
        nuts = merged(turned(rect(lay.bore + 2.4, lay.bore + 5, -NUT / 2, NUT / 2), turn) for turn in turns)

    def drills(up: float) -> Polygon:
        if split:
            across = turned(drilled((-30, 30), 0, up), 90)
            return turned(affinity.translate(across, lay.collar + 5.5, 0), -lay.gaps[0][0])
        return merged(turned(drilled((lay.bore - 2, lay.bore + 28), 0, up), turn) for turn in turns)

    def section(z: float) -> Polygon:
        solid = [slab(flange, z, 0, at.FLANGE, below=True, above=True)]
        solid += [slab(lug, z, 0, axis + at.OVER_SCREW, above=True) for lug in lugs] + [collar] * (z < height)
        solid += [pads] * (bool(lay.pad) and 1 < z < at.FLANGE + lay.pad)
        solid += [words] * (at.FLANGE - 0.4 < z < at.FLANGE + clamp.RAISED)
        mouth = max(z - height + 1, 0)
        cut = [bolts, drills(z - axis), disc(lay.bore + mouth if z > at.SEAT else lay.light(at.SEAT - z))]
        cut += [slit] * split + [nuts] * (z > axis + NUT_LOW)
        return merged(solid).difference(merged(cut))

    lug_top = axis + at.OVER_SCREW
    levels = [0, 0.5, 1, at.SEAT, 4.5, 4.6, 5, 5 + lay.pad, 5.6, lug_top - 0.5, lug_top, height - 1, height]
    return section, [*levels, axis + NUT_LOW, *[axis + part for part in ROUND]]


def the_spacer(adapter: Adapter) -> tuple[Section, list[float]]:
    lay, thick = adapter.layout, adapter.layout.spacer
    words = round_text(lay, ["SPACER", f"{thick:g} MM"])
    free = merged([disc(lay.collar - 1), *[disc(at.HOLE / 2, x, -y) for x, y in lay.bolts]])

    def section(z: float) -> Polygon:
        ring = slab(disc(lay.flange, sides=96), z, 0, thick, below=True, above=True).difference(free)
        return ring.difference(words) if z > thick - 0.6 else ring

    return section, [0, 0.5, thick - 0.6, thick - 0.5, thick]


def the_stop(adapter: Adapter) -> tuple[Section, list[float]]:
    lay, s = adapter.layout, adapter.layout.side
    x0, x1 = sorted((lay.datum_x - s * 0.3, lay.far_x - s * (at.SCREW_GAP - 0.3)))
    low, screen, y = lay.back_z - at.STOP_BASE, lay.back_z + lay.thickness + at.LIFT, lay.bottom_y
    lid = screen + at.LIP + at.LIP_THICK
    plugs = merged(rect(*span, y - 99, y + 99) for span in spans(lay, adapter.phone, "bottom"))
    middle, slide = y - at.TONGUE / 2, stop.SLOT
    slots = merged(
        disc(at.HOLE / 2, x, middle - slide).union(disc(at.HOLE / 2, x, middle + slide)).convex_hull for x in lay.stops
    )
    nuts = merged(rect(x - NUT / 2, x + NUT / 2, middle - slide - 3.3, middle + slide + 3.3) for x in lay.stops)

    def section(z: float) -> Polygon:
        reach = min(max(z - screen, 0), at.LIP)
        bar = rect(x0, x1, y - stop.DEEP + 0.8 * max(z - lid + 1, 0), y + reach)
        cut = [slots] + [plugs] * (z > lay.back_z) + [nuts] * (z > low + lay.stop_seat)
        return bar.difference(merged(cut))

    return section, [low, lay.back_z, low + lay.stop_seat, screen, screen + at.LIP, lid - 1, lid]


def the_coupon(adapter: Adapter) -> tuple[Section, list[float]]:
    lay, size = adapter.layout, f"{2 * adapter.layout.bore:.1f} MM"
    long = len(size) * lettering.ADVANCE
    tab = rect(-lay.collar + 1, -lay.collar - lettering.HEIGHT - 3, -long / 2 - 1, long / 2 + 1)
    text = line(size, -(long - (lettering.ADVANCE - lettering.WIDTH)) / 2, 0)
    text = affinity.translate(turned(text, 90), -lay.collar - 1.6, 0)
    slit = rect(0, 100, -1.2, 1.2) if adapter.options.clamp == "split" else NOTHING

    def section(z: float) -> Polygon:
        solid = [disc(lay.collar), slab(tab, z, 0, 3, below=True, above=True)] + [text] * (2 < z < 3 + clamp.RAISED)
        bore = disc(lay.bore + max(z - clamp.RING_HIGH + 1, 0))
        return merged(solid).difference(bore.union(slit))

    return section, [0, 0.5, 2, 2.5, 3, 3 + clamp.RAISED, clamp.RING_HIGH - 1, clamp.RING_HIGH]


MADE_AGAIN = {"tray": the_tray, "clamp": the_clamp, "spacer": the_spacer, "stop": the_stop, "coupon": the_coupon}


@cache
def made(phone: str, ocular: str, kind: str) -> Adapter:
    printer = catalogue.printer("creality-ender-3")
    return design(catalogue.phone(phone), catalogue.ocular(ocular), printer, AdapterOptions(clamp=kind))


@pytest.mark.parametrize("kind", ["split", "set-screws"])
@pytest.mark.parametrize("ocular", OCULARS)
@pytest.mark.parametrize("phone", PHONES)
def test_parts_agree_with_their_second_construction(phone, ocular, kind):
    adapter = made(phone, ocular, kind)
    for part in adapter.parts:
        section, levels = MADE_AGAIN[part.name](adapter)
        assert part.mesh.volume == pytest.approx(volume(section, levels), rel=1e-4), part.name
        assert difference(part.mesh, section, levels) < 1, part.name


def test_a_moved_hole_is_seen():
    adapter = made(PHONES[0], OCULARS[0], "split")
    lay = adapter.layout
    bolts = ((lay.bolts[0][0] + 0.3, lay.bolts[0][1]), *lay.bolts[1:])
    section, levels = the_spacer(replace(adapter, layout=replace(lay, bolts=bolts)))
    spacer = next(part.mesh for part in adapter.parts if part.name == "spacer")
    assert difference(spacer, section, levels) > 1.5
