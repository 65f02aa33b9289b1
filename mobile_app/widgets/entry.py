"""A line to type in, which shows what is typed joined and in the screen's order, and says when it is to be kept."""

from __future__ import annotations

from typing import Any

from kivy.properties import StringProperty
from kivy.uix.textinput import TextInput

from mobile_app.words import is_rtl, on_screen

__all__ = ["Entry"]


class Entry(TextInput):
    """`hint` in logical order; `on_kept` comes when the person leaves the line, or ends it, with another text in it."""

    __events__ = ("on_kept",)
    hint = StringProperty("")

    def __init__(self, **asked: Any) -> None:
        self._held = ""
        super().__init__(**asked)
        self.bind(text=self._turn, hint=self._turn)
        self._turn()

    def put(self, text: str) -> None:
        """Shows what is kept already."""
        self._held = self.text = text
        self.cursor = (0, 0)

    def _turn(self, *_: Any) -> None:
        self.hint_text = self.hint
        self.halign = "right" if is_rtl(self.text or self.hint) else "left"

    def on_focus(self, _: Any, focused: bool) -> None:
        """Keeps what was typed."""
        if not focused and self.text != self._held:
            self._held = self.text
            self.dispatch("on_kept")

    def on_kept(self) -> None:
        """Bound in the .kv files."""

    def _create_line_label(self, text: str, hint: bool = False) -> Any:
        return super()._create_line_label(on_screen(text), hint)
