"""A slider that says when the finger has left it."""

from __future__ import annotations

from typing import Any

from kivy.uix.slider import Slider

__all__ = ["Level"]


class Level(Slider):
    """`on_lifted` comes after the last `on_value` of a finger."""

    __events__ = ("on_lifted",)

    def on_touch_up(self, touch: Any) -> bool:
        taken = bool(super().on_touch_up(touch))
        if touch.grab_current is self:
            self.dispatch("on_lifted")
        return taken

    def on_lifted(self) -> None:
        """Bound in the .kv files."""
