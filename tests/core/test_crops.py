"""Every cell is cut out the same way, wherever it lies and however large it was photographed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core.crops import CropRule, crop_cell, crop_near, crop_single
from edge_wbc.core.finder import find_cells

RULE = CropRule(96, 1.2)


def _disc(width, height, x, y, radius):
    """A black disc on white."""
    rgb = np.full((height, width, 3), 255, np.uint8)
    cv2.circle(rgb, (x, y), radius, (0, 0, 0), cv2.FILLED, cv2.LINE_AA)
    return rgb


def _middle_and_radius(crop):
    dark = crop[..., 0] < 128
    ys, xs = np.nonzero(dark)
    return xs.mean() + 0.5, ys.mean() + 0.5, np.sqrt(dark.sum() / np.pi)


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_any_box_that_meets_the_picture(data):
    width, height = data.draw(st.integers(1, 120)), data.draw(st.integers(1, 120))
    whole = st.integers if data.draw(st.booleans()) else st.floats
    x0, y0 = data.draw(whole(-80, width - 1)), data.draw(whole(-80, height - 1))
    x1 = data.draw(whole(max(x0, 0) + 1, width + 80))
    y1 = data.draw(whole(max(y0, 0) + 1, height + 80))
    rule = CropRule(data.draw(st.integers(16, 64)), data.draw(st.floats(0.5, 4)))
    rgb = np.random.default_rng(0).integers(100, 200, (height, width, 3)).astype(np.uint8)
    before = rgb.copy()
    crop = crop_cell(rgb, (x0, y0, x1, y1), rule)
    assert crop.shape == (rule.size, rule.size, 3) and crop.dtype == np.uint8
    # What lies outside is mirrored in: no black, no white.
    assert crop.min() >= 100 and crop.max() < 200
    assert np.array_equal(rgb, before)


@settings(deadline=None, max_examples=100)
@given(x=st.integers(0, 299), y=st.integers(0, 199), radius=st.integers(12, 60), widen=st.floats(1.1, 2.5))
def test_the_cell_comes_to_the_middle_at_its_scale(x, y, radius, widen):
    rule = CropRule(96, widen)
    # Drawn with room around it, cut from a picture whose border may pass through the crop but not the cell.
    x, y = max(radius, min(x, 299 - radius)), max(radius, min(y, 199 - radius))
    crop = crop_cell(_disc(300, 200, x, y, radius), (x - radius, y - radius, x + radius + 1, y + radius + 1), rule)
    # The mirrored border may bring a second disc in; the middle is judged by the piece in the middle.
    _, pieces = cv2.connectedComponents((crop[..., 0] < 128).astype(np.uint8))
    ours = np.where(pieces == pieces[48, 48], 0, 255).astype(np.uint8)
    assert pieces[48, 48] > 0
    if max(x, y) + 2 * radius < 200 and min(x, y) > 2 * radius:
        middle_x, middle_y, found = _middle_and_radius(ours[..., None])
        pixel = 96 / (2 * widen * radius)
        assert abs(middle_x - 48) <= 1 + pixel and abs(middle_y - 48) <= 1 + pixel
        assert found == pytest.approx(48 / widen, rel=0.06, abs=1)


@pytest.mark.parametrize(("wide", "high"), [(60, 20), (20, 60), (60, 60)])
def test_the_longer_side_gives_the_scale(wide, high):
    rgb = np.full((300, 300, 3), 255, np.uint8)
    rgb[150 - high // 2 : 150 + high // 2, 150 - wide // 2 : 150 + wide // 2] = 0
    crop = crop_cell(rgb, (150 - wide // 2, 150 - high // 2, 150 + wide // 2, 150 + high // 2), CropRule(72, 1.2))
    ys, xs = np.nonzero(crop[..., 0] < 128)
    assert (np.ptp(xs) + 1, np.ptp(ys) + 1) == (wide, high)


@settings(deadline=None, max_examples=60)
@given(dx=st.integers(-60, 60), dy=st.integers(-60, 60))
def test_a_shifted_scene_gives_the_same_crop(dx, dy):
    texture = np.random.default_rng(2).integers(0, 256, (40, 50, 3)).astype(np.uint8)

    def crop(x, y):
        rgb = np.full((300, 320, 3), 200, np.uint8)
        rgb[y : y + 40, x : x + 50] = texture
        return crop_cell(rgb, (x, y, x + 50, y + 40), RULE)

    assert np.array_equal(crop(130, 130), crop(130 + dx, 130 + dy))


def test_a_larger_photograph_gives_nearly_the_same_crop(draw, spots):
    boxes = [(x - 30, y - 30, x + 30, y + 30) for x, y, _ in spots["nuclei"]]
    once, twice = (draw(640, 480, **spots, noise=0, scale=scale) for scale in (1, 2))
    for box in boxes:
        near = crop_cell(once, box, RULE)
        far = crop_cell(twice, [2 * value for value in box], RULE)
        off = np.abs(near.astype(int) - far)
        assert off.mean() < 2 and np.percentile(off, 99) < 30


def test_shrinking_averages():
    """A sharp chequer shrunk to half its size is grey, not whichever pixels were hit."""
    chequer = np.indices((300, 300)).sum(axis=0) % 2 * 255
    rgb = np.repeat(chequer[..., None], 3, axis=2).astype(np.uint8)
    crop = crop_cell(rgb, (54, 54, 214, 214), RULE)
    assert np.abs(crop.astype(int) - 127).max() <= 1


def test_found_and_cropped_at_two_scales(draw):
    """The whole way: a single-cell picture and the same one twice as large."""
    nuclei, red_cells = [(110, 128, 30)], [(200, 60, 26), (50, 50, 26), (205, 190, 26)]
    near, far = (crop_single(draw(240, 240, nuclei, red_cells, noise=0, scale=scale), RULE) for scale in (1, 2))
    assert np.abs(near.astype(int) - far).mean() < 8
    purple = (near[..., 2].astype(int) - near[..., 1]) > 60
    ys, xs = np.nonzero(purple)
    assert abs(xs.mean() - 48) < 3 and abs(ys.mean() - 48) < 3


def test_a_picture_without_a_nucleus_is_shown_whole():
    ramp = np.linspace(180, 250, 120).astype(np.uint8)
    picture = np.repeat(np.tile(ramp, (120, 1))[..., None], 3, axis=2)
    assert find_cells(picture) == []
    for blank in (picture, picture.transpose(1, 0, 2).copy()):
        crop = crop_single(blank, RULE)
        assert crop.shape == (96, 96, 3)
        assert crop.min() <= 182 and crop.max() >= 248
    tall = np.vstack([np.zeros_like(picture[:60]) + 255, picture, np.zeros_like(picture[:60]) + 255])
    crop = crop_single(tall, RULE)
    # The middle square: the ramp from left to right fills the middle row.
    assert crop[48].min() <= 182 and 240 <= crop[48].max()


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 90, 3), (224, 224, 3)])
def test_a_blank_picture(shape, value):
    crop = crop_single(np.full(shape, value, np.uint8), RULE)
    assert crop.shape == (96, 96, 3) and np.all(crop == value)


def test_marked_cells_are_cut_by_the_finders_boxes(field, spots):
    """A tight box and a loose one of the same cell give the same crop: that of the finder's box."""
    x, y, radius = spots["nuclei"][0]
    tight, loose = ((x - side, y - side, x + side, y + side) for side in (radius, round(1.9 * radius)))
    found = min((cell.box for cell in find_cells(field)), key=lambda box: abs(box[0] + box[2] - 2 * x))
    crops = crop_near(field, [tight, loose], RULE)
    assert crops.shape == (2, 96, 96, 3) and crops.dtype == np.uint8
    expected = crop_cell(field, found, RULE)
    assert np.array_equal(crops[0], expected) and np.array_equal(crops[1], expected)
    assert not np.array_equal(crop_cell(field, tight, RULE), expected)


def test_marked_cells_that_the_finder_does_not_see_are_cut_as_marked(field, spots, draw):
    x, y, radius = spots["red_cells"][0]
    box = (x - radius, y - radius, x + radius, y + radius)
    assert np.array_equal(crop_near(field, [box], RULE)[0], crop_cell(field, box, RULE))
    blank = draw(200, 200, [])
    assert np.array_equal(crop_near(blank, [(50, 50, 90, 90)], RULE)[0], crop_cell(blank, (50, 50, 90, 90), RULE))


def test_no_marked_cells(field):
    crops = crop_near(field, [], RULE)
    assert crops.shape == (0, 96, 96, 3) and crops.dtype == np.uint8
