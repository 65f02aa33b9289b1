"""CPU time of `edge-wbc --help` with the hard dependencies alone, beside a bare interpreter's.

    python benchmarks/startup.py [--python .venv-oldest/bin/python]

Prints a table and writes benchmarks/results/startup.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
from pathlib import Path

COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "python -c 'import typer, rich.console'": ("-c", "import typer, rich.console"),
    "edge-wbc --help": ("-c", "import sys; sys.argv[1:] = ['--help']; from edge_wbc.cli.main import main; main()"),
}


def cpu_seconds(python: Path, arguments: tuple[str, ...]) -> float:
    """User and system time of one child."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([python, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Interleaves the commands, so that all see the same machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", type=Path, default=Path(".venv-oldest/bin/python"))
    parser.add_argument("--runs", type=int, default=15)
    asked = parser.parse_args()
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(asked.runs + 1):
        for name, arguments in COMMANDS.items():
            times[name].append(cpu_seconds(asked.python, arguments))
    rows = {
        name: {"cpu_s_median": statistics.median(got[1:]), "cpu_s_max": max(got[1:])} for name, got in times.items()
    }
    for name, row in rows.items():
        print(f"{name:42} median {row['cpu_s_median']:.3f} s  max {row['cpu_s_max']:.3f} s")
    versions = subprocess.run(
        [
            asked.python,
            "-c",
            "import sys, importlib.metadata as m; print(sys.version.split()[0], m.version('typer'), m.version('rich'))",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    result = {
        "command": "python benchmarks/startup.py",
        "device": f"{platform.machine()} {platform.system()}",
        "versions": dict(zip(("python", "typer", "rich"), versions, strict=True)),
        "runs": asked.runs,
        "commands": rows,
    }
    target = Path(__file__).parent / "results" / "startup.json"
    target.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
