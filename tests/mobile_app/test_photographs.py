"""The photograph shown and the next one: read once, read ahead, let go of, and a damaged one told of each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import write_image
from mobile_app.photographs import Photographs


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    for grey in (10, 20, 30):
        write_image(tmp_path / f"{grey}.png", np.full((4, 6, 3), grey, np.uint8))
    return sorted(tmp_path.glob("*.png"))


def test_shows_each_and_reads_it_once(paths: list[Path]) -> None:
    held = Photographs()
    first = held.get(paths[0])
    assert first.shape == (4, 6, 3) and (first == 10).all()
    paths[0].unlink()
    assert held.get(paths[0]) is first
    assert (held.get(paths[1]) == 20).all()
    held.close()


def test_what_was_read_ahead_needs_its_file_no_more(paths: list[Path]) -> None:
    held = Photographs()
    held.get(paths[0])
    held.ahead(paths[1])
    held._next[1].result()
    paths[1].unlink()
    held.ahead(paths[1])
    assert (held.get(paths[1]) == 20).all()
    held.ahead(paths[2])
    held.ahead(paths[1])  # the one that is shown
    assert (held.get(paths[2]) == 30).all()
    held.close()


def test_a_damaged_one_is_told_of_each_time_and_the_next_is_shown(paths: list[Path], tmp_path: Path) -> None:
    held = Photographs()
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    for ahead in (True, False):
        if ahead:
            held.ahead(broken)
        with pytest.raises(BadInput, match="broken.png"):
            held.get(broken)
    with pytest.raises(BadInput, match="cannot be read"):
        held.get(tmp_path / "gone.png")
    assert (held.get(paths[0]) == 10).all()
    held.close()
