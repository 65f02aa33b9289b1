"""What a folder of photographs holds, and the index beside the result: each photograph is hashed once, ever."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_wbc.core.crops import CropRule, crop_cell
from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.core.images import decode_image, list_images
from edge_wbc.core.records import Box, Field, read_field
from edge_wbc.lab.curation.hashing import Hashes, hash_crops, sharpness, to_grey
from edge_wbc.lab.many import map_in_order

__all__ = ["Cells", "Photograph", "index_cells", "list_photographs", "cut_cell"]

Progress = Callable[[str, int, int], None]
# A cell is told from others by what lies around it as well. Of 26 million pairs of pbc crops the default setting joins
# some 920 wrongly where they are 1.6 times as wide as the box, 35 at 2.0 times and 5 at 2.4 times.
_CONTEXT = 2.4
_A_SHARD = 256
_PER_CELL = ("ahash", "phash", "thumbs", "meaningless", "sharp")


@dataclass(frozen=True)
class Photograph:
    """A field with its marked cells, or a picture of one cell.

    Attributes:
        name: its path within the folder.
        record: of a field; None for a picture of one cell.
        record_file: where that was read.
        smear: the slide, "" where unknown.
    """

    path: Path
    name: str
    record: Field | None = None
    record_file: Path | None = None
    smear: str = ""

    @property
    def boxes(self) -> tuple[Box, ...] | None:
        """Of a field's cells; None where the whole picture is the cell."""
        return None if self.record is None else tuple(cell.box for cell in self.record.cells)


@dataclass(frozen=True)
class Cells:
    """All cells, by photograph in the order of names, then by number.

    Attributes:
        names: "images/a.jpg#2" for the second cell of a field, the picture's own name where it shows one cell.
        field: (N,) int, the photograph of each, an index into `photographs`.
        sharp: (N,) float64, mean gradient magnitude.
        digests: SHA-256 of each cell's photograph, and its box.
        photographs: those that could be read.
        faults: of the others, a line each.
        hashed: how many photographs were hashed now; the others were in the index.
    """

    names: tuple[str, ...]
    field: np.ndarray
    hashes: Hashes
    sharp: np.ndarray
    digests: tuple[str, ...]
    photographs: tuple[Photograph, ...]
    faults: tuple[str, ...]
    hashed: int

    @property
    def smears(self) -> list[str]:
        """Of each cell."""
        return [self.photographs[field].smear for field in self.field]


def list_photographs(folder: Path) -> tuple[list[Photograph], list[str]]:
    """The photographs of a dataset (``records/``, or ``labels.csv`` beside ``images/``) or of any folder, by name.

    Returns:
        The photographs, and a line for each record that cannot be used.

    Raises:
        BadInput: no such folder, or no photograph in it.
    """
    if not folder.is_dir():
        raise BadInput(folder, "no such folder")
    faults: list[str] = []
    found: dict[str, Photograph] = {}
    if (folder / "records").is_dir():
        for file in sorted((folder / "records").glob("*.json")):
            try:
                record = read_field(file)
                if record.image in found:
                    raise BadInput(file, f"names the photograph of {found[record.image].record_file}", "remove one")
            except BadInput as fault:
                faults.append(str(fault))
                continue
            found[record.image] = Photograph(folder / record.image, record.image, record, file, record.smear.id)
    elif (folder / "labels.csv").is_file():
        with (folder / "labels.csv").open(newline="", encoding="utf-8-sig") as stream:
            for row in csv.DictReader(stream):
                name = f"images/{row.get('image') or ''}"
                found[name] = Photograph(folder / name, name, smear=row.get("smear") or "")
    else:
        for file in list_images(folder):
            name = file.relative_to(folder).as_posix()
            found[name] = Photograph(file, name)
    if not found:
        raise BadInput(folder, "no photographs in it", "give images/ with records/, or a folder of pictures of cells")
    return [found[name] for name in sorted(found)], faults


def cut_cell(rgb: np.ndarray, box: Box | None) -> np.ndarray:
    """What of a photograph is hashed: a square around the box, 2.4 times as wide, unscaled; or all of it."""
    if box is None:
        return rgb
    side = max(box[2] - box[0], box[3] - box[1])
    return crop_cell(rgb, box, CropRule(2 * max(1, round(_CONTEXT * side / 2)), _CONTEXT))


def _hash_photograph(job: tuple[Path, Sequence[Box] | None, str, str]) -> dict[str, Any]:
    """One photograph's arrays; only its SHA-256 where that is the one known already; or its fault."""
    path, boxes, variant, known = job
    try:
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 == known:
            return {"sha256": sha256}
        rgb = decode_image(data, path)
        for box in boxes or ():
            if box[2] > rgb.shape[1] or box[3] > rgb.shape[0]:
                raise BadInput(path, f"box {list(box)} lies outside the {rgb.shape[1]} x {rgb.shape[0]} photograph")
    except OSError as error:
        return {"fault": BadInput(path, f"cannot be read ({error.strerror})")}
    except BadInput as fault:
        return {"fault": fault}
    greys = [to_grey(cut_cell(rgb, box)) for box in (boxes if boxes is not None else [None])]
    hashes = hash_crops(greys, variant)
    return {"sha256": sha256, **vars(hashes), "sharp": np.array([sharpness(grey) for grey in greys], float)}


def _key(photograph: Photograph, variant: str) -> str:
    return f"{variant} {photograph.boxes} {photograph.name}"


def _read_shards(folder: Path) -> dict[str, dict[str, Any]]:
    known: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.glob("*.npz")):
        with np.load(file) as shard:
            rows = {name: shard[name] for name in (*_PER_CELL, "keys", "sha256", "ends")}
        starts = [0, *rows["ends"][:-1]]
        for key, sha256, start, end in zip(rows["keys"], rows["sha256"], starts, rows["ends"], strict=True):
            known[str(key)] = {"sha256": str(sha256), **{name: rows[name][start:end] for name in _PER_CELL}}
    return known


def _write_shard(folder: Path, fresh: dict[str, dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.glob("*.npz")))
    stream = io.BytesIO()
    columns: dict[str, Any] = {
        "keys": np.array(list(fresh)),
        "sha256": np.array([entry["sha256"] for entry in fresh.values()]),
        "ends": np.cumsum([len(entry["ahash"]) for entry in fresh.values()]),
        **{name: np.concatenate([entry[name] for entry in fresh.values()]) for name in _PER_CELL},
    }
    np.savez(stream, **columns)
    write_whole(folder / f"{number:06d}.npz", stream.getvalue())


def index_cells(
    photographs: Sequence[Photograph],
    folder: Path,
    variant: str,
    strict: bool = False,
    progress: Progress | None = None,
    cluster: str | None = None,
) -> Cells:
    """Hashes every cell, but for photographs that `folder` holds from an earlier or a broken run.

    Args:
        folder: of the index; a piece is written for every 256 photographs.
        variant: of PHash.
        strict: stop at the first photograph that cannot be read.
        progress: called with a title, how many photographs are done, and how many there are.
        cluster: the address of a Dask scheduler, or None for this machine.

    Raises:
        BadInput: `strict` and a photograph cannot be read, or no photograph can.
    """
    known = _read_shards(folder)
    keys = [_key(photograph, variant) for photograph in photographs]
    jobs = [
        (photograph.path, photograph.boxes, variant, known[key]["sha256"] if key in known else "")
        for photograph, key in zip(photographs, keys, strict=True)
    ]
    fresh: dict[str, dict[str, Any]] = {}
    entries, faults, readable, hashed = [], [], [], 0
    try:
        results = map_in_order(_hash_photograph, jobs, cluster)
        for done, (photograph, key, got) in enumerate(zip(photographs, keys, results, strict=True), 1):
            if "fault" in got:
                if strict:
                    raise got["fault"]
                faults.append(str(got["fault"]))
            else:
                if "ahash" in got:
                    fresh[key] = got
                    hashed += 1
                readable.append(photograph)
                entries.append(got if "ahash" in got else known[key])
            if len(fresh) == _A_SHARD:
                _write_shard(folder, fresh)
                fresh = {}
            if progress:
                progress("hashing cells", done, len(jobs))
    finally:
        if fresh:
            _write_shard(folder, fresh)
    return _gathered(readable, entries, faults, hashed)


def _gathered(
    photographs: Sequence[Photograph], entries: Sequence[dict[str, Any]], faults: Iterable[str], hashed: int
) -> Cells:
    names, digests = [], []
    for photograph, entry in zip(photographs, entries, strict=True):
        if photograph.boxes is None:
            names.append(photograph.name)
            digests.append(entry["sha256"])
        else:
            names += [f"{photograph.name}#{number}" for number in range(1, len(photograph.boxes) + 1)]
            digests += [f"{entry['sha256']} {box}" for box in photograph.boxes]
    if not names:
        raise BadInput("the photographs", "show no cell that can be read", "run `edge-wbc find` on them first")
    joined = {name: np.concatenate([entry[name] for entry in entries]) for name in _PER_CELL}
    field = np.repeat(np.arange(len(entries)), [len(entry["ahash"]) for entry in entries])
    sharp = joined.pop("sharp")
    return Cells(
        tuple(names), field, Hashes(**joined), sharp, tuple(digests), tuple(photographs), tuple(faults), hashed
    )
