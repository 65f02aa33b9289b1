"""Sessions with touches: exported, renamed, gone on with by a second expert who sees nothing of the first's labels."""

from __future__ import annotations

import threading
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.records import Cell, Microscope, Smear
from edge_wbc.core.taxonomy import LABELS
from mobile_app.session import export
from mobile_app.session.shelf import Setup, Shelf
from mobile_app.session.store import Store
from mobile_app.words import LANGUAGES, Words


@pytest.fixture
def app(drive):
    app = drive()
    app.app.desk.begin(Setup("Monday 7/8", Smear("S-1", "Giemsa"), Microscope("CX18", 100.0)), "Ada")
    app.app.desk.open.tap("monocyte")
    app.app.go("sessions")
    app.frames(3)
    return app


def sign(app, name: str) -> None:
    entry = app.screen.ids.expert
    app.touch(*entry.to_window(*entry.center))
    entry.text = name
    entry.focus = False
    app.frames(2)


@pytest.mark.parametrize("language", LANGUAGES)
def test_exports_the_zip_the_table_and_the_page_in_the_language(app, tmp_path: Path, language: str) -> None:
    app.app.speak(language)
    app.press(app.app.words("sessions.export"))
    folder = tmp_path / "home" / "exports"
    app.until(lambda: ".html" in app.screen.told)
    names = ["Monday-7-8-1.zip", "Monday-7-8-1-Ada.csv", "Monday-7-8-1-Ada.html"]
    assert all(f"exports/{name}" in app.screen.told for name in names)
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert "session.json" in zipfile.ZipFile(folder / names[0]).namelist()
    page = (folder / names[2]).read_text(encoding="utf-8")
    assert app.app.words("label.monocyte") in page and app.app.words("disclaimer").lower() in page.lower()
    assert ('dir="rtl"' in page) == (language == "fa")


def test_what_cannot_be_written_is_said(app, tmp_path: Path) -> None:
    (tmp_path / "home" / "exports").write_text("no folder")
    app.press("Export")
    app.until(lambda: bool(app.app.said))
    assert "cannot be written" in app.app.said and app.screen.told == ""


def test_renames(app) -> None:
    app.press("Rename")
    app.frames(3)
    row = app.screen.ids.rows.children[0]
    row.ids.name.text = "Tuesday"
    app.press("Save")
    assert app.app.desk.setup().name == "Tuesday"
    assert "Tuesday" in app.screen.ids.rows.children[0].title
    app.frames(3)
    app.press("Rename")
    app.screen.ids.rows.children[0].ids.name.text = " "
    app.press("Save")
    assert app.app.said and app.app.desk.setup().name == "Tuesday"


def test_a_second_expert_opens_the_same_session_blind(app) -> None:
    sign(app, "Bob")
    app.press("Open")
    assert app.app.desk.open.expert == "Bob" and app.app.desk.open.counts() == {}
    app.app.desk.open.tap("basophil")
    app.app.go("sessions")
    app.frames(3)
    sign(app, "Ada")
    app.press("Open")
    assert app.app.desk.open.counts() == {"monocyte": 1}


def test_every_screen_tells_what_is_open_and_a_start_goes_on_there(app, drive, tmp_path: Path) -> None:
    assert app.app.opened == "Monday 7/8 · S-1 · Ada"
    sign(app, "Bob")
    assert app.app.opened == "Monday 7/8 · S-1 · Bob"
    app.press("Rename")
    app.frames(3)
    app.screen.ids.rows.children[0].ids.name.text = "A name that is longer than a phone is wide"
    app.press("Save")
    assert app.app.opened == "A name that is longer… · S-1 · Bob"
    app.app.desk.open.tap("monocyte")
    app = drive(home=tmp_path / "home")
    assert app.screen.name == "tally" and app.app.opened == "A name that is longer… · S-1 · Bob"
    add_fields(app.app.desk.open, 1)
    app = drive(home=tmp_path / "home")
    assert app.screen.name == "label"
    app.press("Sessions")
    assert app.screen.ids.rows.children[0].detail.startswith("Open now · ")
    app.press("Delete")
    app.press("Delete")
    assert app.app.opened == "No session is open"
    assert drive(home=tmp_path / "home").screen.name == "sessions"


def test_the_next_session_has_the_same_microscope_and_stain_and_its_own_slide(app) -> None:
    app.app.desk.change(app.app.desk.setup())
    app.press("New session")
    app.frames(3)
    app.screen.ids.name.text, app.screen.ids.smear.text = "Tuesday", "S-2"
    app.press("Begin")
    assert app.app.said == ""
    assert app.screen.name == "tally"
    setup = app.app.desk.setup()
    assert (setup.name, setup.smear, setup.microscope) == ("Tuesday", Smear("S-2", "Giemsa"), Microscope("CX18", 100.0))
    assert app.app.desk.open.expert == "Ada"


def test_the_report_is_said_in_every_language() -> None:
    report = {key for key in Words("en").texts if key.startswith("report.")}
    for language in LANGUAGES:
        words = Words(language)
        assert all(words.said(name) for name in LABELS)
        assert all(words.said(key[len("report.") :]) for key in report)
    with pytest.raises(KeyError):
        Words("fa").said("nothing of the report")


def add_fields(session, count: int) -> None:
    """Photographs of noise, a cell in each."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        noise = rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)
        session.add_field(cv2.imencode(".bmp", noise)[1].tobytes(), (320, 240), [Cell((100, 100, 150, 150))])


def test_votes_are_taken_while_a_session_is_written(app, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = app.app.desk.open
    add_fields(session, 40)
    voted, real, read = threading.Event(), export._whole, []

    def whole(path):
        read.append(path)
        if len(read) == 20:  # in the middle of it: were the UI held, no vote would ever come
            assert voted.wait(30), "no vote was taken"
        return real(path)

    monkeypatch.setattr(export, "_whole", whole)
    app.press("Export")
    app.until(lambda: "Writing" in app.screen.ids.rows.children[0].detail)
    app.until(lambda: len(read) == 20)
    app.until(lambda: "Writing… 23%" in app.screen.ids.rows.children[0].detail)
    app.press("Export")
    assert app.app.said == "the app: does this already; wait until it is done", (
        "the same is not written twice at a time"
    )
    app.press("Delete")
    app.press("Delete")
    assert "is being written" in app.app.said and len(app.app.desk.shelf.find()) == 1
    app.press("Label")
    for label in ("Monocyte", "Basophil", "Neutrophil"):
        app.press(label)
    assert session.progress() == (3, 40) and app.app.said == ""
    voted.set()
    app.until(lambda: app.app.desk.jobs.share(("export", session.id)) is None)
    app.press("Sessions")
    assert "exports/Monday-7-8-1.zip" in app.screen.told
    names = zipfile.ZipFile(tmp_path / "home" / "exports" / "Monday-7-8-1.zip").namelist()
    assert sum(name.startswith("images/") for name in names) == 40
    assert not list((tmp_path / "home" / "exports").glob("*.partial"))


def test_leaving_in_the_middle_leaves_no_half_file_and_the_votes(app, tmp_path: Path, monkeypatch, drive) -> None:
    session = app.app.desk.open
    add_fields(session, 3)
    begun, go_on, real = threading.Event(), threading.Event(), export._whole

    def whole(path):
        begun.set()
        assert go_on.wait(30)
        return real(path)

    monkeypatch.setattr(export, "_whole", whole)
    app.press("Export")
    assert begun.wait(30)
    session.vote(session.next_cell(), "band")
    threading.Timer(0.3, go_on.set).start()  # while the app waits for it
    app = drive(home=tmp_path / "home")
    assert list((tmp_path / "home" / "exports").iterdir()) == []
    assert app.app.desk.open.counts(taps=False) == {"band": 1}


def test_of_three_hundred_sessions_a_few_are_drawn_and_all_are_found(drive, tmp_path: Path) -> None:
    from mobile_app.screens.sessions import FIRST

    store = Store(tmp_path / "home")
    for number in range(300):
        Shelf(store).create(Setup(f"Slide {number}"), "Ada")
    store.close()
    app = drive(home=tmp_path / "home")
    app.frames(3)

    def titles() -> list[str]:
        return [row.title for row in reversed(app.screen.ids.rows.children)]

    assert titles() == [f"Slide {number} · Ada" for number in range(299, 299 - FIRST, -1)]
    app.screen.ids.rows.parent.parent.scroll_y = 0
    app.press("Show more")
    assert titles() == [f"Slide {number} · Ada" for number in range(299, 299 - 2 * FIRST, -1)]
    app.screen.ids.search.text = "slide 7"
    assert len(titles()) == FIRST and app.screen.further
    app.screen.ids.search.text = "slide 77"
    assert titles() == ["Slide 77 · Ada"] and not app.screen.further
    app.frames(3)
    app.press("Rename")
    entry = app.screen.ids.rows.children[0].ids.name
    assert entry.text == "Slide 77"
    entry.text = "Slide 300"
    app.screen._show()  # as it is now and then
    assert entry.text == "Slide 300", "what is half typed stays"
    app.press("Save")
    assert titles() == [] and len(app.app.desk.shelf.find("slide 300")) == 1


@pytest.mark.parametrize("name", ["W" * 80, "هفتهٔ دوم " * 12])
def test_a_long_name_begins_with_its_beginning_and_fits_the_line(app, name: str) -> None:
    session = app.app.desk.open.id
    app.app.desk.shelf.rename(session, name)
    app.screen.refresh()
    app.frames(3)
    (title,) = (one for one in app.screen.ids.rows.children[0].children if getattr(one, "say", "").endswith("…"))
    assert len(title.say) > 10 and name.startswith(title.say[:-1])
    assert title.texture_size[0] <= title.width and title.texture_size[1] <= title.height
    assert title.halign == ("left" if name.isascii() else "right")
    app.app.desk.shelf.rename(session, "A")
    app.screen.refresh()
    app.frames(3)
    assert (title.say, title.halign) == ("A · S-1 · Ada", "left")
