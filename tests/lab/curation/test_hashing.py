"""Bits that ImageHash would give, on anything; sharpness; hashes that mean nothing."""

from pathlib import Path

import cv2
import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edge_wbc.core.images import read_image
from edge_wbc.core.records import read_field
from edge_wbc.lab.curation.hashing import hash_crops, sharpness, to_grey
from edge_wbc.lab.curation.index import cut_cell


def agrees_with_imagehash(crops: list[np.ndarray]) -> None:
    greys = [to_grey(crop) for crop in crops]
    hashes = hash_crops(greys)
    for crop, grey, ahash, phash, thumb in zip(crops, greys, hashes.ahash, hashes.phash, hashes.thumbs, strict=True):
        picture = Image.fromarray(crop)
        assert np.array_equal(grey, np.asarray(picture.convert("L")))
        assert np.array_equal(thumb, np.asarray(picture.convert("L").resize((32, 32), Image.Resampling.LANCZOS)))
        assert int(ahash) == int(str(imagehash.average_hash(picture)), 16)
        assert int(phash) == int(str(imagehash.phash(picture)), 16)


@st.composite
def pictures(draw: st.DrawFn) -> np.ndarray:
    """Noise, blurred noise, flats, ramps and stripes of any size and contrast."""
    height, width = draw(st.integers(1, 300)), draw(st.integers(1, 300))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["noise", "extremes", "smooth", "flat", "ramp", "stripes"]))
    rgb = rng.integers(0, 256, (height, width, 3))
    if kind == "extremes":
        rgb = 255 * rng.integers(0, 2, (height, width, 3))
    elif kind == "smooth":
        rgb = cv2.GaussianBlur(rgb.astype(np.uint8), (0, 0), draw(st.floats(0.5, 30)))
    elif kind == "flat":
        rgb = np.broadcast_to(rng.integers(0, 256, 3), rgb.shape)
    elif kind == "ramp":
        rgb = (np.arange(height)[:, None, None] * 2 + np.arange(width)[None, :, None] + np.arange(3)) % 256
    elif kind == "stripes":
        rgb = np.broadcast_to(255 * (np.arange(width) // draw(st.integers(1, 40)) % 2)[None, :, None], rgb.shape)
    return np.ascontiguousarray(rgb, np.uint8)


@settings(max_examples=120, deadline=None)
@given(pictures())
def test_bits_of_any_picture(picture: np.ndarray) -> None:
    agrees_with_imagehash([picture])


def test_grey_of_every_kind_of_colour() -> None:
    """All sums that lie next to a half are among these: each channel at all levels beside a grid of the others."""
    levels = np.arange(256, dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels[::3], levels, levels[1::2], indexing="ij"), axis=-1).reshape(-1, 1024, 3)
    assert np.array_equal(to_grey(colours), np.asarray(Image.fromarray(colours).convert("L")))


def test_bits_of_drawn_cells(drawn_lab: Path) -> None:
    for file in sorted((drawn_lab / "records").glob("*.json"))[:4]:
        field = read_field(file)
        rgb = read_image(drawn_lab / field.image)
        agrees_with_imagehash([cut_cell(rgb, cell.box) for cell in field.cells])


def test_bits_of_real_cells(shared_data: Path) -> None:
    files = [*sorted(shared_data.glob("pbc/*/*.jpg"))[::150], *sorted(shared_data.glob("bccd/crops/*/*.jpg"))[::12]]
    agrees_with_imagehash([read_image(file) for file in files])
    for file in files[:10]:
        opened = Image.open(file)
        hashes = hash_crops([to_grey(read_image(file))])
        assert (int(hashes.ahash[0]), int(hashes.phash[0])) == (
            int(str(imagehash.average_hash(opened)), 16),
            int(str(imagehash.phash(opened)), 16),
        )


def test_no_crops() -> None:
    hashes = hash_crops([])
    assert len(hashes.ahash) == len(hashes.phash) == len(hashes.thumbs) == len(hashes.meaningless) == 0
    # Joined with another field's they stay bytes.
    assert hashes.thumbs.dtype == np.uint8


def test_the_papers_phash_is_against_the_mean() -> None:
    grey = cv2.GaussianBlur(np.random.default_rng(4).integers(0, 256, (90, 70), np.uint8), (0, 0), 4)
    thumb = np.asarray(Image.fromarray(grey).resize((32, 32), Image.Resampling.LANCZOS), float)
    at = np.arange(32)
    basis = 2 * np.cos(np.pi * (2 * at[None] + 1) * at[:8, None] / 64)
    low = basis @ thumb @ basis.T
    bits = "".join("1" if bit else "0" for bit in (low > low.mean()).ravel())
    assert int(hash_crops([grey], "mean").phash[0]) == int(bits, 2)
    assert hash_crops([grey], "mean").phash[0] != hash_crops([grey]).phash[0]


def test_sharpness_of_a_ramp_and_of_a_blurred_cell(drawn_lab: Path) -> None:
    ramp = np.broadcast_to(np.arange(100, dtype=np.uint8), (60, 100))
    assert sharpness(np.ascontiguousarray(ramp)) == pytest.approx(8 * 98 / 100)  # a border mirrors: no gradient
    grey = to_grey(read_image(next((drawn_lab / "images").iterdir())))
    assert sharpness(cv2.GaussianBlur(grey, (0, 0), 2)) < 0.9 * sharpness(grey)


@pytest.mark.parametrize("side", [40, 96, 224])
@pytest.mark.parametrize("spread", [0, 3, 12])
def test_flat_and_noisy_crops_mean_nothing(side: int, spread: float) -> None:
    rng = np.random.default_rng(side)
    grey = np.clip(rng.normal(190, spread, (8, side, side)), 0, 255).astype(np.uint8)
    assert hash_crops(grey).meaningless.all()


def test_cells_mean_something(drawn_lab: Path) -> None:
    file = next((drawn_lab / "records").glob("*.json"))
    field, noise = read_field(file), np.random.default_rng(2)
    rgb = read_image(drawn_lab / field.image)
    noisy = np.clip(rgb + noise.normal(0, 12, rgb.shape), 0, 255).astype(np.uint8)
    greys = [to_grey(cut_cell(picture, cell.box)) for picture in (rgb, noisy) for cell in field.cells]
    assert not hash_crops(greys).meaningless.any()
