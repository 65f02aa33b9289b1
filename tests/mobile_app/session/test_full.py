"""Storage full: said in words, every earlier tap kept, and labelling goes on once there is room."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_wbc.core.records import Cell
from mobile_app.session import Setup, Shelf, Store

pytest.importorskip("resource", reason="limits a child's files: POSIX only")

# No file may grow past the limit, which the kernel answers as it would a full disk.
CHILD = """
import resource, sys
from pathlib import Path
from edge_wbc.core.errors import BadInput
from mobile_app.session import Shelf, Store
store = Store(Path(sys.argv[1]))
session = Shelf(store).resume()
log = store.path.with_name("sessions.sqlite-wal")
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
session.vote(1, "burst")
resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 100_000, most))
told = 0
try:
    for cell in range(1, 301):
        session.vote(cell, "band")
        told += 1
except BadInput as error:
    print(error)
try:
    session.add_field(Path(sys.argv[2]).read_bytes(), (400, 400))
except BadInput as error:
    print(error)
print(told, session.counts().get("band"), sorted(path.name[-4:] for path in (store.folder / "photographs").iterdir()))
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
session.vote(told + 1, "monocyte")
"""


def test_full_storage_is_said_and_earlier_taps_are_kept(
    tmp_path: Path, draw_photograph: Callable[[int], bytes]
) -> None:
    import cv2
    import numpy as np

    folder = tmp_path / "kept"
    began = Shelf(Store(folder)).create(Setup("s"), "Ann")
    began.add_field(draw_photograph(5), (64, 48), [Cell((0, 0, 9, 9), score=0.5)] * 300)
    began.store.close()
    noise = np.random.default_rng(1).integers(0, 255, (400, 400, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "large.png"), noise)
    run = [sys.executable, "-c", CHILD, str(folder), str(tmp_path / "large.png")]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "the storage is full or failing; free some space and tap again" in said[0]
    assert "photograph: cannot be kept (File too large); free some space" in said[1]
    told = int(said[2].split()[0])
    assert 0 < told < 300 and said[2] == f"{told} {told} ['.png']"
    session = Shelf(Store(folder)).resume()
    assert session and session.counts() == {"band": told, "monocyte": 1}
    assert session.store.read("PRAGMA integrity_check")[0][0] == "ok"
