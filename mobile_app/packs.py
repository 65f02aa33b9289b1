"""The model packs of an installation: the default one inside the app, those installed from a file, the one in use."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import List, Optional, Tuple

from edge_wbc.core.errors import BadInput
from edge_wbc.core.pack import read_pack, write_pack
from edge_wbc.core.reading import Reader, open_reader

__all__ = ["DEFAULT_PACK", "install_pack", "installed_packs", "open_pack", "pack_folder"]

DEFAULT_PACK = Path(__file__).parent / "packs" / "default"


def pack_folder(home: Path) -> Path:
    """Where the packs that were installed lie, in the app's own folder."""
    return home / "packs"


def installed_packs(home: Path) -> List[Path]:
    """The default pack, then those installed, by name; none of them is opened."""
    folder = pack_folder(home)
    return [DEFAULT_PACK, *sorted(path.parent for path in folder.glob("[!.]*/pack.json"))]


def install_pack(home: Path, path: Path) -> Reader:
    """Installs a pack's folder or zip under its name and a part of its sum, and opens it.

    The pack is verified and has named a crop before anything is written; those installed before stay.

    Raises:
        BadInput: it does not verify or does not run, or cannot be written; nothing has changed then.
    """
    pack = read_pack(path)
    open_reader(pack)
    # Two packs of one name are two packs: what one said of a cell is never taken for the other's.
    sums = "".join(f"{name} {hashlib.sha256(data).hexdigest()}\n" for name, data in sorted(pack.files.items()))
    name = path.resolve().name if path.is_dir() else path.stem
    out = pack_folder(home) / f"{name.lstrip('.')[:40]}-{hashlib.sha256(sums.encode()).hexdigest()[:8]}"
    try:
        if out.is_dir() and not (out / "pack.json").exists():
            shutil.rmtree(out)  # what is left of it, which is not replaced otherwise
        write_pack(out, pack.manifest, pack.files)
    except OSError as error:
        raise BadInput(out, f"cannot be written ({error.strerror})", "free some space and install it again") from error
    return open_reader(read_pack(out))


def open_pack(path: Path) -> Tuple[Reader, Optional[BadInput]]:
    """Opens a pack, or the default one where it is gone or damaged, with what is to be said of that.

    Raises:
        BadInput: the default pack itself is damaged.
    """
    try:
        return open_reader(read_pack(path)), None
    except BadInput as fault:
        if path == DEFAULT_PACK:
            raise
        said = BadInput(fault.where, f"{fault.fault}: the default pack is used", "install it again")
        return open_reader(read_pack(DEFAULT_PACK)), said
