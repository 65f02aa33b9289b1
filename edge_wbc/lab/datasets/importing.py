"""Any format -> a dataset folder: photographs copied whole, records or labels.csv, masks, and what was left out.

Fields become ``images/`` and ``records/``; photographs of single cells become ``images/`` and ``labels.csv``, since
nobody marked the cell: the finder places it when it is cut, just as from the folder it came in. Started again, an
import goes on; records that are there already are left as they are, for someone may have corrected them.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.files import write_whole
from edge_wbc.core.masks import read_mask, write_mask
from edge_wbc.core.records import Field, read_field, write_field
from edge_wbc.lab.datasets.formats import FORMATS
from edge_wbc.lab.datasets.formats.common import Marked, Single, plain_name, stem_of, to_field
from edge_wbc.lab.datasets.formats.table import write_singles
from edge_wbc.lab.datasets.photographs import (
    claim,
    copy_whole,
    each,
    is_copy,
    look,
    mark,
    name_of,
    unclashed,
)
from edge_wbc.lab.datasets.unpack import unpack

__all__ = ["MARKER", "Imported", "import_set"]

MARKER = "import.json"


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        photographs: in the dataset folder now.
        kept: of those, how many were there already.
        cells: marked cells, or photographs of single cells.
        labelled: cells whose experts agree on a label.
        masks: copied.
        faults: what was left out.
    """

    photographs: int
    kept: int
    cells: int
    labelled: int
    masks: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class _Done:
    entry: Marked | Single
    field: Field | None = None
    written: bool = False
    kept: bool = False
    mask: bool = False
    faults: tuple[Fault, ...] = ()


def import_set(
    name: str, src: Path, out: Path, strict: bool = False, progress: Callable[[str, int, int], None] | None = None
) -> Imported:
    """Imports a folder of the format `name` (see `FORMATS`), or such a folder zipped, into the dataset folder `out`.

    Args:
        strict: stop at the first fault, raised as `BadInput`.

    Raises:
        BadInput: an unknown format, nothing importable, or an `out` that holds something else.
    """
    if not zipfile.is_zipfile(src):
        return _import(name, src, src, out, strict, progress)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{out.name}.", suffix=".partial", dir=out.parent) as room:
        folder = Path(room) / src.stem
        unpack(src, folder)
        try:
            return _import(name, folder, src, out, strict, progress)
        except BadInput as error:
            raise BadInput(_named(error.where, folder, src), error.fault, error.remedy) from error


def _named(where: str, folder: Path, src: Path) -> str:
    """A path within the unpacked folder as one within its zip."""
    return where.replace(str(folder), str(src))


def _import(
    name: str, folder: Path, src: Path, out: Path, strict: bool, progress: Callable[[str, int, int], None] | None
) -> Imported:
    """Imports `folder`, which came as `src`."""
    if name not in FORMATS:
        near = get_close_matches(name, FORMATS, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(FORMATS)}"
        raise BadInput("NAME", f"unknown format {name!r}", remedy)
    faults: list[Fault] = []

    def note(found: list[Fault]) -> None:
        if strict and found:
            raise found[0].as_error()
        faults.extend(replace(fault, file=_named(fault.file, folder, src)) for fault in found)

    entries: list[Marked | Single] = []
    for entry in FORMATS[name].read(folder):
        if isinstance(entry, Fault):
            note([entry])
        else:
            entries.append(entry)
    entries, clashes = unclashed(entries)
    note(clashes)
    if not entries:
        first = f"; {len(faults)} faults, the first: {faults[0].as_error()}" if faults else ""
        raise BadInput(src, f"nothing of the format {name} to import{first}")
    claim(out, MARKER, name, src)
    for place in ("images", "records")[: 2 if isinstance(entries[0], Marked) else 1]:
        (out / place).mkdir(exist_ok=True)
    # Many fields have one light, and a record proves all that it names.
    lit = {(one.light, str(one.facts["light"])) for one in entries if isinstance(one, Marked) and one.light}
    for light, place in lit:
        copy_whole(light, out / place)
    done = []
    for one in each(partial(_bring, out), entries, "importing photographs", progress):
        note(list(one.faults))
        if one.written or one.kept:
            done.append(one)
    if not done:
        raise BadInput(src, f"no photograph could be imported; the first fault: {faults[0].as_error()}")
    singles = [one.entry for one in done if isinstance(one.entry, Single)]
    if singles:
        write_singles(out, [(plain_name(entry.name), entry.label, entry.smear) for entry in singles])
    for beside in FORMATS[name].beside:
        if (folder / beside).is_file():
            write_whole(out / beside, (folder / beside).read_bytes())
    cells = [cell for one in done if one.field for cell in one.field.cells]
    found = Imported(
        len(done),
        sum(one.kept for one in done),
        len(cells) + len(singles),
        sum(cell.label is not None for cell in cells) + len(singles),
        sum(one.mask for one in done),
        tuple(faults),
    )
    mark(out / MARKER, {key: value for key, value in asdict(found).items() if key != "kept"})
    return found


def _bring(out: Path, entry: Marked | Single) -> _Done:
    """One photograph with its mask and record into `out`; the record comes last, so that it proves the rest."""
    image = PurePosixPath(name_of(entry))
    stem = stem_of(str(image))
    if isinstance(entry, Single):
        place = out / "images" / plain_name(entry.name)
        if is_copy(place, entry.image):
            return _Done(entry, kept=True, mask=(out / "masks" / f"{stem}.png").is_file())
    else:
        record = out / "records" / f"{stem}.json"
        if record.is_file():
            field = read_field(record)
            faults = to_field(entry, field.width, field.height)[1]
            mask = (out / "masks" / f"{stem}.png").is_file()
            return _Done(entry, field, kept=True, mask=mask, faults=tuple(faults))
    seen = look(entry)
    if not seen.usable:
        return _Done(entry, faults=seen.faults)
    faults = list(seen.faults)
    masked = False
    if entry.mask:
        try:
            mask_pixels = read_mask(entry.mask, seen.size)
            (out / "masks").mkdir(exist_ok=True)
            write_mask(out / "masks" / f"{stem}.png", mask_pixels)
            masked = True
        except BadInput as error:
            faults.append(Fault(str(entry.mask), "", error.fault, error.remedy))
    if seen.field:
        place = out / seen.field.image
        place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, seen.data)
    if seen.field:
        write_field(record, seen.field)
    return _Done(entry, seen.field, written=True, mask=masked, faults=tuple(faults))
