"""Outline: nucleus and cell to the pixel, by a threshold, a proposal and a finger; kept at every stroke."""

from __future__ import annotations

import time
from typing import Any, Dict, Optional, Tuple

from kivy.properties import BooleanProperty, NumericProperty, StringProperty

from edge_wbc.core.errors import BadInput
from edge_wbc.core.taxonomy import five_class, label_from_name
from mobile_app.faults import LRI, PDI
from mobile_app.tracing.tracing import TOOLS, Tracing
from mobile_app.widgets import level, trace_view  # noqa: F401  registers Level and TraceView for the .kv file
from mobile_app.widgets.page import LEFT, RIGHT, Page

__all__ = ["KEYS", "OutlineScreen"]

CLOSE = 3.0
BRUSHES = (1 / 256, 1 / 96, 1 / 48, 1 / 24, 1 / 12)
"""Radii, as shares of the crop's longer side; on the screen they grow with the zoom."""
KEYS: Dict[str, str] = dict(zip("1234", TOOLS))
STEP = 1  # of the threshold by a key


class OutlineScreen(Page):
    """One cell of the open session, or one crop of a folder, of which each act is on the disk when it has ended."""

    heading = StringProperty("")
    told = StringProperty("")
    tool = StringProperty(TOOLS[0])
    brush = NumericProperty(2)
    threshold = NumericProperty(0)
    whole = BooleanProperty(False)
    ready = BooleanProperty(False)
    named = BooleanProperty(True)
    near = BooleanProperty(False)
    can_undo = BooleanProperty(False)
    can_redo = BooleanProperty(False)

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self.cell: Optional[int] = None
        self._source: Any = None  # of the open session, or of a folder
        self._tracing: Optional[Tracing] = None
        self._shown: Tuple[Any, ...] = ()
        self._called = ""

    def refresh(self) -> None:
        """Shows the cell that was asked for or shown last, or the first without an outline."""
        view = self.ids.view
        view.on_line, view.on_lifted = self._line, self._lifted
        self.named = bool(self.app.desk.expert)
        self.app.do(self._to, self.cell)

    def on_leave(self, *_: Any) -> None:
        """Keeps what a finger was still drawing; where that fails the next screen says so."""
        if self.app is not None:
            try:
                self._keep()
            except BadInput as fault:
                self.app.desk.faults.append(fault)

    def _to(self, cell: Optional[int]) -> None:
        """Shows a cell; where it is not there any more, the first without an outline."""
        desk, words, view = self.app.desk, self.app.words, self.ids.view
        source = self._source = desk.outlines()
        total = source.progress()[1] if source is not None else 0
        if source is None or not total:
            self.cell, self._tracing, self._shown, self.ready = None, None, (), False
            self.can_undo, self.can_redo, self.whole = False, False, False
            self.heading = words("label.empty" if source is not None else "capture.nosession")
            self.told = ""
            view.show(None)
            return
        there = cell is not None and source.next_cell(cell - 1) == cell
        self.cell = cell if there else source.next_open() or source.next_cell()
        assert self.cell is not None
        whole = _basophil(source.label(self.cell))
        shown = (*source.whose, self.cell, whole)
        if self._shown != shown:
            self._tracing, self._shown, self.ready = None, (), False
            view.show(None)
            self._show()  # nothing of another cell stands here, though this one be unreadable
            crop = source.crop(self.cell)
            view.show(crop)
            view.look_at(crop.shape[1] / 2, crop.shape[0] / 2, 1.0)
            self._tracing, self.near = Tracing(crop, source.kept(self.cell), whole), False
            self._shown, self.whole = shown, whole
            self.ready = view.draws = True
            if whole and self.tool.endswith("nucleus"):
                self.tool = "cell"
        self._called = self._calls(self.cell)
        self._thick()
        self._show()

    def _calls(self, cell: int) -> str:
        """What a cell is called: its file's name, its label."""
        words, title, label = self.app.words, self._source.title(cell), self._source.label(cell)
        # A file's name keeps its letters' order in a line that runs the other way.
        name = f"{LRI}{title}{PDI}" if title and words.rtl else title
        return " · ".join(filter(None, (name, words.texts.get(f"label.{label}", label))))

    def _show(self) -> None:
        """Which cell this is, and what is drawn."""
        done, total = self._source.progress()
        place = self._source.place_of(self.cell)
        self.heading = self.app.words("outline.heading", number=place, total=total, done=done)
        self._draw()

    def _draw(self) -> None:
        """What is drawn, and whether it is on the disk; at every move of a finger."""
        words, tracing = self.app.words, self._tracing
        if tracing is None:
            self.told, self.can_undo, self.can_redo = "", False, False
            self.ids.view.lay(None)
            return
        self.ids.view.lay(tracing.picture)
        self.can_undo, self.can_redo = tracing.undoable
        self.threshold = tracing.threshold if tracing.threshold is not None else tracing.start
        kept = "unsaved" if tracing.unsaved or tracing.acting else "saved" if tracing.kept else "untouched"
        whole = words("outline.whole") if self.whole else ""
        self.told = " · ".join(filter(None, (self._called, whole, words(f"outline.{kept}"))))

    def _keep(self) -> None:
        """Ends the act that is going on and puts what was done on the disk."""
        tracing = self._tracing
        if tracing is None:
            return
        tracing.finish()
        if tracing.unsaved:
            self._draw()
            outline = tracing.outline(self._source.person, time.time())
            self._source.keep(self.cell, outline)
            tracing.saved(outline is not None)
        self._show()

    # Fingers

    def _line(self, x0: float, y0: float, x1: float, y1: float) -> None:
        tracing = self._tracing
        if tracing is not None:
            if not tracing.acting:
                tracing.begin()
            tracing.draw(self.tool, self.ids.view.radius, (x0, y0), (x1, y1))
            self._draw()

    def _lifted(self, done: bool) -> None:
        if self._tracing is not None:
            if not done:
                self._tracing.cancel()
            self.app.do(self._keep)

    def slide(self, threshold: float) -> None:
        """The slider stands elsewhere: the nucleus follows at once; it is kept when the finger lifts."""
        tracing = self._tracing
        if tracing is None or round(threshold) == round(self.threshold):
            return
        if not tracing.acting:
            tracing.begin()
        tracing.slide(round(threshold))
        self._draw()

    def slid(self) -> None:
        """The finger has left the slider."""
        self.app.do(self._keep)

    # Buttons

    def thick(self, way: int) -> None:
        """A thicker brush, or a thinner one."""
        self.brush = min(max(self.brush + way, 0), len(BRUSHES) - 1)
        self._thick()
        if self.ready:
            self.ids.view.show_brush()

    def _thick(self) -> None:
        if self._tracing is not None:
            self.ids.view.radius = BRUSHES[self.brush] * max(self._tracing.crop.shape[:2])

    def propose(self) -> None:
        """Draws the cell that a method finds."""
        if self._tracing is not None:
            self.app.do(self._propose, self._tracing)

    def _propose(self, tracing: Tracing) -> None:
        tracing.finish()
        tracing.propose()
        self._keep()

    def turn(self, back: bool) -> None:
        """Undoes the latest act on this cell, or does it again."""
        if self._tracing is not None:
            self._tracing.undo() if back else self._tracing.redo()
            self.app.do(self._keep)

    def step(self, way: int) -> None:
        """Goes to the next cell, or the one before; stays where what was drawn cannot be kept."""
        if self.cell is not None:
            self.app.do(self._step, way)

    def _step(self, way: int) -> None:
        self._keep()
        source = self._source
        there = source.next_cell(self.cell) if way > 0 else source.previous_cell(self.cell)
        if there is not None:
            self._to(there)

    def zoom(self) -> None:
        """Goes near the middle, and back."""
        if self._tracing is not None:
            height, width = self._tracing.crop.shape[:2]
            self.near = self.ids.view.zoom < CLOSE / 2
            self.ids.view.look_at(width / 2, height / 2, CLOSE if self.near else 1.0)

    def sign(self, name: str) -> None:
        """Whoever draws has typed a name."""
        self.app.do(self.app.desk.sign, name)
        self.refresh()

    def key(self, key: int, text: Optional[str], ctrl: bool) -> bool:
        """A key of a desktop's keyboard; whether it meant something here."""
        if ctrl and key in (ord("z"), ord("y")):
            self.turn(key == ord("z"))
        elif key in (RIGHT, LEFT):
            self.step(1 if key == RIGHT else -1)
        elif text in ("[", "]"):
            self.thick(1 if text == "]" else -1)
        elif text in ("-", "="):
            if self.ready and not self.whole:
                self.slide(min(max(self.threshold + (STEP if text == "=" else -STEP), 0), 255))
                self.slid()
        elif not ctrl and text == "p":
            self.propose()
        elif not ctrl and text == "z":
            self.zoom()
        elif not ctrl and text in KEYS:
            if not (self.whole and text in "12"):
                self.tool = KEYS[text]
        else:
            return False
        return True


def _basophil(label: str) -> bool:
    """Whether a label, in whatever spelling, is the basophil's; one that nobody knows is not."""
    try:
        return bool(label) and five_class(label_from_name(label)) == "basophil"
    except BadInput:
        return False
