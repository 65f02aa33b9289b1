"""One thread reads fields; nobody waits for it, and nothing it has to say is lost."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.focus import look
from edge_wbc.core.images import write_image
from edge_wbc.core.pack import read_pack
from edge_wbc.core.reading import NamedCell, open_reader
from mobile_app.live.calibrate import Calibration, calibrated
from mobile_app.live.worker import Worker
from mobile_app.sources.folder import FolderSource
from mobile_app.sources.frames import Photograph

PACK = Path(__file__).parents[3] / "mobile_app" / "packs" / "default"
CELL = NamedCell((1, 2, 3, 4), "neutrophil", 0.9, {"neutrophil": 0.9}, False)


def photograph(shade: int = 0) -> Photograph:
    return Photograph(np.full((4, 4, 3), shade, np.uint8), b"")


def fetch(worker: Worker, count: int = 1):
    """Polls for answers as the UI does."""
    found = []
    end = time.monotonic() + 20
    while len(found) < count:
        assert time.monotonic() < end, f"{len(found)} of {count} answers"
        found += worker.answers()
        time.sleep(0.002)
    return found


class Gate:
    """A reader that waits inside until the test lets it go on, and keeps what it was given."""

    def __init__(self):
        self.begun, self.open, self.seen = threading.Semaphore(0), threading.Semaphore(0), []

    def __call__(self, taken):
        self.seen.append(int(taken.rgb[0, 0, 0]))
        self.begun.release()
        assert self.open.acquire(timeout=20)
        return [CELL]


@pytest.fixture
def gated():
    gate = Gate()
    worker = Worker(gate)
    yield gate, worker
    for _ in range(9):
        gate.open.release()
    worker.stop()


def test_cells_and_photograph_come_back_under_the_requests_number():
    worker = Worker(lambda taken: [CELL])
    taken = photograph()
    number = worker.ask(lambda: taken)
    (answer,) = fetch(worker)
    assert (answer.request, answer.cells, answer.fault) == (number, (CELL,), None)
    assert answer.photograph is taken
    assert worker.answers() == []
    worker.stop()


def test_how_sharp_a_still_is_comes_with_it_even_where_reading_fails():
    taken = Photograph(np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8), b"")

    def fail(_):
        raise BadInput("pack", "is gone")

    worker = Worker(fail)
    worker.ask(lambda: taken)
    (answer,) = fetch(worker)
    assert answer.fault is not None and answer.view is not None
    assert answer.view.sharpness == look(taken.rgb).sharpness > 0
    worker.stop()


def test_a_photograph_alone_is_not_read():
    read = []
    worker = Worker(lambda taken: read.append(taken) or [CELL])
    worker.ask(photograph, cells=False)
    (answer,) = fetch(worker)
    assert answer.cells == () and answer.photograph is not None and answer.view is not None and not read
    worker.stop()


def test_of_what_waits_the_newest_is_read(gated):
    gate, worker = gated
    worker.ask(lambda: photograph(1))
    assert gate.begun.acquire(timeout=20)
    for shade in (2, 3, 4):
        last = worker.ask(lambda shade=shade: photograph(shade))
    gate.open.release()
    gate.open.release()
    answers = fetch(worker, 2)
    assert gate.seen == [1, 4]
    assert [answer.request for answer in answers] == [1, last]


def test_asking_and_polling_go_on_while_a_reader_hangs(gated, tmp_path):
    """The preview never waits: frames come and go while the reader is held inside."""
    gate, worker = gated
    for number in range(3):
        write_image(tmp_path / f"{number}.png", np.full((40, 60, 3), 80 * number, np.uint8))
    source = FolderSource(tmp_path)
    source.start()
    worker.ask(photograph)
    assert gate.begun.acquire(timeout=20)
    shown, last, end = [], 0, time.monotonic() + 20
    while len(shown) < 6 and time.monotonic() < end:
        frame = source.newest()
        if frame is not None and frame.number > last:
            last = frame.number
            shown.append(frame.rgb[0, 0, 0])
            last_asked = worker.ask(source.still)
            source.step()
        assert worker.answers() == []
    source.stop()
    # The reader was let go only now: every frame was shown before it answered anything.
    assert shown == [0, 80, 160, 0, 80, 160]
    gate.open.release()
    gate.open.release()
    assert [answer.request for answer in fetch(worker, 2)] == [1, last_asked]


def test_a_fault_in_taking_is_told_in_its_own_words():
    worker = Worker(lambda taken: [CELL])

    def take():
        raise BadInput("camera", "unplugged", "plug it in")

    worker.ask(take)
    (answer,) = fetch(worker)
    assert str(answer.fault) == "camera: unplugged; plug it in"
    assert answer.photograph is None and answer.cells == ()
    worker.stop()


@pytest.mark.parametrize("error", [ValueError("shapes\ndiffer"), MemoryError(), KeyError("x")])
def test_a_fault_in_reading_keeps_the_photograph_and_the_thread(error):
    def read(taken):
        if taken.rgb[0, 0, 0]:
            raise error
        return [CELL]

    worker = Worker(read)
    worker.ask(lambda: photograph(9))
    (answer,) = fetch(worker)
    assert str(answer.fault).startswith(f"reading the field: failed ({type(error).__name__}")
    assert "\n" not in str(answer.fault) and answer.fault.__cause__ is error
    assert answer.photograph.rgb[0, 0, 0] == 9 and answer.cells == ()
    worker.ask(lambda: photograph(0))
    assert fetch(worker)[0].cells == (CELL,)
    worker.stop()


def test_faults_queue_up_until_they_are_polled():
    begun = threading.Semaphore(0)

    def take():
        begun.release()
        raise BadInput("camera", "denied")

    worker = Worker(lambda taken: [])
    for _ in range(5):
        worker.ask(take)
        assert begun.acquire(timeout=20)
    assert [answer.fault.fault for answer in fetch(worker, 5)] == ["denied"] * 5
    worker.stop()


def test_stopping_drops_what_waits_and_keeps_what_was_answered(gated):
    gate, worker = gated
    worker.ask(lambda: photograph(1))
    assert gate.begun.acquire(timeout=20)
    worker.ask(lambda: photograph(2))
    gate.open.release()
    worker.stop()
    assert not worker._thread.is_alive()
    assert [answer.request for answer in worker.answers()] == [1] and gate.seen == [1]
    worker.stop()


def test_a_real_field_from_folder_to_named_cells(shared_data):
    """The default pack on a photograph: the whole way that a freeze goes."""
    pytest.importorskip("ai_edge_litert.interpreter")
    reader = open_reader(read_pack(PACK))
    source = FolderSource(shared_data / "bccd" / "fields" / "BloodImage_00000.jpg")
    worker = Worker(calibrated(reader, Calibration("none")))
    source.start()
    worker.ask(source.still)
    (answer,) = fetch(worker)
    source.stop()
    worker.stop()
    assert answer.fault is None and len(answer.cells) == 1
    assert answer.cells == tuple(reader.read(answer.photograph.rgb, single=False))
