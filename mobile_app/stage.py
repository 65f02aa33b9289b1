"""Lays out what the Android build packs, and nothing else: core, the app, its pack and texts, a main.py."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Callable, Dict, Iterator

from edge_wbc.core.errors import BadInput
from edge_wbc.core.pack import KINDS, WEIGHTS_FILE, read_pack, read_verified, write_folder

__all__ = ["command", "phone_pack", "stage"]

ROOT = Path(__file__).resolve().parents[1]
PACK = "mobile_app/packs/default"
LIST = "staged.sha256"
MAIN = '"""Kivy\'s bootstrap starts the app here."""\n\nfrom mobile_app.app import main\n\nmain()\n'

# The phone runs the int8 artefact; to adapt from, or to compare with, is for a computer.
NOT_FOR_A_PHONE = {WEIGHTS_FILE, *KINDS.values()} - {KINDS["tflite-int8"]}
NO_FOLDERS = {"__pycache__", "tests", "java"}
NO_FILES = {"stage.py", "icon.py", "buildozer.spec", "build-android", "default-data.md"}
NO_SUFFIXES = {".pyc", ".pyo", ".orig", ".rej", ".partial"}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        if path.is_dir():
            if path.name not in NO_FOLDERS:
                yield from _files(path)
        elif path.name not in NO_FILES and path.suffix not in NO_SUFFIXES:
            yield path


def phone_pack(folder: Path) -> Dict[str, bytes]:
    """A pack's files less those that no phone reads; its pack.json lists what is left, so that it verifies.

    Raises:
        BadInput: the pack does not verify.
    """
    read_pack(folder)
    data, files = read_verified(folder)
    kept = {name: content for name, content in files.items() if name not in NOT_FOR_A_PHONE}
    data["files"] = {name: listed for name, listed in data["files"].items() if name in kept}
    return {**kept, "pack.json": (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()}


def stage(out: Path, root: Path = ROOT) -> None:
    """Writes `out`, the build's source folder, whole or not at all; the same sources give the same files.

    Args:
        root: the folder that holds `edge_wbc` and `mobile_app`.

    Raises:
        BadInput: something else is at `out`, a part is missing, or the default pack does not verify.
        OSError: the disk is full or the place not writable.
    """
    for part in ("edge_wbc/__init__.py", "edge_wbc/core/__init__.py", "mobile_app/__init__.py", f"{PACK}/pack.json"):
        if not (root / part).is_file():
            raise BadInput(root / part, "missing", "stage from a whole checkout")
    files = {"main.py": MAIN.encode()}
    files.update({f"{PACK}/{name}": content for name, content in phone_pack(root / PACK).items()})
    for path in (root / "edge_wbc" / "__init__.py", *_files(root / "edge_wbc" / "core"), *_files(root / "mobile_app")):
        if root / PACK not in path.parents:
            files[path.relative_to(root).as_posix()] = path.read_bytes()
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    write_folder(out, {**files, LIST: sums.encode()}, known_by=LIST)


def command(name: str, write: Callable[[Path], None]) -> None:
    """`python -m mobile_app.NAME OUT` writes OUT: exit code 2 and one line where it can't."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(f"usage: python -m mobile_app.{name} OUT")
    try:
        write(Path(sys.argv[1]))
    except (BadInput, OSError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


if __name__ == "__main__":
    command("stage", stage)
