"""Photographs in, named cells out, on one thread beside the UI's.

The UI asks and goes on; it polls for answers as it polls for frames. Of what waits only the newest is kept: neither a
slow network nor a quick finger makes a queue.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Callable, Deque, List, Optional, Sequence, Tuple

from edge_wbc.core.errors import BadInput
from edge_wbc.core.focus import View, look
from edge_wbc.core.reading import NamedCell
from mobile_app.sources.frames import Photograph

__all__ = ["Answer", "Read", "Take", "Worker", "unforeseen"]

Take = Callable[[], Photograph]
Read = Callable[[Photograph], Sequence[NamedCell]]


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of one request.

    Attributes:
        request: the number that `ask` gave.
        photograph: what was taken; None where taking it failed.
        cells: named cells in pixels of the photograph; empty after a fault.
        fault: what went wrong, in words for the person, or None.
        view: focus, light and round field of the photograph; None where taking it failed.
    """

    request: int
    photograph: Optional[Photograph]
    cells: Tuple[NamedCell, ...]
    fault: Optional[BadInput]
    view: Optional[View] = None


class Worker:
    """One background thread that takes and reads photographs.

    Args:
        read: names the cells of a photograph; it runs on the worker's thread alone.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._wake = threading.Condition()
        self._waiting: Optional[Tuple[int, Take, Read]] = None
        self._answers: Deque[Answer] = deque()
        self._asked = 0
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="reading", daemon=True)
        self._thread.start()

    def ask(self, take: Take, cells: bool = True) -> int:
        """Asks for the cells of what `take` gives, which the worker calls on its thread; never waits.

        A request that has not begun is dropped for this one and gets no answer; one that has begun is finished and
        answered.

        Args:
            cells: whether they are wanted, or the photograph alone.

        Returns:
            The request's number, higher each time.
        """
        with self._wake:
            self._asked += 1
            self._waiting = self._asked, take, self._read if cells else _nothing
            self._wake.notify()
            return self._asked

    def answers(self) -> List[Answer]:
        """What was answered since the last call, oldest first; never waits."""
        with self._wake:
            found = list(self._answers)
            self._answers.clear()
            return found

    def stop(self, wait_s: float = 5.0) -> None:
        """Drops what waits, lets what has begun end; answers stay to be fetched. Safe more than once.

        Args:
            wait_s: how long at most to wait for the thread, 0 not to.
        """
        with self._wake:
            self._stopped = True
            self._waiting = None
            self._wake.notify()
        self._thread.join(wait_s)

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._stopped or self._waiting is not None)
                if self._stopped or self._waiting is None:
                    return
                asked, self._waiting = self._waiting, None
            answer = _answer(*asked)
            with self._wake:
                self._answers.append(answer)


def _nothing(photograph: Photograph) -> Sequence[NamedCell]:
    return ()


def _answer(request: int, take: Take, read: Read) -> Answer:
    photograph: Optional[Photograph] = None
    cells: Tuple[NamedCell, ...] = ()
    fault: Optional[BadInput] = None
    view: Optional[View] = None
    try:
        photograph = take()
        view = look(photograph.rgb)
        cells = tuple(read(photograph))
    except BadInput as error:
        fault = error
    except Exception as error:  # a thread that dies says nothing: whatever it is, the person hears of it
        fault = unforeseen("reading the field", error, "photograph it again; if it recurs, report it")
    return Answer(request, photograph, cells, fault, view)


def unforeseen(where: str, error: Exception, remedy: str) -> BadInput:
    """An error that nobody foresaw, as it is told to a person."""
    said = (str(error).strip().splitlines() or [""])[0]
    words = f"{type(error).__name__}: {said}" if said else type(error).__name__
    fault = BadInput(where, f"failed ({words})", remedy)
    fault.__cause__ = error
    return fault
