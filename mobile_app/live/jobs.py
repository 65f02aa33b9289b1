"""What takes long, one thing after another on a thread beside the UI's; what came of it is handed over on the UI's."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any, Callable, Deque, Dict, Hashable, Optional

from edge_wbc.core.errors import BadInput
from mobile_app.live.worker import unforeseen

__all__ = ["Abandoned", "Jobs", "Report"]

Report = Callable[[int, int], None]
"""How far something is: so many of how many are done. It raises `Abandoned` when the app is left."""


class Abandoned(Exception):
    """The app is left: whatever is half done is to be undone."""


@dataclass(eq=False)
class _Job:
    what: Hashable
    act: Callable[[Report], Any]
    done: Callable[[Any], None]
    failed: Callable[[BadInput], None]
    share: float = 0.0
    came: Any = None
    fault: Optional[BadInput] = None


class Jobs:
    """One background thread; everything but what is to be done runs on the thread that asks."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._waiting: Deque[_Job] = deque()
        self._ended: Deque[_Job] = deque()
        self._going: Dict[Hashable, _Job] = {}
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
        self._thread.start()

    def run(
        self,
        what: Hashable,
        act: Callable[[Report], Any],
        done: Callable[[Any], None],
        failed: Callable[[BadInput], None],
    ) -> bool:
        """Begins something, after what was begun before; never waits.

        Args:
            what: names it; the same is not begun twice at a time.
            act: runs on the background thread; opens its own `Store`.
            done, failed: get what `act` returned, or its fault, from `deliver`.

        Returns:
            False, and nothing is begun, where the same goes on already.
        """
        if what in self._going:
            return False
        job = self._going[what] = _Job(what, act, done, failed)
        with self._wake:
            self._waiting.append(job)
            self._wake.notify()
        return True

    def share(self, what: Hashable) -> Optional[float]:
        """How much of it is done, 0 to 1 and 0 while it waits; None where it does not go on."""
        job = self._going.get(what)
        return None if job is None else job.share

    def deliver(self) -> None:
        """Hands over what has ended; to be called by the UI now and then."""
        while True:
            with self._wake:
                if not self._ended:
                    return
                job = self._ended.popleft()
            del self._going[job.what]
            try:
                if job.fault is not None:
                    raise job.fault
                job.done(job.came)
            except BadInput as fault:
                job.failed(fault)

    def stop(self, wait_s: float = 2.0) -> None:
        """Drops what waits and abandons what goes on, which undoes itself; nothing more is handed over.

        Args:
            wait_s: how long at most to wait for that.
        """
        with self._wake:
            self._stopped = True
            self._waiting.clear()
            self._wake.notify()
        self._thread.join(wait_s)

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._stopped or bool(self._waiting))
                if self._stopped:
                    return
                job = self._waiting.popleft()

            def report(done: int, total: int, job: _Job = job) -> None:
                if self._stopped:
                    raise Abandoned
                job.share = done / max(total, 1)

            try:
                job.came = job.act(report)
            except Abandoned:
                return
            except BadInput as fault:
                job.fault = fault
            except Exception as error:  # a thread that dies says nothing: whatever it is, the person hears of it
                job.fault = unforeseen("the app", error, "try again; if it recurs, report it")
            with self._wake:
                self._ended.append(job)
