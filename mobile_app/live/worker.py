"""Photographs in, named cells out, on one thread beside the UI's.

The UI asks and goes on; it polls for answers as it polls for frames. Of what waits only the newest of its kind is
kept, and a still goes before a look at the preview: neither a slow network nor a quick finger makes a queue.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Callable, Deque, Dict, List, Optional, Sequence, Tuple

from edge_wbc.core.errors import BadInput
from edge_wbc.core.focus import look
from edge_wbc.core.reading import NamedCell
from mobile_app.sources.frames import Photograph

__all__ = ["LIVE", "STILL", "Answer", "Read", "Take", "Worker", "unforeseen"]

STILL, LIVE = "still", "live"
"""What a request is for: a photograph to keep, or a look at the preview, which nobody misses."""

Take = Callable[[], Photograph]
Read = Callable[[Photograph], Sequence[NamedCell]]


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of one request.

    Attributes:
        request: the number that `ask` gave.
        kind: `STILL` or `LIVE`.
        photograph: what was taken; None where taking it failed.
        cells: named cells in pixels of the photograph; empty after a fault.
        fault: what went wrong, in words for the person, or None.
        seconds: from the beginning of the work to its end.
        sharpness: of a still, as `focus.look` has it; None for a look at the preview, or without a photograph.
    """

    request: int
    kind: str
    photograph: Optional[Photograph]
    cells: Tuple[NamedCell, ...]
    fault: Optional[BadInput]
    seconds: float
    sharpness: Optional[float] = None


class Worker:
    """One background thread that takes and reads photographs.

    Args:
        read: names the cells of a photograph; it runs on the worker's thread alone.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._wake = threading.Condition()
        self._waiting: Dict[str, Tuple[int, Take]] = {}
        self._answers: Deque[Answer] = deque()
        self._asked = 0
        self._busy = self._stopped = False
        self._thread = threading.Thread(target=self._work, name="reading", daemon=True)
        self._thread.start()

    def ask(self, take: Take, kind: str = STILL) -> int:
        """Asks for the cells of what `take` gives, which the worker calls on its thread; never waits.

        A request of the same kind that has not begun is dropped for this one and gets no answer; one that has begun
        is finished and answered.

        Returns:
            The request's number, higher each time.
        """
        with self._wake:
            self._asked += 1
            self._waiting[kind] = self._asked, take
            self._wake.notify()
            return self._asked

    def answers(self) -> List[Answer]:
        """What was answered since the last call, oldest first; never waits."""
        with self._wake:
            found = list(self._answers)
            self._answers.clear()
            return found

    @property
    def busy(self) -> bool:
        """Whether a request waits or is worked on."""
        with self._wake:
            return self._busy or bool(self._waiting)

    def use(self, read: Read) -> None:
        """Reads with another pack or calibration from the next request on."""
        with self._wake:
            self._read = read

    def stop(self, wait_s: float = 5.0) -> None:
        """Drops what waits, lets what has begun end; answers stay to be fetched. Safe more than once.

        Args:
            wait_s: how long at most to wait for the thread, 0 not to.
        """
        with self._wake:
            self._stopped = True
            self._waiting.clear()
            self._wake.notify()
        self._thread.join(wait_s)

    def _work(self) -> None:
        while True:
            with self._wake:
                self._busy = False
                self._wake.wait_for(lambda: self._stopped or bool(self._waiting))
                if self._stopped:
                    return
                kind = STILL if STILL in self._waiting else next(iter(self._waiting))
                request, take = self._waiting.pop(kind)
                read, self._busy = self._read, True
            answer = _answer(request, kind, take, read)
            with self._wake:
                self._answers.append(answer)


def _answer(request: int, kind: str, take: Take, read: Read) -> Answer:
    started = time.monotonic()
    photograph: Optional[Photograph] = None
    cells: Tuple[NamedCell, ...] = ()
    fault: Optional[BadInput] = None
    sharpness: Optional[float] = None
    try:
        photograph = take()
        sharpness = look(photograph.rgb).sharpness if kind == STILL else None
        cells = tuple(read(photograph))
    except BadInput as error:
        fault = error
    except Exception as error:  # a thread that dies says nothing: whatever it is, the person hears of it
        fault = unforeseen("reading the field", error, "photograph it again; if it recurs, report it")
    return Answer(request, kind, photograph, cells, fault, time.monotonic() - started, sharpness)


def unforeseen(where: str, error: Exception, remedy: str) -> BadInput:
    """An error that nobody foresaw, as it is told to a person."""
    said = (str(error).strip().splitlines() or [""])[0]
    words = f"{type(error).__name__}: {said}" if said else type(error).__name__
    fault = BadInput(where, f"failed ({words})", remedy)
    fault.__cause__ = error
    return fault
