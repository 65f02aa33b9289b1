"""Optics against sums done by hand, a second way of computing each, and what must hold for any phone and ocular."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter_cad.model import Ocular, Phone
from adapter_cad.optics import (
    OBJECTIVES,
    apparent_half_field,
    cone_radius,
    exit_pupil_diameter,
    frame_share,
    load,
    marginal_rays,
    optics,
    widest_pupil,
)

G3 = Phone("lg-g3", "LG G3", 146.3, 74.6, 8.9, 8, 37.3, 12, 0.5, 29, 2.4, 4.713, 3.494, 149)
TEN = Ocular("ten", "10x/18", 10, 18, 12, 30, 20, 23.2, 16)
FOUR, TENFOLD, FORTY, OIL = OBJECTIVES.values()

oculars = st.builds(
    lambda m, fn, h: replace(TEN, magnification=m, field_number=fn, exit_pupil_height=h),
    st.floats(4, 30),
    st.floats(5, 30),
    st.floats(1, 40),
)
phones = st.builds(
    lambda equiv, n, w, h: replace(G3, focal_equiv=equiv, f_number=n, sensor_width=w, sensor_height=h),
    st.floats(15, 60),
    st.floats(1.2, 4),
    st.floats(3, 14),
    st.floats(2, 11),
)


def test_by_hand() -> None:
    # diagonal 5.8669; f = 29 * 5.8669 / 43.2666 = 3.9324; pupil / 2.4 = 1.6385; exit pupil 500 * 0.1 / 40 = 1.25
    got = optics(TEN, G3, FOUR)
    assert got.ocular_focal_length == 25
    assert got.apparent_field == pytest.approx(39.598, abs=1e-3)  # 2 atan(0.36)
    assert got.exit_pupil == pytest.approx(1.25)
    assert got.camera_focal_length == pytest.approx(3.9324, abs=1e-4)
    assert got.camera_pupil == pytest.approx(1.6385, abs=1e-4)
    assert got.decentre_margin == pytest.approx(0.19, abs=0.005)
    assert got.axial_margin == pytest.approx(0.1943 / 0.36, abs=1e-3)
    assert got.image_circle == pytest.approx(2.8313, abs=1e-3)  # 2 * 3.9324 * 0.36: within the frame's height
    assert got.frame_share == pytest.approx(math.pi * 2.8313**2 / 4 / (4.713 * 3.494), abs=1e-4)
    assert got.zoom == pytest.approx(5.8669 / 2.8313, abs=1e-3)
    assert got.scale == pytest.approx(4 * 3.9324 / 25, abs=1e-4)
    assert got.field == 4500


@pytest.mark.parametrize(("objective", "pupil"), [(FOUR, 1.25), (TENFOLD, 1.25), (FORTY, 0.8125), (OIL, 0.625)])
def test_exit_pupils_of_a_tenfold_ocular(objective, pupil) -> None:
    assert exit_pupil_diameter(TEN, objective) == pytest.approx(pupil)


@given(oculars, st.sampled_from(list(OBJECTIVES.values())))
def test_exit_pupil_is_500_na_over_total_magnification(ocular, objective) -> None:
    total = ocular.magnification * objective.magnification
    assert exit_pupil_diameter(ocular, objective) == pytest.approx(500 * objective.numerical_aperture / total)


@given(st.floats(0.2, 20), st.floats(1, 14), st.floats(1, 11))
def test_frame_share_is_what_counting_finds(circle, width, height) -> None:
    n = 400
    x, y = (np.arange(n) + 0.5) / n * width / 2, (np.arange(n) + 0.5) / n * height / 2
    counted = np.mean(x[None] ** 2 + y[:, None] ** 2 <= circle**2 / 4)
    assert frame_share(circle, width, height) == pytest.approx(counted, abs=5e-3)


@given(oculars, phones, st.sampled_from(list(OBJECTIVES.values())))
def test_zoom_just_fills_the_frame(ocular, phone, objective) -> None:
    got = optics(ocular, phone, objective)
    width, height = phone.sensor_width / got.zoom, phone.sensor_height / got.zoom
    assert frame_share(got.image_circle * (1 + 1e-9), width, height) == 1
    if got.zoom > 1:
        assert frame_share(got.image_circle, width * 1.01, height * 1.01) < 1
    assert (got.frame_share < 1) == (got.zoom > 1)


@given(oculars, phones, st.sampled_from(list(OBJECTIVES.values())))
def test_at_the_margins_the_light_touches_the_cameras_rim(ocular, phone, objective) -> None:
    got = optics(ocular, phone, objective)
    assert got.exit_pupil / 2 + got.decentre_margin == pytest.approx(got.camera_pupil / 2)
    if got.decentre_margin >= 0:
        assert cone_radius(ocular, got.axial_margin, got.exit_pupil) == pytest.approx(got.camera_pupil / 2)


@given(oculars, st.floats(-5, 5))
def test_rays_fill_the_cone_and_stay_in_it(ocular, glass) -> None:
    pupil_z = ocular.exit_pupil_height
    starts, ends = marginal_rays(ocular, pupil_z, pupil_z + glass)
    for points, z in ((starts, 0), (ends, pupil_z + glass)):
        assert np.all(points[:, 2] == z)
        reach = np.hypot(points[:, 0], points[:, 1])
        assert reach.max() == pytest.approx(cone_radius(ocular, z - pupil_z))


def test_rays_pass_the_pupil_at_the_fields_angle() -> None:
    starts, ends = marginal_rays(TEN, 12.0, 11.5, azimuths=8)
    assert starts.shape == ends.shape == (72, 3)
    run = ends - starts
    angle = np.arctan2(np.hypot(run[:, 0], run[:, 1]), run[:, 2])
    assert np.allclose(angle, apparent_half_field(TEN))
    at_pupil = starts + run * (12 / 11.5)
    reach = np.hypot(at_pupil[:, 0], at_pupil[:, 1])
    assert np.allclose(reach[::9], 0)  # the chief rays
    assert np.allclose(np.delete(reach, np.s_[::9]), widest_pupil(TEN) / 2)


def test_load_by_hand() -> None:
    got = load(200, 30)
    assert got.force == pytest.approx(1.9613, abs=1e-4)
    assert got.moment == pytest.approx(58.84, abs=1e-2)
