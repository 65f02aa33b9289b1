"""Once for each phone and ocular: micrometres a pixel, and the light of an empty field.

The scale goes to the finder and into every record; the light (`edge_wbc.core.light`) is divided out of a photograph
before anything is read in it, and goes along with its record.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.light import Light, read_light
from edge_wbc.core.pack import write_folder
from edge_wbc.core.proposals import RED_CELL_UM, red_cells_in
from edge_wbc.core.reading import NamedCell, Reader
from edge_wbc.core.records import read_json
from mobile_app.live.micrometer import line_period
from mobile_app.sources.frames import Photograph

__all__ = [
    "Calibration",
    "Scale",
    "calibrated",
    "from_lines",
    "from_points",
    "from_red_cells",
    "read_calibration",
    "write_calibration",
]

_FILE, _LIGHT = "calibration.json", "light.png"
_SCHEMA = 1
_METHODS = ("points", "lines", "red cells")


@dataclass(frozen=True)
class Scale:
    """Micrometres of the slide that a pixel spans.

    Attributes:
        um_per_px: in the photographs that it was found in.
        width: of those photographs, in pixels.
        method: "points", "lines" or "red cells".
        error: of `um_per_px` as a share of it, by its spread; None where one measurement tells none.
    """

    um_per_px: float
    width: int
    method: str
    error: Optional[float] = None

    def at(self, width: int) -> float:
        """Micrometres a pixel of the same view at another width in pixels, as the preview's."""
        return self.um_per_px * self.width / width


def from_points(first: Tuple[float, float], second: Tuple[float, float], um: float, width: int) -> Scale:
    """The scale from two points of a photograph `width` pixels wide that lie `um` micrometres apart.

    Raises:
        BadInput: the points are one, or the distance is none.
    """
    pixels = math.dist(first, second)
    if not (0 < um < math.inf) or pixels < 2:
        raise BadInput("calibration", "two points and the distance between them are needed", "mark them further apart")
    return Scale(um / pixels, width, "points")


def from_lines(rgb: np.ndarray, um: float = 10.0) -> Scale:
    """The scale from a photograph of a stage micrometer, turned however, whose lines lie `um` micrometres apart.

    Raises:
        BadInput: no evenly spaced lines are seen.
    """
    period, error = line_period(rgb)
    return Scale(um / period, rgb.shape[1], "lines", error)


def from_red_cells(photographs: Sequence[np.ndarray]) -> Scale:
    """The scale from fields of one size, by red cells of 7.5 um across: the median of fields.

    Raises:
        BadInput: fields of several sizes, or red cells in none of them.
    """
    if len({rgb.shape for rgb in photographs}) > 1:
        raise BadInput("calibration", "photographs of several sizes", "take all with one camera and one zoom")
    radii = [radius for radius in map(red_cells_in, photographs) if radius is not None]
    if not radii:
        raise BadInput("calibration", "no red cells are seen", "photograph where they lie side by side, in focus")
    middle = float(np.median(radii))
    error = float(np.median(np.abs(np.array(radii) / middle - 1))) * 1.4826 if len(radii) > 2 else None
    return Scale(RED_CELL_UM / middle, photographs[0].shape[1], "red cells", error)


@dataclass(frozen=True, eq=False)
class Calibration:
    """What was calibrated of one phone on one ocular; either part may be missing."""

    name: str
    scale: Optional[Scale] = None
    light: Optional[Light] = None

    def um_per_px(self, width: int) -> Optional[float]:
        """Of a photograph of the given width in pixels."""
        return None if self.scale is None else self.scale.at(width)


def calibrated(reader: Reader, calibration: Calibration) -> Callable[[Photograph], List[NamedCell]]:
    """What a `Worker` reads fields with: light divided out first, cells found at the scale."""

    def read(taken: Photograph) -> List[NamedCell]:
        rgb = taken.rgb if calibration.light is None else calibration.light.even(taken.rgb)
        return reader.read(rgb, single=False, um_per_px=calibration.um_per_px(rgb.shape[1]))

    return read


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Writes `folder` with calibration.json and, where there is light, light.png: whole or not at all."""
    scale = None if calibration.scale is None else asdict(calibration.scale)
    body = {"schema": _SCHEMA, "name": calibration.name, "scale": scale, "light": calibration.light is not None}
    files = {_FILE: (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode()}
    if calibration.light is not None:
        files[_LIGHT] = calibration.light.png()
    write_folder(folder, files, known_by=_FILE)


def read_calibration(folder: Path) -> Calibration:
    """Reads what `write_calibration` wrote.

    Raises:
        BadInput: not there, of another version, or damaged.
    """
    path = folder / _FILE
    data = read_json(path)
    try:
        if data["schema"] != _SCHEMA:
            raise BadInput(path, f"a calibration of schema {data['schema']!r}", "calibrate again")
        scale = None if data["scale"] is None else _scale(data["scale"])
        name, lit = str(data["name"]), bool(data["light"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(path, f"not a calibration ({error!r})", "calibrate again") from error
    return Calibration(name, scale, read_light(folder / _LIGHT) if lit else None)


def _scale(data: Dict[str, Any]) -> Scale:
    error = data["error"]
    scale = Scale(
        float(data["um_per_px"]), int(data["width"]), str(data["method"]), None if error is None else float(error)
    )
    if not 0 < scale.um_per_px < math.inf or scale.width < 1 or scale.method not in _METHODS:
        raise ValueError("an impossible scale")
    return scale
