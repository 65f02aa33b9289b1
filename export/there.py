"""What an old runtime's Python executes: ``python -m export.there FOLDER [reference]``. Keeps to Python 3.9 and NumPy.

FOLDER holds ``crops.npy``, uint8 (N, S, S, 3), and files ``NAME.tflite``. Beside each it leaves ``NAME.npy``, float32
(N, labels), or, where the runtime refuses to load or run the file, ``NAME.txt`` with its words. With ``reference``
TFLite's plain kernels are used in place of its fast ones.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.interpreter import open_interpreter


def use_reference_kernels() -> None:
    """Every interpreter that is made from now on computes with the plain kernels."""
    from tflite_runtime import interpreter as home

    home.Interpreter = partial(home.Interpreter, experimental_op_resolver_type=home.OpResolverType.BUILTIN_REF)


def main(folder: Path) -> None:
    """Runs every model of the folder on its crops, one thread."""
    crops = np.load(folder / "crops.npy")
    for file in sorted(folder.glob("*.tflite")):
        try:
            scores = open_interpreter(file.name, file.read_bytes()).predict(crops)
        except BadInput as error:
            file.with_suffix(".txt").write_text(error.fault, encoding="utf-8")
        else:
            np.save(file.with_suffix(".npy"), scores)


if __name__ == "__main__":
    if sys.argv[2:] == ["reference"]:
        use_reference_kernels()
    main(Path(sys.argv[1]))
