"""Where everything lies before anything is solid: heights along the axis, bolts, screws; numbers only.

Assembly frame, mm: origin where the ocular's axis meets its rim, z to the phone, y to the phone's top, x to the phone's
left edge as seen from its back. The camera is put on the axis, its entrance pupil in the ocular's exit pupil.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from adapter_cad.errors import BadDesign
from adapter_cad.model import AdapterOptions, Ocular, Phone
from adapter_cad.optics import apparent_half_field, widest_pupil

__all__ = ["Layout", "lay_out", "sides", "spans"]

# M3: clearance hole, washer (ISO 7093; the stop's ISO 7089), nut (ISO 4032), socket head (ISO 4762).
HOLE, WASHER, WASHER_THICK = 3.4, 9.0, 0.8
STOP_WASHER, STOP_WASHER_THICK = 7.0, 0.5
NUT_FLATS, NUT_THICK = 5.5, 2.4
TRAP_FLATS, TRAP_THICK = NUT_FLATS + 0.2, NUT_THICK + 0.2  # with the play that a printed trap needs
HEAD, HEAD_THICK = 5.5, 3.0
STOCK = (6, 8, 10, 12, 16, 20, 25, 30, 35, 40, 45, 50, 55, 60)

SEAT = 2.0  # the clamp's lip on the ocular's rim
FLANGE = 5.0
NUT_SEAT = 1.4  # what the tray's floor keeps under a nut
SCREW_GAP = 0.8  # between the phone and the wall that its screws go through
LIP = 2.0  # how far the lips reach over the screen
LIP_THICK = 1.2
LIP_BEVEL = (0.8, 1.0)  # how far in and down the lips' outer edges are broken
LIFT = 0.2  # between the screen and the lips
SLIDE = LIP + 0.5  # how far the phone is slid up under the top lip
ROUND_BUMP = 0.6  # beside the camera island; UNDER_BUMP below it
UNDER_BUMP = 0.4
SKIN = 1.6  # the least floor under the island
LEAST_SPACER = 2.0
ROUND_LIGHT = 0.8  # between the light and the parts
LEAST_GAP = 75  # degrees between two bolts: room for four letters
BOSS = 6.5  # radius of the floor round a bolt
KEEP = 5.0  # from a bolt's axis to the nearest edge of anything cut or raised beside it
SCREW_BOSS = 9.0  # how thick a wall is round a screw, and how long
SCREW_BOSS_LONG = 12.0
OVER_SCREW = 3.8  # from a lying screw's axis to the top of what holds it
WALL_TO_NUT = 2.2  # from the wall's inner face to the nut of a screw through it
TONGUE = 18.0  # of the tray beyond the phone's bottom end, for the stop
STOP_BASE = 2.0  # how deep the stop lies in the tray's floor
STOP_SEAT = 2.4  # the least that the stop keeps under a nut
CLAMP_WALL = 4.0
COLLAR_LONG = 16.0
COLLAR_LEAST = 13.0
LETTERED = 15.5  # how far the flange reaches beyond the collar, for its letters


@dataclass(frozen=True)
class Layout:
    """One design's numbers.

    side      +1 where the tray's datum wall is at the phone's left edge (x > 0), -1 at its right
    width, length, thickness  of the phone in its case; datum_x, top_y  its edges at the two datum walls
    pupil_z   exit pupil and entrance pupil; glass_z  the camera's glass; back_z  the phone's back, or its case's
    bump      (x0, x1, y0, y1, height) of the camera island over the back or case, None where it is flat
    half_field  of the light, radians; pupil_radius  of the widest exit pupil
    floor, wall, spacer  thicknesses (spacer 0: none); bore, collar  radii of the clamp; grip  how far down it reaches
    bolts     (3, 2) x, y of the bolts through clamp, spacer and tray; bolt_length; pad  under the clamp's flange
    screws    y of the two screws that press the phone against the datum wall
    stops     x of the stop's bolts; stop_bolt  their length; stop_seat  floor of the stop under their nuts
    """

    side: int
    width: float
    length: float
    thickness: float
    datum_x: float
    top_y: float
    pupil_z: float
    glass_z: float
    back_z: float
    bump: tuple[float, float, float, float, float] | None
    half_field: float
    pupil_radius: float
    floor: float
    spacer: float
    bore: float
    collar: float
    grip: float
    bolts: tuple[tuple[float, float], ...]
    bolt_length: int
    pad: float
    screws: tuple[float, ...]
    stops: tuple[float, ...]
    stop_seat: float
    stop_bolt: int
    xy_travel: float
    wall: float

    @property
    def floor_z(self) -> float:
        """The tray's underside."""
        return self.back_z - self.floor

    @property
    def bottom_y(self) -> float:
        """The phone's bottom edge."""
        return self.top_y - self.length

    @property
    def far_x(self) -> float:
        """The phone's edge at the wall with the screws."""
        return self.datum_x - self.side * self.width

    @property
    def inner_x(self) -> float:
        """The face of the wall with the screws."""
        return self.far_x - self.side * SCREW_GAP

    @property
    def across(self) -> tuple[float, float]:
        """x of the two side walls' faces, rising."""
        return min(self.datum_x, self.inner_x), max(self.datum_x, self.inner_x)

    @property
    def lid_z(self) -> float:
        """Top of the lips."""
        return self.back_z + self.thickness + LIFT + LIP + LIP_THICK

    @property
    def screw_z(self) -> float:
        """Height of the screws' axes: the middle of the phone's edge."""
        return self.back_z + self.thickness / 2

    @property
    def gaps(self) -> tuple[tuple[float, float], ...]:
        """Middle and width, degrees, of the gaps between the bolts, the widest first."""
        angles = sorted(math.degrees(math.atan2(y, x)) for x, y in self.bolts)
        ends = [*angles[1:], angles[0] + 360]
        wide = sorted(zip(angles, ends, strict=True), key=lambda gap: round(gap[0] - gap[1], 3))
        return tuple(((low + high) / 2, high - low) for low, high in wide)

    @property
    def flange(self) -> float:
        """Radius of the clamp's flange and of the spacer."""
        return _fine(max(math.hypot(*self.bolts[0]) + BOSS, self.collar + LETTERED))

    def lip(self, edge: float, outer: float, low: float) -> list[tuple[float, float]]:
        """Profile (y, z), anticlockwise, of a wall whose lip reaches over the screen from below at 45 degrees.

        edge  y of the phone's end; outer  y of the wall's other side; low  z of its foot
        """
        way = math.copysign(1, outer - edge)
        tip, lid, (across, down) = edge - way * LIP, self.lid_z, LIP_BEVEL
        points = [
            (edge, low), (outer, low), (outer, lid - down), (outer - way * across, lid), (tip, lid),
            (tip, lid - LIP_THICK), (edge, lid - LIP_THICK - LIP),
        ]  # fmt: skip
        return points if way > 0 else points[::-1]

    def light(self, z: float) -> float:
        """Radius that parts leave free for the light at height z: the marginal rays, a margin and the x-y travel."""
        spread = max(self.pupil_z - z, 0) * math.tan(self.half_field)
        return self.pupil_radius + spread + ROUND_LIGHT + self.xy_travel


def lay_out(phone: Phone, ocular: Ocular, options: AdapterOptions) -> Layout:
    """Where everything lies for a phone on an ocular; BadDesign where no adapter can be made, with what would fit."""
    case, place = options.case, f"{phone.name} on {ocular.name}"
    height = phone.bump.height if phone.bump else 0.0
    bulge = max(0.0, height - case)
    side = 1 if phone.lens_left <= phone.width / 2 else -1
    pupil_z = _fine(ocular.exit_pupil_height)
    back_z = _fine(pupil_z - case + height - phone.pupil_depth)

    floor = _fine(max(options.floor, bulge + UNDER_BUMP + SKIN))
    spacer = _fine(back_z - floor - SEAT)
    if spacer < 0:
        fits = f"an ocular whose exit pupil is at least {pupil_z - spacer:.1f} mm over its rim would fit"
        if case and spacer + case >= 0:
            fits += ", and so would the phone without its case"
        fault = f"the exit pupil, {pupil_z:g} mm over the rim, would lie inside the tray"
        raise BadDesign(place, fault, fits)
    if spacer < LEAST_SPACER:
        floor, spacer = _fine(floor + spacer), 0.0

    bore = _fine(ocular.housing_diameter / 2 + options.clearance)
    grip = min(COLLAR_LONG, ocular.grip_length)
    if grip < COLLAR_LEAST:
        fault = f"the collar needs {COLLAR_LEAST:g} mm of straight housing, it has {ocular.grip_length:g}"
        raise BadDesign(ocular.name, fault, "take off its cup or ring, or choose an ocular with a longer housing")
    base = WASHER_THICK + FLANGE + spacer + NUT_SEAT + NUT_THICK
    if base > STOCK[-1]:
        fault = f"its exit pupil is {pupil_z:g} mm over the rim: the bolts would be {base:.0f} mm long"
        raise BadDesign(place, fault, f"bolts up to {STOCK[-1]} mm are stock")
    bolt_length = next(length for length in STOCK if length >= base)

    stop_base = STOP_WASHER_THICK + (floor - STOP_BASE) + NUT_THICK
    stop_bolt = next(length for length in STOCK if length >= stop_base + STOP_SEAT)
    plain = Layout(
        side=side,
        width=_fine(phone.width + 2 * case),
        length=_fine(phone.length + 2 * case),
        thickness=_fine(phone.thickness + 2 * case),
        datum_x=_fine(side * (min(phone.lens_left, phone.width - phone.lens_left) + case)),
        top_y=_fine(phone.lens_top + case),
        pupil_z=pupil_z,
        glass_z=_fine(pupil_z - phone.pupil_depth),
        back_z=back_z,
        bump=_bump(phone, bulge),
        half_field=apparent_half_field(ocular),
        pupil_radius=widest_pupil(ocular) / 2,
        floor=floor,
        spacer=spacer,
        bore=bore,
        collar=_fine(bore + CLAMP_WALL),
        grip=_fine(grip),
        bolts=(),
        bolt_length=bolt_length,
        pad=_fine(bolt_length - base),
        screws=(),
        stops=(),
        stop_seat=_fine(stop_bolt - stop_base),
        stop_bolt=stop_bolt,
        xy_travel=_fine(options.xy_travel),
        wall=_fine(options.wall),
    )
    widest = plain.light(0) + 1.5
    if widest > plain.bore:
        light = f"{2 * plain.light(0):.1f} mm wide at the rim"
        fault = f"the light is {light}, the housing {ocular.housing_diameter:g} mm"
        raise BadDesign(place, fault, f"the clamp's lip needs a housing of {2 * widest:.1f} mm")
    return _with_bolts(plain, phone, place)


def _fine(value: float) -> float:
    """Rounded to 0.01 mm: two faces then lie on each other, or clearly apart."""
    return round(float(value), 2)


def _bump(phone: Phone, bulge: float) -> tuple[float, float, float, float, float] | None:
    bump = phone.bump
    if bump is None or bulge == 0:
        return None
    x = (phone.lens_left - bump.right, phone.lens_left - bump.left)
    y = (phone.lens_top - bump.bottom, phone.lens_top - bump.top)
    return (_fine(x[0]), _fine(x[1]), _fine(y[0]), _fine(y[1]), _fine(bulge))


def spans(layout: Layout, phone: Phone, side: str) -> list[tuple[float, float]]:
    """What must stay open along one edge ("left", "right", "top", "bottom"), as merged intervals of y or x, rising."""
    case = (layout.width - phone.width) / 2
    cuts = []
    for cut in phone.edges:
        if cut.side == side:
            origin = phone.lens_top if side in ("left", "right") else phone.lens_left
            cuts.append((_fine(origin - cut.end - 1 - case / 2), _fine(origin - cut.start + 1 + case / 2)))
    merged: list[tuple[float, float]] = []
    for low, high in sorted(cuts):
        if merged and low - merged[-1][1] < 6:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def sides(layout: Layout) -> tuple[str, str]:
    """The phone's edges at the datum wall and at the wall with the screws."""
    return ("left", "right") if layout.side > 0 else ("right", "left")


def _with_bolts(plain: Layout, phone: Phone, place: str) -> Layout:
    screws = _screws(plain, spans(plain, phone, sides(plain)[1]), phone)
    stops = _stops(plain, spans(plain, phone, "bottom"), phone)
    placed = replace(plain, screws=screws, stops=stops)
    return replace(placed, bolts=_bolts(placed, phone, place))


def _free(low: float, high: float, cuts: list[tuple[float, float]], half: float) -> np.ndarray:
    """Places from low to high, every 0.5 mm, that are at least `half` away from every cut."""
    places = np.arange(math.ceil(low * 2), math.floor(high * 2) + 1) / 2
    keep = np.ones(len(places), bool)
    for start, end in cuts:
        keep &= (places < start - half) | (places > end + half)
    return places[keep]


def _screws(layout: Layout, cuts: list[tuple[float, float]], phone: Phone) -> tuple[float, ...]:
    free = _free(layout.bottom_y + 12, layout.top_y - 12, cuts, SCREW_BOSS_LONG / 2 + 1)
    wanted = (layout.top_y - 0.2 * layout.length, layout.bottom_y + 0.2 * layout.length)
    if not len(free):
        fault = f"its {sides(layout)[1]} edge has no place for a screw"
        raise BadDesign(phone.name, fault, "leave 16 mm without cut-outs")
    upper = float(free[np.argmin(abs(free - wanted[0]))])
    apart = free[abs(free - upper) >= 40]
    if not len(apart):
        fault = f"its {sides(layout)[1]} edge has no two places for screws, 40 mm apart"
        raise BadDesign(phone.name, fault, "leave 16 mm without cut-outs at two places")
    return (upper, float(apart[np.argmin(abs(apart - wanted[1]))]))


def _stops(layout: Layout, cuts: list[tuple[float, float]], phone: Phone) -> tuple[float, ...]:
    low, high = sorted((layout.far_x, layout.datum_x))
    free = _free(low + 5.5, high - 5.5, cuts, 4.6)
    apart = free[abs(free - free[0]) >= 20] if len(free) else free
    if not len(apart):
        raise BadDesign(phone.name, "its bottom edge has no two places for the stop", "leave 11 mm at both ends")
    return (float(free[0]), float(free[-1]))


def _bolts(layout: Layout, phone: Phone, place: str) -> tuple[tuple[float, float], ...]:
    """Three places round the collar, as near as can be, that no wall, screw, island or opening comes near."""
    degrees = np.arange(0, 360, 5)
    for radius in np.arange(math.ceil(layout.collar + BOSS), math.ceil(layout.collar) + 45):
        x, y = radius * np.cos(np.radians(degrees)), radius * np.sin(np.radians(degrees))
        good = degrees[_clear(layout, phone, x, y)]
        triples = np.array(list(combinations(good, 3)), int).reshape(-1, 3)
        between = np.diff(np.column_stack([triples, triples[:, 0] + 360]), axis=1)
        widest = between.max(axis=1, initial=0) + 360 * (between.min(axis=1, initial=360) < LEAST_GAP)
        if len(triples) and widest.min() <= 360 - 2 * LEAST_GAP:
            picked = np.radians(triples[np.argmin(widest)])
            return tuple((_fine(radius * math.cos(a)), _fine(radius * math.sin(a))) for a in picked)
    fault = "no three bolts find a place between its camera island, its walls and the collar"
    raise BadDesign(place, fault, "check the island's size and the openings")


def _clear(layout: Layout, phone: Phone, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Where a bolt's nut has floor all round it: under the phone or outside the walls, away from all that is cut."""
    outer = layout.side * layout.datum_x + layout.wall
    inner = layout.side * layout.inner_x
    u = layout.side * x  # rises to the datum wall
    top = layout.top_y + layout.wall
    under = (u < outer - layout.wall - KEEP) & (u > inner + KEEP) & (y < layout.top_y - KEEP)
    under &= y > layout.bottom_y + KEEP
    beyond = (u > outer + KEEP) | (u < inner - SCREW_BOSS - KEEP) | (y > top + KEEP)
    good = under | beyond
    if layout.bump:
        x0, x1, y0, y1, _ = layout.bump
        away = np.hypot(
            np.maximum(np.maximum(x0 - ROUND_BUMP - x, x - x1 - ROUND_BUMP), 0),
            np.maximum(np.maximum(y0 - SLIDE - ROUND_BUMP - y, y - y1 - ROUND_BUMP), 0),
        )
        good &= away > KEEP
    for hole in phone.backs:
        away = np.hypot(x - (phone.lens_left - hole.left), y - (phone.lens_top - hole.top))
        good &= away > hole.diameter / 2 + 1 + KEEP
    good &= np.hypot(x, y) > layout.light(layout.floor_z) + KEEP
    return good
