"""What the app measured on a phone, read from a file of the same form as `edge-wbc bench --json`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from edge_wbc.core.errors import BadInput

__all__ = ["PhoneFile", "read_phone"]

LARGEST = 1024 * 1024
Words = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
Milliseconds = Annotated[float, Field(gt=0, le=600_000, allow_inf_nan=False)]


class PhoneRow(BaseModel):
    """One artefact with one number of threads, as `export.bench.Row` puts it; other members are passed over."""

    model_config = ConfigDict(strict=True, extra="ignore")

    file: Words
    kind: Literal["tflite-fp32", "tflite-fp16", "tflite-dynamic", "tflite-int8", "onnx-fp32", "onnx-int8"]
    bytes: Annotated[int, Field(gt=0)]
    operators: Annotated[int, Field(gt=0)] | None = None
    runtime: Literal["litert", "tflite-runtime", "tflite-java", "onnxruntime"]
    threads: Annotated[int, Field(ge=1, le=64)]
    runs: Annotated[int, Field(ge=1)] | None = None
    ms_median: Milliseconds
    ms_p90: Milliseconds

    @model_validator(mode="after")
    def _ordered(self) -> PhoneRow:
        if self.ms_p90 < self.ms_median:
            raise ValueError("ms_p90 is below ms_median")
        return self


class PhoneFile(BaseModel):
    """Measurements on one phone."""

    model_config = ConfigDict(strict=True, extra="ignore")

    device: Words
    versions: dict[Words, Words]
    artefacts: Annotated[list[PhoneRow], Field(min_length=1, max_length=100)]


def read_phone(path: Path, artefacts: Mapping[str, tuple[str, bytes]]) -> PhoneFile:
    """Reads a phone's file.

    Args:
        path: the file.
        artefacts: kind -> file name and content, of the pack that it is set beside.

    Raises:
        BadInput: not to be read, not JSON, not of that form, or measured on a file that the pack does not hold.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        raise BadInput(path, f"cannot be read ({error.strerror})") from error
    if len(content) > LARGEST:
        raise BadInput(path, f"over {LARGEST:,} bytes: no phone's file")
    try:
        read = PhoneFile.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        said = " ".join(f"{place}: {first['msg']}".split()) if place else " ".join(first["msg"].split())
        raise BadInput(path, f"not as docs/bench.md says ({said})", "let the app write it again") from error
    sizes = {kind: len(model) for kind, (_, model) in artefacts.items()}
    for row in read.artefacts:
        if sizes.get(row.kind) != row.bytes:
            fault = f"measured {row.kind} of {row.bytes:,} bytes, which this pack does not hold"
            raise BadInput(path, fault, "bench the pack that the phone has")
    return read
