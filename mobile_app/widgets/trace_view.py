"""A crop that one finger draws on and two zoom and carry along, with an outline laid over it."""

from __future__ import annotations

from typing import Any, Callable, Optional

import numpy as np
from kivy.clock import Clock
from kivy.graphics.texture import Texture
from kivy.metrics import dp

from mobile_app.tracing.overlay import overlay
from mobile_app.widgets.field_view import FieldView

__all__ = ["TraceView"]

SHARPEST = 1024  # pixels a side of what is laid over: enough for thin lines on small crops, quick on large ones
LINE = 2  # dp
WIDEST = 12  # pixels of what is laid over
SEEN_S = 0.8  # for which a brush shows itself when it is changed


class TraceView(FieldView):
    """`on_line` is called with each piece of a stroke, in pixels of the crop, and `on_lifted` when it ends.

    A second finger turns the stroke that the first began into a zoom: `on_lifted(False)`.
    """

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self.draws = False
        self.on_line: Callable[[float, float, float, float], None] = lambda x0, y0, x1, y1: None
        self.on_lifted: Callable[[bool], None] = lambda done: None
        self.radius = 1.0  # of the brush, in pixels of the crop
        self._picture: Optional[np.ndarray] = None
        self._stroke: Any = None
        self._last = (0.0, 0.0)
        self._laid = Clock.create_trigger(lambda _: self._lay(), -1)
        self._hidden = Clock.create_trigger(lambda _: self.ring(None), SEEN_S)
        self.bind(zoom=lambda *_: self._laid(), size=lambda *_: self._laid())

    def lay(self, picture: Optional[np.ndarray]) -> None:
        """Lays an outline over the crop, (H, W) uint8 of 255, 128 and 0, or none."""
        self._picture = picture
        self._lay()

    def _lay(self) -> None:
        picture = self._picture
        if picture is None or self._texture is None:
            self._over = None
            self._draw()
            return
        scale = self._frame()[2]
        times = max(1, min(round(scale), SHARPEST // max(picture.shape)))
        fine = times, min(max(1, round(dp(LINE) * times / scale)), WIDEST)
        rgba = overlay(picture, *fine)
        size = rgba.shape[1], rgba.shape[0]
        fresh = self._over is None or tuple(self._over.size) != size
        if fresh:
            self._over = Texture.create(size=size, colorfmt="rgba")
            self._over.flip_vertical()
            self._over.mag_filter = "nearest"
        assert self._over is not None
        self._over.blit_buffer(rgba.ravel(), colorfmt="rgba", bufferfmt="ubyte")
        if fresh:
            self._draw()
        else:
            self.canvas.ask_update()

    def show_brush(self) -> None:
        """Shows for a moment, in the middle, how thick the brush is."""
        self.ring((*self.to_photograph(*self.center), self.radius))
        self._hidden()

    # Fingers

    def on_touch_down(self, touch: Any) -> bool:
        taken = super().on_touch_down(touch)
        if touch.uid in self._fingers:
            if self._stroke is not None:
                self._stroke = None
                self.ring(None)
                self.on_lifted(False)
            elif self.draws and len(self._fingers) == 1:
                self._stroke, self._last = touch.uid, self.to_photograph(*touch.pos)
                self._line(self._last)
        return taken

    def on_touch_move(self, touch: Any) -> bool:
        if touch.grab_current is not self or touch.uid != self._stroke:
            return super().on_touch_move(touch)
        self._fingers[touch.uid] = touch.pos
        self._line(self.to_photograph(*touch.pos))
        return True

    def on_touch_up(self, touch: Any) -> bool:
        if touch.grab_current is self and touch.uid == self._stroke:
            self._stroke = None
            self.ring(None)
            self.on_lifted(True)
        return super().on_touch_up(touch)

    def _line(self, to: tuple) -> None:
        self.ring((*to, self.radius))
        self.on_line(*self._last, *to)
        self._last = to
