"""The finder on fields drawn by the tests, and on real ones where they are at hand."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import cv2
import numpy as np
import pytest

from edge_wbc.core.finder import find_cells, find_one
from edge_wbc.core.images import read_image


def _centre(cell):
    x0, y0, x1, y1 = cell.box
    return (x0 + x1) / 2, (y0 + y1) / 2


def _assert_found(cells, nuclei, scale=1.0):
    """Exactly the nuclei: each box around its own middle, holding the nucleus and not much more than the cell."""
    assert len(cells) == len(nuclei)
    left = list(cells)
    for x, y, radius in nuclei:
        x, y, radius = x * scale, y * scale, radius * scale
        cell = min(left, key=lambda cell: np.hypot(_centre(cell)[0] - x, _centre(cell)[1] - y))
        left.remove(cell)
        assert np.hypot(_centre(cell)[0] - x, _centre(cell)[1] - y) < 0.15 * radius + 1
        x0, y0, x1, y1 = cell.box
        assert x0 <= x - radius + 1 and x1 >= x + radius - 1 and y0 <= y - radius + 1 and y1 >= y + radius - 1
        assert 2 * radius <= max(x1 - x0, y1 - y0) <= 3.3 * radius


def test_all_nuclei_no_red_cell_no_platelet(field, spots):
    cells = find_cells(field)
    _assert_found(cells, spots["nuclei"])
    for cell in cells:
        assert not cell.cut and cell.votes == {} and 0.4 < cell.score < 1
        assert all(type(value) is int for value in cell.box) and type(cell.cut) is bool


def test_a_field_without_white_cells(draw, spots):
    field = draw(640, 480, [], spots["red_cells"], spots["platelets"])
    assert find_cells(field) == []
    assert find_one(field) is None
    assert find_cells(draw(640, 480, [], spots["red_cells"], red_cell=(215, 150, 190))) == []


def test_thick_red_cells_are_no_nuclei(draw, spots):
    """Red cells stained as darkly as a pale nucleus: what counts is how far nuclei stand above them."""
    field = draw(640, 480, **spots, red_cell=(190, 90, 160))
    _assert_found(find_cells(field), spots["nuclei"])


@pytest.mark.parametrize("cast", [(1.0, 0.86, 0.7), (0.75, 0.9, 1.0), (0.7, 0.7, 0.7)], ids=["warm", "blue", "dim"])
def test_under_another_lamp(field, spots, cast):
    _assert_found(find_cells((field * np.array(cast)).astype(np.uint8)), spots["nuclei"])


@pytest.mark.parametrize("scale", [0.5, 0.7])
def test_smaller(field, spots, scale):
    small = cv2.resize(field, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _assert_found(find_cells(small), spots["nuclei"], scale)


@pytest.mark.parametrize("scale", [2, 3])
def test_larger(draw, spots, scale):
    """Boxes are in pixels of the photograph, however small it is searched."""
    _assert_found(find_cells(draw(640, 480, **spots, scale=scale)), spots["nuclei"], scale)


def test_largest_first(draw, spots):
    nuclei = [(x, y, radius) for (x, y, _), radius in zip(spots["nuclei"], (20, 28, 24, 30, 22), strict=True)]
    cells = find_cells(draw(640, 480, nuclei, spots["red_cells"]))
    areas = [(cell.box[2] - cell.box[0]) * (cell.box[3] - cell.box[1]) for cell in cells]
    assert len(areas) == 5 and areas == sorted(areas, reverse=True)


def test_the_border_cuts(draw, spots):
    nuclei = [(18, 240, 24), (320, 18, 24), (622, 100, 24), (200, 462, 24), (320, 240, 24)]
    red_cells = [
        spot for spot in spots["red_cells"] if all(np.hypot(spot[0] - x, spot[1] - y) > 60 for x, y, _ in nuclei)
    ]
    cells = find_cells(draw(640, 480, nuclei, red_cells))
    assert len(cells) == 5
    for cell in cells:
        x0, y0, x1, y1 = cell.box
        assert 0 <= x0 < x1 <= 640 and 0 <= y0 < y1 <= 480
        assert cell.cut == (x0 == 0 or y0 == 0 or x1 == 640 or y1 == 480)
    assert sum(cell.cut for cell in cells) == 4


def test_a_lobed_nucleus_is_one_cell(draw, spots):
    """Three lobes that do not touch, as in a neutrophil."""
    x, y, _ = spots["nuclei"][0]
    rest = [spot for spot in spots["red_cells"] if np.hypot(spot[0] - x, spot[1] - y) > 60]
    lobes = [(x - 13, y, 11), (x + 13, y + 3, 11), (x, y - 19, 11)]
    field = draw(640, 480, [], rest, lobes)
    (cell,) = find_cells(field)
    x0, y0, x1, y1 = cell.box
    assert x0 <= x - 20 and x1 >= x + 20 and y0 <= y - 26 and y1 >= y + 10


def _through_an_ocular(field, radius=235):
    height, width = field.shape[:2]
    inside = np.zeros((height, width), np.uint8)
    cv2.circle(inside, (width // 2, height // 2), radius, 1, cv2.FILLED)
    rng = np.random.default_rng(5)
    dark = rng.integers(0, 14, field.shape).astype(np.uint8)
    return np.where(inside[..., None] > 0, field, dark)


def test_a_bright_disc_on_black(draw, spots):
    inside = [spot for spot in spots["nuclei"] if np.hypot(spot[0] - 320, spot[1] - 240) < 235 - 2 * spot[2]]
    assert len(inside) >= 3
    field = draw(640, 480, inside, spots["red_cells"], spots["platelets"])
    _assert_found(find_cells(_through_an_ocular(field)), inside)


def test_a_disc_without_white_cells(draw, spots):
    assert find_cells(_through_an_ocular(draw(640, 480, [], spots["red_cells"]))) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 60, 3), (60, 1, 3), (7, 9, 3), (480, 640, 3)])
@pytest.mark.parametrize("value", [0, 40, 51, 128, 255])
def test_an_empty_picture(shape, value):
    picture = np.full(shape, value, np.uint8)
    assert find_cells(picture) == []
    assert find_one(picture) is None


@pytest.mark.parametrize("seed", range(3))
def test_noise_does_not_crash_it(seed):
    noise = np.random.default_rng(seed).integers(0, 256, (200, 300, 3)).astype(np.uint8)
    for cell in find_cells(noise):
        x0, y0, x1, y1 = cell.box
        assert 0 <= x0 < x1 <= 300 and 0 <= y0 < y1 <= 200 and 0 <= cell.score <= 1


def test_a_grainy_white_picture_holds_no_cell():
    grain = np.random.default_rng(1).normal(240, 6, (480, 640, 3))
    assert find_cells(np.clip(grain, 0, 255).astype(np.uint8)) == []


def test_the_field_is_not_written_to(field):
    before = field.copy()
    find_cells(field)
    assert np.array_equal(field, before)


def test_one_cell_of_a_single_cell_picture(draw):
    """The nearest to the middle, not the largest."""
    picture = draw(300, 300, [(160, 145, 24), (95, 205, 32)], [(240, 60, 26), (60, 60, 26), (235, 230, 26)])
    largest = find_cells(picture)[0].box
    x0, y0, x1, y1 = find_one(picture)
    assert (x0, y0, x1, y1) != largest
    assert abs((x0 + x1) / 2 - 160) < 5 and abs((y0 + y1) / 2 - 145) < 5
    assert find_one(draw(240, 240, [(20, 215, 36)], [(120, 120, 26), (50, 50, 26)])) is None


def test_touching_cells_are_split(draw, spots):
    """Two nuclei whose cytoplasm touches; a third apart."""
    nuclei = [(300, 240, 24), (362, 240, 24), (120, 120, 24)]
    rest = [spot for spot in spots["red_cells"] if all(np.hypot(spot[0] - x, spot[1] - y) > 60 for x, y, _ in nuclei)]
    _assert_found(find_cells(draw(640, 480, nuclei, rest)), nuclei)


def test_the_dark_around_a_disc_cuts(draw, spots):
    nuclei = [(320, 240, 24), (320 + 222, 240, 24)]
    rest = [spot for spot in spots["red_cells"] if all(np.hypot(spot[0] - x, spot[1] - y) > 60 for x, y, _ in nuclei)]
    cells = find_cells(_through_an_ocular(draw(640, 480, nuclei, rest)))
    assert {round(_centre(cell)[0], -2): cell.cut for cell in cells} == {300: False, 500: True}


def test_a_calibrated_field_needs_no_red_cells(draw, spots):
    """Red cells of 20 pixels are 3.75 um: a pixel spans 0.1875 um."""
    alone = draw(640, 480, spots["nuclei"], spots["red_cells"][:2])
    assert len(find_cells(alone, um_per_px=0.1875)) == 5


def _marked(path):
    """Boxes of the white cells that a Pascal VOC file marks."""
    return [
        [int(entry.find("bndbox").find(side).text) for side in ("xmin", "ymin", "xmax", "ymax")]
        for entry in ElementTree.parse(path).iter("object")
        if entry.find("name").text == "WBC"
    ]


def _same(box, marked):
    x0, y0, x1, y1 = box
    u0, v0, u1, v1 = marked
    if u0 <= (x0 + x1) / 2 <= u1 and v0 <= (y0 + y1) / 2 <= v1:
        return True
    both = max(0, min(x1, u1) - max(x0, u0)) * max(0, min(y1, v1) - max(y0, v0))
    return both >= 0.5 * ((x1 - x0) * (y1 - y0) + (u1 - u0) * (v1 - v0) - both)


def test_the_real_fields_of_bccd(shared_data):
    photographs = sorted((shared_data / "bccd" / "fields").glob("*.jpg"))
    assert len(photographs) == 292
    hit = total = false = 0
    for photograph in photographs:
        marked = _marked(shared_data / "bccd" / "annotations" / f"{photograph.stem}.xml")
        boxes = [cell.box for cell in find_cells(read_image(photograph))]
        total += len(marked)
        hit += sum(any(_same(box, mark) for box in boxes) for mark in marked)
        false += sum(not any(_same(box, mark) for mark in marked) for box in boxes)
    assert hit / total >= 0.985
    assert false / len(photographs) <= 0.10


def test_the_real_fields_of_a_smartphone(shared_data):
    """Of the part that the finder did not learn from."""
    photographs = sorted((shared_data / "smartphone_fields" / "valid" / "images").iterdir())
    hit = total = false = 0
    for photograph in photographs:
        rgb = read_image(photograph)
        rows = (photograph.parents[1] / "labels" / f"{photograph.stem}.txt").read_text().split("\n")
        marked = []
        for row in filter(None, rows):
            x, y, wide, high = (float(value) * 416 for value in row.split()[1:5])
            marked.append((x - wide / 2, y - high / 2, x + wide / 2, y + high / 2))
        boxes = [cell.box for cell in find_cells(rgb)]
        total += len(marked)
        hit += sum(any(_same(box, mark) for box in boxes) for mark in marked)
        false += sum(not any(_same(box, mark) for mark in marked) for box in boxes)
    assert total == 188 and hit / total >= 0.95
    assert false / len(photographs) <= 0.3


def test_one_real_field(shared_data):
    bccd = shared_data / "bccd"
    (marked,) = _marked(bccd / "annotations" / "BloodImage_00001.xml")
    (cell,) = find_cells(read_image(bccd / "fields" / "BloodImage_00001.jpg"))
    assert _same(cell.box, marked)
