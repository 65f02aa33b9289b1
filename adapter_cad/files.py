"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from adapter_cad.errors import BadDesign

__all__ = ["save", "write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file beside its place and renames it there, so that no half-written one is left; raises OSError."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def save(path: Path, content: bytes) -> None:
    """write_whole into a folder that it makes if need be; BadDesign where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise BadDesign(path, f"cannot be written ({error.strerror})", "choose another folder") from error
