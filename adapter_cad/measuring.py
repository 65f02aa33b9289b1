"""A new phone or ocular from a few calliper measurements, as an object and as a file like the catalogue's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from adapter_cad.catalogue import KINDS, Kind, SecondReading, parse
from adapter_cad.errors import BadDesign
from adapter_cad.files import save
from adapter_cad.model import OCULAR_LIMITS, PHONE_LIMITS, Bump, Fact, Ocular, Phone, check_number

__all__ = [
    "ISLAND",
    "OCULAR_MEASUREMENTS",
    "PHONE_MEASUREMENTS",
    "Measurement",
    "OcularReadings",
    "PhoneReadings",
    "limits_of",
    "new_file",
    "new_ocular",
    "new_phone",
]


class Measurement(NamedTuple):
    """One thing to measure: its letter in the picture ("" for what is read off a label), its name, and how."""

    letter: str
    name: str
    how: str


PHONE_MEASUREMENTS = (
    Measurement("A", "length", "length, top edge to bottom edge"),
    Measurement("B", "width", "width, left edge to right edge"),
    Measurement("C", "thickness", "thickness beside the camera island"),
    Measurement("D", "lens_left", "middle of the main lens from the left edge"),
    Measurement("E", "lens_top", "middle of the main lens from the top edge"),
    Measurement("F", "lens_right", "the same again, from the right edge"),
    Measurement("G", "lens_bottom", "the same again, from the bottom edge"),
    Measurement("", "focal_equiv", "from the data sheet: the main camera's 35 mm equivalent focal length"),
    Measurement("", "f_number", "from the data sheet: the main camera's f-number, 1.8 of f/1.8"),
    Measurement("H", "island_left", "island's left side from the left edge"),
    Measurement("J", "island_right", "island's right side from the left edge"),
    Measurement("K", "island_top", "island's upper side from the top edge"),
    Measurement("L", "island_bottom", "island's lower side from the top edge"),
    Measurement("M", "island_height", "how far island or lens rings stand out"),
)
ISLAND = tuple(one.name for one in PHONE_MEASUREMENTS if one.name.startswith("island"))
OCULAR_MEASUREMENTS = (
    Measurement("A", "housing_diameter", "housing outside, rubber cup off"),
    Measurement("B", "grip_length", "how far down from the rim it is that wide"),
    Measurement("C", "tube_diameter", "the part inside the microscope's tube"),
    Measurement("D", "exit_pupil_height", "rim to where the bright disc on paper is smallest"),
    Measurement("E", "eye_lens_diameter", "clear glass of the eye lens"),
    Measurement("", "magnification", "magnification, engraved: 10 of 10x/20"),
    Measurement("", "field_number", "field number, engraved: 20 of 10x/20"),
)

AGREE = 0.3  # mm, between the two readings of a lens: twice what a calliper in a careful hand misses by
SENSOR = "1/2.55"
SHEET = Fact("published", "its data sheet, as entered")
ENGRAVED = Fact("published", "engraved on it, as entered")
GUESSED = {
    "corner_radius": (10.0, "usual of phones"),
    "pupil_depth": (1.5, "usual of phone cameras"),
    "mass": (190.0, "usual of phones"),
}


@dataclass(frozen=True)
class PhoneReadings:
    """What was measured of a phone, mm, seen from its back; see PHONE_MEASUREMENTS.

    lens_right, lens_bottom  the second reading of the lens
    island                   None where nothing stands out
    sensor                   the main camera's format, "1/2.55"; assumed when None
    """

    length: float
    width: float
    thickness: float
    lens_left: float
    lens_top: float
    lens_right: float
    lens_bottom: float
    focal_equiv: float
    f_number: float
    island: Bump | None = None
    sensor: str | None = None
    title: str = ""


@dataclass(frozen=True)
class OcularReadings:
    """What was measured of an ocular, mm; see OCULAR_MEASUREMENTS."""

    housing_diameter: float
    grip_length: float
    tube_diameter: float
    exit_pupil_height: float
    eye_lens_diameter: float
    magnification: float
    field_number: float
    title: str = ""


def new_phone(name: str, folder: Path, readings: PhoneReadings) -> Phone:
    """The phone, written to folder/NAME.toml, the second reading with it; BadDesign, and no file, if anything is wrong.

    The two readings of the lens may differ by AGREE. What nobody measured is assumed and says so.
    """
    place = new_file(folder, name)
    second = SecondReading(readings.width, readings.length, readings.lens_right, readings.lens_bottom)
    for field, value in asdict(second).items():
        check_number(name, field, value, *limits_of(field))
    measured = ("length", "width", "thickness", "lens_left", "lens_top")
    values = {field: getattr(readings, field) for field in (*measured, "focal_equiv", "f_number")}
    facts = {field: Fact("measured") for field in measured} | {"focal_equiv": SHEET, "f_number": SHEET}
    for field, (value, why) in GUESSED.items():
        values[field], facts[field] = value, Fact("assumed", why)
    values["sensor_width"], values["sensor_height"] = _sensor_size(name, readings.sensor or SENSOR)
    of_sensor = Fact("published", f"{SHEET.source}: {readings.sensor} inch, taken as 4:3")
    facts |= dict.fromkeys(
        ("sensor_width", "sensor_height"), of_sensor if readings.sensor else Fact("assumed", "usual of phones")
    )
    if readings.island:
        facts["bump"] = Fact("measured")
        for field, value in asdict(readings.island).items():
            check_number(name, f"island_{field}", value, *limits_of(f"island_{field}"))
    tables = {"bump": readings.island, "second_reading": second}
    text = "".join((_numbers("phones", name, readings.title, values, facts), *_tables(tables, facts), OPENINGS))
    made = parse("phones", name, name, text)
    _agree(name, readings, "left", "right", "width", ("D", "F", "B"))
    _agree(name, readings, "top", "bottom", "length", ("E", "G", "A"))
    save(place, text.encode())
    return made  # type: ignore[return-value]


def new_ocular(name: str, folder: Path, readings: OcularReadings) -> Ocular:
    """The ocular, written to folder/NAME.toml; BadDesign, and no file, if anything is wrong."""
    place = new_file(folder, name)
    values = {field: getattr(readings, field) for field in OCULAR_LIMITS}
    facts = {field: ENGRAVED if field in ("magnification", "field_number") else Fact("measured") for field in values}
    text = _numbers("oculars", name, readings.title, values, facts)
    made = parse("oculars", name, name, text)
    save(place, text.encode())
    return made  # type: ignore[return-value]


def new_file(folder: Path, name: str) -> Path:
    """Where the entry of that name goes; BadDesign for a name that is none, and for a file that is there already."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
        raise BadDesign("name", f"{name!r:.60} will not do", "use up to 40 of a to z, 0 to 9 and -: nokia-g42")
    place = folder / f"{name}.toml"
    if place.exists():
        raise BadDesign(place, "is there already", "choose another name or folder, or take it away first")
    return place


def limits_of(name: str) -> tuple[float, float]:
    """The least and the greatest that a measurement may be, mm."""
    if name in ISLAND:
        return (0.1, 8.0) if name == "island_height" else (0.0, 200.0)
    opposite = {"lens_right": "lens_left", "lens_bottom": "lens_top"}
    return (PHONE_LIMITS | OCULAR_LIMITS)[opposite.get(name, name)]


def _agree(name: str, readings: PhoneReadings, near: str, far: str, whole: str, letters: tuple[str, str, str]) -> None:
    first, second = getattr(readings, f"lens_{near}"), getattr(readings, f"lens_{far}")
    across = getattr(readings, whole)
    if abs(first + second - across) > AGREE:
        fault = (
            f"the lens is {first:g} from the {near} and {second:g} from the {far}, "
            f"{first + second:g} together, but the {whole} is {across:g}"
        )
        raise BadDesign(name, fault, f"measure {letters[0]}, {letters[1]} and {letters[2]} again")


def _sensor_size(name: str, written: str) -> tuple[float, float]:
    """A format such as 1/2.55 as width and height, mm: its diagonal is 16 mm an inch from 1/2 up, 18 mm below; 4:3."""
    found = re.fullmatch(r'1/(\d{1,2}(?:\.\d{1,3})?)(?:"| ?inch)?', written.strip())
    if not found or not 1 <= float(found[1]) <= 6:
        raise BadDesign(name, f"sensor is {written!r:.40}", "give its format from 1/1 to 1/6, such as 1/2.55")
    inches = 1 / float(found[1])
    diagonal = inches * (16 if inches >= 0.5 else 18)
    return round(0.8 * diagonal, 2), round(0.6 * diagonal, 2)


OPENINGS = """
# Walls are closed over what no table names. Add one for every button, plug and jack that must stay open, from `start`
# to `end` in mm, from the top for the sides left and right, from the left for top and bottom, as seen from the back:
#
# [[edge]]
# kind = "power button"
# side = "left"
# start = 41.0
# end = 51.0
# standing = "measured"
#
# and one for a flash or a sensor beside the island:
#
# [[back]]
# kind = "flash"
# left = 30.0
# top = 12.0
# diameter = 7.0
# standing = "measured"
"""


def _numbers(kind: Kind, name: str, title: str, values: Mapping[str, Any], facts: Mapping[str, Fact]) -> str:
    """The file's head: the title and a line a number, in the order of the catalogue's files."""
    lines = ["# Lengths in mm. Written from measurements; may be mended by hand.", f"title = {_quoted(title or name)}"]
    for field in KINDS[kind][1]:
        if isinstance(values[field], bool) or not isinstance(values[field], (int, float)):
            check_number(name, field, values[field], *limits_of(field))
        lines.append(f"{field} = {{ value = {float(values[field])!r}, {', '.join(_fact_lines(facts[field]))} }}")
    return "\n".join(lines) + "\n"


def _tables(tables: Mapping[str, Any], facts: Mapping[str, Fact]) -> Iterator[str]:
    for name, table in tables.items():
        if table is not None:
            lines = [f"{key} = {float(value)!r}" for key, value in asdict(table).items()]
            lines += _fact_lines(facts[name]) if name in facts else []
            yield "\n".join(("", f"[{name}]", *lines)) + "\n"


def _fact_lines(fact: Fact) -> list[str]:
    return [f'standing = "{fact.standing}"', *([f"source = {_quoted(fact.source)}"] if fact.source else [])]


def _quoted(text: str) -> str:
    """A TOML string; JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
