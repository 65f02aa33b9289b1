"""A section through the light path, drawn to scale: every part, the phone and the ocular cut across the phone."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import trimesh

from adapter_cad.bodies import bodies
from adapter_cad.optics import cone_radius, entrance_pupil, widest_pupil
from adapter_cad.part import Adapter
from adapter_cad.pictures import COLOURS, HARDWARE, OCULAR, PHONE
from adapter_cad.render import Colour
from adapter_cad.solids import to_solid

__all__ = ["cut", "section_picture"]

LIGHT = "#f2b705"
INK = "#1b1f24"
HATCHES = {"tray": "////", "clamp": "\\\\\\\\", "spacer": "xxx", "stop": "---"}


def cut(mesh: trimesh.Trimesh) -> list[np.ndarray]:
    """Outlines, (N, 2) float64 x, z in mm each, of a closed mesh in the plane y = 0; holes run the other way round."""
    # Turned so that x stays and z becomes the y of manifold3d's slices, which lie in its plane z = 0.
    return [np.asarray(outline, float) for outline in to_solid(mesh).rotate((-90, 0, 0)).slice(0.0).to_polygons()]


def section_picture(adapter: Adapter) -> bytes:
    """The section as PNG, 1560 wide; the same adapter gives the same bytes."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    with rc_context({"font.family": "DejaVu Sans", "font.size": 10, "hatch.linewidth": 0.6}):
        phone, ocular = bodies(adapter)
        parts = [(part.name, part.assembled()) for part in adapter.worn]
        low, high = _reach([mesh for _, mesh in parts] + [phone])
        way = 1 if -low[0] > high[0] else -1  # what is written stands where the phone reaches less far
        x = (low[0] - 14, high[0] + 40) if way > 0 else (low[0] - 40, high[0] + 14)
        z = (low[2] - 8, high[2] + 5)
        figure = Figure(figsize=(12, 11.2 * (z[1] - z[0]) / (x[1] - x[0]) + 1.6), layout="constrained")
        axes = figure.add_subplot()
        middle = adapter.layout.pupil_z
        tall = -5 - (z[0] + 1.5)
        wide = tall * 7 / 5.5
        side = high[0] + 6 if way > 0 else low[0] - 6 - wide
        near = axes.inset_axes((side, z[0] + 1.5, wide, tall), transform=axes.transData)
        for where in (axes, near):
            _solids(where, adapter, phone, ocular, parts)
            _light(where, adapter)
            where.axvline(0, color=INK, lw=0.8, dashes=(12, 3, 2, 3), label="optical axis")
        _dimensions(axes, adapter, (high if way > 0 else low)[0] + 5 * way, way)
        axes.set(xlim=x, ylim=z, aspect="equal")
        near.set(xlim=(-3.5, 3.5), ylim=(middle - 4, middle + 1.5), aspect="equal", xticks=[], yticks=[])
        near.set_title("the pupils, larger", fontsize=9)
        axes.add_patch(Rectangle((-3.5, middle - 4), 7, 5.5, fill=False, edgecolor=INK, lw=0.8, ls=":"))
        axes.set(
            xlabel="mm across the phone; its left edge, seen from the back, to the right", ylabel="mm over the rim"
        )
        axes.set_title(f"{adapter.phone.title} on {adapter.ocular.title}: section through the optical axis", loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
        stream = io.BytesIO()
        figure.savefig(stream, dpi=130, format="png", metadata={"Software": None})
    return stream.getvalue()


def _solids(
    axes: Any,
    adapter: Adapter,
    phone: trimesh.Trimesh,
    ocular: trimesh.Trimesh,
    parts: Sequence[tuple[str, trimesh.Trimesh]],
) -> None:
    _fill(axes, phone, PHONE, "phone", "....", 0.25)
    _fill(axes, ocular, OCULAR, "ocular (outline)", "", 0.25)
    for name, mesh in parts:
        _fill(axes, mesh, COLOURS[name], name, HATCHES[name], 0.55)
    label = "bolts, nuts"
    for item in adapter.hardware:
        label = "" if _fill(axes, item.mesh, HARDWARE, label, "", 0.9) else label


def _fill(axes: Any, mesh: trimesh.Trimesh, colour: Colour, label: str, hatch: str, alpha: float) -> bool:
    """Draws what the plane cuts; whether it cuts anything."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    outlines = cut(mesh)
    if not outlines:
        return False
    path = Path.make_compound_path(*(Path(np.vstack([o, o[:1]]), closed=True) for o in outlines))
    shade = tuple(value / 255 for value in colour)
    axes.add_patch(PathPatch(path, facecolor=(*shade, alpha), edgecolor=INK, lw=0.8, hatch=hatch, label=label or None))
    return True


def _light(axes: Any, adapter: Adapter) -> None:
    """The cone of all light, its marginal rays, the exit pupil and the camera's entrance pupil."""
    layout, ocular = adapter.layout, adapter.ocular
    heights = np.array([0.0, layout.glass_z, layout.pupil_z])
    wide = np.array([cone_radius(ocular, layout.pupil_z - z) for z in heights])
    axes.fill_betweenx(heights, -wide, wide, color=LIGHT, alpha=0.35, lw=0, label="light")
    slope = math.tan(layout.half_field)
    rim = widest_pupil(ocular) / 2
    for way in (-1, 1):
        for start in (-rim, 0, rim):
            axes.plot([start - way * slope * layout.pupil_z, start], [0, layout.pupil_z], color="#a86f00", lw=0.8)
    pupil = entrance_pupil(adapter.phone) / 2
    entrance = {"color": INK, "lw": 1.2, "marker": "|", "markersize": 9, "label": "camera's entrance pupil"}
    axes.plot([-pupil, pupil], [layout.pupil_z] * 2, **entrance)
    axes.plot([-rim, rim], [layout.pupil_z] * 2, color="#d1242f", lw=3, label="exit pupil, the largest")


def _dimensions(axes: Any, adapter: Adapter, x: float, way: int) -> None:
    """Heights beside the parts from x on, in direction `way`; the bore below them."""
    layout = adapter.layout
    _height(axes, x, layout.floor_z, layout.back_z, f"floor {layout.floor:g}", way)
    if layout.spacer:
        _height(axes, x, layout.floor_z - layout.spacer, layout.floor_z, f"spacer {layout.spacer:g}", way)
    _height(axes, x + 17 * way, 0, layout.pupil_z, f"exit pupil\n{layout.pupil_z:g}", way)
    below = adapter.by_name["clamp"].assembled().bounds[0, 2] - 3
    axes.annotate("", (-layout.bore, below), (layout.bore, below), arrowprops=_arrow())
    axes.text(0, below - 0.8, f"bore {2 * layout.bore:g}", ha="center", va="top", bbox=_paper())


def _height(axes: Any, x: float, low: float, high: float, text: str, way: int) -> None:
    """A height's arrow at x, thin lines from it to what it measures, its words beside it."""
    for z in (low, high):
        axes.plot([x + way, 0.2 * x], [z, z], color=INK, lw=0.4, alpha=0.5)
    axes.annotate("", (x, low), (x, high), arrowprops=_arrow())
    axes.text(x + way, (low + high) / 2, text, ha="left" if way > 0 else "right", va="center", bbox=_paper())


def _arrow() -> dict[str, Any]:
    return {"arrowstyle": "<|-|>", "color": INK, "lw": 0.9, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}


def _paper() -> dict[str, Any]:
    return {"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.85}


def _reach(meshes: Sequence[trimesh.Trimesh]) -> np.ndarray:
    """(2, 3) mm: the least and the greatest corner of all."""
    bounds = np.array([mesh.bounds for mesh in meshes])
    return np.stack([bounds[:, 0].min(axis=0), bounds[:, 1].max(axis=0)])
