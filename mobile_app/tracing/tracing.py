"""One cell's outline while it is drawn: a threshold below, a person's strokes above it, all of it undone exactly.

A pixel is one byte of bits: what the threshold and the proposal say of it, and what a hand has said. The hand wins, so
the slider may move after the brush. The picture is a table of 256 entries over these bytes, in which no nucleus can
lie outside its cell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Optional, Tuple

import cv2
import numpy as np

from edge_wbc.core.easy_gt import A, magenta_map, nucleus_above, thresholds
from edge_wbc.core.errors import BadInput
from edge_wbc.core.masks import CYTOPLASM, NUCLEUS
from edge_wbc.core.whole_cell import not_glass, settle
from mobile_app.tracing.outline import BY_HAND, EASY_GT, LARGEST, NONE, Facts, Outline

__all__ = ["MEMORY", "TOOLS", "Tracing"]

_NUCLEUS, _NO_NUCLEUS, _CELL, _NO_CELL, _FOUND_NUCLEUS, _FOUND_CELL = (1 << bit for bit in range(6))
_PUT = {
    "nucleus": (_NUCLEUS, _NO_NUCLEUS | _NO_CELL),
    "no_nucleus": (_NO_NUCLEUS, _NUCLEUS),
    "cell": (_CELL, _NO_CELL),
    "no_cell": (_NO_CELL, _NUCLEUS | _CELL),
}
TOOLS = tuple(_PUT)
"""Brush and eraser of the nucleus, brush and eraser of the cell."""
_THINNEST = 0.71  # reaches the middle of a pixel from anywhere in it
MEMORY = 8 << 20
"""Bytes that may be undone; beyond them the oldest acts stand for good."""


def _table() -> np.ndarray:
    said = np.arange(256)
    nucleus = (said & _NUCLEUS > 0) | ((said & _FOUND_NUCLEUS > 0) & (said & _NO_NUCLEUS == 0))
    cell = nucleus | (said & (_CELL | _FOUND_CELL) > 0)
    table = np.select([said & _NO_CELL > 0, nucleus, cell], [0, NUCLEUS, CYTOPLASM], 0)
    return table.astype(np.uint8)


_PICTURE = _table()


@dataclass(frozen=True, eq=False)
class _Act:
    """What changed, as bits that flip in a rectangle, and the facts on either side of it."""

    top: int
    left: int
    flips: np.ndarray
    before: Facts
    after: Facts


class Tracing:
    """One crop's outline.

    Between `begin` and `finish` or `cancel` everything is one act, such as one stroke or one drag of the slider.

    Args:
        crop: (H, W, 3) uint8 RGB.
        kept: what is on the disk, of the crop's size; the threshold's nucleus stands there otherwise, which is not
            kept before the person has done something.
        whole: the cell alone, without a nucleus, as Raabin-WBC has basophils.

    Raises:
        BadInput: larger than `LARGEST` on a side, or not of three channels of 8 bits; or `kept` is of another size.

    Attributes:
        start: the threshold that Easy-GT takes without a hand.
        kept: whether there is an outline on the disk.
        unsaved: whether something was done since it was told so.
    """

    def __init__(self, crop: np.ndarray, kept: Optional[Outline] = None, whole: bool = False) -> None:
        if max(crop.shape[:2]) > LARGEST:
            size = f"{crop.shape[1]} x {crop.shape[0]}"
            raise BadInput("crop", f"{size} pixels are no crop of one cell", "cut its cells out first: edge-wbc find")
        self.crop, self.whole = np.ascontiguousarray(crop), whole
        self._map = magenta_map(self.crop)
        self.start = round(thresholds(self._map).between(A))
        self._said: np.ndarray = np.zeros(crop.shape[:2], np.uint8)
        self._facts = Facts(NONE if whole else BY_HAND)
        self._done: List[_Act] = []
        self._undone: List[_Act] = []
        self._held = 0
        self._begun: Optional[Tuple[np.ndarray, Facts]] = None
        self._stands = self.kept = kept is not None
        self.unsaved = False
        if kept is not None:
            self._take_up(kept)
        elif not whole:
            self._threshold(self.start)

    def _take_up(self, kept: Outline) -> None:
        """Splits a kept picture into what its threshold says and what a hand has said, so that both go on."""
        picture = kept.picture
        if picture.shape != self._said.shape:
            sizes = f"{picture.shape[1]} x {picture.shape[0]} for a crop of {self.crop.shape[1]} x {self.crop.shape[0]}"
            raise BadInput("mask", f"is of {sizes}", "remove it, or put back the crop that it was drawn on")
        nucleus, cell = (picture == NUCLEUS) & (not self.whole), picture > 0
        self._facts = replace(kept.facts, nucleus=NONE, threshold=None) if self.whole else kept.facts
        self._said[nucleus] = _FOUND_NUCLEUS
        if self._facts.threshold is not None:
            self._threshold(self._facts.threshold)
            above = self._said & _FOUND_NUCLEUS > 0
            self._said[nucleus & ~above] |= _NUCLEUS
            self._said[~nucleus & above] |= _NO_NUCLEUS
        # A nucleus in its cytoplasm is cell when it shrinks; a speck of the threshold's beside the cell is not.
        count, pieces = cv2.connectedComponents(cell.astype(np.uint8))
        with_cytoplasm = np.zeros(count, bool)
        with_cytoplasm[pieces[cell & ~nucleus]] = True
        self._said[with_cytoplasm[pieces]] |= _FOUND_CELL

    # What there is

    @property
    def picture(self) -> np.ndarray:
        """(H, W) uint8: 255 nucleus, 128 cytoplasm, 0 rest."""
        return cv2.LUT(self._said, _PICTURE)

    @property
    def threshold(self) -> Optional[int]:
        """The threshold in use, or None where the nucleus comes from elsewhere."""
        return self._facts.threshold

    @property
    def strokes(self) -> int:
        """Strokes of brush and eraser that stand."""
        return self._facts.strokes

    @property
    def undoable(self) -> Tuple[bool, bool]:
        """Whether there is something to undo, and something to redo."""
        return bool(self._done), bool(self._undone)

    @property
    def held(self) -> int:
        """Bytes that undoing takes."""
        return self._held

    def outline(self, person: str, at: float) -> Optional[Outline]:
        """What is to be kept; None where nothing was done, or nothing is left, which is no outline."""
        picture = self.picture
        if not (self._stands or self._done) or not picture.any():
            return None
        return Outline(picture, person, self._facts, at)

    def saved(self, kept: bool) -> None:
        """What is drawn is on the disk; or, where there is nothing to keep, nothing is."""
        self.kept, self.unsaved = kept, False

    # Acts

    @property
    def acting(self) -> bool:
        """Whether an act has begun and not ended."""
        return self._begun is not None

    def begin(self) -> None:
        """Begins an act; one that was begun already is finished first."""
        self.finish()
        self._begun = self._said.copy(), self._facts

    def finish(self) -> bool:
        """Ends the act that was begun; whether it changed anything."""
        if self._begun is None:
            return False
        (before, facts), self._begun = self._begun, None
        flips = before ^ self._said
        left, top, width, height = cv2.boundingRect(flips)
        if not width and replace(self._facts, strokes=facts.strokes) == facts:
            self._facts = facts
            return False
        part = flips[top : top + height, left : left + width].copy()
        self._held -= sum(act.flips.nbytes for act in self._undone)
        self._undone.clear()
        self._done.append(_Act(top, left, part, facts, self._facts))
        self._held += part.nbytes
        while self._held > MEMORY and len(self._done) > 1:
            self._held -= self._done.pop(0).flips.nbytes
            self._stands = True  # what cannot be undone any more stays
        self.unsaved = True
        return True

    def cancel(self) -> None:
        """Takes the act back that was begun, as if it had never been."""
        if self._begun is not None:
            (self._said, self._facts), self._begun = self._begun, None

    def slide(self, threshold: int) -> None:
        """Takes what is above a threshold of 0 to 255 for nucleus; what a hand has said stays. Within an act."""
        if not self.whole:
            self._threshold(threshold)

    def _threshold(self, threshold: int) -> None:
        self._said &= 255 - _FOUND_NUCLEUS
        self._said[nucleus_above(self._map, threshold)] |= _FOUND_NUCLEUS
        self._facts = replace(self._facts, nucleus=EASY_GT, threshold=int(threshold))

    def draw(self, tool: str, radius: float, start: Tuple[float, float], end: Tuple[float, float]) -> None:
        """Draws a round brush or eraser along a line. Within an act, which is one stroke however many lines it has.

        Args:
            tool: one of `TOOLS`; a nucleus's does nothing where only the cell is wanted.
            radius: in pixels of the crop; no thinner than one pixel.
            start, end: x and y in pixels of the crop; they may lie outside it.
        """
        if self.whole and tool.endswith("nucleus"):
            return
        put, gone = _PUT[tool]
        height, width = self._said.shape
        reach = int(radius) + 2
        left, right = (int(way(start[0], end[0])) + by for way, by in ((min, -reach), (max, reach + 1)))
        top, bottom = (int(way(start[1], end[1])) + by for way, by in ((min, -reach), (max, reach + 1)))
        left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
        if left >= right or top >= bottom:
            return
        part = self._said[top:bottom, left:right]
        # A pixel is met where its middle is: distances to the line, which OpenCV's thick lines keep only roughly.
        y, x = np.arange(top, bottom)[:, None] + 0.5, np.arange(left, right) + 0.5
        dx, dy = end[0] - start[0], end[1] - start[1]
        along = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
        met = (x - start[0] - along * dx) ** 2 + (y - start[1] - along * dy) ** 2 <= max(radius, _THINNEST) ** 2
        part[met] = (part[met] & (255 - gone)) | put
        if self._begun is not None and self._facts.strokes == self._begun[1].strokes:
            self._facts = replace(self._facts, strokes=self._facts.strokes + 1)

    def propose(self) -> None:
        """Takes the whole cell that is found round the nucleus as it is drawn; what a hand has said stays. An act.

        Raises:
            BadInput: none is found, or no telling which; nothing is changed.
        """
        nucleus = self.picture == NUCLEUS
        if not nucleus.any():
            nucleus = self._map > self.start
        cell = settle(self.crop, self._map, nucleus, not_glass(self.crop, nucleus)).cell
        if not cell.any():
            raise BadInput("cell", "none is found here", "move the slider, or draw it by hand")
        self.begin()
        self._said &= 255 - _FOUND_CELL
        self._said[cell] |= _FOUND_CELL
        self._facts = replace(self._facts, cell=EASY_GT)
        self.finish()

    def undo(self) -> bool:
        """Takes the latest act back; whether there was one."""
        return self._turn(self._done, self._undone, back=True)

    def redo(self) -> bool:
        """Does again what was undone last; whether there was something."""
        return self._turn(self._undone, self._done, back=False)

    def _turn(self, source: List[_Act], target: List[_Act], back: bool) -> bool:
        self.finish()
        if not source:
            return False
        act = source.pop()
        target.append(act)
        height, width = act.flips.shape
        self._said[act.top : act.top + height, act.left : act.left + width] ^= act.flips
        self._facts = act.before if back else act.after
        self.unsaved = True
        return True
