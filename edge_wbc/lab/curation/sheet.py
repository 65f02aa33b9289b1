"""Contact sheets: what was merged, a row for each cell, the photograph that stays first and framed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

__all__ = ["Tile", "draw_sheets"]

_SIDE, _GAP, _LINE, _MARGIN = 128, 12, 15, 16
_WORDS = 22  # that fit below a tile
_BLACK, _GREY, _KEPT = (27, 31, 36), (100, 108, 118), (26, 127, 55)


@dataclass(frozen=True)
class Tile:
    """One crop with the lines below it.

    Attributes:
        rgb: (H, W, 3) uint8.
        name: of the cell; its last part is shown.
        words: its distances from the first of the row, or why it stays.
    """

    rgb: np.ndarray
    name: str
    words: str


def draw_sheets(
    rows: Sequence[Sequence[Tile]], title: str, rows_a_sheet: int = 10, columns: int = 7
) -> list[np.ndarray]:
    """Pages of (H, W, 3) uint8 RGB.

    Args:
        rows: of each component the kept one first; beyond `columns` tiles the rest is counted, not drawn.
    """
    pages = [rows[start : start + rows_a_sheet] for start in range(0, len(rows), rows_a_sheet)]
    return [_page(page, f"{title}, page {number} of {len(pages)}", columns) for number, page in enumerate(pages, 1)]


def _page(rows: Sequence[Sequence[Tile]], title: str, columns: int) -> np.ndarray:
    across = min(columns, max(len(row) for row in rows))
    high, head = _SIDE + 2 * _LINE + 2 * _GAP, 3 * _LINE
    wide = max(2 * _MARGIN + across * (_SIDE + _GAP) + 70, 520)
    page = np.full((head + len(rows) * high + _MARGIN, wide, 3), 255, np.uint8)
    _write(page, title, (_MARGIN, 20), _BLACK, 0.5)
    _write(page, "first: stays; A, P: bits that AHash, PHash differ by; r: correlation", (_MARGIN, 37), _GREY)
    for number, row in enumerate(rows):
        top = head + number * high + _GAP
        shown = row[:columns]
        for column, tile in enumerate(shown):
            left = _MARGIN + column * (_SIDE + _GAP)
            page[top : top + _SIDE, left : left + _SIDE] = _fitted(tile.rgb)
            if column == 0:
                cv2.rectangle(page, (left - 4, top - 4), (left + _SIDE + 3, top + _SIDE + 3), _KEPT, 3)
            name = tile.name.rpartition("/")[2]
            name = name if len(name) <= _WORDS else "..." + name[3 - _WORDS :]
            _write(page, name, (left, top + _SIDE + _LINE + 2), _BLACK)
            _write(page, tile.words, (left, top + _SIDE + 2 * _LINE + 2), _GREY if column else _KEPT)
        if len(row) > columns:
            left = _MARGIN + columns * (_SIDE + _GAP)
            _write(page, f"+ {len(row) - columns} more", (left, top + _SIDE // 2), _GREY)
    return page


def _fitted(rgb: np.ndarray) -> np.ndarray:
    """Scaled into a square tile, its shape kept."""
    scale = _SIDE / max(rgb.shape[:2])
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    scaled = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    tile = np.full((_SIDE, _SIDE, 3), 235, np.uint8)
    top, left = (_SIDE - size[1]) // 2, (_SIDE - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = scaled
    return tile


def _write(page: np.ndarray, words: str, at: tuple[int, int], colour: tuple[int, int, int], size: float = 0.36) -> None:
    plain = words.encode("ascii", "replace").decode()  # OpenCV's letters are ASCII
    cv2.putText(page, plain, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
