"""The fields of a finished run again, by part: those it learned from and those that were held out."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.detection.data import LoadedFields, MarkedFields, load_fields, read_fields

__all__ = ["load_part", "provenance", "read_part"]


def _rows(run: Path) -> list[dict[str, str]]:
    file = run / "fields.csv"
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        [(row["image"], row["part"], row["sha256"]) for row in rows]
    except FileNotFoundError as error:
        raise BadInput(file, "missing from the run", "train again") from error
    except (ValueError, KeyError, csv.Error) as error:
        raise BadInput(file, f"not a run's list of fields ({error!r})", "train again") from error
    return rows


def provenance(run: Path) -> tuple[tuple[str, str, str], ...]:
    """(SHA-256, path in the dataset, part) of every photograph."""
    return tuple((row["sha256"], row["image"], row["part"]) for row in _rows(run))


def read_part(run: Path, part: str) -> MarkedFields:
    """The marked fields of one part, "train" or "val", from the dataset that the run was trained on.

    Raises:
        BadInput: the dataset is gone, or lacks a field of the run.
    """
    names = [row["image"] for row in _rows(run) if row["part"] == part]
    try:
        data = Path(json.loads((run / "plan.json").read_text(encoding="utf-8"))["data"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(run / "plan.json", f"does not name the run's data ({error!r})", "train again") from error
    marked = read_fields(data)
    fields = {field.name: field for field in marked.fields}
    lost = [name for name in names if name not in fields]
    if lost:
        raise BadInput(data, f"lacks {lost[0]!r}, which {run} was trained with", "put it back or train again")
    return replace(marked, fields=tuple(fields[name] for name in names))


def load_part(
    run: Path, fields: MarkedFields, longest: int, progress: Callable[[str, int, int], None] | None = None
) -> LoadedFields:
    """`load_fields` for fields of `read_part`, each of which has to be the photograph that it was in training.

    Raises:
        BadInput: beside what `load_fields` raises: a photograph that has changed, which may have changed its part.
    """
    loaded = load_fields(fields, longest, progress)
    known = {name: digest for digest, name, _ in provenance(run)}
    for field, digest in zip(fields.fields, loaded.sha256, strict=True):
        if known.get(field.name) != digest:
            raise BadInput(field.image, f"is not the photograph that {run} was trained with", "put that one back")
    return loaded
