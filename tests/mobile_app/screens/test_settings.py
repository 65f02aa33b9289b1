"""Settings with touches: what is typed or chosen is on the disk at once, for the open session and those to come."""

from __future__ import annotations

import threading
import zipfile
from pathlib import Path

import pytest

from edge_wbc.core.records import Smear
from mobile_app import packs
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
    app.until(lambda: bool(app.app.said))
    assert "none.zip" in app.app.said and app.app.desk.pack == DEFAULT_PACK and app.screen.told == ""
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


def zipped(out: Path, spoil: str = "") -> Path:
    """The default pack as a zip, one of its files cut short."""
    with zipfile.ZipFile(out, "w") as archive:
        for path in DEFAULT_PACK.iterdir():
            data = path.read_bytes()
            archive.writestr(path.name, data[:-1] if path.name == spoil else data)
    return out


def install(app, path: Path) -> None:
    app.screen.ids.path.text = str(path)
    app.screen.children[0].children[-1].scroll_y = 0
    app.frames(3)
    app.press("Install")


def test_a_pack_is_verified_while_taps_go_on_and_a_bad_one_leaves_the_good_one(
    drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed: no pack can be run")
    app = open_settings(drive, tmp_path / "home")
    go_on, real = threading.Event(), packs.install_pack

    def slowly(home: Path, path: Path):
        assert go_on.wait(20), "the UI waits for it"
        return real(home, path)

    monkeypatch.setattr("mobile_app.desk.install_pack", slowly)
    install(app, zipped(tmp_path / "ours.zip"))
    assert app.screen.told == app.app.words("settings.checking")
    app.press("Install")
    assert app.app.said == "the app: does this already; wait until it is done", "one at a time"
    app.app.go("tally")
    app.press("Manual counter")
    app.press("Monocyte")
    assert app.app.desk.open.counts() == {"monocyte": 1}
    app.app.go("settings")
    assert app.screen.told == app.app.words("settings.checking") and app.app.desk.pack == DEFAULT_PACK
    go_on.set()
    app.until(lambda: app.app.desk.pack != DEFAULT_PACK)
    ours = app.app.desk.pack
    assert ours.name.startswith("ours-") and app.screen.told == f"In use: {ours.name}"
    assert app.screen.ids.path.text == ""
    assert [one.say for one in app.buttons() if one.chosen and "ours" in one.say] == [ours.name]
    install(app, zipped(tmp_path / "bad.zip", spoil="model.int8.tflite"))
    app.until(lambda: bool(app.app.said))
    assert "bad.zip" in app.app.said and "model.int8.tflite" in app.app.said
    assert app.app.desk.pack == ours and app.app.desk.store.setting("pack") == ours.name
    assert [path.name for path in (tmp_path / "home" / "packs").iterdir()] == [ours.name]
