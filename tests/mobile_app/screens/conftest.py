"""A real window without a display, real touches and real pixels; skipped in one line where Kivy or OpenGL is not.

`docs/screens.py` and `benchmarks/app.py` drive the app with it as well.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

os.environ.update(
    SDL_VIDEODRIVER="offscreen",
    SDL_AUDIODRIVER="dummy",
    KIVY_NO_ARGS="1",
    KIVY_NO_CONFIG="1",
    KIVY_NO_FILELOG="1",
    KIVY_NO_CONSOLELOG="1",
    KIVY_LOG_MODE="PYTHON",  # else Kivy swallows what a script says on stderr
    KIVY_METRICS_DENSITY="1",
    KIVY_DPI="96",
)
pytest.importorskip("kivy", reason="the app's screens need Kivy: pip install 'edge-wbc[app]'")
from kivy.config import Config

# Whoever opens the one window there is, off the screen: it shrinks, but never grows again.
Config.set("graphics", "width", 1280)
Config.set("graphics", "height", 800)


def opened() -> bool:
    """Opens the window; False without OpenGL."""
    logging.getLogger("kivy").addHandler(logging.NullHandler())  # else Python shows what nobody handles
    from kivy.base import EventLoop

    EventLoop.ensure_window()
    return EventLoop.window is not None and EventLoop.window.initialized


class Driver:
    """Runs an app frame by frame, touches it and reads its pixels."""

    def __init__(self, app: object) -> None:
        from kivy.base import EventLoop
        from kivy.core.window import Window

        self.app, self.window, self.loop = app, Window, EventLoop
        app._run_prepare()
        self.frames(3)

    @property
    def screen(self):
        return self.app.screens.current_screen

    def frames(self, count: int = 1) -> None:
        for _ in range(count):
            self.loop.idle()

    def until(self, done: Callable[[], bool], seconds: float = 20.0) -> None:
        """Frames until something is so."""
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, "it never came about"
            self.loop.idle()

    def touch(self, x: float, y: float) -> None:
        """A finger down and up at a place of the window."""
        from kivy.tests.common import UnitTestTouch

        touch = UnitTestTouch(x, y)
        touch.touch_down()
        self.frames()
        touch.touch_up()
        self.frames(2)

    def buttons(self, text: str = "") -> list:
        """The buttons that show a text in their first line, as far as they can be seen."""
        from mobile_app.widgets.say import PushButton

        found = [one for one in self.app.root.walk() if isinstance(one, PushButton) and one.get_parent_window()]
        return [one for one in found if one.say.split("\n")[0] == text] if text else found

    def press(self, text: str) -> None:
        """Touches the middle of the one button that shows a text; the screen's, where the bar has one too."""
        self.frames(3)
        found = self.buttons(text)
        if len(found) != 1:
            found = [one for one in found if one in self.screen.walk(restrict=True)]
        assert len(found) == 1, f"{len(found)} buttons say {text!r}"
        (button,) = found
        self.touch(*button.to_window(*button.center))

    def pixels(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB: the window as it stands."""
        from kivy.graphics.opengl import GL_RGB, GL_UNSIGNED_BYTE, glReadPixels

        self.frames(2)
        width, height = self.window.size
        raw = glReadPixels(0, 0, width, height, GL_RGB, GL_UNSIGNED_BYTE)
        return np.frombuffer(raw, np.uint8).reshape(height, width, 3)[::-1]

    def close(self) -> None:
        from kivy.app import App

        self.app.dispatch("on_stop")
        self.window.remove_widget(self.app.root)
        App._running_app = None


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Callable[..., Driver]]:
    """Starts the app: drive(source=..., home=..., language=..., size=..., crops=...)."""
    if not opened():
        pytest.skip("no OpenGL here: apt install libgl1-mesa-dri libegl1 libgles2 libmtdev1")
    from kivy.base import EventLoop

    from mobile_app.app import WbcApp

    running: list[Driver] = []

    def start(source=None, home: Path = tmp_path / "home", language: str = "en", size=(360, 640), crops=None) -> Driver:
        while running:
            running.pop().close()
        EventLoop.window.size = size
        running.append(Driver(WbcApp(home, source, language=language, crops=crops)))
        return running[-1]

    yield start
    while running:
        running.pop().close()
