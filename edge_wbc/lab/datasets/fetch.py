"""A public set into a folder: fetched, compared with what is known of it, recorded, unpacked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.lab.datasets.download import download, sha256_of
from edge_wbc.lab.datasets.public import PublicFile, PublicSet
from edge_wbc.lab.datasets.unpack import unpack

__all__ = ["FETCHED_FILE", "fetch_set"]

FETCHED_FILE = "fetched.json"
_MEGABYTE = 1_000_000


def fetch_set(
    wanted: PublicSet,
    out: Path,
    progress: Callable[[str, int, int], None] | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Fetches every file of a set into ``out`` and unpacks zips into folders named after them.

    ``fetched.json`` there keeps address, size, SHA-256 and date of each; a later fetch, also of a folder that was
    moved, compares with it. What is complete is not fetched again.

    Returns:
        The object in ``fetched.json``.

    Raises:
        BadInput: no address is known, or as `download` and `unpack` do.
    """
    if not wanted.files:
        raise BadInput(wanted.name, "no stable address of its files is known", f"get them by hand: {wanted.homepage}")
    out.mkdir(parents=True, exist_ok=True)
    facts = _read_facts(out, wanted)
    for file in wanted.files:
        entry = _fetch_file(file, out, facts["files"].get(file.name), progress, log)
        facts["files"][file.name] = entry
        write_whole(out / FETCHED_FILE, (json.dumps(facts, indent=1) + "\n").encode())
        _unpack_file(out / file.name, progress, log)
    return facts


def _read_facts(out: Path, wanted: PublicSet) -> dict[str, Any]:
    path = out / FETCHED_FILE
    fresh = {
        "set": wanted.name,
        "homepage": wanted.homepage,
        "licence": wanted.licence,
        "citation": wanted.citation,
        "files": {},
    }
    if not path.is_file():
        return fresh
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        known, files = found["set"], found["files"]
        if not all(isinstance(entry["sha256"], str) and isinstance(entry["bytes"], int) for entry in files.values()):
            raise TypeError("an entry without sha256 and bytes")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(path, f"is not what a fetch writes ({error!r})", "remove it") from error
    if known != wanted.name:
        raise BadInput(out, f"holds the set {known!r}", "choose another --out")
    return {**fresh, "files": files}


def _fetch_file(
    file: PublicFile,
    out: Path,
    before: dict[str, Any] | None,
    progress: Callable[[str, int, int], None] | None,
    log: Callable[[str], None],
) -> dict[str, Any]:
    path = out / file.name
    published = file.sha256 is not None
    expected = file
    if not published and before:
        expected = replace(file, sha256=before["sha256"], bytes=before["bytes"])
    if path.is_file():
        digest = sha256_of(path)
        if expected.sha256 not in (None, digest):
            raise BadInput(path, f"has SHA-256 {digest}, {expected.sha256} was expected", "remove it to fetch it again")
        log(f"{file.name}: is there already")
    else:
        if not published and not before:
            plain = " over plain http" if file.url.startswith("http:") else ""
            log(f"{file.name}: its checksum is not published; fetched{plain}, recorded now")

        def tell(have: int, total: int) -> None:
            if progress:
                progress(f"{file.name}, MB", have // _MEGABYTE, max(1, total // _MEGABYTE))

        digest = download(expected, out, tell, log)
    return before or {
        "url": file.url,
        "bytes": path.stat().st_size,
        "sha256": digest,
        "checksum": "published" if published else "recorded at the first fetch",
        "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _unpack_file(path: Path, progress: Callable[[str, int, int], None] | None, log: Callable[[str], None]) -> None:
    folder = path.with_suffix("")
    if folder.is_dir():
        return
    if path.suffix.lower() != ".zip":
        log(f"{path.name}: unpack it with unar, 7z or bsdtar: edge-wbc unpacks zip alone")
        return
    unpack(path, folder, lambda done, total: progress(f"{path.stem}: unpacking", done, total) if progress else None)
