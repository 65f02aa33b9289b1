"""The catalogue: every file reads, every number says where it comes from, and a bad file is refused in one line."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from adapter_cad import catalogue
from adapter_cad.errors import BadDesign
from adapter_cad.model import OCULAR_LIMITS, PHONE_LIMITS, PRINTER_LIMITS

FIXED = {
    "phones": {"galaxy-s5", "lg-g3"},
    "oculars": {"olympus-cx18-10x", "olympus-cx2x-10x", "zeiss-primo-star-10x", "common-23-2mm-10x", "common-30mm-10x"},
    "printers": {"creality-ender-3", "prusa-mk4", "bambu-a1-mini"},
}
GOOD = (catalogue.DEVICES / "phones" / "galaxy-s5.toml").read_text(encoding="utf-8")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A phone's file of one's own, to be spoilt."""
    file = tmp_path / "mine.toml"
    file.write_text(GOOD, encoding="utf-8")
    return file


def refused(file: object, *words: str) -> BadDesign:
    with pytest.raises(BadDesign) as caught:
        catalogue.phone(file)  # type: ignore[arg-type]
    line = str(caught.value)
    assert "\n" not in line and len(line) < 500
    for word in words:
        assert word in line, line
    return caught.value


def test_what_the_catalogue_promises() -> None:
    for kind, fixed in FIXED.items():
        assert fixed <= set(catalogue.names(kind))  # type: ignore[arg-type]
    modern = set(catalogue.names("phones")) - FIXED["phones"]
    assert len(modern) >= 10 and len({name.split("-")[0] for name in modern}) >= 5


def test_every_number_says_where_it_comes_from() -> None:
    for devices, limits in (
        (catalogue.devices("phones"), PHONE_LIMITS),
        (catalogue.devices("oculars"), OCULAR_LIMITS),
        (catalogue.devices("printers"), PRINTER_LIMITS),
    ):
        for name, device in devices.items():
            told = catalogue.numbers(device)
            assert device.name == name and set(limits) <= set(told) == set(device.facts)
            for entry in told.values():
                assert entry["standing"] in ("measured", "published", "assumed")
                assert entry["source"] or entry["standing"] != "published"


def test_nothing_is_called_measured_that_nobody_here_measured() -> None:
    for device in (one for kind in catalogue.KINDS for one in catalogue.devices(kind).values()):
        assert all(fact.standing != "measured" for fact in device.facts.values()), device.name


def test_openings_have_facts_of_their_own() -> None:
    phone = catalogue.phone("lg-g3")
    assert {"bump", "back: laser", "back: flash", "edge: plug"} <= set(phone.facts)
    assert catalogue.phone("iphone-13-pro").facts["edge: side button"].standing == "published"


def test_sensor_and_focal_length_fit_together() -> None:
    for phone in catalogue.devices("phones").values():
        ratio, diagonal = phone.sensor_width / phone.sensor_height, math.hypot(phone.sensor_width, phone.sensor_height)
        assert min(abs(ratio - 4 / 3), abs(ratio - 16 / 9)) < 0.02, phone.name
        focal = phone.focal_equiv * diagonal / 43.27
        assert 2.5 < focal < 8 and phone.pupil_depth < focal, phone.name


def test_the_lens_read_twice_agrees() -> None:
    for name, phone in catalogue.devices("phones").items():
        second = catalogue.second_reading(name)
        assert second is not None, f"{name} has no second reading"
        assert (second.width, second.length) == (phone.width, phone.length), name
        assert phone.lens_left + second.lens_right == pytest.approx(second.width, abs=0.05), name
        assert phone.lens_top + second.lens_bottom == pytest.approx(second.length, abs=0.05), name


def test_the_second_reading_names_no_other_phone() -> None:
    assert set(catalogue._table(catalogue.SECOND)) == set(catalogue.names("phones"))


def test_rows_tell_standings_and_what_is_assumed() -> None:
    row = next(row for row in catalogue.rows("phones") if row.name == "iphone-13-pro")
    standings = [fact.standing for fact in catalogue.phone("iphone-13-pro").facts.values()]
    assert row.standings == f"{standings.count('published')} published, {standings.count('assumed')} assumed"
    assert "pupil depth" in row.assumed and "lens left" not in row.assumed


def test_a_file_of_ones_own_reads_like_the_catalogues(own: Path) -> None:
    for given in (own, str(own)):
        phone = catalogue.phone(given)
        assert phone.name == "mine" and phone.facts == catalogue.phone("galaxy-s5").facts
    assert catalogue.second_reading(own) is None
    own.write_text(GOOD + "\n[second_reading]\nwidth = 72.5\nlength = 142\nlens_right = 36.3\nlens_bottom = 122\n")
    assert catalogue.second_reading(str(own)) == catalogue.SecondReading(72.5, 142.0, 36.3, 122.0)
    assert catalogue.phone(own).name == "mine"


@pytest.mark.parametrize(
    ("given", "nearest"),
    [("galaxy-s6", "galaxy-s5"), ("LG-G3", "lg-g3"), ("pixel8", "pixel-8"), ("", ""), ("é" * 999, "")],
)
def test_unknown_names_offer_the_nearest(given: str, nearest: str) -> None:
    refused(given, "not in the catalogue", f"did you mean {nearest}")


def test_the_kind_is_named() -> None:
    with pytest.raises(BadDesign, match=r"^ocular: 'olympus' .*did you mean olympus-cx"):
        catalogue.ocular("olympus")
    with pytest.raises(BadDesign, match=r"^printer: 'ender-3' .*creality-ender-3"):
        catalogue.printer("ender-3")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('title = "Samsung Galaxy S5"', "", ["title is missing"]),
        ('title = "Samsung Galaxy S5"', "title = 5", ["title is 5"]),
        ('title = "Samsung Galaxy S5"', 'title = "a\\nb"', ["title is"]),
        ('title = "Samsung Galaxy S5"', f'title = "{"a" * 61}"', ["title is"]),
        ("lens_left", "lens_lft", ["'lens_lft'", "did you mean lens_left"]),
        ("value = 142.0", "value = 5.59", ["length is 5.59", "looks like inches", "141.986 mm"]),
        ("value = 142.0", "value = -142.0", ["length is -142"]),
        ("value = 142.0", "value = 0", ["length is 0"]),
        ("value = 142.0", "value = nan", ["length is nan"]),
        ("value = 142.0", "value = inf", ["length is inf"]),
        ("value = 142.0", f"value = 1{'0' * 400}", ["length is inf"]),
        ("value = 142.0", f"value = 1{'0' * 5000}", ["is not TOML"]),
        ("value = 142.0", "value = true", ["length is True, not a number"]),
        ("value = 142.0", 'value = "142"', ["length is '142', not a number"]),
        ("value = 142.0", "value = 1979-05-27", ["not a number"]),
        ("value = 142.0, ", "", ["length: value is missing"]),
        ("value = 142.0", "value = 142.0, unit = 1", ["length: unknown key 'unit'"]),
        ("value = 36.25", "value = 71.0", ["the camera, at (71, 20), is not inside the phone"]),
        ("value = 36.25", "value = 20.0", ["the camera is outside its island"]),
        ('standing = "published"', 'standing = "guessed"', ["standing is 'guessed'", "measured, published, assumed"]),
        ('standing = "assumed"', 'standing = "published"', []),
        ("left = 27.0\n", "", ["bump: left is missing"]),
        ("left = 27.0\n", 'left = "27"\n', ["bump: left is '27'"]),
        ("height = 1.0\n", "height = 0.0\n", ["island"]),
        ('side = "left"', 'side = "front"', ["edge: power button: side is 'front'"]),
        ("start = 34.0", "start = 55.0", ["power button", "from 55 to 50"]),
        ('kind = "volume buttons"', 'kind = "power button"', ["two are called 'edge: power button'"]),
        ('kind = "plug"', "kind = 1", ["edge: kind is 1"]),
        ("diameter = 11.0", "diameter = -1.0", ["back: flash and pulse sensor: diameter is -1"]),
        ("[bump]", "[bmp]", ["unknown key 'bmp'", "did you mean bump"]),
        ("[[edge]]", "[edge]", ["TOML"]),
        ('title = "Samsung', 'title "Samsung', ["is not TOML", "line 2"]),
    ],
)
def test_a_spoilt_file_is_refused_by_key(own: Path, old: str, new: str, words: list[str]) -> None:
    assert old in GOOD
    own.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    if not words:  # the first assumed number has a reason, which is a source
        assert catalogue.phone(own)
        return
    refused(own, str(own), *words)


def test_published_needs_a_source(own: Path) -> None:
    own.write_text(re.sub(r'standing = "published", source = "[^"]*"', 'standing = "published"', GOOD, count=1))
    refused(own, "length: published, but without a source")


def test_second_reading_in_a_file_is_checked(own: Path) -> None:
    own.write_text(GOOD + "\n[second_reading]\nwidth = 72.5\nlength = 142\nlens_right = nan\nlens_bottom = 122\n")
    refused(own, "second_reading: lens_right is nan")
    own.write_text(GOOD + "\n[second_reading]\nwidth = 72.5\n")
    refused(own, "second_reading", "is missing")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "missing"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "is not text"),
        (b"\x00" * 100, "is not TOML"),
        (b"#" * 70_000, "larger than 64 KiB"),
        (b"a = " + b"[" * 60_000, "is not TOML"),
        (b"length = 3", "missing"),
    ],
)
def test_garbage_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "garbage.toml"
    file.write_bytes(content)
    refused(file, "garbage.toml", words)


def test_what_is_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "none.toml", "none.toml: is not there")
    refused(tmp_path, "is not a file")
    refused(f"{tmp_path}/x\0y.toml", "")


def test_an_ocular_is_no_phone() -> None:
    refused(catalogue.DEVICES / "oculars" / "olympus-cx18-10x.toml", "unknown key")
