"""Pictures by their pixels: where a cube's front lies, what hides what, what is white."""

import cv2
import numpy as np
import pytest
import trimesh
from trimesh.creation import box, icosphere

from adapter_cad.render import look, png, render, visible

RED, BLUE = (220, 40, 40), (40, 80, 220)


def placed(mesh: trimesh.Trimesh, *by: float) -> trimesh.Trimesh:
    mesh.apply_translation(by)
    return mesh


def test_a_cube_from_the_front_fills_its_box_in_its_colour() -> None:
    view = look([box((10, 10, 10))], 0, 0, (200, 100), margin=0.1)
    assert view.scale == pytest.approx(8)  # 80 of 100 pixels for 10 mm
    picture = render([box((10, 10, 10))], [RED], view)
    assert picture.shape == (100, 200, 3) and picture.dtype == np.uint8
    drawn = (picture < 255).any(axis=2)
    y, x = np.nonzero(drawn)
    assert (x.min(), x.max() + 1, y.min(), y.max() + 1) == (60, 140, 10, 90)
    assert drawn[10:90, 60:140].all()
    front = picture[20:80, 70:130].reshape(-1, 3).astype(int)
    assert front.std(axis=0).max() < 2  # one face, one shade
    red, green, blue = front.mean(axis=0)
    assert red > 4 * green and abs(green - blue) < 2 and 150 < red <= 220
    assert picture[10, 100].sum() < 0.75 * front.mean(axis=0).sum()  # its edge is a dark line


@pytest.mark.parametrize(
    ("azimuth", "elevation", "axis"),
    [(0, 0, (1, 0)), (180, 0, (-1, 0)), (0, 90, (1, 0))],
)
def test_x_lies_to_the_right_from_the_front_and_to_the_left_from_behind(azimuth, elevation, axis) -> None:
    view = look([box((10, 10, 10))], azimuth, elevation, (100, 100))
    moved = view.pixels(np.array([[1.0, 0, 0]])) - view.pixels(np.zeros((1, 3)))
    assert np.allclose(moved / view.scale, axis, atol=1e-9)


def test_z_lies_up_and_seen_from_above_y_does() -> None:
    front, above = (look([box((10, 10, 10))], 0, up, (100, 100)) for up in (0, 90))
    assert np.allclose((front.pixels(np.array([[0, 0, 5.0]])) - 50) / front.scale, (0, -5))
    assert np.allclose((above.pixels(np.array([[0, 5.0, 0]])) - 50) / above.scale, (0, -5), atol=1e-6)


def test_the_nearer_hides_the_farther() -> None:
    near, far = placed(box((4, 4, 4)), 0, -10, 0), placed(box((8, 8, 8)), 0, 10, 0)
    view = look([near, far], 0, 0, (120, 120))
    owner = visible([near, far], view)
    assert owner[60, 60] == 0 and owner[60, 20] == 1 and owner[2, 2] == -1
    picture = render([near, far], [RED, BLUE], view)
    assert picture[60, 60, 0] > picture[60, 60, 2]
    assert picture[60, 20, 2] > picture[60, 20, 0]
    assert (picture[2, 2] == 255).all()


def test_a_ball_is_smooth_inside_and_lit_from_the_left() -> None:
    ball = icosphere(4, 10)
    picture = render([ball], [RED], look([ball], 0, 0, (200, 200))).astype(int)
    inner = picture[60:140, 60:140, 0]
    assert np.abs(np.diff(inner, axis=1)).max() < 25  # no dark lines between the facets
    assert picture[80, 70, 0] > picture[80, 150, 0] + 5


def test_the_same_picture_has_the_same_bytes_and_is_read_back() -> None:
    ball = icosphere(2, 10)
    view = look([ball], 30, 20, (80, 60))
    first, second = (png(render([ball], [BLUE], view)) for _ in range(2))
    assert first == second
    back = cv2.cvtColor(cv2.imdecode(np.frombuffer(first, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert np.array_equal(back, render([ball], [BLUE], view))
    assert b"tIME" not in first and b"tEXt" not in first
