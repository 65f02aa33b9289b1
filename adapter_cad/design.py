"""From a phone, an ocular and a printer to an adapter: printed parts and the hardware between them."""

from __future__ import annotations

import math

import numpy as np
from manifold3d import Manifold

from adapter_cad.clamp import clamp, coupon, spacer
from adapter_cad.errors import BadDesign
from adapter_cad.hardware import hardware
from adapter_cad.layout import SEAT, lay_out
from adapter_cad.mesh_checks import least_bed, turn_to_fit
from adapter_cad.model import AdapterOptions, Ocular, Phone, Printer, assumed
from adapter_cad.part import Adapter, Part
from adapter_cad.solids import to_mesh
from adapter_cad.stop import stop
from adapter_cad.tray import tray
from adapter_cad.write import weld

__all__ = ["design"]


def design(phone: Phone, ocular: Ocular, printer: Printer, options: AdapterOptions | None = None) -> Adapter:
    """An adapter's parts and hardware; BadDesign where none can be made, with the reason and what would fit.

    The camera's axis lies on the ocular's, its entrance pupil in the exit pupil (Raabin-WBC, section "Imaging
    Devices", holds a phone to the ocular by an adapter that it does not describe).
    """
    options = options or AdapterOptions()
    layout = lay_out(phone, ocular, options)
    size = f"{2 * layout.bore:.1f} MM"
    words = [phone.name.upper(), f"{layout.length:g} X{layout.width:g} X{layout.thickness:g}"]
    if assumed(phone) or assumed(ocular):
        words.append("ASSUMED")
    upright = np.eye(4)
    turned = np.diag((1.0, -1.0, -1.0, 1.0))  # made with the face to the phone down
    parts = [
        _part("tray", *tray(layout, phone, words), upright),
        _part("clamp", *clamp(layout, ocular.name.upper(), size, options.clamp), _raised(turned, SEAT)),
        _part("stop", *stop(layout, phone), upright),
        _part("coupon", *coupon(layout, size, options.clamp), upright),
    ]
    if layout.spacer:
        made = spacer(layout, "SPACER")
        parts.insert(2, _part("spacer", *made, _raised(turned, SEAT + layout.spacer)))
    for part in parts:
        _check_bed(part, phone, printer)
    return Adapter(phone, ocular, printer, options, layout, tuple(parts), hardware(layout, ocular, options))


def _check_bed(part: Part, phone: Phone, printer: Printer) -> None:
    """Raises BadDesign where no turn brings the part onto the printer's bed."""
    if turn_to_fit(part.mesh, printer) is not None:
        return
    x, y, z = part.mesh.extents
    fault = f"the {part.name}, {x:.1f} x {y:.1f} x {z:.1f} mm, is too large for the printer's"
    fault += f" {printer.bed_x:g} x {printer.bed_y:g} x {printer.bed_z:g} mm, however it is turned"
    side, high = math.ceil(least_bed(part.mesh)), math.ceil(z)
    fits = f"a printer of {side} x {side} x {high} mm would take it"
    raise BadDesign(f"{phone.name} on {printer.name}", fault, fits)


def _raised(place: np.ndarray, z: float) -> np.ndarray:
    raised = place.copy()
    raised[2, 3] = z
    return raised


def _part(name: str, solid: Manifold, genus: int, assembly: np.ndarray) -> Part:
    """Moved to stand on the bed's corner; `assembly` brings it from where it was made to where it belongs."""
    low = np.round(np.asarray(solid.bounding_box()[:3]), 4)
    moved = weld(to_mesh(solid.translate(tuple(-low))), name)
    back = np.eye(4)
    back[:3, 3] = low
    return Part(name, moved, assembly @ back, genus)
