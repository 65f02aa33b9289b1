"""The staged tree: whole, the same each time, and enough to run on what a phone has."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.pack import KINDS, read_pack, write_folder, write_pack
from mobile_app.stage import LIST, ROOT, phone_pack, stage

# Python's own that p4a leaves out (`stdlib_dir_blacklist` of its python3 recipe) or builds only with recipes that we do
# not ask for (libbz2, liblzma).
NOT_ON_THE_PHONE = ("test", "lib2to3", "ensurepip", "idlelib", "tkinter", "_bz2", "_lzma", "_tkinter", "_curses")
KIVY_ROOMS = ("mobile_app.app", "mobile_app.screens", "mobile_app.widgets")

WALK = """
import importlib, json, sys
root, kivy = sys.argv[1:]
ours = {"edge_wbc", "mobile_app"}
# Kivy 2.3.1 of a desktop wants filetype, 2.3.0 of the phone does not.
given = {"numpy", "cv2", "arabic_reshaper", *ours, *(["kivy", "kivy_deps", "PIL", "filetype"] if kivy else [])}

class OnlyThePhones:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in NOT_ON_THE_PHONE or top not in given and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"the phone has no {name}", name=top)

sys.meta_path.insert(0, OnlyThePhones())
sys.path.insert(0, root)
missing = {}
for module in json.load(sys.stdin):
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing[module] = error.name
    else:
        assert loaded.__file__.startswith(root), loaded.__file__
print(json.dumps([missing, sorted({name.partition(".")[0] for name in sys.modules})]))
""".replace("NOT_ON_THE_PHONE", repr(NOT_ON_THE_PHONE))


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def modules(folder: Path, suffix: str = ".py") -> Iterator[str]:
    """Every module there but main, which runs the app."""
    for file in sorted(folder.rglob(f"*{suffix}")):
        parts = file.relative_to(folder).with_suffix("").parts
        if parts != ("main",):
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def walk(folder: Path, names: list[str], kivy: str = "") -> tuple[dict[str, str], set[str]]:
    """Imports every module in a process of its own; which of them miss what, and all that was loaded."""
    environment = {**os.environ, "SDL_VIDEODRIVER": "offscreen", "KIVY_NO_ARGS": "1", "KIVY_NO_CONFIG": "1"}
    environment |= {"KIVY_NO_FILELOG": "1", "KIVY_NO_CONSOLELOG": "1"}
    command = [sys.executable, "-I", "-B", "-c", WALK, str(folder), kivy]
    done = subprocess.run(
        command, input=json.dumps(names), cwd=folder.parent, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    missing, loaded = json.loads(done.stdout.splitlines()[-1])
    return missing, set(loaded)


def beyond_kivy(missing: dict[str, str]) -> dict[str, str]:
    """Less the rooms that may want Kivy."""
    return {name: what for name, what in missing.items() if not (what == "kivy" and name.startswith(KIVY_ROOMS))}


def test_holds_what_the_app_needs_and_no_more(staged: Path) -> None:
    names = set(contents(staged))
    assert {"main.py", "edge_wbc/__init__.py", "edge_wbc/core/finder.py", "edge_wbc/core/finder.json"} <= names
    assert {f"mobile_app/packs/default/{name}" for name in ("pack.json", "model.int8.tflite")} <= names
    assert {name.split("/")[0] for name in names} == {"main.py", LIST, "edge_wbc", "mobile_app"}
    assert {name.split("/")[1] for name in names if name.startswith("edge_wbc/")} == {"__init__.py", "core"}
    unwanted = ("/tests/", "__pycache__", "/java/", "stage.py", "icon.py", "buildozer", "build-android", ".pyc")
    assert [name for name in names if any(part in name for part in unwanted)] == []
    kept = [file for file in (ROOT / "mobile_app").rglob("*") if file.suffix in {".kv", ".ttf", ".otf"}]
    assert {file.relative_to(ROOT).as_posix() for file in kept} <= names


def test_the_pack_is_whole_without_what_no_phone_reads(staged: Path) -> None:
    full, phones = (read_pack(root / "mobile_app" / "packs" / "default") for root in (ROOT, staged))
    assert phones.manifest == full.manifest
    assert phones.files.items() <= full.files.items()
    assert list(phones.artefacts()) == ["tflite-int8"]
    assert set(full.files) - set(phones.files) == {"weights.safetensors"}


def test_a_pack_of_all_kinds_is_left_the_one_the_phone_runs(tmp_path: Path) -> None:
    full = read_pack(ROOT / "mobile_app" / "packs" / "default")
    others = {name: b"x" for name in KINDS.values() if name not in full.files}
    write_pack(tmp_path / "pack", full.manifest, {**full.files, **others})
    write_folder(tmp_path / "phone", phone_pack(tmp_path / "pack"), known_by="pack.json")
    left = set(read_pack(tmp_path / "phone").files)
    assert left == {"model.int8.tflite", "MODEL_CARD.md", "numerics.json", "training.sha256"}


def test_the_same_each_time_and_listed(staged: Path, tmp_path: Path) -> None:
    stage(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(staged)
    lines = [line.split("  ") for line in (staged / LIST).read_text().splitlines()]
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents(staged).items() if name != LIST}
    assert {name: sum_ for sum_, name in lines} == sums


def test_replaces_its_own_and_nothing_else(staged: Path, tmp_path: Path) -> None:
    stage(tmp_path / "out")
    (tmp_path / "out" / "old.py").write_text("")
    stage(tmp_path / "out")
    assert contents(tmp_path / "out") == contents(staged)
    other = tmp_path / "other"
    other.mkdir()
    (other / "main.py").write_text("somebody's")
    with pytest.raises(BadInput, match="other"):
        stage(other)
    assert contents(other) == {"main.py": b"somebody's"}


def test_whole_or_not_at_all(staged: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name, content in contents(staged).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    out = tmp_path / "out"
    stage(out, root)
    before = contents(out)
    model = root / "mobile_app" / "packs" / "default" / "model.int8.tflite"
    model.write_bytes(model.read_bytes()[:-1])
    with pytest.raises(BadInput, match="model.int8.tflite"):
        stage(out, root)
    (root / "edge_wbc" / "core" / "__init__.py").unlink()
    with pytest.raises(BadInput, match="missing"):
        stage(out, root)
    assert contents(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "root"]


def test_the_command_says_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    command = [sys.executable, "-m", "mobile_app.stage", str(tmp_path / "taken")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_runs_on_what_the_phone_has(staged: Path) -> None:
    names = list(modules(staged))
    assert "edge_wbc.core.finder" in names and "mobile_app" in names
    missing, loaded = walk(staged, names)
    assert beyond_kivy(missing) == {}
    assert not loaded & {"torch", "torchvision", "scipy", "pandas", "export"}


def test_runs_as_packed(packed: Path, tmp_path: Path) -> None:
    """What p4a puts into the APK: compiled with -OO, so without sources, docstrings and asserts."""
    with tarfile.open(packed / "src" / "main" / "assets" / "private.tar") as private:
        private.extractall(tmp_path / "app", filter="data")
    names = list(modules(tmp_path / "app", ".pyc"))
    assert "edge_wbc.core.finder" in names and not list((tmp_path / "app").rglob("*.py"))
    missing, _ = walk(tmp_path / "app", names)
    assert beyond_kivy(missing) == {}


@pytest.mark.skipif(find_spec("kivy") is None, reason="Kivy not installed: pip install 'edge-wbc[app]'")
def test_screens_import_too(staged: Path) -> None:
    missing, loaded = walk(staged, list(modules(staged)), kivy="kivy")
    assert missing == {}
    assert "torch" not in loaded


def test_a_module_that_the_phone_has_not_is_noticed(tmp_path: Path) -> None:
    app = tmp_path / "tree" / "mobile_app"
    app.mkdir(parents=True)
    sources = {"__init__": "", "fine": "import zipfile, numpy", "wrong": "import scipy", "gone": "import tkinter"}
    for name, source in sources.items():
        (app / f"{name}.py").write_text(source)
    missing, _ = walk(tmp_path / "tree", list(modules(tmp_path / "tree")))
    assert missing == {"mobile_app.wrong": "scipy", "mobile_app.gone": "tkinter"}
