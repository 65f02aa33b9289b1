from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.synthesis import DOMAINS, Optics, photograph
from edge_wbc.lab.synthesis.optics import domain_optics, jpeg_photograph, seen
from edge_wbc.lab.synthesis.sensor import SENSORS, Sensor, add_noise, noise_deviations

STRAIGHT = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
GREY = np.full((240, 320, 3), 0.6, np.float32)
# 240 x 320 pixels of 0.16 um: the rim lies in the picture.
SMALL = {"field_um": 32.0}


def shown(field, seed=0, **changed):
    plain = Optics("phone", "microscope", 0.16, STRAIGHT, jpeg=(100,))
    return photograph(field, replace(plain, **changed), np.random.default_rng(seed)).astype(int)


def stripes(period=8):
    field = GREY.copy()
    field[:, np.arange(320) % period < period // 2] = 0.3
    return field


def contrast(image, x, y):
    part = image[y - 12 : y + 12, x - 12 : x + 12, 1]
    return np.percentile(part, 90) - np.percentile(part, 10)


@pytest.mark.parametrize("domain", DOMAINS)
def test_bytes_and_floats_are_photographed_alike(domain):
    field = cv2.blur(np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8), (5, 5))
    images = [photograph(part, DOMAINS[domain], np.random.default_rng(1)) for part in (field, field / 255)]
    assert images[0].shape == field.shape and images[0].dtype == np.uint8
    assert np.abs(images[0].astype(int) - images[1]).max() <= 2


@pytest.mark.parametrize("domain", DOMAINS)
def test_equal_generators_take_equal_photographs(domain):
    field = stripes()
    optics = domain_optics(domain, eyepiece=True)
    one, same, other = (jpeg_photograph(field, optics, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == same and one != other


def test_without_faults_nothing_changes_but_the_exposure():
    plain = shown(GREY)
    assert plain.std((0, 1)).max() < 1
    assert shown(GREY, gamma=2.0).mean() < plain.mean() - 20


def test_the_middle_is_sharper_than_the_rim():
    flat, curved = (shown(stripes(), blur_um=0.1, curvature_um=rim, **SMALL) for rim in (0.0, 0.5))
    assert contrast(flat, 160, 120) == pytest.approx(contrast(flat, 250, 120), abs=4)
    assert contrast(curved, 160, 120) > 0.9 * contrast(flat, 160, 120)
    far = [contrast(curved, x, 120) for x in (160, 200, 230, 260)]
    assert far == sorted(far, reverse=True) and far[-1] < 0.3 * far[0]


@settings(max_examples=8, deadline=None)
@given(st.floats(0.2, 0.6), st.floats(0.2, 0.8), st.integers(0, 99))
def test_blur_has_the_width_it_says_wherever_it_is(blur, rim, seed):
    # A bright line's profile: its variance is the blur's, here with the focus that this generator draws.
    focus = np.random.default_rng(seed).uniform(0.75, 1.3)
    for x in (160, 230):
        field = np.full((240, 320, 3), 0.2, np.float32)
        field[:, x] = 0.9
        image = shown(field, seed, blur_um=blur, curvature_um=rim, **SMALL)[118:123, :, 1].mean(0)
        profile = image[x - 36 : x + 37] - np.median(image)
        profile[profile < 0.6] = 0
        wide = (profile * np.arange(-36, 37) ** 2).sum() / profile.sum()
        radius = (x + 0.5 - 160) * 0.16 / 16
        assert np.sqrt(wide) == pytest.approx(focus * np.hypot(blur, rim * radius**2) / 0.16, rel=0.16, abs=0.3)


def test_blur_and_rim_keep_their_size_on_the_slide():
    optics = replace(domain_optics("galaxy-s5/olympus", eyepiece=True), field_um=32.0, sensor=None)
    small, large = (replace(optics, um_per_px=scale) for scale in (0.16, 0.08))
    field = cv2.GaussianBlur(stripes(16), (0, 0), 1)
    twice = cv2.resize(field, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    one = photograph(field, small, np.random.default_rng(0)).astype(int)
    two = cv2.resize(photograph(twice, large, np.random.default_rng(0)), (320, 240), interpolation=cv2.INTER_AREA)
    assert np.abs(one - two).mean() < 3
    assert seen(large, 480, 640)[::2, ::2].mean() == pytest.approx(seen(small, 240, 320).mean(), abs=0.01)


def test_the_round_field_is_black_outside_and_told():
    axis = (2.0, -1.0)
    told = Optics("phone", "microscope", 0.16, STRAIGHT, eyepiece=True, axis_um=axis, field_um=32.0, jpeg=(95,))
    image = photograph(GREY, told, np.random.default_rng(0)).astype(int)
    inside = seen(told, 240, 320)
    rows, columns = np.nonzero(inside)
    assert np.ptp(columns) + 1 == pytest.approx(200, abs=1)
    assert columns.mean() == pytest.approx(159.5 + 2 / 0.16, abs=1) and rows.mean() == pytest.approx(
        119.5 - 1 / 0.16, abs=1
    )
    near = cv2.dilate(inside.astype(np.uint8), np.ones((9, 9)))
    assert image[near == 0].max() < 20 < 100 < image[cv2.erode(inside.astype(np.uint8), np.ones((9, 9))) > 0].min()
    assert seen(replace(told, eyepiece=False), 240, 320).all()
    assert photograph(GREY, replace(told, eyepiece=False), np.random.default_rng(0)).min() > 100


def test_the_vignette_takes_the_share_it_says_at_the_rim():
    dim = shown(GREY, vignette=0.5, **SMALL)
    assert dim[120, 160 + 99].mean() == pytest.approx(0.5 * dim[120, 160].mean(), rel=0.05)
    assert dim[120, 160 + 50].mean() > 0.85 * dim[120, 160].mean()


def test_blue_is_drawn_further_out_than_red():
    field = np.full((240, 320, 3), 0.2, np.float32)
    cv2.circle(field, (160, 120), 80, (0.8, 0.8, 0.8), -1, cv2.LINE_AA)
    image = shown(field, fringe_um=0.96, **SMALL)
    row = image[120, 160:].astype(float)
    edge = [np.interp(-row[:, channel].mean(), -row[:, channel], np.arange(160)) for channel in range(3)]
    # 0.96 um at the rim, 100 px out, are 6 px: 4.8 px at the disc's edge, half of them each way.
    assert edge[2] - edge[0] == pytest.approx(4.8, abs=1)
    assert edge[0] < edge[1] < edge[2]


def test_noise_is_that_of_the_electrons_and_grows_with_iso():
    sensor = SENSORS["galaxy-s5"]
    for iso in (100, 400, 1600):
        light = GREY.copy()
        add_noise(light, sensor, iso, 0.16, np.random.default_rng(0))
        assert light.std((0, 1)) == pytest.approx(noise_deviations(sensor, iso, 0.16)[153], rel=0.02)
        assert light.mean((0, 1)) == pytest.approx([0.6] * 3, abs=0.001)
    spread = [shown(GREY, sensor=sensor, iso=iso).std((0, 1)).mean() for iso in (100, 400, 1600)]
    assert spread[0] < 0.7 * spread[1] < 0.5 * spread[2]
    # Larger pixels of the picture average more of the sensor's.
    assert (noise_deviations(sensor, 100, 0.4) < 0.5 * noise_deviations(sensor, 100, 0.16)).all()
    assert (noise_deviations(sensor, 100, 0.01) == noise_deviations(sensor, 100, 0.02)).all()


def test_white_photons_are_counted():
    # At white the sRGB curve rises by 1.055 / 2.4: that share of the root of 5,000 electrons.
    one = Sensor("one pixel", 1.0, (4000, 3000), 28.0, well=5000, read_noise=0)
    assert noise_deviations(one, 100, 0.01)[255] == pytest.approx(1.055 / 2.4 / np.sqrt(5000), rel=1e-3)


def test_pixel_sizes_follow_from_published_figures():
    # AnandTech gives the G3's lens as 3.97 mm.
    assert SENSORS["lg-g3"].focal_mm == pytest.approx(3.97, rel=0.02)
    for name in SENSORS:
        sensor = SENSORS[name]
        assert sensor.um_per_px == pytest.approx(sensor.pitch_um * 25 / sensor.focal_mm / 100)
        # Finer than any preset's field: that is binned.
        assert sensor.um_per_px < min(optics.um_per_px for optics in DOMAINS.values())


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 100), min_size=1, max_size=4), st.integers(9, 70), st.integers(9, 70))
def test_saving_again_keeps_the_size_and_the_place(qualities, height, width):
    field = np.full((height, width, 3), 0.3, np.float32)
    field[height // 2 :] = 0.8
    image = shown(field, jpeg=tuple(qualities))
    assert image.shape == (height, width, 3)
    if min(qualities) > 60:
        step = np.abs(np.diff(image[..., 1].mean(1)))
        assert step.argmax() == height // 2 - 1


def test_saving_again_loses_more():
    field = cv2.GaussianBlur(np.random.default_rng(0).random((120, 160, 3), dtype=np.float32), (0, 0), 1.2)
    best = shown(field, jpeg=(100,))
    once, thrice = (np.abs(shown(field, jpeg=told) - best).mean() for told in ((80,), (80, 80, 80)))
    assert thrice > 1.1 * once


def test_a_domain_may_be_had_at_another_scale():
    for name in DOMAINS:
        assert domain_optics(name) == DOMAINS[name] and not domain_optics(name).eyepiece
    told = domain_optics("lg-g3/zeiss", 0.25, eyepiece=True)
    assert told.um_per_px == 0.25 and told.eyepiece and told.blur_um == DOMAINS["lg-g3/zeiss"].blur_um
    with pytest.raises(BadInput, match="galaxy-s5/olympus, lg-g3/zeiss"):
        domain_optics("galaxy-s5-zeiss")


@pytest.mark.parametrize(
    "changed",
    [
        {"um_per_px": 0.0},
        {"um_per_px": float("nan")},
        {"gamma": 0.0},
        {"field_um": 0.0},
        {"blur_um": -0.1},
        {"curvature_um": float("nan")},
        {"fringe_um": 99.0},
        {"vignette": 1.0},
        {"iso": 0},
        {"jpeg": ()},
        {"jpeg": (90, 0)},
    ],
)
def test_bad_optics_are_refused(changed):
    with pytest.raises(BadInput, match="optics"):
        shown(GREY, **changed)


def test_bad_sensors_and_fields_are_refused():
    with pytest.raises(BadInput, match="sensor"):
        Sensor("none", 0.0, (10, 10), 28.0)
    for field in (np.zeros((8, 8)), np.zeros((0, 8, 3)), np.zeros((8, 8, 4))):
        with pytest.raises(BadInput, match="RGB"):
            shown(field)
