"""Refused: what is shown where the app's own folder cannot be opened, in place of every other screen."""

from __future__ import annotations

from typing import Any, Sequence

from kivy.properties import StringProperty
from kivy.uix.boxlayout import BoxLayout

from edge_wbc.core.errors import BadInput
from mobile_app.words import Words

__all__ = ["Refused"]


class Reason(BoxLayout):
    """The fault in one language, and the way to try again."""

    title = StringProperty("")
    told = StringProperty("")
    again = StringProperty("")


class Refused(BoxLayout):
    """One fault, in one language or several."""

    def __init__(self, fault: BadInput, languages: Sequence[Words], **asked: Any) -> None:
        super().__init__(**asked)
        for words in languages:
            texts = {"title": words("refused.title"), "told": words.fault(fault), "again": words("refused.again")}
            self.ids.reasons.add_widget(Reason(**texts))
