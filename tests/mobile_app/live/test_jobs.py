"""What takes long, beside the UI: in order, once at a time, handed over to who asked, undone when one leaves."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import whole_file
from mobile_app.live.jobs import Jobs


@pytest.fixture
def jobs():
    jobs = Jobs()
    yield jobs
    jobs.stop()


def hand_over(jobs: Jobs, what: str) -> None:
    """Delivers as the UI does until something has ended."""
    end = time.monotonic() + 20
    while jobs.share(what) is not None:
        assert time.monotonic() < end, "it never ended"
        jobs.deliver()
        time.sleep(0.002)


def refuse(fault: BadInput) -> None:
    raise AssertionError(fault)


def test_it_runs_elsewhere_and_is_handed_over_here_and_only_when_asked(jobs) -> None:
    ran, came = [], []
    jobs.run("a", lambda report: ran.append(threading.current_thread()) or 7, came.append, refuse)
    jobs.run("b", lambda report: ran.append("b"), lambda _: came.append(threading.current_thread()), refuse)
    end = time.monotonic() + 20
    while len(ran) < 2:
        assert time.monotonic() < end
    assert ran[0] is not threading.main_thread() and came == []
    hand_over(jobs, "b")
    assert came == [7, threading.main_thread()]


def test_the_same_is_not_begun_twice_and_how_far_it_is_can_be_asked(jobs) -> None:
    begun, go_on, came = threading.Event(), threading.Event(), []

    def act(report) -> str:
        report(1, 4)
        begun.set()
        assert go_on.wait(20)
        return "done"

    assert jobs.run("a", act, came.append, refuse)
    assert begun.wait(20)
    assert not jobs.run("a", act, came.append, refuse)
    assert jobs.run("b", lambda report: "b", came.append, refuse)
    assert (jobs.share("a"), jobs.share("b"), jobs.share("c")) == (0.25, 0, None)
    go_on.set()
    hand_over(jobs, "b")
    assert came == ["done", "b"]
    assert jobs.run("a", lambda report: "again", came.append, refuse)
    hand_over(jobs, "a")
    assert came[-1] == "again"


def test_every_fault_is_told_and_the_next_goes_on(jobs) -> None:
    faults = []

    def foreseen(report):
        raise BadInput("pack", "is bad")

    def not_foreseen(report):
        raise KeyError("x")

    def late(came):
        raise BadInput("store", "is full")

    jobs.run("a", foreseen, refuse, faults.append)
    jobs.run("b", not_foreseen, refuse, faults.append)
    jobs.run("c", lambda report: 1, late, faults.append)
    hand_over(jobs, "c")
    assert [str(fault).split(";")[0] for fault in faults] == [
        "pack: is bad",
        "the app: failed (KeyError: 'x')",
        "store: is full",
    ]


def test_leaving_abandons_it_with_nothing_half_written(tmp_path: Path) -> None:
    jobs, begun = Jobs(), threading.Event()

    def act(report) -> None:
        with whole_file(tmp_path / "out") as stream:
            while True:
                stream.write(b"x")
                report(1, 2)
                begun.set()

    jobs.run("a", act, refuse, refuse)
    jobs.run("b", lambda report: (tmp_path / "b").touch(), refuse, refuse)
    assert begun.wait(20)
    assert [path.name for path in tmp_path.iterdir()] == ["out.partial"]
    jobs.stop(20)
    assert list(tmp_path.iterdir()) == []
    jobs.deliver()
