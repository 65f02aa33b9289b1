"""Artefacts run on the runtimes of the phones: TFLite 2.8.0 and 2.11.0 for ARMv7 and x86-64, and 2.14.0.

`make runtimes` builds them; each has a Python of its own, in which the core's own interpreter runs the artefact.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge_wbc.core.errors import BadInput

__all__ = ["FACTS", "OLD_RUNTIMES", "Answers", "OldRuntime", "open_runtime", "run_there", "runtimes_folder"]

OLD_RUNTIMES = ("2.8.0-armv7l", "2.11.0-armv7l", "2.8.0-x86_64", "2.11.0-x86_64", "2.14.0-x86_64")
FACTS = "runtime.json"  # written last of all into a runtime's folder, so it marks a finished one
_HOUSE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class OldRuntime:
    """One built runtime.

    Attributes:
        name: version and machine, such as ``2.8.0-armv7l``.
        command: what starts its Python.
        environment: variables that its Python needs.
        versions: what it consists of, as it says itself.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    versions: Mapping[str, str] = field(default_factory=dict)

    def python(self, *arguments: str) -> str:
        """What its Python prints, started with these arguments; it finds the project's packages and its runtime.

        Raises:
            BadInput: it does not start, or ends with a fault; the line carries its last words.
        """
        plain = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        with tempfile.TemporaryDirectory() as house:
            # Nothing else that lies beside the packages: where they are installed, that is another Python's NumPy.
            for package in ("edge_wbc", "export"):
                (Path(house) / package).symlink_to(_HOUSE / package)
            path = os.pathsep.join([self.environment["PYTHONPATH"], house])
            environment = {**plain, **self.environment, "PYTHONPATH": path}
            try:
                done = subprocess.run(
                    [*self.command, *arguments], env=environment, capture_output=True, text=True, errors="replace"
                )
            except OSError as error:
                raise BadInput(f"TFLite {self.name}", f"does not start ({error})", "make runtimes") from error
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise BadInput(f"TFLite {self.name}", f"failed ({said[-1]})", "make runtimes")
        return done.stdout


@dataclass(frozen=True)
class Answers:
    """What a runtime said of some artefacts.

    Attributes:
        scores: name -> (N, labels) float32 probabilities.
        refused: name -> the words of the runtime, of those that it does not load or run.
    """

    scores: Mapping[str, np.ndarray]
    refused: Mapping[str, str]


def runtimes_folder() -> Path:
    """Where the runtimes are: ``EDGE_WBC_RUNTIMES``, else ``build/runtimes`` beside the packages."""
    return Path(os.environ.get("EDGE_WBC_RUNTIMES") or _HOUSE / "build" / "runtimes")


def open_runtime(name: str) -> OldRuntime:
    """A built runtime, by one of `OLD_RUNTIMES`.

    Raises:
        BadInput: it is not built.
    """
    file = runtimes_folder() / name / FACTS
    if not file.is_file():
        raise BadInput(f"TFLite {name}", f"not built in {runtimes_folder()}", "make runtimes")
    facts = json.loads(file.read_text(encoding="utf-8"))
    return OldRuntime(name, tuple(facts["command"]), facts["environment"], facts["versions"])


def run_there(runtime: OldRuntime, models: Mapping[str, bytes], crops: np.ndarray, reference: bool = False) -> Answers:
    """Run artefacts on an old runtime, one thread.

    Args:
        runtime: what runs them.
        models: name -> the bytes of a .tflite.
        crops: uint8 (N, S, S, 3) RGB; N may be 0, then the artefacts are only loaded.
        reference: compute with TFLite's plain kernels, not its fast ones; in int8, x86-64 then says bit for bit what
            ARMv7 says.

    Raises:
        BadInput: the runtime's Python does not start, or dies on the way; the line carries its last words.
    """
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        np.save(folder / "crops.npy", crops)
        files = {name: folder / f"{number}.tflite" for number, name in enumerate(models)}
        for name, file in files.items():
            file.write_bytes(models[name])
        runtime.python("-m", "export.there", kept, *(["reference"] if reference else []))
        refused = {name: file.with_suffix(".txt") for name, file in files.items() if file.with_suffix(".txt").exists()}
        return Answers(
            {name: np.load(file.with_suffix(".npy")) for name, file in files.items() if name not in refused},
            {name: file.read_text(encoding="utf-8") for name, file in refused.items()},
        )
