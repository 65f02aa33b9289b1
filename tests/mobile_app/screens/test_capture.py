"""Capture and tally: a frozen field gets its white cell boxed, kept cells are counted, taps give exact limits."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.records import Smear
from mobile_app.session.shelf import Setup
from mobile_app.sources.folder import FolderSource

BCCD = Path(__file__).parents[3] / ".." / "shared" / "data" / "bccd"
"""Real fields; what is not there is skipped."""


def begun(app) -> None:
    app.app.desk.begin(Setup("Monday", Smear("S-1")), "Ada")
    app.app.go("capture")


def test_freezes_a_real_field_boxes_its_cell_and_keeps_it(drive) -> None:
    if not BCCD.is_dir():
        pytest.skip("the shared photographs of bccd are not here")
    app = drive(source=FolderSource(BCCD / "fields"))
    begun(app)
    app.until(lambda: app.screen.ids.view._texture is not None)
    app.press("Freeze")
    app.until(lambda: app.screen.can_keep)
    (found,) = app.screen._answer.cells
    before = app.pixels().copy()
    # The box is drawn where the finder says it is: white on its left edge, half way up.
    view = app.screen.ids.view
    x, y = view.to_view(found.box[0], (found.box[1] + found.box[3]) / 2)
    column = before[640 - round(y), round(x) - 3 : round(x) + 4].astype(int)
    assert column.min(axis=1).max() > 230 and column.max(axis=1).min() < 80
    app.press("Keep field")
    app.app.go("label")
    app.frames(3)
    session = app.app.desk.open
    (kept,) = session.cells()
    assert kept.cell.box == found.box
    assert kept.suggestion is not None and kept.label is None and kept.cell.score is not None
    app.press(app.app.words.label("neutrophil"))
    app.app.go("tally")
    assert app.app.desk.tally().shares["neutrophil"].count == 1
    assert app.screen.heading.startswith("1 of 100")


def test_a_photograph_that_cannot_be_read_is_said_on_the_screen(drive, tmp_path: Path) -> None:
    fields = tmp_path / "fields"
    fields.mkdir()
    (fields / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    app = drive(source=FolderSource(fields))
    begun(app)
    app.until(lambda: bool(app.app.said))
    assert "a.png" in app.app.said


def test_counts_by_touch_and_rings_at_the_target(drive, monkeypatch: pytest.MonkeyPatch) -> None:
    rung = []
    monkeypatch.setattr("mobile_app.screens.tally.alert", lambda: rung.append(True))
    app = drive()
    begun(app)
    app.app.go("tally")
    app.press("Manual counter")
    for _ in range(7):
        app.press("Eosinophil")
    app.press("Erythroblast")
    found = app.app.desk.tally()
    assert found.shares["eosinophil"].count == 7 and found.counted == 7 and found.nrbc == 1
    for _ in range(92):
        app.screen.tap("neutrophil")
    assert not rung
    app.press("Neutrophil")
    assert rung == [True] and app.app.desk.tally().reached
    assert "Target reached" in app.screen.heading


def test_without_camera_or_session_it_says_so(drive) -> None:
    app = drive()
    app.app.go("capture")
    app.frames(2)
    assert app.screen.told == "Start a session first" and app.screen.heading == "No camera"
    app.app.go("label")
    assert app.screen.heading == "Start a session first"
    app.app.go("tally")
    assert app.screen.heading == "Start a session first"


@pytest.mark.parametrize("language", ["en", "fa"])
@pytest.mark.parametrize("size", [(360, 640), (1280, 800)])
def test_no_button_is_smaller_than_a_finger(drive, tmp_path: Path, language: str, size: tuple[int, int]) -> None:
    photo = tmp_path / "fields" / "a.png"
    photo.parent.mkdir()
    cv2.imwrite(str(photo), np.full((500, 600, 3), 200, np.uint8))
    app = drive(source=FolderSource(photo.parent), language=language, size=size)
    begun(app)
    app.app.desk.open.add_field(cv2.imencode(".png", np.full((90, 90, 3), 9, np.uint8))[1].tobytes(), (90, 90))
    for name in ("capture", "label", "tally", "sessions", "settings", "mark", "calibrate", "benchmark", "upload"):
        app.app.go(name)
        app.frames(3)
        shown = [one for one in app.buttons() if one.opacity and not one.disabled and one.width > 0]
        assert shown and all(min(one.size) >= 40 for one in shown), name
        for one in shown:  # its words fit into it
            assert one.texture_size[0] <= one.width + 1 and one.texture_size[1] <= one.height + 1, one.say


def test_a_session_is_deleted_only_by_a_second_tap(drive) -> None:
    app = drive()
    begun(app)
    app.app.go("sessions")
    app.frames(3)
    app.press("Delete")
    assert len(app.app.desk.shelf.find()) == 1
    app.frames(2)
    app.press("Delete")
    assert app.app.desk.shelf.find() == [] and app.app.desk.session is None


def drawn(seed: int, shift: int = 0, blur: float = 0.0) -> np.ndarray:
    """A field of dark cells on bright ground; the same seed is the same place of the slide."""
    rng = np.random.default_rng(seed)
    rgb = np.full((480, 640, 3), 215, np.uint8)
    for x, y, radius in rng.integers((40, 40, 14), (600, 440, 30), (40, 3)):
        cv2.circle(rgb, (int(x) + shift, int(y)), int(radius), (190, 140, 170), -1, cv2.LINE_AA)
        cv2.circle(rgb, (int(x) + shift, int(y)), int(radius) // 2, (90, 40, 130), -1, cv2.LINE_AA)
    return cv2.GaussianBlur(rgb, (0, 0), blur) if blur else rgb


def frames_of(tmp_path: Path, *fields: np.ndarray) -> FolderSource:
    folder = tmp_path / "fields"
    folder.mkdir()
    for number, rgb in enumerate(fields):
        cv2.imwrite(str(folder / f"{number}.png"), rgb[..., ::-1])
    return FolderSource(folder)


def freeze(app, keep: bool) -> None:
    app.until(lambda: app.screen.running)
    app.press("Freeze")
    app.until(lambda: app.screen.can_keep)
    taken = app.screen._answer.photograph
    app.until(lambda: app.app.desk.twins.known(taken))
    app.frames(2)
    app.press("Keep field" if keep else "Live")


def test_a_field_that_was_kept_before_is_told_of_in_a_later_run_too_and_no_other(drive, tmp_path: Path) -> None:
    source = frames_of(tmp_path, drawn(1), drawn(1, shift=40), drawn(2))
    app = drive(source=source)
    begun(app)
    freeze(app, keep=True)
    number = app.app.desk.open.fields()[0].id
    app = drive(source=source)
    app.app.go("capture")
    for at, expected in ((1, number), (2, None)):
        while source._at != at:
            source.step()
        app.until(lambda: app.screen.running)
        app.press("Freeze")
        app.until(lambda: app.screen.can_keep)
        taken = app.screen._answer.photograph
        app.until(lambda taken=taken: app.app.desk.twins.known(taken))
        app.frames(3)
        assert app.app.desk.twins.of(taken) == expected
        assert ("already taken" in app.screen.told) == (expected is not None)
        app.press("Live")


def test_focus_and_light_are_told_and_the_focus_is_kept(drive, tmp_path: Path) -> None:
    source = frames_of(tmp_path, drawn(1), drawn(1, blur=4), drawn(1) // 4)
    app = drive(source=source)
    begun(app)
    app.until(lambda: bool(app.screen.focus_told))
    assert app.screen.focus == 1 and app.screen.light_told == "Light good"
    app.screen._look(drawn(1, blur=4))
    assert app.screen.focus < 0.7
    app.screen._look(drawn(1) // 4)
    assert app.screen.light_told == "Too dark" and not app.screen.light_good
    freeze(app, keep=True)
    assert app.app.desk.open.fields()[0].focus > 0


def test_a_pack_that_is_gone_is_said_where_the_field_is_read(drive, tmp_path: Path) -> None:
    app = drive(source=frames_of(tmp_path, drawn(1)))
    begun(app)
    app.app.desk.pack = tmp_path / "gone"
    app.until(lambda: app.screen.running)
    app.press("Freeze")
    app.until(lambda: app.screen.can_keep)
    assert "default pack is used" in app.app.said


def test_a_folder_is_gone_through_with_buttons_and_arrows(drive, tmp_path: Path) -> None:
    source = frames_of(tmp_path, drawn(1), drawn(2), drawn(3))
    app = drive(source=source)
    begun(app)
    app.until(lambda: bool(app.screen.focus_told))
    assert app.screen.heading == "0.png · 1/3"
    app.press("Freeze")
    app.until(lambda: app.screen.can_keep)
    app.press("Next")
    assert app.screen.heading == "1.png · 2/3" and not app.screen.frozen
    app.app._key(None, 276, 0, None, [])
    app.app._key(None, 276, 0, None, [])
    assert app.screen.heading == "2.png · 3/3"
    seen = app.screen._seen
    app.until(lambda: app.screen._seen > seen)
    freeze(app, keep=True)
    assert (app.app.desk.open.fields()[0].photograph).read_bytes() == source.file.read_bytes()


def brightness(app, x: float, y: float) -> int:
    """Of the window where a place of the photograph is shown."""
    view = app.screen.ids.view
    at = view.to_window(*view.to_view(x, y))
    return int(app.pixels()[640 - round(at[1]), round(at[0])].max())


def test_what_lies_outside_the_round_field_is_darkened_live_and_frozen(drive, tmp_path: Path) -> None:
    rgb = drawn(4)
    disc = cv2.circle(np.zeros(rgb.shape[:2], np.uint8), (320, 240), 225, 1, -1) > 0
    glare = np.where(disc[..., None], rgb, np.uint8(60))
    app = drive(source=frames_of(tmp_path, glare, drawn(5)))
    begun(app)
    app.until(lambda: bool(app.screen.focus_told))
    assert brightness(app, 20, 20) < 30 and brightness(app, 320, 200) > 80
    app.press("Freeze")
    app.until(lambda: app.screen.can_keep)
    assert brightness(app, 20, 20) < 30
    app.screen.step(1)
    app.until(lambda: app.screen.ids.view._over is None)
    assert brightness(app, 5, 5) > 200
