"""A file over HTTP that goes on where it stopped, and is never another file than it was.

pooch and its like begin again after a cut, and what resumes among installers serves their own hosts alone. RFC 9110
section 13.1.5 is all there is to it: a range is asked for with If-Range and the validator that the first answer
carried, so a server sends the rest of the very same file, or the whole of a changed one.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import edge_wbc
from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.lab.datasets.public import PublicFile

__all__ = ["download", "sha256_of"]

_TRIES = 5
_TIMEOUT_SECONDS = 30
_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_BLOCK = 1 << 18
# Said of the server, not of the file: worth another try.
_PASSING = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class _Begun:
    """What is known of a file under way: whose it is, its validator for If-Range, and its size."""

    url: str
    validator: str = ""
    total: int | None = None


class _Interrupted(Exception):
    """The connection broke or the server was busy; `pause` is how long it asked to be left alone."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def download(
    file: PublicFile,
    folder: Path,
    report: Callable[[int, int], None] | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> str:
    """Fetches a file into a folder; called again after a kill or a cut, it goes on.

    While under way it is called NAME.partial, with NAME.partial.json beside it.

    Args:
        report: called with the bytes there are and how many there will be (as many, where the server does not say).
        log: called with one line about each cut and each beginning anew.

    Returns:
        Its SHA-256.

    Raises:
        BadInput: no such file at its address, an address that cannot be reached five times without one byte more, or
            a file of another size or SHA-256 than it should have; nothing of a wrong file is kept.
    """
    if not file.url.startswith(("http://", "https://")):
        raise BadInput(file.url, "is no http address")
    partial = folder / f"{file.name}.partial"
    fruitless = 0
    while True:
        before = _size(partial)
        try:
            _fetch_rest(file, partial, report, log)
            break
        except _Interrupted as cut:
            fruitless = 0 if _size(partial) > before else fruitless + 1
            if fruitless == _TRIES:
                raise BadInput(
                    file.url, f"cannot be fetched ({cut})", "try again later; the same command goes on"
                ) from cut
            log(f"{file.name}: {cut}; goes on at {_size(partial)} bytes")
            pause = _PAUSE_SECONDS * 2**fruitless if cut.pause is None else cut.pause
            time.sleep(min(pause, _LONGEST_PAUSE_SECONDS))
    digest = sha256_of(partial)
    fault = ""
    if file.bytes is not None and _size(partial) != file.bytes:
        fault = f"has {_size(partial)} bytes, {file.bytes} were expected"
    elif file.sha256 is not None and digest != file.sha256:
        fault = f"has SHA-256 {digest}, {file.sha256} was expected"
    if fault:
        _forget(partial)
        raise BadInput(file.url, fault, "its publisher changed it, or it was damaged on the way: fetch it again")
    partial.replace(folder / file.name)
    _forget(partial)
    return digest


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _notes(partial: Path) -> Path:
    return partial.with_name(partial.name + ".json")


def _forget(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _notes(partial).unlink(missing_ok=True)


def _begun(file: PublicFile, partial: Path) -> _Begun:
    """What is there of this file; whatever cannot be gone on with is removed."""
    try:
        found = _Begun(**json.loads(_notes(partial).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        found = _Begun("")
    if found.url != file.url or not found.validator or not _size(partial):
        _forget(partial)
        return _Begun(file.url)
    return found


def _fetch_rest(
    file: PublicFile, partial: Path, report: Callable[[int, int], None] | None, log: Callable[[str], None]
) -> None:
    begun = _begun(file, partial)
    have = _size(partial)
    if begun.total is not None and have == begun.total:
        return
    headers = {"User-Agent": f"edge-wbc/{edge_wbc.__version__}", "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": begun.validator}
    try:
        answer = urllib.request.urlopen(urllib.request.Request(file.url, headers=headers), timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416:
                # The file there is not longer than what is here: what is here is of another one.
                _forget(partial)
                raise _Interrupted("the server has no such range", 0) from error
            if error.code in _PASSING:
                raise _Interrupted(f"the server answers {error.code}", _retry_after(error.headers)) from error
            raise BadInput(
                file.url, f"the server answers {error.code} {error.reason}", "look at its homepage"
            ) from error
    except (OSError, http.client.HTTPException) as error:
        raise _Interrupted(str(getattr(error, "reason", error)) or type(error).__name__) from error
    with answer:
        start = _starts_at(answer)
        if start != have:
            _forget(partial)
            if start:
                raise _Interrupted("the server sent another part than was asked for", 0)
            log(f"{file.name}: begins anew, since the file changed there or its server sends no parts")
        total = _total(answer, start)
        if file.bytes is not None and total not in (None, file.bytes):
            _forget(partial)
            raise BadInput(file.url, f"has {total} bytes there, {file.bytes} were expected", "look at its homepage")
        known = _Begun(file.url, _validator(answer) or (begun.validator if start else ""), total)
        write_whole(_notes(partial), json.dumps(asdict(known)).encode())
        _pour(answer, partial, start, total, report)


def _pour(answer: Any, partial: Path, have: int, total: int | None, report: Callable[[int, int], None] | None) -> None:
    with partial.open("ab" if have else "wb") as stream:
        while True:
            try:
                block = answer.read(_BLOCK)
            except (OSError, http.client.HTTPException) as error:
                raise _Interrupted(f"the connection broke ({type(error).__name__})") from error
            if not block:
                break
            stream.write(block)
            have += len(block)
            if report:
                report(have, have if total is None else total)
    # A connection that ends early looks like the end of the file.
    if total is not None and have < total:
        raise _Interrupted("the connection ended early")


def _starts_at(answer: Any) -> int:
    """Which byte an answer begins with: 0 for a whole one."""
    if answer.status != 206:
        return 0
    unit, _, rest = answer.headers.get("Content-Range", "").partition(" ")
    first = rest.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdigit() else -1


def _total(answer: Any, start: int) -> int | None:
    length = answer.headers.get("Content-Length", "")
    return start + int(length) if length.isdigit() else None


def _validator(answer: Any) -> str:
    """A strong ETag, else the date of the last change: what If-Range takes."""
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")


def _retry_after(headers: Any) -> float | None:
    seconds = headers.get("Retry-After", "")
    return float(seconds) if seconds.isdigit() else None
