"""`edge-wbc app`: what it looks through, and what it refuses before a window opens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.cli.main import main
from mobile_app.sources.folder import FolderSource
from mobile_app.sources.video import VideoSource
from mobile_app.tracing.folder import FolderOutlines

pytest.importorskip("kivy", reason="the app needs Kivy: pip install 'edge-wbc[app]'")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list:
    """What the app was started with; no window opens."""
    seen: list = []

    class Recorder:
        refused = None

        def __init__(self, *asked: object) -> None:
            seen.extend(asked)

    monkeypatch.setattr("mobile_app.app.WbcApp", Recorder)
    monkeypatch.setattr("mobile_app.app.run", lambda app: None)
    return seen


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["edge-wbc", "app", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_looks_through_the_webcam_a_folder_or_a_video(
    opened: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((9, 9, 3), np.uint8))
    (tmp_path / "b.mp4").write_bytes(b"")
    assert run(monkeypatch, "--camera", 2, "--home", tmp_path / "home") == 0
    assert isinstance(opened[1], VideoSource) and opened[1].name == "webcam 2" and opened[0] == tmp_path / "home"
    opened.clear()
    assert run(monkeypatch, "--frames", tmp_path) == 0
    assert isinstance(opened[1], FolderSource) and opened[1].file.name == "a.png"
    opened.clear()
    assert run(monkeypatch, "--frames", tmp_path / "b.mp4") == 0
    assert isinstance(opened[1], VideoSource) and opened[1].name.endswith("b.mp4")


def test_goes_through_a_folder_of_crops(opened: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((9, 9, 3), np.uint8))
    assert run(monkeypatch, "--outline", tmp_path) == 0
    assert isinstance(opened[4], FolderOutlines) and opened[4].progress() == (0, 1)


@pytest.mark.parametrize("asked", [("--frames", "nowhere"), ("--pack", "nowhere"), ("--outline", "nowhere")])
def test_what_is_not_there_is_refused_in_a_line(
    opened: list, asked: tuple, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert run(monkeypatch, *asked) == 2
    said = capsys.readouterr().err.strip()
    assert "nowhere" in said and "\n" not in said and not opened


def test_a_broken_database_is_said_though_kivy_would_take_the_line(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(cv2.imencode(".png", np.zeros((80, 80, 3), np.uint8))[1].tobytes())
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "sessions.sqlite").write_bytes(b"no database" * 100)
    asked = [sys.executable, "-m", "edge_wbc", "app", "--frames", str(tmp_path), "--home", str(tmp_path / "home")]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("KIVY_")}
    env = {**plain, "SDL_VIDEODRIVER": "offscreen", "KIVY_HOME": str(tmp_path / "kivy")}
    done = subprocess.run(asked, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and done.stdout == ""
    assert "sessions.sqlite" in done.stderr and len(done.stderr.strip().splitlines()) == 1
