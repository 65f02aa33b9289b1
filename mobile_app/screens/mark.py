"""Mark field: cells placed, moved, sized, removed and named by hand on a photograph that was kept."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from kivy.metrics import dp
from kivy.properties import BooleanProperty, StringProperty

from edge_wbc.core.records import Box
from mobile_app.marking import box_at, cell_at, grown, shifted, side_of
from mobile_app.session.rows import MarkedCell, TakenField
from mobile_app.widgets.alert import alert
from mobile_app.widgets.field_view import Mark
from mobile_app.widgets.labels import KEYS
from mobile_app.widgets.page import LEFT, RIGHT, Page

__all__ = ["MarkScreen"]

CLOSE = 3.0
STEP = 1.15
SLACK = 8  # dp beside a box that a finger may miss it by
DELETE = 127


class MarkScreen(Page):
    """One field of the open session with its cells; what is done to them is on the disk when it shows."""

    heading = StringProperty("")
    told = StringProperty("")
    naming = BooleanProperty(False)
    chosen = BooleanProperty(False)
    near = BooleanProperty(False)
    can_undo = BooleanProperty(False)
    can_redo = BooleanProperty(False)

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self._field: Optional[TakenField] = None
        self._cells: List[MarkedCell] = []
        self._cell: Optional[int] = None
        self._shown: Optional[Tuple[int, int]] = None
        self._place = (0, 0)

    def refresh(self) -> None:
        """Shows the field that was shown last, or the session's first."""
        view = self.ids.view
        view.on_tap, view.holds, view.on_drag = self._tapped, self._holds, self._dragged
        self.ids.labels.tell(self.app.words)
        self.naming = False
        self.app.do(self._to, self._field.id if self._field is not None else None)

    def _to(self, field: Optional[int], cell: Optional[int] = None) -> None:
        """Shows a field; where it is not there any more, the session's first."""
        desk = self.app.desk
        numbers = [one.id for one in desk.session.fields(limit=-1)] if desk.session is not None else []
        if not numbers:
            self._field, self._cells, self._cell, self._shown = None, [], None, None
            self.chosen, self.can_undo, self.can_redo = False, False, False
            self.heading = self.app.words("label.empty" if desk.session is not None else "capture.nosession")
            self.told = ""
            self.ids.view.show(None)
            return
        number: int = field if field is not None and field in numbers else numbers[0]
        self._field, self._cell = desk.open.field(number), cell
        self._place = numbers.index(number) + 1, len(numbers)
        asked = (int(desk.open.id), number)
        if self._shown != asked:
            # Boxes of another field never stand over this one, though its photograph be unreadable.
            self._shown = None
            self.ids.view.show(None)
            self._show()
            self.ids.view.show(desk.photograph(number))
            self._shown, self.near = asked, False
        self._show()

    def _show(self, moved: Optional[Box] = None) -> None:
        """The field's cells as the disk has them, the chosen one where it is being moved to."""
        words, session = self.app.words, self.app.desk.open
        field = self._now()
        self._cells = session.cells(field.id, limit=-1)
        numbers = [one.id for one in self._cells]
        at = numbers.index(self._cell) if self._cell in numbers else None
        self._cell = numbers[at] if at is not None else None
        self.chosen = at is not None
        marks: List[Mark] = []
        for place, one in enumerate(self._cells):
            box = moved if moved is not None and place == at else one.cell.box
            marks.append((box, words.label(one.label) if one.label else "", False))
        self.ids.view.mark(marks, at)
        self.heading = words("mark.heading", number=self._place[0], total=self._place[1], cells=len(numbers))
        label = self._cells[at].label if at is not None else None
        self.told = (
            words("mark.hint")
            if at is None
            else words("label.confirmed", label=words.label(label))
            if label
            else words("label.unconfirmed")
        )
        self.ids.labels.chosen = label or ""
        self.can_undo, self.can_redo = session.undoable()

    def _now(self) -> TakenField:
        assert self._field is not None
        return self._field

    @property
    def _size(self) -> Tuple[int, int]:
        return self._now().record.width, self._now().record.height

    def _held(self) -> Optional[MarkedCell]:
        return next((one for one in self._cells if one.id == self._cell), None)

    # Fingers

    def _slack(self) -> float:
        view = self.ids.view
        return dp(SLACK) * (view.to_photograph(1, 0)[0] - view.to_photograph(0, 0)[0])

    def _tapped(self, x: float, y: float) -> None:
        self.app.do(self._tap, x, y)

    def _tap(self, x: float, y: float) -> None:
        """Chooses the cell that is meant; on an empty place, puts one there."""
        width, height = self._size
        if not (0 <= x < width and 0 <= y < height):
            return
        meant = cell_at(self._cells, x, y, self._slack())
        if meant is not None:
            self._cell = meant.id
        else:
            side = side_of(self._cells, self._now().record.um_per_px)
            self._cell = self.app.desk.open.place(self._now().id, box_at(x, y, side, self._size))
        self._show()

    def _holds(self, x: float, y: float) -> bool:
        held = self._held()
        return held is not None and cell_at([held], x, y, self._slack()) is not None

    def _dragged(self, dx: float, dy: float, left: bool) -> None:
        held = self._held()
        if held is None:
            return
        box = shifted(held.cell.box, dx, dy, self._size)
        if left:
            self.app.do(self._put, box)
            self._show()  # where it is refused, it goes back
        else:
            self._show(box)

    def _put(self, box: Box) -> None:
        if self._cell is not None:
            self.app.desk.open.move(self._cell, box)
            self._show()

    # Buttons

    def size_by(self, way: int) -> None:
        """Makes the chosen cell's box larger or smaller."""
        held = self._held()
        if held is not None:
            self.app.do(self._put, grown(held.cell.box, STEP**way, self._size))

    def remove(self) -> None:
        """Removes the chosen cell."""
        if self._cell is not None:
            self.app.do(self._remove, self._cell)

    def _remove(self, cell: int) -> None:
        self.app.desk.open.remove(cell)
        self.naming = False
        self._show()

    def vote(self, name: str) -> None:
        """Names the chosen cell; a tone where that is the target."""
        if self._cell is not None:
            session = self.app.desk.open
            before = session.cell(self._cell).label
            session.vote(self._cell, name)
            self.naming = False
            self._show()
            if self.app.desk.reaches(before, name):
                self.heading += f" · {self.app.words('tally.reached')}"
                alert()

    def step(self, way: int) -> None:
        """Goes to the next field, or the one before."""
        if self._field is not None:
            self.app.do(self._step, way)

    def _step(self, way: int) -> None:
        numbers = [one.id for one in self.app.desk.open.fields(limit=-1)]
        at = numbers.index(self._now().id) + way if self._now().id in numbers else 0
        if 0 <= at < len(numbers):
            self._to(numbers[at])

    def turn(self, back: bool) -> None:
        """Undoes the latest act, or does it again, and shows where."""
        self.app.do(self._turn, back)

    def _turn(self, back: bool) -> None:
        session = self.app.desk.open
        act = session.undo() if back else session.redo()
        if act is not None:
            self._to(act.field or (self._field.id if self._field else None), act.cell or self._cell)

    def zoom(self) -> None:
        """Goes near the chosen cell, or the middle; and back."""
        if self._field is None:
            return
        self.near = not self.near
        held, (width, height) = self._held(), self._size
        box = held.cell.box if held is not None else (0, 0, width, height)
        self.ids.view.look_at((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, CLOSE if self.near else 1.0)

    def key(self, key: int, text: Optional[str], ctrl: bool) -> bool:
        """A key of a desktop's keyboard; whether it meant something here."""
        if ctrl and key in (ord("z"), ord("y")):
            self.turn(key == ord("z"))
        elif key in (RIGHT, LEFT):
            self.step(1 if key == RIGHT else -1)
        elif key == DELETE:
            self.remove()
        elif text in ("+", "]"):
            self.size_by(1)
        elif text in ("_", "["):
            self.size_by(-1)
        elif not ctrl and text in KEYS:
            self.app.do(self.vote, KEYS[text])
        else:
            return False
        return True
