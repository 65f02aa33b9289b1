"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Iterator

__all__ = ["whole_file", "whole_folder", "write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file beside its place and renames it there, so that a full disk or a kill leaves no half of it."""
    beside = path.with_name(path.name + ".partial")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A stream into a file beside `path`, on the disk and renamed to it when the block ends well, else gone.

    Unlike `write_whole`, what it wrote also outlives a pulled battery.
    """
    beside = path.with_name(path.name + ".partial")
    try:
        with beside.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
        if hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder
            folder = os.open(path.parent, os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """An empty folder beside `out` to write into, renamed to `out` when the block ends well and gone when it does not.

    What was at `out` is replaced; whether it may be is for the caller to know.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    try:
        beside.chmod(0o755)
        yield beside
        if out.exists():
            old = beside.with_name(beside.name + ".old")
            out.rename(old)
            try:
                beside.rename(out)
            except OSError:
                old.rename(out)
                raise
            shutil.rmtree(old)
        else:
            beside.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
