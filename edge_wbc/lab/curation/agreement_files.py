"""What comparing two experts leaves: a page, a list to adjudicate, the double-labelled cells, blind copies."""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import whole_folder
from edge_wbc.core.pack import check_replaceable
from edge_wbc.core.records import Field, read_field, write_field
from edge_wbc.lab.curation.agreement import NOT_LABELLED, TwoVotes, is_double_labelled, to_adjudicate
from edge_wbc.lab.curation.votes import Voted, pair_votes
from edge_wbc.lab.evaluation.report import render_report

__all__ = ["agreement_page", "blind_copy", "percent_ci", "kappa_ci", "write_comparison"]

PAGE = "agreement.html"


def percent_ci(found: Mapping[str, Any], digits: int = 1) -> str:
    """The agreement of a `Kappa` as JSON, such as "91.7% (91.3 to 92.0)"."""
    if found["agreement"] is None:
        return "-"
    low, high = (100 * limit for limit in found["agreement_ci95"])
    return f"{100 * found['agreement']:.{digits}f}% ({low:.{digits}f} to {high:.{digits}f})"


def kappa_ci(found: Mapping[str, Any], digits: int = 3) -> str:
    """Its kappa, such as "0.892 (0.888 to 0.896)"."""
    if found["kappa"] is None:
        return "-"
    low, high = found["kappa_ci95"]
    return f"{found['kappa']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def agreement_page(facts: Mapping[str, Any]) -> str:
    """One self-contained HTML page of the object of ``agree --json``."""
    first, second = facts["experts"]
    table, labels = facts["table"], facts["labels"]
    places = range(len(labels))
    colours = [["", *(_colour(labels, table, row, column) for column in places)] for row in places]
    scopes = {"labelled by both": "labelled_by_both", "named by both (recognised)": "named_by_both"}
    return render_report(
        f"Two experts: {first} and {second}",
        [
            {
                "title": "Agreement",
                "text": [
                    f"{facts['cells']} cells. 95% limits in brackets: exact for shares, large-sample (Fleiss, Cohen "
                    "and Everitt 1969) for Cohen's kappa."
                ],
                "head": ("cells", "number", "alike", "agreement", "kappa"),
                "rows": [
                    (name, facts[key]["cells"], facts[key]["agreed"], percent_ci(facts[key]), kappa_ci(facts[key]))
                    for name, key in scopes.items()
                ],
            },
            {
                "title": "Label by label",
                "text": [f"Rows: {first}; columns: {second}. Blue: alike; red: not; the darker, the more of its row."],
                "head": ("", *(number + 1 for number in places)),
                "rows": [
                    (f"{number + 1} {labels[number]}", *(count or "\u00b7" for count in table[number]))
                    for number in places
                ],
                "colours": colours,
            },
            {
                "title": "Each label",
                "text": ["Agreement: cells that both named so, of those that either did. Kappa: against all others."],
                "head": ("label", "either", "both", "agreement", "kappa"),
                "rows": [
                    (label, found["cells"], found["agreed"], percent_ci(found), kappa_ci(found))
                    for label, found in facts["per_label"].items()
                ],
            },
            {
                "title": "Most confused",
                "head": ("labels", "cells", f"{first} says the former", f"{second} says the former"),
                "rows": [
                    (" / ".join(pair["labels"]), pair["cells"], pair["forth"], pair["back"])
                    for pair in facts["confused"][:15]
                ],
            },
        ],
    )


def _colour(labels: Sequence[str], table: Sequence[Sequence[int]], row: int, column: int) -> str:
    if not table[row][column] or NOT_LABELLED in (labels[row], labels[column]):
        return ""
    # The square root, so that one in a hundred can be seen.
    strength = 0.75 * (table[row][column] / sum(table[row])) ** 0.5
    return f"rgba({'9, 105, 218' if row == column else '207, 34, 46'}, {strength:.2f})"


def _list(votes: Iterable[TwoVotes], experts: Sequence[str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("image", "box", "smear", *experts))
    for vote in votes:
        writer.writerow((vote.image, " ".join(map(str, vote.box or ())), vote.smear, vote.first, vote.second))
    return text.getvalue().encode()


def write_comparison(
    out: Path, facts: Mapping[str, Any], cells: Sequence[Voted], experts: tuple[str, str], data: Path
) -> None:
    """Writes ``agreement.html``, ``adjudicate.csv`` and ``double_labelled/`` into a folder, whole or not at all.

    ``double_labelled/`` is a dataset that train reads (what both named alike) where the votes came from records, and
    holds ``list.csv`` where not.

    Raises:
        BadInput: something else is at `out`, or a photograph is missing.
    """
    check_replaceable(out, PAGE)
    votes = pair_votes(cells, experts)
    with whole_folder(out) as beside:
        (beside / PAGE).write_text(agreement_page(facts), encoding="utf-8")
        (beside / "adjudicate.csv").write_bytes(_list(to_adjudicate(votes), experts))
        subset = beside / "double_labelled"
        subset.mkdir()
        both = [is_double_labelled(vote) for vote in votes]
        kept = [cell for cell, named in zip(cells, both, strict=True) if named]
        if all(cell.record for cell in kept):
            _write_records(subset, _records(kept), data)
        else:
            (subset / "list.csv").write_bytes(_list((vote for vote in votes if is_double_labelled(vote)), experts))


def _records(cells: Iterable[Voted]) -> dict[str, Field]:
    """File name -> record, holding these cells alone with the votes they have here."""
    found: dict[Path, dict[Any, Mapping[str, str]]] = {}
    for cell in cells:
        if cell.record:
            found.setdefault(cell.record, {})[cell.box] = cell.votes
    records = {}
    for file, votes in found.items():
        record = read_field(file)
        kept = tuple(replace(cell, votes=votes[cell.box]) for cell in record.cells if cell.box in votes)
        records[file.name] = replace(record, cells=kept)
    return records


def blind_copy(data: Path, expert: str, out: Path) -> int:
    """Copies a dataset of records without anybody's votes but one expert's; photographs are linked where they can be.

    Returns:
        The number of votes taken out.

    Raises:
        BadInput: no records there, something at `out` already, or a photograph is missing.
    """
    if not (data / "records").is_dir():
        raise BadInput(data, "has no records/", "only a dataset of records can hold both experts' votes")
    if out.exists():
        raise BadInput(out, "is there already", "choose another --out")
    hidden = 0
    records = {}
    for file in sorted((data / "records").glob("*.json")):
        record = read_field(file)
        cells = []
        for cell in record.cells:
            own = {name: label for name, label in cell.votes.items() if name == expert}
            hidden += len(cell.votes) - len(own)
            cells.append(replace(cell, votes=own))
        records[file.name] = replace(record, cells=tuple(cells))
    with whole_folder(out) as beside:
        _write_records(beside, records, data)
    return hidden


def _write_records(out: Path, records: Mapping[str, Field], data: Path) -> None:
    """Records and their photographs in a new folder."""
    (out / "records").mkdir()
    for name, record in records.items():
        source, target = data / record.image, out / record.image
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except FileNotFoundError as error:
            raise BadInput(data, f"names a missing photograph {record.image!r}", "put it back") from error
        except OSError:
            # Another disk, or one without links.
            shutil.copyfile(source, target)
        write_field(out / "records" / name, record)
