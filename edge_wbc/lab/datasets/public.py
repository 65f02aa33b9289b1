"""The table of public sets, ``public.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources

from edge_wbc.core.errors import BadInput

__all__ = ["PublicFile", "PublicSet", "public_set", "public_sets"]


@dataclass(frozen=True)
class PublicFile:
    """A file to fetch; `bytes` and `sha256` are None where the publisher does not state them."""

    url: str
    name: str
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class PublicSet:
    """A published dataset.

    Attributes:
        checked: what the addresses were read from.
        files: none where no stable address is known; the homepage then says how to get them.
    """

    name: str
    title: str
    homepage: str
    licence: str
    citation: str
    checked: str
    files: tuple[PublicFile, ...]


def public_sets() -> dict[str, PublicSet]:
    """Every set of the table by its name."""
    table = tomllib.loads(resources.files(__package__).joinpath("public.toml").read_text(encoding="utf-8"))
    return {
        name: PublicSet(name, **{**entry, "files": tuple(PublicFile(**file) for file in entry["files"])})
        for name, entry in table.items()
    }


def public_set(name: str) -> PublicSet:
    """One set; raises `BadInput` for an unknown name, with the nearest known one."""
    known = public_sets()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(known)}"
        raise BadInput(name, "no such public set", remedy)
    return known[name]
