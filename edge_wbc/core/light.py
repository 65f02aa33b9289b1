"""The light of an empty field, divided out of a photograph before anything is read in it.

Then finder, colours and crops all see an even, neutral field: on the phone, and in the lab that learns from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import cv2
import numpy as np

from edge_wbc.core.density import bright_disc
from edge_wbc.core.errors import BadInput

__all__ = ["Light", "light_of", "read_light"]

_GRID = 96
_STRIP = 128
_MOST_GAIN = 4.0
_DARKEST, _BRIGHTEST = 60, 252
# An empty field is nowhere far from the median around there, of so many places of the grid.
_AROUND, _UNEVEN, _MOST_UNEVEN = 15, 0.06, 0.005


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

    def png(self) -> bytes:
        """The file that `read_light` reads; the same light gives the same bytes."""
        return cv2.imencode(".png", self.levels[..., ::-1])[1].tobytes()


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


def read_light(path: Path) -> Light:
    """Reads what `Light.png` made; raises `BadInput` where it is not there, or no such light."""
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
