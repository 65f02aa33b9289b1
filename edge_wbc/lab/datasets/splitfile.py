"""The split of a dataset as a file, ``split.csv``, that proves itself: what was split, and that nothing leaks.

One row a cell: image, box ("x0 y0 x1 y1", empty for a photograph of one cell), label, smear, group (smears, copies and
duplicates tied together), part, and the SHA-256 of the photograph. ``duplicates.csv`` beside it, where dedup wrote one,
has the columns image, box, component, kept; cells of one component are duplicates of each other.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.lab.datasets.read import Dataset, Item
from edge_wbc.lab.datasets.split import PARTS, group_numbers, split_parts
from edge_wbc.lab.datasets.tables import read_table
from edge_wbc.lab.many import map_in_order

__all__ = [
    "SPLIT_FILE",
    "SplitRow",
    "draw_split",
    "hash_photographs",
    "parts_of",
    "read_split",
    "split_faults",
    "write_split",
]

SPLIT_FILE, DUPLICATES_FILE = "split.csv", "duplicates.csv"
Key = tuple[str, str]


@dataclass(frozen=True)
class SplitRow:
    """One cell of a split; `label` is what it was when the split was drawn and may be corrected since."""

    image: str
    box: str
    label: str
    smear: str
    group: str
    part: str
    sha256: str

    @property
    def key(self) -> Key:
        """What finds the cell again."""
        return self.image, self.box


def _key(item: Item) -> Key:
    return item.name, " ".join(map(str, item.box)) if item.box else ""


def read_duplicates(data: Path) -> dict[Key, str]:
    """(image, box) -> duplicate group, of ``duplicates.csv`` in a dataset's folder; nothing where there is none."""
    path = data / DUPLICATES_FILE
    if not path.is_file():
        return {}
    rows = read_table(path, ("image", "box", "component"))
    return {(row["image"], row["box"]): row["component"] for _, row in rows}


def _component(duplicates: Mapping[Key, str], cell: Key) -> str:
    return duplicates.get(cell) or duplicates.get((cell[0], "")) or ""


def _sha256(image: Path) -> str | None:
    try:
        with image.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInput(image, f"cannot be read ({error.strerror})") from error


def hash_photographs(
    root: Path, names: Iterable[str], report: Callable[[int, int], None] | None = None
) -> dict[str, str]:
    """Name -> SHA-256 of a dataset's photographs, each read once; those that are gone are left out."""
    distinct = list(dict.fromkeys(names))
    found = map_in_order(_sha256, [root / name for name in distinct], report=report)
    return {name: digest for name, digest in zip(distinct, found, strict=True) if digest}


def draw_split(data: Dataset, sha256: Mapping[str, str], seed: int) -> list[SplitRow]:
    """Splits a dataset by smears, identical photographs and the groups of its ``duplicates.csv``.

    Args:
        sha256: by the photographs' names.

    Raises:
        BadInput: fewer than 3 groups, or an unreadable ``duplicates.csv``.
    """
    digests = [sha256[item.name] for item in data.items]
    smears = [item.smear for item in data.items]
    duplicates = read_duplicates(data.path)
    groups = group_numbers(smears, digests, [_component(duplicates, _key(item)) for item in data.items])
    parts = split_parts([item.label for item in data.items], groups.tolist(), seed, data.path)
    return [
        SplitRow(*_key(item), item.label, item.smear, str(group), part, digest)
        for item, group, part, digest in zip(data.items, groups, parts, digests, strict=True)
    ]


def write_split(path: Path, rows: Iterable[SplitRow]) -> None:
    """Writes ``split.csv``, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(SplitRow)])
    writer.writerows(astuple(row) for row in rows)
    write_whole(path, text.getvalue().encode())


def read_split(path: Path) -> list[SplitRow]:
    """Reads ``split.csv``.

    Raises:
        BadInput: not such a file, an unknown part, or one cell twice.
    """
    columns = [field.name for field in fields(SplitRow)]
    rows = []
    seen: set[Key] = set()
    for where, values in read_table(path, columns):
        row = SplitRow(**{name: values[name] for name in columns})
        if row.part not in PARTS:
            raise BadInput(where, f"unknown part {row.part!r}", f"one of {', '.join(PARTS)}")
        if row.key in seen:
            raise BadInput(where, f"{row.image} {row.box}".rstrip() + " is there twice")
        seen.add(row.key)
        rows.append(row)
    return rows


def split_faults(rows: Sequence[SplitRow], root: Path, sha256: Mapping[str, str], items: Sequence[Item]) -> list[str]:
    """What keeps a split from being proved on a dataset as it is now, one line each; none when it holds.

    Photographs must be those that were split, every labelled cell must have its part, and nothing may cross parts:
    neither a smear or a group, as the split names them or as the dataset does now, nor equal photographs, nor
    duplicates that were found since. Labels may have been corrected.

    Args:
        root: the dataset's folder.
        sha256: by the photographs' names, as they are now; those that are gone are not in it.
        items: the dataset's labelled cells.
    """
    faults = []
    for image, digests in _gather((row.image, row.sha256) for row in rows).items():
        if image not in sha256:
            faults.append(f"{image}: is gone")
        elif digests != {sha256[image]}:
            faults.append(f"{image}: is not the photograph that was split (its SHA-256 differs)")
    split = {row.key: row.part for row in rows}
    for item in items:
        if _key(item) not in split:
            faults.append(f"{' '.join(_key(item)).rstrip()}: is not in the split")
    duplicates = read_duplicates(root)
    ties = [("smear", item.smear, split.get(_key(item), "")) for item in items]
    for row in rows:
        ties += [
            ("smear", row.smear, row.part),
            ("group", row.group, row.part),
            ("photograph with SHA-256", row.sha256, row.part),
            ("duplicate group", _component(duplicates, row.key), row.part),
        ]
    parts = _gather(((kind, name), part) for kind, name, part in ties if name and part)
    for (kind, name), found in parts.items():
        if len(found) > 1:
            faults.append(f"{kind} {name}: crosses parts ({', '.join(part for part in PARTS if part in found)})")
    return faults


def _gather(pairs: Iterable[tuple]) -> dict:
    found: dict = defaultdict(set)
    for key, value in pairs:
        found[key].add(value)
    return found


def parts_of(path: Path, data: Dataset, sha256: Sequence[str]) -> list[str]:
    """The part of each of the dataset's cells, of a split that is proved first.

    Args:
        sha256: of each item's photograph.

    Raises:
        BadInput: the split does not hold for this dataset; the line names the first fault.
    """
    rows = read_split(path)
    known = dict(zip((item.name for item in data.items), sha256, strict=True))
    known |= hash_photographs(data.path, (row.image for row in rows if row.image not in known))
    faults = split_faults(rows, data.path, known, data.items)
    if faults:
        more = f" (and {len(faults) - 1} more faults)" if len(faults) > 1 else ""
        raise BadInput(path, f"{faults[0]}{more}", "remove it, or draw it again with `edge-wbc data split`")
    part = {row.key: row.part for row in rows}
    return [part[_key(item)] for item in data.items]
