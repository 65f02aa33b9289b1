"""Perceptual hashes of crops, their bits those of the ImageHash library, at several times its rate.

ImageHash shrinks a grey picture by Pillow's Lanczos filter, once for each hash. Pillow sums 22-bit weights in
whole numbers, so the same sums done by matrix products in double precision are exact, and BLAS does them faster.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from scipy.fftpack import dct

__all__ = ["Hashes", "hash_crops", "sharpness", "to_grey"]

_SMALL, _LARGE = 8, 32  # sides of the thumbnails behind AHash and PHash
_FRACTION = 22  # bits behind the point of Pillow's weights
# Of 7,226 pbc cells the least spread of the 8 x 8 thumbnail is 10 levels, and its least share of the 32 x 32 one's
# 0.48; white noise keeps 0.29 of it and, in crops of 48 pixels and more, at most 6 levels.
_FLAT, _NOISY = 3.0, 0.4
_MIDDLE: dict[str, Callable[..., np.ndarray]] = {"imagehash": np.median, "mean": np.mean}
# Pillow's luma in 16 fractional bits. Every partial sum is a multiple of 2^-16 below 256: exact in 24 bits.
_LUMA = np.array([[19595, 38470, 7471, 32768]], np.float32) / 65536


@dataclass(frozen=True)
class Hashes:
    """What is known of N crops, row by row.

    Attributes:
        ahash, phash: (N,) uint64, the first bit highest; `int(str(imagehash), 16)` is the same number.
        thumbs: (N, 32, 32) uint8, the grey thumbnails that PHash was taken from.
        meaningless: (N,) bool: flat, or nothing but noise, so that the bits mean nothing.
    """

    ahash: np.ndarray
    phash: np.ndarray
    thumbs: np.ndarray
    meaningless: np.ndarray


def to_grey(rgb: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB -> (H, W) uint8, level by level what Pillow's `convert("L")` gives."""
    return cv2.transform(rgb.astype(np.float32), _LUMA).astype(np.uint8)


def hash_crops(greys: Iterable[np.ndarray], variant: str = "imagehash") -> Hashes:
    """AHash and PHash of 64 bits each.

    Args:
        greys: (H, W) uint8 of any sizes, as `to_grey` makes them.
        variant: "imagehash" (PHash against the median, its library's bits) or "mean" (Raabin-WBC, Appendix 1).
    """
    shrunk = [_shrink(grey) for grey in greys]
    count = len(shrunk)
    # A field without cells has bytes too: floats would spoil those that it is joined with.
    bright = np.array([small for small, _ in shrunk], np.uint8).reshape(count, 64)
    thumbs = np.array([large for _, large in shrunk], np.uint8).reshape(count, _LARGE, _LARGE)
    ahash = _pack(bright > bright.mean(axis=1, keepdims=True))
    low = dct(dct(thumbs, axis=1)[:, :8], axis=2)[:, :, :8].reshape(count, 64)
    middle = _MIDDLE[variant](low, axis=1, keepdims=True)
    coarse, fine = bright.std(axis=1), thumbs.std(axis=(1, 2))
    meaningless = (coarse < _FLAT) | (coarse < _NOISY * fine)
    return Hashes(ahash, _pack(low > middle), thumbs, meaningless)


def sharpness(grey: np.ndarray) -> float:
    """Mean Sobel gradient magnitude of a (H, W) uint8 picture (Raabin-WBC, Appendix 1)."""
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return float(cv2.mean(cv2.magnitude(across, down))[0])


def _pack(bits: np.ndarray) -> np.ndarray:
    """(N, ...) of 64 bits each -> (N,) uint64, row major, the first bit highest."""
    return np.packbits(bits.reshape(len(bits), 64), axis=1).view(">u8")[:, 0].astype(np.uint64)


def _lanczos(size: int, side: int) -> np.ndarray:
    """(size, side) float64, whole numbers times 2^-22: `precompute_coeffs`, `normalize_coeffs_8bpc` of Pillow."""
    scale = size / side
    stretch = max(scale, 1.0)
    weights = np.zeros((size, side))
    for out in range(side):
        centre = (out + 0.5) * scale
        first, last = max(int(centre - 3 * stretch + 0.5), 0), min(int(centre + 3 * stretch + 0.5), size)
        at = [(pixel - centre + 0.5) * (1 / stretch) for pixel in range(first, last)]
        raw = [_sinc(x) * _sinc(x / 3) if -3 <= x < 3 else 0.0 for x in at]
        total = sum(raw)
        exact = np.array([value / total for value in raw]) * (1 << _FRACTION)
        weights[first:last, out] = np.trunc(exact + np.copysign(0.5, exact))
    return weights / (1 << _FRACTION)


def _sinc(x: float) -> float:
    return math.sin(x * math.pi) / (x * math.pi) if x else 1.0


_Pieces = tuple[tuple[slice, slice, np.ndarray], ...]


@lru_cache(maxsize=4096)
def _weights(size: int) -> tuple[_Pieces, _Pieces]:
    """Weights from `size` pixels to 8 + 32 outputs, for the first and the second direction.

    Each in pieces (pixels, outputs, weights) of what is not zero, as wide as BLAS is quickest with.
    """
    whole = np.hstack([_lanczos(size, _SMALL), _lanczos(size, _LARGE)])
    return _pieces(whole, (0, 8, 16, 24, 32, 40)), _pieces(whole, (0, 8, 24, 40))


def _pieces(whole: np.ndarray, bounds: Sequence[int]) -> _Pieces:
    pieces = []
    for start, stop in pairwise(bounds):
        used = np.flatnonzero(whole[:, start:stop].any(axis=1))
        pixels = slice(used[0], used[-1] + 1)
        pieces.append((pixels, slice(start, stop), np.ascontiguousarray(whole[pixels, start:stop])))
    return tuple(pieces)


def _round(sums: np.ndarray) -> np.ndarray:
    """(N, M) float64 sums to uint8, halves up and clipped as Pillow does after each direction.

    OpenCV rounds halves to even; half of the least step that two sums may differ by lifts them beyond.
    """
    return cv2.add(sums, 2.0 ** -(_FRACTION + 1), dtype=cv2.CV_8U)  # type: ignore[call-overload]


def _shrink(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The (8, 8) and (32, 32) uint8 Lanczos thumbnails, as Pillow 13 makes them."""
    thumbs = _rows_first(grey)
    tall = [_columns_first(grey.shape, len(thumb)) for thumb in thumbs]
    if any(tall):
        turned = _rows_first(np.ascontiguousarray(grey.T))
        thumbs = [other.T if first else thumb for thumb, other, first in zip(thumbs, turned, tall, strict=True)]
    small, large = thumbs
    return small, large


def _columns_first(shape: tuple[int, ...], side: int) -> bool:
    """Pillow begins with the columns where the height shrinks by more than twice what the width does (since 13.0)."""
    height, width = shape
    return height - side > max(0, 2 * (width - side))


def _rows_first(grey: np.ndarray) -> list[np.ndarray]:
    levels = grey.astype(np.float64)
    sums = np.empty((len(levels), _SMALL + _LARGE))
    for pixels, outputs, weights in _weights(grey.shape[1])[0]:
        np.matmul(levels[:, pixels], weights, out=sums[:, outputs])
    narrow = _round(sums).astype(np.float64)
    first, *others = _weights(len(grey))[1]
    small = first[2].T @ narrow[first[0], :_SMALL]
    large = np.empty((_LARGE, _LARGE))
    for pixels, outputs, weights in others:
        np.matmul(weights.T, narrow[pixels, _SMALL:], out=large[outputs.start - _SMALL : outputs.stop - _SMALL])
    return [_round(small), _round(large)]
