"""The papers' tables of one's own figures, with the published ones in the column beside each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from sklearn.metrics import confusion_matrix

from edge_wbc.lab.comparison.measures import ALL, Figure, Measured, figures_of, named, over_cells, over_seeds
from edge_wbc.lab.comparison.published import CONTRADICTIONS, SOURCES, published_figures

__all__ = ["NONE", "NOT_RUN", "Cell", "Printed", "Table", "Judged", "overview", "paper_tables", "text"]

NONE, NOT_RUN = "–", "not run"
HOME = "test-A"


class Printed(NamedTuple):
    """A figure as a paper prints it: percent, or a loss as it is."""

    value: float


Cell = Figure | Printed | int | str | None


@dataclass(frozen=True)
class Table:
    """One table; `slug` names its file, the first `words` columns are text."""

    slug: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    words: int = 1


@dataclass(frozen=True)
class Judged:
    """What every system said of the same cells.

    Attributes:
        part: "test-A", or the name of another lab.
        lab: where the cells come from.
        labels: the columns of the scores, every label of the truth among them.
        truth: N labels.
        scores: system -> one (N, len(labels)) array of probabilities a training; empty where it was not run.
    """

    part: str
    lab: str
    labels: tuple[str, ...]
    truth: tuple[str, ...]
    scores: Mapping[str, Sequence[np.ndarray]]

    @cached_property
    def measured(self) -> dict[str, list[Measured]]:
        """System -> the figures of each training."""
        return {
            system: [figures_of(self.truth, scores, self.labels) for scores in trainings]
            for system, trainings in self.scores.items()
        }

    def figure(
        self, system: str, label: str, measure: str, over: Callable[..., Figure | None] = over_seeds
    ) -> Figure | None:
        """A figure over all trainings of a system."""
        return over([found[label, measure] for found in self.measured[system]])

    @property
    def counts(self) -> dict[str, int]:
        """Label -> cells, of the labels that occur."""
        return {label: count for label in self.labels if (count := self.truth.count(label))}


def text(cell: Cell, limits: bool = True) -> str:
    """What a table shows: percent with one decimal, limits in brackets; a dash for what there is nothing to say of."""
    if cell is None:
        return NONE
    if isinstance(cell, Printed):
        return f"{cell.value:g}"
    if not isinstance(cell, Figure):
        return str(cell)
    scale, places = (100, 1) if cell.share else (1, 3)
    shown = f"{scale * cell.value:.{places}f}"
    if not limits or cell.low is None or cell.high is None:
        return shown
    return f"{shown} ({scale * cell.low:.{places}f}\u00a0to\u00a0{scale * cell.high:.{places}f})"


def overview(parts: Sequence[Judged], remarks: Mapping[str, str]) -> Table:
    """Each system's accuracy in every part.

    Args:
        remarks: what has to be known of a system, such as that it had no ImageNet weights.
    """
    columns = [[tested.figure(system, ALL, "accuracy") for system in remarks] for tested in parts]
    head = ("system", *(f"{tested.part}, {len(tested.truth)} cells" for tested in parts), "trainings", "remark")
    rows = tuple(
        (system, *(column[row] or NOT_RUN for column in columns), len(parts[0].scores[system]), remarks[system])
        for row, system in enumerate(remarks)
    )
    return Table("accuracy", "Accuracy in percent", head, rows, limits_notes(parts[0]))


def limits_notes(tested: Judged) -> tuple[str, ...]:
    """How limits in brackets are meant."""
    most = max(map(len, tested.scores.values()), default=0)
    notes: tuple[str, ...] = (
        "Limits of one training are at 95% and by its cells: exact ones of the accuracy (Clopper and Pearson), "
        "percentile bootstrap within each class of means over classes.",
    )
    if most > 1:
        notes = (
            f"Of up to {most} trainings, which differ in their seed and see the same cells: the mean, and Student's "
            "95% interval of that mean. It tells trainings apart, not sets of cells.",
            *notes,
        )
    return notes


def paper_tables(tested: Judged) -> list[Table]:
    """All tables of the papers for one part."""
    raabin = "raabin-8" if tested.part == HOME else "raabin-9"
    by_class = [(system, label) for system in tested.scores for label in tested.labels]
    of_all = [(system, ALL) for system in tested.scores]
    by_label = sorted(by_class, key=lambda row: tested.labels.index(row[1]))
    return [
        raabin_wide(tested, raabin),
        _table(
            tested, raabin, "Raabin-WBC, class by class", by_class,
            (("precision", "precision"), ("sensitivity", "sensitivity"), ("F1", "f1")), slug=f"{raabin}-classes",
        ),
        _table(tested, "yu-1", "Yu et al., Table I: accuracy", of_all, (("accuracy", "accuracy"),)),
        confusion_table(tested),
        _table(
            tested, "yu-3", "Yu et al., Table III: each class against the rest", by_class,
            (
                ("accuracy", "accuracy"), ("sensitivity", "sensitivity"), ("specificity", "specificity"),
                ("misdiagnosis", "misdiagnosis"),
            ),
        ),
        _table(
            tested, "course", "Course report: area under the curve, each class against the rest", by_label,
            (
                ("AUC", "auc"), ("accuracy", "accuracy"), ("sensitivity", "sensitivity"),
                ("specificity", "specificity"), ("precision", "precision"),
            ),
            slug="course-classes",
        ),
        _table(
            tested, "course", "Course report: all classes", of_all,
            (("AUC", "auc"), ("accuracy", "accuracy"), ("loss", "loss")), slug="course-all",
        ),
        _table(
            tested, "chossegros", "Chossegros et al.: accuracy, macro precision, macro recall", of_all,
            (("accuracy", "accuracy"), ("precision", "precision"), ("recall", "sensitivity")), over=over_cells,
        ),
    ]  # fmt: skip


def _table(
    tested: Judged,
    source: str,
    title: str,
    keys: Iterable[tuple[str, str]],
    measures: Sequence[tuple[str, str]],
    slug: str = "",
    over: Callable[..., Figure | None] = over_seeds,
) -> Table:
    """A row for each system and class, with the published figure beside each where any row has one."""
    keys = list(keys)
    printed = {system: published_figures(source, system, tested.part, tested.labels) for system, _ in keys}
    beside = [any((label, measure) in printed[system] for system, label in keys) for _, measure in measures]
    classes = any(label != ALL for _, label in keys)
    rows: list[tuple[Cell, ...]] = []
    for system, label in keys:
        row: list[Cell] = [system, label, tested.counts.get(label)] if classes else [system]
        for (_, measure), column in zip(measures, beside, strict=True):
            row.append(tested.figure(system, label, measure, over) if tested.scores[system] else NOT_RUN)
            if column:
                value = printed[system].get((label, measure))
                row.append(None if value is None else Printed(value))
        rows.append(tuple(row))
    head = ["system", "class", "cells"] if classes else ["system"]
    for (name, _), column in zip(measures, beside, strict=True):
        head += [name, "published"] if column else [name]
    notes = _notes(tested, source, [system for system in printed if printed[system]])
    if over is over_cells:
        notes = (
            "Limits are those of the cells at 95% (bootstrap; of the accuracy exact), also over trainings.",
            *notes,
        )
    return Table(
        _slug(slug or source, tested), f"{title} ({_where(tested)})", tuple(head), tuple(rows), notes, 1 + classes
    )


def raabin_wide(tested: Judged, source: str) -> Table:
    """Table 8 or 9 in the paper's own shape: a row a system, precision, sensitivity and F1 of each class."""
    heads = [f"{label[:5]} {letter}" for label in tested.counts for letter in ("P", "S", "F1")]
    printed = {
        system: published_figures(source, system, tested.part, tested.labels).get((ALL, "accuracy"))
        for system in tested.scores
    }
    known = [system for system, value in printed.items() if value is not None]
    rows: list[tuple[Cell, ...]] = []
    for system, trainings in tested.scores.items():
        row: list[Cell] = [system]
        for label in tested.counts:
            for measure in ("precision", "sensitivity", "f1"):
                found = tested.figure(system, label, measure) if trainings else None
                row.append(Figure(found.value) if found else None)
        row.append(tested.figure(system, ALL, "accuracy") if trainings else NOT_RUN)
        if known:
            value = printed[system]
            row.append(None if value is None else Printed(value))
        rows.append(tuple(row))
    title = f"Raabin-WBC, {SOURCES[source].table}: precision, sensitivity, F1 and accuracy ({_where(tested)})"
    head = ("system", *heads, "accuracy", *(["published"] if known else []))
    return Table(_slug(source, tested), title, head, tuple(rows), _notes(tested, source, known))


def confusion_table(tested: Judged) -> Table:
    """Yu's Table II: counts, rows the truth, columns what it was named, of each system's first training."""
    rows: list[tuple[Cell, ...]] = []
    for system, trainings in tested.scores.items():
        if not trainings:
            rows.append((system, NOT_RUN, *[None] * len(tested.labels)))
            continue
        table = confusion_matrix(tested.truth, named(trainings[0], tested.labels), labels=list(tested.labels))
        rows += [
            (system, label, *map(int, counts))
            for label, counts in zip(tested.labels, table, strict=True)
            if counts.sum()
        ]
    title = f"Yu et al., Table II: confusion matrices, rows the truth ({_where(tested)})"
    note = "Of the first training of each system."
    return Table(_slug("yu-2", tested), title, ("system", "truth", *tested.labels), tuple(rows), (note,), 2)


def _where(tested: Judged) -> str:
    return tested.part if tested.part == tested.lab else f"{tested.part} of {tested.lab}"


def _slug(name: str, tested: Judged) -> str:
    return f"{name}-{tested.part.replace('/', '_')}"


def _notes(tested: Judged, source: str, known: Sequence[str]) -> tuple[str, ...]:
    """Where the published column comes from, on which cells, and where it contradicts itself."""
    if not known:
        return ()
    published = SOURCES[source]
    theirs = ", ".join(f"{count} {label}" for label, count in published.counts.items())
    ours = ", ".join(f"{count} {label}" for label, count in tested.counts.items())
    if dict(published.counts) == tested.counts:
        lines = [f"Published: {published}, on {published.data}; as many cells of each class as here."]
    else:
        lines = [
            f"Published: {published}, on other cells: {published.data}{f' ({theirs})' if theirs else ''}; "
            f"here {len(tested.truth)} cells of {tested.lab} ({ours})."
        ]
    paper, table = source.partition("-")[0], published.table
    lines += [
        f"As printed; {' '.join(filter(None, (row, label.replace(ALL, ''), measure.strip('*'))))}: {fault}."
        for (name, where, row, label, measure), fault in CONTRADICTIONS.items()
        if name.lower() == paper and (where == table or paper == "course") and (not row or row in known)
    ]
    return tuple(lines)
