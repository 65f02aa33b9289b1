"""Fetching over loopback, from servers as they are: cut off, without ranges, changed, wrong, busy."""

import hashlib
import io
import json
import stat
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.datasets.download import download
from edge_wbc.lab.datasets.fetch import fetch_set
from edge_wbc.lab.datasets.public import PublicFile, PublicSet, public_set, public_sets
from edge_wbc.lab.datasets.unpack import unpack

CONTENT = np.random.default_rng(0).bytes(1_000_000)


class Server(ThreadingHTTPServer):
    """What it serves and how badly; `asked` keeps the headers of every request."""

    content = CONTENT
    etag = '"one"'
    ranges = True
    length = True
    # Bytes after which a connection is cut, one for each request to come; None lets it through.
    cuts: list = []
    statuses: list = []
    asked: list = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        server.asked.append(dict(self.headers))
        status = server.statuses.pop(0) if server.statuses else 200
        if status != 200:
            self.send_response(status)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start, total = 0, len(server.content)
        if server.ranges and "Range" in self.headers and self.headers["If-Range"] in (None, server.etag):
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        if start >= total:
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if server.etag:
            self.send_header("ETag", server.etag)
        if server.length:
            self.send_header("Content-Length", str(total - start))
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else None
        self.wfile.write(server.content[start:] if cut is None else server.content[start : start + cut])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("edge_wbc.lab.datasets.download._PAUSE_SECONDS", 0)
    monkeypatch.setenv("no_proxy", "*")
    running = Server(("127.0.0.1", 0), Handler)
    running.cuts, running.statuses, running.asked = [], [], []
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()


def wanted(server: Server, name: str = "cells.zip", **known: object) -> PublicFile:
    return PublicFile(f"http://127.0.0.1:{server.server_address[1]}/{name}", name, **known)


def only(folder: Path, name: str) -> bytes:
    assert [file.name for file in folder.iterdir()] == [name]
    return (folder / name).read_bytes()


def test_whole_with_progress(server: Server, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    file = wanted(server, bytes=len(CONTENT), sha256=sha256)
    assert download(file, tmp_path, lambda *have: told.append(have)) == sha256
    assert only(tmp_path, "cells.zip") == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT)) and told == sorted(told)


def test_cut_connections_are_gone_on_with(server: Server, tmp_path: Path) -> None:
    server.cuts = [300_000, 100_000, 0, 200_000]
    said: list[str] = []
    download(wanted(server), tmp_path, log=said.append)
    assert only(tmp_path, "cells.zip") == CONTENT
    starts = [request.get("Range") for request in server.asked]
    assert starts == [None, *(f"bytes={have}-" for have in (300_000, 400_000, 400_000, 600_000))]
    assert {request["If-Range"] for request in server.asked[1:]} == {'"one"'}
    assert said[0] == "cells.zip: the connection ended early; goes on at 300000 bytes"


def test_a_killed_fetch_goes_on(server: Server, tmp_path: Path) -> None:
    def kill(have: int, total: int) -> None:
        if have > 500_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(wanted(server), tmp_path, kill)
    assert {file.name for file in tmp_path.iterdir()} == {"cells.zip.partial", "cells.zip.partial.json"}
    download(wanted(server), tmp_path)
    assert only(tmp_path, "cells.zip") == CONTENT
    assert int(server.asked[1]["Range"][6:-1]) > 500_000


def test_a_server_without_ranges_sends_it_all_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    server.cuts = [300_000]
    said: list[str] = []
    download(wanted(server), tmp_path, log=said.append)
    assert only(tmp_path, "cells.zip") == CONTENT
    assert any("begins anew" in line for line in said)


@pytest.mark.parametrize("size", [1_000_000, 1_200_000, 200_000])
def test_a_file_changed_between_is_never_mixed(server: Server, tmp_path: Path, size: int) -> None:
    server.cuts = [300_000]
    other = np.random.default_rng(1).bytes(size)

    def change(line: str) -> None:
        server.content, server.etag = other, '"two"'

    download(wanted(server), tmp_path, log=change)
    assert only(tmp_path, "cells.zip") == other


def test_without_a_validator_nothing_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    server.etag = ""
    server.cuts = [300_000]
    download(wanted(server), tmp_path)
    assert only(tmp_path, "cells.zip") == CONTENT
    assert all("Range" not in request for request in server.asked)


def test_a_server_that_ignores_if_range_is_caught_by_the_checksum(server: Server, tmp_path: Path) -> None:
    server.etag = 'W/"weak"'
    server.cuts = [300_000]
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    assert download(wanted(server, sha256=sha256), tmp_path) == sha256


def test_a_wrong_hash_or_size_leaves_nothing(server: Server, tmp_path: Path) -> None:
    for known, fault in (
        ({"sha256": "0" * 64}, "has SHA-256 .*, 0000"),
        ({"bytes": 5}, "has 1000000 bytes there, 5 were expected"),
    ):
        with pytest.raises(BadInput, match=fault):
            download(wanted(server, **known), tmp_path)
        assert list(tmp_path.iterdir()) == []
    server.length = False
    with pytest.raises(BadInput, match="has 1000000 bytes, 5 were expected"):
        download(wanted(server, bytes=5), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_busy_servers_are_asked_again_and_refusals_are_said(server: Server, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    download(wanted(server), tmp_path)
    server.statuses = [404]
    with pytest.raises(BadInput, match="the server answers 404 Not Found; look at its homepage"):
        download(wanted(server, "other.zip"), tmp_path)
    server.statuses = [500] * 9
    with pytest.raises(BadInput, match="cannot be fetched.*500.*the same command goes on"):
        download(wanted(server, "other.zip"), tmp_path)
    assert len(server.statuses) == 4
    with pytest.raises(BadInput, match="is no http address"):
        download(PublicFile("file:///etc/hostname", "x"), tmp_path)
    only(tmp_path, "cells.zip")


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def a_set(server: Server, **known: object) -> PublicSet:
    return PublicSet("drawn", "t", "http://home", "CC0", "c", "here", (wanted(server, **known),))


def test_a_set_is_fetched_recorded_unpacked_and_compared(server: Server, tmp_path: Path) -> None:
    server.content = zipped({"cells/neutrophil/1.txt": b"one", "cells/empty/": b"", "read me.txt": b"two"})
    said: list[str] = []
    out = tmp_path / "out"
    facts = fetch_set(a_set(server), out, log=said.append)
    assert said == ["cells.zip: its checksum is not published; fetched over plain http, recorded now"]
    assert json.loads((out / "fetched.json").read_text()) == facts
    entry = facts["files"]["cells.zip"]
    assert entry["sha256"] == hashlib.sha256(server.content).hexdigest() and entry["bytes"] == len(server.content)
    assert (facts["licence"], entry["checksum"]) == ("CC0", "recorded at the first fetch")
    unpacked = {str(file.relative_to(out)): file.read_bytes() for file in (out / "cells").rglob("*.txt")}
    assert unpacked == {"cells/cells/neutrophil/1.txt": b"one", "cells/read me.txt": b"two"}

    assert fetch_set(a_set(server), out, log=said.append) == facts
    assert said[-1] == "cells.zip: is there already" and len(server.asked) == 1
    (out / "cells.zip").unlink()
    server.content = zipped({"other": b"file"})
    with pytest.raises(BadInput, match="bytes there, .* were expected"):
        fetch_set(a_set(server), out)
    (out / "cells.zip").write_bytes(b"damaged")
    with pytest.raises(BadInput, match="cells.zip: has SHA-256 .* remove it to fetch it again"):
        fetch_set(a_set(server), out)
    with pytest.raises(BadInput, match="holds the set 'drawn'"):
        fetch_set(replace(a_set(server), name="another"), out)


def test_what_cannot_be_unpacked_or_fetched_is_said(server: Server, tmp_path: Path) -> None:
    said: list[str] = []
    rar = PublicSet("rar", "t", "h", "l", "c", "here", (wanted(server, "Train.rar"),))
    fetch_set(rar, tmp_path / "rar", log=said.append)
    assert said[-1] == "Train.rar: unpack it with unar, 7z or bsdtar: edge-wbc unpacks zip alone"
    with pytest.raises(BadInput, match="no stable address.*by hand: h"):
        fetch_set(replace(rar, files=()), tmp_path / "none")
    (tmp_path / "rar" / "fetched.json").write_text('{"set": "rar", "files": {"Train.rar": 3}}')
    with pytest.raises(BadInput, match="fetched.json: is not what a fetch writes"):
        fetch_set(rar, tmp_path / "rar")


def link_member() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        member = zipfile.ZipInfo("link")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    return stream.getvalue()


def encrypted() -> bytes:
    data = bytearray(zipped({"a": b"content"}))
    for header, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(header) + offset] |= 1
    return bytes(data)


def damaged() -> bytes:
    data = bytearray(zipped({"a": bytes(range(256)) * 40}))
    data[60] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (zipped({"../evil": b""}), "points outside"),
        (zipped({"/evil": b""}), "points outside"),
        (zipped({"a/../../evil": b""}), "points outside"),
        (zipped({"C:/evil": b""}), "points outside"),
        (zipped({"good": b"", "a\\..\\evil": b""}), "points outside"),
        (link_member(), "is a link"),
        (zipped({"a": b"1", "A": b"2"}), "is there twice"),
        (encrypted(), "is encrypted"),
        (damaged(), "cannot be unzipped"),
        (b"no zip", "cannot be unzipped"),
        (zipped({"zeros": bytes(80 << 20)}), "unpacks to far more"),
    ],
)
def test_a_strangers_zip_is_refused_whole(tmp_path: Path, content: bytes, fault: str) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(BadInput, match=fault):
        unpack(tmp_path / "x.zip", tmp_path / "in" / "x")
    left = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert left == {"x.zip"} and not (tmp_path / "in" / "x").exists()


def test_the_table_is_sound() -> None:
    sets = public_sets()
    assert {"raabin", "pbc", "tecom", "lisc", "bccd", "bccd-crops"} <= set(sets)
    for entry in sets.values():
        assert entry.title and entry.homepage.startswith("http") and entry.licence and entry.citation and entry.checked
        assert len({file.name for file in entry.files}) == len(entry.files)
        for file in entry.files:
            assert file.url.startswith("http") and Path(file.name).name == file.name
    with pytest.raises(BadInput, match="did you mean 'raabin'"):
        public_set("rabin")
