"""The same results in the same order: in this process, on its cores, on a Dask cluster, and when a worker dies."""

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.many import map_in_order

# Work as other processes see it: a module that they can import.
WORK = '''
import os
import time
from pathlib import Path

from edge_wbc.core.errors import BadInput
from edge_wbc.core.finder import find_cells
from edge_wbc.core.images import read_image


def find(seen, pause, file):
    """Boxes and scores of a field; leaves a note of who did it, and takes long enough to be killed at it."""
    (Path(seen) / f"{os.getpid()}-{file.name}").touch()
    cells = find_cells(read_image(file))
    time.sleep(pause)
    return {"image": file.name, "cells": [[*cell.box, cell.score] for cell in cells]}


def square(number):
    return number * number


def rest(number):
    time.sleep(0.001)
    return number


def refuse_seven(number):
    if number == 7:
        raise BadInput("job 7", "is bad", "leave it out")
    return number


def die_at_seven(number):
    if number == 7:
        os._exit(1)
    return number
'''


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """That module, importable here and in every process started from here."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "far_work.py").write_text(WORK)
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), str(Path(__file__).parents[2]), before])
    sys.path.insert(0, str(folder))
    import far_work

    yield far_work
    sys.path.remove(str(folder))
    del sys.modules["far_work"]
    os.environ["PYTHONPATH"] = before


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes start after the first job, however short it was."""
    monkeypatch.setattr("edge_wbc.lab.many._TASTE_SECONDS", 0)
    monkeypatch.setattr("edge_wbc.lab.many._WORTH_SECONDS", 0)


class Cluster:
    """A scheduler and its workers, one thread each, as processes that can be killed by their id."""

    def __init__(self, folder: Path) -> None:
        self.file, self.folder = folder / "scheduler.json", folder
        self.workers: list[subprocess.Popen] = []
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        self._wait(lambda: self.file.is_file() and self.file.read_text().endswith("}"))
        self.address = json.loads(self.file.read_text())["address"]

    def _start(self, role: str, *options: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "dask", role, "--no-dashboard", "--scheduler-file", str(self.file), *options]
        log = (self.folder / f"{role}{len(self.workers)}.log").open("w")
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)

    def add_worker(self) -> None:
        self.workers.append(self._start("worker", "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1"))

    def wait_for(self, count: int) -> None:
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=30)

    @staticmethod
    def _wait(ready: Callable[[], bool]) -> None:
        for _ in range(300):
            if ready():
                return
            time.sleep(0.1)
        raise TimeoutError

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path, work: object, request: pytest.FixtureRequest, monkeypatch) -> Iterator[Cluster]:
    pytest.importorskip("distributed")
    if "kills" in request.node.name:
        monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
    started = Cluster(tmp_path)
    yield started
    started.stop()


def test_order_reports_and_what_stays_here(work) -> None:
    told: list[tuple[int, int]] = []
    here = list(map_in_order(work.square, range(100), report=lambda *done: told.append(done)))
    assert here == [number * number for number in range(100)]
    assert told == [(done, 100) for done in range(1, 101)]
    assert list(map_in_order(work.square, [])) == []


@pytest.mark.usefixtures("at_once")
def test_processes_give_the_same_in_order(work) -> None:
    assert list(map_in_order(work.square, range(300), processes=2)) == [number * number for number in range(300)]


def test_long_work_leaves_this_process(work, tmp_path: Path, drawn_lab: Path, monkeypatch) -> None:
    monkeypatch.setattr("edge_wbc.lab.many._WORTH_SECONDS", 0.5)
    files = sorted((drawn_lab / "images").iterdir())
    found = list(map_in_order(partial(work.find, tmp_path, 0.03), files, processes=2))
    assert found == [work.find(tmp_path, 0, file) for file in files]
    workers = {int(note.name.split("-")[0]) for note in tmp_path.iterdir()}
    assert len(workers) == 3 and os.getpid() in workers


@pytest.mark.usefixtures("at_once")
def test_faults_come_back_from_processes(work) -> None:
    fault = pickle.loads(pickle.dumps(BadInput("a", "b", "c")))
    assert (fault.where, fault.fault, fault.remedy, str(fault)) == ("a", "b", "c", "a: b; c")
    results = map_in_order(work.refuse_seven, range(40), processes=2)
    with pytest.raises(BadInput, match="job 7: is bad; leave it out"):
        list(results)
    with pytest.raises(BadInput, match="worker process: was ended from outside"):
        list(map_in_order(work.die_at_seven, range(40), processes=2))


@pytest.mark.usefixtures("at_once")
def test_a_reader_who_stops_early_stops_the_work(work) -> None:
    results = map_in_order(work.square, range(10_000), processes=2)
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    results.close()


def test_a_worker_killed_half_way_changes_no_byte(work, cluster: Cluster, drawn_lab: Path, tmp_path: Path) -> None:
    cluster.add_worker()
    cluster.add_worker()
    cluster.wait_for(2)
    (tmp_path / "seen").mkdir()
    (tmp_path / "here").mkdir()
    files = sorted((drawn_lab / "images").iterdir())
    killed = cluster.workers[0]

    def kill(done: int, total: int) -> None:
        if done == total // 2:
            os.kill(killed.pid, signal.SIGKILL)

    far = list(map_in_order(partial(work.find, tmp_path / "seen", 0.05), files, cluster.address, kill))
    (tmp_path / "far.json").write_text(json.dumps(far))
    (tmp_path / "near.json").write_text(
        json.dumps(list(map_in_order(partial(work.find, tmp_path / "here", 0), files, processes=1)))
    )
    assert (tmp_path / "far.json").read_bytes() == (tmp_path / "near.json").read_bytes()
    assert killed.wait(5) == -signal.SIGKILL
    assert {int(note.name.split("-")[0]) for note in (tmp_path / "seen").iterdir()} == {
        worker.pid for worker in cluster.workers
    }


def test_crops_are_the_same_bytes_from_a_cluster_and_its_end_is_said(
    work, cluster: Cluster, drawn_lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_wbc.core.crops import CropRule
    from edge_wbc.lab.datasets import load_crops, read_dataset

    cluster.add_worker()
    data = read_dataset(drawn_lab)
    far, near = (load_crops(data, CropRule(32), cluster=where) for where in (cluster.address, None))
    assert far.pixels.tobytes() == near.pixels.tobytes() and far.sha256 == near.sha256
    monkeypatch.setattr("edge_wbc.lab.many._ALONE_SECONDS", 1)
    with pytest.raises(BadInput, match="all its workers are gone; dask worker tcp"):
        list(map_in_order(work.rest, range(2000), cluster.address, lambda *_: cluster.workers[0].kill()))


def test_faults_of_a_cluster_are_one_line(work, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody, monkeypatch.context() as soon:
        soon.setattr("edge_wbc.lab.many._CONNECT_SECONDS", 0.5)
        nobody.bind(("127.0.0.1", 0))
        closed = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        for address in (closed, "no such address"):
            with pytest.raises(BadInput, match="no Dask scheduler answers there"):
                list(map_in_order(work.square, range(3), address))
        with pytest.raises(BadInput, match="has no workers; dask worker tcp"):
            list(map_in_order(work.square, range(3), cluster.address))
    cluster.add_worker()
    cluster.wait_for(1)
    with pytest.raises(BadInput, match="job 7: is bad; leave it out"):
        list(map_in_order(work.refuse_seven, range(40), cluster.address))
    with monkeypatch.context() as other:
        from distributed import versions

        other.setattr(versions, "_version_cached", lambda package: "0.0.1")
        with pytest.raises(BadInput, match=r"distributed .*, here it is 0\.0\.1; give every machine the same"):
            list(map_in_order(work.square, range(3), cluster.address))

    def stop(done: int, total: int) -> None:
        cluster.scheduler.kill()

    with pytest.raises(BadInput, match="the scheduler went away"):
        list(map_in_order(work.square, range(2000), cluster.address, stop))


def test_a_job_that_kills_workers_is_given_up(work, cluster: Cluster) -> None:
    for _ in range(2):
        cluster.add_worker()
    cluster.wait_for(2)
    with pytest.raises(BadInput, match="several workers died at the same job"):
        list(map_in_order(work.die_at_seven, range(8), cluster.address))


def test_found_cells_and_hashes_are_the_same_files_when_a_worker_ends(
    work, cluster: Cluster, drawn_lab: Path, tmp_path: Path
) -> None:
    from edge_wbc.lab.curation.clean import deduplicate
    from edge_wbc.lab.curation.duplicates import THRESHOLDS
    from edge_wbc.lab.finding import find_in

    def files(folder: Path) -> dict[str, bytes]:
        return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    cluster.add_worker()
    cluster.add_worker()
    cluster.wait_for(2)

    def end_one(title: str, done: int, total: int) -> None:
        if done == total // 2:
            cluster.workers[0].terminate()

    far = find_in(drawn_lab / "images", tmp_path / "far", cluster=cluster.address, progress=end_one)
    near = find_in(drawn_lab / "images", tmp_path / "near")
    assert far == near and len(far.fields) == 36
    assert files(tmp_path / "far") == files(tmp_path / "near")
    assert cluster.workers[0].wait(10) is not None
    options = THRESHOLDS["default"]
    for name, where in (("far", cluster.address), ("near", None)):
        deduplicate(tmp_path / name, tmp_path / f"{name}_clean", options, cluster=where)
    assert (tmp_path / "far_clean" / "duplicates.csv").read_bytes() == (
        tmp_path / "near_clean" / "duplicates.csv"
    ).read_bytes()
