"""A pack is read whole and verified, or refused in one line; it is written whole, or not at all."""

from __future__ import annotations

import copy
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core import pack as room
from edge_wbc.core.errors import BadInput
from edge_wbc.core.pack import KINDS, read_pack, write_folder, write_pack

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pack(tmp_path, manifest, contents) -> Path:
    """A sound pack's folder."""
    write_pack(tmp_path / "pack", manifest, contents)
    return tmp_path / "pack"


@pytest.fixture(scope="session")
def sound(tmp_path_factory, manifest, contents) -> dict:
    """A sound pack.json."""
    folder = tmp_path_factory.mktemp("sound") / "pack"
    write_pack(folder, manifest, contents)
    return json.loads((folder / "pack.json").read_text(encoding="utf-8"))


def _zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


def _state(folder: Path) -> dict:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def _edit(pack: Path, **members) -> None:
    path = pack / "pack.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **members}), encoding="utf-8")


def _list(pack: Path, name: str, content: bytes) -> None:
    """Lists a file in pack.json as if it had been exported."""
    files = json.loads((pack / "pack.json").read_text(encoding="utf-8"))["files"]
    _edit(pack, files={**files, name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}})


# Reading


@pytest.mark.parametrize("form", [lambda folder: folder, _zipped], ids=["folder", "zip"])
def test_round_trip(pack, manifest, contents, form):
    read = read_pack(form(pack))
    assert read.manifest == manifest
    assert read.files == contents
    assert read.path == form(pack)
    assert read.artefacts() == {"tflite-int8": "model.int8.tflite"}


def test_pack_json_says_what_the_phone_needs(pack, manifest, contents):
    said = json.loads((pack / "pack.json").read_text(encoding="utf-8"))
    assert said["schema"] == 1 and said["labels"] == list(manifest.labels)
    assert said["input"] == {"size": 64, "layout": "NHWC", "channels": "RGB", "range": [0, 255]}
    assert said["crop"] == {"size": 64, "widen": 1.25, "colour": "none"}
    assert set(said["files"]) == set(contents)
    for name, content in contents.items():
        assert said["files"][name] == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert "not for diagnosis" in said["note"]


def test_artefacts_in_the_order_of_their_kinds(tmp_path, manifest):
    write_pack(tmp_path / "all", manifest, {name: b"x" for name in reversed(KINDS.values())})
    assert list(read_pack(tmp_path / "all").artefacts().items()) == list(KINDS.items())


def test_a_byte_flipped_in_any_file_is_refused_and_named(pack, contents):
    for name, content in contents.items():
        for at in (0, len(content) // 2, len(content) - 1):
            (pack / name).write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            with pytest.raises(BadInput, match=f"{name}: its SHA-256"):
                read_pack(pack)
            with pytest.raises(BadInput, match=f"{name}: its SHA-256"):
                read_pack(_zipped(pack))
        (pack / name).write_bytes(content)
    read_pack(pack)


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content + b"\0", lambda content: b""])
def test_a_file_of_another_length(pack, contents, change):
    name = "model.int8.tflite"
    (pack / name).write_bytes(change(contents[name]))
    with pytest.raises(BadInput, match=f"{name}: its SHA-256"):
        read_pack(pack)


@settings(deadline=None, max_examples=250)
@given(data=st.data())
def test_a_damaged_zip_is_refused_or_reads_the_same(data, zip_bytes, manifest, contents):
    whole, path = zip_bytes
    at = data.draw(st.integers(0, len(whole) - 1))
    value = data.draw(st.integers(0, 255))
    cut = data.draw(st.just(len(whole)) | st.integers(0, len(whole)))
    path.write_bytes((whole[:at] + bytes([value]) + whole[at + 1 :])[:cut])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read = read_pack(path)
        except BadInput as error:
            assert path.name in str(error)
        else:
            assert read.files == contents and read.manifest == manifest


@pytest.fixture(scope="session")
def zip_bytes(tmp_path_factory, manifest, contents):
    folder = tmp_path_factory.mktemp("zip") / "pack"
    write_pack(folder, manifest, contents)
    return _zipped(folder).read_bytes(), folder.with_name("damaged.zip")


def test_every_byte_of_a_compressed_file(zip_bytes):
    """zlib, zipfile and the checksum each notice another part of the damage."""
    whole, path = zip_bytes
    with zipfile.ZipFile(path.with_name("pack.zip")) as archive:
        entry = archive.getinfo("model.int8.tflite")
    start = entry.header_offset + 30 + len(entry.filename)
    for at in range(start, start + entry.compress_size):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            # A flipped bit may stand for the same bytes in the packed form; then it is no damage.
            assert read_pack(path).files["model.int8.tflite"] == bytes(range(256)) * 8
        except BadInput as error:
            assert "model.int8.tflite" in str(error)


def test_a_file_missing(pack):
    (pack / "MODEL_CARD.md").unlink()
    with pytest.raises(BadInput, match="MODEL_CARD.md: listed in pack.json but missing"):
        read_pack(pack)


@pytest.mark.parametrize("name", ["notes.txt", "extra/more.bin", ".hidden", "pack.json.bak"])
def test_a_file_unlisted(pack, name):
    (pack / name).write_bytes(b"x")
    with pytest.raises(BadInput, match=f"{name}: not listed in pack.json"):
        read_pack(pack)


@pytest.mark.parametrize("form", [lambda folder: folder, _zipped], ids=["folder", "zip"])
def test_oversized(pack, monkeypatch, form):
    monkeypatch.setattr(room, "LARGEST_FILE", 2048)
    read_pack(form(pack))
    monkeypatch.setattr(room, "LARGEST_FILE", 2047)
    with pytest.raises(BadInput, match=r"model.int8.tflite: oversized \(2048 bytes\)"):
        read_pack(form(pack))
    monkeypatch.setattr(room, "LARGEST_FILE", 2048)
    monkeypatch.setattr(room, "LARGEST_MANIFEST", 100)
    with pytest.raises(BadInput, match="pack.json: oversized"):
        read_pack(form(pack))


def test_a_zip_that_lies_about_its_sizes(pack, monkeypatch):
    """A small size in the zip's directory does not let a large file in."""
    monkeypatch.setattr(room, "LARGEST_FILE", 4096)
    content = bytes(1_000_000)
    (pack / "model.int8.tflite").write_bytes(content)
    _list(pack, "model.int8.tflite", content)
    path = _zipped(pack)
    size = len(content).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (100).to_bytes(4, "little")))
    with pytest.raises(BadInput, match="model.int8.tflite"):
        read_pack(path)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "C:/x", "a\\..\\x"])
def test_a_path_outside_the_pack(pack, name):
    _list(pack, name, b"x")
    path = _zipped(pack)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(BadInput, match="points outside the pack"):
        read_pack(path)


def test_a_path_outside_that_only_pack_json_names(pack):
    (pack.parent / "x").write_bytes(b"x")
    _list(pack, "../x", b"x")
    with pytest.raises(BadInput, match="../x: listed in pack.json but missing"):
        read_pack(pack)


def test_a_link_to_a_file(pack, contents):
    elsewhere = pack.parent / "elsewhere"
    elsewhere.write_bytes(contents["MODEL_CARD.md"])
    (pack / "MODEL_CARD.md").unlink()
    (pack / "MODEL_CARD.md").symlink_to(elsewhere)
    with pytest.raises(BadInput, match="MODEL_CARD.md: a link inside a pack"):
        read_pack(pack)


def test_a_link_to_a_folder(pack):
    shutil.move(pack / "extra", pack.parent / "extra")
    (pack / "extra").symlink_to(pack.parent / "extra")
    with pytest.raises(BadInput, match="extra: a link inside a pack"):
        read_pack(pack)


def test_a_link_to_nowhere(pack):
    (pack / "gone").symlink_to(pack / "nowhere")
    with pytest.raises(BadInput, match="gone: a link inside a pack"):
        read_pack(pack)


def test_two_files_of_one_name_in_a_zip(pack, contents):
    path = _zipped(pack)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("MODEL_CARD.md", contents["MODEL_CARD.md"])
    with pytest.raises(BadInput, match="two files of one name"):
        read_pack(path)


def test_a_zip_of_a_later_version(pack):
    path = _zipped(pack)
    whole = path.read_bytes()
    directory = whole.index(b"PK\x01\x02")
    path.write_bytes(whole[: directory + 6] + b"\xff" + whole[directory + 7 :])
    with pytest.raises(BadInput, match="pack.zip: neither a pack's folder nor its zip .zip file version 25.5"):
        read_pack(path)


def test_a_zip_of_folders_too(pack, contents):
    path = _zipped(pack)
    with zipfile.ZipFile(path) as archive:
        assert "extra/" in archive.namelist()
    assert read_pack(path).files == contents


@pytest.mark.parametrize("schema", [0, 2, "1", None, True, [1], 1.5])
def test_an_unknown_schema(pack, schema):
    _edit(pack, schema=schema)
    with pytest.raises(BadInput, match="pack.json: unknown schema"):
        read_pack(pack)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 50_000, b"1" * 5000])
def test_pack_json_is_not_json(pack, content):
    (pack / "pack.json").write_bytes(content)
    with pytest.raises(BadInput, match="pack.json: not JSON"):
        read_pack(pack)


@pytest.mark.parametrize("content", [b"[]", b"null", b'"pack"', b"{}", b"1"])
def test_pack_json_is_no_manifest(pack, content):
    (pack / "pack.json").write_bytes(content)
    with pytest.raises(BadInput, match="pack.json: unknown schema"):
        read_pack(pack)


def test_what_is_no_pack(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_bytes(b"no zip\n")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme.txt", b"x")
    with pytest.raises(BadInput, match="absent: no such pack"):
        read_pack(tmp_path / "absent")
    with pytest.raises(BadInput, match="empty: no pack.json in it"):
        read_pack(tmp_path / "empty")
    with pytest.raises(BadInput, match="other.zip: no pack.json in it"):
        read_pack(tmp_path / "other.zip")
    with pytest.raises(BadInput, match="text.zip: neither a pack's folder nor its zip"):
        read_pack(tmp_path / "text.zip")


def test_a_card_that_fails_while_it_is_read(pack, monkeypatch):
    def fail(path):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(BadInput, match="pack.json: cannot be read .Input/output error."):
        read_pack(pack)


def _with(value, *path):
    """A change of a sound pack.json."""

    def change(data):
        *way, last = path
        for step in way:
            data = data[step]
        data[last] = value

    return change


IMPOSSIBLE = {
    "no labels": _with([], "labels"),
    "a label twice": _with(["band", "band"], "labels"),
    "an unknown label": _with(["neutrophil", "cat"], "labels"),
    "an alias": _with(["Neutrophils"], "labels"),
    "a label that is a list": _with([["neutrophil"]], "labels"),
    "labels in one string": _with("neutrophil", "labels"),
    "crop of 15 pixels": _with(15, "crop", "size"),
    "crop of 1025 pixels": _with(1025, "crop", "size"),
    "crop of half pixels": _with(64.5, "crop", "size"),
    "crop of endless pixels": _with(float("inf"), "crop", "size"),
    "crop of true pixels": _with(True, "crop", "size"),
    "crop and input disagree": _with(96, "crop", "size"),
    "widen 0.4": _with(0.4, "crop", "widen"),
    "widen 5": _with(5, "crop", "widen"),
    "widen NaN": _with(float("nan"), "crop", "widen"),
    "widen in words": _with("1.2", "crop", "widen"),
    "two means": _with([0.5, 0.5], "normalisation", "mean"),
    "a mean of 0 to 255": _with([127.5, 127.5, 127.5], "normalisation", "mean"),
    "a mean beyond floats": _with([10**400, 0, 0], "normalisation", "mean"),
    "mean in words": _with("0.5", "normalisation", "mean"),
    "std 0": _with([0.2, 0, 0.2], "normalisation", "std"),
    "std NaN": _with([0.2, float("nan"), 0.2], "normalisation", "std"),
    "normalised outside the graph": _with(False, "normalisation", "in_graph"),
    "temperature 0": _with(0, "temperature"),
    "temperature -1": _with(-1.0, "temperature"),
    "temperature NaN": _with(float("nan"), "temperature"),
    "temperature endless": _with(float("inf"), "temperature"),
    "threshold 1.5": _with(1.5, "uncertain_below"),
    "threshold -0.1": _with(-0.1, "uncertain_below"),
    "threshold true": _with(True, "uncertain_below"),
    "another layout": _with("NCHW", "input", "layout"),
    "another range": _with([0, 1], "input", "range"),
    "a range from false": _with([False, 255], "input", "range"),
    "other channels": _with("BGR", "input", "channels"),
    "a colour reference in words": _with("pbc", "colour_reference"),
    "another colour reference": _with({"nucleus_density": [1, 1, 1]}, "colour_reference"),
    "an unknown colour": _with("sepia", "crop", "colour"),
    "a model without a name": _with(None, "model"),
    "metrics in pairs": _with([["a", 1]], "metrics"),
    "half a seed": _with(0.5, "seed"),
    "files in a list": _with(["model.onnx"], "files"),
    "a file in a string": _with("abc", "files", "MODEL_CARD.md"),
    "a file without a hash": _with({"bytes": 24}, "files", "MODEL_CARD.md"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_manifest_that_cannot_be(pack, sound, name):
    data = copy.deepcopy(sound)
    IMPOSSIBLE[name](data)
    (pack / "pack.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(BadInput, match="pack.json|MODEL_CARD.md"):
        read_pack(pack)


def _places(node, at=()):
    """Every member of a pack.json whose form the reader rules; metrics, versions and the note are free inside."""
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in members:
        if (*at, key) != ("note",):
            yield (*at, key)
            if (*at, key) not in {("metrics",), ("versions",)}:
                yield from _places(value, (*at, key))


_KIND = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "null", list: "array"}
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@pytest.fixture(scope="session")
def scratch(tmp_path_factory, manifest, contents) -> Path:
    folder = tmp_path_factory.mktemp("scratch") / "pack"
    write_pack(folder, manifest, contents)
    return folder


@settings(deadline=None, max_examples=250)
@given(data=st.data())
def test_a_wrong_type_anywhere_is_refused(data, scratch, sound):
    path = data.draw(st.sampled_from(list(_places(sound))))
    changed = copy.deepcopy(sound)
    *way, last = path
    node = changed
    for step in way:
        node = node[step]
    if data.draw(st.integers(0, 3)) == 0:
        del node[last]
    else:
        kind = _KIND.get(type(node[last]), "object")
        other = _json.filter(lambda value: _KIND.get(type(value), "object") != kind)
        node[last] = data.draw(other)
    if path[0] == "labels" and len(path) == 2 and len(changed["labels"]) == 2:
        return  # one label fewer is another sound list
    (scratch / "pack.json").write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(BadInput):
        read_pack(scratch)


@settings(deadline=None, max_examples=250)
@given(data=st.data())
def test_whatever_stands_in_pack_json_it_is_read_or_refused_in_one_line(data, scratch, sound):
    changed = copy.deepcopy(sound)
    *way, last = data.draw(st.sampled_from(list(_places(sound))))
    node = changed
    for step in way:
        node = node[step]
    node[last] = data.draw(_json)
    (scratch / "pack.json").write_text(json.dumps(changed), encoding="utf-8")
    try:
        read = read_pack(scratch)
    except BadInput as error:
        assert "\n" not in str(error)
    else:
        assert read.manifest.to_json()["labels"] == changed["labels"]


# Writing


def test_a_pack_replaces_a_pack(pack, manifest):
    write_pack(pack, manifest, {"model.onnx": b"new"})
    assert set(_state(pack)) == {"pack.json", "model.onnx"}
    assert read_pack(pack).files == {"model.onnx": b"new"}
    assert [path.name for path in pack.parent.iterdir()] == ["pack"]


def test_an_empty_folder_is_filled_and_parents_are_made(tmp_path, manifest, contents):
    (tmp_path / "empty").mkdir()
    for out in (tmp_path / "empty", tmp_path / "a" / "b" / "pack"):
        write_pack(out, manifest, contents)
        assert read_pack(out).files == contents


def test_what_is_no_pack_is_never_overwritten(tmp_path, manifest, contents):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_bytes(b"years of work")
    (tmp_path / "file").write_bytes(b"a file")
    before = _state(tmp_path)
    for name in ("thesis", "file"):
        with pytest.raises(BadInput, match=f"{name}: exists and holds no pack.json; choose another --out"):
            write_pack(tmp_path / name, manifest, contents)
    assert _state(tmp_path) == before


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_a_disk_that_fills_up(tmp_path, manifest, contents, monkeypatch, call, exists):
    out = tmp_path / "pack"
    if exists:
        write_pack(out, manifest, {"model.onnx": b"old"})
    before = _state(tmp_path)
    calls, write = [], Path.write_bytes

    def full(path, content):
        calls.append(path)
        if len(calls) == call:
            write(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write_pack(out, manifest, contents)
    monkeypatch.undo()
    assert len(calls) == call
    assert _state(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == (["pack"] if exists else [])
    if exists:
        assert read_pack(out).files == {"model.onnx": b"old"}


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE on Windows")
def test_a_real_limit_on_what_can_be_written(pack, contents):
    before = _state(pack)
    code = """
import resource, sys
from pathlib import Path
from edge_wbc.core.pack import read_pack, write_pack
out = Path(sys.argv[1])
old = read_pack(out)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    write_pack(out, old.manifest, {"model.onnx": bytes(1000), "model.int8.tflite": bytes(300_000)})
except OSError as error:
    print("refused:", error.strerror)
"""
    ran = subprocess.run([sys.executable, "-c", code, str(pack)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.stderr) == (f"refused: {os.strerror(errno.EFBIG)}\n", "")
    assert _state(pack) == before and read_pack(pack).files == contents
    assert [path.name for path in pack.parent.iterdir()] == ["pack"]


@pytest.mark.parametrize("call", [1, 2])
def test_a_rename_that_fails(pack, manifest, contents, monkeypatch, call):
    """Between moving the old pack away and the new one in, the old one comes back."""
    calls, rename = [], Path.rename

    def fail(path, target):
        calls.append(path)
        if len(calls) == call:
            raise OSError(errno.EACCES, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="Permission denied"):
        write_pack(pack, manifest, {"model.onnx": b"new"})
    assert read_pack(pack).files == contents
    assert [path.name for path in pack.parent.iterdir()] == ["pack"]


def test_folders_of_other_kinds(tmp_path):
    write_folder(tmp_path / "run", {"run.json": b"{}", "a/b/c.txt": b"x"}, known_by="run.json")
    assert _state(tmp_path / "run") == {"run.json": b"{}", "a/b/c.txt": b"x"}
    write_folder(tmp_path / "run", {"run.json": b"[]"}, known_by="run.json")
    assert _state(tmp_path / "run") == {"run.json": b"[]"}
    with pytest.raises(BadInput, match="exists and holds no pack.json"):
        write_folder(tmp_path / "run", {"pack.json": b"{}"}, known_by="pack.json")


def test_others_may_read_a_pack(pack):
    if os.name == "posix":
        assert pack.stat().st_mode & 0o755 == 0o755
