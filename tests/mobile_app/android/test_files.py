"""Files through Android's chooser, with the test in the place of Android and of whoever keeps the files."""

from __future__ import annotations

import os
import sys
import threading
import types

import pytest

from edge_wbc.core.errors import BadInput
from mobile_app.android import files as room
from mobile_app.android.files import AndroidFiles

OK, CANCELLED = -1, 0


class Intent:
    ACTION_OPEN_DOCUMENT, ACTION_CREATE_DOCUMENT = "OPEN", "CREATE"
    CATEGORY_OPENABLE, EXTRA_TITLE = "OPENABLE", "TITLE"

    def __init__(self, action=None, data=None):
        self.action, self.data, self.extras = action, data, {}

    def addCategory(self, category):
        self.category = category
        return self

    def setType(self, kind):
        self.type = kind
        return self

    def putExtra(self, name, value):
        assert isinstance(value, JavaString), "pyjnius takes a str for a char[]"
        self.extras[name] = value.text
        return self

    def getData(self):
        return self.data


class JavaString:
    def __init__(self, text):
        self.text = text


class Cursor:
    def __init__(self, row):
        self.row, self.closed = row, False

    def moveToFirst(self):
        return self.row is not None

    def getColumnIndex(self, column):
        return list(self.row).index(column) if column in self.row else -1

    def isNull(self, index):
        return list(self.row.values())[index] is None

    def getString(self, index):
        return list(self.row.values())[index]

    getLong = getString

    def close(self):
        self.closed = True


class Descriptor:
    def __init__(self, phone, number):
        self.phone, self.number = phone, number
        phone.descriptors.append(self)
        self.ended = None

    def getFd(self):
        return self.number

    def checkError(self):
        assert self.ended is None
        if self.phone.breaks:
            raise self.phone.thrown("java.io.IOException", self.phone.breaks)

    def close(self):
        assert self.ended is None
        self.ended = "closed"
        os.close(self.number)

    def closeWithError(self, words):
        assert self.ended is None
        self.ended = words
        os.close(self.number)


class Phone:
    """What the chooser shows, and who keeps it: a file of this disk, or a pipe's end."""

    def __init__(self, java, tmp_path):
        self.java = java
        self.row = {"_display_name": "tehran.zip", "_size": None}
        self.cursors, self.descriptors, self.asked, self.removed = [], [], [], []
        self.refuses = self.breaks = ""
        self.kept = tmp_path / "kept"
        self.flags = {"r": os.O_RDONLY, "w": os.O_WRONLY}
        self.pipe = None
        self.choosers = True
        phone = self

        class Resolver:
            def query(self, place, columns, selection, arguments, order):
                assert threading.current_thread() is not threading.main_thread(), "a network may be behind it"
                if phone.row == "refused":
                    raise phone.thrown("java.lang.SecurityException", "Permission Denial")
                phone.cursors.append(Cursor(phone.row))
                return phone.cursors[-1]

            def openFileDescriptor(self, place, mode):
                assert place == "content://kept"
                if phone.refuses == "nothing":
                    return None
                if phone.refuses:
                    raise phone.thrown("java.io.FileNotFoundException", phone.refuses)
                return Descriptor(phone, phone.pipe or os.open(phone.kept, phone.flags[mode]))

        class Activity:
            def getContentResolver(self):
                return Resolver()

            def startActivityForResult(self, intent, number):
                if not phone.choosers:
                    raise phone.thrown("android.content.ActivityNotFoundException", "No Activity found")
                phone.asked.append((intent, number))

        def delete(resolver, place):
            phone.removed.append(place)
            phone.kept.unlink()
            return True

        java.classes.update(
            {
                "org.kivy.android.PythonActivity": types.SimpleNamespace(mActivity=Activity()),
                "android.content.Intent": Intent,
                "java.lang.String": JavaString,
                "android.content.ContentResolver": Resolver,
                "android.net.Uri": object,
                "android.os.ParcelFileDescriptor": Descriptor,
                "android.database.Cursor": Cursor,
                "android.provider.DocumentsContract": types.SimpleNamespace(deleteDocument=delete),
            }
        )

    def thrown(self, kind, words):
        return self.java.JavaException(kind, words)

    def answer(self, result=OK, intent="chosen", number=None):
        """As Android does, on its own thread; waits for whatever that began."""
        if intent == "chosen":
            intent = Intent(data="content://kept")
        before = set(threading.enumerate())
        asked = self.asked[-1][1] if number is None else number
        thread = threading.Thread(target=self.told, args=(asked, result, intent))
        thread.start()
        thread.join(20)
        for copying in set(threading.enumerate()) - before:
            copying.join(20)


@pytest.fixture
def phone(java, tmp_path, monkeypatch):
    phone = Phone(java, tmp_path)
    activity = types.ModuleType("android.activity")

    def bind(on_activity_result):
        phone.told = on_activity_result

    activity.bind = bind
    monkeypatch.setitem(sys.modules, "android", types.ModuleType("android"))
    monkeypatch.setitem(sys.modules, "android.activity", activity)
    return phone


@pytest.fixture
def app(phone, tmp_path):
    """The chooser, what was told and on which thread it would have been, and what `done` was called with."""
    queue, told = [], []
    files = AndroidFiles(tmp_path / "app" / "taken", queue.append, largest=3_000_000)

    def done(path, fault):
        told.append((path, fault))

    def all_told():
        assert not told
        for act in queue:
            act()
        return told

    return types.SimpleNamespace(files=files, done=done, told=all_told, folder=tmp_path / "app" / "taken")


def test_a_file_is_copied_whole(phone, app):
    content = os.urandom(2_500_000)
    phone.kept.write_bytes(content)
    app.files.pick(app.done)
    intent, number = phone.asked[0]
    assert (intent.action, intent.category, intent.type) == ("OPEN", "OPENABLE", "*/*")
    phone.answer()
    assert app.told() == [(app.folder / "tehran.zip", None)]
    assert (app.folder / "tehran.zip").read_bytes() == content
    assert phone.descriptors[0].ended == "closed" and phone.cursors[0].closed


def test_from_a_pipe_of_no_known_length(phone, app):
    """A file that a network keeps comes as one."""
    end, pipe = os.pipe()
    phone.pipe = end
    content = os.urandom(300_000)

    def send():
        os.write(pipe, content[:60_000])
        os.write(pipe, content[60_000:])
        os.close(pipe)

    sender = threading.Thread(target=send)
    sender.start()
    app.files.pick(app.done)
    phone.answer()
    sender.join(20)
    ((path, fault),) = app.told()
    assert fault is None and path.read_bytes() == content


def test_a_sender_that_breaks_off_is_noticed(phone, app):
    phone.kept.write_bytes(b"half")
    phone.breaks = "Connection reset"
    app.files.pick(app.done)
    phone.answer()
    ((path, fault),) = app.told()
    assert path is None
    assert str(fault) == "tehran.zip: did not come through whole (Connection reset); try again"
    assert list(app.folder.iterdir()) == [] and phone.descriptors[0].ended == "not all of it was copied"


def test_nothing_chosen_is_no_fault(phone, app):
    app.files.pick(app.done)
    phone.answer(CANCELLED, None)
    assert app.told() == [(None, None)]


@pytest.mark.parametrize("intent", [None, Intent()])
def test_a_chooser_that_chose_nothing(phone, app, intent):
    app.files.pick(app.done)
    phone.answer(OK, intent)
    assert app.told() == [(None, None)]


def test_what_others_asked_for_is_theirs(phone, app):
    app.files.pick(app.done)
    phone.answer(number=1)
    assert app.told() == []


def test_two_at_once_are_told_apart(phone, app, tmp_path):
    phone.kept.write_bytes(b"pack")
    other = []
    app.files.pick(app.done)
    app.files.pick(lambda path, fault: other.append(path))
    phone.answer(CANCELLED, None, number=phone.asked[0][1])
    phone.answer(number=phone.asked[1][1])
    assert app.told() == [(None, None)] and other == [app.folder / "tehran.zip"]


@pytest.mark.parametrize("known", [True, False])
def test_too_large(phone, app, known):
    phone.kept.write_bytes(bytes(3_000_001))
    phone.row["_size"] = 3_000_001 if known else None
    app.files.pick(app.done)
    phone.answer()
    ((path, fault),) = app.told()
    assert path is None and str(fault) == "tehran.zip: is larger than 3 MB; choose the right file"
    assert not app.folder.exists() if known else list(app.folder.iterdir()) == []
    assert len(phone.descriptors) == (0 if known else 1)


def test_as_large_as_may_be(phone, app):
    phone.kept.write_bytes(bytes(3_000_000))
    app.files.pick(app.done)
    phone.answer()
    assert app.told()[0][1] is None


@pytest.mark.parametrize(
    ("named", "name"),
    [
        ("../../etc/passwd", "-..-etc-passwd"),
        ("..", "file"),
        (None, "file"),
        ("", "file"),
        ("بسته تهران.zip", "بسته تهران.zip"),
        ("a" * 200 + ".zip", "a" * 96 + ".zip"),
        ("x\0y\n.zip", "x-y-.zip"),
    ],
)
def test_names_stay_in_the_folder(phone, app, named, name):
    phone.kept.write_bytes(b"x")
    phone.row["_display_name"] = named
    app.files.pick(app.done)
    phone.answer()
    assert app.told() == [(app.folder / name, None)]
    assert [file.name for file in app.folder.iterdir()] == [name]


@pytest.mark.parametrize("row", [None, {}, {"_size": 4}])
def test_keepers_that_tell_nothing(phone, app, row):
    phone.kept.write_bytes(b"four")
    phone.row = row
    app.files.pick(app.done)
    phone.answer()
    assert app.told() == [(app.folder / "file", None)]


def test_one_file_at_a_time_is_kept(phone, app):
    for name in ("one.zip", "two.zip"):
        phone.kept.write_bytes(name.encode())
        phone.row["_display_name"] = name
        app.files.pick(app.done)
        phone.answer()
    assert [file.name for file in app.folder.iterdir()] == ["two.zip"]


@pytest.mark.parametrize(
    ("what", "words"),
    [("No such document", r"tehran.zip: cannot be opened \(No such document\)"), ("nothing", "tehran.zip: cannot be")],
)
def test_refused_by_its_keeper(phone, app, what, words):
    phone.refuses = what
    app.files.pick(app.done)
    phone.answer()
    ((path, fault),) = app.told()
    assert path is None
    with pytest.raises(BadInput, match=words):
        raise fault


def test_refused_by_android(phone, app):
    phone.row = "refused"
    app.files.pick(app.done)
    phone.answer()
    assert str(app.told()[0][1]) == "the file: cannot be read (Permission Denial); choose another one"


def test_no_chooser_on_this_phone(phone, app):
    phone.choosers = False
    app.files.pick(app.done)
    assert str(app.told()[0][1]) == "choosing a file: this phone cannot (No Activity found); install a file manager"


def test_no_space_for_it(phone, app, monkeypatch):
    phone.kept.write_bytes(b"pack")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge_wbc.core.files.os.fsync", full)
    app.files.pick(app.done)
    phone.answer()
    ((path, fault),) = app.told()
    assert path is None and "tehran.zip: cannot be copied (No space left on device); free some" in str(fault)
    assert list(app.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.zip", "application/zip"), ("a.CSV", "text/csv"), ("a.html", "text/html"), ("a", "application/octet-stream")],
)
def test_handed_out_whole(phone, app, tmp_path, name, kind):
    out = tmp_path / name
    out.write_bytes(os.urandom(1_300_000))
    phone.kept.write_bytes(bytes(2_000_000))  # a longer file, which the person wants replaced
    app.files.hand_out(out, app.done)
    intent = phone.asked[0][0]
    assert (intent.action, intent.category, intent.type) == ("CREATE", "OPENABLE", kind)
    assert intent.extras == {"TITLE": name}
    phone.answer()
    assert app.told() == [(out, None)]
    assert phone.kept.read_bytes() == out.read_bytes() and phone.descriptors[0].ended == "closed"


def test_handed_out_into_a_pipe(phone, app, tmp_path):
    out = tmp_path / "a.zip"
    out.write_bytes(os.urandom(200_000))
    pipe, phone.pipe = os.pipe()
    came = []

    def receive():
        with open(pipe, "rb") as stream:
            came.append(stream.read())

    receiver = threading.Thread(target=receive)
    receiver.start()
    app.files.hand_out(out, app.done)
    phone.answer()
    receiver.join(20)
    assert app.told() == [(out, None)] and came == [out.read_bytes()]


def test_a_place_that_is_full_is_left_empty(phone, app, tmp_path, monkeypatch):
    out = tmp_path / "a.zip"
    out.write_bytes(b"session")
    phone.kept.write_bytes(b"")

    def full(kept, stream, block):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(room.shutil, "copyfileobj", full)
    app.files.hand_out(out, app.done)
    phone.answer()
    ((path, fault),) = app.told()
    assert path is None
    assert str(fault) == "tehran.zip: cannot be written (No space left on device); choose another place"
    assert phone.removed == ["content://kept"] and not phone.kept.exists()
    assert phone.descriptors[0].ended == "not all of it was copied" and out.exists()


def test_what_cannot_be_removed_is_told_of(phone, app, java, tmp_path):
    phone.refuses = "read-only"

    def delete(resolver, place):
        raise phone.thrown("java.lang.UnsupportedOperationException", "Delete not supported")

    java.classes["android.provider.DocumentsContract"].deleteDocument = delete
    (tmp_path / "a.zip").write_bytes(b"session")
    app.files.hand_out(tmp_path / "a.zip", app.done)
    phone.answer()
    assert "cannot be opened (read-only); delete what is there, it is not whole; choose another place" in str(
        app.told()[0][1]
    )


def test_an_export_that_is_gone(phone, app, tmp_path):
    phone.kept.write_bytes(b"")
    app.files.hand_out(tmp_path / "gone.zip", app.done)
    phone.answer()
    ((path, fault),) = app.told()
    assert path is None and "cannot be written (No such file or directory)" in str(fault)
    assert not phone.kept.exists()


def test_whatever_fails_is_heard_of(phone, app, monkeypatch):
    phone.kept.write_bytes(b"pack")
    monkeypatch.setattr(phone.java.classes["android.os.ParcelFileDescriptor"], "getFd", lambda self: "seven")
    app.files.pick(app.done)
    phone.answer()
    ((path, fault),) = app.told()
    assert path is None and fault is not None and str(fault)


def test_made_on_the_main_thread_alone(phone, tmp_path):
    failed = []

    def make():
        try:
            AndroidFiles(tmp_path, print)
        except RuntimeError as error:
            failed.append(str(error))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join(20)
    assert len(failed) == 1
