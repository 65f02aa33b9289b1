"""Training curves of all networks side by side, as Raabin-WBC's Figure 9 has them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path

from matplotlib.figure import Figure

from edge_wbc.lab.evaluation.figures import LAB_STYLES
from edge_wbc.lab.training.curves import PANELS

__all__ = ["joined_curves", "read_curves"]

Curves = Mapping[str, list[dict[str, float]]]


def read_curves(runs: Mapping[str, Path]) -> Curves:
    """Name -> its epochs, of the runs' ``curves.csv``; runs that have none are left out."""
    found = {}
    for name, run in runs.items():
        file = run / "curves.csv"
        if file.is_file():
            with file.open(newline="", encoding="utf-8") as stream:
                found[name] = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(stream)]
    return found


def joined_curves(curves: Curves) -> bytes:
    """All of them as one CSV: a line a run and epoch."""
    stream = io.StringIO()
    head = dict.fromkeys(key for epochs in curves.values() for row in epochs for key in row)
    writer = csv.DictWriter(stream, ["run", *head], lineterminator="\n")
    writer.writeheader()
    for name, epochs in curves.items():
        writer.writerows({"run": name, **row} for row in epochs)
    return stream.getvalue().encode()


def curves_figure(curves: Curves) -> Figure:
    """Loss and accuracy over epochs, training above and validation below; one line a run, the first seed of each."""
    parts = ("train", "validation")
    figure = Figure(figsize=(11, 7), layout="constrained")
    grid = figure.subplots(2, 2, sharex=True)
    styles = dict(zip(curves, cycle(LAB_STYLES), strict=False))
    for row, part in enumerate(parts):
        for axes, (title, lines) in zip(grid[row], PANELS.items(), strict=True):
            for name, epochs in curves.items():
                colour, style, mark = styles[name]
                shown = [epoch[lines[part]] for epoch in epochs]
                places = [epoch["epoch"] for epoch in epochs]
                axes.plot(places, shown, color=colour, linestyle=style, marker=mark, markersize=3, label=name)
            axes.set_title(f"{title}, {part}", fontsize=10)
            axes.grid(alpha=0.3)
            axes.xaxis.get_major_locator().set_params(integer=True)
    for axes in grid[1]:
        axes.set_xlabel("epoch")
    figure.legend(
        *grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9
    )
    return figure
