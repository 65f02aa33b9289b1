"""What a phone's sensor makes of the light behind an ocular: how large its pixels are on the slide, and their noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput

__all__ = ["SENSORS", "Sensor", "add_noise", "noise_deviations"]

OCULAR_FOCAL_MM = 25.0  # 250 mm, the distance magnifications are told for, by 10x
OBJECTIVE = 100.0
_FULL_FRAME_MM = 43.27  # diagonal of 36 x 24 mm
_BASE_ISO = 100.0
# Of four pixels under a Bayer filter one sees red, two green and one blue.
_BAYER = (0.25, 0.5, 0.25)


@dataclass(frozen=True)
class Sensor:
    """A phone's camera.

    Attributes:
        name: its type.
        pitch_um: from pixel to pixel, um.
        pixels: width, height.
        focal_equiv_mm: focal length of a full-frame lens of the same angle.
        well: electrons that make white at ISO 100.
        read_noise: electrons.
    """

    name: str
    pitch_um: float
    pixels: tuple[int, int]
    focal_equiv_mm: float
    well: float = 5000.0
    read_noise: float = 2.0

    def __post_init__(self) -> None:
        if min(self.pitch_um, *self.pixels, self.focal_equiv_mm, self.well) <= 0 or self.read_noise < 0:
            raise BadInput("sensor", "pitch, pixels, focal length and well must be positive, read noise not negative")

    @property
    def focal_mm(self) -> float:
        """Focal length of the phone's lens: the full-frame one by the ratio of the diagonals."""
        width, height = self.pixels
        return self.focal_equiv_mm * float(np.hypot(width, height)) * self.pitch_um / 1000 / _FULL_FRAME_MM

    @property
    def um_per_px(self) -> float:
        """Micrometres of the slide under one pixel, behind a 10x ocular and a 100x objective."""
        return self.pitch_um * OCULAR_FOCAL_MM / self.focal_mm / OBJECTIVE


# Pitch and pixels: Table 5 of Raabin-WBC (bioRxiv 2021.05.02.442287), as adapter_cad has them. Wells and read noise are
# not published: what is usual of pixels of that size.
SENSORS: dict[str, Sensor] = {
    "galaxy-s5": Sensor("Samsung S5K2P2XX", 1.12, (5312, 2988), 31.0),
    "lg-g3": Sensor("Sony IMX135", 1.12, (4208, 3120), 29.0),
}


def noise_deviations(sensor: Sensor, iso: float, um_per_px: float) -> np.ndarray:
    """Deviation of the noise at each of 256 grey levels, float32 (256, 3), on the scale 0 to 1 of the picture.

    Photon and read noise of the electrons counted, averaged over the sensor's pixels under one of the picture's, and
    carried through the sRGB curve.
    """
    shown = np.arange(256) / 255
    linear = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    slope = np.where(shown <= 0.04045, 12.92, 1.055 / 2.4 * np.maximum(linear, 1e-6) ** (1 / 2.4 - 1))
    white = sensor.well * _BASE_ISO / iso
    per_pixel = slope * np.sqrt(linear * white + sensor.read_noise**2) / white
    averaged = np.maximum(1.0, (um_per_px / sensor.um_per_px) ** 2 * np.array(_BAYER))
    return (per_pixel[:, None] / np.sqrt(averaged)).astype(np.float32)


def add_noise(light: np.ndarray, sensor: Sensor, iso: float, um_per_px: float, rng: np.random.Generator) -> None:
    """Adds a sensor's noise to float32 RGB (H, W, 3), 0 to 1, in place."""
    levels = cv2.convertScaleAbs(np.maximum(light, 0), alpha=255)
    deviations = noise_deviations(sensor, iso, um_per_px)
    grain = rng.standard_normal(light.shape, dtype=np.float32)
    grain *= cv2.LUT(levels, deviations[None])
    light += grain
