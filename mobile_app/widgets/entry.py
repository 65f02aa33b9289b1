"""A line to type in, which shows what is typed joined and in the screen's order, and says when it is to be kept.

Kivy's own knows no line that runs from right to left: it draws what `on_screen` made of it, but its cursor, its
selection and its fingers count letters from the left. All three go through `caret` here.
"""

from __future__ import annotations

from typing import Any, Dict, Tuple

from kivy.graphics import Color, Rectangle
from kivy.properties import StringProperty
from kivy.uix.textinput import TextInput

from mobile_app.words import caret, is_rtl, on_screen, seen

__all__ = ["Entry"]

_OTHER_WAY: Dict[str, str] = {"cursor_left": "cursor_right", "cursor_right": "cursor_left"}


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

    # Right to left

    def _create_line_label(self, text: str, hint: bool = False) -> Any:
        return super()._create_line_label(on_screen(text), hint)

    @property
    def _line(self) -> str:
        return self._lines[0] if self._lines else ""

    def _wide(self, count: int) -> int:
        """Pixels of the drawn line's first letters, from the left."""
        left = on_screen(self._line)[:count]
        return self._get_text_width(left, self.tab_width, self._label_cached) if left else 0

    def cursor_offset(self) -> int:
        """As Kivy's."""
        return self._wide(caret(self._line, self.cursor_col))

    def get_cursor_from_xy(self, x: float, y: float) -> Tuple[int, int]:
        """As Kivy's: the place between two letters that is nearest to a finger."""
        room = self.width - self.padding[0] - self.padding[2]
        left = max(0, room - self._get_row_width(0)) if self.halign == "right" else 0
        asked = x - self.x - self.padding[0] - left + self.scroll_x
        return min(range(len(self._line) + 1), key=lambda at: abs(self._wide(caret(self._line, at)) - asked)), 0

    def do_cursor_movement(self, action: str, control: bool = False, alt: bool = False) -> None:
        """As Kivy's: an arrow goes where it points."""
        action = _OTHER_WAY.get(action, action) if is_rtl(self.text) else action
        super().do_cursor_movement(action, control, alt)

    def _draw_selection(self, pos: Any, size: Any, line_num: int, start: Any, end: Any, *rest: Any) -> None:
        # What is selected lies in several places where the line holds Latin words: so, letter by letter.
        *_, add, colour = rest
        add(Color(*colour, group="selection"))
        for place in sorted({seen(self._line, at)[0] for at in range(int(start[0]), int(end[0]))}):
            low, high = (min(max(self._wide(at) - self.scroll_x, 0), size[0]) for at in (place, place + 1))
            add(Rectangle(pos=(pos[0] + low, pos[1]), size=(high - low, size[1]), group="selection"))
