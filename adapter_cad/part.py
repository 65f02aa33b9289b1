"""What a design gives: printed parts, the hardware between them, and what a check says of them.

Two frames, both in mm. A part's mesh is in its print frame: it stands on z = 0, its least x and y are 0. The assembly
frame has its origin where the ocular's axis meets the plane of the ocular's rim; z points from the ocular to the phone,
y to the phone's top, so that x points to the phone's left edge as seen from its back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import ArrayLike

from adapter_cad.layout import Layout
from adapter_cad.model import AdapterOptions, Ocular, Phone, Printer

__all__ = ["Adapter", "Check", "Hardware", "Part"]

Value = bool | int | float | str


@dataclass(frozen=True)
class Part:
    """One printed part: tray, clamp, spacer, stop or coupon.

    mesh      closed, one body, in the print frame
    assembly  (4, 4) float64: print frame -> assembly frame; the coupon's ring comes round the axis
    genus     how many holes go through it
    """

    name: str
    mesh: trimesh.Trimesh
    assembly: np.ndarray
    genus: int

    def assembled(self) -> trimesh.Trimesh:
        """The part in the assembly frame."""
        return self.mesh.copy().apply_transform(self.assembly)

    def to_print(self, points: ArrayLike) -> np.ndarray:
        """(N, 3) mm in the assembly frame -> (N, 3) float64 in the print frame."""
        return np.asarray(trimesh.transform_points(np.asarray(points, float), np.linalg.inv(self.assembly)))


@dataclass(frozen=True)
class Hardware:
    """One bolt, nut or washer, in the assembly frame: `name` as a shop writes it, `use` where it goes."""

    name: str
    use: str
    mesh: trimesh.Trimesh


@dataclass(frozen=True)
class Adapter:
    """A whole adapter: what was asked, where everything lies, the parts and the hardware."""

    phone: Phone
    ocular: Ocular
    printer: Printer
    options: AdapterOptions
    layout: Layout
    parts: tuple[Part, ...]
    hardware: tuple[Hardware, ...]

    @property
    def by_name(self) -> dict[str, Part]:
        """The parts by name; a spacer only where there is one."""
        return {part.name: part for part in self.parts}

    @property
    def worn(self) -> tuple[Part, ...]:
        """The parts that go on the microscope: all but the coupon."""
        return tuple(part for part in self.parts if part.name != "coupon")


@dataclass(frozen=True)
class Check:
    """One thing that was checked: what was found, what is allowed, and whether it holds; None: it could not be checked,
    and value says why."""

    name: str
    ok: bool | None
    value: Value
    limit: Value
