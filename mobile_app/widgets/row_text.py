"""Texts of rows that are used again for something else: on the side of their own letters, and a title on one line."""

from __future__ import annotations

from typing import Any

from kivy.core.text import Label as CoreLabel
from kivy.properties import StringProperty

from mobile_app.widgets.say import Say
from mobile_app.words import is_rtl, on_screen

__all__ = ["OneLine", "RowText"]


class RowText(Say):
    """A text that stands left or right as it runs itself, whatever stood there before."""

    def _lay(self, *_: Any) -> None:
        if self.halign != "center":
            self.halign = "right" if is_rtl(self.say) else "left"
        super()._lay()


class OneLine(RowText):
    """`whole`, its end left out where it is longer than the line is wide."""

    whole = StringProperty("")

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self.bind(whole=self._cut, width=self._cut, font_size=self._cut)
        self._cut()

    def _cut(self, *_: Any) -> None:
        ruler = CoreLabel(font_size=self.font_size, font_name=self.font_name, bold=self.bold)
        room = max(self.width - 2 * self.pad, 1)

        def shown(letters: int) -> str:
            return self.whole if letters == len(self.whole) else self.whole[:letters].rstrip() + "…"

        fit, most = 0, len(self.whole)  # of so many letters it is known that they fit, or may
        while fit < most:
            middle = (fit + most + 1) // 2
            if ruler.get_extents(on_screen(shown(middle)))[0] <= room:
                fit = middle
            else:
                most = middle - 1
        self.say = shown(fit)
