"""A folder of photographs as a source of frames."""

from __future__ import annotations

import shutil
import threading

import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import decode_image, write_image
from mobile_app.sources.folder import FolderSource
from mobile_app.sources.frames import PREVIEW_SIDE, FrameGone, Newest, photograph_of, preview_of


def plain(shade: int, width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), shade, np.uint8)


@pytest.fixture
def folder(tmp_path):
    for number, shade in enumerate((10, 120, 240)):
        write_image(tmp_path / f"{number}.png", plain(shade))
    return tmp_path


@pytest.fixture
def source(folder):
    source = FolderSource(folder)
    source.start()
    yield source
    source.stop()


def test_photographs_in_order_and_round(source, frame_after):
    frame = frame_after(source)
    shades = [frame.rgb[0, 0, 0]]
    for _ in range(3):
        source.step()
        frame = frame_after(source, frame.number)
        shades.append(frame.rgb[0, 0, 0])
    assert shades == [10, 120, 240, 10]
    source.step(-1)
    assert frame_after(source, frame.number).rgb[0, 0, 0] == 240


def test_the_same_photograph_is_the_same_frame(source, frame_after):
    assert source.newest() is None or source.newest().number == 1
    assert frame_after(source) is source.newest()


def test_a_large_photograph_is_previewed_small_and_taken_whole(tmp_path, frame_after):
    rgb = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
    write_image(tmp_path / "f.png", rgb)
    source = FolderSource(tmp_path / "f.png")
    source.start()
    assert frame_after(source).rgb.shape == (960, PREVIEW_SIDE, 3)
    taken = source.still()
    source.stop()
    assert np.array_equal(taken.rgb, rgb)
    assert (taken.data, taken.suffix, taken.name) == ((tmp_path / "f.png").read_bytes(), ".png", "f.png")


def test_one_unreadable_photograph_is_named_and_passed(source, folder, frame_after, wait):
    (folder / "1.png").write_bytes(b"no photograph")
    last = frame_after(source).number
    source.step()

    def fault():
        try:
            source.newest()
        except BadInput as said:
            return said

    said = wait(fault)
    assert "1.png: not a readable image" in str(said) and not isinstance(said, FrameGone)
    with pytest.raises(BadInput, match=r"1\.png: not a readable image"):
        source.still()
    source.step()
    assert frame_after(source, last).rgb[0, 0, 0] == 240


def test_a_folder_taken_away_is_gone_and_can_come_back(source, folder, tmp_path_factory, frame_after):
    last = frame_after(source).number
    away = tmp_path_factory.mktemp("away") / "folder"
    shutil.move(str(folder), away)
    with pytest.raises(FrameGone, match="the folder is gone; put it back"):
        source.still()
    shutil.move(str(away), folder)
    source.start()
    assert frame_after(source, last).rgb[0, 0, 0] == 10


def test_nothing_to_show(tmp_path):
    with pytest.raises(BadInput, match="no images"):
        FolderSource(tmp_path)


def test_it_has_nothing_to_lock(source):
    assert source.lock(True) is False


def test_stopping_ends_the_thread(folder):
    before = set(threading.enumerate())
    source = FolderSource(folder)
    source.stop()
    source.start()
    started = set(threading.enumerate()) - before
    source.stop()
    source.stop()
    for thread in started:
        thread.join(10)
        assert not thread.is_alive()


def test_a_fault_in_the_slot_stands_until_a_frame():
    slot = Newest()
    assert slot.get() is None
    slot.put(plain(1))
    slot.fail(FrameGone("camera", "unplugged", "plug it in"))
    for _ in range(2):
        with pytest.raises(FrameGone, match="camera: unplugged; plug it in"):
            slot.get()
    slot.put(plain(2))
    assert slot.get().number == 2
    slot.clear()
    assert slot.get() is None


def test_preview_keeps_small_frames_and_shapes():
    small = plain(7)
    assert preview_of(small) is small
    assert preview_of(plain(7, 4000, 10)).shape == (3, 1280, 3)


def test_pixels_without_a_file_are_read_as_they_are_kept():
    rgb = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    taken = photograph_of(rgb)
    assert np.array_equal(taken.rgb, decode_image(taken.data, "again")) and taken.suffix == ".jpg"
