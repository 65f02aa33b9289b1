"""Scenes drawn by the tests themselves, and a pack of three small files."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from edge_wbc.core.crops import CropRule
from edge_wbc.core.pack import Manifest

Spot = tuple[int, int, int]

BACKGROUND, RED_CELL, PALLOR = (236, 231, 226), (222, 160, 156), (232, 198, 192)
NUCLEUS, CYTOPLASM = (104, 56, 150), (206, 188, 216)


def _draw(
    width: int,
    height: int,
    nuclei: list[Spot],
    red_cells: list[Spot] = (),
    platelets: list[Spot] = (),
    noise: float = 2.0,
    scale: int = 1,
    red_cell: tuple[int, int, int] = RED_CELL,
) -> np.ndarray:
    """A stained field: spots are x, y, radius of a nucleus, red cell or platelet in pixels, times `scale`."""
    rgb = np.full((height * scale, width * scale, 3), BACKGROUND, np.uint8)

    def disc(x: int, y: int, radius: float, colour: tuple[int, int, int]) -> None:
        cv2.circle(rgb, (x * scale, y * scale), int(round(radius * scale)), colour, cv2.FILLED, cv2.LINE_AA)

    for x, y, radius in red_cells:
        disc(x, y, radius, red_cell)
        disc(x, y, radius * 0.4, PALLOR)
    for x, y, radius in nuclei:
        disc(x, y, radius * 1.35, CYTOPLASM)
        disc(x, y, radius, NUCLEUS)
    for x, y, radius in platelets:
        disc(x, y, radius, NUCLEUS)
    grain = np.random.default_rng(3).normal(0, noise, rgb.shape) if noise else 0.0
    return np.clip(cv2.GaussianBlur(rgb, (0, 0), 0.8 * scale) + grain, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def draw() -> Callable[..., np.ndarray]:
    """Draws a stained field: draw(width, height, nuclei, red_cells, platelets, noise, scale, red_cell)."""
    return _draw


@pytest.fixture(scope="session")
def spots() -> dict[str, list[Spot]]:
    """Where a 640 x 480 field's nuclei, red cells and platelets lie: apart from each other, off the border."""
    rng = np.random.default_rng(11)
    placed: list[Spot] = []

    def place(count: int, radius: int, room: int) -> list[Spot]:
        mine: list[Spot] = []
        while len(mine) < count:
            x, y = int(rng.integers(60, 580)), int(rng.integers(60, 420))
            if all((x - u) ** 2 + (y - v) ** 2 > (room + other) ** 2 for u, v, other in placed):
                placed.append((x, y, room))
                mine.append((x, y, radius))
        return mine

    return {"nuclei": place(5, 24, 40), "red_cells": place(28, 20, 24), "platelets": place(12, 5, 9)}


@pytest.fixture(scope="session")
def field(draw: Callable[..., np.ndarray], spots: dict[str, list[Spot]]) -> np.ndarray:
    """The 640 x 480 field of `spots`."""
    return draw(640, 480, **spots)


@pytest.fixture(scope="session")
def manifest() -> Manifest:
    """What a pack says of its model."""
    return Manifest(
        model="tiny",
        labels=("neutrophil", "lymphocyte", "monocyte"),
        crop=CropRule(64, 1.25),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        temperature=1.5,
        uncertain_below=0.6,
        metrics={"drawn": {"n": 12, "accuracy": 0.75, "accuracy_ci95": [0.43, 0.95]}},
        seed=7,
        versions={"torch": "2.12.1"},
    )


@pytest.fixture(scope="session")
def contents() -> dict[str, bytes]:
    """The files of a small pack."""
    return {
        "model.int8.tflite": bytes(range(256)) * 8,
        "MODEL_CARD.md": "# A model card, 5 µm\n".encode(),
        "extra/numerics.json": b'{"agreement": 1.0}\n',
    }
