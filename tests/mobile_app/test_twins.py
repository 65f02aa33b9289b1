"""A field that is in the session already is found, whatever became of the others."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from mobile_app.sources.frames import Photograph, photograph_of
from mobile_app.twins import Twins


def field(seed: int, width: int = 640) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rgb = np.full((480, 640, 3), 215, np.uint8)
    for x, y, radius in rng.integers((40, 40, 14), (600, 440, 30), (40, 3)):
        cv2.circle(rgb, (int(x), int(y)), int(radius), (120, 70, 140), -1, cv2.LINE_AA)
    return cv2.resize(rgb, (width, width * 3 // 4))


def found(twins: Twins, photograph: Photograph, session: int, fields: list) -> int | None:
    twins.compare(photograph, session, fields)
    end = time.monotonic() + 20
    while not twins.known(photograph):
        assert time.monotonic() < end
        time.sleep(0.005)
    return twins.of(photograph)


@pytest.fixture(params=[640, 2000])
def kept(request, tmp_path: Path) -> list:
    paths = [tmp_path / f"{seed}.jpg" for seed in (1, 2, 3)]
    for seed, path in enumerate(paths, 1):
        path.write_bytes(photograph_of(field(seed, request.param)).data)
    return list(zip((11, 12, 13), paths, strict=True))


def test_finds_its_twin_and_forgets_what_was_undone(kept: list) -> None:
    twins = Twins()
    assert found(twins, photograph_of(field(2)), 1, kept) == 12
    assert found(twins, photograph_of(field(9)), 1, kept) is None
    assert found(twins, photograph_of(field(2)), 1, [kept[0], kept[2]]) is None
    assert found(twins, photograph_of(field(2)), 1, kept) == 12


def test_another_session_is_another_slide(kept: list) -> None:
    twins = Twins()
    found(twins, photograph_of(field(2)), 1, kept)
    assert found(twins, photograph_of(field(2)), 2, []) is None


def test_a_photograph_that_is_gone_or_broken_hides_no_other(kept: list) -> None:
    kept[0][1].unlink()
    kept[2][1].write_bytes(b"")
    assert found(Twins(), photograph_of(field(2)), 1, kept) == 12
