"""The tally: counts towards a target, percent with 95% limits, and a counter for cells seen through the ocular."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from mobile_app.desk import BUTTONS
from mobile_app.screens.label import KEYS
from mobile_app.session.tally import Tally
from mobile_app.widgets.alert import alert
from mobile_app.widgets.page import Page
from mobile_app.widgets.say import PushButton, Say

__all__ = ["TallyScreen"]


class TallyScreen(Page):
    """The open session's differential."""

    heading = StringProperty("")
    footing = StringProperty("")
    target = NumericProperty(100)
    manual = BooleanProperty(False)

    def refresh(self) -> None:
        """Counts again and shows it."""
        self.app.do(self._refresh)

    def _refresh(self) -> None:
        words = self.app.words
        taps = self.ids.taps
        taps.clear_widgets()
        for name in BUTTONS if self.manual else ():
            button = PushButton(say=words.label(name), font_size="14sp", on_release=partial(self._pressed, name))
            taps.add_widget(button)
        if self.app.desk.session is None:
            self.ids.rows.clear_widgets()
            self.heading, self.footing = words("capture.nosession"), ""
            return
        self._show(self.app.desk.tally())

    def _show(self, found: Tally) -> None:
        words = self.app.words
        self.target = found.target
        self.heading = words("tally.of", count=found.counted, target=found.target)
        if found.reached:
            self.heading += f" · {words('tally.reached')}"
        rows = self.ids.rows
        rows.clear_widgets()
        rows.add_widget(self._row([words(f"tally.{name}") for name in ("label", "count", "percent", "limits")], True))
        for name, share in found.shares.items():
            low, high = (f"{value:.1f}" for value in share.ci95)
            limits = words("tally.between", low=low, high=high) if found.counted else "–"
            percent = words("tally.share", percent=f"{share.percent:.1f}") if found.counted else "–"
            rows.add_widget(self._row([words.label(name), words.number(share.count), percent, limits], False))
        said = []
        if found.nrbc_per_100 is not None:
            said.append(words("tally.nrbc", count=found.nrbc, ratio=f"{found.nrbc_per_100:.1f}"))
        rest = {name: count for name, count in found.outside.items() if name != "erythroblast"}
        if rest:
            told = ", ".join(f"{words.label(name)} {words.number(count)}" for name, count in rest.items())
            said.append(words("tally.outside", text=told))
        self.footing = "\n".join(said)

    def _row(self, cells: list, head: bool) -> BoxLayout:
        row = BoxLayout()
        order = list(zip(cells, (0.37, 0.15, 0.21, 0.27)))
        for place, (text, share) in enumerate(reversed(order) if self.app.words.rtl else order):
            first = place == (3 if self.app.words.rtl else 0)
            row.add_widget(
                Say(say=text, size_hint_x=share, font_size="14sp", bold=head, halign="left" if first else "right")
            )
        return row

    def aim(self, target: int) -> None:
        """Another target."""
        self.app.do(self._aim, target)

    def _aim(self, target: int) -> None:
        self.app.desk.change(replace(self.app.desk.setup(), target=target))
        self._refresh()

    def toggle(self) -> None:
        """Shows or hides the counter's buttons."""
        self.manual = not self.manual
        self.refresh()

    def _pressed(self, name: str, button: PushButton) -> None:
        self.app.do(self.tap, name)

    def tap(self, name: str) -> None:
        """Counts a cell seen through the ocular; a tone and a shake when that reaches the target."""
        before = self.app.desk.tally().reached
        self.app.desk.open.tap(name)
        found = self.app.desk.tally()
        self._show(found)
        if found.reached and not before:
            alert()

    def _undo(self) -> None:
        self.app.desk.open.undo()
        self._refresh()

    def key(self, key: int, text: Any, ctrl: bool) -> bool:
        """A key of a desktop's keyboard; whether it meant something here."""
        if ctrl and key == ord("z"):
            self.app.do(self._undo)
        elif self.manual and not ctrl and text in KEYS:
            self.app.do(self.tap, KEYS[text])
        else:
            return False
        return True
