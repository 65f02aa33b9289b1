"""The same place is known again, shifted, turned and refocused; another place of the same smear is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_wbc.core.images import read_image
from mobile_app.live.duplicates import Seen


def smear(seed: int, width: int = 1200, height: int = 900) -> np.ndarray:
    """Red cells wherever, and three nuclei."""
    rng = np.random.default_rng(seed)
    rgb = np.full((height, width, 3), (236, 231, 226), np.uint8)
    for x, y in rng.integers(0, (width, height), (260, 2)):
        cv2.circle(rgb, (int(x), int(y)), 24, (222, 160, 156), cv2.FILLED, cv2.LINE_AA)
        cv2.circle(rgb, (int(x), int(y)), 9, (232, 198, 192), cv2.FILLED, cv2.LINE_AA)
    for x, y in rng.integers(100, (width - 100, height - 100), (3, 2)):
        cv2.circle(rgb, (int(x), int(y)), 34, (104, 56, 150), cv2.FILLED, cv2.LINE_AA)
    return rgb


def view(rgb, right=0, down=0, turn=0.0, blur=0.0, gain=1.0, disc=False, seed=0):
    """What the camera sees of a place: 70% of it, moved and turned, out of focus, lit otherwise."""
    height, width = rgb.shape[:2]
    wide, high = int(0.7 * width), int(0.7 * height)
    left, top = (width - wide) // 2 + right, (height - high) // 2 + down
    moved = cv2.getRotationMatrix2D((left + wide / 2, top + high / 2), turn, 1.0)
    moved[:, 2] -= left, top
    seen = cv2.warpAffine(rgb, moved, (wide, high), borderMode=cv2.BORDER_REFLECT).astype(np.float32) * gain
    seen = cv2.GaussianBlur(seen, (0, 0), blur) if blur else seen
    if disc:
        lit = np.zeros((high, wide), np.float32)
        cv2.circle(lit, (wide // 2, high // 2), high // 2 - 8, 1, cv2.FILLED)
        seen = seen * lit[..., None]
    return np.clip(seen + np.random.default_rng(seed).normal(0, 2, seen.shape), 0, 255).astype(np.uint8)


AGAIN = {
    "as it was": {},
    "moved": {"right": 150, "down": -90},
    "turned": {"turn": 3.5},
    "refocused": {"blur": 4.0},
    "darker": {"gain": 0.7},
    "all at once": {"right": -110, "down": 60, "turn": -2.5, "blur": 2.0, "gain": 0.85},
}


@pytest.mark.parametrize("disc", [False, True], ids=["whole", "disc"])
@pytest.mark.parametrize("change", AGAIN)
def test_the_same_place_again(change, disc):
    seen = Seen()
    for seed in range(4):
        seen.add(f"field {seed}", view(smear(seed), disc=disc))
    found = seen.match(view(smear(2), **AGAIN[change], disc=disc, seed=9))
    assert found is not None and found.name == "field 2"
    assert 0.3 < found.overlap <= 1.01 and found.likeness <= 1.01


def test_it_says_where():
    seen = Seen()
    seen.add("before", view(smear(1)))
    right, down = seen.match(view(smear(1), right=168, down=-84)).shift
    assert (right, down) == (pytest.approx(168 / 840, abs=0.02), pytest.approx(-84 / 840, abs=0.02))


@pytest.mark.parametrize("disc", [False, True], ids=["whole", "disc"])
def test_other_places_of_the_smear(disc):
    seen = Seen()
    for seed in range(12):
        assert seen.match(view(smear(seed), disc=disc)) is None, seed
        seen.add(str(seed), view(smear(seed), disc=disc))
    assert len(seen) == 12


def test_a_deleted_field_is_forgotten():
    seen = Seen()
    seen.add("gone", view(smear(1)))
    seen.forget("gone")
    seen.forget("never there")
    assert seen.match(view(smear(1))) is None and len(seen) == 0


def test_empty_dark_and_small_fields_are_like_nothing():
    empty = np.clip(232 + np.random.default_rng(0).normal(0, 2, (600, 800, 3)), 0, 255).astype(np.uint8)
    seen = Seen()
    for name, rgb in {"empty": empty, "black": np.zeros_like(empty), "tiny": empty[:2, :3], "thin": empty[:1]}.items():
        seen.add(name, rgb)
    other = np.clip(232 + np.random.default_rng(1).normal(0, 2, (600, 800, 3)), 0, 255).astype(np.uint8)
    assert seen.match(other) is None
    assert seen.match(view(smear(3))) is None
    assert seen.match(np.zeros_like(empty)) is None


def test_real_fields(shared_data):
    fields = [read_image(path) for path in sorted((shared_data / "bccd" / "fields").glob("*.jpg"))[::25]]
    seen = Seen()
    for number, rgb in enumerate(fields):
        assert seen.match(view(rgb)) is None
        seen.add(str(number), view(rgb))
    for number, rgb in enumerate(fields):
        found = seen.match(view(rgb, right=60, down=40, turn=2, blur=1.5, gain=0.9, seed=1))
        assert found is not None and found.name == str(number)
