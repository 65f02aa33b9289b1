"""More: the way to the screens that are not wanted at every field."""

from __future__ import annotations

from typing import Any

from kivy.properties import StringProperty
from kivy.uix.behaviors import ButtonBehavior
from kivy.uix.boxlayout import BoxLayout

from mobile_app.widgets.page import Page

__all__ = ["MORE", "MoreScreen"]

MORE = ("settings", "mark", "outline", "upload", "calibrate", "benchmark")
"""The screens of the list."""


class Way(ButtonBehavior, BoxLayout):
    """One screen of the list, and what it is for."""

    to = StringProperty("")


class MoreScreen(Page):
    """The list."""

    def refresh(self) -> None:
        """Shows the list in the language that is spoken now."""
        words = self.app.words
        self.ids.ways.clear_widgets()
        for name in MORE:
            way: Any = Way(to=name)
            way.ids.title.say, way.ids.told.say = words(f"{name}.title"), words(f"{name}.told")
            self.ids.ways.add_widget(way)
