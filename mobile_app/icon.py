"""Draws the app's icon and the picture shown while it starts: a white cell in the bright disc of an ocular."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence, Tuple

import cv2
import numpy as np

from edge_wbc.core.pack import write_folder
from mobile_app.stage import command

__all__ = ["draw", "write_icons"]

GROUND = (23, 26, 31)
RIM = (66, 75, 92)
FIELD = (250, 240, 230)
RED_CELL = (240, 196, 190)
MEMBRANE = (139, 104, 178)
CYTOPLASM = (222, 208, 240)
NUCLEUS = (84, 36, 128)

# Centres and radii in shares of the disc's radius; x right, y down.
RED_CELLS = ((-0.78, 0.34, 0.25), (0.58, -0.64, 0.24), (0.72, 0.46, 0.24), (-0.56, -0.66, 0.24))
CELL = 0.64
LOBES = ((-0.26, 0.2, 0.22), (-0.14, -0.22, 0.22), (0.24, -0.16, 0.2), (0.27, 0.2, 0.19))
BRIDGE = 0.2
SMOOTH = 4


def draw(side: int, disc: float = 0.94, clear: bool = False) -> np.ndarray:
    """The picture, (side, side, 4) uint8 RGBA.

    Args:
        side: of the picture in pixels.
        disc: the ocular's diameter as a share of `side`.
        clear: transparent about the disc, not the app's ground.
    """
    large = side * SMOOTH
    rgb = np.full((large, large, 3), GROUND, np.uint8)
    cover = np.full((large, large), 0 if clear else 255, np.uint8)
    radius = disc * large / 2
    field = 0.89 * radius

    def place(x: float, y: float) -> Tuple[int, int]:
        return round(large / 2 + x * field), round(large / 2 + y * field)

    def circle(x: float, y: float, size: float, colour: Sequence[int]) -> None:
        cv2.circle(rgb, place(x, y), round(size * field), colour, -1)

    cv2.circle(cover, place(0, 0), round(radius), 255, -1)
    cv2.circle(rgb, place(0, 0), round(radius), RIM, -1)
    circle(0, 0, 1, FIELD)
    for x, y, size in RED_CELLS:
        circle(x, y, size, RED_CELL)
        circle(x, y, 0.4 * size, FIELD)
    cv2.circle(rgb, place(0, 0), round((field + radius) / 2), RIM, round(radius - field))
    circle(0, 0, CELL, MEMBRANE)
    circle(0, 0, CELL - 0.06, CYTOPLASM)
    for x, y, size in LOBES:
        circle(x, y, size, NUCLEUS)
    for one, other in zip(LOBES, LOBES[1:]):
        cv2.line(rgb, place(*one[:2]), place(*other[:2]), NUCLEUS, round(BRIDGE * field))
    return cv2.resize(np.dstack([rgb, cover]), (side, side), interpolation=cv2.INTER_AREA)


def write_icons(out: Path) -> None:
    """Writes what buildozer.spec names, as one folder; the same each time.

    Raises:
        BadInput: something else is at `out`.
        OSError: the disk is full or the place not writable.
    """
    pictures = {
        "icon.png": draw(512, clear=True),
        # Android cuts a shape of its own out of these two; of 108 parts across it always shows the middle 66.
        "icon_front.png": draw(432, disc=66 / 108, clear=True),
        "icon_back.png": np.full((432, 432, 3), GROUND, np.uint8),
        "presplash.png": draw(960, disc=0.5)[..., :3],
    }
    files = {}
    for name, picture in pictures.items():
        order = cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR
        files[name] = cv2.imencode(".png", cv2.cvtColor(picture, order))[1].tobytes()
    write_folder(out, files, known_by="icon_front.png")


if __name__ == "__main__":
    command("icon", write_icons)
