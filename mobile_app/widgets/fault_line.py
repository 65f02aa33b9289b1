"""What went wrong, at the top of every screen: as high as it is long, and closed by a tap."""

from __future__ import annotations

from kivy.properties import NumericProperty, StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout

from mobile_app.widgets.say import Paragraph

__all__ = ["FaultLine"]


class FaultText(ButtonBehavior, Paragraph):
    """The fault itself, which is a button too."""


class FaultLine(BoxLayout):
    """Shows `said` unless it is empty; `most` is how high it may be, and beyond that it scrolls."""

    __events__ = ("on_close",)
    said = StringProperty("")
    most = NumericProperty(0)

    def close(self) -> None:
        """The person has read it."""
        self.dispatch("on_close")

    def on_close(self) -> None:
        """Bound in the .kv files."""
