"""`edge-wbc data fetch`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Optional

import typer

from edge_wbc.cli.show import AsJson, emit_json, progress_bar, remark

__all__ = ["fetch"]


def fetch(
    name: Annotated[Optional[str], typer.Argument(help="A public set; --list names them.")] = None,
    out: Annotated[Optional[Path], typer.Option("--out", help="Where its files go.")] = None,
    show: Annotated[bool, typer.Option("--list", help="Name the public sets, their licences and homepages.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch a public set of white cells.

    Goes on after a cut, checks size and SHA-256, unpacks zips. Its licence binds you: it is printed first.
    """
    from edge_wbc.core.errors import BadInput
    from edge_wbc.lab.datasets.fetch import fetch_set
    from edge_wbc.lab.datasets.public import public_set, public_sets

    if show:
        known = public_sets()
        if as_json:
            emit_json({"sets": {name: asdict(entry) for name, entry in known.items()}})
            return
        for entry in known.values():
            print(f"{entry.name}: {entry.title}\n  {entry.homepage}\n  licence: {entry.licence}")
            print(f"  addresses: {entry.checked}{'' if entry.files else ' (by hand only)'}")
        return
    if name is None or out is None:
        raise BadInput("data fetch", "needs the name of a set and --out DIR", "`edge-wbc data fetch --list` names them")
    wanted = public_set(name)
    for line in (
        wanted.title,
        f"homepage: {wanted.homepage}",
        f"licence: {wanted.licence}",
        f"cite: {wanted.citation}",
    ):
        remark(line)
    with progress_bar() as progress:
        facts = fetch_set(wanted, out, progress, remark)
    if as_json:
        emit_json(facts)
        return
    for file, entry in facts["files"].items():
        print(f"{out / file}: {entry['bytes']} bytes, SHA-256 {entry['sha256']} ({entry['checksum']})")
