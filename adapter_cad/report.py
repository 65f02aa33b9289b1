"""What a build tells its maker: report.json, and the same as one self-contained page."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from importlib import resources
from typing import Any

import jinja2
import numpy as np

from adapter_cad.bodies import bodies
from adapter_cad.catalogue import numbers
from adapter_cad.model import assumed
from adapter_cad.optics import Optics, all_optics, load
from adapter_cad.part import Adapter, Check

__all__ = ["DISCLAIMER", "describe", "render_page", "report_html", "report_json"]

DISCLAIMER = "research use, not for diagnosis"
PLA, STEEL = 1.24, 7.85  # g/cm3
WALLS, INFILL = 4, 40

CAPTIONS = {
    "assembled.png": "In its place, from above and from below; phone and ocular as if of glass.",
    "exploded.png": "In the order of assembly, from the ocular up.",
    "section.png": "Section through the optical axis, across the phone, to scale.",
}


def describe(adapter: Adapter, checks: Sequence[Check], files: Mapping[str, bytes]) -> dict[str, Any]:
    """Everything that the reports say, of plain JSON values; neither a date nor a path, so that it repeats.

    Args:
        files: by name, what the build writes beside the report; their SHA-256 is kept.
    """
    layout = adapter.layout
    things = (("phone", adapter.phone), ("ocular", adapter.ocular), ("printer", adapter.printer))
    parts = [
        {
            "name": part.name,
            "extents_mm": [_round(side) for side in part.mesh.extents],
            "volume_cm3": _round(part.mesh.volume / 1000),
            "mass_g": _round(part.mesh.volume / 1000 * PLA),
            "triangles": len(part.mesh.faces),
        }
        for part in adapter.parts
    ]
    return {
        "name": f"{adapter.phone.name} on {adapter.ocular.name}",
        "title": f"{adapter.phone.title} on {adapter.ocular.title}",
        "disclaimer": DISCLAIMER,
        "assumed": _assumed(adapter),
        "inputs": {
            **{kind: {"name": thing.name, "title": thing.title, "numbers": numbers(thing)} for kind, thing in things},
            "options": asdict(adapter.options),
        },
        "layout": {item.name: _plain(getattr(layout, item.name)) for item in fields(layout)},
        "optics": [_optics(got) for got in all_optics(adapter.ocular, adapter.phone)],
        "parts": parts,
        "hardware": _shopping(adapter),
        "load": _load(adapter),
        "checks": [{**asdict(check), "value": _plain(check.value), "limit": _plain(check.limit)} for check in checks],
        "print_settings": _print_settings(adapter),
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
    }


def report_json(report: Mapping[str, Any]) -> bytes:
    """describe()'s result as the file's bytes."""
    return (json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def report_html(report: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    """describe()'s result as a page that needs no network and no other file.

    Args:
        pictures: PNG by file name, shown in this order.
    """
    shown = [
        (f"data:image/png;base64,{base64.b64encode(data).decode()}", CAPTIONS.get(name, name))
        for name, data in pictures.items()
    ]
    return render_page("report.html.jinja", report=report, pictures=shown)


def render_page(template: str, **values: Any) -> str:
    """A template of this package, everything in it escaped."""
    text = resources.files(__package__).joinpath(template).read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(text).render(**values)


def _round(value: float) -> float:
    return round(float(value), 3) + 0.0  # + 0.0: no -0.0


def _plain(value: Any) -> Any:
    """The value as JSON has it: tuples as lists, numpy's numbers as Python's, floats to 0.001."""
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return _round(float(value))
    return value


def _assumed(adapter: Adapter) -> list[str]:
    """A line for each thing that stands on assumed numbers, with their names."""
    things = [(thing.title, assumed(thing)) for thing in (adapter.phone, adapter.ocular, adapter.printer)]
    return [f"{title}: {', '.join(names).replace('_', ' ')}" for title, names in things if names]


def _optics(got: Optics) -> dict[str, Any]:
    return {**{key: _plain(value) for key, value in asdict(got).items()}, "objective": got.objective.name}


def _shopping(adapter: Adapter) -> list[dict[str, Any]]:
    """The bill of materials: equal pieces counted, in the order in which they first occur."""
    counts: dict[str, dict[str, Any]] = {}
    for item in adapter.hardware:
        line = counts.setdefault(item.name, {"name": item.name, "count": 0, "use": []})
        line["count"] += 1
        if item.use not in line["use"]:
            line["use"].append(item.use)
    return list(counts.values())


def _load(adapter: Adapter) -> dict[str, Any]:
    """What hangs on the ocular: the phone, at the middle of its body, the parts as if solid, the steel."""
    phone, _ = bodies(adapter)
    worn = [(adapter.phone.mass, phone.bounds.mean(axis=0))]
    worn += [(mesh.volume / 1000 * PLA, mesh.center_mass) for mesh in (part.assembled() for part in adapter.worn)]
    worn += [(item.mesh.volume / 1000 * STEEL, item.mesh.center_mass) for item in adapter.hardware]
    masses = np.array([mass for mass, _ in worn])
    centre = masses @ np.array([place for _, place in worn]) / masses.sum()
    upright = load(float(masses.sum()), float(np.hypot(centre[0], centre[1])))
    tilted = load(float(masses.sum()), float(np.linalg.norm(centre)))
    return {
        "mass_g": _round(masses.sum()),
        "force_N": _round(upright.force),
        "moment_upright_Nmm": _round(upright.moment),
        "moment_any_slope_Nmm": _round(tilted.moment),
        "centre_mm": [_round(value) for value in centre],
    }


def _print_settings(adapter: Adapter) -> dict[str, Any]:
    return {
        "material": "PLA or PETG, matt black",
        "printer": adapter.printer.title,
        "nozzle_mm": adapter.printer.nozzle,
        "layer_mm": adapter.printer.layer,
        "walls": WALLS,
        "infill_percent": INFILL,
        "supports": "none",
        "brim": "none",
        "orientation": "as it lies in its file",
        "first": "coupon",
    }
