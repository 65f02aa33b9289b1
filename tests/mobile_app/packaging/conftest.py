"""The staged app, its buildozer.spec as buildozer reads it, and the tools that make Android of Java."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mobile_app.icon import write_icons
from mobile_app.stage import stage

ROOT = Path(__file__).parents[3]
APP = ROOT / "mobile_app"
PICTURES = {
    "icon.filename": "icon.png",
    "icon.adaptive_foreground.filename": "icon_front.png",
    "icon.adaptive_background.filename": "icon_back.png",
    "presplash.filename": "presplash.png",
}
TOOLS = Path(os.environ.get("EDGE_WBC_ANDROID_TOOLS", ROOT / "build" / "android-tools"))


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What buildozer is given to pack."""
    out = tmp_path_factory.mktemp("stage") / "android"
    stage(out)
    return out


def open_buildozer(staged: Path, room: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    package = pytest.importorskip("buildozer", reason="buildozer not installed: pip install 'edge-wbc[android]'")
    monkeypatch.chdir(APP)
    monkeypatch.setenv("HOME", str(room / "home"))
    monkeypatch.setenv("APP_SOURCE_DIR", str(staged))
    monkeypatch.setenv("BUILDOZER_BUILD_DIR", str(room / "build"))
    monkeypatch.setenv("BUILDOZER_BIN_DIR", str(room / "apk"))
    for key in PICTURES:
        monkeypatch.setenv(f"APP_{key.upper().replace('.', '_')}", str(room / "icon" / PICTURES[key]))
    return package.Buildozer("buildozer.spec", "android")


@pytest.fixture
def buildozer(staged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """buildozer with our spec, its Android target set; it writes under tmp_path alone."""
    return open_buildozer(staged, tmp_path, monkeypatch)


class Handed(Exception):
    """buildozer has called p4a."""


@pytest.fixture(scope="session")
def packed(staged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Gradle project that buildozer and p4a make of the staged app: all of a build but what the NDK compiles."""
    p4a = pytest.importorskip("pythonforandroid", reason="p4a not installed: pip install 'edge-wbc[android]'")
    room = tmp_path_factory.mktemp("packed")

    def hand(command: list[str], **_: object) -> None:
        raise Handed(command)

    with pytest.MonkeyPatch.context() as monkeypatch:
        buildozer = open_buildozer(staged, room, monkeypatch)
        write_icons(room / "icon")
        buildozer._copy_application_sources()
        (Path(buildozer.app_dir) / "refused.apk").write_bytes(b"")  # so that p4a's black list is seen to be at work
        dist = Path(buildozer.target.get_dist_dir("edgewbc"))
        for bootstrap in ("common", "sdl2"):
            shutil.copytree(Path(p4a.__file__).parent / "bootstraps" / bootstrap / "build", dist, dirs_exist_ok=True)
        archs = buildozer.config.getlist("app", "android.archs")
        for arch in archs:
            (dist / f"_python_bundle__{arch}").mkdir()
            (dist / "libs" / arch).mkdir(parents=True)
        facts = {
            "bootstrap": "sdl2",
            "archs": archs,
            "ndk_api": 21,
            "hostpython": sys.executable,
            "use_setup_py": False,
        }
        (dist / "dist_info.json").write_text(json.dumps(facts))
        (room / "sdk" / "build-tools" / "33.0.2").mkdir(parents=True)
        (dist / "local.properties").write_text(f"sdk.dir={room / 'sdk'}")
        (dist / "project.properties").write_text(f"target=android-{buildozer.target.android_api}")
        buildozer.target.build_mode = "debug"
        monkeypatch.setattr(buildozer.target, "_update_libraries_references", lambda _: None)
        monkeypatch.setattr(buildozer.target, "_p4a", hand)
        with pytest.raises(Handed) as handed:
            buildozer.target.build_package()
    (command,) = handed.value.args
    for option in ("apk", "--bootstrap", "--dist_name", "--ndk-api", "--copy-libs", *["--arch"] * len(archs)):
        at = command.index(option)  # these are for p4a's front end
        del command[at : at + (1 if option in ("apk", "--copy-libs") else 2)]
    done = subprocess.run([sys.executable, "build.py", *command], cwd=dist, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return dist


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """`tool("javac")` is its path; a test that asks for one that is not here skips."""

    def find(name: str) -> str:
        if found := shutil.which(name):
            return found
        if (TOOLS / name).is_file():
            return str(TOOLS / name)
        return pytest.skip(f"no {name} here: .ci/android-tools gets it")

    return find
