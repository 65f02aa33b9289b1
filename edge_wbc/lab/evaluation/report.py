"""One self-contained HTML page of a whole loop: tables, pictures and curves, readable without a network."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import cv2
import jinja2
import numpy as np
from matplotlib.figure import Figure

__all__ = ["Picture", "confusion_figure", "contact_sheet", "figure_png", "render_report"]


@dataclass(frozen=True)
class Picture:
    """A PNG or JPEG with the words under it."""

    data: bytes
    caption: str

    @property
    def uri(self) -> str:
        """The picture as a data: address."""
        kind = "png" if self.data[:4] == b"\x89PNG" else "jpeg"
        return f"data:image/{kind};base64,{base64.b64encode(self.data).decode()}"


def figure_png(figure: Figure, dpi: int = 110) -> bytes:
    """A matplotlib figure as PNG."""
    stream = io.BytesIO()
    figure.savefig(stream, dpi=dpi, format="png", metadata={"Software": None})
    return stream.getvalue()


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


def contact_sheet(rows: Sequence[np.ndarray], names: Sequence[str], size: int = 96) -> bytes:
    """Rows of crops with their names at the left, as PNG.

    Args:
        rows: (n, S, S, 3) uint8 RGB each, all of one n.
    """
    lines = []
    for crops, name in zip(rows, names, strict=True):
        head = np.full((size, 110, 3), 255, np.uint8)
        cv2.putText(head, name, (2, size // 2 + 4), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (30, 30, 30), 1, cv2.LINE_AA)
        scaled = [cv2.resize(crop, (size, size), interpolation=cv2.INTER_LINEAR) for crop in crops]
        framed = [cv2.copyMakeBorder(crop, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(255, 255, 255)) for crop in scaled]
        lines.append(np.hstack([cv2.copyMakeBorder(head, 1, 1, 0, 0, cv2.BORDER_REPLICATE), *framed]))
    return png(np.vstack(lines))


def png(rgb: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB as PNG."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1])


def render_report(title: str, sections: Sequence[Mapping[str, Any]]) -> str:
    """The page.

    Args:
        sections: each with `title`, and as wanted `text` (paragraphs), `head` + `rows` (a table), with
            `colours` (of the rows' cells, "" for none), and `pictures`.
    """
    template = resources.files(__package__).joinpath("report.html.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(title=title, sections=sections)
