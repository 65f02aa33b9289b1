"""Outlining as a finger meets it: from a move of the threshold's slider to the nucleus that follows, 512 x 512.

    python benchmarks/tracing.py

Two drawn crops: one cell that fills it, and a piece of a field as Raabin-WBC cuts it, with red cells and their specks.
Through the logic alone: the mask. Through the app, off the screen, on a phone's window and a desktop's: from the
finger's move to the lines laid over the crop in its texture. The frame that shows them is told apart, for OpenGL draws
in software here, and so is keeping it on the disk when the finger lifts. Processor time stands beside the clock's,
since others may work on the machine. Writes benchmarks/results/tracing.json and tracing.md.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "mobile_app" / "screens"))
from conftest import Driver, opened  # sets what Kivy has to find before it is loaded
from kivy.config import Config

from edge_wbc.core.crops import crop_fixed
from edge_wbc.core.images import write_image
from edge_wbc.lab.synthesis import SmearOptions, draw_field
from export.device import device_name, installed
from mobile_app.tracing.folder import FolderOutlines
from mobile_app.tracing.tracing import Tracing

ROOT = Path(__file__).parents[1]
SIDE = 512
TARGET_MS = 16
MOVES = 100
WINDOWS = {"phone, 360 x 640": (360, 640), "desktop, 1280 x 800": (1280, 800)}


def crops() -> dict[str, np.ndarray]:
    """One cell that fills its crop, and a piece of a field round it."""
    rgb, record = draw_field(SmearOptions("galaxy-s5-olympus", 1, 1, white_cells=8, seed=3), 0, 0)
    box = max((one.box for one in record.cells), key=lambda one: min(one[0], one[1], 1280 - one[2], 960 - one[3]))
    near = crop_fixed(rgb, box, 2 * round(0.75 * max(box[2] - box[0], box[3] - box[1])))
    return {
        "one cell": cv2.resize(near, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC),
        "piece of a field": crop_fixed(rgb, box, SIDE),
    }


def levels() -> list[int]:
    """Where a finger takes the slider, never twice the same place in a row."""
    return [40 + 7 * move % 160 for move in range(MOVES)]


class Timed:
    """Milliseconds of what is done within it, by the clock and by the processor."""

    def __init__(self) -> None:
        self.times: list[tuple[float, float]] = []

    def __enter__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        ended = time.perf_counter(), time.process_time()
        self.times.append(tuple(1e3 * (after - before) for before, after in zip(self._began, ended, strict=True)))

    def spread(self) -> dict[str, Any]:
        """Median and the longest, ms."""
        return {
            name: {"median": round(float(np.median(times)), 1), "worst": round(max(times), 1)}
            for name, times in zip(("wall", "processor"), zip(*self.times, strict=True), strict=True)
        }


def logic(crop: np.ndarray) -> dict[str, Any]:
    """Milliseconds of a move without the app."""
    tracing, timed = Tracing(crop), Timed()
    tracing.begin()
    for level in levels():
        with timed:
            tracing.slide(level)
            picture = tracing.picture
        assert picture.shape == (SIDE, SIDE)
    return timed.spread()


def app_moves(app: Driver) -> dict[str, Any]:
    """Milliseconds from a finger's move to the texture and to the frame; and from its lifting to the disk."""
    from kivy.graphics.opengl import glFinish
    from kivy.tests.common import UnitTestTouch

    slider = app.screen.ids.slider

    def knob(level: float) -> tuple[float, float]:
        span = slider.width - 2 * slider.padding
        return slider.to_window(slider.x + slider.padding + span * level / 255, slider.center_y)

    touch = UnitTestTouch(*knob(200))
    touch.touch_down()
    app.frames(2)
    answer, frame = Timed(), Timed()
    for level in levels():
        glFinish()
        before = app.screen.threshold
        with answer:
            touch.touch_move(*knob(level))
        with frame:
            app.loop.idle()
            glFinish()
        assert app.screen.threshold == level != before
    started = time.perf_counter()
    touch.touch_up()
    kept = 1e3 * (time.perf_counter() - started)
    assert not app.screen._tracing.unsaved
    return {"answer": answer.spread(), "frame": frame.spread(), "kept_ms": round(kept, 1)}


def main() -> None:
    """Draws, slides, writes."""
    Config.set("graphics", "maxfps", "0")
    if not opened():
        sys.exit("no OpenGL here: apt install libgl1-mesa-dri libegl1 libgles2 libmtdev1")
    from kivy.core.window import Window

    from mobile_app.app import WbcApp

    cv2.setNumThreads(1)
    found: dict[str, Any] = {
        "command": "python benchmarks/tracing.py",
        "device": f"{device_name()}; OpenGL in software; OpenCV on one thread",
        "versions": installed(("kivy", "numpy", "opencv-python")),
        "load_average": round(os.getloadavg()[0], 1),
        "target_ms": TARGET_MS,
        "logic_ms": {name: logic(crop) for name, crop in crops().items()},
        "app_ms": {},
    }
    with tempfile.TemporaryDirectory(dir=".") as room:
        for number, (name, crop) in enumerate(crops().items()):
            folder = Path(room) / str(number)
            folder.mkdir()
            write_image(folder / "crop.png", crop)
            for window, size in WINDOWS.items():
                Window.size = size
                app = Driver(WbcApp(Path(room) / "home", language="en", crops=FolderOutlines(folder)))
                app.app.desk.sign("Ann")
                app.app.go("outline")
                app.frames(5)
                found["app_ms"][f"{name}; {window}"] = app_moves(app)
                app.close()
    lines = table(found)
    print("\n".join(lines))
    results = ROOT / "benchmarks" / "results"
    (results / "tracing.json").write_text(json.dumps(found, indent=1) + "\n")
    (results / "tracing.md").write_text("\n".join(lines) + "\n")


def table(found: dict[str, Any]) -> list[str]:
    """The figures as Markdown."""
    rows = [
        f"| a move of the slider, {SIDE} x {SIDE}, n = {MOVES} | asked | ms, median | worst | processor ms | worst |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    asked = f"< {found['target_ms']} ms"
    for name, one in found["logic_ms"].items():
        rows.append(_row(f"the mask, {name}", asked, one))
    for name, one in found["app_ms"].items():
        rows.append(_row(f"in the app, {name}", asked, one["answer"]))
        rows.append(_row("the frame after it, OpenGL in software", "", one["frame"]))
    kept = max(one["kept_ms"] for one in found["app_ms"].values())
    rows += ["", f"On the disk after the finger lifts: {kept} ms at most."]
    return [f"{found['device']}; load {found['load_average']}; `{found['command']}`", "", *rows]


def _row(name: str, asked: str, one: dict[str, Any]) -> str:
    wall, work = one["wall"], one["processor"]
    return f"| {name} | {asked} | {wall['median']} | {wall['worst']} | {work['median']} | {work['worst']} |"


if __name__ == "__main__":
    main()
