"""The stop that closes the tray's bottom end: pushed against the phone, then bolted through its slots."""

from __future__ import annotations

from manifold3d import CrossSection, Manifold

from adapter_cad import layout as at
from adapter_cad.layout import Layout, spans
from adapter_cad.model import Phone
from adapter_cad.solids import along_x, box, disc, hull, prism, rectangle

__all__ = ["SLOT", "stop"]

DEEP = 16.0  # along y
SLOT = 2.0  # how far the stop can be moved either way
SIDE_GAP = 0.3
NUT_REACH = 3.3  # from a nut's middle beyond its corner


def stop(layout: Layout, phone: Phone) -> tuple[Manifold, int]:
    """The stop in the assembly frame, against the phone, and its genus."""
    x0, x1 = layout.across
    low, lid, y = layout.back_z - at.STOP_BASE, layout.lid_z, layout.bottom_y
    solid = along_x(CrossSection([layout.lip(y, y - DEEP, low)]), x0 + SIDE_GAP, x1 - SIDE_GAP)
    for a, b in spans(layout, phone, "bottom"):
        solid -= box(a, b, y - DEEP - 1, y + at.LIP + 1, layout.back_z, lid + 1)
    middle = y - at.TONGUE / 2
    for x in layout.stops:
        solid -= prism(_slot(at.HOLE / 2, x, middle), low - 1, lid + 1)
        half, long = at.TRAP_FLATS / 2, SLOT + NUT_REACH
        room = rectangle(x - half, x + half, middle - long, middle + long)
        solid -= prism(room, low + layout.stop_seat, lid + 1)
    return solid, len(layout.stops)


def _slot(radius: float, x: float, y: float) -> CrossSection:
    return hull([disc(radius, x, y - SLOT), disc(radius, x, y + SLOT)])
