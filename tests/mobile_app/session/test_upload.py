"""Uploads against a small server that drops connections, fails, answers late or nonsense, forgets and mangles."""

import errno
import hashlib
import random
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_wbc.core.errors import BadInput
from mobile_app.session import Session, Setup, Shelf, Store
from mobile_app.session.export import export_zip
from mobile_app.session.upload import UploadOptions, Uploads, _trusted, run

QUICK = UploadOptions(piece=300, timeout=30, first_wait=0.001, longest_wait=0.01)
HASTY = replace(QUICK, timeout=0.15)


@pytest.fixture
def queued(session: Session, lab: Any, tmp_path: Path) -> tuple[Uploads, str]:
    """A session in the queue, and its SHA-256."""
    uploads = Uploads(session.store, QUICK)
    uploads.set_address(lab.address)
    assert uploads.add(session.id) == ()
    export_zip(session.store, session.id, tmp_path / "same.zip")
    return uploads, hashlib.sha256((tmp_path / "same.zip").read_bytes()).hexdigest()


def drain(uploads: Uploads, most: int = 5000) -> None:
    for _ in range(most):
        wait = uploads.step()
        if wait is None:
            return
        time.sleep(wait)
    raise AssertionError(f"not done: {uploads.listed()}")


def test_a_session_arrives_and_leaves_the_queue(queued: tuple[Uploads, str], lab: Any, tmp_path: Path) -> None:
    uploads, sha256 = queued
    drain(uploads)
    assert lab.complete == {sha256: (tmp_path / "same.zip").read_bytes()}
    (done,) = uploads.listed()
    assert (done.state, done.sent, done.size) == ("done", done.size, len(lab.complete[sha256]))
    assert done.trouble == done.detail == ""
    assert lab.received == done.size and lab.requests == -(-done.size // QUICK.piece) > 2
    assert list((uploads.store.folder / "outbox").iterdir()) == []


def test_the_same_session_again_is_the_same_put(queued: tuple[Uploads, str], session: Session, lab: Any) -> None:
    uploads, sha256 = queued
    uploads.add(session.id)
    assert len(uploads.listed()) == 1
    drain(uploads)
    uploads.add(session.id)
    drain(uploads)
    assert list(lab.complete) == [sha256]
    session.tap("band")
    uploads.add(session.id)
    drain(uploads)
    assert len(lab.complete) == 2, "another state is another zip"


MISHAPS = ("drop", "500", "503", "429", "half", "forget", "late", "unsaid", "nonsense", "mangle")


@pytest.mark.parametrize("seed", range(3))
def test_every_mishap_is_lived_through(queued: tuple[Uploads, str], lab: Any, tmp_path: Path, seed: int) -> None:
    uploads, sha256 = queued
    uploads = Uploads(uploads.store, HASTY)
    chance = random.Random(seed)
    plan = chance.sample(MISHAPS, len(MISHAPS))  # each at least once, then at random
    lab.mishap = lambda: plan.pop() if plan else chance.choice(["", "", "", *MISHAPS[:-1]])
    drain(uploads)
    assert lab.met >= set(MISHAPS)
    assert lab.complete == {sha256: (tmp_path / "same.zip").read_bytes()}
    assert uploads.listed()[0].state == "done"


@pytest.mark.parametrize("mishap", MISHAPS)
def test_one_mishap_is_told_and_tried_again(queued: tuple[Uploads, str], lab: Any, mishap: str) -> None:
    uploads, _ = queued
    uploads = Uploads(uploads.store, HASTY)
    lab.mishap = lambda: mishap
    waits = []
    for _ in range(6):
        waits.append(uploads.step())
        time.sleep(waits[-1] or 0)
    (waiting,) = uploads.listed()
    assert waiting.state == "waiting"
    if mishap not in ("half", "mangle"):
        known = {"late": "server", "drop": "server", "unsaid": "server", "forget": "short"}
        assert waiting.trouble == known.get(mishap, "busy") and waiting.detail
        assert any(waits), "it waits before it tries again"
    lab.mishap = lambda: ""
    drain(uploads)
    assert uploads.listed()[0].state == "done"


@pytest.mark.parametrize("mishap", ["", "half", "forget", "mangle"])
def test_what_is_sent_is_what_the_server_says_it_has(queued: tuple[Uploads, str], lab: Any, mishap: str) -> None:
    uploads, sha256 = queued
    uploads.step()
    lab.mishap = lambda: mishap
    while not lab.complete:
        time.sleep(uploads.step() or 0)
        assert uploads.listed()[0].sent == len(lab.held[sha256])
        if lab.requests > 5:
            lab.mishap = lambda: ""


@pytest.mark.parametrize("status", ["400", "403", "404", "413", "301"])
def test_a_refusal_waits_for_a_person(queued: tuple[Uploads, str], lab: Any, status: str) -> None:
    uploads, _ = queued
    lab.mishap = lambda: status
    drain(uploads)
    (refused,) = uploads.listed()
    assert (refused.state, refused.trouble, refused.detail) == ("refused", "refused", status)
    lab.mishap = lambda: ""
    assert uploads.step() is None
    uploads.retry(refused.id)
    drain(uploads)
    assert uploads.listed()[0].state == "done"


def test_waits_grow_and_stop_growing(queued: tuple[Uploads, str], monkeypatch: pytest.MonkeyPatch) -> None:
    uploads, _ = queued
    uploads.set_address("http://127.0.0.1:9")  # nobody listens there
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    queue = Uploads(uploads.store, UploadOptions(first_wait=1, longest_wait=60))
    waits = []
    for _ in range(9):
        assert queue.step() == 0.0
        waits.append(queue.step())
        clock[0] += waits[-1] or 0
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert queue.listed()[0].trouble == "server"
    uploads.retry(queue.listed()[0].id)  # by a person, through a queue of its own
    assert queue.step() == 0.0 and queue.step() == 1, "at once, and the waits begin anew"


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "network"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "network"),
        (TimeoutError("timed out"), "server"),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), "trust"),
    ],
)
def test_no_network_is_told_from_a_silent_and_an_untrusted_server(
    queued: tuple[Uploads, str], monkeypatch: pytest.MonkeyPatch, error: OSError, trouble: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("http.client.HTTPConnection.request", fail)
    uploads, _ = queued
    uploads.step()
    (waiting,) = uploads.listed()
    assert (waiting.state, waiting.trouble, waiting.detail) == ("waiting", trouble, str(error))


def test_one_that_waits_does_not_hold_up_the_next(queued: tuple[Uploads, str], lab: Any, session: Session) -> None:
    uploads, first = queued
    slow = Uploads(uploads.store, UploadOptions(piece=300, first_wait=1000, longest_wait=1000))
    lab.mishap = lambda: "500"
    slow.step()
    lab.mishap = lambda: ""
    session.tap("band")
    slow.add(session.id)
    while slow.step() == 0.0:
        pass
    assert len(lab.complete) == 1 and first not in lab.complete


def test_killed_at_any_moment_it_goes_on(queued: tuple[Uploads, str], lab: Any, tmp_path: Path) -> None:
    uploads, sha256 = queued
    code = (
        "import sys, threading; from pathlib import Path; from mobile_app.session.upload import UploadOptions, run\n"
        "run(Path(sys.argv[1]), threading.Event(), print, UploadOptions(piece=50))"
    )
    chance = random.Random(4)
    lab.mishap = lambda: time.sleep(0.01) or ""
    for _ in range(5):
        before = lab.requests
        child = subprocess.Popen([sys.executable, "-c", code, str(uploads.store.folder)])
        while lab.requests == before and not lab.complete:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.1))
        child.kill()
        child.wait()
        assert uploads.store.read("PRAGMA integrity_check")[0][0] == "ok"
    assert uploads.listed()[0].sent > 0
    drain(uploads)
    assert lab.complete == {sha256: (tmp_path / "same.zip").read_bytes()}
    assert lab.received <= len(lab.complete[sha256]) + 5 * 50, "a kill costs a piece at most, not the whole"


def test_run_sends_what_is_queued_while_it_runs_and_stops(session: Session, lab: Any) -> None:
    stop, told = threading.Event(), []
    thread = threading.Thread(target=run, args=(session.store.folder, stop, told.append, QUICK), daemon=True)
    thread.start()
    uploads = Uploads(session.store)
    uploads.set_address(lab.address)
    uploads.add(session.id)
    while not lab.complete:
        time.sleep(0.01)
    session.vote(1, "band")
    stop.set()
    thread.join(10)
    assert not thread.is_alive() and told == []


def test_a_lost_zip_is_told_and_a_forgotten_upload_leaves_nothing(
    queued: tuple[Uploads, str], session: Session
) -> None:
    uploads, sha256 = queued
    outbox = uploads.store.folder / "outbox"
    (outbox / f"{sha256}.zip").unlink()
    drain(uploads)
    (refused,) = uploads.listed()
    assert (refused.state, refused.trouble, refused.detail) == ("refused", "lost", "No such file or directory")
    (outbox / "orphan.zip").write_bytes(b"")
    uploads.add(session.id)
    assert [path.stem for path in outbox.iterdir()] == [sha256]
    uploads.forget(uploads.listed()[0].id)
    assert uploads.listed() == [] and list(outbox.iterdir()) == []
    assert Shelf(uploads.store).listed(session.id).cells == 6


def test_a_storage_that_fails_is_told_and_does_not_end_the_sending(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("no folder")
    stop, told = threading.Event(), []

    def tell(fault: BadInput) -> None:
        told.append(fault)
        if len(told) == 2:
            stop.set()

    run(tmp_path / "kept", stop, tell, QUICK)
    assert ["cannot be written" in str(fault) for fault in told] == [True, True]


def test_without_an_address_nothing_is_sent(session: Session) -> None:
    uploads = Uploads(session.store)
    uploads.add(session.id)
    assert uploads.step() is None and uploads.address() == ""


@pytest.mark.parametrize(
    "address",
    [
        "lab",
        "ftp://lab",
        "http://",
        "http://a:b@lab",
        "http://lab:99999",
        "http://lab/?a",
        "http://lab b",
        "http://a..b",
    ],
)
def test_an_address_that_is_none_is_refused(store: Store, address: str) -> None:
    with pytest.raises(BadInput, match="address: "):
        Uploads(store).set_address(address)
    assert Uploads(store).address() == ""


def test_a_database_from_before_the_queue_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mobile_app.session import store as rooms

    steps = rooms._STEPS
    with monkeypatch.context() as then:
        then.setattr(rooms, "_STEPS", steps[:1])
        then.setattr(rooms, "SCHEMA_VERSION", 1)
        old = Store(tmp_path)
        Shelf(old).create(Setup("from before"), "Ann").tap("band")
        assert old.read("PRAGMA user_version")[0][0] == 1
        old.close()
    new = Store(tmp_path)
    assert new.read("PRAGMA user_version")[0][0] == len(steps)
    session = Shelf(new).resume()
    assert session and session.counts() == {"band": 1}
    Uploads(new).add(session.id)


def test_a_certificate_counts_only_where_the_device_trusts_it(
    queued: tuple[Uploads, str], lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    key, own, trusts = tmp_path / "key.pem", tmp_path / "own.pem", tmp_path / "cacerts"
    made = ["-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", own, "-subj", "/CN=lab", "-days", "2"]
    named = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", "-x509", *made, *named], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own, key)
    lab.socket = context.wrap_socket(lab.socket, server_side=True)
    uploads, sha256 = queued
    uploads = Uploads(uploads.store, replace(QUICK, first_wait=1000, longest_wait=1000))
    uploads.set_address(lab.address.replace("http:", "https:"))
    trusts.mkdir()
    (trusts / "0.0").write_text("no certificate")
    monkeypatch.setattr("mobile_app.session.upload._ANDROID_TRUSTS", trusts)
    _trusted.cache_clear()
    uploads.step()
    (waiting,) = uploads.listed()
    assert (waiting.state, waiting.trouble, lab.requests) == ("waiting", "trust", 0)
    (trusts / "1.0").write_bytes(own.read_bytes())
    _trusted.cache_clear()
    uploads.retry(waiting.id)
    drain(uploads)
    assert list(lab.complete) == [sha256]
    _trusted.cache_clear()
