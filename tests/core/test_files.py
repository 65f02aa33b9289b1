"""A file that cannot be written whole leaves nothing behind."""

import errno
from pathlib import Path

import numpy as np
import pytest

from edge_wbc.core.files import whole_file, whole_folder, write_whole
from edge_wbc.core.images import write_image
from edge_wbc.core.records import Field, write_field


def test_replaces_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    for content in (b"first", b"second"):
        write_whole(file, content)
        assert file.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"]


def test_full_disk_leaves_the_old_file_and_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "record.json").write_bytes(b"old")
    true_write = Path.write_bytes

    def fill(path: Path, content: bytes) -> int:
        true_write(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", fill)
    for write in (
        lambda: write_whole(tmp_path / "a.bin", b"content"),
        lambda: write_image(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8)),
        lambda: write_field(tmp_path / "record.json", Field("a.png", 4, 4)),
    ):
        with pytest.raises(OSError, match="No space left"):
            write()
    assert [entry.name for entry in tmp_path.iterdir()] == ["record.json"]
    assert (tmp_path / "record.json").read_bytes() == b"old"


def test_a_folder_replaces_another_only_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    for content in ("first", "second"):
        with whole_folder(out) as beside:
            (beside / f"{content}.txt").write_text(content)
            assert not (out / f"{content}.txt").exists()
        assert [entry.name for entry in out.iterdir()] == [f"{content}.txt"]
    for fault in (OSError, KeyboardInterrupt):
        with pytest.raises(fault), whole_folder(out) as beside:
            (beside / "third.txt").write_text("third")
            raise fault
    assert [entry.name for entry in out.parent.iterdir()] == ["out"]
    assert [entry.name for entry in out.iterdir()] == ["second.txt"]


def test_a_stream_becomes_a_file_only_when_it_ends_well(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    for content in (b"first", b"second"):
        with whole_file(file) as stream:
            stream.write(content)
            assert not file.exists() or file.read_bytes() == b"first"
        assert file.read_bytes() == content
    for fault in (OSError, KeyboardInterrupt):
        with pytest.raises(fault), whole_file(file) as stream:
            stream.write(b"third")
            raise fault
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"] and file.read_bytes() == b"second"
