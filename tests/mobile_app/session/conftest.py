"""A store in a folder of its own, and photographs of one grey each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.records import Cell
from mobile_app.session import Session, Setup, Shelf, Store


def photograph(grey: int) -> bytes:
    """A PNG of 64 x 48 pixels; another grey is another photograph."""
    return cv2.imencode(".png", np.full((48, 64, 3), grey, np.uint8))[1].tobytes()


@pytest.fixture(scope="session")
def draw_photograph() -> Callable[[int], bytes]:
    """Encodes a 64 x 48 photograph of one grey."""
    return photograph


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    opened = Store(tmp_path / "kept")
    yield opened
    opened.close()


@pytest.fixture
def session(store: Store) -> Session:
    """Ann's session of two fields with three found cells each."""
    began = Shelf(store).create(Setup("smear 7"), "Ann")
    for grey in (100, 200):
        cells = [Cell((at, at, at + 9, at + 9), score=0.5) for at in (0, 10, 20)]
        began.add_field(photograph(grey), (64, 48), cells)
    return began
