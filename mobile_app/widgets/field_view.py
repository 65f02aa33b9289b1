"""A photograph that is zoomed and panned with the fingers, its cells boxed and named in place."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Sequence, Tuple

import numpy as np
from kivy.core.text import Label as CoreLabel
from kivy.graphics import Color, Line, Rectangle, StencilPop, StencilPush, StencilUnUse, StencilUse
from kivy.graphics.texture import Texture
from kivy.metrics import dp, sp
from kivy.properties import NumericProperty
from kivy.uix.widget import Widget

from mobile_app.sources.frames import preview_of
from mobile_app.words import on_screen

__all__ = ["FieldView", "Mark", "texture_of"]

Mark = Tuple[Tuple[int, int, int, int], str, bool]
"""A box in pixels of the photograph, what to write at it, and whether it is doubtful (drawn broken)."""
MOST_ZOOM = 12.0
LARGEST = 4096  # pixels a side that the old phones draw
OUTSIDE = 190  # of 255: how dark what is no field becomes
_BLACK_UNDER_WHITE = (((0, 0, 0, 0.8), dp(2.2)), ((1, 1, 1, 1), dp(1.1)))  # seen on any stain
_LEAST_SCALE = 1e-6  # of a view that has no size yet
TAP = 12  # dp that a finger may slip in a tap


def texture_of(rgb: np.ndarray) -> Texture:
    """(H, W, 3) uint8 as a texture, first row on top."""
    texture = Texture.create(size=(rgb.shape[1], rgb.shape[0]), colorfmt="rgb")
    texture.blit_buffer(np.ascontiguousarray(rgb).tobytes(), colorfmt="rgb", bufferfmt="ubyte")
    texture.flip_vertical()
    return texture


def _shade_of(lit: np.ndarray) -> Texture:
    shade = np.zeros((*lit.shape, 2), np.uint8)
    shade[~lit, 1] = OUTSIDE
    texture = Texture.create(size=(lit.shape[1], lit.shape[0]), colorfmt="luminance_alpha")
    texture.blit_buffer(shade.tobytes(), colorfmt="luminance_alpha", bufferfmt="ubyte")
    texture.flip_vertical()
    return texture


class FieldView(Widget):
    """Shows one photograph whole until it is zoomed.

    `on_tap` is called with a place in its pixels. Where `holds` says that a finger's place holds something, that
    finger does not pan: `on_drag` is called with how far it has gone, in pixels, and whether it has left.
    """

    zoom = NumericProperty(1.0)

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self._texture: Optional[Texture] = None
        self._size = (1, 1)
        self._marks: Sequence[Mark] = ()
        self._chosen: Optional[int] = None
        self._over: Optional[Texture] = None
        self._ring: Optional[Tuple[float, float, float]] = None
        self._centre = (0.5, 0.5)  # of what is shown, as shares of the photograph
        self._fingers: Dict[Any, Tuple[float, float]] = {}  # by the touch's number, where each was last
        self._moved = self._dragged = False
        self.on_tap: Optional[Callable[[float, float], None]] = None
        self.holds: Callable[[float, float], bool] = lambda x, y: False
        self.on_drag: Callable[[float, float, bool], None] = lambda dx, dy, left: None
        self.bind(pos=self._draw, size=self._draw, zoom=self._draw)

    def show(self, rgb: Optional[np.ndarray], marks: Sequence[Mark] = ()) -> None:
        """Shows a photograph, (H, W, 3) uint8, or none; the zoom stays where the size does."""
        if rgb is None:
            self._texture = None
        else:
            if self._texture is None or self._size != (rgb.shape[1], rgb.shape[0]):
                self.zoom, self._centre, self._size = 1.0, (0.5, 0.5), (rgb.shape[1], rgb.shape[0])
            self._texture = texture_of(preview_of(rgb, LARGEST))
        self.mark(marks)

    def mark(self, marks: Sequence[Mark], chosen: Optional[int] = None) -> None:
        """Boxes other cells in the same photograph; the one that is chosen is drawn thick."""
        self._marks, self._chosen = marks, chosen
        self._draw()

    def shade(self, lit: Optional[np.ndarray]) -> None:
        """Darkens what lies outside the round field.

        Args:
            lit: (h, w) bool over the whole photograph, at any size, where the field is; None darkens nothing.
        """
        self._over = None if lit is None or lit.all() else _shade_of(lit)
        self._draw()

    def ring(self, ring: Optional[Tuple[float, float, float]]) -> None:
        """Draws a circle: x, y and radius in pixels of the photograph; None for none."""
        self._ring = ring
        self._draw()

    def look_at(self, x: float, y: float, zoom: float) -> None:
        """Zooms to a place of the photograph, which comes as near to the middle as the photograph's border lets it."""
        self.zoom, self._centre = zoom, (x / self._size[0], 1 - y / self._size[1])
        self._pan(0, 0)

    # Places

    def _frame(self) -> Tuple[float, float, float]:
        """Left and bottom of the photograph on the screen, and screen pixels per photograph pixel."""
        width, height = self._size
        scale = max(min(self.width / width, self.height / height) * self.zoom, _LEAST_SCALE)
        return self.center_x - self._centre[0] * width * scale, self.center_y - self._centre[1] * height * scale, scale

    def to_photograph(self, x: float, y: float) -> Tuple[float, float]:
        """A place on the screen in pixels of the photograph, y down."""
        left, bottom, scale = self._frame()
        return (x - left) / scale, self._size[1] - (y - bottom) / scale

    def to_view(self, x: float, y: float) -> Tuple[float, float]:
        """A place in the photograph, y down, on the screen."""
        left, bottom, scale = self._frame()
        return left + x * scale, bottom + (self._size[1] - y) * scale

    # Fingers

    def on_touch_down(self, touch: Any) -> bool:
        if not self.collide_point(*touch.pos) or self._texture is None:
            return super().on_touch_down(touch)
        if touch.is_mouse_scrolling:
            self._zoom_to(self.zoom * (1.2 if touch.button == "scrolldown" else 1 / 1.2), touch.pos, touch.pos)
            return True
        touch.grab(self)
        self._fingers[touch.uid] = touch.pos
        self._moved = self._moved and len(self._fingers) > 1
        if len(self._fingers) > 1 and self._dragged:
            self.on_drag(0.0, 0.0, False)  # two fingers zoom: what one had begun is nothing
        self._dragged = len(self._fingers) == 1 and self.holds(*self.to_photograph(*touch.pos))
        return True

    def on_touch_move(self, touch: Any) -> bool:
        if touch.grab_current is not self or touch.uid not in self._fingers:
            return super().on_touch_move(touch)
        was, self._fingers[touch.uid] = self._fingers[touch.uid], touch.pos
        if len(self._fingers) == 2:
            self._moved = True
            # Where the other finger is by this widget's measure: the touch itself tells it by the window's.
            (other,) = (np.array(at) for uid, at in self._fingers.items() if uid != touch.uid)
            before, now = (float(np.hypot(*(np.array(at) - other))) for at in (was, touch.pos))
            self._zoom_to(self.zoom * now / max(before, 1.0), (was + other) / 2, (touch.pos + other) / 2)
        elif self._moved or np.hypot(touch.x - touch.ox, touch.y - touch.oy) > dp(TAP):
            self._moved = True
            if self._dragged:
                self.on_drag(*self._gone(touch), False)
            else:
                self._pan(touch.dx, touch.dy)
        return True

    def on_touch_up(self, touch: Any) -> bool:
        if touch.grab_current is not self or touch.uid not in self._fingers:
            return super().on_touch_up(touch)
        touch.ungrab(self)
        del self._fingers[touch.uid]
        if not self._fingers:
            if self._moved and self._dragged:
                self.on_drag(*self._gone(touch), True)
            elif not self._moved and self.on_tap is not None:
                self.on_tap(*self.to_photograph(*touch.pos))
            self._moved = self._dragged = False
        return True

    def _gone(self, touch: Any) -> Tuple[float, float]:
        """How far a finger has gone, in pixels of the photograph, y down."""
        scale = self._frame()[2]
        return (touch.x - touch.ox) / scale, (touch.oy - touch.y) / scale

    def _zoom_to(self, zoom: float, start: Sequence[float], end: Sequence[float]) -> None:
        """Zooms so that what is under the one place comes under the other."""
        at = self.to_photograph(*start)
        self.zoom = min(max(zoom, 1.0), MOST_ZOOM)
        there = self.to_view(*at)
        self._pan(end[0] - there[0], end[1] - there[1])

    def _pan(self, dx: float, dy: float) -> None:
        scale = self._frame()[2]
        width, height = self._size
        shown = (min(self.width / (width * scale), 1.0) / 2, min(self.height / (height * scale), 1.0) / 2)
        moved = (self._centre[0] - dx / (width * scale), self._centre[1] - dy / (height * scale))
        self._centre = tuple(min(max(at, half), 1 - half) for at, half in zip(moved, shown))
        self._draw()

    # Drawing

    def _draw(self, *_: Any) -> None:
        self.canvas.clear()
        if self._texture is None:
            return
        left, bottom, scale = self._frame()
        size = (self._size[0] * scale, self._size[1] * scale)
        with self.canvas:
            StencilPush()
            Rectangle(pos=self.pos, size=self.size)
            StencilUse()
            Color(1, 1, 1, 1)
            Rectangle(texture=self._texture, pos=(left, bottom), size=size)
            if self._over is not None:
                Rectangle(texture=self._over, pos=(left, bottom), size=size)
            for place, mark in enumerate(self._marks):
                self._draw_mark(mark, 1.6 if place == self._chosen else 1.0)
            if self._ring is not None:
                circle = (*self.to_view(*self._ring[:2]), max(self._ring[2] * scale, dp(2)))
                for colour, width in _BLACK_UNDER_WHITE:
                    Color(*colour)
                    Line(circle=circle, width=width)
            StencilUnUse()
            Rectangle(pos=self.pos, size=self.size)
            StencilPop()

    def _draw_mark(self, mark: Mark, thick: float) -> None:
        box, text, doubtful = mark
        (x0, y1), (x1, y0) = self.to_view(box[0], box[1]), self.to_view(box[2], box[3])
        for colour, width in _BLACK_UNDER_WHITE:
            Color(*colour)
            if doubtful and thick == 1.0:
                Line(rectangle=(x0, y0, x1 - x0, y1 - y0), dash_length=6, dash_offset=4, width=1)
            else:
                Line(rectangle=(x0, y0, x1 - x0, y1 - y0), width=width * thick)
        if text:
            label = CoreLabel(text=on_screen(text), font_size=sp(13), font_name="app")
            label.refresh()
            wide, high = label.texture.size
            at = min(max(x0, self.x), max(self.right - wide - dp(6), self.x)), min(y1, self.top - high)
            Color(0, 0, 0, 0.75)
            Rectangle(pos=at, size=(wide + dp(6), high))
            Color(1, 1, 1, 1)
            Rectangle(texture=label.texture, pos=(at[0] + dp(3), at[1]), size=(wide, high))
