"""Calibration and benchmark with touches: measured, kept, used and written; what will not do is said."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.light import read_light
from mobile_app.session.shelf import Setup
from mobile_app.sources.folder import FolderSource


def start(drive, tmp_path: Path, rgb: np.ndarray):
    folder = tmp_path / "fields"
    folder.mkdir(exist_ok=True)
    cv2.imwrite(str(folder / "a.png"), rgb[..., ::-1])
    app = drive(source=FolderSource(folder))
    app.app.desk.begin(Setup("Monday"), "Ada")
    app.app.go("calibrate")
    app.frames(3)
    return app


def take(app) -> None:
    app.press("Take")
    app.until(lambda: app.screen.taken)
    app.frames(2)


def empty(level: int = 200) -> np.ndarray:
    y, x = np.mgrid[0:480, 0:640]
    fall = 1 - 0.2 * (((x - 320) / 320) ** 2 + ((y - 240) / 240) ** 2) / 2
    return (level * fall[..., None] * np.array([1, 0.97, 0.85])).astype(np.uint8)


def lines(period: float) -> np.ndarray:
    x = np.arange(640)
    dark = np.abs(x - np.round(x / period) * period) < 2
    return cv2.GaussianBlur(np.where(dark[None, :, None], 60, 220) * np.ones((480, 640, 3)), (0, 0), 1).astype(np.uint8)


def test_two_taps_and_a_distance_are_the_scale_of_the_next_field(drive, tmp_path: Path) -> None:
    app = start(drive, tmp_path, empty())
    assert app.screen.kept == "Not calibrated" and not app.screen.can_keep
    take(app)
    view = app.screen.ids.view
    for x in (100, 500):
        app.touch(*view.to_window(*view.to_view(x, 240)))
    entry = app.screen.ids.um
    app.touch(*entry.to_window(*entry.center))
    entry.text = "۴۰"
    entry.focus = False
    app.frames(2)
    app.press("Keep")
    scale = app.app.desk.calibration.scale
    assert scale.um_per_px == pytest.approx(0.1, rel=0.02) and scale.width == 640
    app.app.go("capture")
    app.until(lambda: app.screen.ids.view._texture is not None)
    app.press("Freeze")
    app.until(lambda: app.screen.can_keep)
    app.press("Keep field")
    assert app.app.desk.open.fields()[0].record.um_per_px == scale.um_per_px
    again = drive(home=tmp_path / "home")
    assert again.app.desk.calibration.scale == scale


def test_lines_and_light_are_kept_side_by_side_and_forgotten(drive, tmp_path: Path) -> None:
    app = start(drive, tmp_path, lines(40))
    app.press("Micrometer lines")
    take(app)
    app.press("Keep")
    scale = app.app.desk.calibration.scale
    assert scale.um_per_px == pytest.approx(0.25, rel=0.01)
    cv2.imwrite(str(tmp_path / "fields" / "a.png"), empty()[..., ::-1])
    app.press("Empty field")
    take(app)
    app.press("Keep")
    assert app.app.desk.calibration.scale == scale and app.app.desk.calibration.light is not None
    app.app.go("capture")
    app.until(lambda: app.screen.ids.view._texture is not None)
    app.press("Freeze")
    app.until(lambda: app.screen.can_keep)
    app.press("Keep field")
    (kept,) = app.app.desk.open.fields()
    assert kept.light is not None and kept.record.light == f"light/{kept.light.name}"
    assert np.array_equal(read_light(kept.light).levels, app.app.desk.calibration.light.levels)
    app.app.go("calibrate")
    app.press("Forget")
    assert app.app.desk.calibration is not None and "again" in app.screen.told
    app.press("Forget")
    assert app.buttons("Forget")[0].disabled
    assert app.app.desk.calibration is None and app.app.desk.setup().um_per_px is None
    assert not (tmp_path / "home" / "calibration").exists()


@pytest.mark.parametrize("way", ["Micrometer lines", "Red cells", "Empty field"])
def test_what_measures_nothing_is_said_and_cannot_be_kept(drive, tmp_path: Path, way: str) -> None:
    app = start(drive, tmp_path, empty(20))
    app.press(way)
    take(app)
    assert app.app.said.startswith("calibration:") and not app.screen.can_keep
    assert app.buttons("Keep")[0].disabled


def test_a_distance_that_is_no_number_is_said(drive, tmp_path: Path) -> None:
    app = start(drive, tmp_path, empty())
    take(app)
    app.screen.ids.um.text = "far"
    app.screen.ids.view.on_tap(300, 100)
    app.screen.ids.view.on_tap(400, 100)
    assert "no number" in app.app.said and not app.screen.can_keep


def test_a_broken_calibration_is_said_at_the_start_and_not_used(drive, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "calibration"
    folder.mkdir(parents=True)
    (folder / "calibration.json").write_text("{}")
    app = drive(home=tmp_path / "home")
    assert "calibrate again" in app.app.said and app.app.desk.calibration is None


def test_benchmark_measures_and_writes_what_the_command_reads(drive, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed: no pack can be run")
    app = drive()
    app.app.go("benchmark")
    app.frames(3)
    app.press("20")
    app.press("Measure")
    app.until(lambda: not app.screen.running)
    found = json.loads((tmp_path / "home" / "benchmark.json").read_text(encoding="utf-8"))
    assert {row["threads"] for row in found["artefacts"]} == {1, 2}
    assert all(row["runs"] == 20 for row in found["artefacts"])
    shown = [label.say for label in app.screen.ids.rows.children]
    assert f"{found['artefacts'][0]['ms_median']:.2f}" in shown
    assert "benchmark.json" in app.screen.told


def test_benchmark_is_ended_by_leaving_and_a_lost_pack_is_said(drive, tmp_path: Path) -> None:
    app = drive()
    app.app.go("benchmark")
    app.screen.runs = 100_000
    screen = app.screen
    screen.start()
    app.app.go("tally")
    app.until(lambda: not screen.running)
    assert not (tmp_path / "home" / "benchmark.json").exists() and app.app.said == ""
    app.app.desk.pack = tmp_path / "gone"
    app.app.go("benchmark")
    screen.start()
    app.until(lambda: not screen.running)
    assert "gone" in app.app.said
