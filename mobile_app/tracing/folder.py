"""A folder of crops on a desktop: ``masks/NAME.png`` beside them, and who made each in ``masks.csv``."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import whole_file
from edge_wbc.core.images import IMAGE_SUFFIXES, read_image
from edge_wbc.core.masks import read_mask
from mobile_app.tracing.outline import FOUND, Facts, Outline

__all__ = ["COLUMNS", "TABLE", "FolderOutlines", "row_of"]

TABLE = "masks.csv"
COLUMNS = ("image", "person", "nucleus", "threshold", "cell", "strokes", "at")
_LABELS = "labels.csv"


class FolderOutlines:
    """The crops of a folder, or of its ``images/``, in the order of their names; numbered from 1.

    Raises:
        BadInput: no folder, no crop in it, two of one name, or a table there that is not ours.

    Attributes:
        person: who draws now; "" before anybody has said so.
    """

    def __init__(self, folder: Path, person: str = "") -> None:
        self.folder, self.person = folder, person
        self._crops = _crops(folder)
        self._labels = {row["image"]: row["label"] for row in _read(folder / _LABELS, ("image", "label"))[1]}
        self._columns, rows = _read(folder / TABLE, COLUMNS)
        self._facts = {row["image"]: row for row in rows}

    @property
    def whose(self) -> Tuple[object, ...]:
        """Which crops these are."""
        return (self.folder,)

    def next_cell(self, after: int = 0) -> Optional[int]:
        """The crop after one, or None at the end."""
        return after + 1 if after < len(self._crops) else None

    def previous_cell(self, before: int) -> Optional[int]:
        """The crop before one, or None at the start."""
        return before - 1 if before > 1 else None

    def next_open(self) -> Optional[int]:
        """The first crop without an outline, or None."""
        numbers = range(1, len(self._crops) + 1)
        return next((number for number in numbers if not self._mask(number).is_file()), None)

    def place_of(self, number: int) -> int:
        """Which of the crops one is, from 1."""
        return number

    def progress(self) -> Tuple[int, int]:
        """How many crops have an outline, and how many there are."""
        numbers = range(1, len(self._crops) + 1)
        return sum(self._mask(number).is_file() for number in numbers), len(self._crops)

    def title(self, number: int) -> str:
        """What a crop is called."""
        return self._crops[number - 1].name

    def label(self, number: int) -> str:
        """What ``labels.csv`` calls a crop, in its own spelling, or ""."""
        return self._labels.get(self.title(number), "")

    def crop(self, number: int) -> np.ndarray:
        """A crop, (H, W, 3) uint8 RGB; raises `BadInput` where it cannot be read."""
        return read_image(self._crops[number - 1])

    def kept(self, number: int) -> Optional[Outline]:
        """The outline of a crop, or None.

        Raises:
            BadInput: a mask that is no mask, or of another size than the crop.
        """
        path = self._mask(number)
        if not path.is_file():
            return None
        crop = self.crop(number)
        picture = read_mask(path, (crop.shape[1], crop.shape[0]))
        row = self._facts.get(self.title(number))
        if row is None:
            return Outline(picture, "", Facts(FOUND, FOUND))
        try:
            threshold = int(row["threshold"]) if row["threshold"] else None
            facts = Facts(row["nucleus"], row["cell"], threshold, int(row["strokes"]))
            return Outline(picture, row["person"], facts, float(row["at"]))
        except ValueError as error:
            raise BadInput(self.folder / TABLE, f"not as the app writes it ({error})", "put it right") from error

    def keep(self, number: int, outline: Optional[Outline]) -> None:
        """Writes an outline over the one before, or removes it; each file is written whole or not at all.

        Raises:
            BadInput: nobody has said who draws, or the folder cannot be written.
        """
        name, path = self.title(number), self._mask(number)
        facts = {key: row for key, row in self._facts.items() if key != name}
        if outline is not None:
            if not outline.person:
                raise BadInput("expert", "is empty", "type a name")
            facts[name] = {**self._facts.get(name, {}), **dict(zip(COLUMNS, row_of(name, outline)))}
        try:
            path.parent.mkdir(exist_ok=True)
            # Killed between the two, a fact too many stands there, and never a mask without its maker.
            if outline is None:
                path.unlink(missing_ok=True)
                self._write(facts)
                return
            self._write(facts)
            with whole_file(path) as stream:
                stream.write(cv2.imencode(".png", outline.picture)[1].tobytes())
        except OSError as error:
            raise BadInput(self.folder, f"cannot be written ({error.strerror})", "free some space") from error

    def _write(self, facts: Dict[str, Dict[str, str]]) -> None:
        text = io.StringIO(newline="")
        rows = csv.DictWriter(text, self._columns, lineterminator="\n")
        rows.writeheader()
        rows.writerows(facts[name] for name in sorted(facts))
        with whole_file(self.folder / TABLE) as stream:
            stream.write(text.getvalue().encode())
        self._facts = facts

    def _mask(self, number: int) -> Path:
        return self.folder / "masks" / f"{self._crops[number - 1].stem}.png"


def row_of(name: str, outline: Outline) -> List[str]:
    """A row of `COLUMNS`."""
    facts = outline.facts
    threshold = "" if facts.threshold is None else str(facts.threshold)
    return [name, outline.person, facts.nucleus, threshold, facts.cell, str(facts.strokes), f"{outline.at:.0f}"]


def _crops(folder: Path) -> List[Path]:
    if not folder.is_dir():
        raise BadInput(folder, "no such folder", "name a folder of crops")
    place = folder / "images" if (folder / "images").is_dir() else folder
    found = [file for file in sorted(place.iterdir()) if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()]
    if not found:
        raise BadInput(place, "no images in this folder", f"put {', '.join(IMAGE_SUFFIXES)} files there")
    names: Dict[str, Path] = {}
    for file in found:
        other = names.setdefault(file.stem.lower(), file)
        if other is not file:
            raise BadInput(place, f"{other.name!r} and {file.name!r} would share a mask", "rename one")
    return found


def _read(path: Path, columns: Tuple[str, ...]) -> Tuple[Tuple[str, ...], List[Dict[str, str]]]:
    """The columns and rows of a table; these columns and no row where there is no such file.

    Raises:
        BadInput: it cannot be read, or is another table.
    """
    if not path.is_file():
        return columns, []
    try:
        rows = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), restval="")
        named = tuple(rows.fieldnames or ())
        if not set(columns) <= set(named):
            raise BadInput(path, f"its first line must name the columns {', '.join(columns)}", "rename the file")
        return named, [{column: row[column] for column in named} for row in rows]
    except OSError as error:
        raise BadInput(path, f"cannot be read ({error.strerror})") from error
    except (csv.Error, ValueError) as error:
        raise BadInput(path, f"not a table ({error})", "save it as CSV in UTF-8") from error
