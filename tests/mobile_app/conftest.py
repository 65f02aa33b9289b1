"""What the app has beside it: a Java side, as strict as the real one where the app could fall over it; and the lab's
server, as docs/upload.md has it."""

from __future__ import annotations

import hashlib
import json
import random
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from mobile_app.android import java as bridge


class JavaException(Exception):
    def __init__(self, classname: str, innermessage: str = "") -> None:
        super().__init__(f"JVM exception occurred: {innermessage} {classname}")
        self.classname, self.innermessage = classname, innermessage


class ByteArray:
    """A byte[] that came from Java: no buffer, no bytes of its own."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def tostring(self) -> bytes:
        return self._data


class JavaList:
    def __init__(self, items: list) -> None:
        self._items = items

    def size(self) -> int:
        return len(self._items)

    def get(self, at: int) -> object:
        return self._items[at]


@pytest.fixture
def java(monkeypatch) -> types.SimpleNamespace:
    """A pyjnius whose classes the test puts into `java.classes`."""
    classes: dict[str, object] = {}

    def autoclass(name: str) -> object:
        assert threading.current_thread() is threading.main_thread(), f"{name} looked up off the main thread"
        if name not in classes:
            raise JavaException("java.lang.ClassNotFoundException", name)
        return classes[name]

    module = types.ModuleType("jnius")
    module.autoclass, module.JavaException = autoclass, JavaException
    monkeypatch.setitem(sys.modules, "jnius", module)
    return types.SimpleNamespace(classes=classes, JavaException=JavaException, ByteArray=ByteArray, List=JavaList)


@pytest.fixture
def permissions(monkeypatch) -> types.SimpleNamespace:
    """python-for-android's `android.permissions`: given, and what was asked, with its callbacks, in order."""
    state = types.SimpleNamespace(given={"android.permission.CAMERA"}, asked=[])
    module = types.ModuleType("android.permissions")
    module.Permission = types.SimpleNamespace(CAMERA="android.permission.CAMERA")
    module.check_permission = lambda name: name in state.given
    module.request_permissions = lambda names, told: state.asked.append((names, told))
    monkeypatch.setitem(sys.modules, "android", types.ModuleType("android"))
    monkeypatch.setitem(sys.modules, "android.permissions", module)
    monkeypatch.setattr(bridge, "_refused", set())
    return state


class Lab(ThreadingHTTPServer):
    """A receiving side as docs/upload.md has it, whose `mishap` may spoil a request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.held: dict[str, bytearray] = {}
        self.complete: dict[str, bytes] = {}
        self.mishap: Callable[[], str] = lambda: ""
        self.met: set[str] = set()
        self.received = self.requests = 0
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/wbc"

    def handle_error(self, *_: object) -> None:
        """A client that gave up is no news."""


class Handler(BaseHTTPRequestHandler):
    server: Lab

    def log_message(self, *_: object) -> None:
        pass

    def do_PUT(self) -> None:
        lab = self.server
        with lab.lock:
            mishap = lab.mishap()
            lab.met.add(mishap)
            lab.requests += 1
        if mishap == "drop":
            return
        if mishap.isdigit():
            self.answer(int(mishap), b"no")
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        url = urlsplit(self.path)
        sha256 = url.path.rpartition("/")[2]
        assert url.path == f"/wbc/sessions/{sha256}"
        offset = int(parse_qs(url.query)["offset"][0])
        part, total = self.headers["Content-Range"][len("bytes ") :].split("/")
        assert part == (f"{offset}-{offset + len(body) - 1}" if body else "*")
        with lab.lock:
            held = lab.held.setdefault(sha256, bytearray())
            lab.received += len(body)
            if mishap == "mangle" and body:
                body = bytes([body[0] ^ 1]) + body[1:]
            if mishap == "half":
                body = body[: len(body) // 2]
            if mishap == "forget":
                del held[len(held) // 3 :]
            status = 409 if offset > len(held) else 200
            if status == 200:
                held += body[len(held) - offset :]
            if len(held) == int(total):
                if hashlib.sha256(held).hexdigest() == sha256:
                    lab.complete[sha256], status = bytes(held), 201
                else:
                    held.clear()
            said = json.dumps({"have": len(held)}).encode()
        if mishap == "late":
            time.sleep(0.3)
        if mishap == "unsaid":
            return
        if mishap == "nonsense":
            status, said = (
                200,
                random.Random(lab.requests).choice([b"<html>", b'{"have": -5}', b'{"have": true}', b"[]"]),
            )
        self.answer(status, said)

    def answer(self, status: int, said: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A server on 127.0.0.1."""
    server = Lab()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
