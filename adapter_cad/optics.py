"""Afocal photomicrography: what light leaves an ocular, what a phone takes of it, how far off the phone may stand.

Objective and ocular make a virtual image at infinity; the phone, focused there, takes the place of the eye. The ocular
images the objective's stop to the exit pupil (Ramsden disc), a small disc above it through which all the light goes:
there the camera's entrance pupil belongs. Lengths in mm, thin lenses in air, rectilinear camera (no distortion).

Sources: [S] G. H. Seward, Optical Design of Microscopes, SPIE TT88 (2010), ch. 14 "Ocular Lenses"; [M] W. J. Smith,
Modern Optical Engineering, ch. 13, eqs 13.10 to 13.12; [K] C. Krebs, Two Basic Methods for Photomicrography (the
Ramsden disc is to fall on the camera's entrance pupil).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from adapter_cad.model import Ocular, Phone

__all__ = [
    "OBJECTIVES",
    "Load",
    "Objective",
    "Optics",
    "all_optics",
    "camera_focal_length",
    "cone_radius",
    "entrance_pupil",
    "exit_pupil_diameter",
    "frame_share",
    "apparent_half_field",
    "load",
    "marginal_rays",
    "ocular_focal_length",
    "optics",
    "widest_pupil",
]

NEAR_POINT = 250.0  # mm, the distance of distinct vision to which magnifications of oculars refer [M 13.10]
FULL_FRAME = math.hypot(36, 24)  # mm, the diagonal to which a 35 mm equivalent refers
GRAVITY = 9.80665  # m/s2


@dataclass(frozen=True)
class Objective:
    """An objective by what is engraved on it."""

    name: str
    magnification: float
    numerical_aperture: float


OBJECTIVES = {
    objective.name: objective
    for objective in (
        Objective("4x/0.10", 4, 0.10),
        Objective("10x/0.25", 10, 0.25),
        Objective("40x/0.65", 40, 0.65),
        Objective("100x/1.25 oil", 100, 1.25),
    )
}


@dataclass(frozen=True)
class Optics:
    """One objective, ocular and phone together.

    exit_pupil_diameter, camera_pupil   diameters (mm); exit_pupil_height  over the ocular's rim (mm)
    apparent_field             whole angle (degrees) under which the camera sees the field
    image_circle               diameter (mm) of the field's image on the sensor
    frame_share                share (0 to 1) of the frame that the field fills
    zoom                       least digital zoom (at least 1) at which no corner of the frame is dark
    decentre_margin            mm that the camera may stand beside the axis before any light is clipped; below 0 the
                               camera's own stop is the smaller and dims the objective's light everywhere
    axial_margin               mm that it may stand above or below the exit pupil before the field's edge is clipped
    scale                      size on the sensor / size on the slide; field  diameter seen on the slide (micrometres)
    """

    objective: Objective
    ocular_focal_length: float
    apparent_field: float
    exit_pupil: float
    exit_pupil_height: float
    camera_focal_length: float
    camera_pupil: float
    image_circle: float
    frame_share: float
    zoom: float
    decentre_margin: float
    axial_margin: float
    scale: float
    field: float


def ocular_focal_length(ocular: Ocular) -> float:
    """mm: 250 mm / magnification [M 13.10a; S 14.1]."""
    return NEAR_POINT / ocular.magnification


def apparent_half_field(ocular: Ocular) -> float:
    """Half the apparent field, radians: atan(field number / 2 f).

    The tangent condition: the field stop lies in the front focal plane and the ocular does not distort [S 14.1].
    Real wide-field oculars distort a few percent, outwards.
    """
    return math.atan(ocular.field_number / (2 * ocular_focal_length(ocular)))


def exit_pupil_diameter(ocular: Ocular, objective: Objective) -> float:
    """Diameter, mm, of the exit pupil: 2 NA f / objective's magnification = 500 mm NA / total magnification.

    The light's aperture behind the objective is NA / magnification (sine condition); the ocular, f away, turns it into
    the pupil's diameter [S 14.2; M 13.12].
    """
    return 2 * objective.numerical_aperture * ocular_focal_length(ocular) / objective.magnification


def camera_focal_length(phone: Phone) -> float:
    """mm: 35 mm equivalent x sensor's diagonal / 43.27 mm."""
    return phone.focal_equiv * math.hypot(phone.sensor_width, phone.sensor_height) / FULL_FRAME


def entrance_pupil(phone: Phone) -> float:
    """Diameter, mm, of the camera's entrance pupil: focal length / f-number, by the f-number's definition."""
    return camera_focal_length(phone) / phone.f_number


def frame_share(circle: float, width: float, height: float) -> float:
    """Share (0 to 1) of a width x height frame inside a centred circle of diameter `circle`, exactly."""
    radius, x, y = circle / 2, width / 2, height / 2
    if radius >= math.hypot(x, y):
        return 1.0

    def under(to: float) -> float:
        """Area under the circle's first quadrant from 0 to `to`."""
        return (to * math.sqrt(radius**2 - to**2) + radius**2 * math.asin(to / radius)) / 2

    right = min(x, radius)
    flat = math.sqrt(radius**2 - y**2) if radius > y else 0.0  # up to here the frame's edge is lower than the circle
    return (flat * y + under(right) - under(flat)) / (x * y)


def optics(ocular: Ocular, phone: Phone, objective: Objective) -> Optics:
    """What this phone sees through this ocular and objective, pupils laid on each other.

    Image circle 2 f tan(half field), as a rectilinear lens maps an angle. All light is taken while the exit pupil lies
    inside the camera's: decentre margin = half the difference of their diameters; a camera d mm before or behind the
    exit pupil meets the field's edge d tan(half field) off its centre, hence axial margin = decentre margin /
    tan(half field) [geometry]. Scale = objective's magnification x camera's focal length / ocular's [M 13.12].
    """
    focal, pupil = camera_focal_length(phone), entrance_pupil(phone)
    slope = math.tan(apparent_half_field(ocular))
    circle = 2 * focal * slope
    disc = exit_pupil_diameter(ocular, objective)
    margin = (pupil - disc) / 2
    return Optics(
        objective=objective,
        ocular_focal_length=ocular_focal_length(ocular),
        apparent_field=2 * math.degrees(apparent_half_field(ocular)),
        exit_pupil=disc,
        exit_pupil_height=ocular.exit_pupil_height,
        camera_focal_length=focal,
        camera_pupil=pupil,
        image_circle=circle,
        frame_share=frame_share(circle, phone.sensor_width, phone.sensor_height),
        zoom=max(1.0, math.hypot(phone.sensor_width, phone.sensor_height) / circle),
        decentre_margin=margin,
        axial_margin=margin / slope,
        scale=objective.magnification * focal / ocular_focal_length(ocular),
        field=1000 * ocular.field_number / objective.magnification,
    )


def all_optics(ocular: Ocular, phone: Phone) -> list[Optics]:
    """optics() with each of OBJECTIVES, the weakest first."""
    return [optics(ocular, phone, objective) for objective in OBJECTIVES.values()]


def widest_pupil(ocular: Ocular) -> float:
    """Diameter, mm, of the largest exit pupil that any of OBJECTIVES gives."""
    return max(exit_pupil_diameter(ocular, objective) for objective in OBJECTIVES.values())


def cone_radius(ocular: Ocular, distance: float, pupil: float | None = None) -> float:
    """Radius, mm, of the light `distance` mm from the exit pupil: the pupil's radius + |distance| tan(half field).

    pupil: the exit pupil's diameter, mm; without it the largest of any objective's.
    """
    disc = widest_pupil(ocular) if pupil is None else pupil
    return disc / 2 + abs(distance) * math.tan(apparent_half_field(ocular))


def marginal_rays(ocular: Ocular, pupil_z: float, glass_z: float, azimuths: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """The outermost rays from the ocular's rim to the camera's glass, assembly frame, for the largest exit pupil.

    Args:
        pupil_z, glass_z: heights, mm, of the exit pupil and of where the rays end.
        azimuths: how many directions of the field's edge, and for each how many points on the pupil's rim.

    Returns:
        Starts and ends, (azimuths * (azimuths + 1), 3) float64 mm each: for each direction the chief ray through the
        pupil's centre first, then those through its rim.
    """
    turn = 2 * np.pi * np.arange(azimuths) / azimuths
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    slopes = np.repeat(circle * math.tan(apparent_half_field(ocular)), azimuths + 1, axis=0)
    through = np.tile(np.vstack([np.zeros((1, 2)), circle * widest_pupil(ocular) / 2]), (azimuths, 1))

    def at(z: float) -> np.ndarray:
        return np.column_stack([through + slopes * (z - pupil_z), np.full(len(through), float(z))])

    return at(0.0), at(glass_z)


@dataclass(frozen=True)
class Load:
    """What hangs on the ocular's tube: force (N), and moment (N mm) about the ocular's rim."""

    force: float
    moment: float


def load(mass: float, arm: float) -> Load:
    """The weight of `mass` grams and its moment at an arm of `arm` mm, across the pull of gravity."""
    force = mass / 1000 * GRAVITY
    return Load(force, force * arm)
