"""What every screen is: a page of the app, on the app's ground."""

from __future__ import annotations

from typing import Any

from kivy.app import App
from kivy.uix.screenmanager import Screen

__all__ = ["LEFT", "RIGHT", "Page"]

RIGHT, LEFT = 275, 276
"""A desktop's arrow keys."""


class Page(Screen):
    """A screen that knows its app and shows itself anew when it is gone to."""

    @property
    def app(self) -> Any:
        return App.get_running_app()

    def refresh(self) -> None:
        """Shows what is so now."""
        raise NotImplementedError
