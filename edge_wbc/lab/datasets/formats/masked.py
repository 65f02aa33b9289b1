"""Tecom and CellaVision (Zheng et al. 2018): photographs of one cell with masks of nucleus and cytoplasm.

Read: ``images/``, ``masks/`` (same names, .png) and ``labels.csv``; or the authors' own layout, ``Dataset 1/001.bmp``
beside its mask ``001.png`` and ``Class Labels of Dataset 1.csv`` (Tecom is 1, CellaVision 2). *Assumed*: that file's
first column is the photograph's number and its second the class as in `NUMBERS`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.taxonomy import label_from_name
from edge_wbc.lab.datasets.formats.common import Entry, Single
from edge_wbc.lab.datasets.formats.table import FILE, read_table

__all__ = ["read_cellavision", "read_tecom"]

# The authors' README: 1 to 5 are these, in this order.
NUMBERS = {"1": "neutrophil", "2": "lymphocyte", "3": "monocyte", "4": "eosinophil", "5": "basophil"}


def read_tecom(src: Path) -> Iterator[Entry]:
    """The authors' Dataset 1, from Jiangxi Tecom."""
    return _read(src, 1)


def read_cellavision(src: Path) -> Iterator[Entry]:
    """The authors' Dataset 2, from the CellaVision blog."""
    return _read(src, 2)


def _read(src: Path, number: int) -> Iterator[Entry]:
    table, folder = src / f"Class Labels of Dataset {number}.csv", src / f"Dataset {number}"
    if (src / FILE).is_file():
        yield from read_table(src)
        return
    if not table.is_file():
        raise BadInput(src, f"neither {FILE} nor {table.name!r} in it", "give the folder that holds one of them")
    with table.open(newline="", encoding="utf-8-sig") as stream:
        for line, row in enumerate(csv.reader(stream), 1):
            if len(row) < 2 or not row[0].strip().isdigit():
                continue  # its heading, or an empty line
            stem, said = row[0].strip().zfill(3), row[1].strip()
            image, mask = folder / f"{stem}.bmp", folder / f"{stem}.png"
            try:
                label = label_from_name(NUMBERS.get(said, said))
            except BadInput as error:
                yield Fault(str(table), f"row {line}", error.fault, error.remedy)
                continue
            if not image.is_file():
                yield Fault(str(table), f"row {line}", f"names a missing photograph {image.name!r}", "put it back")
                continue
            yield Single(str(table), image, image.name, label, "", mask if mask.is_file() else None, f"row {line}")
