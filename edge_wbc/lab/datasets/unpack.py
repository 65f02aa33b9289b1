"""A stranger's zip unpacked: whole or not at all, nothing outside its folder, no links, no bombs."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import whole_folder

__all__ = ["unpack"]

_MOST_FILES = 1_000_000
# Photographs hardly shrink; text and flat masks shrink a hundredfold at most.
_MOST_GROWTH = 200
_SMALL = 64 << 20
_BLOCK = 1 << 20
_ENCRYPTED = 0x1


def unpack(archive: Path, folder: Path, report: Callable[[int, int], None] | None = None) -> int:
    """Unpacks a zip into a new folder.

    Args:
        folder: where its members go; must not be there yet.
        report: called with the members done and their number.

    Returns:
        The number of files.

    Raises:
        BadInput: no zip, a damaged or encrypted one, a member outside the folder, a link or two of one name, more
            than a million files, or far more bytes than such an archive can honestly hold.
    """
    if folder.exists():
        raise BadInput(folder, "is there already", "remove it to unpack again")
    try:
        with zipfile.ZipFile(archive) as opened, whole_folder(folder) as beside:
            members = _members(archive, opened)
            room = max(_SMALL, _MOST_GROWTH * archive.stat().st_size)
            for done, (member, name) in enumerate(members, 1):
                room = _write(archive, opened, member, beside / name, room)
                if report:
                    report(done, len(members))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise BadInput(archive, f"cannot be unzipped ({error})", "remove it and fetch it again") from error
    return len(members)


def _members(archive: Path, opened: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, str]]:
    """Every file with its checked relative name."""
    found: dict[str, zipfile.ZipInfo] = {}
    for member in opened.infolist():
        name = member.filename
        where = f"{archive}: {name!r}"
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or "\\" in name or ":" in name or "\0" in name or ".." in parts:
            raise BadInput(where, "points outside the archive", "do not trust it")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise BadInput(where, "is a link or a device", "do not trust it")
        if member.is_dir():
            continue
        if member.flag_bits & _ENCRYPTED:
            raise BadInput(where, "is encrypted", "ask its publisher for the password and unzip it by hand")
        plain = "/".join(parts)
        # Folders that do not tell A from a would let one overwrite the other.
        if plain.lower() in found:
            raise BadInput(where, "is there twice", "unzip it by hand")
        found[plain.lower()] = member
        if len(found) > _MOST_FILES:
            raise BadInput(archive, f"has more than {_MOST_FILES} files")
    return [(member, "/".join(PurePosixPath(member.filename).parts)) for member in found.values()]


def _write(archive: Path, opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, room: int) -> int:
    """Writes one member; returns how many bytes more the archive may hold. Its own word on sizes is not believed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as source, target.open("wb") as stream:
        while block := source.read(_BLOCK):
            room -= len(block)
            if room < 0:
                raise BadInput(archive, "unpacks to far more than such a file can hold", "do not trust it")
            stream.write(block)
    return room
