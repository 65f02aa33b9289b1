"""Calibrate, once for each phone and ocular: micrometres a pixel, and the light of an empty field."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

import numpy as np
from kivy.clock import Clock
from kivy.properties import BooleanProperty, StringProperty

from edge_wbc.core.errors import BadInput
from edge_wbc.core.light import Light, light_of
from mobile_app.live.calibrate import Calibration, Scale, from_lines, from_points, from_red_cells
from mobile_app.live.worker import Answer
from mobile_app.widgets.page import Page

__all__ = ["WAYS", "CalibrateScreen"]

WAYS = ("points", "lines", "red", "light")
"""Two points of a stage micrometer, all its lines, red cells as a ruler, an empty field."""
PER_SECOND = 30
POINT = 6  # pixels round a point that was tapped, in a photograph 640 pixels wide
_UM = {"points": "100", "lines": "10"}


class CalibrateScreen(Page):
    """What is measured here is kept, and used from the next field on, when the person says so."""

    way = StringProperty("points")
    told = StringProperty("")
    kept = StringProperty("")
    can_take = BooleanProperty(False)
    can_keep = BooleanProperty(False)
    taken = BooleanProperty(False)
    held = BooleanProperty(False)
    doubted = BooleanProperty(False)

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self._photographs: List[np.ndarray] = []
        self._points: List[Tuple[float, float]] = []
        self._scale: Optional[Scale] = None
        self._light: Optional[Light] = None
        self._asked: Optional[int] = None
        self._seen = 0
        self._tick: Any = None

    def refresh(self) -> None:
        """Starts the camera and shows what is kept."""
        source = self.app.desk.source
        self.ids.view.on_tap = lambda x, y: self.app.do(self._tap, x, y)
        if source is not None and self._tick is None:
            source.start()
            self._tick = Clock.schedule_interval(self._poll, 1 / PER_SECOND)
        self.can_take = source is not None
        self._tell_kept()
        self.choose(self.way)

    def on_leave(self, *_: Any) -> None:
        """Lets go of the camera."""
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
            self.app.desk.source.stop()

    def _tell_kept(self) -> None:
        words, calibration = self.app.words, self.app.desk.calibration
        said = []
        if calibration is not None and calibration.scale is not None:
            said.append(self._scale_told(calibration.scale))
        if calibration is not None and calibration.light is not None:
            said.append(words("calibrate.lit"))
        self.held, self.doubted = calibration is not None, False
        self.kept = words("calibrate.kept", what=" · ".join(said)) if said else words("calibrate.none")

    def _scale_told(self, scale: Scale) -> str:
        told = self.app.words("calibrate.scale", um=f"{scale.um_per_px:.4f}")
        return told if scale.error is None else f"{told} ± {self.app.words.number(f'{100 * scale.error:.1f}%')}"

    def choose(self, way: str) -> None:
        """Another way to calibrate; begins it anew."""
        self.way, self.taken, self.can_keep, self.doubted, self._asked = way, False, False, False, None
        self._photographs, self._points, self._scale, self._light, self._seen = [], [], None, None, 0
        self.ids.um.put(_UM.get(way, ""))
        self.ids.view.show(None)
        self.told = self.app.words(f"calibrate.do_{way}") if self.can_take else self.app.words("capture.none")

    def take(self) -> None:
        """Photographs what is under the microscope, or goes back to the preview after it was measured."""
        if self.taken:
            self.taken, self._points, self._seen = False, [], 0
            self.told = self.app.words(f"calibrate.do_{self.way}")
            return
        self.told = self.app.words("calibrate.taking")
        self._asked = self.app.desk.worker.ask(self.app.desk.source.still, cells=False)

    def _poll(self, *_: Any) -> None:
        for answer in self.app.desk.worker.answers():
            if answer.request == self._asked:
                self._asked = None
                self.app.do(self._answered, answer)
        if self.taken:
            return
        try:
            frame = self.app.desk.source.newest()
        except BadInput as fault:
            self.app.tell(fault)
            self.can_take = False
            self._tick.cancel()
            return
        if frame is not None and frame.number != self._seen:
            self._seen = frame.number
            self.ids.view.show(frame.rgb)

    def _answered(self, answer: Answer) -> None:
        self.told = self.app.words(f"calibrate.do_{self.way}")
        if answer.photograph is None:
            if answer.fault is not None:
                raise answer.fault
            return
        rgb = answer.photograph.rgb
        self.taken = True
        self.ids.view.show(rgb)
        self._photographs.append(rgb)
        if self.way == "points":
            self.told = self.app.words("calibrate.tap")
            return
        try:
            if self.way == "lines":
                self._found(from_lines(rgb, _micrometres(self.ids.um.text)))
            elif self.way == "red":
                self._found(from_red_cells(self._photographs))
            else:
                self._light = light_of(self._photographs)
                self.told = self.app.words("calibrate.lit_by", count=len(self._photographs))
                self.can_keep = True
        except BadInput:
            self._photographs.pop()  # it measures nothing, and those before stand
            raise

    def _found(self, scale: Scale) -> None:
        self._scale, self.can_keep = scale, True
        self.told = self._scale_told(scale)
        if self.way == "red":
            self.told += " · " + self.app.words("calibrate.by", count=len(self._photographs))

    def _tap(self, x: float, y: float) -> None:
        """One end of the distance, then the other; a third tap begins anew."""
        if self.way != "points" or not self.taken:
            return
        rgb = self._photographs[-1]
        if not (0 <= x < rgb.shape[1] and 0 <= y < rgb.shape[0]):
            return
        self._points = [*self._points, (x, y)] if len(self._points) < 2 else [(x, y)]
        by = max(1, round(POINT * rgb.shape[1] / 640))
        marks = [
            ((round(at[0]) - by, round(at[1]) - by, round(at[0]) + by, round(at[1]) + by), str(number), False)
            for number, at in enumerate(self._points, 1)
        ]
        self.ids.view.mark(marks)
        self._scale, self.can_keep = None, False
        self.told = self.app.words("calibrate.tap")
        self._measure()

    def _measure(self) -> None:
        if len(self._points) == 2:
            um, width = _micrometres(self.ids.um.text), self._photographs[-1].shape[1]
            self._found(from_points(self._points[0], self._points[1], um, width))

    def typed(self) -> None:
        """The distance was typed: what is measured already follows it."""
        if self.way == "points":
            self._scale, self.can_keep = None, False
            self.app.do(self._measure)
        elif self.way == "lines" and self.taken and self._photographs:
            self._scale, self.can_keep = None, False
            self.app.do(lambda: self._found(from_lines(self._photographs[-1], _micrometres(self.ids.um.text))))

    def keep(self) -> None:
        """Keeps what was measured beside what was kept before."""
        self.app.do(self._keep)

    def _keep(self) -> None:
        desk = self.app.desk
        before = desk.calibration or Calibration("")
        name = " · ".join(filter(None, (desk.setup().camera, desk.setup().microscope.type))) or "calibration"
        desk.calibrate(Calibration(name, self._scale or before.scale, self._light or before.light))
        self._tell_kept()
        self.choose(self.way)

    def forget(self) -> None:
        """The first tap asks, the second forgets: it takes a micrometer to make another."""
        if not self.doubted:
            self.doubted, self.told = True, self.app.words("calibrate.sure")
            return
        self.app.do(self.app.desk.calibrate, None)
        self._tell_kept()
        self.told = ""


def _micrometres(text: str) -> float:
    """A distance as it is typed, in Persian digits too."""
    try:
        return float(text.strip().replace("٫", ".").replace(",", "."))
    except ValueError as error:
        raise BadInput("micrometres", f"{text!r} is no number", "type the distance on the micrometer") from error
