"""Pools on disk: DIR/SUBTYPE/pool.json, NAME.png (RGBA) and masks/NAME.png (255 nucleus, 128 cytoplasm, 0 rest).

Pools come from strangers too, so each is checked in full before any of it is used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import whole_folder
from edge_wbc.core.images import header_size
from edge_wbc.core.records import read_json
from edge_wbc.lab.synthesis.cutouts import ARTEFACT, POOL_NAMES, Cutout, Pools

__all__ = ["CONTACT_SHEET", "POOL", "RUN", "check_mixture", "read_pools", "write_pool"]

POOL, RUN, CONTACT_SHEET = "pool.json", "pools.json", "contact-sheet.png"
_MASKS = "masks"
_KNOWN = (*POOL_NAMES, ARTEFACT)
_LARGEST_SIDE = 2000

_Byte = Annotated[int, Field(ge=0, le=255, strict=True)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")
    origin: str
    nucleus: bool


class _Pool(BaseModel):
    model_config = ConfigDict(extra="forbid")
    schema_: Literal[1] = Field(alias="schema")
    subtype: str
    um_per_px: FiniteFloat = Field(gt=0, lt=5)
    stain: str = Field(min_length=1)
    background: tuple[_Byte, _Byte, _Byte]
    cutouts: list[_Entry]


def write_pool(out: Path, pools: Pools, subtype: str, origins: Sequence[str]) -> None:
    """Writes one pool to `out/SUBTYPE`, whole or not at all; what was there is replaced.

    Args:
        out: the folder of pools.
        pools: where the cut-outs are.
        subtype: which of them.
        origins: where each cut-out comes from.

    Raises:
        BadInput: a subtype that is no pool's name, or no cut-outs.
    """
    cutouts = pools.cutouts.get(subtype, ())
    if subtype not in _KNOWN or not cutouts:
        raise BadInput(subtype, "nothing to write" if subtype in _KNOWN else "no such pool", f"of {', '.join(_KNOWN)}")
    entries = []
    with whole_folder(out / subtype) as folder:
        (folder / _MASKS).mkdir()
        for number, (cutout, origin) in enumerate(zip(cutouts, origins, strict=True)):
            name = f"{number:05d}"
            bgra = np.dstack([cutout.rgb[..., ::-1], cutout.alpha])
            (folder / f"{name}.png").write_bytes(cv2.imencode(".png", bgra)[1].tobytes())
            if cutout.nucleus is not None:
                mask = np.select([cutout.nucleus, cutout.cell], [255, 128], 0).astype(np.uint8)
                (folder / _MASKS / f"{name}.png").write_bytes(cv2.imencode(".png", mask)[1].tobytes())
            entries.append({"name": name, "origin": origin, "nucleus": cutout.nucleus is not None})
        facts = {
            "schema": 1,
            "subtype": subtype,
            "um_per_px": pools.um_per_px,
            "stain": pools.stain,
            "background": pools.background.tolist(),
            "cutouts": entries,
        }
        (folder / POOL).write_bytes((json.dumps(facts, indent=1) + "\n").encode())


def read_pools(paths: Path | Sequence[Path], unfinished: bool = False) -> Pools:
    """Reads and verifies every pool of one folder, or of several as if they were one.

    Cut-outs on other glass than the first pool's are brought to its colour, which keeps what they take from the light.

    Args:
        paths: folders that hold SUBTYPE/pool.json.
        unfinished: read also what a run has made so far.

    Raises:
        BadInput: no pool; pools of different magnification or stain; an empty pool, a file missing, unlisted or
            unreadable, a mask of another size, a picture without alpha, an unknown subtype or schema; a run that
            was stopped.
    """
    found: list[tuple[Path, Pools]] = []
    for path in [paths] if isinstance(paths, Path) else paths:
        mine = [(folder, _read_pool(folder)) for folder in _folders(path, unfinished)]
        if not mine:
            raise BadInput(path, "no pools in it", f"give the folder that holds SUBTYPE/{POOL}")
        found += mine
    first = found[0][1]
    check_mixture([(str(folder), pools.um_per_px, pools.stain) for folder, pools in found])
    merged: dict[str, tuple[Cutout, ...]] = {}
    for _, pools in found:
        for subtype, cutouts in pools.cutouts.items():
            merged[subtype] = (*merged.get(subtype, ()), *_on_glass(cutouts, pools.background, first.background))
    return replace(first, cutouts=merged)


def check_mixture(said: Sequence[tuple[str, float, str]]) -> None:
    """Raises `BadInput` unless all that say (where, um_per_px, stain) say the same."""
    where, um_per_px, stain = said[0]
    for other, scale, name in said:
        if not math.isclose(scale, um_per_px, rel_tol=1e-6):
            fault = f"is of {scale:g} um a pixel, {where} of {um_per_px:g}"
            raise BadInput(other, fault, "take cells of one magnification")
        if name != stain:
            raise BadInput(other, f"is stained {name}, {where} {stain}", "take cells of one stain")


def _folders(path: Path, unfinished: bool) -> Iterator[Path]:
    if not path.is_dir():
        raise BadInput(path, "no such folder")
    run = read_json(path / RUN) if (path / RUN).is_file() else None
    if run is not None and not unfinished and not (isinstance(run, Mapping) and run.get("done")):
        raise BadInput(path, "its run was stopped", "repeat the command that makes these pools")
    for entry in sorted(path.iterdir()):
        if entry.is_dir() and not entry.name.startswith("."):
            if entry.name not in _KNOWN:
                raise BadInput(entry, f"unknown subtype {entry.name!r}", f"one of: {', '.join(_KNOWN)}")
            yield entry
        elif entry.name not in (RUN, CONTACT_SHEET) and not entry.name.startswith("."):
            raise BadInput(entry, "is no part of a pool", "remove it")


def _read_pool(folder: Path) -> Pools:
    file = folder / POOL
    if not file.is_file():
        raise BadInput(folder, f"has no {POOL}", "remove the folder or make the pool again")
    data = read_json(file)
    if isinstance(data, Mapping) and data.get("schema") != 1:
        raise BadInput(file, f"schema {data.get('schema')!r} is not 1", "update edge-wbc or make the pool again")
    try:
        pool = _Pool.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "pool"
        raise BadInput(file, f"{place}: {first['msg'].lower()}", "make the pool again") from error
    if pool.subtype != folder.name:
        raise BadInput(file, f"is a pool of {pool.subtype!r} in a folder {folder.name!r}", "rename the folder")
    if not pool.cutouts:
        raise BadInput(file, "an empty pool", "remove it or put cut-outs in")
    _check_listing(folder, pool)
    cutouts = tuple(_read_cutout(folder, pool.subtype, entry) for entry in pool.cutouts)
    return Pools({pool.subtype: cutouts}, pool.um_per_px, pool.stain, np.array(pool.background, np.uint8))


def _check_listing(folder: Path, pool: _Pool) -> None:
    listed = {POOL} | {f"{entry.name}.png" for entry in pool.cutouts}
    listed |= {f"{_MASKS}/{entry.name}.png" for entry in pool.cutouts if entry.nucleus}
    if len({entry.name for entry in pool.cutouts}) < len(pool.cutouts):
        raise BadInput(folder / POOL, "lists a cut-out twice", "make the pool again")
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    for name in sorted(listed - there):
        raise BadInput(folder / name, f"is listed in {POOL} and missing", "put it back or make the pool again")
    for name in sorted(there - listed):
        raise BadInput(folder / name, f"is not listed in {POOL}", "remove it or make the pool again")


def _read_cutout(folder: Path, subtype: str, entry: _Entry) -> Cutout:
    file = folder / f"{entry.name}.png"
    bgra = _read_png(file)
    if bgra.ndim != 3 or bgra.shape[2] != 4 or bgra[..., 3].min() == 255:
        raise BadInput(file, "has no alpha", "cut the cell out: an RGBA picture, transparent around the cell")
    rgb, alpha = np.ascontiguousarray(bgra[..., 2::-1]), np.ascontiguousarray(bgra[..., 3])
    if alpha.max() < 128 and subtype != ARTEFACT:  # dirt may be a mere shadow
        raise BadInput(file, "shows no cell: its alpha is below 128 everywhere", "remove it from the pool")
    if not entry.nucleus:
        return Cutout(subtype, rgb, alpha)
    mask_file = folder / _MASKS / file.name
    mask = _read_png(mask_file)
    if mask.shape != alpha.shape:
        sizes = f"a mask of {_sides(mask)} for a cut-out of {_sides(alpha)}"
        raise BadInput(mask_file, sizes, "make the pool again")
    if not np.isin(mask, (0, 128, 255)).all():
        raise BadInput(mask_file, "holds other greys than 255 nucleus, 128 cytoplasm, 0 rest", "draw it in these")
    if ((mask > 0) != ((alpha >= 128) | (mask == 255))).any():
        raise BadInput(mask_file, "does not follow the alpha of its cut-out", "make the pool again")
    return Cutout(subtype, rgb, alpha, mask == 255)


def _sides(picture: np.ndarray) -> str:
    return f"{picture.shape[1]} x {picture.shape[0]}"


def _read_png(file: Path) -> np.ndarray:
    """A PNG's own channels, 8 bit."""
    data = file.read_bytes()
    size = header_size(data) if data[:4] == b"\x89PNG" else None
    if size is None or b"IEND\xaeB`\x82" not in data:
        raise BadInput(file, "is no whole PNG", "make the pool again")
    if max(size) > _LARGEST_SIDE:
        raise BadInput(file, f"{size[0]} x {size[1]} px", f"a cell is {_LARGEST_SIDE} px at most")
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.dtype != np.uint8:
        raise BadInput(file, "is no readable PNG of 8 bits", "make the pool again")
    return picture


def _on_glass(cutouts: Sequence[Cutout], own: np.ndarray, wanted: np.ndarray) -> Iterator[Cutout]:
    """Cut-outs as they look on other glass; the same where it is the same."""
    gain = wanted.astype(np.float32) / np.maximum(own, 1)
    for cutout in cutouts:
        if (own == wanted).all():
            yield cutout
        else:
            yield replace(cutout, rgb=np.clip(np.rint(cutout.rgb * gain), 0, 255).astype(np.uint8))
