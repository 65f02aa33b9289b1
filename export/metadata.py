"""What an artefact says of itself, wherever it is copied to: ONNX properties, or a zip behind the .tflite flatbuffer.

A .tflite reader stops where the flatbuffer ends, and a zip reader starts from the end of a file: one file serves both,
as TensorFlow Lite's own metadata does it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from edge_wbc.core.errors import BadInput

__all__ = ["embed_metadata", "read_metadata"]

_FACTS, _LABELS = "metadata.json", "labels.txt"
_PROPERTY = "edge_wbc"
_LARGEST = 4 * 1024 * 1024


def _text(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False, sort_keys=True)


def _entry(name: str) -> zipfile.ZipInfo:
    """A zip entry with no time of its own, so that the same export gives the same bytes."""
    return zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))


def embed_metadata(name: str, model: bytes, facts: Mapping[str, Any], labels: Sequence[str]) -> bytes:
    """The artefact with `facts` and `labels` inside.

    Args:
        name: its file name; the suffix says which format it has.
        model: its bytes, without metadata so far.
        facts: anything JSON can hold.
        labels: of the output's columns, in order; none holds a line break.

    Raises:
        ValueError: a suffix other than .tflite and .onnx, a .tflite that has metadata, or a label with a line break.
    """
    if any("\n" in label for label in labels):
        raise ValueError("a label holds a line break")
    if name.endswith(".onnx"):
        import onnx

        parsed = onnx.load_from_string(model)
        properties = {entry.key: entry.value for entry in parsed.metadata_props}
        onnx.helper.set_model_props(parsed, {**properties, _PROPERTY: _text(facts), "labels": "\n".join(labels)})
        return parsed.SerializeToString()
    if not name.endswith(".tflite"):
        raise ValueError(f"{name}: neither .tflite nor .onnx")
    file = io.BytesIO(model)
    if zipfile.is_zipfile(file):
        raise ValueError(f"{name}: holds metadata already")
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry(_FACTS), _text(facts))
        archive.writestr(_entry(_LABELS), "".join(f"{label}\n" for label in labels))
    return file.getvalue()


def read_metadata(name: str, model: bytes) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The facts and labels inside an artefact.

    Raises:
        BadInput: the artefact holds none, or they cannot be read.
        ModuleNotFoundError: it is an ONNX model, and onnx is not installed.
    """
    try:
        if name.endswith(".onnx"):
            import onnx

            properties = {entry.key: entry.value for entry in onnx.load_from_string(model).metadata_props}
            facts, labels = properties[_PROPERTY], properties["labels"]
        else:
            with zipfile.ZipFile(io.BytesIO(model)) as archive:
                facts, labels = (_part(archive, part).decode("utf-8") for part in (_FACTS, _LABELS))
        return dict(json.loads(facts)), tuple(labels.split("\n")[: None if name.endswith(".onnx") else -1])
    except ModuleNotFoundError:
        raise
    except Exception as error:  # a damaged zip or protobuf raises many kinds that share no base but Exception
        raise BadInput(name, f"holds no metadata of edge-wbc ({error})", "export it again") from error


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file of the zip, whose own word on how large it is is not believed."""
    with archive.open(name) as stream:
        content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"{name} is oversized")
    return content
