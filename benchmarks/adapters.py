"""Every phone of the catalogue on every ocular, with both clamps: designed, written, read back, checked; and how long.

    python benchmarks/adapters.py

Prints a table and writes benchmarks/results/adapters.json and adapters.md. A design's time is CPU time without the
imports; one fresh process with them is timed too. Floor of the time: each part's STL read once, and its solid made.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import trimesh

from adapter_cad import catalogue
from adapter_cad.check import check
from adapter_cad.design import design
from adapter_cad.errors import BadDesign
from adapter_cad.mesh_checks import turn_to_fit
from adapter_cad.model import AdapterOptions
from adapter_cad.solids import to_solid
from adapter_cad.write import stl_bytes

RESULTS = Path(__file__).parent / "results"
CLAMPS = ("split", "set-screws")
PRINTER = "creality-ender-3"
ONE = (
    "from adapter_cad import catalogue as c; from adapter_cad.check import check;"
    "from adapter_cad.design import design;"
    "a = design(c.phone('galaxy-s5'), c.ocular('olympus-cx18-10x'), c.printer('creality-ender-3'));"
    "assert check(a, second=c.second_reading('galaxy-s5')).ok"
)


def try_pair(phone: str, ocular: str) -> dict:
    """Both clamps of one pair: checks made and failed, CPU seconds, printers whose bed takes the tray."""
    row = {"phone": phone, "ocular": ocular, "made": 0, "failed": [], "refused": [], "seconds": [], "floor": []}
    for clamp in CLAMPS:
        start = time.process_time()
        try:
            adapter = design(
                catalogue.phone(phone),
                catalogue.ocular(ocular),
                catalogue.printer(PRINTER),
                AdapterOptions(clamp=clamp),
            )
        except BadDesign as refusal:
            row["refused"].append(str(refusal))
            continue
        checks = check(adapter, second=catalogue.second_reading(phone)).checks
        row["seconds"].append(time.process_time() - start)
        row["made"] += sum(one.ok is not None for one in checks)
        row["failed"] += [f"{clamp}: {one.name}" for one in checks if one.ok is False]
        files = [stl_bytes(part.mesh) for part in adapter.parts]
        start = time.process_time()
        for file in files:
            to_solid(trimesh.load_mesh(io.BytesIO(file), file_type="stl")).volume()
        row["floor"].append(time.process_time() - start)
    tray = adapter.parts[0].mesh
    row["printers"] = [
        name for name, one in catalogue.devices("printers").items() if turn_to_fit(tray, one) is not None
    ]
    return row


def as_markdown(rows: list[dict], oculars: list[str]) -> str:
    """Checks that hold of those made, a row a phone; then the printers that take its tray."""
    lines = ["| phone | " + " | ".join(oculars) + " | beds that take the tray |", "| --- " * (len(oculars) + 2) + "|"]
    for phone in dict.fromkeys(row["phone"] for row in rows):
        mine = [row for row in rows if row["phone"] == phone]
        cells = [
            "refused" if row["refused"] else f"{row['made'] - len(row['failed'])} of {row['made']}" for row in mine
        ]
        beds = set.intersection(*(set(row["printers"]) for row in mine))
        lines.append(f"| {phone} | " + " | ".join(cells) + f" | {', '.join(sorted(beds))} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """All pairs, the table, the times."""
    oculars = list(catalogue.names("oculars"))
    rows = []
    for phone in catalogue.names("phones"):
        for ocular in oculars:
            rows.append(try_pair(phone, ocular))
            print(f"{phone} on {ocular}", file=sys.stderr)
    table = as_markdown(rows, oculars)
    seconds = [value for row in rows for value in row["seconds"]]
    floor = [value for row in rows for value in row["floor"]]
    fresh = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", ONE], check=True)
        fresh.append(time.perf_counter() - start)
    times = {
        "designs": len(seconds),
        "design_and_check_cpu_s": {"median": statistics.median(seconds), "max": max(seconds)},
        "floor_cpu_s": statistics.median(floor),
        "fresh_process_with_imports_s": {"median": statistics.median(fresh), "max": max(fresh)},
    }
    print(table)
    print(json.dumps(times, indent=1))
    versions = {name: importlib.metadata.version(name) for name in ("trimesh", "manifold3d", "embreex", "numpy")}
    result = {
        "command": "python benchmarks/adapters.py",
        "device": f"{platform.machine()} {platform.system()}",
        "versions": {"python": platform.python_version(), **versions},
        "times": times,
        "pairs": [{key: value for key, value in row.items() if key not in ("seconds", "floor")} for row in rows],
    }
    (RESULTS / "adapters.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "adapters.md").write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
