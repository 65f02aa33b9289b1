"""What an adapter is designed from: a phone, an ocular, a printer and the maker's options; all lengths in mm.

A phone is seen from its back, top up. Values are checked when an object is made; `BadDesign` names the wrong one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from adapter_cad.errors import BadDesign

__all__ = [
    "OCULAR_LIMITS",
    "PHONE_LIMITS",
    "PRINTER_LIMITS",
    "AdapterOptions",
    "BackOpening",
    "Bump",
    "EdgeCutout",
    "Fact",
    "Ocular",
    "Phone",
    "Printer",
    "Side",
    "Standing",
    "assumed",
    "check_number",
]

Standing = Literal["measured", "published", "assumed"]
Side = Literal["left", "right", "top", "bottom"]


@dataclass(frozen=True)
class Fact:
    """Where a number comes from: measured with a calliper, published by `source`, or assumed, at best from `source`."""

    standing: Standing
    source: str = ""


@dataclass(frozen=True)
class EdgeCutout:
    """What must stay open at a phone's edge (button, plug, jack): from `start` to `end`, mm from the top for the sides
    left and right, from the left for top and bottom."""

    kind: str
    side: Side
    start: float
    end: float


@dataclass(frozen=True)
class BackOpening:
    """What must stay open at a phone's back (flash, laser, microphone): a disc of `diameter` round (left, top)."""

    kind: str
    left: float
    top: float
    diameter: float


@dataclass(frozen=True)
class Bump:
    """The raised island round a phone's cameras: its edges' distances from the phone's left and top edge; its height
    over the back."""

    left: float
    right: float
    top: float
    bottom: float
    height: float


# The least and the greatest that a number may be: beyond them it was most likely typed in inches, or slipped.
PHONE_LIMITS: dict[str, tuple[float, float]] = {
    "length": (90, 200),
    "width": (45, 110),
    "thickness": (5, 20),
    "corner_radius": (0, 20),
    "lens_left": (4, 106),
    "lens_top": (4, 196),
    "pupil_depth": (0, 6),
    "focal_equiv": (15, 60),
    "f_number": (1.2, 4),
    "sensor_width": (3, 14),
    "sensor_height": (2, 11),
    "mass": (60, 500),
}
OCULAR_LIMITS: dict[str, tuple[float, float]] = {
    "magnification": (4, 30),
    "field_number": (5, 30),
    "exit_pupil_height": (1, 40),
    "housing_diameter": (15, 60),
    "grip_length": (5, 60),
    "tube_diameter": (15, 40),
    "eye_lens_diameter": (3, 40),
}
PRINTER_LIMITS: dict[str, tuple[float, float]] = {
    "bed_x": (80, 1000),
    "bed_y": (80, 1000),
    "bed_z": (40, 1000),
    "nozzle": (0.2, 0.8),
    "layer": (0.05, 0.4),
}
OPTION_LIMITS: dict[str, tuple[float, float]] = {
    "case": (0, 6),
    "clearance": (0.05, 0.5),
    "xy_travel": (0, 1.4),
    "wall": (2.4, 8),
    "floor": (4, 8),
}
INCH = 25.4


def check_number(place: str, name: str, value: Any, low: float, high: float) -> None:
    """Raises BadDesign unless value is a finite number from low to high; says so when inches would have fitted."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadDesign(place, f"{name} is {value!r:.60}, not a number", f"give it from {low:g} to {high:g}")
    if isinstance(value, int) and abs(value) > 1e9:
        value = math.inf  # an int may be too large for a float
    if not math.isfinite(value):
        raise BadDesign(place, f"{name} is {value}", f"give a number from {low:g} to {high:g}")
    if not low <= value <= high:
        inches = value > 0 and low <= value * INCH <= high and name not in ("f_number", "magnification", "layer")
        hint = f"that looks like inches: {value * INCH:g} mm?" if inches else f"give it from {low:g} to {high:g}"
        raise BadDesign(place, f"{name} is {value:g}", hint)


def _check(place: str, thing: Any, limits: dict[str, tuple[float, float]]) -> None:
    for name, (low, high) in limits.items():
        check_number(place, name, getattr(thing, name), low, high)


@dataclass(frozen=True)
class Phone:
    """A phone: its outline, its main camera and what must stay open.

    lens_left, lens_top  the main lens's axis, from the left and the top edge, seen from the back
    pupil_depth          the camera's entrance pupil, behind the outer face of its glass
    focal_equiv          mm, for a 43.27 mm diagonal (the whole sensor, no crop); f_number without unit; mass in g
    facts                where each number comes from, by field name; of the island under "bump", of openings under
                         "edge: KIND" and "back: KIND"
    """

    name: str
    title: str
    length: float
    width: float
    thickness: float
    corner_radius: float
    lens_left: float
    lens_top: float
    pupil_depth: float
    focal_equiv: float
    f_number: float
    sensor_width: float
    sensor_height: float
    mass: float
    bump: Bump | None = None
    edges: tuple[EdgeCutout, ...] = ()
    backs: tuple[BackOpening, ...] = ()
    facts: dict[str, Fact] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _check(self.name, self, PHONE_LIMITS)
        if not (self.lens_left < self.width - 4 and self.lens_top < self.length - 4):
            where = f"({self.lens_left:g}, {self.lens_top:g})"
            raise BadDesign(self.name, f"the camera, at {where}, is not inside the phone", "measure it from the back")
        if self.length < self.width:
            raise BadDesign(self.name, f"length {self.length:g} is less than width {self.width:g}", "swap the two")
        bump = self.bump
        if bump:
            inside = 0 <= bump.left < bump.right <= self.width and 0 <= bump.top < bump.bottom <= self.length
            if not inside or not 0 < bump.height <= 8:
                raise BadDesign(self.name, f"the camera island {bump} is not on its back", "measure it again")
            if not (bump.left < self.lens_left < bump.right and bump.top < self.lens_top < bump.bottom):
                raise BadDesign(self.name, "the camera is outside its island", "measure both from the same edges")
        for cut in self.edges:
            along = self.length if cut.side in ("left", "right") else self.width
            if not 0 <= cut.start < cut.end <= along:
                fault = f"the {cut.kind} on the {cut.side} runs from {cut.start:g} to {cut.end:g}"
                raise BadDesign(self.name, fault, f"give start < end, both from 0 to {along:g}")
        for hole in self.backs:
            if not (0 < hole.left < self.width and 0 < hole.top < self.length and 0 < hole.diameter < 30):
                raise BadDesign(self.name, f"the {hole.kind} is not on its back", "measure it from the back's edges")


@dataclass(frozen=True)
class Ocular:
    """An ocular (eyepiece) as it stands in its tube, its rubber cup taken off.

    exit_pupil_height  of the exit pupil over the housing's top rim (the eye relief, less how deep the eye lens lies)
    housing_diameter   outside, where the collar grips; grip_length  how far down from the rim it is that wide
    tube_diameter      of the part that goes into the microscope; eye_lens_diameter  of the clear glass
    """

    name: str
    title: str
    magnification: float
    field_number: float
    exit_pupil_height: float
    housing_diameter: float
    grip_length: float
    tube_diameter: float
    eye_lens_diameter: float
    facts: dict[str, Fact] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _check(self.name, self, OCULAR_LIMITS)
        if self.eye_lens_diameter > self.housing_diameter - 2:
            fault = f"its eye lens, {self.eye_lens_diameter:g} mm, is as wide as its housing"
            raise BadDesign(self.name, fault, "measure the clear glass, and the housing outside")


@dataclass(frozen=True)
class Printer:
    """A printer: its bed's usable size, its nozzle and layer height."""

    name: str
    title: str
    bed_x: float
    bed_y: float
    bed_z: float
    nozzle: float
    layer: float
    facts: dict[str, Fact] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _check(self.name, self, PRINTER_LIMITS)


@dataclass(frozen=True)
class AdapterOptions:
    """What the maker chooses.

    clamp      a split collar with one screw, or a whole one with three set screws
    case       thickness of the phone's case, 0 without one
    clearance  radial, between the ocular's housing and the collar's bore
    xy_travel  how far the clamp can be moved either way under its bolts, to centre the camera
    wall, floor  thickness of the tray's walls and of its floor
    """

    clamp: Literal["split", "set-screws"] = "split"
    case: float = 0.0
    clearance: float = 0.2
    xy_travel: float = 1.0
    wall: float = 3.2
    floor: float = 4.0

    def __post_init__(self) -> None:
        if self.clamp not in ("split", "set-screws"):
            raise BadDesign("clamp", f"{self.clamp!r} is unknown", "use split or set-screws")
        for name, (low, high) in OPTION_LIMITS.items():
            check_number("option", name, getattr(self, name), low, high)


def assumed(thing: Phone | Ocular | Printer) -> list[str]:
    """The names of the numbers that are assumed, in the order of the fields."""
    order = [f.name for f in fields(thing)]
    names = [name for name, fact in thing.facts.items() if fact.standing == "assumed"]
    return sorted(names, key=lambda name: order.index(name) if name in order else len(order))
