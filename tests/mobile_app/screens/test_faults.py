"""What goes wrong is said on the screen in the person's words, and the work is kept."""

from __future__ import annotations

import contextlib
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.records import Cell, Smear
from mobile_app.packs import DEFAULT_PACK
from mobile_app.session.shelf import Setup, Shelf
from mobile_app.session.store import Store
from mobile_app.sources.frames import Frame, FrameGone, Photograph, photograph_of
from mobile_app.words import is_rtl

LANGUAGES = pytest.mark.parametrize("language", ["en", "fa"])
FIELD = np.full((240, 320, 3), 215, np.uint8)
cv2.circle(FIELD, (160, 120), 24, (90, 40, 130), -1, cv2.LINE_AA)


class Camera:
    """A source of one field that is denied, or gone after some frames, until `start` finds it well again."""

    name = "camera"

    def __init__(self, frames: int, fault: str = "another app took it", remedy: str = "start it again") -> None:
        self.left, self.started, self._said = frames, 0, (fault, remedy)
        self._number = 0

    def start(self) -> None:
        self.started += 1

    def newest(self) -> Frame:
        self._number += 1
        self._check()
        return Frame(FIELD, self._number, float(self._number))

    def still(self) -> Photograph:
        self._check()
        return photograph_of(FIELD)

    def _check(self) -> None:
        if self._number > self.left:
            raise FrameGone(self.name, *self._said)

    def lock(self, held: bool) -> bool:
        return False

    def stop(self) -> None:
        pass


def shown(app) -> str:
    """What the fault's line shows, as far as it is seen: all of it, or it scrolls."""
    app.frames(3)
    (text,) = [one for one in app.app.root.walk() if type(one).__name__ == "FaultText"]
    assert text.say == app.app.said and text.texture_size[1] <= text.height + 1
    line = text.parent.parent
    assert line.height >= min(text.height, app.app.root.height * 0.4) - 1
    assert is_rtl(text.say) == (app.app.words.language == "fa") or not text.say
    return text.say


def begin(app) -> None:
    app.app.desk.begin(Setup("Monday", Smear("S-1")), "Ada")


def with_cells(app, count: int = 6) -> None:
    begin(app)
    boxes = [(10 + 40 * k, 20, 40 + 40 * k, 50) for k in range(count)]
    data = cv2.imencode(".png", FIELD)[1].tobytes()
    app.app.desk.open.add_field(data, (320, 240), [Cell(box) for box in boxes])
    app.app.go("label")
    app.frames(3)


def labels(home: Path) -> list[str | None]:
    """What the disk says, read anew."""
    store = Store(home)
    try:
        session = Shelf(store).resume()
        assert session is not None and store.read("PRAGMA integrity_check")[0][0] == "ok"
        return [cell.label for cell in session.cells(limit=-1)]
    finally:
        store.close()


@contextlib.contextmanager
def full_storage() -> Iterator[None]:
    """No file may grow, which the kernel answers as it would a full disk."""
    resource = pytest.importorskip("resource", reason="limits the process's files: POSIX only")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@LANGUAGES
def test_a_camera_that_is_denied_is_said_and_counting_goes_on_without_it(drive, language: str) -> None:
    remedy = "allow the camera for this app in Android's settings, or count without it"
    camera = Camera(0, "its use is not allowed", remedy)
    app = drive(source=camera, language=language)
    begin(app)
    app.app.go("capture")
    app.until(lambda: bool(app.app.said))
    said = {"en": f"camera: its use is not allowed; {remedy}", "fa": "دوربین: اجازهٔ استفاده از آن داده نشده است؛"}
    assert shown(app).startswith(said[language])
    (freeze,) = app.buttons(app.app.words("capture.freeze"))
    assert freeze.disabled and not app.screen.can_keep
    app.app.go("tally")
    app.press(app.app.words("tally.manual"))
    app.press(app.app.words.label("monocyte"))
    assert app.app.desk.tally().counted == 1
    camera.left = 10**9  # allowed meanwhile, in Android's settings
    app.app.go("capture")
    app.until(lambda: app.screen.ids.view._texture is not None)
    assert app.screen.running and not app.app.said


@LANGUAGES
def test_a_camera_gone_in_mid_session_leaves_what_was_frozen(drive, language: str) -> None:
    camera = Camera(10**9)
    app = drive(source=camera, language=language)
    words = app.app.words
    begin(app)
    app.app.go("capture")
    app.until(lambda: app.screen.ids.view._texture is not None)
    app.press(words("capture.freeze"))
    app.until(lambda: app.screen.can_keep)
    camera.left = -1
    app.frames(5)
    assert app.screen.frozen and not app.app.said
    app.press(words("capture.keep"))
    assert len(app.app.desk.open.fields()) == 1
    app.until(lambda: bool(app.app.said))
    assert ("another app took it" if language == "en" else "برنامهٔ دیگری آن را گرفت") in shown(app)
    assert not app.screen.running
    camera.left, started = 10**9, camera.started
    app.press(words("tab.capture"))
    app.until(lambda: app.screen.running and app.screen._seen > 0)
    assert camera.started == started + 1 and not app.app.said
    assert len(app.app.desk.open.fields()) == 1


def test_a_camera_gone_while_it_takes_the_still_goes_back_to_the_preview(drive) -> None:
    camera = Camera(10**9)
    app = drive(source=camera)
    begin(app)
    app.app.go("capture")
    app.until(lambda: app.screen.running)
    camera.left = -1
    app.screen.freeze()
    app.until(lambda: bool(app.app.said))
    assert "another app took it" in shown(app) and not app.screen.frozen and not app.screen.can_keep


@LANGUAGES
def test_a_full_storage_is_said_at_every_door_and_the_same_tap_works_once_there_is_room(
    drive, tmp_path: Path, language: str
) -> None:
    app = drive(source=Camera(10**9), language=language)
    words, full = app.app.words, "the storage is full" if language == "en" else "حافظه پر"
    with_cells(app)
    app.press(words.label("monocyte"))
    with full_storage():
        app.press(words.label("band"))
        assert full in shown(app) and "/" not in app.app.said.partition(":")[0]
    assert labels(tmp_path / "home") == ["monocyte", None, None, None, None, None]
    app.press(words.label("band"))
    assert labels(tmp_path / "home")[:3] == ["monocyte", "band", None] and not app.app.said
    app.app.go("capture")
    app.until(lambda: app.screen.running)
    app.press(words("capture.freeze"))
    app.until(lambda: app.screen.can_keep)
    with full_storage():
        app.press(words("capture.keep"))
        assert ("photograph: cannot be kept" if language == "en" else "عکس: نگه داشته نمی‌شود") in shown(app)
    assert app.screen.can_keep and len(app.app.desk.open.fields()) == 1
    app.press(words("capture.keep"))
    assert len(app.app.desk.open.fields()) == 2
    app.app.go("sessions")
    with full_storage():
        app.press(words("sessions.export"))
        app.until(lambda: bool(app.app.said))
        assert ("cannot be written" if language == "en" else "نوشته نمی‌شود") in shown(app)
    assert [path for path in (tmp_path / "home" / "exports").iterdir() if path.suffix] == []


def test_a_clock_set_back_changes_neither_order_nor_where_one_goes_on(
    drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = drive()
    with_cells(app)
    app.press("Monocyte")
    monkeypatch.setattr("time.time", lambda: 86_400.0)  # the second of January 1970: a battery that was out
    app.press("Band")
    app.press("Burst")
    app.press("Undo")
    assert labels(tmp_path / "home") == ["monocyte", "band", None, None, None, None]
    app.app.go("sessions")
    app.app.desk.begin(Setup("After", Smear("S-2")), "Ada")
    assert [one.setup.name for one in app.app.desk.shelf.find()] == ["After", "Monday"]
    app = drive()
    assert app.app.desk.shelf.listed(app.app.desk.open.id).setup.name == "After"
    app.app.desk.take_up(1, "Ada")
    app.app.go("label")
    app.press("Undo")
    assert labels(tmp_path / "home") == ["monocyte", None, None, None, None, None]


@LANGUAGES
@pytest.mark.parametrize("how", ["removed", "damaged"])
def test_a_pack_removed_in_use_falls_back_to_the_default_one_and_says_so_by_name(
    drive, tmp_path: Path, language: str, how: str
) -> None:
    camera = Camera(10**9)
    app = drive(source=camera, language=language)
    mine = tmp_path / "lab-7"
    shutil.copytree(DEFAULT_PACK, mine)
    app.app.desk.use_pack(mine)
    installed = app.app.desk.pack
    app = drive(source=camera, language=language)
    if how == "removed":
        shutil.rmtree(installed)
    else:
        model = installed / "model.int8.tflite"
        model.write_bytes(model.read_bytes()[:-1] + b"?")
    begin(app)
    app.app.go("capture")
    app.until(lambda: app.screen.running)
    app.press(app.app.words("capture.freeze"))
    app.until(lambda: app.screen.can_keep)
    default = {"en": "the default pack is used", "fa": "بستهٔ پیش‌فرض به کار می‌رود"}
    assert f"packs/{installed.name}" in shown(app) and default[language] in app.app.said
    app.press(app.app.words("capture.keep"))
    assert app.app.desk.open.cells()[0].suggestion.pack == "default"
    app.app.go("settings")
    app.frames(3)
    assert app.app.desk.store.setting("pack") == installed.name  # chosen still, should it come back


@LANGUAGES
def test_an_unreadable_photograph_is_said_and_its_labels_are_kept(drive, tmp_path: Path, language: str) -> None:
    app = drive(language=language)
    words, home = app.app.words, tmp_path / "home"
    with_cells(app)
    app.press(words.label("monocyte"))
    assert app.screen.ids.picture.texture is not None
    (photograph,) = (home / "photographs").iterdir()
    photograph.write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    unreadable = {"en": "truncated PNG", "fa": "پروندهٔ PNG ناقص است"}[language]
    app = drive(language=language)  # begins where it stopped, with nothing in memory
    assert unreadable in shown(app) and app.screen.ids.picture.texture is None
    app.press(words.label("band"))
    assert labels(home)[:3] == ["monocyte", "band", None] and unreadable in shown(app)
    app.app.go("mark")
    assert unreadable in shown(app) and app.screen.ids.view._texture is None
    photograph.unlink()
    assert {"en": "photograph of field 1: ", "fa": "عکس میدان ۱: "}[language] in app.app.said
    app.app.go("label")
    gone = {"en": "cannot be read (No such file", "fa": "خوانده نمی‌شود (چنین پرونده یا پوشه‌ای نیست"}[language]
    assert gone in shown(app)
    app.app.go("sessions")
    app.press(words("sessions.export"))
    app.until(lambda: words("sessions.lost", count=1) in app.screen.told)
    (whole,) = (home / "exports").glob("*.zip")
    assert "session.json" in zipfile.ZipFile(whole).namelist()
    (table,) = (home / "exports").glob("*.csv")
    assert "monocyte" in table.read_text() and "band" in table.read_text()
    assert labels(home)[:3] == ["monocyte", "band", None]


def test_another_cells_picture_never_stands_for_one_that_cannot_be_read(drive, tmp_path: Path) -> None:
    app = drive()
    with_cells(app, 1)
    app.app.desk.open.add_field(cv2.imencode(".png", FIELD[:120])[1].tobytes(), (320, 120), [Cell((10, 10, 60, 60))])
    app.frames(2)
    path = app.app.desk.open.fields()[1].photograph
    path.unlink()
    app.press("Monocyte")
    assert app.screen.cell == 2 and app.screen.ids.picture.texture is None and "cannot be read" in shown(app)


def test_undo_without_a_session_is_said_too(drive) -> None:
    app = drive()
    app.app.go("tally")
    app.window.dispatch("on_key_down", ord("z"), 0, "z", ["ctrl"])
    assert shown(app) == "session: none is open; begin one, or open one of the list"


def test_a_page_has_its_ground_down_to_the_bar(drive) -> None:
    app = drive()
    app.app.go("more")
    ground = app.pixels()[:, 2]
    bar = round(app.app.root.children[0].height)
    assert (ground[: 640 - bar] == ground[0]).all() and ground[0].min() > 15


# The line itself

LONG = BadInput(
    "/home/technician/Hematology Lab/" + "microscope sessions/" * 30, "cannot be written", "free some space"
)


@LANGUAGES
@pytest.mark.parametrize("size", [(360, 640), (1280, 800)])
def test_the_line_is_as_high_as_its_fault_within_bounds_and_a_tap_closes_it(drive, language, size) -> None:
    app = drive(language=language, size=size)
    (line,) = [one for one in app.app.root.walk() if type(one).__name__ == "FaultLine"]
    app.frames(3)
    assert line.height == 0
    app.app.tell(BadInput("session", "none is open", "begin one, or open one of the list"))
    shown(app)
    low = line.height
    assert 44 <= low <= 100 and line.top == size[1] - 22
    assert {"!", app.app.words("fault")} <= {one.say for one in line.walk() if hasattr(one, "say")}
    (close,) = app.buttons("×")
    assert min(close.size) >= 44
    app.touch(*close.to_window(*close.center))
    assert app.app.said == "" and line.height == 0
    app.app.tell(LONG)
    shown(app)
    assert low < line.height <= 0.4 * size[1] + 1
    text = next(one for one in line.walk() if type(one).__name__ == "FaultText")
    assert text.height > line.height or size[0] > 360
    app.touch(line.center_x, line.top - 20)
    app.until(lambda: app.app.said == "")


@LANGUAGES
def test_files_of_the_apps_own_folder_are_called_by_their_name(drive, tmp_path: Path, language: str) -> None:
    app = drive(language=language)
    app.app.tell(BadInput(tmp_path / "home" / "sessions.sqlite", "is damaged"))
    assert "sessions.sqlite" in app.app.said and str(tmp_path) not in app.app.said
    app.app.tell(BadInput(tmp_path / "other.zip", "no such pack"))
    assert str(tmp_path / "other.zip") in app.app.said
