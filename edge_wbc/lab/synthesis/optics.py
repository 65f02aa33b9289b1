"""What a phone on an ocular makes of a field: blur, round field, colour fringes, vignette, noise, JPEG.

Everything is told in micrometres of the slide and in shares of the ocular's field, so that it scales with the picture.
The two domains are named after the phones and microscopes of Raabin-WBC (Galaxy S5 on an Olympus CX18, LG G3 on a
Zeiss; bioRxiv 2021.05.02.442287, Table 5). Their pixel sizes are computed from published figures; the rest was NOT
measured on those devices: docs/phone-optics.md says of each number where it comes from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.synthesis.sensor import SENSORS, Sensor, add_noise

__all__ = ["DOMAINS", "Optics", "decoded", "domain_optics", "jpeg_photograph", "photograph", "seen"]

Matrix = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]

# Share of the field's mean light that reaches the dark around it all the same.
_STRAY = 0.06
# Blurs beside each other differ by no more than this factor: further apart, their mixture shows both.
_BLUR_STEP = 1.6


@dataclass(frozen=True)
class Optics:
    """One phone on one microscope.

    Attributes:
        camera, microscope: their names, as records give them.
        um_per_px: micrometres of the slide a pixel of the picture spans.
        cast: 3 x 3, seen RGB = cast @ true RGB: lamp, glass and white balance.
        gamma: exponent of the tone curve; above 1 darkens the middle.
        field_um: diameter of what the ocular shows.
        eyepiece: whether the round field's rim is in the picture, and black around it.
        axis_um: where the field's middle lies from the picture's, right and down.
        blur_um: deviation of the Gaussian blur at the field's middle.
        curvature_um: what its rim adds to that, as the root of the sum of squares.
        fringe_um: how much further out blue is drawn than red at the rim.
        vignette: share of the light lost at the rim, 0 to 1.
        sensor: whose noise there is; None for none.
        iso: of the sensor.
        jpeg: qualities, 1 to 100, in the order of saving; all but the last on a shifted grid of blocks, as of a
            picture that was cropped since.
    """

    camera: str
    microscope: str
    um_per_px: float
    cast: Matrix
    gamma: float = 1.0
    field_um: float = 180.0
    eyepiece: bool = False
    axis_um: tuple[float, float] = (0.0, 0.0)
    blur_um: float = 0.0
    curvature_um: float = 0.0
    fringe_um: float = 0.0
    vignette: float = 0.0
    sensor: Sensor | None = None
    iso: float = 100.0
    jpeg: tuple[int, ...] = (95,)

    def __post_init__(self) -> None:
        if not 0 < self.um_per_px < 5 or not self.gamma > 0 or not 0 < self.field_um <= 10_000:
            raise BadInput("optics", "scale, tone curve and field must be positive, and a pixel below 5 um")
        if not self.jpeg or not all(1 <= quality <= 100 for quality in self.jpeg):
            raise BadInput("optics", f"JPEG qualities {self.jpeg}", "one or more of 1 to 100")
        if not 0 <= self.vignette < 1 or not all(
            0 <= blur < 10 for blur in (self.blur_um, self.curvature_um, self.fringe_um)
        ):
            raise BadInput("optics", "blur, curvature and fringe must be 0 to 10 um, and the vignette 0 to below 1")
        if not 25 <= self.iso <= 25_600:
            raise BadInput("optics", f"ISO {self.iso}", "25 to 25600")


DOMAINS: dict[str, Optics] = {
    "galaxy-s5/olympus": Optics(
        camera="Samsung Galaxy S5",
        microscope="Olympus CX18",
        um_per_px=0.16,
        cast=((1.03, 0.0, 0.0), (0.0, 1.0, 0.01), (0.0, 0.02, 0.97)),
        blur_um=0.11,
        curvature_um=0.25,
        fringe_um=0.15,
        vignette=0.12,
        sensor=SENSORS["galaxy-s5"],
        iso=100,
        jpeg=(93,),
    ),
    "lg-g3/zeiss": Optics(
        camera="LG G3",
        microscope="Zeiss",
        um_per_px=0.185,
        # A halogen lamp without its blue filter, under a phone whose white balance is locked.
        cast=((0.98, 0.05, 0.0), (0.02, 0.91, 0.02), (0.0, 0.05, 0.68)),
        gamma=0.9,
        blur_um=0.28,
        curvature_um=0.45,
        fringe_um=0.30,
        vignette=0.35,
        sensor=SENSORS["lg-g3"],
        iso=400,
        jpeg=(92, 78),
    ),
}


def domain_optics(domain: str, um_per_px: float | None = None, eyepiece: bool = False) -> Optics:
    """The optics of a known domain, at its own scale or at another, with or without the round field's rim.

    Raises:
        BadInput: an unknown domain, or a scale that is none.
    """
    if domain not in DOMAINS:
        raise BadInput("domain", f"unknown domain {domain!r}", f"one of: {', '.join(DOMAINS)}")
    optics = DOMAINS[domain]
    return replace(optics, um_per_px=optics.um_per_px if um_per_px is None else um_per_px, eyepiece=eyepiece)


def seen(optics: Optics, height: int, width: int) -> np.ndarray:
    """bool (height, width): what of the slide is in the picture; all of it without the eyepiece's rim."""
    if not optics.eyepiece:
        return np.ones((height, width), bool)
    return _radii(height, width, optics.um_per_px, optics.axis_um, optics.field_um) <= 1


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
    radii = _radii(height, width, optics.um_per_px, optics.axis_um, optics.field_um)
    inside = np.minimum(radii, 1) if optics.eyepiece else radii
    light = _blur(
        light, inside, focus * optics.blur_um / optics.um_per_px, focus * optics.curvature_um / optics.um_per_px
    )
    if optics.eyepiece:
        # A stop in the ocular's focal plane: sharp however the slide is focused, and before the ocular's own fringes.
        edge = np.clip((1 - radii) * (optics.field_um / 2 / optics.um_per_px) + 0.5, 0, 1)
        stray = np.float32(_STRAY) * np.array(cv2.mean(light)[:3], np.float32)
        light -= stray
        light *= edge[..., None]
        light += stray
    if optics.fringe_um:
        light = _spread_colours(light, optics)
    if optics.vignette:
        light *= np.maximum(0, 1 - optics.vignette * radii**2.6)[..., None]
    if optics.sensor:
        add_noise(light, optics.sensor, optics.iso, optics.um_per_px, rng)
    tones = (255 * np.linspace(0, 1, 256) ** optics.gamma).round().astype(np.uint8)
    shown = cv2.LUT(cv2.convertScaleAbs(np.maximum(light, 0), alpha=255), tones)
    for quality in optics.jpeg[:-1]:
        right, down = (int(part) for part in rng.integers(0, 8, 2))
        beyond = cv2.copyMakeBorder(shown, down, 0, right, 0, cv2.BORDER_REPLICATE)
        shown = decoded(_jpeg(beyond, quality))[down:, right:]
    return _jpeg(shown, optics.jpeg[-1])


def decoded(data: bytes) -> np.ndarray:
    """uint8 RGB (H, W, 3) of a JPEG file's bytes.

    Raises:
        BadInput: not an image.
    """
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise BadInput("photograph", "these bytes are no image")
    return image


def _jpeg(rgb: np.ndarray, quality: int) -> bytes:
    done, data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        height, width = rgb.shape[:2]
        raise BadInput("field", f"{width} x {height} pixels cannot be written as JPEG", "draw a smaller field")
    return data.tobytes()


def _blur(light: np.ndarray, radii: np.ndarray, middle: float, rim: float) -> np.ndarray:
    """Blur of deviation hypot(middle, rim * radius**2) px: evenly blurred pictures, mixed so that variances agree."""
    widest = float(np.hypot(middle, rim * radii.max() ** 2))
    reached = middle
    if middle:
        light = cv2.GaussianBlur(light, (0, 0), middle)
    if not rim:
        return light
    variance = middle**2 + (rim * radii**2) ** 2
    # A third of a pixel is sharp: steps begin there.
    steps = int(np.ceil(np.log(max(1.0, widest / max(middle, 1 / 3))) / np.log(_BLUR_STEP) - 1e-6))
    for step in range(steps, 0, -1):
        wider = widest / _BLUR_STEP ** (step - 1)
        share = np.clip((variance - reached**2) / (wider**2 - reached**2), 0, 1)
        further = cv2.GaussianBlur(light, (0, 0), float(np.sqrt(wider**2 - reached**2)))
        light = cv2.blendLinear(light, further, 1 - share, share)
        reached = wider
    return light


def _spread_colours(light: np.ndarray, optics: Optics) -> np.ndarray:
    height, width = light.shape[:2]
    x, y = (side / 2 + axis / optics.um_per_px for side, axis in zip((width, height), optics.axis_um, strict=True))
    channels = list(cv2.split(light))
    for index, sign in ((0, -0.5), (2, 0.5)):
        zoom = 1 + sign * optics.fringe_um / (optics.field_um / 2)
        keep = np.array([[zoom, 0, (1 - zoom) * x], [0, zoom, (1 - zoom) * y]])
        channels[index] = cv2.warpAffine(
            channels[index], keep, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return cv2.merge(channels)


@lru_cache(maxsize=4)
def _radii(height: int, width: int, um_per_px: float, axis_um: tuple[float, float], field_um: float) -> np.ndarray:
    """Distance of each pixel from the field's middle, float32 (height, width); 1 at its rim."""
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2) * um_per_px - axis_um[0]
    y = (np.arange(height, dtype=np.float32) - (height - 1) / 2) * um_per_px - axis_um[1]
    return np.hypot(y[:, None], x[None]) / np.float32(field_um / 2)
