"""Scale and light: found on what the tests draw, kept in a folder, used by the reader."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.finder import find_cells
from edge_wbc.core.light import Light, light_of
from mobile_app.live.calibrate import (
    Calibration,
    Scale,
    calibrated,
    from_lines,
    from_points,
    from_red_cells,
    read_calibration,
    write_calibration,
)
from mobile_app.sources.frames import Photograph

WIDTH, HEIGHT = 1280, 960


def micrometer(period: float, degrees: float, thick: float = 0.2, disc: bool = True, noise: float = 3) -> np.ndarray:
    """A stage micrometer: every fifth line longer, every tenth longest, turned, its lamp uneven and yellow."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    x, y = x - WIDTH / 2 - 7.3, y - HEIGHT / 2 + 11
    across = x * np.cos(np.radians(degrees)) + y * np.sin(np.radians(degrees))
    along = -x * np.sin(np.radians(degrees)) + y * np.cos(np.radians(degrees))
    number = np.round(across / period)
    reach = np.where(number % 10 == 0, 0.40, np.where(number % 5 == 0, 0.3, 0.2)) * HEIGHT
    line = np.clip(thick * period / 2 - np.abs(across - number * period) + 0.5, 0, 1) * (np.abs(along) < reach)
    grey = 225 * (1 - 0.25 * ((x / WIDTH) ** 2 + (y / HEIGHT) ** 2)) * (1 - 0.75 * line)
    if disc:
        grey[np.hypot(x, y) > 0.48 * HEIGHT] = 6
    rgb = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.5)[..., None] * np.array([1, 0.95, 0.8])
    return np.clip(rgb + np.random.default_rng(0).normal(0, noise, rgb.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("degrees", [0, 3, 45, 90, 133])
@pytest.mark.parametrize("period", [24.6, 61.3, 118.0])
def test_a_micrometer_however_it_lies(period, degrees):
    scale = from_lines(micrometer(period, degrees), um=10)
    assert scale.um_per_px == pytest.approx(10 / period, rel=0.005)
    assert scale.width == WIDTH and scale.method == "lines" and 0 <= scale.error < 0.005


@pytest.mark.parametrize("thick", [0.1, 0.4])
@pytest.mark.parametrize("disc", [True, False])
def test_thin_and_thick_lines(thick, disc):
    scale = from_lines(micrometer(61.3, 17, thick, disc), um=10)
    assert scale.um_per_px == pytest.approx(10 / 61.3, rel=0.005)


def test_what_is_no_micrometer(field):
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    grey = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    one = grey.copy()
    one[:, 600:620] = 30
    for rgb in (noise, grey, one, field, grey[:3, :3]):
        with pytest.raises(BadInput, match="no evenly spaced lines are seen; focus on"):
            from_lines(rgb)


def test_two_points():
    assert from_points((10, 20), (310, 420), 50, 4000) == Scale(0.1, 4000, "points")
    for bad in (((5, 5), (5, 5), 10), ((0, 0), (9, 9), 0), ((0, 0), (9, 9), -1), ((0, 0), (9, 9), float("nan"))):
        with pytest.raises(BadInput, match="two points and the distance"):
            from_points(*bad, 4000)


def test_the_preview_has_a_scale_of_its_own():
    assert Scale(0.05, 5312, "points").at(1280) == pytest.approx(0.2075)


@pytest.mark.parametrize("scale", [1, 2])
def test_red_cells_as_a_ruler(draw, spots, scale):
    rgb = draw(640, 480, **spots, scale=scale)
    found = from_red_cells([rgb, rgb, rgb])
    assert found.um_per_px == pytest.approx(3.75 / (20 * scale), rel=0.08)
    assert found.method == "red cells" and found.width == 640 * scale and found.error == 0


def test_no_red_cells(field):
    with pytest.raises(BadInput, match="no red cells are seen"):
        from_red_cells([np.full_like(field, 230)])
    with pytest.raises(BadInput, match="several sizes"):
        from_red_cells([field, field[:400]])


def lamp(shape, tint=(1.0, 0.9, 0.7), fall=0.15, disc=False) -> np.ndarray:
    """(H, W, 3) share of the light: tinted, falling off from a middle that is not the picture's."""
    height, width = shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    even = np.clip(1 - fall * ((x - 0.2) ** 2 + y**2), 0, 1)
    if disc:
        even *= np.hypot(x * width, y * height) < 0.95 * min(height, width)
    return even[..., None] * np.array(tint)


def lit_by(rgb: np.ndarray, light: np.ndarray) -> np.ndarray:
    return np.clip(rgb * light + np.random.default_rng(1).normal(0, 1.5, rgb.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("disc", [False, True], ids=["whole", "disc"])
def test_light_is_divided_out(draw, spots, disc):
    rgb = draw(640, 480, **spots, noise=0)
    light = lamp(rgb.shape, disc=disc)
    found = light_of([lit_by(np.full_like(rgb, 240), light)])
    even = found.even(lit_by(rgb, light))
    inside = light.min(2) > 0.2
    wanted = rgb[inside].astype(float) * (np.median(even[inside], axis=0) / np.median(rgb[inside], axis=0))
    assert np.abs(even[inside] - wanted).mean() < 4
    glass = even[inside & (rgb == (236, 231, 226)).all(2)].astype(float)
    before = lit_by(rgb, light)[inside & (rgb == (236, 231, 226)).all(2)].astype(float)
    assert (glass.std(0) < 0.5 * before.std(0)).all()
    assert np.ptp(glass.mean(0) / (236, 231, 226)) < 0.02 < np.ptp(before.mean(0) / (236, 231, 226))
    if disc:
        assert even[light.max(2) == 0].mean() < 6
    assert np.array_equal(even.shape, rgb.shape) and even.dtype == np.uint8


def test_light_of_one_size_serves_photographs_of_another(draw, spots):
    """The preview is calibrated by the photograph's light."""
    rgb = draw(640, 480, **spots, noise=0)
    big = cv2.resize(lit_by(np.full_like(rgb, 240), lamp(rgb.shape)), (2560, 1920))
    even = light_of([big]).even(lit_by(rgb, lamp(rgb.shape)))
    glass = even[(rgb == (236, 231, 226)).all(2)].astype(float)
    assert glass.std(0).max() < 4


def test_a_cell_in_one_of_three_is_left_out(draw):
    empty = draw(640, 480, [], noise=2)
    stray = draw(640, 480, [(320, 240, 40)], noise=2)
    with pytest.raises(BadInput, match="the field is not empty; photograph three empty places"):
        light_of([stray])
    levels = light_of([empty, stray, empty]).levels
    assert np.ptp(levels[..., 1]) < 0.03 * levels[..., 1].max()


@pytest.mark.parametrize(("level", "words"), [(20, "too dark"), (255, "overexposed")])
def test_light_that_cannot_serve(level, words):
    with pytest.raises(BadInput, match=f"the empty field is {words}"):
        light_of([np.full((480, 640, 3), level, np.uint8)])


def test_light_needs_photographs_of_one_size(field):
    for photographs in ([], [field, field[:100]]):
        with pytest.raises(BadInput, match="photographs of one size"):
            light_of(photographs)


def test_red_cells_are_no_empty_field(field):
    with pytest.raises(BadInput, match="not empty"):
        light_of([field])


@pytest.fixture
def full(field) -> Calibration:
    light = light_of([lit_by(np.full_like(field, 240), lamp(field.shape))])
    return Calibration("Galaxy S5, CX18 10x ä", Scale(0.1875, 640, "lines", 0.001), light)


def test_kept_in_a_folder_and_read_back(full, tmp_path):
    write_calibration(tmp_path / "c", full)
    back = read_calibration(tmp_path / "c")
    assert (back.name, back.scale) == (full.name, full.scale)
    assert np.array_equal(back.light.levels, full.light.levels) and back.light.levels.dtype == np.uint16
    write_calibration(tmp_path / "c", Calibration("scale alone", Scale(0.2, 640, "points")))
    again = read_calibration(tmp_path / "c")
    assert again.light is None and again.scale.error is None and again.um_per_px(1280) == 0.1
    write_calibration(tmp_path / "c", Calibration("none"))
    assert read_calibration(tmp_path / "c").um_per_px(640) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "schema 2"),
        ({"scale": {"um_per_px": 0, "width": 640, "method": "lines", "error": None}}, "not a calibration"),
        ({"scale": {"um_per_px": 0.1, "width": 640, "method": "guess", "error": None}}, "not a calibration"),
        ({"scale": {"um_per_px": 0.1}}, "not a calibration"),
        ({"scale": 7}, "not a calibration"),
    ],
)
def test_a_damaged_record(full, tmp_path, change, words):
    write_calibration(tmp_path / "c", full)
    path = tmp_path / "c" / "calibration.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(BadInput, match=words):
        read_calibration(tmp_path / "c")


def test_damaged_light(full, tmp_path):
    write_calibration(tmp_path / "c", full)
    light = tmp_path / "c" / "light.png"
    for content in (b"", b"no picture", cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()):
        light.write_bytes(content)
        with pytest.raises(BadInput, match="not the light of an empty field; calibrate again"):
            read_calibration(tmp_path / "c")
    light.write_bytes(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint16))[1].tobytes())
    with pytest.raises(BadInput, match="holds no light"):
        read_calibration(tmp_path / "c")
    light.unlink()
    with pytest.raises(BadInput, match="cannot be read"):
        read_calibration(tmp_path / "c")


class Asked:
    """A reader that keeps what it was asked."""

    def read(self, rgb, single, um_per_px):
        self.rgb, self.single, self.um_per_px = rgb, single, um_per_px
        return []


def test_what_the_reader_gets(full, field):
    reader = Asked()
    dim = lit_by(field, lamp(field.shape))
    assert calibrated(reader, full)(Photograph(dim, b"")) == []
    assert (reader.single, reader.um_per_px) == (False, 0.1875)
    assert np.array_equal(reader.rgb, full.light.even(dim))
    calibrated(reader, Calibration("none"))(Photograph(dim, b""))
    assert reader.rgb is dim and reader.um_per_px is None


def test_cells_are_found_at_the_scale(field, spots):
    right, wrong = (find_cells(field, um_per_px=Scale(um / 20, 640, "points").at(640)) for um in (3.75, 15))
    middles = [((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in (cell.box for cell in right)]
    assert all(any(np.hypot(x - u, y - v) < 12 for u, v in middles) for x, y, _ in spots["nuclei"])
    assert [cell.box for cell in right] != [cell.box for cell in wrong]


def test_light_is_small(full, tmp_path):
    write_calibration(tmp_path / "c", full)
    assert sum(path.stat().st_size for path in (tmp_path / "c").iterdir()) < 60_000
    assert isinstance(full.light, Light) and Path(tmp_path / "c" / "light.png").exists()
