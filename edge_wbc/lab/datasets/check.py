"""Every fault of a dataset, with file and row: what training would stumble over, or learn wrongly without a word."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.images import IMAGE_SUFFIXES
from edge_wbc.core.masks import read_mask
from edge_wbc.core.taxonomy import five_class
from edge_wbc.lab.datasets.formats.common import Entry, Marked, Single
from edge_wbc.lab.datasets.formats.folders import read_folders
from edge_wbc.lab.datasets.formats.session import read_session
from edge_wbc.lab.datasets.formats.table import FILE, read_table
from edge_wbc.lab.datasets.photographs import each, look, unclashed

__all__ = ["check_dataset", "faults_of"]

_LEAST = 3  # training, validation and test need one each
Progress = Callable[[str, int, int], None]


def check_dataset(path: Path, progress: Progress | None = None) -> list[Fault]:
    """All faults of a folder with ``records/``, of one with ``labels.csv``, or of class folders.

    Raises:
        BadInput: no such folder, or none of the three.
    """
    return list(faults_of(path, progress))


def faults_of(path: Path, progress: Progress | None = None) -> Iterator[Fault]:
    """The same one by one, for whoever stops at the first."""
    if not path.is_dir():
        raise BadInput(path, "no such folder")
    if (path / "records").is_dir():
        read: Iterator[Entry] = read_session(path)
    else:
        read = read_table(path) if (path / FILE).is_file() else read_folders(path)
    entries: list[Marked | Single] = []
    for entry in read:
        if isinstance(entry, Fault):
            yield entry
        else:
            entries.append(entry)
    yield from unclashed(entries)[1]
    first: dict[str, Path] = {}
    classes: Counter[str] = Counter()
    seen = each(_judge, entries, "checking photographs", progress)
    for entry, (digest, labels, faults) in zip(entries, seen, strict=True):
        yield from faults
        other = first.setdefault(digest, entry.image) if digest else entry.image
        if other != entry.image:
            yield Fault(str(entry.image), "", f"byte for byte the same photograph as {other}", "keep one of them")
        classes.update(five_class(label) or label for label in labels)
    yield from _strays(path, entries)
    for label, count in sorted(classes.items()):
        if count < _LEAST:
            images = f"has {count} image{'s' * (count > 1)}"
            yield Fault(str(path), f"class {label}", images, "training, validation and test need one each")


def _judge(entry: Marked | Single) -> tuple[str, list[str], list[Fault]]:
    """SHA-256 of a photograph ("" where it is not readable), its cells' labels, the faults of it, marks and mask."""
    seen = look(entry)
    faults = list(seen.faults)
    if entry.mask and seen.data:
        try:
            read_mask(entry.mask, seen.size)
        except BadInput as error:
            faults.append(Fault(str(entry.mask), "", error.fault, error.remedy))
    cells = seen.field.cells if seen.field else ()
    labels = [entry.label] if isinstance(entry, Single) else [cell.label for cell in cells if cell.label]
    return hashlib.sha256(seen.data).hexdigest() if seen.data else "", labels, faults


def _strays(path: Path, entries: Sequence[Marked | Single]) -> Iterator[Fault]:
    """Photographs and masks that belong to nothing."""
    named = {entry.image for entry in entries}
    for file in sorted((path / "images").rglob("*")):
        if file.suffix.lower() in IMAGE_SUFFIXES and file not in named:
            yield Fault(str(file), "", "no sound record names this photograph", "mark it, or remove it")
    masks = {entry.mask for entry in entries}
    for file in sorted((path / "masks").glob("*")):
        if file not in masks:
            yield Fault(str(file), "", "a mask without a photograph", "name it as the photograph, with .png")
