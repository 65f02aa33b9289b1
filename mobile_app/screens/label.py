"""Label crops: one cell large, twelve big buttons in fixed places; a tap is on the disk before the next cell shows."""

from __future__ import annotations

from typing import Any, Optional

from kivy.clock import Clock
from kivy.properties import BooleanProperty, StringProperty

from edge_wbc.core.errors import BadInput
from mobile_app.session.rows import MarkedCell
from mobile_app.widgets.alert import alert
from mobile_app.widgets.field_view import texture_of
from mobile_app.widgets.labels import KEYS
from mobile_app.widgets.page import LEFT, RIGHT, Page

__all__ = ["LabelScreen"]

AHEAD_S = 0.05
SIDES = 240, 720  # of the picture, as large as it is shown within these


class LabelScreen(Page):
    """What the open session's expert says of its cells."""

    heading = StringProperty("")
    suggestion = StringProperty("")
    confirmed = StringProperty("")
    can_undo = BooleanProperty(False)
    can_redo = BooleanProperty(False)

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self.cell: Optional[int] = None

    def refresh(self) -> None:
        """Shows where the expert stopped."""
        self.ids.labels.tell(self.app.words)
        self.app.do(self._resume)

    def _resume(self) -> None:
        session = self.app.desk.session
        if session is None:
            self._show(None)
            return
        if self.cell is None or not _there(session, self.cell) or session.cell(self.cell).label is not None:
            self.cell = session.next_unlabelled() or self.cell or session.next_cell()
        self._show(self.cell)

    def vote(self, name: str) -> None:
        """Labels the cell that is shown and goes on to the next without a label; a tone where that is the target."""
        if self.cell is None:
            return
        session = self.app.desk.open
        before = session.cell(self.cell).label
        session.vote(self.cell, name)
        self._show(session.next_unlabelled(self.cell) or self.cell)
        if self.app.desk.reaches(before, name):
            self.heading += f" · {self.app.words('tally.reached')}"
            alert()

    def step(self, way: int) -> None:
        """Goes to the next cell, or the one before, labelled or not."""
        self.app.do(self._step, way)

    def _step(self, way: int) -> None:
        session = self.app.desk.open
        at = self.cell or 0
        there = session.next_cell(at) if way > 0 else session.previous_cell(at)
        self._show(there or self.cell)

    def undo(self) -> None:
        """Undoes the latest act and shows its cell."""
        self.app.do(self._turn, True)

    def redo(self) -> None:
        """Does again what was undone."""
        self.app.do(self._turn, False)

    def _turn(self, back: bool) -> None:
        session = self.app.desk.open
        act = session.undo() if back else session.redo()
        there = act.cell if act is not None and act.cell and _there(session, act.cell) else self.cell
        self._show(there if there and _there(session, there) else session.next_cell())

    def outline(self) -> None:
        """Goes to where the cell that is shown is outlined."""
        self.app.screens.get_screen("outline").cell = self.cell
        self.app.go("outline")

    def key(self, key: int, text: Optional[str], ctrl: bool) -> bool:
        """A key of a desktop's keyboard; whether it meant something here."""
        if ctrl and key in (ord("z"), ord("y")):
            self.undo() if key == ord("z") else self.redo()
        elif key in (RIGHT, LEFT):
            self.step(1 if key == RIGHT else -1)
        elif not ctrl and text in KEYS:
            self.app.do(self.vote, KEYS[text])
        else:
            return False
        return True

    def _show(self, cell: Optional[int]) -> None:
        words, session = self.app.words, self.app.desk.session
        self.cell = cell
        self.can_undo, self.can_redo = session.undoable() if session else (False, False)
        if session is None or cell is None:
            self.heading = words("label.empty" if session else "capture.nosession")
            self.suggestion = self.confirmed = ""
            self.ids.picture.texture = None
            self.ids.labels.chosen = ""
            return
        shown: MarkedCell = session.cell(cell)
        done, total = session.progress()
        key = "label.title" if done < total else "label.alldone"
        self.heading = words(key, number=session.place_of(cell), done=done, total=total)
        said = shown.suggestion
        self.suggestion = (
            words("label.suggestion", label=words.label(said.label), score=round(100 * said.score))
            if said
            else words("label.nosuggestion")
        )
        self.confirmed = (
            words("label.confirmed", label=words.label(shown.label)) if shown.label else words("label.unconfirmed")
        )
        self.ids.labels.chosen = shown.label or ""
        side = round(min(max(min(self.ids.picture.size), SIDES[0]), SIDES[1]))
        self.ids.picture.texture = None  # no other cell's picture stands here, though this one's be unreadable
        self.ids.picture.texture = texture_of(self.app.desk.picture(shown, side))
        Clock.unschedule(self._look_ahead)
        Clock.schedule_once(self._look_ahead, AHEAD_S)

    def _look_ahead(self, _: float) -> None:
        """A large photograph takes longer to read than a tap may: the next one is read while this cell is looked at."""
        session = self.app.desk.session if self.app is not None else None
        following = session.next_unlabelled(self.cell) if session is not None and self.cell is not None else None
        if following is not None:
            self.app.desk.look_ahead(following)


def _there(session: Any, cell: int) -> bool:
    try:
        session.cell(cell)
    except BadInput:
        return False
    return True
