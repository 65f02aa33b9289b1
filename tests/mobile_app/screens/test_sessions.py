"""Sessions with touches: exported, renamed, gone on with by a second expert who sees nothing of the first's labels."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from edge_wbc.core.records import Microscope, Smear
from edge_wbc.core.taxonomy import LABELS
from mobile_app.session.shelf import Setup
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
