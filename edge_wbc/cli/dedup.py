"""`edge-wbc dedup`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_wbc.cli.show import AsJson, Dask, emit_json, progress_bar, remark, table

__all__ = ["dedup"]


def dedup(
    data: Annotated[Path, typer.Argument(help="images/ with records/, or a folder of pictures of single cells.")],
    out: Annotated[Path, typer.Option("--out", help="Gets dataset/, duplicates.csv, report.html, sheets and index.")],
    thresholds: Annotated[str, typer.Option(help="default, or paper (Raabin-WBC's, hashes alone).")] = "default",
    phash: Annotated[str, typer.Option(help="imagehash (its library's bits), or mean (the paper's).")] = "imagehash",
    dask: Dask = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first photograph that cannot be read.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove cells photographed twice.

    Cells of one smear are compared; of each the sharpest photograph stays. DATA is not changed.
    """
    from dataclasses import replace

    from edge_wbc.core.errors import BadInput, CheckFailed
    from edge_wbc.lab.curation.clean import deduplicate
    from edge_wbc.lab.curation.duplicates import THRESHOLDS

    if thresholds not in THRESHOLDS:
        raise BadInput("--thresholds", f"{thresholds!r} is none of {', '.join(THRESHOLDS)}")
    if phash not in ("imagehash", "mean"):
        raise BadInput("--phash", f"{phash!r} is neither imagehash nor mean")
    with progress_bar() as progress:
        facts = deduplicate(data, out, replace(THRESHOLDS[thresholds], phash=phash), strict, progress, dask).facts
    if as_json:
        emit_json(facts)
    else:
        rows = [
            (name, str(facts[name]), str(facts[f"{name}_removed"]), str(facts[name] - facts[f"{name}_removed"]))
            for name in ("photographs", "cells")
        ]
        table(f"{facts['components']} cells photographed twice, in {out}", ("", "before", "removed", "left"), rows)
        if facts["set_aside"]:
            remark(f"{facts['set_aside']} flat or noisy crops were set aside: their hashes mean nothing")
    for line in facts["unreadable"]:
        remark(f"left out: {line}")
    if facts["unreadable"]:
        raise CheckFailed(f"{len(facts['unreadable'])} photographs or records could not be read")
