"""The page that goes with a print: is the paper to scale, are the parts, and how the camera is centred."""

from __future__ import annotations

import math
from dataclasses import dataclass

from adapter_cad.optics import all_optics
from adapter_cad.part import Adapter
from adapter_cad.report import render_page

__all__ = ["Measure", "calibration_html", "measures"]

OUTER = 0.2  # mm that an outside dimension may be off, or 0.3% of it where that is more


@dataclass(frozen=True)
class Measure:
    """One dimension to take with a calliper: nominal and how far it may be under and over, mm."""

    part: str
    what: str
    nominal: float
    under: float
    over: float


def measures(adapter: Adapter) -> list[Measure]:
    """What to measure on the printed parts, those first on which the fit hangs."""
    layout, clearance = adapter.layout, adapter.options.clearance
    bore = (2 * layout.bore, 2 * clearance - 0.1, 0.3)  # at the lower limit 0.1 mm of play is left
    found = [Measure("coupon", "bore, inside, at four places", *bore), Measure("clamp", "bore, inside", *bore)]
    reach = min(got.axial_margin for got in all_optics(adapter.ocular, adapter.phone))
    height = min(0.2, max(0.1, reach / 3))
    if layout.spacer:
        found.append(Measure("spacer", "thickness, at three places", layout.spacer, height, height))
    found.append(Measure("tray", "floor, thickness under the phone, clear of hollows", layout.floor, height, height))
    for part in adapter.parts:
        names = ("width", "depth", "height")
        for name, side in zip(names, part.mesh.extents, strict=True):
            if part.name in ("tray", "stop") and side > 5:
                slack = max(OUTER, 0.003 * float(side))
                found.append(Measure(part.name, f"{name}, outside, as it was printed", float(side), slack, slack))
    return found


def calibration_html(adapter: Adapter) -> str:
    """The page, two sheets of A4, drawings in true mm; the same adapter gives the same text."""
    phone = adapter.phone
    every = all_optics(adapter.ocular, phone)
    seen, least = every[0], min(every, key=lambda got: got.decentre_margin)
    frame = 41.0  # mm, the drawn frame's width
    high = frame * phone.sensor_height / phone.sensor_width
    zoomed = (frame / seen.zoom, high / seen.zoom)
    return render_page(
        "calibration.html.jinja",
        title=f"{phone.title} on {adapter.ocular.title}",
        phone=phone,
        ocular=adapter.ocular,
        layout=adapter.layout,
        options=adapter.options,
        measures=measures(adapter),
        optics=seen,
        least=least,
        zoom=math.ceil(seen.zoom * 10) / 10,
        frame=(frame, high),
        zoomed=zoomed,
        disc=frame * seen.image_circle / phone.sensor_width / 2,
        stop_bolt=f"M3 x {adapter.layout.stop_bolt}",
        bolt=f"M3 x {adapter.layout.bolt_length}",
    )
