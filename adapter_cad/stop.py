"""The stop that closes the tray's bottom end: pushed against the phone, then bolted through its slots."""

from __future__ import annotations

from manifold3d import CrossSection, Manifold

from adapter_cad import layout as at
from adapter_cad.layout import Layout, spans
from adapter_cad.model import Phone
from adapter_cad.solids import box, disc, hull, prism, rectangle

__all__ = ["SLOT", "stop"]

DEEP = 16.0  # along y
SLOT = 2.0  # how far the stop can be moved either way
SIDE_GAP = 0.3
LIP_THICK = 1.2


def stop(layout: Layout, phone: Phone) -> tuple[Manifold, int]:
    """The stop in the assembly frame, against the phone, and its genus."""
    x0, x1 = sorted((layout.datum_x, layout.far_x - layout.side * at.SCREW_GAP))
    x0, x1 = x0 + SIDE_GAP, x1 - SIDE_GAP
    low, y = layout.back_z - at.STOP_BASE, layout.bottom_y
    screen = layout.back_z + layout.thickness + at.LIFT
    lid = screen + at.LIP + LIP_THICK
    profile = [
        (y, low), (y, screen), (y + at.LIP, screen + at.LIP), (y + at.LIP, lid), (y - DEEP + 0.8, lid),
        (y - DEEP, lid - 1), (y - DEEP, low),
    ]  # fmt: skip
    solid = CrossSection([profile]).extrude(x1 - x0).rotate((90, 0, 90)).translate((x0, 0, 0))
    for a, b in spans(layout, phone, "bottom"):
        solid -= box(a, b, y - DEEP - 1, y + at.LIP + 1, layout.back_z, lid + 1)
    middle = y - at.TONGUE / 2
    for x in layout.stops:
        solid -= prism(_slot(at.HOLE / 2, x, middle), low - 1, lid + 1)
        half = (at.NUT_FLATS + 0.2) / 2
        room = rectangle(x - half, x + half, middle - SLOT - 3.3, middle + SLOT + 3.3)
        solid -= prism(room, low + layout.stop_seat, lid + 1)
    return solid, len(layout.stops)


def _slot(radius: float, x: float, y: float) -> CrossSection:
    return hull([disc(radius, x, y - SLOT), disc(radius, x, y + SLOT)])
