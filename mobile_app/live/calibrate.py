"""Once for each phone and ocular: micrometres a pixel, and the light of an empty field.

The scale goes to the finder and into every record; the light is divided out of a photograph before anything is read
in it, so that finder, colours and crops all see an even, neutral field.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import cv2
import numpy as np

from edge_wbc.core.density import bright_disc
from edge_wbc.core.errors import BadInput
from edge_wbc.core.pack import write_folder
from edge_wbc.core.proposals import RED_CELL_UM, red_cells_in
from edge_wbc.core.reading import NamedCell, Reader
from edge_wbc.core.records import read_json
from mobile_app.live.micrometer import line_period
from mobile_app.sources.frames import Photograph

__all__ = [
    "Calibration",
    "Light",
    "Scale",
    "calibrated",
    "from_lines",
    "from_points",
    "from_red_cells",
    "light_of",
    "read_calibration",
    "write_calibration",
]

_FILE, _LIGHT = "calibration.json", "light.png"
_SCHEMA = 1
_GRID = 96
_STRIP = 128
_MOST_GAIN = 4.0
_DARKEST, _BRIGHTEST = 60, 252
# An empty field is nowhere far from the median around there, of so many places of the grid.
_AROUND, _UNEVEN, _MOST_UNEVEN = 15, 0.06, 0.005
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
class Light:
    """The light of an empty field.

    Attributes:
        levels: (h, w, 3) uint16, the level of each place times 256, in a grid over the whole photograph; 0 where no
            light comes through.
    """

    levels: np.ndarray

    def even(self, rgb: np.ndarray) -> np.ndarray:
        """A photograph of the same view with the lamp's colour, the vignette and the dust divided out.

        Clear glass becomes one grey, as bright as the brightest channel usually is; the dark around the disc stays.

        Args:
            rgb: (H, W, 3) uint8.

        Returns:
            (H, W, 3) uint8.
        """
        gain = self._gain()
        height, width = rgb.shape[:2]
        rows = (np.arange(height, dtype=np.float32) + 0.5) * (gain.shape[0] / height) - 0.5
        columns = (np.arange(width, dtype=np.float32) + 0.5) * (gain.shape[1] / width) - 0.5
        out = np.empty_like(rgb)
        # In strips: the gains of all of a photograph of 16 megapixels are 190 MB.
        for top in range(0, height, _STRIP):
            part = slice(top, top + _STRIP)
            x, y = np.meshgrid(columns, rows[part])
            here = cv2.remap(gain, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            out[part] = cv2.multiply(rgb[part], here, dtype=cv2.CV_8U)
        return out

    def _gain(self) -> np.ndarray:
        """(h, w, 3) float32, by which each place of the grid is multiplied."""
        levels = self.levels.astype(np.float32)
        lit = levels.min(2) > 0
        target = float(np.median(levels[lit], axis=0).max())
        gain = np.minimum(target / np.maximum(levels, 1), _MOST_GAIN) * lit[..., None]
        # A step beyond the rim too, or between two places of the grid it would be half of each.
        beyond = cv2.dilate(gain, np.ones((3, 3), np.uint8))
        return np.where(lit[..., None], gain, np.where(beyond > 0, beyond, 1)).astype(np.float32)


def light_of(photographs: Sequence[np.ndarray]) -> Light:
    """The light from photographs of empty places: their median, so that a cell in one of three is left out.

    Args:
        photographs: one or more (H, W, 3) uint8 of one size.

    Raises:
        BadInput: none, of several sizes, too dark, overexposed, or not empty.
    """
    if not photographs or len({rgb.shape for rgb in photographs}) > 1:
        raise BadInput("calibration", "photographs of one size are needed", "take all with one camera and one zoom")
    height, width = photographs[0].shape[:2]
    scale = _GRID / max(height, width)
    size = max(2, round(width * scale)), max(2, round(height * scale))
    small = [cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) for rgb in photographs]
    middle = np.median(small, axis=0).astype(np.float32)
    lit = bright_disc(np.rint(middle).astype(np.uint8))
    usual = float(np.median(middle[lit], axis=0).max())
    if usual < _DARKEST:
        raise BadInput("calibration", "the empty field is too dark", "turn the lamp up")
    if usual > _BRIGHTEST:
        raise BadInput("calibration", "the empty field is overexposed", "turn the lamp down")
    green = np.rint(middle[..., 1]).astype(np.uint8)
    inner = cv2.erode(lit.astype(np.uint8), np.ones((_AROUND, _AROUND), np.uint8)) > 0
    apart = np.abs(green / np.maximum(cv2.medianBlur(green, _AROUND).astype(np.float32), 1) - 1)
    if (apart[inner] > _UNEVEN).mean() > _MOST_UNEVEN:
        raise BadInput(
            "calibration", "the field is not empty", "photograph three empty places, out of focus if need be"
        )
    return Light(np.where(lit[..., None], np.rint(middle * 256), 0).astype(np.uint16))


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
        _, coded = cv2.imencode(".png", calibration.light.levels[..., ::-1])
        files[_LIGHT] = coded.tobytes()
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
    return Calibration(name, scale, _read_light(folder / _LIGHT) if lit else None)


def _scale(data: Dict[str, Any]) -> Scale:
    error = data["error"]
    scale = Scale(
        float(data["um_per_px"]), int(data["width"]), str(data["method"]), None if error is None else float(error)
    )
    if not 0 < scale.um_per_px < math.inf or scale.width < 1 or scale.method not in _METHODS:
        raise ValueError("an impossible scale")
    return scale


def _read_light(path: Path) -> Light:
    try:
        coded = np.frombuffer(path.read_bytes(), np.uint8)
        levels = cv2.imdecode(coded, cv2.IMREAD_UNCHANGED) if len(coded) else None
    except OSError as error:
        raise BadInput(path, f"cannot be read ({error.strerror})", "calibrate again") from error
    if levels is None or levels.dtype != np.uint16 or levels.ndim != 3 or max(levels.shape) > 4 * _GRID:
        raise BadInput(path, "not the light of an empty field", "calibrate again")
    if not levels.min(2).any():
        raise BadInput(path, "holds no light", "calibrate again")
    return Light(np.ascontiguousarray(levels[..., ::-1]))
