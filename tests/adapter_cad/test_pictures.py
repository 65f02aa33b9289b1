"""Pictures of a whole design: every part's colour is in them, the section shows the cone that was cut."""

import cv2
import numpy as np
import pytest
import trimesh
from trimesh.creation import annulus, box

from adapter_cad import pictures
from adapter_cad.design import design
from adapter_cad.model import BackOpening, Bump, EdgeCutout, Ocular, Phone, Printer
from adapter_cad.part import Adapter
from adapter_cad.pictures import COLOURS, assembled_picture, exploded_picture
from adapter_cad.section import cut, section_picture

PHONE = Phone(
    "slab", "Slab <5>", 142, 72, 8, 9, 30, 16, 0.6, 29, 2.4, 4.7, 3.5, 150,
    Bump(22, 40, 8, 25, 0.8), (EdgeCutout("plug", "bottom", 31, 41),), (BackOpening("flash", 46, 16, 6),),
)  # fmt: skip
OCULAR = Ocular("ten", "10x/18", 10, 18, 14, 30, 20, 23.2, 16)


@pytest.fixture(scope="module")
def adapter() -> Adapter:
    return design(PHONE, OCULAR, Printer("bed", "Bed", 250, 210, 210, 0.4, 0.2))


def share(picture: np.ndarray, colour: tuple[int, int, int]) -> float:
    """How much of a picture has a colour's hue, whatever the light on it."""
    hue, saturation, _ = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV).astype(int))
    wanted = int(cv2.cvtColor(np.uint8([[colour]]), cv2.COLOR_RGB2HSV)[0, 0, 0])
    return float(((abs(hue - wanted) < 6) & (saturation > 90)).mean())


def test_assembled_and_exploded_show_every_part_on_white(adapter) -> None:
    for picture in (assembled_picture(adapter, (700, 350)), exploded_picture(adapter, (700, 500))):
        assert (picture[:3] == 255).all() and (picture[:, :3] == 255).all()
        for name in ("tray", "clamp", "spacer", "stop"):
            assert share(picture, COLOURS[name]) > 0.004, name
        assert share(picture, COLOURS["coupon"]) < 0.001


def test_pieces_apart_do_not_touch_along_the_axis(adapter) -> None:
    moved = pictures._apart(adapter)
    assert len(moved) == 2 + 4 + len(adapter.hardware)
    at = {piece.name: piece.mesh.bounds[:, 2] for piece in moved}
    for lower, upper in (("ocular", "clamp"), ("clamp", "spacer"), ("spacer", "tray"), ("tray", "phone")):
        assert at[lower][1] < at[upper][0], (lower, upper)
    before = {id(item.mesh) for item in adapter.hardware}
    assert not before & {id(piece.mesh) for piece in moved}  # the design itself stays in its place


def test_the_picture_of_a_moved_part_is_another(adapter) -> None:
    small = (200, 150)
    first, second = (assembled_picture(adapter, small) for _ in range(2))
    assert np.array_equal(first, second)
    shorter = Adapter(**{**vars(adapter), "parts": adapter.parts[1:]})
    assert share(assembled_picture(shorter, small), COLOURS["tray"]) < 0.3 * share(first, COLOURS["tray"])


def area(outlines: list[np.ndarray]) -> float:
    return sum(float(np.sum(o[:, 0] * np.roll(o[:, 1], -1) - np.roll(o[:, 0], -1) * o[:, 1])) / 2 for o in outlines)


def test_a_cut_is_in_x_and_z_with_its_holes() -> None:
    brick = box(bounds=[(1, -3, 5), (4, 3, 7)])
    (outline,) = cut(brick)
    assert outline.min(axis=0) == pytest.approx((1, 5)) and outline.max(axis=0) == pytest.approx((4, 7))
    tube = annulus(5, 8, 10)
    tube.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (1, 0, 0)))  # its axis along y
    outlines = cut(tube)
    assert len(outlines) == 2 and abs(area(outlines)) == pytest.approx(np.pi * (64 - 25), rel=0.02)
    assert cut(box(bounds=[(0, 1, 0), (1, 2, 1)])) == []


def test_the_section_repeats_and_its_light_meets_no_part(adapter) -> None:
    first = section_picture(adapter)
    assert first == section_picture(adapter)
    picture = cv2.cvtColor(cv2.imdecode(np.frombuffer(first, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert picture.shape[1] == 1560
    assert share(picture, (242, 183, 5)) > 0.002
    assert b"Software" not in first and b"tIME" not in first
