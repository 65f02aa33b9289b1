"""buildozer.spec, as buildozer reads it: buildozer itself lets a bad architecture pass and takes API 24 unless told."""

import re
from pathlib import Path
from typing import Any

import pytest

import edge_wbc
from mobile_app.stage import ROOT

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
    assert android_package(buildozer) == "org.edgewbc"
    assert buildozer.get_version() == edge_wbc.__version__
    assert re.search(rf'^version = "{re.escape(edge_wbc.__version__)}"$', (ROOT / "pyproject.toml").read_text(), re.M)


def android_package(buildozer: Any) -> str:
    return str(buildozer.target._get_package())


def test_asks_for_no_more_than_it_needs(buildozer: Any) -> None:
    asked = set(buildozer.config.getlist("app", "android.permissions"))
    assert asked == {"CAMERA", "INTERNET", "ACCESS_NETWORK_STATE", "VIBRATE"}
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
    import buildozer as package

    home = Path(package.__file__).parent
    known = "".join(file.read_text() for file in home.rglob("*.py")) + (home / "default.spec").read_text()
    for section in ("app", "buildozer"):
        for key in buildozer.config.options(section):
            assert re.search(rf"(['\"]|^#? ?){re.escape(key)}(['\"]| =)", known, re.M), key


def test_java_and_gradle(buildozer: Any) -> None:
    """What is handed on to p4a, and what p4a's own template makes of it."""
    handed: list[list[str]] = []
    android = buildozer.target
    android._p4a = lambda command, **_: handed.append(command)
    android.execute_build_package([("debug",)])
    (command,) = handed
    source = Path(command[command.index("--add-source") + 1])
    assert (source / "org" / "edgewbc" / "NewestFrame.java").is_file()
    depends = [command[i + 1] for i, word in enumerate(command) if word == "--depend"]
    assert depends == ["org.tensorflow:tensorflow-lite:2.11.0"]

    p4a = pytest.importorskip("pythonforandroid", reason="p4a not installed: pip install 'edge-wbc[android]'")
    import jinja2

    template = Path(p4a.__file__).parent / "bootstraps" / "common" / "build" / "templates" / "build.tmpl.gradle"
    repositories = buildozer.config.getlist("app", "android.add_gradle_repositories")
    gradle = jinja2.Template(template.read_text()).render(
        args={"depends": depends, "gradle_repositories": repositories, "package": android_package(buildozer)}
    )
    assert "implementation 'org.tensorflow:tensorflow-lite:2.11.0'" in gradle
    assert re.search(r"allprojects \{\s+repositories \{[^}]*\n\s+mavenCentral\(\)\n", gradle)


def test_all_that_is_staged_ships(buildozer: Any, staged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """buildozer copies the sources, p4a packs the copy: neither leaves a file out."""
    pytest.importorskip("pythonforandroid", reason="p4a not installed: pip install 'edge-wbc[android]'")
    monkeypatch.setenv("P4A_BUILD_IS_RUNNING_UNITTESTS", "1")
    import tarfile

    from pythonforandroid.bootstraps.common.build import build as p4a

    buildozer._copy_application_sources()
    lines = (Path(p4a.__file__).parents[2] / "sdl2" / "build" / "blacklist.txt").read_text().splitlines()
    refused = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    monkeypatch.setattr(p4a, "BLACKLIST_PATTERNS", [*p4a.BLACKLIST_PATTERNS, *refused])
    p4a.make_tar(str(tmp_path / "private.tar"), [buildozer.app_dir])
    with tarfile.open(tmp_path / "private.tar") as packed:
        shipped = {member.name for member in packed.getmembers() if member.isfile()}
    assert shipped == {file.relative_to(staged).as_posix() for file in staged.rglob("*") if file.is_file()}
