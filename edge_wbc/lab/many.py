"""One work function over many jobs: in this process, on its cores, or on the machines of a Dask cluster.

The results come in the order of the jobs and are the same bytes whichever way, as long as `work` depends on its job
alone. On a cluster the work function and the files that jobs name must be at hand on every worker.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import cv2

from edge_wbc.core.errors import BadInput

__all__ = ["map_in_order"]

Job = TypeVar("Job")
Result = TypeVar("Result")

# Starting processes costs up to two seconds, by what the work imports: what is over sooner stays here.
_TASTE_SECONDS = 0.5
_WORTH_SECONDS = 4.0
_CONNECT_SECONDS = 10
# How long no worker at all may be there before one stops waiting for another.
_ALONE_SECONDS = 60
# Whose versions change results or cannot talk to another's; the scheduler itself runs none of the work.
_TALK: tuple[str, ...] = ("distributed", "dask")
_WORK: tuple[str, ...] = ("python", *_TALK, "cloudpickle", "numpy", "opencv-python", "edge-wbc")


def map_in_order(
    work: Callable[[Job], Result],
    jobs: Sequence[Job],
    cluster: str | None = None,
    report: Callable[[int, int], None] | None = None,
    processes: int | None = None,
) -> Iterator[Result]:
    """`map(work, jobs)`, spread out where that is faster.

    Args:
        work: a function that other processes can import; its results must be picklable.
        cluster: the address of a Dask scheduler, such as "tcp://10.0.0.5:8786", or None for this machine's cores.
        report: called with the jobs done and the number of jobs, after each.
        processes: how many on this machine; None for as many as there are cores. They start only once the first
            jobs, done here, have shown that the rest will take a while.

    Raises:
        BadInput: raised by `work`; no scheduler or no worker at `cluster`, or one of other versions; a job at which
            processes or workers die again and again.
    """
    if cluster is not None:
        results = _on_cluster(work, jobs, cluster)
    else:
        results = _on_cores(work, jobs, processes or os.cpu_count() or 1)
    for done, result in enumerate(results, 1):
        if report:
            report(done, len(jobs))
        yield result


def _chunk(work: Callable[[Job], Result], jobs: Sequence[Job]) -> list[Result]:
    # The cores are taken by the processes; OpenCV's own threads would only fight over them.
    cv2.setNumThreads(1)
    return [work(job) for job in jobs]


def _chunks(jobs: Sequence[Job], workers: int) -> Iterator[Sequence[Job]]:
    """Few enough jobs to a message that all workers stay busy to the end, enough that messages cost little."""
    size = max(1, min(16, len(jobs) // (4 * workers)))
    return (jobs[start : start + size] for start in range(0, len(jobs), size))


def _in_window(
    submit: Callable[[Sequence[Job]], Any],
    take: Callable[[Any], list[Any]],
    chunks: Iterator[Sequence[Job]],
    most: int,
) -> Iterator[Any]:
    """Results in order, of at most so many futures at once: nothing piles up behind a slow reader."""
    waiting: deque[Any] = deque()
    for chunk in chunks:
        waiting.append(submit(chunk))
        if len(waiting) == most:
            yield from take(waiting.popleft())
    while waiting:
        yield from take(waiting.popleft())


def _on_cores(work: Callable[[Job], Result], jobs: Sequence[Job], processes: int) -> Iterator[Result]:
    spent = 0.0
    done = 0
    for job in jobs:
        left = len(jobs) - done
        if done and spent >= _TASTE_SECONDS and spent / done * left >= _WORTH_SECONDS and min(processes, left) > 1:
            break
        started = time.perf_counter()
        result = work(job)
        spent += time.perf_counter() - started
        done += 1
        yield result
    if done == len(jobs):
        return
    rest = jobs[done:]
    # Spawned, not forked: a fork copies the locks of torch's and OpenCV's threads in whatever state they are.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(processes, len(rest)), context, initializer=_leave_interrupts)
    try:

        def submit(chunk: Sequence[Job]) -> Future[list[Result]]:
            return pool.submit(_chunk, work, chunk)

        yield from _in_window(submit, Future.result, _chunks(rest, processes), 4 * processes)
    except BrokenProcessPool as error:
        raise BadInput(
            "a worker process", "was ended from outside", "it may have run out of memory: close other programs"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts() -> None:
    """Ctrl-C is for the parent, which then stops its children."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _on_cluster(work: Callable[[Job], Result], jobs: Sequence[Job], address: str) -> Iterator[Result]:
    from distributed.client import Client
    from distributed.comm.core import CommClosedError
    from distributed.scheduler import KilledWorker

    client = _connect(Client, address)
    try:
        threads = sum(client.nthreads().values())

        def submit(chunk: Sequence[Job]) -> Any:
            # Not pure: chunks need no names by content. A worker that dies has its chunks done elsewhere by the
            # scheduler, as often as its allowed-failures say (3); an exception is the job's own and comes through.
            return client.submit(_chunk, work, chunk, pure=False)

        def take(future: Any) -> Any:
            while True:
                try:
                    return future.result(timeout=_ALONE_SECONDS)
                except TimeoutError:
                    if future.done():
                        raise
                    if not client.nthreads():
                        raise BadInput(address, "all its workers are gone", f"dask worker {address}") from None

        yield from _in_window(submit, take, _chunks(jobs, threads), max(32, 4 * threads))
    except KilledWorker as error:
        raise BadInput(
            address,
            "several workers died at the same job",
            "give workers more memory, or the scheduler more DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES",
        ) from error
    except (CancelledError, CommClosedError) as error:
        raise BadInput(address, "the scheduler went away", "start it again and repeat the command") from error
    finally:
        client.close()


def _connect(open_client: Callable[..., Any], address: str) -> Any:
    import warnings

    try:
        with warnings.catch_warnings():
            # Versions are compared below, in one line.
            warnings.simplefilter("ignore")
            client = open_client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BadInput(
            address, "no Dask scheduler answers there", "give its address, such as tcp://10.0.0.5:8786"
        ) from error
    try:
        client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
        _compare(address, client.get_versions(packages=["opencv-python", "edge-wbc"]))
    except TimeoutError as error:
        client.close()
        raise BadInput(address, "the Dask scheduler has no workers", f"dask worker {address}") from error
    except BadInput:
        client.close()
        raise
    return client


def _compare(address: str, versions: dict[str, Any]) -> None:
    mine = versions["client"]["packages"]
    others = [("the scheduler", versions["scheduler"], _TALK)]
    others += [(f"worker {name}", found, _WORK) for name, found in versions["workers"].items()]
    for name, found, packages in others:
        theirs = (found or {}).get("packages", {})
        for package in packages:
            if theirs.get(package) != mine.get(package):
                fault = f"{name} has {package} {theirs.get(package)}, here it is {mine.get(package)}"
                raise BadInput(address, fault, "give every machine the same environment")
