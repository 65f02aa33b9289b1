"""Sessions on their way to a configured address: a queue on disk, sent piece by piece, as docs/upload.md defines.

Queueing touches no network. `run` sends, in a thread and with a store of its own; what the server has is its own word
alone, so a piece sent twice, an answer lost or a server that forgot changes nothing but the time it takes.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import socket
import ssl
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple
from urllib.parse import SplitResult, quote, urlsplit

from edge_wbc.core.errors import BadInput
from mobile_app.session.export import Report, export_zip, unreported
from mobile_app.session.shelf import Shelf
from mobile_app.session.store import Store

__all__ = ["TROUBLES", "Upload", "UploadOptions", "Uploads", "queue", "run"]

TROUBLES = ("network", "server", "trust", "busy", "short", "refused", "lost")
"""No network or no such address; a server that does not answer, whose certificate is not trusted, that cannot take it
now, that took no more, that will never take it; a zip that is gone. The last two wait for a person."""

_ADDRESS = "upload address"
_LONGEST_ANSWER = 65536
_TRY_AGAIN = (408, 425, 429)
_LOOK_AGAIN = 2.0
_ANDROID_TRUSTS = Path("/system/etc/security/cacerts")


@dataclass(frozen=True)
class UploadOptions:
    """How sessions are sent.

    Attributes:
        piece: bytes a request.
        timeout: seconds to wait for the network.
        first_wait, longest_wait: seconds after the first failure, doubled at each further one up to the longest.
    """

    piece: int = 1 << 19
    timeout: float = 10.0
    first_wait: float = 1.0
    longest_wait: float = 300.0


@dataclass(frozen=True)
class Upload:
    """A session in the queue.

    Attributes:
        name: the session's, when it was queued.
        size, sent: bytes of its zip, and those the server has by its own word.
        state: "waiting", "done", or "refused" until `Uploads.retry`.
        trouble: the latest, of `TROUBLES`, or "".
        detail: what is known of it, such as the status the server answered.
    """

    id: int
    name: str
    sha256: str
    size: int
    sent: int
    state: str
    trouble: str
    detail: str


class Uploads:
    """The queue of a store."""

    def __init__(self, store: Store, options: UploadOptions = UploadOptions()) -> None:
        self.store, self._options = store, options
        self._outbox = store.folder / "outbox"
        # How often each failed, and when it is due, by a clock nobody can set; a new start tries at once.
        self._failed: Dict[int, int] = {}
        self._due: Dict[int, float] = {}

    def set_address(self, address: str) -> None:
        """Keeps where sessions go, such as ``https://lab.example/wbc``; "" for nowhere.

        Raises:
            BadInput: no http or https address.
        """
        if address:
            _split(address)
        self.store.set(_ADDRESS, address)

    def address(self) -> str:
        """Where sessions go, or ""."""
        return self.store.setting(_ADDRESS) or ""

    def add(self, session: int, report: Report = unreported) -> Tuple[str, ...]:
        """Queues a session as it is now; the same state again is sent again as the same.

        It reads every photograph: one call at a time, in a thread with a store of its own where they are many.

        Args:
            report: as `export_zip` takes it.

        Returns:
            Photographs that are missing or damaged, as `export_zip`, whose errors it raises.
        """
        name = Shelf(self.store).listed(session).setup.name
        try:
            self._outbox.mkdir(exist_ok=True)
        except OSError as error:
            raise BadInput(self._outbox, f"cannot be made ({error.strerror})", "free some space") from error
        new = self._outbox / "new.zip"
        lost = export_zip(self.store, session, new, report)
        digest, size = hashlib.sha256(), new.stat().st_size
        with new.open("rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
        sha256 = digest.hexdigest()
        with self.store.write() as db:
            new.replace(self._file(sha256))
            kept = {row["sha256"] for row in db.execute("SELECT sha256 FROM upload")} | {sha256}
            for path in self._outbox.iterdir():  # zips whose row never came
                if path.stem not in kept:
                    path.unlink()
            db.execute("DELETE FROM upload WHERE sha256 = ?", (sha256,))
            sql = "INSERT INTO upload (name, sha256, size, sent, state, said, at) VALUES (?, ?, ?, 0, 'waiting', '', ?)"
            db.execute(sql, (name, sha256, size, time.time()))
        return lost

    def listed(self, limit: int = 50) -> List[Upload]:
        """The queue, the latest first."""
        return [_upload(row) for row in self.store.read("SELECT * FROM upload ORDER BY id DESC LIMIT ?", limit)]

    def retry(self, upload: int) -> None:
        """Sends again, and at once, what was refused or waits after a failure."""
        with self.store.write() as db:
            db.execute("UPDATE upload SET state = 'waiting', said = '' WHERE id = ? AND state != 'done'", (upload,))

    def forget(self, upload: int) -> None:
        """Takes an upload off the queue; the session itself stays."""
        with self.store.write() as db:
            row = db.execute("SELECT sha256 FROM upload WHERE id = ?", (upload,)).fetchone()
            db.execute("DELETE FROM upload WHERE id = ?", (upload,))
        if row:
            self._file(row["sha256"]).unlink(missing_ok=True)

    def step(self) -> Optional[float]:
        """Sends one piece of the first upload that is due.

        Returns:
            Seconds until the next is due, 0 for at once, None where nothing waits or there is no address.

        Raises:
            BadInput: the storage fails; a network that fails is told in `Upload.trouble`.
        """
        address = self.address()
        rows = self.store.read("SELECT * FROM upload WHERE state = 'waiting' ORDER BY id")
        if not address or not rows:
            return None
        now = time.monotonic()
        for row in rows:
            if not row["said"]:  # it is going well, or a person wants it tried now
                self._failed.pop(row["id"], None)
                self._due.pop(row["id"], None)
        due = [self._due.get(row["id"], 0.0) for row in rows]
        ready = next((row for row, at in zip(rows, due) if at <= now), None)
        if ready is None:
            return min(due) - now
        self._send(_split(address), _upload(ready))
        return 0.0

    def _send(self, address: SplitResult, upload: Upload) -> None:
        try:
            with self._file(upload.sha256).open("rb") as stream:
                stream.seek(upload.sent)
                piece = stream.read(self._options.piece)
        except OSError as error:
            self._tell(upload, "refused", upload.sent, f"lost {error.strerror}")
            return
        try:
            status, have = self._put(address, upload, piece)
        except (OSError, http.client.HTTPException) as error:
            self._later(upload, upload.sent, f"{_trouble(error)} {str(error) or type(error).__name__}")
            return
        if status == 201:
            # Queued again meanwhile, it has another number, and needs its file.
            if self._tell(upload, "done", upload.size, ""):
                self._file(upload.sha256).unlink(missing_ok=True)
        elif status in (200, 409) and have is not None and 0 <= have <= upload.size:
            if have > upload.sent:
                self._tell(upload, "waiting", have, "")
            else:
                self._later(upload, have, f"short {have} of {upload.size} bytes")
        elif status in (200, 409) or status >= 500 or status in _TRY_AGAIN:
            self._later(upload, upload.sent, f"busy {status}")
        else:
            self._tell(upload, "refused", upload.sent, f"refused {status}")

    def _put(self, address: SplitResult, upload: Upload, piece: bytes) -> Tuple[int, Optional[int]]:
        """One request; the status, and how many bytes the server says it has."""
        host, timeout = address.hostname or "", self._options.timeout
        connection = http.client.HTTPConnection(host, address.port, timeout=timeout)
        if address.scheme == "https":
            connection = http.client.HTTPSConnection(host, address.port, timeout=timeout, context=_trusted())
        last = upload.sent + len(piece) - 1
        part = f"{upload.sent}-{last}" if piece else "*"
        headers = {"Content-Type": "application/zip", "Content-Range": f"bytes {part}/{upload.size}"}
        try:
            path = f"{address.path.rstrip('/')}/sessions/{upload.sha256}?offset={upload.sent}"
            connection.request("PUT", quote(path, safe="/?=%"), piece, headers)
            response = connection.getresponse()
            answer = response.read(_LONGEST_ANSWER)
        finally:
            connection.close()
        try:
            have = json.loads(answer)["have"]
        except (ValueError, KeyError, TypeError, RecursionError):
            have = None
        return response.status, have if type(have) is int else None

    def _later(self, upload: Upload, sent: int, said: str) -> None:
        failed = self._failed[upload.id] = self._failed.get(upload.id, 0) + 1
        wait = min(self._options.longest_wait, self._options.first_wait * 2 ** min(failed - 1, 30))
        self._due[upload.id] = time.monotonic() + wait
        self._tell(upload, "waiting", sent, said)

    def _tell(self, upload: Upload, state: str, sent: int, said: str) -> bool:
        """Whether it is still in the queue."""
        with self.store.write() as db:
            sql = "UPDATE upload SET state = ?, sent = ?, said = ? WHERE id = ?"
            return db.execute(sql, (state, sent, said, upload.id)).rowcount == 1

    def _file(self, sha256: str) -> Path:
        return self._outbox / f"{sha256}.zip"


def run(
    folder: Path, stop: threading.Event, tell: Callable[[BadInput], None], options: UploadOptions = UploadOptions()
) -> None:
    """Sends what is queued until `stop` is set: the target of a daemon thread.

    Args:
        folder: the store's.
        tell: called with a fault of the storage, each time it is met; sending goes on after a while.
    """
    uploads: Optional[Uploads] = None
    while not stop.is_set():
        try:
            uploads = uploads or Uploads(Store(folder), options)
            wait = uploads.step()
        except BadInput as fault:
            tell(fault)
            stop.wait(options.longest_wait)
            continue
        stop.wait(_LOOK_AGAIN if wait is None else min(wait, _LOOK_AGAIN))
    if uploads is not None:
        uploads.store.close()


def queue(folder: Path, session: int, report: Report = unreported) -> Tuple[str, ...]:
    """`Uploads.add` with a store of its own, for any thread, one call at a time."""
    with closing(Store(folder)) as store:
        return Uploads(store).add(session, report)


def _upload(row: Any) -> Upload:
    trouble, _, detail = row["said"].partition(" ")
    return Upload(row["id"], row["name"], row["sha256"], row["size"], row["sent"], row["state"], trouble, detail)


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """Whom the device trusts; Android keeps that where OpenSSL does not look by itself."""
    context = ssl.create_default_context()
    for path in sorted(_ANDROID_TRUSTS.glob("*")):
        try:
            context.load_verify_locations(str(path))
        except ssl.SSLError:
            continue  # one that is none for this OpenSSL is one that is not trusted
    return context


def _trouble(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "trust"
    unreachable = (errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH)
    nowhere = isinstance(error, socket.gaierror) or getattr(error, "errno", None) in unreachable
    return "network" if nowhere else "server"


def _split(address: str) -> SplitResult:
    remedy = "type one such as https://lab.example/wbc"
    try:
        parts = urlsplit(address)
        (parts.hostname or "").encode("idna")  # refused here rather than at each try to send
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise BadInput("address", f"{address!r} is none ({error})", remedy) from error
    if not usable or "@" in parts.netloc or parts.query or parts.fragment or not address.isascii() or " " in address:
        raise BadInput("address", f"{address!r} is no http or https address", remedy)
    return parts
