"""By how much a process grows when it runs an artefact, measured in one of its own."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.interpreter import open_interpreter

__all__ = ["resident_growth"]

_STATUS = Path("/proc/self/status")


def resident_growth(file: str, model: bytes, size: int) -> int | None:
    """Bytes of resident memory at the peak of opening an artefact and running it, above those of the process before.

    The runtime is loaded and the file read before, so that neither counts; weights that it packs anew do.

    Returns:
        The growth, or None where the system does not tell a peak since a given moment: all but Linux.

    Raises:
        BadInput: the runtime refuses the artefact, or none is installed.
    """
    # A fresh process each: what one artefact has freed, the next would be given again.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        return alone.submit(_measure, file, model, size).result()


def _measure(file: str, model: bytes, size: int) -> int | None:
    pixels = np.zeros((size, size, 3), np.uint8)
    try:
        open_interpreter(file, b"")
    except BadInput:
        pass  # Nothing is no model; but the runtime is loaded now.
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        before = _kilobytes("VmRSS")
    except OSError:
        return None
    interpreter = open_interpreter(file, model)
    for _ in range(3):
        interpreter.outputs(pixels)
    return 1024 * max(0, _kilobytes("VmHWM") - before)


def _kilobytes(name: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1])
