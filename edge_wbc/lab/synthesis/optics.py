"""What a phone on an ocular makes of a field: colour cast, defocus, vignette, noise, JPEG.

The two domains are named after the phones and microscopes of Raabin-WBC (Galaxy S5 on an Olympus CX18, LG G3 on a
Zeiss; bioRxiv 2021.05.02.442287, Table 5). Their numbers were NOT measured on those devices: they are chosen so
that the two look like two labs, in the range that public photographs span.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput

__all__ = ["DOMAINS", "Optics", "decoded", "domain_optics", "jpeg_photograph", "photograph"]

Matrix = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class Optics:
    """One phone on one microscope.

    Attributes:
        camera, microscope: their names, as records give them.
        um_per_px: micrometres of the slide a pixel spans.
        cast: 3 x 3, seen RGB = cast @ true RGB.
        gamma: exponent of the tone curve; above 1 darkens the middle.
        defocus_px: deviation of the Gaussian blur, px.
        shift_px: how much larger red is drawn than blue at the field's corners, px.
        noise: deviation of the sensor's noise in bright glass, 0 to 1.
        vignette: share of the light lost at the corners, 0 to 1.
        jpeg_quality: 1 to 100.
    """

    camera: str
    microscope: str
    um_per_px: float
    cast: Matrix
    gamma: float = 1.0
    defocus_px: float = 0.0
    shift_px: float = 0.0
    noise: float = 0.0
    vignette: float = 0.0
    jpeg_quality: int = 95

    def __post_init__(self) -> None:
        if not 0 < self.um_per_px < 5 or self.gamma <= 0 or not 1 <= self.jpeg_quality <= 100:
            raise BadInput("optics", "scale and gamma must be positive and JPEG quality 1 to 100")
        if min(self.defocus_px, self.noise, self.vignette) < 0 or self.vignette >= 1:
            raise BadInput("optics", "blur, noise and vignette cannot be negative, nor vignette 1 or more")


DOMAINS: dict[str, Optics] = {
    "galaxy-s5-olympus": Optics(
        camera="Samsung Galaxy S5",
        microscope="Olympus CX18",
        um_per_px=0.16,
        cast=((1.03, 0.0, 0.0), (0.0, 1.0, 0.01), (0.0, 0.02, 0.97)),
        gamma=1.0,
        defocus_px=0.7,
        shift_px=0.3,
        noise=0.010,
        vignette=0.14,
        jpeg_quality=93,
    ),
    "lg-g3-zeiss": Optics(
        camera="LG G3",
        microscope="Zeiss",
        um_per_px=0.185,
        # A halogen lamp without its blue filter, under a phone whose white balance is locked.
        cast=((0.98, 0.05, 0.0), (0.02, 0.91, 0.02), (0.0, 0.05, 0.68)),
        gamma=0.9,
        defocus_px=1.6,
        shift_px=0.9,
        noise=0.022,
        vignette=0.34,
        jpeg_quality=78,
    ),
}


def domain_optics(domain: str) -> Optics:
    """The optics of a known domain.

    Raises:
        BadInput: an unknown domain.
    """
    if domain not in DOMAINS:
        raise BadInput("domain", f"unknown domain {domain!r}", f"one of: {', '.join(DOMAINS)}")
    return DOMAINS[domain]


def photograph(field: np.ndarray, optics: Optics, rng: np.random.Generator) -> np.ndarray:
    """The field as the phone's JPEG shows it: uint8 RGB (H, W, 3).

    Args:
        field: (H, W, 3) RGB, uint8 or float 0 to 1, at the scale of `optics`.
        optics: the phone and microscope.
        rng: the source of chance (noise, and a little focus, exposure and white balance).

    Raises:
        BadInput: not an RGB field.
    """
    return decoded(jpeg_photograph(field, optics, rng))


def jpeg_photograph(field: np.ndarray, optics: Optics, rng: np.random.Generator) -> bytes:
    """As `photograph`, but the bytes of the JPEG file."""
    if field.ndim != 3 or field.shape[2] != 3 or 0 in field.shape:
        raise BadInput("field", f"shape {field.shape} is not an RGB field (height, width, 3)")
    light: np.ndarray = field.astype(np.float32) / 255 if field.dtype == np.uint8 else field.astype(np.float32)
    height, width = light.shape[:2]
    focus, exposure = rng.uniform(0.75, 1.3), rng.uniform(0.82, 1.06)
    balance = exposure * (1 + rng.normal(0, 0.012, 3))
    light = cv2.transform(light, np.array(optics.cast, np.float32) * balance[:, None].astype(np.float32))
    if optics.shift_px:
        light = _spread_colours(light, optics.shift_px)
    if optics.defocus_px:
        light = cv2.GaussianBlur(light, (0, 0), optics.defocus_px * focus)
    light *= _falloff(height, width, optics.vignette)[..., None]
    if optics.noise:
        grain = rng.standard_normal(light.shape, dtype=np.float32)
        # Photon noise grows as the root of the light; the floor is the sensor's own.
        grain *= cv2.sqrt(np.maximum(light, np.float32(0.05)))
        cv2.scaleAdd(grain, optics.noise, light, dst=light)
    tones = (255 * np.linspace(0, 1, 256) ** optics.gamma).round().astype(np.uint8)
    seen = cv2.LUT(cv2.convertScaleAbs(np.maximum(light, 0), alpha=255), tones)
    done, data = cv2.imencode(".jpg", seen[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, optics.jpeg_quality])
    if not done:
        raise BadInput("field", f"{width} x {height} pixels cannot be written as JPEG", "draw a smaller field")
    return data.tobytes()


def decoded(data: bytes) -> np.ndarray:
    """uint8 RGB (H, W, 3) of a JPEG file's bytes.

    Raises:
        BadInput: not an image.
    """
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise BadInput("photograph", "these bytes are no image")
    return image


def _spread_colours(light: np.ndarray, shift_px: float) -> np.ndarray:
    height, width = light.shape[:2]
    corner = np.hypot(width, height) / 2
    channels = list(cv2.split(light))
    for index, sign in ((0, 0.5), (2, -0.5)):
        zoom = 1 + sign * shift_px / corner
        keep = np.array([[zoom, 0, (1 - zoom) * width / 2], [0, zoom, (1 - zoom) * height / 2]])
        channels[index] = cv2.warpAffine(
            channels[index], keep, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return cv2.merge(channels)


@lru_cache(maxsize=8)
def _falloff(height: int, width: int, vignette: float) -> np.ndarray:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return (1 - vignette * ((x * x + y * y) / 2) ** 1.3).astype(np.float32)
