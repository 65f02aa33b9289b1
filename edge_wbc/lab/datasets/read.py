"""What DATA may be, and the list of labelled cells in it; no pixel is read here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import IMAGE_SUFFIXES
from edge_wbc.core.records import Box, read_field
from edge_wbc.core.taxonomy import CLASS_SETS, class_of, five_class, label_from_name
from edge_wbc.lab.datasets.tables import read_table

__all__ = ["UNLABELLED", "Dataset", "Item", "read_dataset"]

UNLABELLED = "not_labelled"


@dataclass(frozen=True)
class Item:
    """One labelled cell.

    Attributes:
        image: its photograph.
        name: that photograph's path within the dataset.
        box: its place in a field, or None for a photograph of this one cell.
        label: one of the five classes, or a label outside them; or a class of the set that was asked for.
        smear: the slide it comes from, or "" where unknown.
        light: the file of the light that is divided out of its photograph, or None.
    """

    image: Path
    name: str
    box: Box | None
    label: str
    smear: str = ""
    light: Path | None = None


@dataclass(frozen=True)
class Dataset:
    """Labelled cells of one lab, and how many were left out by label.

    Attributes:
        domain: the lab's name, or "" to name it after its folder.
    """

    path: Path
    items: tuple[Item, ...]
    dropped: dict[str, int]
    domain: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that occur, most frequent first, ties by name."""
        counts = Counter(item.label for item in self.items)
        return tuple(sorted(counts, key=lambda label: (-counts[label], label)))


def _from_records(path: Path, unlabelled: bool) -> list[Item]:
    items = []
    for file in sorted((path / "records").glob("*.json")):
        record = read_field(file)
        image = path / record.image
        if not image.is_file():
            raise BadInput(file, f"names a missing photograph {record.image!r}", "put it back or remove the record")
        light = path / record.light if record.light else None
        if light is not None and not light.is_file():
            raise BadInput(file, f"names a missing light {record.light!r}", "put it back, or empty its `light`")
        for cell in record.cells:
            label = cell.label or UNLABELLED
            if unlabelled or label != UNLABELLED:
                items.append(Item(image, record.image, cell.box, label, record.smear.id, light))
    return items


def _from_csv(path: Path, unlabelled: bool) -> list[Item]:
    file = path / "labels.csv"
    items = []
    for where, row in read_table(file, ("image", "label")):
        unnamed = bool(row["image"]) and not row["label"]
        if "x0" in row and unnamed and not (unlabelled and row["x0"]):
            continue  # a box that nobody named, or a field without cells
        if unlabelled and unnamed:
            row = {**row, "label": UNLABELLED}
        if not row["image"] or not row["label"]:
            raise BadInput(where, "image or label is empty")
        image = path / "images" / row["image"]
        if not image.is_file():
            raise BadInput(where, f"names a missing file images/{row['image']}", "put it back or drop the row")
        label = label_from_name(row["label"], where)
        box = _box(row, where) if "x0" in row else None
        items.append(Item(image, f"images/{row['image']}", box, label, row.get("smear") or ""))
    return items


def _box(row: dict[str, str], where: str) -> Box:
    try:
        x0, y0, x1, y1 = (int(row[key]) for key in ("x0", "y0", "x1", "y1"))
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(where, "its box is not four whole numbers", "write x0, y0, x1, y1") from error
    if not (0 <= x0 < x1 and 0 <= y0 < y1):
        raise BadInput(where, f"box {[x0, y0, x1, y1]} is reversed or empty", "draw it again")
    return x0, y0, x1, y1


def _from_folders(path: Path, unlabelled: bool) -> list[Item]:
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and entry.name != "masks")
    found = {folder: _images(folder.rglob("*")) for folder in folders}
    if unlabelled and not any(_is_label(folder.name) for folder in folders):
        return _items(path, UNLABELLED, sum(found.values(), _images(path.iterdir())))
    items = _items(path, UNLABELLED, _images(path.iterdir())) if unlabelled else []
    for folder, images in found.items():
        if images:
            items += _items(path, label_from_name(folder.name, folder), images)
    return items


def _images(files: Iterable[Path]) -> list[Path]:
    return sorted(file for file in files if file.suffix.lower() in IMAGE_SUFFIXES)


def _items(path: Path, label: str, images: Iterable[Path]) -> list[Item]:
    return [Item(image, image.relative_to(path).as_posix(), None, label) for image in images]


def _is_label(name: str) -> bool:
    try:
        label_from_name(name)
    except BadInput:
        return False
    return True


def read_dataset(path: Path, only: str = "", unlabelled: bool = False) -> Dataset:
    """Lists the labelled cells of DATA.

    Args:
        path: a folder with ``records/``, with ``labels.csv`` beside ``images/`` (one row a photograph of one cell,
            or one row a box), or with a folder per class.
        only: the set of `taxonomy.CLASS_SETS` that labels are folded into, leaving out, and counting in `dropped`,
            whatever belongs to none of its classes; "" folds into the five and keeps the others as they are.
        unlabelled: list also the cells that nobody named, with the label `UNLABELLED`; class folders may then lie
            beside loose photographs of single cells, and where no folder's name is a label, no photograph has one.

    Raises:
        BadInput: an unknown set of classes, no such folder, no labelled image in it, a missing file or an unknown
            label, named with its row.
    """
    if only and only not in CLASS_SETS:
        raise BadInput("--labels", f"{only!r} is no set of classes", f"one of: {', '.join(CLASS_SETS)}")
    if not path.is_dir():
        raise BadInput(path, "no such folder")
    if (path / "records").is_dir():
        items = _from_records(path, unlabelled)
    elif (path / "labels.csv").is_file():
        items = _from_csv(path, unlabelled)
    else:
        items = _from_folders(path, unlabelled)
    dropped: Counter[str] = Counter()
    if only:
        classes = [class_of(item.label, only) for item in items]
        dropped.update(item.label for item, label in zip(items, classes, strict=True) if label is None)
        items = [replace(item, label=label) for item, label in zip(items, classes, strict=True) if label]
    else:
        items = [replace(item, label=five_class(item.label) or item.label) for item in items]
    if not items:
        raise BadInput(
            path, "no labelled images in it", "give class folders, labels.csv beside images/, or records/ of fields"
        )
    return Dataset(path, tuple(items), dict(dropped))
