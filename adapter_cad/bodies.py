"""The phone and the ocular as solids, in the assembly frame: what the parts must hold and must not touch."""

from __future__ import annotations

import trimesh
from manifold3d import Manifold

from adapter_cad.layout import Layout
from adapter_cad.model import Ocular, Phone
from adapter_cad.part import Adapter
from adapter_cad.solids import SEGMENTS, box, cylinder, prism, rectangle, rounded, to_mesh, union

__all__ = ["bodies", "ocular_body", "phone_pieces"]


def bodies(adapter: Adapter) -> tuple[trimesh.Trimesh, trimesh.Trimesh]:
    """The phone and the ocular as meshes."""
    return to_mesh(union(phone_pieces(adapter.layout, adapter.phone))), to_mesh(ocular_body(adapter.ocular))


def phone_pieces(layout: Layout, phone: Phone) -> list[Manifold]:
    """The phone, in its case if it has one, where the tray holds it: its slab, and its camera island if it stands out.

    Both are convex.
    """
    outline = rectangle(layout.datum_x, layout.far_x, layout.bottom_y, layout.top_y)
    radius = min(phone.corner_radius, layout.width / 2 - 1)
    if radius:
        outline = rounded(outline, radius, SEGMENTS)
    pieces = [prism(outline, layout.back_z, layout.back_z + layout.thickness)]
    if layout.bump:
        x0, x1, y0, y1, height = layout.bump
        pieces.append(box(x0, x1, y0, y1, layout.back_z - height, layout.back_z))
    return pieces


def ocular_body(ocular: Ocular) -> Manifold:
    """The ocular's housing below its rim (z = 0), and the tube that it stands in below that."""
    housing = cylinder(ocular.housing_diameter / 2, -ocular.grip_length, 0)
    return housing + cylinder(ocular.tube_diameter / 2, -ocular.grip_length - 20, -ocular.grip_length + 1)
