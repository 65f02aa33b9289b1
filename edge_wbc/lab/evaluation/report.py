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

__all__ = ["Picture", "figure_png", "png", "render_report"]


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
