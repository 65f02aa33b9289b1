"""Text in any shipped language: a label and a button that wrap in logical order and draw in the screen's."""

from __future__ import annotations

from typing import Any, List, Optional

from kivy.core.text import Label as CoreLabel
from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.button import Button
from kivy.uix.label import Label

from mobile_app.faults import LRI, PDI
from mobile_app.words import is_rtl, on_screen

__all__ = ["Figure", "Paragraph", "PushButton", "Say"]


class _Spoken(Label):
    """A label whose `say`, in logical order, is wrapped at its width and laid out right to left where it must be."""

    say = StringProperty("")
    pad = NumericProperty("8dp")

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self.bind(say=self._lay, width=self._lay, height=self._lay, font_size=self._lay)
        self._lay()

    def _lay(self, *_: Any) -> None:
        room = max(self.width - 2 * self.pad, 1)
        # The room beside the lines belongs to the picture of the text: some letters reach beyond their measured width.
        self.padding, self.text_size = (self.pad, 0), (room + 2 * self.pad, self._high())
        if not is_rtl(self.say):
            self.text = self.say
            return
        if self.property("halign").get(self) == "left":
            self.halign = "right"
        self.text = "\n".join(on_screen(line) for part in self.say.split("\n") for line in self._wrapped(part, room))

    def _high(self) -> Optional[float]:
        return self.height

    def _wrapped(self, part: str, room: float) -> List[str]:
        """A paragraph as lines that fit; Kivy would wrap what is already turned, and put the last words first."""
        ruler = CoreLabel(font_size=self.font_size, font_name=self.font_name, bold=self.bold)

        def fits(line: str) -> bool:
            return bool(ruler.get_extents(on_screen(line))[0] <= room)

        lines, line = [], ""
        for word in part.split(" "):
            longer = f"{line} {word}".strip()
            if line and not fits(longer):
                lines.append(line)
                longer = word
            while len(longer) > 1 and not fits(longer):  # one word alone, such as a path
                end = next(end for end in range(len(longer) - 1, 0, -1) if end == 1 or fits(longer[:end]))
                lines.append(longer[:end])
                longer = longer[end:]
            line = longer
        return _closed([*lines, line])


def _closed(lines: List[str]) -> List[str]:
    """What is isolated over several lines is so in each of them."""
    inside, closed = False, []
    for line in lines:
        opened = (LRI if inside else "") + line
        inside = opened.rfind(LRI) > opened.rfind(PDI)
        closed.append(opened + (PDI if inside else ""))
    return closed


class Say(_Spoken):
    """A text."""


class Paragraph(_Spoken):
    """A text that is as high as its lines."""

    def _high(self) -> Optional[float]:
        return None


class Figure(Say):
    """What stands in a table."""


class PushButton(Button, _Spoken):
    """A button at least as large as a gloved finger."""

    chosen = BooleanProperty(False)
