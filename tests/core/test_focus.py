"""Sharpness falls with blur, whatever the field holds; exposure is told in words."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_wbc.core.focus import GOOD, TOO_BRIGHT, TOO_DARK, look
from edge_wbc.core.images import read_image

BLURS = (0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)


def blurred(rgb: np.ndarray, sigma: float) -> np.ndarray:
    """Out of focus, then with a sensor's noise, which no lens takes away."""
    soft = cv2.GaussianBlur(rgb, (0, 0), sigma) if sigma else rgb
    return np.clip(soft + np.random.default_rng(0).normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)


def through_an_ocular(rgb: np.ndarray) -> np.ndarray:
    disc = np.zeros(rgb.shape[:2], np.uint8)
    cv2.circle(disc, (rgb.shape[1] // 2, rgb.shape[0] // 2), int(0.46 * rgb.shape[0]), 1, cv2.FILLED)
    return rgb * disc[..., None] + np.uint8(4)


@pytest.mark.parametrize("cut", [lambda rgb: rgb, through_an_ocular], ids=["whole", "disc"])
@pytest.mark.parametrize("scale", [1, 2])
def test_every_blur_lowers_it(draw, spots, cut, scale):
    rgb = draw(640, 480, **spots, noise=0, scale=scale)
    scores = [look(cut(blurred(rgb, sigma * scale))).sharpness for sigma in (0, *BLURS)]
    assert (np.diff(scores) < 0).all()


@pytest.mark.parametrize("folder", ["bccd/fields", "smartphone_fields/valid/images"], ids=["bccd", "smartphone_fields"])
def test_every_blur_lowers_it_on_real_fields(shared_data, folder):
    for path in sorted((shared_data / folder).glob("*.jpg"))[::20]:
        rgb = read_image(path)
        scores = [look(blurred(rgb, sigma)).sharpness for sigma in (0, *BLURS)]
        assert (np.diff(scores) < 0).all(), path.name


def test_many_cells_or_few_matter_less_than_blur(draw, spots):
    few = {"nuclei": spots["nuclei"][:1], "red_cells": spots["red_cells"][:7], "platelets": []}
    sharp = [look(blurred(draw(640, 480, **each, noise=0), 0)).sharpness for each in (spots, few)]
    soft = [look(blurred(draw(640, 480, **each, noise=0), 2)).sharpness for each in (spots, few)]
    assert min(sharp) > max(soft)


def test_light_matters_little(field):
    usual = look(field).sharpness
    for gain in (0.5, 0.7, 1.05):
        assert look(np.clip(field * gain, 0, 255).astype(np.uint8)).sharpness == pytest.approx(usual, rel=0.08)


def test_an_empty_field_is_not_sharp(field):
    empty = np.clip(232 + np.random.default_rng(0).normal(0, 3, field.shape), 0, 255).astype(np.uint8)
    assert look(empty).sharpness < 0.5 * look(field).sharpness
    assert look(np.zeros_like(field)).sharpness == 0


@pytest.mark.parametrize(("gain", "words"), [(0.1, TOO_DARK), (0.35, TOO_DARK), (0.6, GOOD), (1.0, GOOD)])
def test_exposure_is_that_of_the_disc_alone(draw, spots, gain, words):
    rgb = through_an_ocular(draw(640, 480, **spots))
    view = look((rgb * gain).astype(np.uint8))
    assert view.exposure == words
    assert view.background == pytest.approx(231 * gain, abs=8)
    assert 0.4 < view.lit.mean() < 0.6


def test_too_bright(draw, spots):
    rgb = np.clip(through_an_ocular(draw(640, 480, **spots)) * 1.3, 0, 255).astype(np.uint8)
    view = look(rgb)
    assert view.exposure == TOO_BRIGHT and view.clipped > 0.1


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 3000, 3), (3000, 1, 3), (480, 480, 3), (481, 961, 3), (960, 1280, 3)])
def test_any_shape(shape):
    view = look(np.full(shape, 200, np.uint8))
    assert np.isfinite(view.sharpness) and view.exposure == GOOD and max(view.lit.shape) <= 480
