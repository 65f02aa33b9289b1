"""A comparison written down: Markdown, CSV, one HTML page, and results.json."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge_wbc.core.files import write_whole
from edge_wbc.lab.comparison.curves import curves_figure, joined_curves, read_curves
from edge_wbc.lab.comparison.measures import Figure
from edge_wbc.lab.comparison.published import SOURCES, published_figures
from edge_wbc.lab.comparison.running import CompareOptions, Comparison
from edge_wbc.lab.comparison.tables import Cell, Judged, Printed, Table, overview, paper_tables, text
from edge_wbc.lab.evaluation import evaluate
from edge_wbc.lab.evaluation.figures import confusion_figure
from edge_wbc.lab.evaluation.report import Picture, figure_png, render_report
from edge_wbc.lab.training.run import write_json

__all__ = ["NOTE", "all_tables", "results", "write_reports"]

NOTE = "research use, not for diagnosis"
PERCENT = "Figures are percent, losses excepted."


def all_tables(found: Comparison) -> list[Table]:
    """The overview, then the papers' tables of test-A and of every other lab."""
    return [overview(found.tested, found.remarks), *(table for part in found.tested for table in paper_tables(part))]


def write_reports(found: Comparison, options: CompareOptions, out: Path) -> dict[str, Any]:
    """Writes ``report.md``, ``report.html``, ``results.json``, ``figures.csv`` (every figure, a line each),
    ``tables/*.csv``, and ``curves.csv`` and ``curves.png`` where networks were trained; returns what results.json says.
    """
    tables = all_tables(found)
    facts = results(found, options, tables)
    folder = out / "tables"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.csv"):
        if old.stem not in {table.slug for table in tables}:
            old.unlink()
    for table in tables:
        write_whole(folder / f"{table.slug}.csv", table_csv(table))
    write_whole(out / "figures.csv", figures_csv(found.tested))
    curves = read_curves(found.runs)
    if curves:
        write_whole(out / "curves.csv", joined_curves(curves))
        write_whole(out / "curves.png", figure_png(curves_figure(first_of_each(curves, options.seed))))
    write_whole(out / "report.md", markdown(_title(found), about(facts), tables).encode())
    page = html(found, options, tables, about(facts), out / "curves.png" if curves else None)
    write_whole(out / "report.html", page.encode())
    write_json(out / "results.json", facts)
    return facts


def results(found: Comparison, options: CompareOptions, tables: Sequence[Table]) -> dict[str, Any]:
    """The object of ``compare --json``."""
    systems = {}
    for system in found.systems:
        fits = found.kept[system.name]
        systems[system.name] = {
            "about": system.about,
            "status": "failed" if system.name in found.faults else "run" if fits else "not run",
            "remark": found.remarks[system.name],
            "fits": [{"fit": fit.fit, **fit.facts} for fit in fits],
            "parts": {
                part.part: [evaluate(part.truth, scores, part.labels) for scores in part.scores[system.name]]
                for part in found.tested
            },
        }
    return {
        "schema": 1,
        "data": {
            "digest": found.parts.digest,
            "learnt": _counts(found.parts.learn_truth),
            "parts": {
                part.name: {"lab": part.lab, "digest": part.digest, "cells": _counts(part.truth)}
                for part in found.parts.tests
            },
        },
        "options": asdict(options),
        "seeds": list(range(options.seed, options.seed + options.seeds)),
        "systems": systems,
        "left_by_budget": list(found.left),
        "tables": {
            table.slug: {"title": table.title, "head": table.head, "rows": _plain(table), "notes": table.notes}
            for table in tables
        },
        "note": NOTE,
    }


def _counts(truth: Sequence[str]) -> dict[str, int]:
    return {label: truth.count(label) for label in dict.fromkeys(truth)}


def _plain(table: Table) -> list[list[Any]]:
    """A table's cells as JSON holds them: a figure with limits as an object."""

    def plain(cell: Cell) -> Any:
        if isinstance(cell, Figure):
            return {"value": cell.value, "ci95": None if cell.low is None else [cell.low, cell.high]}
        return cell.value if isinstance(cell, Printed) else cell

    return [[plain(cell) for cell in row] for row in table.rows]


def about(facts: Mapping[str, Any]) -> list[str]:
    """What was compared, on what, with what: the paragraphs above the tables."""
    options, data = facts["options"], facts["data"]
    how = ", ".join(
        f"{name} {options[name]}" for name in ("recipe", "weights", "epochs", "batch", "lr", "size", "seed", "seeds")
        if options[name] is not None
    )  # fmt: skip
    told = [f"Networks, unless a row says otherwise: {how}. {PERCENT}"]
    parts = [f"{sum(data['learnt'].values())} cells to learn from"]
    parts += [f"{name} {sum(part['cells'].values())}" for name, part in data["parts"].items()]
    told.append(f"Cells: {', '.join(parts)}; digest of the data {data['digest'][:12]}.")
    fits = [fit for system in facts["systems"].values() for fit in system["fits"] if "versions" in fit]
    made = {", ".join(f"{name} {version}" for name, version in fit["versions"].items()) for fit in fits}
    told += [f"Made with {versions}." for versions in sorted(made)]
    codes = sorted({fit["fit"]["code"] for fit in fits})
    told.append(f"Code of the systems: {', '.join(codes) or 'none was run'}.")
    if facts["left_by_budget"]:
        told.append(f"Left out by the budget: {', '.join(facts['left_by_budget'])}; the same command goes on.")
    return told


def _title(found: Comparison) -> str:
    return f"Systems compared on {', '.join(part.lab for part in found.tested)}"


def markdown(title: str, told: Sequence[str], tables: Sequence[Table]) -> str:
    """The report as Markdown."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    lines = [f"# {title}", "", f"**{NOTE[0].upper()}{NOTE[1:]}.**", ""]
    for paragraph in told:
        lines += [paragraph, ""]
    for table in tables:
        rule = ["---"] * table.words + ["---:"] * (len(table.head) - table.words)
        lines += [f"## {table.title}", "", line(table.head), line(rule)]
        lines += [line([text(cell) for cell in row]) for row in table.rows]
        lines += ["", *(f"{note}\n" for note in table.notes)]
    return "\n".join(lines)


def _numbers(cell: Cell) -> list[Any]:
    """A cell's value and its limits, None where it has none."""
    if isinstance(cell, Figure):
        return [cell.value, cell.low, cell.high]
    return [cell.value if isinstance(cell, Printed) else cell, None, None]


def table_csv(table: Table) -> bytes:
    """One table; a column of figures with limits takes three, shares are 0 to 1 and published figures as printed."""
    columns = [[_numbers(row[column]) for row in table.rows] for column in range(len(table.head))]
    widths = [3 if any(low is not None for _, low, _ in column) else 1 for column in columns]
    head = [
        name
        for title, width in zip(table.head, widths, strict=True)
        for name in (title, f"{title} low", f"{title} high")[:width]
    ]
    rows = [
        [value for cell, width in zip(row, widths, strict=True) for value in _numbers(cell)[:width]]
        for row in table.rows
    ]
    return _csv(head, rows)


def figures_csv(tested: Sequence[Judged]) -> bytes:
    """Every figure of every system: a line each, the published one beside it."""
    head = ("part", "system", "class", "measure", "value", "low", "high", "trainings", "published", "source")
    rows: list[list[Any]] = []
    for part in tested:
        for system, trainings in part.scores.items():
            printed = {
                key: (value, str(SOURCES[source]))
                for source in reversed(SOURCES)
                for key, value in published_figures(source, system, part.part, part.labels).items()
            }
            for label, measure in part.measured[system][0] if trainings else ():
                figure = part.figure(system, label, measure)
                if figure is not None:
                    published = printed.get((label, measure), (None, None))
                    rows.append([part.part, system, label, measure, *_numbers(figure), len(trainings), *published])
    return _csv(head, rows)


def _csv(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return stream.getvalue().encode()


def first_of_each(curves: Mapping[str, list[dict[str, float]]], seed: int) -> dict[str, list[dict[str, float]]]:
    """The runs of the first seed, under their system's name alone."""
    end = f"-seed{seed}"
    return {name.removesuffix(end): epochs for name, epochs in curves.items() if name.endswith(end)}


def html(
    found: Comparison, options: CompareOptions, tables: Sequence[Table], told: Sequence[str], curves: Path | None
) -> str:
    """The page."""
    sections: list[dict[str, Any]] = [{"title": "What was compared", "text": list(told)}]
    if found.faults or found.left:
        lines = [f"{name}: {fault}" for name, fault in found.faults.items()]
        lines += [f"{name}: not run, over budget" for name in found.left]
        sections.append({"title": "What is missing", "text": lines})
    for number, table in enumerate(tables):
        sections.append(
            {
                "title": table.title,
                "text": list(table.notes),
                "head": table.head,
                "rows": [[text(cell) for cell in row] for row in table.rows],
            }
        )
        if not number and curves:
            caption = "loss and accuracy over epochs, as Raabin-WBC's Figure 9; the first training of each network"
            sections.append({"title": "Training curves", "pictures": [Picture(curves.read_bytes(), caption)]})
    for part in found.tested:
        shown = {
            name: evaluate(part.truth, trainings[0], part.labels)
            for name, trainings in part.scores.items()
            if trainings
        }
        if shown:
            picture = figure_png(confusion_figure(shown, min(3, len(shown))))
            caption = "rows: truth; columns: named; above: accuracy; the first training of each system"
            sections.append({"title": f"Confusion, {part.part}", "pictures": [Picture(picture, caption)]})
    return render_report(_title(found), sections)
