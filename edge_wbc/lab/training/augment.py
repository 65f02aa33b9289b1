"""Crops varied as laboratories, microscopes and phones vary them.

The order is light's own: the cell lies as it lies, the stain and the lamp colour it, the optics blur it, the sensor
and its software take it down. Colours are then normalised as the phone will, and what that leaves is varied again.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge_wbc.core.colour import COLOURS, background

__all__ = ["Variation", "vary"]


@dataclass(frozen=True)
class Variation:
    """How far crops are varied; 0 leaves a thing as it is. Flips always.

    Attributes:
        rotate: largest rotation in degrees.
        zoom: (smallest, largest) zoom.
        shift: largest shift, in crop sides; the finder's middle is not always the cell's.
        stretch: standard deviation of the logarithm of the sides' ratio.
        stain: by what share each channel's optical density varies; a third of it is mixed between channels.
        hue: half of the widest turn of the colour circle, in turns; saturation varies by five times as much, light by
            three times.
        optics: scales the chance of each fault of optics and sensor: lost resolution, defocus, sharpening, noise,
            JPEG, vignette.
        after: strength of hue, saturation and light jitter after colours were normalised.
    """

    rotate: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    shift: float = 0.0
    stretch: float = 0.0
    stain: float = 0.0
    hue: float = 0.0
    optics: float = 0.0
    after: float = 0.0


def vary(crops: np.ndarray, chance: np.random.Generator, how: Variation, colour: str = "none") -> np.ndarray:
    """Each crop varied by its own draws, then brought to a colour reference.

    Args:
        crops: (N, S, S, 3) uint8 RGB in the photograph's own colours.
        colour: a name of `core.colour.COLOURS`.

    Returns:
        (N, S, S, 3) uint8 RGB.
    """
    varied = np.empty_like(crops)
    for row, crop in enumerate(crops):
        crop = _laid(crop, chance, how)
        if how.optics:
            crop = _photographed(crop, chance, how.optics)
        if how.stain and chance.random() < 0.6:
            crop = _stained(crop, chance, how.stain)
        if how.hue and chance.random() < 0.6:
            crop = _lit(crop, chance, how.hue, 5 * how.hue, 3 * how.hue)
        crop = COLOURS[colour](crop)
        if how.after:
            crop = _lit(crop, chance, 0.05 * how.after, 0.4 * how.after, 0.2 * how.after)
        varied[row] = crop
    return varied


def _laid(crop: np.ndarray, chance: np.random.Generator, how: Variation) -> np.ndarray:
    """Flipped, turned, zoomed, stretched and shifted in one warp; what comes in from outside is background."""
    flip = chance.choice((-1, 1), 2)
    angle = np.deg2rad(chance.uniform(-how.rotate, how.rotate))
    zoom, ratio = np.exp(chance.uniform(*np.log(how.zoom))), np.exp(chance.normal(0, how.stretch))
    shift = chance.uniform(-how.shift, how.shift, 2) * len(crop)
    if not (how.rotate or how.stretch or how.shift) and how.zoom == (1.0, 1.0):
        return np.ascontiguousarray(crop[:: flip[0], :: flip[1]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn = turn @ np.diag(zoom * flip * (ratio, 1 / ratio))
    middle = np.full(2, (len(crop) - 1) / 2)
    matrix = np.hstack([turn, (middle - turn @ middle + shift)[:, None]])
    return cv2.warpAffine(
        crop, matrix, crop.shape[:2], flags=cv2.INTER_LINEAR, borderValue=background(crop[::4, ::4]).tolist()
    )


def _stained(crop: np.ndarray, chance: np.random.Generator, by: float) -> np.ndarray:
    """Optical density scaled and mixed between channels, and a tint over all: another stain, another lamp."""
    density = -cv2.log(np.maximum(crop, 4).astype(np.float32) / 255)
    matrix = np.diag(chance.uniform(1 - by, 1 + by, 3)) + chance.normal(0, 0.12 * by, (3, 3))
    matrix *= chance.uniform(1 - by, 1 + by)
    tint = np.abs(chance.normal(0, 0.25 * by, 3))
    density = cv2.transform(density, np.hstack([matrix, tint[:, None]]).astype(np.float32))
    return np.clip(255 * cv2.exp(-density), 0, 255).astype(np.uint8)


def _lit(crop: np.ndarray, chance: np.random.Generator, hue: float, saturation: float, light: float) -> np.ndarray:
    """Hue turned by up to `hue` of the circle, saturation scaled, brightness and contrast too."""
    angle = 2 * np.pi * chance.uniform(-hue, hue)
    gain, contrast, brightness = 1 + chance.uniform(-1, 1, 3) * (saturation, light, light)
    # One matrix in RGB: grey stays where it is, colour around it is turned and scaled.
    turned = _hue_matrix(angle) * gain + (1 - gain) / 3
    matrix = contrast * turned
    mean = float(crop.mean())
    offset = np.full((3, 1), mean * (brightness - contrast))
    return cv2.transform(crop, np.hstack([matrix, offset]).astype(np.float32))


def _hue_matrix(angle: float) -> np.ndarray:
    """Rotation of RGB about the grey axis."""
    cosine, sine = np.cos(angle), np.sin(angle)
    circle = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    return cosine * np.eye(3) + (1 - cosine) / 3 + sine * circle


def _photographed(crop: np.ndarray, chance: np.random.Generator, often: float) -> np.ndarray:
    """What objective, ocular, sensor and file format do to a picture, each with its own chance times `often`."""
    size, unit = len(crop), len(crop) / 96
    resolution, defocus, sharpening, noise, compression, vignette = chance.random(6) < often * np.array(
        [0.35, 0.4, 0.25, 0.3, 0.3, 0.3]
    )
    if resolution:
        few = max(12, int(size / chance.uniform(1.2, 3.0)))
        enlarge = cv2.INTER_LINEAR if chance.random() < 0.5 else cv2.INTER_CUBIC
        crop = cv2.resize(
            cv2.resize(crop, (few, few), interpolation=cv2.INTER_AREA), (size, size), interpolation=enlarge
        )
    if defocus:
        crop = cv2.GaussianBlur(crop, (0, 0), chance.uniform(0.3, 2.0) * unit)
    if sharpening:
        amount = chance.uniform(0.3, 1.5)
        soft = cv2.GaussianBlur(crop, (0, 0), chance.uniform(0.8, 1.6) * unit)
        crop = cv2.addWeighted(crop, 1 + amount, soft, -amount, 0)
    if noise:
        grain = chance.standard_normal(crop.shape, np.float32) * np.float32(chance.uniform(2, 12))
        crop = cv2.add(crop, cv2.GaussianBlur(grain, (0, 0), chance.uniform(0.3, 1.0)), dtype=cv2.CV_8U)
    if compression:
        quality = int(chance.integers(25, 90))
        _, file = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])
        crop = np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR))
    if vignette:
        across, down = chance.normal(0, 0.12, 2)
        ramp = np.linspace(-1, 1, size, dtype=np.float32)
        shade = (1 + across * ramp[None, :] + down * ramp[:, None])[..., None]
        crop = cv2.multiply(crop, np.repeat(shade, 3, axis=2).astype(np.float32), dtype=cv2.CV_8U)
    return crop
