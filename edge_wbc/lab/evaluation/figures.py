"""The figures of a report. Colours are those of Okabe and Ito, which the colour-blind can tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from sklearn.metrics import precision_recall_curve

from edge_wbc.core.taxonomy import FIVE_CLASSES
from edge_wbc.lab.evaluation.calibration import Reliability
from edge_wbc.lab.evaluation.report import png

__all__ = [
    "confusion_figure",
    "contact_sheet",
    "embedding_figure",
    "mistakes_figure",
    "precision_recall_figure",
    "reliability_figure",
]

CLASS_COLOURS = dict(zip(FIVE_CLASSES, ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7"), strict=True))
OUTSIDE_COLOUR = "#555555"
LAB_STYLES: tuple[tuple[str, Any, str], ...] = (
    ("#000000", "-", "o"),
    ("#0072B2", "--", "^"),
    ("#D55E00", "-.", "s"),
    ("#009E73", ":", "D"),
    ("#CC79A7", (0, (5, 1)), "v"),
    ("#E69F00", (0, (3, 1, 1, 1)), "P"),
    ("#56B4E9", (0, (1, 1)), "X"),
)


def confusion_figure(results: Mapping[str, Mapping[str, Any]], columns: int) -> Figure:
    """Confusion matrices side by side, rows the truth; a cell holds its count, shaded by its share of the row.

    Args:
        results: title -> the object of ``evaluate --json``.
    """
    rows = -(-len(results) // columns)
    figure = Figure(figsize=(3.5 * columns, 3.6 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (title, result) in zip(grid, results.items(), strict=False):
        table = np.asarray(result["confusion"])
        short = [label[:5] for label in result["labels"]]
        axes.imshow(table / np.maximum(table.sum(1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(table):
            dark = count > 0.6 * max(table[row].sum(), 1)
            axes.text(column, row, str(count), ha="center", va="center", fontsize=9, color="w" if dark else "k")
        axes.set_xticks(range(len(short)), short)
        axes.set_yticks(range(len(short)), short)
        axes.set_title(f"{title}: {100 * result['accuracy']:.1f}%", fontsize=10)
        axes.tick_params(length=0, labelsize=8)
    for axes in grid[len(results) :]:
        axes.set_axis_off()
    grid[0].set_ylabel("truth")
    grid[0].set_xlabel("named")
    return figure


def precision_recall_figure(labs: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]]) -> Figure:
    """One panel a class, one line a lab: precision over recall of that class against the other white cells.

    Args:
        labs: name -> class -> (N,) bool, which white cells are of it, and their (N,) probability of it.
    """
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    grid = figure.subplots(2, 3).ravel()
    styles = dict(zip(labs, cycle(LAB_STYLES), strict=False))
    for axes, label in zip(grid, FIVE_CLASSES, strict=False):
        for name, (colour, style, _) in styles.items():
            if label in labs[name]:
                precision, recall, _ = precision_recall_curve(*labs[name][label])
                axes.step(recall, precision, where="post", color=colour, linestyle=style)
        axes.set_title(label, fontsize=11)
        axes.set_xlim(-0.01, 1.02)
        axes.set_ylim(-0.01, 1.02)
        axes.set_xlabel("recall")
        axes.set_ylabel("precision")
        axes.grid(alpha=0.3)
    grid[5].set_axis_off()
    lines = [Line2D([], [], color=colour, linestyle=style, label=name) for name, (colour, style, _) in styles.items()]
    grid[5].legend(handles=lines, loc="center", fontsize=11, frameon=False, handlelength=3)
    return figure


def reliability_figure(labs: Mapping[str, tuple[Reliability, Reliability]]) -> Figure:
    """Reliability diagrams: accuracy over score in each bin, before the temperature and after it.

    A point's size grows with the cells in its bin; on the diagonal a score means what it says.
    """
    columns = min(3, len(labs))
    rows = -(-len(labs) // columns)
    figure = Figure(figsize=(3.7 * columns, 4 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    styles = (("before", "#D55E00", "s"), ("after", "#0072B2", "o"))
    for axes, (name, pair) in zip(grid, labs.items(), strict=False):
        axes.plot((0, 1), (0, 1), color="#999999", linewidth=1, zorder=0)
        for found, (_, colour, marker) in zip(pair, styles, strict=True):
            held = found.cells > 0
            size = 12 + 160 * found.cells[held] / found.cells.sum()
            axes.plot(found.score[held], found.accuracy[held], color=colour, linewidth=1, alpha=0.35)
            axes.scatter(found.score[held], found.accuracy[held], size, colour, marker, alpha=0.75, linewidths=0)
        axes.set_title(f"{name}\nECE {pair[0].error:.3f} before, {pair[1].error:.3f} after", fontsize=10)
        axes.set_xlim(0, 1.04)
        axes.set_ylim(-0.04, 1.04)
        axes.set_aspect("equal")
        axes.grid(alpha=0.3)
        axes.set_xlabel("score")
        axes.set_ylabel("accuracy")
    for axes in grid[len(labs) :]:
        axes.set_axis_off()
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=f"{when} the temperature")
        for when, colour, marker in styles
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(2, columns), fontsize=10, frameon=False)
    return figure


def embedding_figure(maps: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Figure:
    """Maps side by side: each cell a point, its colour the true class, its marker the lab.

    Args:
        maps: title -> (N, 2) places, (N,) labels, (N,) names of labs.
    """
    names = list(dict.fromkeys(str(lab) for _, _, labs in maps.values() for lab in labs))
    markers = dict(zip(names, cycle(style[2] for style in LAB_STYLES), strict=False))
    figure = Figure(figsize=(5.5 * max(2, len(maps)), 6.2), layout="constrained")
    shown: set[str] = set()
    for axes, (title, (places, truth, labs)) in zip(
        np.atleast_1d(figure.subplots(1, len(maps))), maps.items(), strict=True
    ):
        kinds = np.where(np.isin(truth, FIVE_CLASSES), truth, "outside")
        shown |= set(kinds.tolist())
        for name, marker in markers.items():
            colours = [CLASS_COLOURS.get(kind, OUTSIDE_COLOUR) for kind in kinds[labs == name]]
            axes.scatter(*places[labs == name].T, 22, colours, marker, alpha=0.7, linewidths=0.3, edgecolors="w")
        axes.set_title(title, fontsize=11)
        axes.set_xticks([])
        axes.set_yticks([])
    coloured = {**CLASS_COLOURS, "outside": OUTSIDE_COLOUR}
    classes = [
        Line2D([], [], color=colour, marker="o", linestyle="", label="none of the five" if kind == "outside" else kind)
        for kind, colour in coloured.items()
        if kind in shown
    ]
    figure.legend(handles=classes, loc="outside lower center", ncols=len(classes), fontsize=10, frameon=False)
    labs_drawn = [Line2D([], [], color="k", marker=mark, linestyle="", label=name) for name, mark in markers.items()]
    figure.legend(handles=labs_drawn, loc="outside upper center", ncols=min(7, len(names)), fontsize=10, frameon=False)
    return figure


def mistakes_figure(rows: Mapping[str, Sequence[tuple[np.ndarray, str, str, float]]], columns: int = 8) -> Figure:
    """A contact sheet with one row a lab, each crop over what it is, what it was named, and with which score.

    Args:
        rows: lab -> (S, S, 3) uint8 RGB crops with truth, name and score, the worst first; at most `columns` are shown.
    """
    figure = Figure(figsize=(1.5 * columns, 2.15 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for line, (lab, cells) in zip(grid, rows.items(), strict=True):
        for axes in line:
            axes.set_axis_off()
        for axes, (crop, truth, named, score) in zip(line, cells, strict=False):
            axes.imshow(crop, interpolation="bilinear")
            axes.text(
                0.5, -0.04, _caption(truth, named, score), ha="center", va="top", transform=axes.transAxes, fontsize=9
            )
        line[0].set_title(lab, loc="left", fontsize=11)
    return figure


def _caption(truth: str, named: str, score: float) -> str:
    return f"{truth.replace('_', ' ')}\n→ {named.replace('_', ' ')} {score:.2f}"


def contact_sheet(rows: Sequence[np.ndarray], names: Sequence[str], size: int = 96, wide: int = 110) -> bytes:
    """Rows of crops with their names at the left, as PNG.

    Args:
        rows: (n, S, S, 3) uint8 RGB each, all of one n.
        size: a crop's side on the sheet, px.
        wide: room for the names, px.
    """
    lines = []
    for crops, name in zip(rows, names, strict=True):
        head = np.full((size, wide, 3), 255, np.uint8)
        cv2.putText(head, name, (2, size // 2 + 4), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (30, 30, 30), 1, cv2.LINE_AA)
        scaled = [cv2.resize(crop, (size, size), interpolation=cv2.INTER_LINEAR) for crop in crops]
        framed = [cv2.copyMakeBorder(crop, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(255, 255, 255)) for crop in scaled]
        lines.append(np.hstack([cv2.copyMakeBorder(head, 1, 1, 0, 0, cv2.BORDER_REPLICATE), *framed]))
    return png(np.vstack(lines))
