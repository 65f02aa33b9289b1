"""What light tells of a field: its disc, its red cells' size and stain."""

import cv2
import numpy as np
import pytest

from edge_wbc.core.density import bright_disc, excess_density, optical_density, red_cell_radius


def _density(rgb):
    lit = np.ones(rgb.shape[:2], bool)
    return (*optical_density(rgb, lit), lit)


@pytest.mark.parametrize("scale", [0.4, 0.7, 1, 1.6, 2.4])
def test_red_cells_are_a_ruler(field, scale):
    scaled = cv2.resize(field, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    density, red_cell, lit = _density(scaled)
    assert red_cell_radius(density, red_cell, lit) == pytest.approx(20 * scale, rel=0.1)


def test_touching_red_cells_measure_as_ones_apart(draw):
    packed = [(40 + 33 * column + 16 * (row % 2), 40 + 29 * row, 16) for column in range(16) for row in range(13)]
    density, red_cell, lit = _density(draw(640, 480, [], packed))
    assert red_cell_radius(density, red_cell, lit) == pytest.approx(16, rel=0.15)


def test_drawn_fields_measure_what_they_were_drawn_at(drawn_lab):
    from edge_wbc.core.images import read_image
    from edge_wbc.core.records import read_field

    for record in sorted((drawn_lab / "records").glob("*_000.json"))[:6]:
        about = read_field(record)
        density, red_cell, lit = _density(read_image(drawn_lab / about.image))
        assert red_cell_radius(density, red_cell, lit) == pytest.approx(3.75 / about.um_per_px, rel=0.15)


def test_nothing_round_has_no_radius():
    blank = np.full((200, 300, 3), 230, np.uint8)
    density, red_cell, lit = _density(blank)
    assert red_cell_radius(density, red_cell, lit) is None


@pytest.mark.parametrize("cast", [(1.0, 0.86, 0.7), (0.75, 0.9, 1.0), (0.7, 0.7, 0.7)])
def test_a_lamp_and_a_vignette_cancel_out(field, cast):
    y, x = np.mgrid[-1:1:480j, -1:1:640j]
    shade = 1 - 0.25 * (x**2 + y**2)
    seen = np.clip(field * np.array(cast) * shade[..., None], 0, 255).astype(np.uint8)
    (plain, red_cell, _), (other, other_red, _) = _density(field), _density(seen)
    assert np.abs(red_cell - other_red).max() < 0.06
    assert np.median(np.abs(plain - other)) < 0.03


def test_red_cells_and_background_are_taken_away_and_nuclei_stay(field, spots):
    density, red_cell, _ = _density(field)
    excess = excess_density(density, red_cell)
    assert excess.dtype == np.float32 and excess.shape == field.shape
    for x, y, radius in spots["red_cells"]:
        assert np.abs(excess[y, x + round(0.7 * radius)]).max() < 0.3
    for x, y, _ in spots["nuclei"]:
        assert excess[y, x, :2].min() > 1


def test_the_disc_of_an_ocular(field):
    inside = np.zeros((480, 640), np.uint8)
    cv2.circle(inside, (300, 240), 220, 1, cv2.FILLED)
    rng = np.random.default_rng(5)
    glare = rng.integers(0, 40, field.shape).astype(np.uint8)
    lit = bright_disc(np.where(inside[..., None] > 0, field, glare))
    assert not (lit & (inside == 0)).any()
    assert lit.sum() > 0.93 * inside.sum()
    assert bright_disc(field).all()


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_pictures_do_no_harm(value):
    flat = np.full((40, 50, 3), value, np.uint8)
    density, red_cell, _ = _density(flat)
    assert np.isfinite(density).all() and np.isfinite(red_cell).all() and np.abs(density).max() < 1e-3
    assert np.isfinite(excess_density(density, red_cell)).all()
