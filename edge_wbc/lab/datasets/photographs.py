"""What importing and checking share: photographs looked at on every core, clashes of names, masks, claimed folders."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.files import write_whole
from edge_wbc.core.images import decode_image
from edge_wbc.core.pack import check_replaceable
from edge_wbc.core.records import Field, read_json
from edge_wbc.lab.datasets.formats.common import Marked, Single, stem_of, to_field

__all__ = ["Look", "claim", "copy_whole", "each", "look", "name_of", "unclashed"]

Progress = Callable[[str, int, int], None]
A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Look:
    """What a photograph turned out to be.

    Attributes:
        data: the file's bytes, b"" where it is not readable.
        size: width and height as it is shown, (0, 0) where it is not readable.
        field: its record; None for a single cell, or where the field is at fault.
        faults: of the photograph and of what is marked in it.
    """

    data: bytes
    size: tuple[int, int]
    field: Field | None
    faults: tuple[Fault, ...]

    @property
    def usable(self) -> bool:
        """Whether it can be imported: cells at fault are left out, other faults leave nothing."""
        return bool(self.data) and (self.field is not None or not self.faults)


def look(entry: Marked | Single) -> Look:
    """Reads and decodes a photograph, and holds against it what is marked in it."""
    try:
        data = entry.image.read_bytes()
        height, width = decode_image(data, entry.image).shape[:2]
    except OSError as error:
        return Look(b"", (0, 0), None, (Fault(str(entry.image), "", f"cannot be read ({error.strerror})"),))
    except BadInput as error:
        faults = [Fault(str(entry.image), "", error.fault, error.remedy)]
        if isinstance(entry, Marked) and entry.size:
            faults += to_field(entry, *entry.size)[1]
        return Look(b"", (0, 0), None, tuple(faults))
    if isinstance(entry, Single):
        return Look(data, (width, height), None, ())
    field, faults = to_field(entry, width, height)
    return Look(data, (width, height), field, tuple(faults))


def name_of(entry: Marked | Single) -> str:
    """The path that a photograph has, or will have, in the dataset folder."""
    image = entry.facts.get("image") if isinstance(entry, Marked) else None
    return image if image and isinstance(image, str) else entry.name


def unclashed(entries: Iterable[Marked | Single]) -> tuple[list[Marked | Single], list[Fault]]:
    """Without those whose name another has; names that differ only by suffix or case are one name."""
    kept: dict[str, Marked | Single] = {}
    faults = []
    for entry in entries:
        other = kept.setdefault(stem_of(name_of(entry)).lower(), entry)
        if other is not entry:
            row = entry.row if isinstance(entry, Single) else ""
            names = f"{name_of(other)!r} and {name_of(entry)!r}"
            faults.append(Fault(entry.where, row, f"two fields of one name: {names}", "rename or remove one"))
    return list(kept.values()), faults


def each(work: Callable[[A], B], jobs: Sequence[A], title: str, progress: Progress | None) -> Iterator[B]:
    """`work` of every job in order, on a thread a core: decoding and files release Python's lock."""
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    try:
        for done, result in enumerate(pool.map(work, jobs), 1):
            yield result
            if progress:
                progress(title, done, len(jobs))
    finally:
        pool.shutdown(cancel_futures=True)


def claim(out: Path, marker: str, kind: str, src: Path) -> None:
    """Makes `out` ours, or goes on in it.

    Raises:
        BadInput: it holds something else, or the same of another kind or source, or lies within `src`.
    """
    if out.resolve().is_relative_to(src.resolve()):
        raise BadInput(out, f"lies in {src}", "choose another --out")
    check_replaceable(out, marker)
    mine = {"format": kind, "source": str(src.resolve())}
    if (out / marker).is_file():
        earlier = read_json(out / marker)
        if not isinstance(earlier, dict) or {key: earlier.get(key) for key in mine} != mine:
            raise BadInput(out, "holds something else", "choose another --out, or remove it")
        return
    out.mkdir(parents=True, exist_ok=True)
    mark(out / marker, mine)


def mark(marker: Path, facts: dict[str, Any]) -> None:
    """Writes facts into a marker, beside those it has."""
    earlier = read_json(marker) if marker.is_file() else {}
    write_whole(marker, (json.dumps({**earlier, **facts}, indent=1) + "\n").encode())


def is_copy(copy: Path, original: Path) -> bool:
    """Whether a whole copy is there already; copies are renamed into place, so their size tells."""
    return copy.is_file() and copy.stat().st_size == original.stat().st_size


def copy_whole(original: Path, copy: Path) -> bool:
    """Copies a file unless that was done; says whether it had to."""
    if is_copy(copy, original):
        return False
    copy.parent.mkdir(parents=True, exist_ok=True)
    write_whole(copy, original.read_bytes())
    return True
