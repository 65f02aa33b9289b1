"""A part through prusa-slicer, where it is installed: time, grams, manifold or not, and what it complains of.

Tried with PrusaSlicer 2.5.0. Its exit code says little: an open mesh is mended in silence and sliced with 0, and a part
higher than the printer is sliced with 0 too. So what it prints and what it writes into the G-code are read.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from adapter_cad.model import Printer
from adapter_cad.part import Check

__all__ = ["Slicing", "slice_file", "slicing_check"]

PROGRAM = "prusa-slicer"
SETTINGS = {
    "perimeters": "3",
    "fill-density": "20%",
    "fill-pattern": "gyroid",
    "support-material": "0",
    "skirts": "0",
    "brim-width": "0",
    "filament-type": "PLA",
    "filament-diameter": "1.75",
    "filament-density": "1.24",
    "gcode-flavor": "marlin",
    "perimeter-speed": "60",
    "infill-speed": "80",
    "travel-speed": "130",
}
# What --info counts where it had to mend the mesh.
MENDED = ("open_edges", "facets_reversed", "facets_removed", "degenerate_facets", "edges_fixed", "backwards_edges")
COMPLAINT = re.compile(r"error|warning|fail|could not|outside|empty|no layers|nothing to print|what\(\)", re.I)
UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


@dataclass(frozen=True)
class Slicing:
    """What the slicer made of one file.

    seconds, grams  None where it made no G-code
    manifold        as it says; None where it could not read the file
    complaints      what it mended, warned of and refused, a line each, and a print higher than the printer
    """

    slicer: str
    seconds: int | None
    grams: float | None
    manifold: bool | None
    complaints: tuple[str, ...]


def slice_file(file: Path, printer: Printer, turn: int = 0, timeout: float = 300) -> Slicing | None:
    """Slices one STL or 3MF in PLA without support, turned by `turn` degrees about z; None: prusa-slicer is absent.

    Raises FileNotFoundError where there is no such file. Longer than `timeout` seconds is one of the complaints.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        return None
    if not file.is_file():
        raise FileNotFoundError(file)
    with TemporaryDirectory() as folder:
        gcode = Path(folder) / "part.gcode"
        settings = SETTINGS | {
            "layer-height": f"{printer.layer:g}",
            "first-layer-height": f"{printer.layer:g}",
            "nozzle-diameter": f"{printer.nozzle:g}",
            "bed-shape": f"0x0,{printer.bed_x:g}x0,{printer.bed_x:g}x{printer.bed_y:g},0x{printer.bed_y:g}",
            "max-print-height": f"{printer.bed_z:g}",
            "rotate": str(turn),
        }
        # --name=value, so that no value is taken for a file or another option; a datadir without a user's own profiles.
        common = [program, "--loglevel=2", f"--datadir={folder}"]
        options = [f"--{name}={value}" for name, value in settings.items()]
        try:
            info = _run([*common, "--info", str(file.resolve())], timeout)
            said = _run([*common, *options, "--export-gcode", f"--output={gcode}", str(file.resolve())], timeout)
        except subprocess.TimeoutExpired:
            return Slicing(PROGRAM, None, None, None, (f"it took longer than {timeout:g} s",))
        said = said.replace(str(file.resolve()), file.name)
        return _read(info, said, gcode.read_text(errors="replace") if gcode.is_file() else "", printer)


def _run(command: list[str], timeout: float) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, env=environment, errors="replace"
    )
    return done.stdout


def _read(info: str, said: str, gcode: str, printer: Printer) -> Slicing:
    """Its two outputs and the G-code ("" where it made none) -> what they say."""
    facts = dict(re.findall(r"^(\w+) = +(\S+)", info, re.M))
    complaints = [f"it mended {facts[name]} {name.replace('_', ' ')}" for name in MENDED if name in facts]
    lines = [line.strip() for line in said.splitlines() if COMPLAINT.search(line)]
    # Each line once, without the time and thread that the log begins with, or the place in its program.
    complaints += dict.fromkeys(re.sub(r"^(\[[^]]*\]\s*)+|^what\(\):\s+", "", line) for line in lines)
    time = re.search(r"^; estimated printing time \(normal mode\) = (.+)$", gcode, re.M)
    grams = re.search(r"^; total filament used \[g\] = ([\d.]+)", gcode, re.M)
    seconds = sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)([dhms])", time[1])) if time else None
    heights = [float(z) for z in re.findall(r"^;Z:([\d.]+)", gcode, re.M)]
    if not heights:
        complaints.append("it made no layer")
    elif max(heights) > printer.bed_z:
        complaints.append(f"it prints to {max(heights):g} mm, over the printer's {printer.bed_z:g}")
    name = re.search(r"^; generated by (\S+ \S+)", gcode)
    return Slicing(
        name[1] if name else PROGRAM,
        seconds,
        float(grams[1]) if grams else None,
        facts["manifold"] == "yes" if "manifold" in facts else None,
        tuple(complaints),
    )


def slicing_check(sliced: Slicing | None) -> Check:
    """The slicer's word as a check; not checked where it is absent."""
    limit = "manifold, no complaint"
    if sliced is None:
        return Check("slicer", None, f"not checked: {PROGRAM} is not installed", limit)
    if sliced.complaints or not sliced.manifold:
        found = ["not manifold"] if sliced.manifold is False else []
        return Check("slicer", False, "; ".join([*found, *sliced.complaints]), limit)
    return Check("slicer", True, f"{round((sliced.seconds or 0) / 60)} min, {sliced.grams} g, manifold", limit)
