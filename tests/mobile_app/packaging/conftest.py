"""The staged app, its buildozer.spec as buildozer reads it, and the tools that make Android of Java."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mobile_app.stage import stage

ROOT = Path(__file__).parents[3]
APP = ROOT / "mobile_app"
TOOLS = Path(os.environ.get("EDGE_WBC_ANDROID_TOOLS", ROOT / "build" / "android-tools"))


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What buildozer is given to pack."""
    out = tmp_path_factory.mktemp("stage") / "android"
    stage(out)
    return out


@pytest.fixture
def buildozer(staged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """buildozer with our spec, its Android target set; it writes under tmp_path alone."""
    package = pytest.importorskip("buildozer", reason="buildozer not installed: pip install 'edge-wbc[android]'")
    monkeypatch.chdir(APP)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("APP_SOURCE_DIR", str(staged))
    monkeypatch.setenv("BUILDOZER_BUILD_DIR", str(tmp_path / "build"))
    monkeypatch.setenv("BUILDOZER_BIN_DIR", str(tmp_path / "apk"))
    return package.Buildozer("buildozer.spec", "android")


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
