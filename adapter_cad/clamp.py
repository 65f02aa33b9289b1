"""The clamp on the ocular's housing, its spacer, and the coupon cut from the same collar.

All are made as they print: the face towards the phone lies on z = 0, x as in the assembly, y turned over.
"""

from __future__ import annotations

import math

from manifold3d import CrossSection, Manifold

from adapter_cad import layout as at
from adapter_cad.layout import Layout
from adapter_cad.lettering import ADVANCE, HEIGHT, WIDTH, letters, text_width
from adapter_cad.solids import box, cone, cylinder, disc, nut_slot, plate, prism, rectangle, teardrop, union, union_2d

__all__ = ["clamp", "coupon", "ear_bolt", "set_screws", "spacer"]

SLIT = 2.4
HEAD_EAR, NUT_EAR = 6.5, 8.0  # thickness of the two ears
EAR, EAR_AXIS = 10.5, 5.5  # how far the ears stand out of the collar, and how far out their screw is
TO_NUT = 2.4  # from the slit, or the bore, to a nut's trap
SCREW_UP = 6.0  # from the flange to the axis of a screw beside it
RAISED = 0.6
PAD = 6.2  # radius of what a bolt's washer lies on
LETTERS_OUT = PAD + HEIGHT / 2  # from the collar to the letters' middle
RING_HIGH, TAB = 6.0, 3.0  # height of the coupon, and of its tab


def clamp(layout: Layout, words: str, size: str, kind: str) -> tuple[Manifold, int]:
    """The clamp in its print frame and its genus; kind "split" or "set-screws"."""
    flange = layout.flange
    solid = plate(disc(flange, segments=96), 0, at.FLANGE, low=True, high=True)
    if layout.pad:
        solid += union(cylinder(PAD, 1, at.FLANGE + layout.pad, x, -y) for x, y in layout.bolts)
    solid += cylinder(layout.collar, 0, at.SEAT + layout.grip)
    pieces, holes = (_ears if kind == "split" else _set_screw_bosses)(layout)
    solid += pieces
    solid += prism(_round([words, size], layout), at.FLANGE - 0.4, at.FLANGE + RAISED)
    solid -= union(cylinder(at.HOLE / 2 + layout.xy_travel, -1, 60, x, -y) for x, y in layout.bolts)
    solid -= _bore(layout, at.SEAT, at.SEAT + layout.grip)
    solid -= _light(layout)
    solid -= holes
    if kind == "split":
        solid -= _slit(-layout.gaps[0][0])
    return solid, 3 + (3 if kind == "split" else 1 + 2 * 3)


def _light(layout: Layout) -> Manifold:
    return cone(layout.light(at.SEAT + 1), -1, layout.light(-1), at.SEAT + 1)


def _bore(layout: Layout, low: float, height: float) -> Manifold:
    """Room for the housing from `low` up, wider at the mouth, `height` up, so that it finds its way in."""
    mouth = cone(layout.bore, height - 1, layout.bore + 1, height + 0.001)
    return cylinder(layout.bore, low, height + 1) + mouth


def _slit(turn: float) -> Manifold:
    return box(0, 100, -SLIT / 2, SLIT / 2, -1, 60).rotate((0, 0, turn))


def _ears(layout: Layout) -> tuple[Manifold, Manifold]:
    """Two ears with the screw that closes the collar, along y before they are turned to the slit."""
    z = at.FLANGE + SCREW_UP
    shape = rectangle(layout.bore + 1, layout.collar + EAR, -SLIT / 2 - HEAD_EAR, SLIT / 2 + NUT_EAR)
    radius = layout.collar + EAR_AXIS
    turn = -layout.gaps[0][0]
    hole = teardrop(at.HOLE / 2, 60).rotate((0, 0, 90)).translate((radius, -30, z))
    slot = nut_slot(at.TRAP_FLATS, at.TRAP_THICK, 60).rotate((0, 0, 90))
    hole += slot.translate((radius, SLIT / 2 + TO_NUT + at.TRAP_THICK / 2, z))
    return plate(shape, 0, z + at.OVER_SCREW, high=True).rotate((0, 0, turn)), hole.rotate((0, 0, turn))


def _set_screw_bosses(layout: Layout) -> tuple[Manifold, Manifold]:
    z = at.FLANGE + SCREW_UP
    shape = rectangle(layout.bore + 1, layout.bore + 9.5, -6, 6)
    boss = plate(shape, 0, z + at.OVER_SCREW, high=True)
    hole = teardrop(at.HOLE / 2, 30).translate((layout.bore - 2, 0, z))
    slot = nut_slot(at.TRAP_FLATS, at.TRAP_THICK, 60)
    hole += slot.translate((layout.bore + TO_NUT + at.TRAP_THICK / 2, 0, z))
    turns = [(0, 0, -middle) for middle, _ in layout.gaps]
    return union(boss.rotate(turn) for turn in turns), union(hole.rotate(turn) for turn in turns)


def _round(texts: list[str], layout: Layout) -> CrossSection:
    """Two texts written round the axis, read from outside, in the gaps between bolts that have no slit: of each as many
    of its last or first words as there is room for."""
    radius = layout.collar + LETTERS_OUT
    step = math.degrees(ADVANCE / (radius - HEIGHT / 2))
    glyphs = []
    for text, (middle, width) in zip(texts, layout.gaps[1:], strict=True):
        room = int((width - math.degrees(2 * PAD / radius)) // step)
        short = _fitting(text, room)
        for place, letter in enumerate(short):
            glyph = letters(letter).translate((-WIDTH / 2, -HEIGHT / 2)).rotate(90)
            glyphs.append(glyph.translate((radius, 0)).rotate(-middle + (place - (len(short) - 1) / 2) * step))
    return union_2d(glyphs)


def _fitting(text: str, room: int) -> str:
    """A name's last words ("CX18-10X"), or a size's first ("31.4"), that fit into `room` letters."""
    while len(text) > room and ("-" in text or " " in text):
        text = text.split("-", 1)[1] if "-" in text else text.rsplit(" ", 1)[0]
    return text[:room]


def spacer(layout: Layout, words: str) -> tuple[Manifold, int]:
    """The ring between clamp and tray in its print frame (the tray's side down), and its genus."""
    thick = layout.spacer
    solid = plate(disc(layout.flange, segments=96), 0, thick, low=True, high=True)
    # Wider than the light: less to print, and no wall near the light for it to glance off.
    solid -= cylinder(layout.collar - 1, -1, thick + 1)
    solid -= union(cylinder(at.HOLE / 2, -1, thick + 1, x, -y) for x, y in layout.bolts)
    text = _round([words, f"{thick:g} MM"], layout)
    return solid - prism(text, thick - 0.6, thick + 1), 4


def coupon(layout: Layout, size: str, kind: str) -> tuple[Manifold, int]:
    """A ring of the clamp's own bore, wall and slit, with a tab that says its size; and its genus."""
    half = len(size) * ADVANCE / 2 + 1
    tab = rectangle(-layout.collar + 1, -layout.collar - HEIGHT - 3, -half, half)
    solid = cylinder(layout.collar, 0, RING_HIGH) + plate(tab, 0, TAB, low=True, high=True)
    text = letters(size).translate((-text_width(size) / 2, 0)).rotate(90)
    solid += prism(text.translate((-layout.collar - 1.6, 0)), TAB - 1, TAB + RAISED)
    solid -= _bore(layout, -1, RING_HIGH)
    if kind == "split":
        return solid - _slit(0), 0
    return solid, 1


def ear_bolt(layout: Layout) -> tuple[float, float, float, float]:
    """Radius, height in the assembly, and the two ends along the tangent of the screw that closes the collar."""
    return layout.collar + EAR_AXIS, at.SEAT - at.FLANGE - SCREW_UP, -SLIT / 2 - HEAD_EAR, SLIT / 2 + TO_NUT


def set_screws(layout: Layout) -> tuple[float, float]:
    """Height in the assembly of the set screws, and the radius at which their nuts begin."""
    return at.SEAT - at.FLANGE - SCREW_UP, layout.bore + TO_NUT
