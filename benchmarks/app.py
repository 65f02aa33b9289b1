"""The app as a finger meets it, off the screen: from a tap to the next cell, opening a session, memory.

    python benchmarks/app.py [--cells 10000] [--folder FOLDER]

Real touches on the real app, drawn fields. A tap is timed from the finger's touching the button to the frame in which
the next cell's picture stands, drawn to its last pixel; the label is on the disk by then, so name a folder on the disk
that is meant. Taps that end in another field, whose photograph has to be read, are told apart. A session is opened by
a touch in the list. Memory is measured while every cell of a session is labelled as a tap labels it. From freezing to
boxes: benchmarks/live.py. Prints a table and writes benchmarks/results/app.json and app.md.
"""

from __future__ import annotations

import argparse
import gc
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
from sessions import resident_mib

from edge_wbc.core.records import Cell
from edge_wbc.lab.synthesis import SmearOptions, draw_field
from export.device import device_name, installed
from mobile_app.session.shelf import Setup, Shelf
from mobile_app.session.store import Store

ROOT = Path(__file__).parents[1]
SIZES = {"1280 x 960": (1280, 960), "16 MP": (4608, 3456)}
TAPS, OPENED, A_FIELD = 200, 5, 20
PAUSE_S = 0.3  # from one tap to the next: nobody names three cells a second for long
TARGETS = {"tap_ms": 50, "open_ms": 1000, "memory_mib": 20}
WINDOW = 360, 640
LABELS = ("neutrophil", "small_lymphocyte", "monocyte", "eosinophil")


def fill(home: Path, cells: int, size: tuple[int, int], name: str) -> None:
    """A session of so many cells, `A_FIELD` to a drawn photograph: one picture, files apart."""
    rgb, record = draw_field(SmearOptions("galaxy-s5/olympus", 1, 1, white_cells=A_FIELD, seed=3), 0, 0)
    across, down = size[0] / rgb.shape[1], size[1] / rgb.shape[0]
    rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC)
    boxes = [[round(at * by) for at, by in zip(one.box, (across, down) * 2, strict=True)] for one in record.cells]
    data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
    store = Store(home)
    session = Shelf(store).create(Setup(name), "Ann")
    for number in range(-(-cells // A_FIELD)):
        session.add_field(data + number.to_bytes(4, "big"), size, [Cell(tuple(box)) for box in boxes])
    store.close()


def taps(app: Driver) -> dict[str, Any]:
    """Milliseconds from touch to picture."""
    from kivy.graphics.opengl import glFinish
    from kivy.tests.common import UnitTestTouch

    app.app.go("label")
    app.frames(5)
    times: dict[bool, list[list[float]]] = {True: [], False: []}
    for number in range(TAPS):
        (button,) = app.buttons(app.app.words.label(LABELS[number % len(LABELS)]))
        place, session = button.to_window(*button.center), app.app.desk.open
        cell, field = app.screen.cell, session.cell(app.screen.cell).field
        picture = app.screen.ids.picture.texture
        glFinish()  # what was drawn before is no part of the tap
        started = time.perf_counter()
        touch = UnitTestTouch(*place)
        touch.touch_down()
        touch.touch_up()
        while app.screen.ids.picture.texture is picture:
            app.loop.idle()
        app.loop.idle()
        given = time.perf_counter()
        glFinish()
        drawn = time.perf_counter()
        same = session.cell(app.screen.cell).field == field
        times[same].append([1e3 * (drawn - started), 1e3 * (drawn - given)])
        assert session.cell(cell).label == LABELS[number % len(LABELS)] and app.screen.cell != cell
        while time.perf_counter() < drawn + PAUSE_S:
            app.loop.idle()
    both = times[True] + times[False]
    return {
        "all": spread([tap for tap, _ in both]),
        "next_field": spread([tap for tap, _ in times[False]]),
        "of_which_opengl": spread([frame for _, frame in both]),
    }


def spread(times: list[float]) -> dict[str, Any]:
    """How often, median, 90th percentile and the longest, ms."""
    middle, late = np.percentile(times, [50, 90])
    return {"n": len(times), "median": round(middle, 1), "p90": round(late, 1), "worst": round(max(times), 1)}


def openings(app: Driver) -> list[float]:
    """Milliseconds from the touch in the list to the first cell without a label."""
    from kivy.graphics.opengl import glFinish
    from kivy.tests.common import UnitTestTouch

    times = []
    for _ in range(OPENED):
        app.app.go("sessions")
        app.frames(3)
        button = app.buttons(app.app.words("sessions.open"))[0]
        touch = UnitTestTouch(*button.to_window(*button.center))
        started = time.perf_counter()
        touch.touch_down()
        touch.touch_up()
        while app.screen.name != "label":
            app.loop.idle()
        app.loop.idle()
        glFinish()
        times.append(round(1e3 * (time.perf_counter() - started), 1))
        assert app.app.desk.open.cell(app.screen.cell).label is None
    return times


def memory(app: Driver) -> dict[str, float]:
    """MiB before and after every cell was labelled as a tap labels it, and at the highest, a frame to each."""
    from kivy.clock import Clock

    Clock._max_fps = 0
    app.app.go("label")
    app.frames(5)
    session = app.app.desk.open
    for number in range(3 * A_FIELD):  # what is made once, at the first fields, is no growth
        app.app.do(app.screen.vote, LABELS[number % len(LABELS)])
        app.loop.idle()
    gc.collect()
    before = highest = resident_mib()
    number = 0
    while session.cell(app.screen.cell).label is None:
        app.app.do(app.screen.vote, LABELS[number % len(LABELS)])
        app.loop.idle()
        number += 1
        if number % 100 == 0:
            highest = max(highest, resident_mib())
    gc.collect()
    after = resident_mib()
    return {"cells": number, "before": before, "after": after, "highest": highest, "grown": round(after - before, 1)}


def main() -> None:
    """Fills, taps, opens, labels all, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, default=Path("."))
    asked = parser.parse_args()
    for side, pixels in zip(("width", "height"), WINDOW, strict=True):
        Config.set("graphics", side, pixels)
    if not opened():
        parser.exit(1, "no OpenGL here: apt install libgl1-mesa-dri libegl1 libgles2 libmtdev1\n")
    from mobile_app.app import WbcApp

    found: dict[str, Any] = {
        "command": "python benchmarks/app.py",
        "device": f"{device_name()}; OpenGL in software, 360 x 640",
        "versions": installed(("kivy", "numpy", "opencv-python")),
        "load_average": round(os.getloadavg()[0], 1),
        "targets": TARGETS,
        "tap_ms": {},
        "memory_mib": {},
    }
    for name, size in SIZES.items():
        # The larger photographs fill disks: as many as the taps need, and twice as many for the memory.
        cells = asked.cells if size == SIZES["1280 x 960"] else 2 * TAPS
        with tempfile.TemporaryDirectory(dir=asked.folder) as room:
            fill(Path(room), cells, size, name)
            app = Driver(WbcApp(Path(room), language="en"))
            if cells == asked.cells:
                found["open_ms"] = {"cells": cells, "times": openings(app)}
            found["tap_ms"][name] = taps(app)
            found["memory_mib"][name] = memory(app)
            app.close()
    lines = table(found)
    print("\n".join(lines))
    results = ROOT / "benchmarks" / "results"
    (results / "app.json").write_text(json.dumps(found, indent=1) + "\n")
    (results / "app.md").write_text("\n".join(lines) + "\n")


def table(found: dict[str, Any]) -> list[str]:
    """The figures as Markdown."""
    rows = ["| what | asked | median | p90 | worst |", "| --- | --- | --- | --- | --- |"]
    for size, times in found["tap_ms"].items():
        for name, told in (
            ("all", "tap to the next cell"),
            ("next_field", "of these, into another field"),
            ("of_which_opengl", "of each, OpenGL in software"),
        ):
            one = times[name]
            figures = f"{one['median']} | {one['p90']} | {one['worst']}"
            target = "" if name == "of_which_opengl" else f"< {TARGETS['tap_ms']} ms"
            rows.append(f"| {told}, {size}, n = {one['n']} | {target} | {figures} |")
    opened_ms = spread(found["open_ms"]["times"])
    rows.append(
        f"| opening {found['open_ms']['cells']} cells, n = {opened_ms['n']} | < {TARGETS['open_ms']} ms |"
        f" {opened_ms['median']} | {opened_ms['p90']} | {opened_ms['worst']} |"
    )
    rows += [
        "",
        "| memory while labelling | asked | grown, MiB | total, MiB | highest, MiB |",
        "| --- | --- | --- | --- | --- |",
    ]
    for size, one in found["memory_mib"].items():
        figures = f"{one['grown']} | {one['after']:.0f} | {one['highest']:.0f}"
        rows.append(f"| {one['cells']} cells, {size} | < {TARGETS['memory_mib']} MiB | {figures} |")
    return [f"{found['device']}; load {found['load_average']}; `{found['command']}`", "", *rows]


if __name__ == "__main__":
    main()
