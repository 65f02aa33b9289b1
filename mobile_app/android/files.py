"""Files in and out of the app by Android's own chooser: the person points, no storage permission is asked for.

The chooser is another app's screen, behind which this one is paused; what was chosen is a stream, which may come from
a network. So it is copied on a thread of its own, and what came of it is told by way of `later`.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import stat
import threading
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, Callable, Dict, Iterator, Optional, Tuple

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import whole_file
from mobile_app.android.java import java_class, java_exception, java_words

__all__ = ["AndroidFiles", "Done", "LARGEST"]

LARGEST = 512 * 1024 * 1024
"""Bytes of a file that is taken in."""
BLOCK = 1024 * 1024

Done = Callable[[Optional[Path], Optional[BadInput]], None]
"""Told the file, or why not; both None where the person chose nothing."""

_NAMES = (
    *("org.kivy.android.PythonActivity", "android.content.Intent", "java.lang.String", "android.net.Uri"),
    *("android.content.ContentResolver", "android.os.ParcelFileDescriptor", "android.database.Cursor"),
    "android.provider.DocumentsContract",
)
_OK = -1
_FIRST = 0x5EED  # Android's own requests and python-for-android's are numbered from 1
_TYPES = {".zip": "application/zip", ".csv": "text/csv", ".html": "text/html", ".json": "application/json"}


class AndroidFiles:
    """Choosing a file, and the place for one; make it on the main thread.

    Args:
        folder: of the app's own; what was taken in lies there until the next is.
        later: runs what it is given on the thread that `done` belongs on, as Kivy's clock does on the UI's.
        largest: bytes of a file that is taken in.
    """

    def __init__(self, folder: Path, later: Callable[[Callable[[], None]], Any], largest: int = LARGEST) -> None:
        self._java = {name.rsplit(".", 1)[1]: java_class(name) for name in _NAMES}
        self._activity = self._java["PythonActivity"].mActivity
        self._resolver = self._activity.getContentResolver()
        self._folder, self._later, self._largest = folder, later, largest
        self._asked: Dict[int, Tuple[Callable[[Any], Path], Done]] = {}
        self._number = _FIRST
        importlib.import_module("android.activity").bind(on_activity_result=self._answered)

    def pick(self, done: Done) -> None:
        """Has the person choose a file, and tells of its copy in the app's own folder; returns at once."""
        intent = self._intent(self._java["Intent"].ACTION_OPEN_DOCUMENT, "*/*")
        self._ask(intent, self._take_in, done)

    def hand_out(self, file: Path, done: Done) -> None:
        """Has the person choose a place, and tells when `file` was copied to it; returns at once."""
        kind = self._java["Intent"]
        intent = self._intent(kind.ACTION_CREATE_DOCUMENT, _TYPES.get(file.suffix.lower(), "application/octet-stream"))
        # A plain str would go to the method that takes a char[], and the chooser would not find it.
        intent.putExtra(kind.EXTRA_TITLE, self._java["String"](file.name))
        self._ask(intent, partial(self._give_out, file), done)

    def _intent(self, action: str, kind: str) -> Any:
        intent = self._java["Intent"](action)
        intent.addCategory(self._java["Intent"].CATEGORY_OPENABLE)
        intent.setType(kind)
        return intent

    def _ask(self, intent: Any, act: Callable[[Any], Path], done: Done) -> None:
        self._number += 1
        self._asked[self._number] = act, done
        try:
            self._activity.startActivityForResult(intent, self._number)
        except java_exception() as error:
            del self._asked[self._number]
            fault = BadInput("choosing a file", f"this phone cannot ({java_words(error)})", "install a file manager")
            self._later(partial(done, None, fault))

    def _answered(self, number: int, result: int, intent: Any) -> None:
        """Called on Android's main thread, which must not wait."""
        act, done = self._asked.pop(number, (None, None))
        if act is None or done is None:
            return
        place = intent.getData() if result == _OK and intent is not None else None
        if place is None:
            self._later(partial(done, None, None))
            return
        threading.Thread(target=self._carry, args=(act, place, done), name="copying", daemon=True).start()

    def _carry(self, act: Callable[[Any], Path], place: Any, done: Done) -> None:
        came: Optional[Path] = None
        fault: Optional[BadInput] = None
        try:
            came = act(place)
        except BadInput as error:
            fault = error
        except Exception as error:  # a thread that dies says nothing: whatever it is, the person hears of it
            fault = BadInput("copying the file", f"failed ({java_words(error)})", "choose another file or place")
        self._later(partial(done, came, fault))

    def _take_in(self, place: Any) -> Path:
        name, size = self._about(place)
        if size > self._largest:
            raise self._too_large(name)
        file = self._folder / name
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for old in self._folder.iterdir():
                old.unlink()
            with whole_file(file) as kept, self._open(place, "r", name) as stream:
                while True:
                    block = stream.read(BLOCK)
                    if not block:
                        break
                    if kept.tell() + len(block) > self._largest:
                        raise self._too_large(name)
                    kept.write(block)
        except OSError as error:
            raise BadInput(name, f"cannot be copied ({error.strerror})", "free some space and try again") from error
        return file

    def _give_out(self, file: Path, place: Any) -> Path:
        name = self._about(place)[0]
        try:
            with file.open("rb") as kept, self._open(place, "w", name) as stream:
                if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    stream.truncate(0)  # what was there may have been longer
                shutil.copyfileobj(kept, stream, BLOCK)
        except (BadInput, OSError) as error:
            said = error if isinstance(error, BadInput) else BadInput(name, f"cannot be written ({error.strerror})")
            whole = "choose another place"
            half = "delete what is there, it is not whole; choose another place"
            raise BadInput(said.where, said.fault, whole if self._removed(place) else half) from error
        return file

    def _removed(self, place: Any) -> bool:
        """Removes what was half written, where whoever keeps it allows that."""
        try:
            return bool(self._java["DocumentsContract"].deleteDocument(self._resolver, place))
        except java_exception():
            return False

    def _too_large(self, name: str) -> BadInput:
        return BadInput(name, f"is larger than {self._largest / 2**20:.0f} MB", "choose the right file")

    def _about(self, place: Any) -> Tuple[str, int]:
        """A file's name, fit for a disk, and its bytes, -1 where nobody knows; neither is to be relied on."""
        name, size = "", -1
        try:
            cursor = self._resolver.query(place, None, None, None, None)
            if cursor is not None:
                try:
                    if cursor.moveToFirst():
                        columns = [cursor.getColumnIndex(column) for column in ("_display_name", "_size")]
                        told = [column if column >= 0 and not cursor.isNull(column) else None for column in columns]
                        name = "" if told[0] is None else str(cursor.getString(told[0]))
                        size = -1 if told[1] is None else int(cursor.getLong(told[1]))
                finally:
                    cursor.close()
        except java_exception() as error:
            raise BadInput("the file", f"cannot be read ({java_words(error)})", "choose another one") from error
        return re.sub(r"[^\w.() -]+", "-", name)[-100:].strip(". ") or "file", size

    @contextmanager
    def _open(self, place: Any, mode: str, name: str) -> Iterator[IO[bytes]]:
        """A stream from ("r") or to ("w") what was chosen.

        Raises:
            BadInput: it cannot be opened, or whoever keeps it said in the end that not all of it went through.
        """
        try:
            descriptor = self._resolver.openFileDescriptor(place, mode)
        except java_exception() as error:
            raise BadInput(name, f"cannot be opened ({java_words(error)})", "choose another one") from error
        if descriptor is None:
            raise BadInput(name, "cannot be opened", "choose another one")
        try:
            try:
                # Java's to close: whoever is at the other end of it learns so that all was well.
                with open(descriptor.getFd(), f"{mode}b", closefd=False) as stream:
                    yield stream
                if mode == "r":
                    descriptor.checkError()
            except BaseException:
                descriptor.closeWithError("not all of it was copied")
                raise
            descriptor.close()
        except java_exception() as error:
            raise BadInput(name, f"did not come through whole ({java_words(error)})", "try again") from error
