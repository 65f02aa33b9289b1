"""Whether a field was photographed before in this session: counted twice, its cells would weigh double.

The stage moves, the phone sits a little differently, the focus is another: fields are compared as small pictures of
their cells alone, at every shift that leaves enough of both, and at a few small turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

import cv2
import numpy as np

from edge_wbc.core.density import bright_disc

__all__ = ["Match", "Seen"]

_SIDE = 96
_PADDED = 192
_TURNS = (0.0, -3.0, 3.0)
_CELLS = (1.0, 5.0)
# A nucleus is no more than a red cell here, or one dark cell in each would make two fields one.
_DEEPEST = 1.0
# Of log density: what is fainter everywhere is noise.
_FAINT = 0.01
_RIM = np.ones((9, 9), np.uint8)
_LEAST_OVERLAP = 0.35
_ALIKE = 0.65


@dataclass(frozen=True)
class Match:
    """A field that shows the same place.

    Attributes:
        name: what it was added as.
        likeness: correlation of what both show, up to 1.
        overlap: share of the field that both show, 0 to 1.
        shift: how far right and down the new field lies of it, in shares of its longer side.
    """

    name: str
    likeness: float
    overlap: float
    shift: Tuple[float, float]


@dataclass(frozen=True, eq=False)
class _Waves:
    """Fourier transforms of a small picture, of its square and of where it is lit."""

    picture: np.ndarray
    square: np.ndarray
    lit: np.ndarray
    area: float


class Seen:
    """The fields of a session, as small as comparing them needs: 0.5 MB each."""

    def __init__(self) -> None:
        self._fields: Dict[str, _Waves] = {}

    def __len__(self) -> int:
        return len(self._fields)

    def add(self, name: str, rgb: np.ndarray) -> None:
        """Keeps a field: (H, W, 3) uint8, of the same zoom as all others."""
        self._fields[name] = _waves(*_small(rgb))

    def forget(self, name: str) -> None:
        """Drops a field that was deleted."""
        self._fields.pop(name, None)

    def match(self, rgb: np.ndarray) -> Optional[Match]:
        """The field most like a photograph, where one shows the same place, else None."""
        picture, lit = _small(rgb)
        turned = [_waves(*_turned(picture, lit, degrees)) for degrees in _TURNS]
        found: List[Match] = []
        for name, kept in self._fields.items():
            likeness, overlap, shift = max(_alike(kept, each) for each in turned)
            if likeness >= _ALIKE:
                found.append(Match(name, likeness, overlap, shift))
        return max(found, key=lambda each: each.likeness, default=None)


def _small(rgb: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """(96, 96) float32 of what is as large as cells, -1 to 1, 0 where dark; and where it is lit."""
    scale = _SIDE / max(rgb.shape[:2])
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    weight = bright_disc(small).astype(np.float32)
    logs = np.log(np.maximum(small[..., 1], 8)).astype(np.float32)
    fine, coarse = (
        cv2.GaussianBlur(logs * weight, (0, 0), sigma) / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)
        for sigma in _CELLS
    )
    within = cv2.erode(weight, _RIM)
    seen = within > 0
    picture = fine - coarse
    usual = 1.5 * float(np.median(np.abs(picture[seen]))) + _FAINT if seen.any() else 1.0
    picture = np.clip(picture / usual, -_DEEPEST, _DEEPEST)
    picture = (picture - (picture[seen].mean() if seen.any() else 0)) * within
    below, right = _SIDE - size[1], _SIDE - size[0]
    square = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_CONSTANT)
    return square, cv2.copyMakeBorder(within, 0, below, 0, right, cv2.BORDER_CONSTANT)


def _turned(picture: np.ndarray, lit: np.ndarray, degrees: float) -> Tuple[np.ndarray, np.ndarray]:
    if not degrees:
        return picture, lit
    turn = cv2.getRotationMatrix2D((_SIDE / 2, _SIDE / 2), degrees, 1.0)
    return cv2.warpAffine(picture, turn, (_SIDE, _SIDE)), cv2.warpAffine(
        lit, turn, (_SIDE, _SIDE), flags=cv2.INTER_NEAREST
    )


def _waves(picture: np.ndarray, lit: np.ndarray) -> _Waves:
    size = (_PADDED, _PADDED)
    first, square, light = (np.fft.rfft2(part, size).astype(np.complex64) for part in (picture, picture**2, lit))
    return _Waves(first, square, light, float(lit.sum()))


def _alike(kept: _Waves, new: _Waves) -> Tuple[float, float, Tuple[float, float]]:
    """Best correlation over all shifts, the share of `new` seen in both there, and the shift."""

    def across(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.fft.irfft2(first * np.conj(second), (_PADDED, _PADDED))

    both = across(kept.lit, new.lit)
    enough = both >= _LEAST_OVERLAP * max(kept.area, new.area)
    if not enough.any():
        return 0.0, 0.0, (0.0, 0.0)
    energy = across(kept.square, new.lit) * across(kept.lit, new.square)
    # Where one shows nothing but background there is nothing to be like.
    floor = 1e-2 * float(energy[enough].max()) + 1e-12
    likeness = np.where(enough, across(kept.picture, new.picture) / np.sqrt(np.maximum(energy, floor)), -1.0)
    best = int(likeness.argmax())
    row, column = divmod(best, _PADDED)
    down, right = (place - _PADDED if place > _PADDED // 2 else place for place in (row, column))
    return float(likeness.flat[best]), float(both.flat[best] / max(new.area, 1.0)), (right / _SIDE, down / _SIDE)
