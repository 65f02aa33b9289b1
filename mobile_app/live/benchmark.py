"""How long the installed pack takes on this very device, as the object that `edge-wbc bench --phone FILE` reads."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Protocol, Tuple

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.core.interpreter import open_interpreter, timed_turn
from edge_wbc.core.pack import Pack

__all__ = ["BenchmarkOptions", "Desktop", "Device", "benchmark", "write_benchmark"]

_TURN = 5
Report = Callable[[int, int], bool]


class Device(Protocol):
    """Where this runs: its name, the versions it adds, and its heat."""

    name: str
    versions: Dict[str, str]

    def heat(self) -> Dict[str, Any]:
        """What it tells of its temperature; members are null where it does not."""


class Desktop:
    """A machine that is no phone; a `Device`."""

    def __init__(self) -> None:
        self.name = " ".join(filter(None, (platform.system(), platform.machine(), platform.processor())))
        self.versions = {"os": platform.release()}

    def heat(self) -> Dict[str, Any]:
        """Nothing is known."""
        return {"thermal_status": None, "battery_c": None}


@dataclass(frozen=True)
class BenchmarkOptions:
    """How to time.

    Attributes:
        runs: timed inferences of each artefact with each number of threads.
        threads: numbers of threads.
    """

    runs: int = 200
    threads: Tuple[int, ...] = (1, 2)


def benchmark(
    pack: Pack, device: Device, options: BenchmarkOptions, versions: Dict[str, str], report: Report
) -> Dict[str, Any]:
    """Times every .tflite of a pack, in turns of five after one that is not timed, as `edge-wbc bench` does.

    Args:
        versions: of what runs it, as {"tflite": "2.11.0"}.
        report: told (done, in all); False from it ends the measurement.

    Returns:
        The object of docs/bench.md; beside what is read of it, the device's heat `before` and `after`.

    Raises:
        BadInput: the pack has no .tflite, a runtime refuses it, or `report` ended it.
    """
    artefacts = {kind: name for kind, name in pack.artefacts().items() if name.endswith(".tflite")}
    if not artefacts:
        raise BadInput(pack.path, "holds no .tflite", "export it with --kinds tflite-int8")
    opened = {
        (kind, threads): open_interpreter(name, pack.files[name], threads)
        for kind, name in artefacts.items()
        for threads in options.threads
    }
    size = pack.manifest.crop.size
    # What is in a picture does not change how long it takes.
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
    seconds: Dict[Tuple[str, int], List[float]] = {key: [] for key in opened}
    before = device.heat()
    for done in range(0, options.runs, _TURN):
        if not report(done, options.runs):
            raise BadInput("benchmark", "was ended before it was done")
        for key, interpreter in opened.items():
            seconds[key] += timed_turn(interpreter, pixels, min(_TURN, options.runs - done))
    report(options.runs, options.runs)
    return {
        "device": device.name,
        "versions": {**device.versions, **versions, "numpy": np.__version__, "opencv": cv2.__version__},
        "artefacts": [
            {
                "file": artefacts[kind],
                "kind": kind,
                "bytes": len(pack.files[artefacts[kind]]),
                "operators": None,
                "runtime": opened[kind, threads].runtime,
                "threads": threads,
                "runs": len(times),
                "ms_median": round(1000 * float(np.median(times)), 4),
                "ms_p90": round(1000 * float(np.percentile(times, 90)), 4),
            }
            for (kind, threads), times in seconds.items()
        ],
        "heat": {"before": before, "after": device.heat()},
        "note": "research use, not for diagnosis",
    }


def write_benchmark(path: Path, found: Dict[str, Any]) -> None:
    """Writes it whole or not at all."""
    write_whole(path, (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())
