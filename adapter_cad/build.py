"""A design's folder: STL and 3MF, pictures, calibration page, report; and the folder read back to be checked."""

from __future__ import annotations

import io
import json
import os
import struct
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import trimesh

from adapter_cad.calibration import calibration_html
from adapter_cad.catalogue import SecondReading
from adapter_cad.check import Report, check, check_together, reloaded
from adapter_cad.design import design
from adapter_cad.errors import BadDesign
from adapter_cad.mesh_checks import check_mesh, turn_to_fit
from adapter_cad.model import AdapterOptions, BackOpening, Bump, EdgeCutout, Fact, Ocular, Phone, Printer
from adapter_cad.part import Adapter, Check
from adapter_cad.pictures import assembled_picture, exploded_picture
from adapter_cad.render import png
from adapter_cad.report import describe, report_html, report_json
from adapter_cad.section import section_picture
from adapter_cad.slicer import slice_file, slicing_check
from adapter_cad.write import stl_bytes, threemf_bytes

__all__ = ["build", "check_files"]

REPORT = "report.json"
MESHES = (".stl", ".3mf")
MOST_BYTES = 256 * 1024 * 1024
# What trimesh's parsers raise on files that are none; lxml's XMLSyntaxError is a SyntaxError.
UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    SyntaxError,
    struct.error,
    zipfile.BadZipFile,
    trimesh.exchange.stl.HeaderError,
)
Tell = Callable[[str, int, int], None]


def build(adapter: Adapter, out: Path, second: SecondReading | None, tell: Tell) -> tuple[list[Path], Report]:
    """Writes all of an adapter's files into `out`, made if need be; they are checked as read back from the disk.

    All are made beside `out` first and then moved there, report.json last, so that none is ever half there. The same
    inputs give the same bytes. Raises OSError where `out` cannot be written.
    """
    steps: list[tuple[str, Callable[[], bytes]]] = []
    for part in adapter.parts:
        steps.append((f"{part.name}.stl", lambda mesh=part.mesh: stl_bytes(mesh)))  # type: ignore[misc]
        steps.append((f"{part.name}.3mf", lambda part=part: threemf_bytes(part.mesh, part.name)))  # type: ignore[misc]
    steps += [
        ("assembled.png", lambda: png(assembled_picture(adapter))),
        ("exploded.png", lambda: png(exploded_picture(adapter))),
        ("section.png", lambda: section_picture(adapter)),
        ("calibration.html", lambda: calibration_html(adapter).encode()),
    ]
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".adapter-", dir=out) as beside:
        files: dict[str, bytes] = {}
        for done, (name, make) in enumerate(steps):
            tell(f"adapter {name}", done, len(steps) + 1)
            files[name] = make()
            (Path(beside) / name).write_bytes(files[name])
        tell("adapter checks", len(steps), len(steps) + 1)
        meshes = {part.name: read_mesh(Path(beside) / f"{part.name}.stl") for part in adapter.parts}
        report = check(adapter, meshes, second)
        said = describe(adapter, report.checks, files)
        said["design"] = _record(adapter, second)
        pictures = {name: data for name, data in files.items() if name.endswith(".png")}
        (Path(beside) / "report.html").write_text(report_html(said, pictures), encoding="utf-8")
        (Path(beside) / REPORT).write_bytes(report_json(said))
        names = [*files, "report.html", REPORT]
        for name in names:
            os.replace(Path(beside) / name, out / name)
    tell("adapter checks", len(steps) + 1, len(steps) + 1)
    return [out / name for name in names], report


def _record(adapter: Adapter, second: SecondReading | None) -> dict[str, Any]:
    """What report.json keeps so that its adapter can be designed again, to the last digit."""
    things: dict[str, Any] = {"phone": adapter.phone, "ocular": adapter.ocular, "printer": adapter.printer}
    record = {name: asdict(thing) for name, thing in things.items()}
    return {**record, "options": asdict(adapter.options), "second_reading": asdict(second) if second else None}


def _designed(report: Path) -> tuple[Adapter, SecondReading | None]:
    """The adapter that a build's report.json tells of."""
    try:
        record = json.loads(report.read_text(encoding="utf-8"))["design"]
        for name in ("phone", "ocular", "printer"):
            record[name]["facts"] = {key: Fact(**fact) for key, fact in record[name]["facts"].items()}
        given = record["phone"]
        given["bump"] = Bump(**given["bump"]) if given["bump"] else None
        given["edges"] = tuple(EdgeCutout(**cut) for cut in given["edges"])
        given["backs"] = tuple(BackOpening(**hole) for hole in given["backs"])
        things = Phone(**given), Ocular(**record["ocular"]), Printer(**record["printer"])
        second = SecondReading(**record["second_reading"]) if record["second_reading"] else None
        return design(*things, AdapterOptions(**record["options"])), second
    except BadDesign:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as wrong:
        raise BadDesign(report, "it is no adapter's report", "build it again, or check the STL files alone") from wrong


def read_mesh(file: Path) -> trimesh.Trimesh:
    """The mesh of an .stl or .3mf file, mm, corners merged; BadDesign where there is none."""
    remedy = "give an .stl or .3mf file that adapter build wrote"
    if file.stat().st_size > MOST_BYTES:
        raise BadDesign(file, f"it has more than {MOST_BYTES // 2**20} MiB", remedy)
    data = file.read_bytes()
    try:
        if file.suffix.lower() == ".stl":
            mesh = reloaded(data)
        else:
            mesh = trimesh.load_mesh(io.BytesIO(data), file_type="3mf")
    except UNREADABLE as wrong:
        raise BadDesign(file, "it cannot be read as a mesh", remedy) from wrong
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
        raise BadDesign(file, "there is no mesh in it", remedy)
    return mesh


def check_files(paths: Sequence[Path], tell: Tell) -> tuple[list[Path], Report]:
    """Checks files that a build wrote, or a folder of them; a file with no report.json beside it is checked alone.

    Each mesh is checked by itself and sliced where prusa-slicer is installed; where all of a build's STL files are
    given, they are checked together. BadDesign for what is no mesh, FileNotFoundError for what is not there.
    """
    files = [mesh for path in paths for mesh in (_meshes_of(path) if path.is_dir() else [path])]
    for file in files:
        if file.suffix.lower() not in MESHES:
            raise BadDesign(file, "it is neither an .stl nor a .3mf file", "give parts, or a folder of them")
    checks: list[Check] = []
    for place, folder in enumerate(dict.fromkeys(file.parent for file in files)):
        here = [file for file in files if file.parent == folder]
        adapter, second = _designed(folder / REPORT) if (folder / REPORT).is_file() else (None, None)
        parts = adapter.by_name if adapter else {}
        meshes = {}
        for number, file in enumerate(here):
            tell(f"check {file.name}", number, len(here))
            mesh, part = read_mesh(file), parts.get(file.stem)
            found = check_mesh(
                mesh,
                part.genus if part else None,
                tuple(part.mesh.extents) if part else None,
                adapter.printer if adapter else None,
            )
            if file.suffix.lower() == ".stl":
                meshes[file.stem] = mesh
                if adapter:
                    turn = turn_to_fit(mesh, adapter.printer) or 0
                    found.append(slicing_check(slice_file(file, adapter.printer, turn)))
            checks += [replace(one, name=f"{file.name}: {one.name}") for one in found]
        tell("check together", len(here), len(here))
        if adapter and set(parts) <= set(meshes):
            checks += check_together(adapter, meshes, second)
        else:
            why = "all STL files of a build" if adapter else f"{REPORT} beside the files"
            checks.append(Check(f"together{place or ''}: fit", None, f"not checked: it needs {why}", "all"))
    return files, Report(tuple(checks))


def _meshes_of(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in MESHES)
    if not files:
        raise BadDesign(folder, "there is neither an .stl nor a .3mf file in it", "give the folder that build wrote")
    return files
