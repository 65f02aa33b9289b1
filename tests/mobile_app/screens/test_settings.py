"""Settings with touches: what is typed or chosen is on the disk at once, for the open session and those to come."""

from __future__ import annotations

from pathlib import Path

from edge_wbc.core.records import Smear
from mobile_app.packs import DEFAULT_PACK
from mobile_app.session.shelf import Setup, Shelf
from mobile_app.session.store import Store


def open_settings(drive, home: Path):
    store = Store(home)
    Shelf(store).create(Setup("Monday", Smear("S-1")), "Ada")
    store.close()
    app = drive(home=home)
    app.press("More")
    way = app.screen.ids.ways.children[-1]
    app.touch(*way.to_window(*way.center))
    assert app.screen.name == "settings" and app.app.at == "more"
    return app


def type_in(app, name: str, text: str) -> None:
    entry = app.screen._lines[name].ids.entry
    app.touch(*entry.to_window(*entry.center))
    assert entry.focus
    entry.text = text
    entry.focus = False
    app.frames(2)


def test_what_is_typed_is_kept_for_this_slide_and_what_lasts_for_the_next(drive, tmp_path: Path) -> None:
    app = open_settings(drive, tmp_path / "home")
    for name, text in (("smear", "S-2"), ("stain", "Giemsa"), ("disease", "CML"), ("microscope", "CX18")):
        type_in(app, name, text)
    type_in(app, "magnification", "۱۰۰x")
    other = Store(tmp_path / "home")
    shelf = Shelf(other)
    setup = shelf.find()[0].setup
    assert setup.smear == Smear("S-2", "Giemsa", "CML")
    assert (setup.microscope.type, setup.microscope.magnification) == ("CX18", 100.0)
    usual = shelf.usual()
    assert usual.smear == Smear("", "Giemsa", "")
    assert usual.microscope == setup.microscope
    other.close()


def test_no_number_is_said_and_nothing_changes(drive, tmp_path: Path) -> None:
    app = open_settings(drive, tmp_path / "home")
    type_in(app, "magnification", "much")
    assert "no number" in app.app.said
    assert app.app.desk.setup().microscope.magnification is None


def test_another_name_is_another_expert_who_sees_no_labels(drive, tmp_path: Path) -> None:
    app = open_settings(drive, tmp_path / "home")
    app.app.desk.open.tap("monocyte")
    type_in(app, "expert", "Bob")
    assert app.app.desk.open.expert == "Bob" and app.app.desk.open.counts() == {}
    type_in(app, "expert", "  ")
    assert app.app.said and app.app.desk.open.expert == "Bob"


def test_target_labels_language_and_pack(drive, tmp_path: Path) -> None:
    app = open_settings(drive, tmp_path / "home")
    app.screen.children[0].children[-1].scroll_y = 0
    app.frames(3)
    app.press("500")
    app.press("Basophil")
    assert app.app.desk.setup().target == 500 and "basophil" not in app.app.desk.setup().classes
    app.press("Basophil")
    assert "basophil" in app.app.desk.setup().classes
    app.screen.ids.path.text = str(tmp_path / "none.zip")
    app.press("Install")
    assert "none.zip" in app.app.said and app.app.desk.pack == DEFAULT_PACK
    app.press("فارسی")
    assert app.app.desk.store.setting("language") == "fa"
    assert [button.chosen for button in app.buttons("فارسی")] == [True]


def test_the_last_label_that_counts_stays(drive, tmp_path: Path) -> None:
    app = open_settings(drive, tmp_path / "home")
    app.app.desk.change(Setup("Monday", classes=("monocyte",)))
    app.screen.refresh()
    app.screen.children[0].children[-1].scroll_y = 0
    app.frames(3)
    app.press("Monocyte")
    assert "choose at least one" in app.app.said
    assert app.app.desk.setup().classes == ("monocyte",)
