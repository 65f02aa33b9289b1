"""ARMv7 instructions of one inference on an old TFLite, counted by a plugin of QEMU's."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_wbc.core.errors import BadInput
from export.old_runtimes import OldRuntime

__all__ = ["Counter", "counter"]

_SOURCE = Path(__file__).with_name("count_instructions.c")
_WARM = 2  # inferences that are not counted: the first lays out memory
# What runs under the emulator: model, crop, number of inferences. The plugin logs its count at each getppid.
_LOOP = """
import os, sys
import numpy as np
from edge_wbc.core.interpreter import open_interpreter
model, crop, count = sys.argv[1:]
with open(model, "rb") as file:
    interpreter = open_interpreter(model, file.read())
crops = np.load(crop)
for _ in range(int(count)):
    os.getppid()
    interpreter.predict(crops)
os.getppid()
"""


@dataclass(frozen=True)
class Counter:
    """The compiled plugin, and a folder to work in."""

    folder: Path

    def per_inference(self, runtime: OldRuntime, model: bytes, inferences: int = 4) -> int:
        """Instructions of one inference of a classifier's .tflite, one thread; the same each time it is asked.

        Args:
            runtime: one for ARMv7, of `open_runtime`.
            model: float or int8, of one output.
            inferences: the middle count of so many is told.

        Raises:
            BadInput: the emulator or its Python fails; the line carries its last words.
        """
        file, crop, log = (self.folder / name for name in ("model.tflite", "crop.npy", "log"))
        file.write_bytes(model)
        np.save(crop, _noise(model))
        emulator, *rest = runtime.command
        counted = (emulator, "-plugin", str(self.folder / "count.so"), "-d", "plugin", "-D", str(log), *rest)
        # Hashes are not salted, so that dictionaries behave alike.
        there = replace(runtime, command=counted, environment={**runtime.environment, "PYTHONHASHSEED": "0"})
        there.python("-c", _LOOP, str(file), str(crop), str(_WARM + inferences))
        return round(statistics.median(np.diff([int(line) for line in log.read_text().split()])[_WARM:].tolist()))


@contextmanager
def counter() -> Iterator[Counter]:
    """A counter, for as long as it is used.

    Raises:
        BadInput: no C compiler is installed, or it does not compile the plugin.
    """
    compiler = os.environ.get("CC") or shutil.which("cc")
    if compiler is None:
        raise BadInput("cc", "no C compiler to build the counting plugin", "sudo apt-get install gcc libc6-dev")
    with tempfile.TemporaryDirectory() as kept:
        plugin = Path(kept) / "count.so"
        built = subprocess.run(
            [compiler, "-O2", "-shared", "-fPIC", "-o", plugin, _SOURCE], capture_output=True, text=True
        )
        if built.returncode:
            raise BadInput(compiler, f"does not compile the plugin ({built.stderr.strip().splitlines()[-1]})")
        yield Counter(Path(kept))


def _noise(model: bytes) -> np.ndarray:
    """One crop of the model's size: (1, S, S, 3) uint8."""
    from ai_edge_litert.interpreter import Interpreter

    shape = Interpreter(model_content=model).get_input_details()[0]["shape"]
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)
