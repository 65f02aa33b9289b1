"""Capture: a live preview, a frozen field with its cells boxed and named in place, and the field kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional, Tuple

import numpy as np
from kivy.clock import Clock
from kivy.properties import BooleanProperty, NumericProperty, StringProperty

from edge_wbc.core.errors import BadInput
from edge_wbc.core.focus import GOOD, TOO_BRIGHT, TOO_DARK, look
from mobile_app.live.worker import Answer
from mobile_app.sources.folder import FolderSource
from mobile_app.widgets import field_view  # noqa: F401  registers FieldView for the .kv file
from mobile_app.widgets.page import LEFT, RIGHT, Page

__all__ = ["CaptureScreen"]

PER_SECOND = 30
LOOK_S = 0.15  # seconds between two looks at focus and light
LIGHT = {GOOD: "capture.good", TOO_DARK: "capture.dark", TOO_BRIGHT: "capture.bright"}
SPACE = 32


class CaptureScreen(Page):
    """What the camera sees now, or the field that was frozen."""

    heading = StringProperty("")
    told = StringProperty("")
    frozen = BooleanProperty(False)
    running = BooleanProperty(False)
    locked = BooleanProperty(False)
    can_keep = BooleanProperty(False)
    focus = NumericProperty(0.0)
    focus_told = StringProperty("")
    light = NumericProperty(0.0)
    light_told = StringProperty("")
    light_good = BooleanProperty(True)
    can_step = BooleanProperty(False)

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self._seen = 0
        self._asked: Optional[int] = None
        self._answer: Optional[Answer] = None
        self._tick: Any = None
        self._looked = 0.0
        # Of this session's slide: what is sharp differs by smear and microscope.
        self._best: Tuple[Optional[int], float] = (None, 0.0)

    def refresh(self) -> None:
        """Starts the camera, if there is one, and goes on with what was frozen."""
        words, desk = self.app.words, self.app.desk
        self.can_step = isinstance(desk.source, FolderSource) and len(desk.source) > 1
        self._title()
        if desk.session is None:
            self.told = words("capture.nosession")
        if desk.source is not None and not self.running:
            desk.source.start()
            self.running = True
        if self._tick is None:
            self._tick = Clock.schedule_interval(self._poll, 1 / PER_SECOND)

    def _title(self) -> None:
        words, source = self.app.words, self.app.desk.source
        if isinstance(source, FolderSource):
            self.heading = f"{source.file.name} · {words.number(source.place + 1)}/{words.number(len(source))}"
        else:
            self.heading = words("capture.none") if source is None else Path(source.name).name

    def step(self, by: int) -> None:
        """Goes to another photograph of the folder; what was frozen and not kept is let go."""
        if self.frozen:
            self._thaw()
        self.app.said = ""
        self.app.desk.source.step(by)
        self._title()

    def on_leave(self, *_: Any) -> None:
        """Lets go of the camera: another screen needs none, and it takes the battery."""
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        if self.running and self.app.desk.source is not None:
            self.app.desk.source.stop()
        self.running = self.locked = False  # opened again, it holds nothing

    def _poll(self, *_: Any) -> None:
        for answer in self.app.desk.worker.answers():
            if answer.request == self._asked:
                self._answered(answer)
        self._warn()
        if self.frozen or not self.running:
            return
        try:
            frame = self.app.desk.source.newest()
        except BadInput as fault:
            self.app.tell(fault)
            self.running = False
            return
        if frame is not None and frame.number != self._seen:
            self._seen = frame.number
            self.ids.view.show(frame.rgb)
            if frame.time - self._looked > LOOK_S:
                self._looked = frame.time
                self._look(frame.rgb)

    def _look(self, rgb: np.ndarray) -> None:
        """Focus, as a share of the best of this session, and light."""
        words, session = self.app.words, self.app.desk.session
        view, number = look(rgb), None if session is None else session.id
        best = max(view.sharpness, self._best[1] if self._best[0] == number else 0.0)
        self._best = number, best
        self.focus = view.sharpness / best if best > 0 else 0.0
        self.focus_told = words("capture.focus", score=f"{round(100 * self.focus)}%")
        self.light, self.light_told = view.background / 255, words(LIGHT[view.exposure])
        self.light_good = view.exposure == GOOD
        self.ids.view.shade(view.lit)

    def _warn(self) -> None:
        """Says that the frozen field is in the session already, as soon as that is known."""
        taken = self._answer.photograph if self._answer is not None else None
        if taken is None:
            return
        twin = self.app.desk.twins.of(taken)
        if twin is not None:
            self.told = self.app.words("capture.duplicate", number=self.app.desk.open.place_of_field(twin))

    def freeze(self) -> None:
        """Freezes the field and reads it, or goes back to the preview."""
        if self.frozen:
            self._thaw()
            return
        self.frozen, self._answer = True, None
        self.told = self.app.words("capture.reading")
        self._asked = self.app.desk.worker.ask(self.app.desk.source.still)

    def _thaw(self) -> None:
        self.frozen, self.can_keep, self._answer, self._asked = False, False, None, None
        self.told = ""
        self._seen = 0

    def _answered(self, answer: Answer) -> None:
        if answer.photograph is not None:
            words = self.app.words
            marks = [
                ((cell.box), f"{words.label(cell.label)}{'?' if cell.uncertain else ''}", cell.uncertain)
                for cell in answer.cells
            ]
            self.ids.view.show(answer.photograph.rgb, marks)
            self.ids.view.shade(None if answer.view is None else answer.view.lit)
            self.told = words("capture.found", count=len(answer.cells))
            self.app.desk.compare(answer.photograph)
        if answer.fault is not None:
            self.app.tell(answer.fault)
            if answer.photograph is None:
                self._thaw()
                return
        elif self.app.desk.pack_fault is not None:
            self.app.tell(self.app.desk.pack_fault)
        self._answer = answer
        self.can_keep = self.app.desk.session is not None

    def keep(self) -> None:
        """Keeps the frozen field in the open session and goes back to the preview."""
        self.app.do(self._keep)

    def _keep(self) -> None:
        if self._answer is None:
            return
        count = len(self._answer.cells)
        number = self.app.desk.keep(self._answer)
        self._thaw()
        self.told = self.app.words("capture.kept", number=self.app.desk.open.place_of_field(number), count=count)

    def lock(self) -> None:
        """Holds exposure and white balance, or frees them."""
        source = self.app.desk.source
        if source is not None and source.lock(not self.locked):
            self.locked = not self.locked
        else:
            self.told = self.app.words("capture.nolock")

    def key(self, key: int, text: Optional[str], ctrl: bool) -> bool:
        """Space freezes; Enter keeps; arrows go through a folder's photographs."""
        if key == SPACE and self.running:
            self.freeze()
        elif key in (LEFT, RIGHT) and self.can_step:
            self.step(1 if key == RIGHT else -1)
        elif key == 13 and self.can_keep:
            self.keep()
        else:
            return False
        return True
