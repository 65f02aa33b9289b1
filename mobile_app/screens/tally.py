"""The tally: counts towards a target, percent with 95% limits, and a counter for cells seen through the ocular."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, List

from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from mobile_app.session.tally import Tally
from mobile_app.widgets.alert import alert
from mobile_app.widgets.labels import KEYS
from mobile_app.widgets.page import Page
from mobile_app.widgets.say import Figure

__all__ = ["TallyScreen"]

WIDTHS = (0.43, 0.13, 0.18, 0.26)


class TallyScreen(Page):
    """The open session's differential; on a narrow screen the counter's buttons take the table's place."""

    heading = StringProperty("")
    footing = StringProperty("")
    target = NumericProperty(100)
    manual = BooleanProperty(False)
    can_undo = BooleanProperty(False)
    can_redo = BooleanProperty(False)

    def refresh(self) -> None:
        """Counts again and shows it."""
        self.app.do(self._refresh)

    def _refresh(self) -> None:
        if self.app.desk.session is None:
            self.ids.rows.clear_widgets()
            self.ids.labels.tell(self.app.words)
            self.heading, self.footing = self.app.words("capture.nosession"), ""
            self.can_undo = self.can_redo = False
            return
        self._show(self.app.desk.tally())

    def _show(self, found: Tally) -> None:
        words, session = self.app.words, self.app.desk.open
        self.target = found.target
        self.heading = words("tally.of", count=found.counted, target=found.target)
        if found.reached:
            self.heading += f" · {words('tally.reached')}"
        table = [[words(f"tally.{name}") for name in ("label", "count", "percent", "limits")]]
        for name, share in found.shares.items():
            low, high = (f"{value:.1f}" for value in share.ci95)
            limits = words("tally.between", low=low, high=high) if found.counted else "–"
            percent = words("tally.share", percent=f"{share.percent:.1f}") if found.counted else "–"
            table.append([words.label(name), words.number(share.count), percent, limits])
        self._lay(table)
        self.ids.labels.tell(words, session.counts())
        said = []
        if found.nrbc_per_100 is not None:
            said.append(words("tally.nrbc", count=found.nrbc, ratio=f"{found.nrbc_per_100:.1f}"))
        rest = {name: count for name, count in found.outside.items() if name != "erythroblast"}
        if rest:
            told = ", ".join(f"{words.label(name)} {words.number(count)}" for name, count in rest.items())
            said.append(words("tally.outside", text=told))
        self.footing = "\n".join(said)
        self.can_undo, self.can_redo = session.undoable()

    def _lay(self, table: List[List[str]]) -> None:
        """Writes the table into the widgets of the last one, which a tap does not have to wait for again."""
        rows, rtl = self.ids.rows, self.app.words.rtl
        while len(rows.children) > len(table):
            rows.remove_widget(rows.children[0])
        while len(rows.children) < len(table):
            row = BoxLayout()
            for _ in WIDTHS:
                row.add_widget(Figure())
            rows.add_widget(row)
        for row, texts in zip(reversed(rows.children), table):
            figures = row.children if rtl else reversed(row.children)
            for place, (figure, text) in enumerate(zip(figures, texts)):
                figure.say, figure.size_hint_x, figure.bold = text, WIDTHS[place], texts is table[0]
                figure.halign = "right" if place or rtl else "left"

    def aim(self, target: int) -> None:
        """Another target."""
        self.app.do(self._aim, target)

    def _aim(self, target: int) -> None:
        self.app.desk.change(replace(self.app.desk.setup(), target=target))
        self._refresh()

    def tap(self, name: str) -> None:
        """Counts a cell seen through the ocular; a tone and a shake when that reaches the target."""
        self.app.desk.open.tap(name)
        self._show(self.app.desk.tally())
        if self.app.desk.reaches(None, name):
            alert()

    def turn(self, back: bool) -> None:
        """Undoes the latest act, or does it again."""
        self.app.do(self._turn, back)

    def _turn(self, back: bool) -> None:
        session = self.app.desk.open
        session.undo() if back else session.redo()
        self._refresh()

    def key(self, key: int, text: Any, ctrl: bool) -> bool:
        """A key of a desktop's keyboard; whether it meant something here."""
        if ctrl and key in (ord("z"), ord("y")):
            self.turn(key == ord("z"))
        elif self.manual and not ctrl and text in KEYS:
            self.app.do(self.tap, KEYS[text])
        else:
            return False
        return True
