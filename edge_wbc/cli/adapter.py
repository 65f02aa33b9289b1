"""`edge-wbc adapter`: printed parts that put a phone's camera on an ocular's axis."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import typer

from adapter_cad.errors import BadDesign
from edge_wbc.cli.show import AsJson, emit_json, progress_bar, remark, table
from edge_wbc.core.errors import BadInput, CheckFailed

if TYPE_CHECKING:
    from adapter_cad.catalogue import Device
    from adapter_cad.measuring import Measurement
    from adapter_cad.part import Check

__all__ = ["app"]

app = typer.Typer(help="Printed adapters: a phone on an ocular.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of a to z, 0 to 9 and -; the file will be NAME.toml.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where NAME.toml and the picture go.")]
Title = Annotated[str, typer.Option("--title", help="What people call it; NAME if left out.")]
Mm = Optional[float]


def _asked(name: str, how: str) -> float | None:
    return typer.Option(None, f"--{name}", metavar="MM", help=how)


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List the phones, oculars and printers of the catalogue, and where their numbers come from."""
    from adapter_cad.catalogue import KINDS, devices, numbers, rows

    if as_json:
        emit_json(
            {
                kind: [
                    {"name": name, "title": one.title, "numbers": numbers(one)} for name, one in devices(kind).items()
                ]
                for kind in KINDS
            }
        )
        return
    head = ("name", "numbers", "assumed: measure these before a long print")
    for kind in KINDS:
        table(kind, head, [(row.name, row.standings, row.assumed) for row in rows(kind)], words=len(head))


@app.command("build")
def build(
    phone: Annotated[str, typer.Option(metavar="NAME|FILE", help="Of the catalogue, or a .toml file.")],
    ocular: Annotated[str, typer.Option(metavar="NAME|FILE", help="Of the catalogue, or a .toml file.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the parts and the report go.")],
    printer: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Of the catalogue, or a file.")
    ] = "creality-ender-3",
    clamp: Annotated[str, typer.Option(help="split: a collar with one screw; set-screws: three of them.")] = "split",
    case: Annotated[float, typer.Option(metavar="MM", help="Thickness of the phone's case, 0 without.")] = 0.0,
    clearance: Annotated[float, typer.Option(metavar="MM", help="Radial, between ocular and collar.")] = 0.2,
    xy_travel: Annotated[float, typer.Option(metavar="MM", help="How far the clamp moves to centre it.")] = 1.0,
    wall: Annotated[float, typer.Option(metavar="MM", help="Thickness of the tray's walls.")] = 3.2,
    floor: Annotated[float, typer.Option(metavar="MM", help="Least thickness of the tray's floor.")] = 4.0,
    as_json: AsJson = False,
) -> None:
    """Design an adapter, check it, and write its parts, pictures, calibration page and report.

    Exit code 1 where a check failed: report.html says which, do not print it.
    """
    from adapter_cad import build as writing
    from adapter_cad import catalogue
    from adapter_cad.design import design
    from adapter_cad.model import AdapterOptions, assumed

    options = AdapterOptions(clamp, case, clearance, xy_travel, wall, floor)  # type: ignore[arg-type]
    things = catalogue.phone(phone), catalogue.ocular(ocular), catalogue.printer(printer)
    adapter = design(*things, options)
    with progress_bar() as tell:
        files, report = writing.build(adapter, out, catalogue.second_reading(phone), tell)
    if as_json:
        emit_json({"files": [str(file) for file in files], "checks": [asdict(one) for one in report.checks]})
    else:
        rows = []
        for part in adapter.parts:
            size = " x ".join(f"{side:.1f}" for side in part.mesh.extents)
            checks = [one for one in report.checks if one.name.startswith(f"{part.name}: ")]
            rows.append((part.name, size, f"{part.mesh.volume / 1000:.1f}", _sum(checks)))
        together = [one for one in report.checks if one.name.startswith("together: ")]
        rows.append(("together", "", "", _sum(together)))
        table(f"{things[0].title} on {things[1].title}", ("part", "mm", "cm3", "checks that hold"), rows)
        _failed(report.checks)
        print(out / "report.html")
    for thing in things:
        if assumed(thing):
            remark(f"{thing.title}: ASSUMED, measure before you print: {', '.join(assumed(thing)).replace('_', ' ')}")
    remark("print coupon.stl first; research use, not for diagnosis")
    if not report.ok:
        raise CheckFailed("a check failed: do not print it")


@app.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILES", help="STL or 3MF files, or a build's folder.")],
    as_json: AsJson = False,
) -> None:
    """Check written parts: each by itself, through prusa-slicer where it is installed, and all of a build together.

    Exit code 1 where a check failed.
    """
    from adapter_cad.build import check_files

    with progress_bar() as tell:
        found, report = check_files(files, tell)
    if as_json:
        emit_json({"files": [str(file) for file in found], "checks": [asdict(one) for one in report.checks]})
    else:
        alone = [one for one in report.checks if not one.name.startswith("together")]
        names = list(dict.fromkeys(one.name.split(": ", 1)[1] for one in alone))
        cells = {one.name: _shown(one) for one in alone}
        rows = [(name, *(cells.get(f"{file.name}: {name}", "") for file in found)) for name in names]
        for kind in dict.fromkeys(file.suffix for file in found):
            here = [place for place, file in enumerate(found) if file.suffix == kind]
            picked = [(row[0], *(row[1 + place] for place in here)) for row in rows]
            picked = [row for row in picked if any(row[1:])]
            table(f"each {kind} file by itself", ("check", *(found[place].stem for place in here)), picked)
        rows = [
            (one.name.removeprefix("together: "), _shown(one), f"{one.limit}")
            for one in report.checks
            if one.name.startswith("together")
        ]
        table("all together", ("check", "found", "allowed"), rows)
    remark("research use, not for diagnosis")
    if not report.ok:
        raise CheckFailed(f"{sum(one.ok is False for one in report.checks)} of {len(report.checks)} checks failed")


def _shown(one: Check) -> str:
    """What a check found, marked where it fails."""
    value = "-" if one.ok is None else f"{one.value}"
    return f"FAILS: {value}" if one.ok is False else value


def _sum(checks: Sequence[Check]) -> str:
    return f"{sum(one.ok is True for one in checks)} of {sum(one.ok is not None for one in checks)}"


def _failed(checks: Sequence[Check]) -> None:
    for one in checks:
        if one.ok is False:
            remark(f"FAILED {one.name}: {one.value}, allowed {one.limit}")


@app.command("new-phone")
def new_phone(
    name: Name,
    out: Out,
    length: Mm = _asked("length", "A: top edge to bottom edge."),
    width: Mm = _asked("width", "B: left edge to right edge, seen from the back."),
    thickness: Mm = _asked("thickness", "C: beside the camera island."),
    lens_left: Mm = _asked("lens-left", "D: middle of the main lens from the left edge."),
    lens_top: Mm = _asked("lens-top", "E: from the top edge."),
    lens_right: Mm = _asked("lens-right", "F: the same again from the right edge."),
    lens_bottom: Mm = _asked("lens-bottom", "G: the same again from the bottom edge."),
    focal_equiv: Mm = _asked("focal-equiv", "The main camera's 35 mm equivalent focal length."),
    f_number: Annotated[Optional[float], typer.Option("--f-number", help="The main camera's f-number.")] = None,
    island_left: Mm = _asked("island-left", "H: the island's left side from the left edge."),
    island_right: Mm = _asked("island-right", "J: its right side from the left edge."),
    island_top: Mm = _asked("island-top", "K: its upper side from the top edge."),
    island_bottom: Mm = _asked("island-bottom", "L: its lower side from the top edge."),
    island_height: Mm = _asked("island-height", "M: how far island or lens rings stand out."),
    no_island: Annotated[bool, typer.Option("--no-island", help="Nothing stands out of the back.")] = False,
    sensor: Annotated[Optional[str], typer.Option("--sensor", help="The main camera's format, such as 1/2.55.")] = None,
    title: Title = "",
    as_json: AsJson = False,
) -> None:
    """Write a phone's file from calliper measurements; asks for those that are not given."""
    from adapter_cad.measuring import ISLAND, PHONE_MEASUREMENTS, PhoneReadings
    from adapter_cad.measuring import new_phone as write_phone
    from adapter_cad.model import Bump

    given = {
        "length": length,
        "width": width,
        "thickness": thickness,
        "lens_left": lens_left,
        "lens_top": lens_top,
        "lens_right": lens_right,
        "lens_bottom": lens_bottom,
        "focal_equiv": focal_equiv,
        "f_number": f_number,
        "island_left": island_left,
        "island_right": island_right,
        "island_top": island_top,
        "island_bottom": island_bottom,
        "island_height": island_height,
    }
    if no_island and any(given[one] is not None for one in ISLAND):
        raise BadInput("--no-island", "there are measurements of an island", "leave out one of the two")
    wanted = [one for one in PHONE_MEASUREMENTS if not (no_island and one.name in ISLAND)]

    def write(read: dict[str, Any]) -> Device:
        sides = [read.pop(one) for one in ISLAND]
        island = None if sides[0] is None else Bump(*sides)
        return write_phone(name, out, PhoneReadings(**read, island=island, sensor=sensor, title=title))

    _measure("phone", name, out, wanted, given, write, as_json)
    remark("walls are closed over its buttons and plugs until the file names them; it says how")


@app.command("new-ocular")
def new_ocular(
    name: Name,
    out: Out,
    housing_diameter: Mm = _asked("housing-diameter", "A: the housing outside, rubber cup off."),
    grip_length: Mm = _asked("grip-length", "B: how far down from the rim it is that wide."),
    tube_diameter: Mm = _asked("tube-diameter", "C: the part inside the microscope's tube."),
    exit_pupil_height: Mm = _asked("exit-pupil-height", "D: from the rim to where the light's disc is smallest."),
    eye_lens_diameter: Mm = _asked("eye-lens-diameter", "E: the clear glass of the eye lens."),
    magnification: Annotated[Optional[float], typer.Option("--magnification", help="Engraved: 10 of 10x/20.")] = None,
    field_number: Mm = _asked("field-number", "Engraved: 20 of 10x/20."),
    title: Title = "",
    as_json: AsJson = False,
) -> None:
    """Write an ocular's file from calliper measurements; asks for those that are not given."""
    from adapter_cad.measuring import OCULAR_MEASUREMENTS, OcularReadings
    from adapter_cad.measuring import new_ocular as write_ocular

    given = {
        "housing_diameter": housing_diameter,
        "grip_length": grip_length,
        "tube_diameter": tube_diameter,
        "exit_pupil_height": exit_pupil_height,
        "eye_lens_diameter": eye_lens_diameter,
        "magnification": magnification,
        "field_number": field_number,
    }

    def write(read: dict[str, Any]) -> Device:
        return write_ocular(name, out, OcularReadings(**read, title=title))

    _measure("ocular", name, out, OCULAR_MEASUREMENTS, given, write, as_json)


def _measure(
    kind: Literal["phone", "ocular"],
    name: str,
    out: Path,
    wanted: Sequence[Measurement],
    given: Mapping[str, float | None],
    write: Callable[[dict[str, Any]], Device],
    as_json: bool,
) -> None:
    """Asks for what is wanted and not given, then writes the device and says where; the picture of where to measure is
    there before the first question, but not where given numbers are refused."""
    from adapter_cad.files import save
    from adapter_cad.measure_drawing import measuring_picture
    from adapter_cad.measuring import new_file
    from adapter_cad.model import assumed

    file, picture, drawing = new_file(out, name), out / f"measure-{kind}.png", measuring_picture(kind)
    asked = [one for one in wanted if given[one.name] is None]
    if asked:
        save(picture, drawing)
        remark(f"where to measure: {picture}")
    device = write({**given, **_ask(asked)})
    if not asked:
        save(picture, drawing)
    guessed = assumed(device)
    if as_json:
        emit_json({"file": str(file), "picture": str(picture), "assumed": guessed})
        return
    print(file)
    if guessed:
        remark(f"assumed, since nobody measured: {', '.join(guessed).replace('_', ' ')}")


def _ask(wanted: Sequence[Measurement]) -> dict[str, float]:
    """Asks on stderr for each; at a terminal again and again until it can be, else BadInput or BadDesign at once.

    An empty answer to the first of the island's leaves all of them out.
    """
    from adapter_cad.measuring import ISLAND

    answers: dict[str, float] = {}
    for one in wanted:
        if one.name in ISLAND[1:] and ISLAND[0] in (other.name for other in wanted) and ISLAND[0] not in answers:
            continue
        empty = " (empty: there is none)" if one.name == ISLAND[0] else ""
        option = f"--{one.name.replace('_', '-')}"
        while one.name not in answers:
            print(f"{one.letter or ' '}  {one.how}{empty}: ", end="", file=sys.stderr, flush=True)
            line = sys.stdin.readline()
            if not line or not sys.stdin.isatty():
                remark("")  # nobody pressed Enter on the screen
            if not line:
                raise BadInput(option, "was not given", "give it, or answer when asked")
            if empty and not line.strip():
                break
            try:
                answers[one.name] = _number(option, one.name, line)
            except (BadInput, BadDesign) as wrong:
                if not sys.stdin.isatty():
                    raise
                remark(f"   {wrong}")
    return answers


def _number(option: str, name: str, line: str) -> float:
    """A number of the right size, with a point or a comma; BadInput or BadDesign otherwise."""
    from adapter_cad.measuring import limits_of
    from adapter_cad.model import check_number

    try:
        value = float(line.replace(",", "."))
    except ValueError as wrong:
        raise BadInput(option, f"{line.strip()!r:.40} is not a number", "give it in mm") from wrong
    check_number(option, name, value, *limits_of(name))
    return value
