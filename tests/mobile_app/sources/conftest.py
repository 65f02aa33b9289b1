"""Helpers of the sources' tests."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from mobile_app.sources.frames import Frame, FrameSource


def _wait(ready: Callable[[], object], seconds: float = 20.0) -> object:
    """Polls as the UI does, until something is ready; fails the test when nothing ever is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = ready()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError("nothing came")


@pytest.fixture
def wait() -> Callable[..., object]:
    return _wait


@pytest.fixture
def frame_after(wait: Callable[..., object]) -> Callable[..., Frame]:
    """The first frame of a source with a number above the given one."""

    def polled(source: FrameSource, number: int = 0) -> Frame:
        def newer() -> Frame | None:
            frame = source.newest()
            return frame if frame is not None and frame.number > number else None

        return wait(newer)

    return polled
