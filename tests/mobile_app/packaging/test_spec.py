"""buildozer.spec, as buildozer reads it: buildozer itself lets a bad architecture pass and takes API 24 unless told."""

import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

import edge_wbc
from mobile_app.icon import GROUND, write_icons
from mobile_app.stage import ROOT

package = pytest.importorskip("buildozer", reason="buildozer not installed: pip install 'edge-wbc[android]'")

APP = ROOT / "mobile_app"


def test_the_phones_of_2014_can_install_it(buildozer: Any) -> None:
    android = buildozer.target
    assert set(android._archs) == {"armeabi-v7a", "arm64-v8a"}
    assert android.android_minapi == "21"
    assert "--ndk-api=21" in android.extra_p4a_args
    assert android.android_api in {"33", "34"}
    assert android.android_ndk_version == "25b"
    assert buildozer.config.get("app", "p4a.branch") == "v2024.01.21"
    assert not buildozer.config.has_option("app", "p4a.commit") and android._p4a_bootstrap == "sdl2"


def test_names_and_version(buildozer: Any) -> None:
    assert buildozer.target._get_package() == "org.edgewbc"
    assert buildozer.get_version() == edge_wbc.__version__
    assert re.search(rf'^version = "{re.escape(edge_wbc.__version__)}"$', (ROOT / "pyproject.toml").read_text(), re.M)


def test_asks_for_no_more_than_it_needs(buildozer: Any) -> None:
    asked = set(buildozer.config.getlist("app", "android.permissions"))
    assert asked == {"CAMERA", "INTERNET", "ACCESS_NETWORK_STATE", "VIBRATE"}
    assert not buildozer.config.getbooldefault("app", "android.wakelock", False)  # SDL keeps the screen on, unasked
    assert not buildozer.config.getbooldefault("app", "android.allow_backup", True)
    assert not buildozer.config.getbooldefault("app", "android.accept_sdk_license", True)


def test_stops_for_no_question_and_writes_under_build(buildozer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("buildozer asked"))
    buildozer.check_root()
    text = (APP / "buildozer.spec").read_text()
    for name in ("source.dir", "build_dir", "bin_dir"):
        place = re.search(rf"^{re.escape(name)} = (.*)$", text, re.M)
        assert place is not None
        assert (ROOT / "build") in (APP / place[1]).resolve().parents


def test_every_key_is_one_that_buildozer_reads(buildozer: Any) -> None:
    """A typing error in a key is ignored without a word."""
    home = Path(package.__file__).parent
    known = "".join(file.read_text() for file in home.rglob("*.py")) + (home / "default.spec").read_text()
    for section in ("app", "buildozer"):
        for key in buildozer.config.options(section):
            assert re.search(rf"(['\"]|^#? ?){re.escape(key)}(['\"]| =)", known, re.M), key


def test_gradle_and_java(packed: Path) -> None:
    gradle = (packed / "build.gradle").read_text()
    assert "implementation 'org.tensorflow:tensorflow-lite:2.11.0'" in gradle
    assert re.search(r"allprojects \{\s+repositories \{[^}]*\n\s+mavenCentral\(\)\n", gradle)
    assert re.search(r"minSdkVersion 21\s+targetSdkVersion 33", gradle)
    (source,) = re.findall(r"java \{\s*srcDir '(.*)'", gradle)
    assert (Path(source) / "org" / "edgewbc" / "NewestFrame.java").is_file()


def test_pictures_are_those_that_are_drawn(tmp_path: Path, packed: Path) -> None:
    """p4a gives a picture its name without a look at what is inside, and its own where the spec names none."""
    write_icons(tmp_path / "icon")
    text = (APP / "buildozer.spec").read_text()
    shown = {
        "icon.filename": "mipmap/icon.png",
        "icon.adaptive_foreground.filename": "mipmap/icon_foreground.png",
        "icon.adaptive_background.filename": "mipmap/icon_background.png",
        "presplash.filename": "drawable/presplash.jpg",
    }
    for key, place in shown.items():
        named = re.search(rf"^{re.escape(key)} = \.\./build/icon/(.*)$", text, re.M)
        assert named is not None, key
        drawn = (tmp_path / "icon" / named[1]).read_bytes()
        assert (packed / "src" / "main" / "res" / place).read_bytes() == drawn, key
    assert (packed / "src" / "main" / "res" / "mipmap-anydpi-v26" / "icon.xml").is_file()
    colour = "#" + "".join(f"{part:02X}" for part in GROUND)
    strings = (packed / "src" / "main" / "res" / "values" / "strings.xml").read_text()
    assert f'<string name="presplash_color">{colour}</string>' in strings


def test_all_that_is_staged_ships(packed: Path, staged: Path) -> None:
    """buildozer copies the sources, p4a compiles and packs the copy: neither leaves a file out."""
    with tarfile.open(packed / "src" / "main" / "assets" / "private.tar") as private:
        shipped = {member.name for member in private.getmembers() if member.isfile()}
    files = {file.relative_to(staged) for file in staged.rglob("*") if file.is_file()}
    expected = {file.with_suffix(".pyc" if file.suffix == ".py" else file.suffix).as_posix() for file in files}
    assert shipped - {"p4a_env_vars.txt"} == expected
