"""From a trained run to a verified model pack: ONNX and TFLite, in float and in int8.

`export_run` converts, proves every artefact against the PyTorch graph on held-out crops, and only then writes the pack.
Importing this package loads no converter and no torch; the names below are looked up when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from export.detector import DetectorExportOptions, DetectorLimits, DetectorProof, export_detector
    from export.metadata import read_metadata
    from export.pack import ExportOptions, export_run
    from export.prove import Limits, Proof

__all__ = [
    "DetectorExportOptions",
    "DetectorLimits",
    "DetectorProof",
    "ExportOptions",
    "Limits",
    "Proof",
    "export_detector",
    "export_run",
    "read_metadata",
]

_HOMES = {
    "DetectorExportOptions": "export.detector",
    "DetectorLimits": "export.detector",
    "DetectorProof": "export.detector",
    "ExportOptions": "export.pack",
    "Limits": "export.prove",
    "Proof": "export.prove",
    "export_detector": "export.detector",
    "export_run": "export.pack",
    "read_metadata": "export.metadata",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
