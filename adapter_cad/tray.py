"""The tray: the phone's bed with its datum walls, its screws' wall, its lip, and the hole for the light."""

from __future__ import annotations

import math

from manifold3d import CrossSection, JoinType, Manifold

from adapter_cad import layout as at
from adapter_cad.layout import Layout, sides, spans
from adapter_cad.lettering import ADVANCE, HEIGHT, letters, text_width
from adapter_cad.model import Phone
from adapter_cad.solids import (
    along_x,
    box,
    cone,
    cylinder,
    disc,
    hull,
    nut_slot,
    plate,
    prism,
    rectangle,
    ring_of_nut,
    rounded,
    teardrop,
    union,
    union_2d,
)

__all__ = ["tray"]

WALL_SHARE = 0.8  # of the phone's thickness that the side walls cover, so that a finger reaches the screen's edge
CLOSE = 1.6  # two openings nearer than this become one: no wall thinner than it is left between them
LETTER_DEEP, LETTER_UNDER = 0.8, 0.2  # the letters' panel, and how far the letters stay under its rim
MARGIN = 1.6  # round the lines and between them
LINE = HEIGHT + MARGIN
UP = 40.0


def tray(layout: Layout, phone: Phone, words: list[str]) -> tuple[Manifold, int]:
    """The tray in the assembly frame, and its genus; `words` are written on its floor, each unbroken if it fits."""
    s, wall = layout.side, layout.wall
    outer = layout.datum_x + s * wall
    inner = layout.inner_x
    far = inner - s * wall
    top, end = layout.top_y + wall, layout.bottom_y - at.TONGUE

    outline = rectangle(outer, far, end, top)
    bosses = [
        rectangle(inner, inner - s * at.SCREW_BOSS, y - at.SCREW_BOSS_LONG / 2, y + at.SCREW_BOSS_LONG / 2)
        for y in layout.screws
    ]
    shelf = disc(math.hypot(*layout.bolts[0]) + at.BOSS)
    solid = plate(rounded(outline, 3), layout.floor_z, layout.back_z, low=True)
    solid += plate(shelf, layout.floor_z, layout.back_z, low=True)
    solid += union(plate(boss, layout.floor_z, layout.screw_z + at.OVER_SCREW, low=True, high=True) for boss in bosses)
    solid += _walls(layout, phone, outer, inner, far, end, top)

    openings = _openings(layout, phone)
    pocket = _pocket(layout, openings)
    through = openings + union_2d(disc(at.HOLE / 2, x, y) for x, y in layout.bolts)
    through += union_2d(disc(at.HOLE / 2, x, layout.bottom_y - at.TONGUE / 2) for x in layout.stops)
    panel, inside = _panel(layout, words)
    through += _window(layout, through + pocket, panel)

    solid -= prism(through, layout.floor_z - 1, layout.back_z + 1)
    solid -= box(layout.datum_x, inner, end - 1, layout.bottom_y, layout.back_z - at.STOP_BASE, layout.back_z + UP)
    solid -= _light(layout)
    solid -= prism(pocket, layout.back_z - _pocket_depth(layout), layout.back_z + UP)
    nut = ring_of_nut(at.TRAP_FLATS)
    solid -= union(prism(nut.translate(b), layout.floor_z + at.NUT_SEAT, layout.back_z + UP) for b in layout.bolts)
    for y in layout.screws:
        solid -= teardrop(at.HOLE / 2, 30).translate((min(inner + s, inner + s - 30 * s), y, layout.screw_z))
        slot = nut_slot(at.TRAP_FLATS, at.TRAP_THICK, UP)
        solid -= slot.translate((inner - s * (at.WALL_TO_NUT + at.NUT_THICK / 2), y, layout.screw_z))
    solid -= prism(panel - inside, layout.back_z - LETTER_DEEP, layout.back_z + 1)
    solid -= prism(panel, layout.back_z - LETTER_UNDER, layout.back_z + 1)

    plan = outline + shelf + union_2d(bosses) - through - disc(layout.light(layout.floor_z))
    return solid, plan.num_contour() - 1 + 2 * len(layout.screws)


def _walls(layout: Layout, phone: Phone, outer: float, inner: float, far: float, end: float, top: float) -> Manifold:
    """The two side walls and the top wall with its lip, open where the phone's edge has something."""
    low = layout.back_z - 1
    high = layout.back_z + WALL_SHARE * layout.thickness
    solid = plate(rectangle(layout.datum_x, outer, end, top), low, high, high=True)
    solid += plate(rectangle(inner, far, end, top), low, high, high=True)
    solid += along_x(CrossSection([layout.lip(layout.top_y, top, low)]), outer, far)

    s = layout.side
    datum_side, screw_side = sides(layout)
    for a, b in spans(layout, phone, datum_side):
        solid -= box(layout.datum_x - s, outer + s, a, b, layout.back_z, layout.back_z + UP)
    for a, b in spans(layout, phone, screw_side):
        solid -= box(inner + s, far - s, a, b, layout.back_z, layout.back_z + UP)
    for a, b in spans(layout, phone, "top"):
        solid -= box(a, b, layout.top_y - at.LIP - 1, top + 1, layout.back_z, layout.back_z + UP)
    return solid


def _pocket(layout: Layout, holes: CrossSection) -> CrossSection:
    """Where the floor is lower for the camera island, its way under the lip included, and joined to holes close by."""
    if layout.bump is None:
        return CrossSection()
    x0, x1, y0, y1, _ = layout.bump
    grown = rectangle(x0 - at.ROUND_BUMP, x1 + at.ROUND_BUMP, y0 - at.SLIDE - at.ROUND_BUMP, y1 + at.ROUND_BUMP)
    near = [CrossSection([hole]) for hole in holes.to_polygons()]
    near = [hole for hole in near if not (hole ^ grown.offset(CLOSE)).is_empty()]
    return _joined(union_2d([grown, *near])) ^ _inside(layout)


def _pocket_depth(layout: Layout) -> float:
    return layout.bump[4] + at.UNDER_BUMP if layout.bump else 1.0


def _inside(layout: Layout) -> CrossSection:
    """The floor between the walls."""
    return rectangle(*layout.across, layout.bottom_y, layout.top_y)


def _openings(layout: Layout, phone: Phone) -> CrossSection:
    """Holes through the floor for flash, laser and microphone, joined to the light's or to each other where close."""
    light = disc(layout.light(layout.floor_z))
    near = disc(layout.light(layout.floor_z) + CLOSE)
    holes = CrossSection()
    for hole in phone.backs:
        shape = disc(hole.diameter / 2 + 1, phone.lens_left - hole.left, phone.lens_top - hole.top, 48)
        holes += shape if (shape ^ near).is_empty() else hull([shape, light])
    return _joined(holes) ^ _inside(layout)


def _joined(shapes: CrossSection) -> CrossSection:
    """Shapes with what lies between them filled where that is narrower than CLOSE."""
    return shapes.offset(CLOSE / 2, JoinType.Round, circular_segments=32).offset(-CLOSE / 2, JoinType.Miter)


def _light(layout: Layout) -> Manifold:
    """The cone of light through the floor: as wide as the marginal rays below the exit pupil, straight above it."""
    low = layout.floor_z - 1
    narrow = min(layout.pupil_z, layout.back_z + 1)
    solid = Manifold()
    if narrow > low:
        solid += cone(layout.light(low), low, layout.light(narrow), narrow)
    return solid + cylinder(layout.light(narrow), min(narrow, layout.back_z) - 0.01, layout.back_z + 1)


def _panel(layout: Layout, words: list[str]) -> tuple[CrossSection, CrossSection]:
    """The sunk panel at the floor's bottom end and the lines written in it."""
    x0, x1 = layout.across
    room = int((x1 - x0 - 10) // ADVANCE)
    lines = _wrapped(words, room)
    width = max(text_width(line) for line in lines)
    low = layout.bottom_y + 6
    left = (x0 + x1 - width) / 2
    text = union_2d(
        letters(line).translate((left, low + MARGIN + (len(lines) - 1 - row) * LINE)) for row, line in enumerate(lines)
    )
    return rectangle(left - MARGIN, left + width + MARGIN, low, low + len(lines) * LINE + MARGIN), text


def _wrapped(words: list[str], room: int) -> list[str]:
    """Lines of at most `room` letters; a word too long for one is broken after a hyphen, else where it must."""
    lines = []
    for word in words:
        line = ""
        for piece in word.replace("-", "- ").split(" "):
            if line and len(line) + len(piece) > room:
                lines.append(line)
                line = ""
            while len(piece) > room:
                lines.append(piece[:room])
                piece = piece[room:]
            line += piece
        lines.append(line)
    return [line for line in lines if line]


def _window(layout: Layout, taken: CrossSection, panel: CrossSection) -> CrossSection:
    """What the floor can do without, between the bolts and the letters: less to print."""
    x0, x1 = layout.across
    bolts = [y for _, y in layout.bolts if y > layout.bottom_y]
    high = min([y - at.BOSS for y in bolts] + [_taken_low(layout, taken)]) - 4
    low = panel.bounds()[3] + 4
    if high - low < 12:
        return CrossSection()
    return rounded(rectangle(x0 + 8, x1 - 8, low, high), 4)


def _taken_low(layout: Layout, taken: CrossSection) -> float:
    """The lowest y that is cut near the camera: openings, island, light."""
    camera = taken ^ rectangle(-200, 200, layout.bottom_y, 200)
    light = -layout.light(layout.floor_z)
    return min(light, camera.bounds()[1]) if not camera.is_empty() else light
