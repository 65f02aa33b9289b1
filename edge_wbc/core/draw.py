"""Boxes, labels and scores drawn on a photograph, readable at the size a person sees it."""

from __future__ import annotations

from typing import Dict, Sequence, Tuple

import cv2
import numpy as np

from edge_wbc.core.reading import NamedCell

__all__ = ["COLOURS", "draw_cells"]

# Okabe and Ito's palette: told apart by the colour-blind; the label is written too, colour is never the only sign.
COLOURS: Dict[str, Tuple[int, int, int]] = {
    "neutrophil": (0, 114, 178),
    "lymphocyte": (0, 158, 115),
    "monocyte": (213, 94, 0),
    "eosinophil": (204, 61, 120),
    "basophil": (80, 60, 160),
}
_OTHER = (90, 90, 90)


def draw_cells(rgb: np.ndarray, cells: Sequence[NamedCell]) -> np.ndarray:
    """A copy of a photograph with each cell boxed and named; a "?" marks the uncertain.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        (H, W, 3) uint8.
    """
    drawn = rgb.copy()
    height, width = drawn.shape[:2]
    scale = max(0.4, min(height, width) / 900)
    thick = max(1, round(2.2 * scale))
    for cell in cells:
        colour = COLOURS.get(cell.label, _OTHER)
        x0, y0, x1, y1 = cell.box
        cv2.rectangle(drawn, (x0, y0), (x1 - 1, y1 - 1), colour, thick)
        text = f"{cell.label}{'?' if cell.uncertain else ''} {100 * cell.score:.0f}%"
        (wide, high), under = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
        pad = round(6 * scale)
        left = min(max(0, x0), max(0, width - wide - 2 * pad))
        top = y0 - high - under - pad if y0 - high - under - pad >= 0 else min(y1, height - high - under - pad)
        cv2.rectangle(drawn, (left, top), (left + wide + 2 * pad, top + high + under + pad), colour, cv2.FILLED)
        cv2.putText(
            drawn,
            text,
            (left + pad, top + high + pad),
            cv2.FONT_HERSHEY_SIMPLEX,
            scale,
            (255, 255, 255),
            thick,
            cv2.LINE_AA,
        )
    return drawn
