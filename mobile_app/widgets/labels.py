"""The twelve labels as big buttons in fixed places, and their keys on a desktop."""

from __future__ import annotations

from typing import Any, Dict, Optional

from kivy.properties import StringProperty
from kivy.uix.gridlayout import GridLayout

from mobile_app.desk import BUTTONS
from mobile_app.widgets.say import PushButton
from mobile_app.words import Words

__all__ = ["KEYS", "LabelGrid"]

KEYS: Dict[str, str] = dict(zip("1234567890-=", BUTTONS))
KEYS.update(
    {"n": "neutrophil", "b": "band", "t": "metamyelocyte", "s": "small_lymphocyte", "l": "large_lymphocyte"},
    m="monocyte",
    e="eosinophil",
    a="basophil",
    u="burst",
    r="artifact",
    x="not_recognised",
    y="erythroblast",
)


class LabelButton(PushButton):
    """One label."""


class LabelGrid(GridLayout):
    """`on_named` comes with the label whose button was pressed; `chosen` is marked."""

    __events__ = ("on_named",)
    chosen = StringProperty("")

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self._buttons = {name: LabelButton() for name in BUTTONS}
        for name, button in self._buttons.items():
            button.bind(on_release=lambda _, name=name: self.dispatch("on_named", name))
            self.add_widget(button)

    def tell(self, words: Words, counts: Optional[Dict[str, int]] = None) -> None:
        """Names the buttons, under each name how often it was counted."""
        for name, button in self._buttons.items():
            count = "" if counts is None else f"\n{words.number(counts.get(name, 0))}"
            button.say = words.label(name) + count

    def on_chosen(self, _: Any, chosen: str) -> None:
        """Marks the label that was given."""
        for name, button in self._buttons.items():
            button.chosen = name == chosen

    def on_named(self, name: str) -> None:
        """Bound in the .kv files."""
