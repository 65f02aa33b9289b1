"""New entries: a round trip through the file, and refusals that leave no file behind."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from adapter_cad import catalogue
from adapter_cad.errors import BadDesign
from adapter_cad.measure_drawing import measuring_picture
from adapter_cad.measuring import (
    OCULAR_MEASUREMENTS,
    PHONE_MEASUREMENTS,
    OcularReadings,
    PhoneReadings,
    limits_of,
    new_ocular,
    new_phone,
)
from adapter_cad.model import Bump, assumed

ISLAND = Bump(8.0, 38.0, 8.0, 46.0, 1.9)
PHONE = PhoneReadings(165.0, 75.8, 8.6, 16.0, 18.0, 59.9, 146.8, 26.0, 1.8, ISLAND, "1/2.76", "Nokia G42")
OCULAR = OcularReadings(30.1, 15.0, 23.2, 12.5, 17.0, 10.0, 18.0, 'An "old" ocular')


def test_a_phone_comes_back_from_its_file(tmp_path: Path) -> None:
    made = new_phone("nokia-g42", tmp_path / "new" / "folder", PHONE)
    file = tmp_path / "new" / "folder" / "nokia-g42.toml"
    assert catalogue.phone(file) == made and catalogue.phone(str(file)).facts == made.facts
    assert (made.lens_left, made.lens_top, made.bump, made.title) == (16.0, 18.0, ISLAND, "Nokia G42")
    assert catalogue.second_reading(file) == catalogue.SecondReading(75.8, 165.0, 59.9, 146.8)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_what_was_measured_and_what_was_not(tmp_path: Path) -> None:
    made = new_phone("a", tmp_path, PHONE)
    for name in ("length", "width", "thickness", "lens_left", "lens_top", "bump"):
        assert made.facts[name].standing == "measured"
    assert assumed(made) == ["corner_radius", "pupil_depth", "mass"]
    plain = new_phone("b", tmp_path, replace(PHONE, island=None, sensor=None, title=""))
    assert plain.bump is None and "bump" not in plain.facts and plain.title == "b"
    assert assumed(plain) == ["corner_radius", "pupil_depth", "sensor_width", "sensor_height", "mass"]


@pytest.mark.parametrize(("written", "diagonal"), [("1/2.76", 6.52), ('1/2"', 8.0), ("1/1.28 inch", 12.5)])
def test_sensor_formats(tmp_path: Path, written: str, diagonal: float) -> None:
    made = new_phone("a", tmp_path, replace(PHONE, sensor=written))
    assert math.hypot(made.sensor_width, made.sensor_height) == pytest.approx(diagonal, abs=0.03)
    assert made.sensor_width / made.sensor_height == pytest.approx(4 / 3, abs=0.01)


def test_an_ocular_comes_back_from_its_file(tmp_path: Path) -> None:
    made = new_ocular("old", tmp_path, OCULAR)
    assert catalogue.ocular(tmp_path / "old.toml") == made
    assert made.title == 'An "old" ocular' and assumed(made) == []
    assert made.facts["exit_pupil_height"].standing == "measured"
    assert made.facts["field_number"].standing == "published"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"length": -165.0}, "length is -165"),
        ({"length": 0.0}, "length is 0"),
        ({"width": math.nan}, "width is nan"),
        ({"lens_right": math.nan}, "lens_right is nan"),
        ({"lens_bottom": math.inf}, "lens_bottom is inf"),
        ({"lens_right": -59.9}, "lens_right is -59.9"),
        ({"length": 6.5, "width": 2.98}, "looks like inches"),
        ({"thickness": 0.34}, "looks like inches: 8.636 mm"),
        ({"lens_left": 74.0, "lens_right": 5.0}, "not inside the phone"),
        (
            {"lens_right": 60.2},
            "the lens is 16 from the left and 60.2 from the right, 76.2 together, but the width is 75.8",
        ),
        ({"lens_bottom": 147.4}, "measure E, G and A again"),
        ({"island": Bump(20.0, 38.0, 8.0, 46.0, 1.9)}, "outside its island"),
        ({"island": Bump(8.0, 38.0, 8.0, 46.0, math.nan)}, "island_height is nan"),
        ({"island": Bump(8.0, 90.0, 8.0, 46.0, 1.0)}, "island"),
        ({"sensor": "2.55"}, "sensor is '2.55'"),
        ({"sensor": "1/0"}, "sensor is '1/0'"),
        ({"title": "two\nlines"}, "title is"),
        ({"length": 75.8, "width": 100.0, "lens_right": 84.0, "lens_bottom": 57.8}, "length is 75.8"),
        ({"length": "165"}, "not a number"),
    ],
)
def test_bad_readings_leave_no_file(tmp_path: Path, changes: dict, words: str) -> None:
    with pytest.raises(BadDesign) as caught:
        new_phone("a", tmp_path / "out", replace(PHONE, **changes))
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_tenth_over_the_limit_is_what_disagrees(tmp_path: Path) -> None:
    new_phone("near", tmp_path, replace(PHONE, lens_right=59.8 + 0.29))
    with pytest.raises(BadDesign, match="measure D, F and B again"):
        new_phone("far", tmp_path, replace(PHONE, lens_right=59.8 + 0.31))


@pytest.mark.parametrize(
    "changes", [{"housing_diameter": 1.2}, {"eye_lens_diameter": 30.0}, {"field_number": math.nan}]
)
def test_bad_oculars_leave_no_file(tmp_path: Path, changes: dict) -> None:
    with pytest.raises(BadDesign):
        new_ocular("a", tmp_path / "out", replace(OCULAR, **changes))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["", "A", "a b", "../a", "-a", "a.toml", "a" * 41, "ä"])
def test_names_that_will_not_do(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadDesign, match="will not do"):
        new_phone(name, tmp_path, PHONE)
    assert not any(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("mine")
    with pytest.raises(BadDesign, match="is there already"):
        new_phone("a", tmp_path, PHONE)
    assert (tmp_path / "a.toml").read_text() == "mine"


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadDesign, match="cannot be written"):
        new_ocular("a", tmp_path / "file", OCULAR)


def test_a_failing_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(BadDesign, match="No space left"):
        new_ocular("a", tmp_path, OCULAR)
    assert not any(tmp_path.iterdir())


def test_every_measurement_has_a_letter_or_is_read_off_a_label() -> None:
    for listed in (PHONE_MEASUREMENTS, OCULAR_MEASUREMENTS):
        letters = [one.letter for one in listed if one.letter]
        assert letters == sorted(set(letters))
        for one in listed:
            low, high = limits_of(one.name)
            assert low < high
    assert {one.name for one in OCULAR_MEASUREMENTS} == set(OcularReadings.__dataclass_fields__) - {"title"}


@pytest.mark.parametrize("kind", ["phone", "ocular"])
def test_the_picture_shows_every_letter(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.axes import Axes

    told: list[str] = []
    text = Axes.text
    monkeypatch.setattr(Axes, "text", lambda self, x, y, s, **style: told.append(s) or text(self, x, y, s, **style))
    picture = measuring_picture(kind)  # type: ignore[arg-type]
    assert picture.startswith(b"\x89PNG") and len(picture) > 20_000
    listed = PHONE_MEASUREMENTS if kind == "phone" else OCULAR_MEASUREMENTS
    for one in listed:
        assert one.how in told
        assert not one.letter or told.count(one.letter) == 2, one.letter  # in the drawing and in the list
    assert picture == measuring_picture(kind)  # type: ignore[arg-type]
