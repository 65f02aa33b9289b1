"""Class folders: a folder per class, photographs of one cell in each. PBC comes so (Acevedo et al. 2020).

A name of the class folder is left out of a photograph's name where all names differ without it. Smears ride in
``edge_wbc.json``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.files import write_whole
from edge_wbc.core.images import IMAGE_SUFFIXES
from edge_wbc.core.taxonomy import label_from_name
from edge_wbc.lab.datasets.formats.common import KEY, Entry, Single, mask_of, sidecar, stem_of

__all__ = ["class_folders", "read_folders", "write_smears"]


class _Sidecar(BaseModel):
    smears: dict[str, str] = {}


def class_folders(src: Path) -> list[Path]:
    """The folders that name classes; raises `BadInput` where there is none."""
    if not src.is_dir():
        raise BadInput(src, "no such folder")
    found = sorted(entry for entry in src.iterdir() if entry.is_dir() and entry.name != "masks")
    if not found:
        raise BadInput(src, "no class folders in it", "give a folder that holds neutrophil/, lymphocyte/ and so on")
    return found


def images_in(folder: Path) -> list[Path]:
    """The photographs below a folder, by name."""
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file())


def read_folders(src: Path) -> Iterator[Entry]:
    """Every photograph of every class folder; an empty folder and an unknown class are faults."""
    listed: list[tuple[Path, str]] = []
    for folder in class_folders(src):
        try:
            label = label_from_name(folder.name)
        except BadInput as error:
            yield Fault(str(folder), "", error.fault, error.remedy)
            continue
        images = images_in(folder)
        if not images:
            yield Fault(str(folder), "", "an empty class folder", "remove it or put photographs in")
        listed += [(image, label) for image in images]
    alone = len({stem_of(image.name).lower() for image, _ in listed}) == len(listed)
    smears = sidecar(src, _Sidecar).smears
    for image, label in listed:
        place = image.relative_to(src).as_posix()
        name = image.name if alone else place
        yield Single(str(image), image, name, label, smears.get(place, ""), mask_of(src, name, {}))


def write_smears(out: Path, smears: Mapping[str, str]) -> None:
    """Writes which smear each photograph (its path within the folder) comes from, where that is known."""
    known = {name: smear for name, smear in smears.items() if smear}
    if known:
        write_whole(out / f"{KEY}.json", (json.dumps({"smears": known}, indent=1) + "\n").encode())
