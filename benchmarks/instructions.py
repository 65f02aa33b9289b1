"""ARMv7 instructions that one inference takes on TFLite 2.8.0 and 2.11.0, counted by QEMU.

    python benchmarks/instructions.py PACK_OR_TFLITE ... [--inferences 8]

Of a pack every .tflite is counted; a file's kind is what its name says before .tflite. The core's own interpreter runs
it, one thread, on one crop of noise; the middle of all inferences but the first two is told, the interpreter's few
Python lines included. The same command counts the same to the last instruction. Counts compare models of one kind: a
phone's time also depends on memory and on which instructions they are. A file of another maker, whose weights lie where
these runtimes do not find them, is repacked (`export.repack`) to be counted, and so marked; whether its answers are
right there is not asked. Needs `make runtimes` and a C compiler. Prints a table and writes
benchmarks/results/instructions.json and instructions.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_wbc.core.errors import BadInput
from export.flatbuffer import read_facts
from export.instructions import counter
from export.old_runtimes import open_runtime
from export.repack import repack_in_process

HERE = Path(__file__).parent
RUNTIMES = ("2.8.0-armv7l", "2.11.0-armv7l")


def find_models(paths: Sequence[Path]) -> list[tuple[str, str, Path]]:
    """(model, kind, file) of every .tflite in these packs and of these files."""
    found = []
    for path in paths:
        files = sorted(path.glob("*.tflite")) if path.is_dir() else [path]
        if not files or not files[0].is_file():
            sys.exit(f"{path}: no .tflite there")
        for file in files:
            name, _, kind = file.name.removesuffix(".tflite").rpartition(".")
            found.append((path.name if path.is_dir() else name or kind, kind if name else "tflite", file))
    return found


def cpu_model() -> str:
    """The host's processor, as Linux names it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def told(result: dict[str, Any]) -> str:
    """instructions.md: a line a file, millions of instructions."""
    counted: dict[tuple[str, str, int, bool], dict[str, int]] = {}
    for row in result["counts"]:
        key = row["model"], row["kind"], row["bytes"], row["repacked"]
        counted.setdefault(key, {})[row["runtime"]] = row["instructions"]
    lines = [
        "# ARMv7 instructions of one inference",
        "",
        f"`{result['command']}`",
        "",
        f"Millions, one thread, emulated {result['emulated']}. They do not predict milliseconds.",
        "Research use, not for diagnosis.",
        "",
        f"| model | kind | bytes | {' | '.join(RUNTIMES)} |",
        "|" + " --- |" * (3 + len(RUNTIMES)),
    ]
    for (model, kind, size, repacked), of in counted.items():
        name = f"{model} (repacked)" if repacked else model
        lines.append(f"| {name} | {kind} | {size:,} | {' | '.join(f'{of[each] / 1e6:.2f}' for each in RUNTIMES)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Counts every model on every runtime."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PACK_OR_TFLITE")
    parser.add_argument("--inferences", type=int, default=8)
    asked = parser.parse_args()
    try:
        runtimes = [open_runtime(name) for name in RUNTIMES]
    except BadInput as error:
        sys.exit(str(error))
    rows = []
    with counter() as counts:
        for model, kind, file in find_models(asked.paths):
            data = file.read_bytes()
            repacked = bool(read_facts(data).external_buffers)
            if repacked:
                data = repack_in_process(data)
            for runtime in runtimes:
                count = counts.per_inference(runtime, data, asked.inferences)
                row = {
                    "model": model,
                    "kind": kind,
                    "bytes": file.stat().st_size,
                    "repacked": repacked,
                    "runtime": runtime.name,
                }
                rows.append({**row, "instructions": count})
                print(f"{model:24} {kind:9} {runtime.name:14} {count:13,} an inference", flush=True)
    ratios = {}
    counted = {(row["model"], row["runtime"], row["kind"]): row["instructions"] for row in rows}
    for (model, runtime, kind), count in counted.items():
        if kind == "int8" and (whole := counted.get((model, runtime, "fp32"))):
            ratios[f"{model} {runtime}"] = whole / count
            print(f"{model:24} fp32/int8 {runtime:14} {whole / count:13.2f}")
    emulator = subprocess.run([runtimes[0].command[0], "--version"], capture_output=True, text=True, check=True)
    result = {
        "command": f"python benchmarks/instructions.py {' '.join(path.name for path in asked.paths)}",
        "inferences": asked.inferences,
        "emulated": "cortex-a15, ARMv7-A with NEON",
        "host": cpu_model(),
        "versions": {
            "emulator": emulator.stdout.splitlines()[0],
            **{runtime.name: dict(runtime.versions) for runtime in runtimes},
        },
        "counts": rows,
        "fp32_over_int8": ratios,
    }
    (HERE / "results" / "instructions.json").write_text(json.dumps(result, indent=1) + "\n")
    (HERE / "results" / "instructions.md").write_text(told(result))


if __name__ == "__main__":
    main()
