"""A file is there whole or not at all."""

import os

import pytest

from adapter_cad.files import write_whole


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / "tray.stl"
    write_whole(file, b"one")
    write_whole(file, b"two")
    assert file.read_bytes() == b"two" and os.listdir(tmp_path) == ["tray.stl"]
    with pytest.raises(OSError):
        write_whole(tmp_path / "absent" / "tray.stl", b"three")
    (tmp_path / "clamp.stl").mkdir()
    with pytest.raises(OSError):
        write_whole(tmp_path / "clamp.stl", b"four")
    assert sorted(os.listdir(tmp_path)) == ["clamp.stl", "tray.stl"]
