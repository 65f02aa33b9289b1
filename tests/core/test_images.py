"""Photographs in and out of files: RGB, 8 bit, upright, and never a half-read one."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import (
    LARGEST_IMAGE,
    decode_image,
    header_size,
    list_images,
    nv21_to_rgb,
    read_image,
    write_image,
)


@pytest.fixture(scope="module")
def picture(field):
    """A part of the drawn field, wider than high, with a nucleus in it."""
    return np.ascontiguousarray(field[100:260, 80:320])


def _encoded(suffix: str, bgr: np.ndarray, *options: int) -> bytes:
    ok, data = cv2.imencode(suffix, bgr, list(options))
    assert ok
    return data.tobytes()


@pytest.fixture(scope="module")
def jpeg(picture) -> bytes:
    return _encoded(".jpg", picture[..., ::-1], cv2.IMWRITE_JPEG_QUALITY, 92)


def _exif(orientation: int, thumbnail: bytes = b"") -> bytes:
    """An EXIF segment (big endian, one entry) with bytes after it."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    body = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0) + thumbnail
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_lossless_files_come_back_exactly(tmp_path, picture, suffix):
    path = tmp_path / f"a{suffix}"
    write_image(path, picture)
    read = read_image(path)
    assert read.dtype == np.uint8 and np.array_equal(read, picture)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_jpeg_comes_back_nearly(tmp_path, picture):
    write_image(tmp_path / "a.jpg", picture)
    off = np.abs(read_image(tmp_path / "a.jpg").astype(int) - picture)
    assert 0 < off.mean() < 3
    # Red and blue swapped would be 40 steps off and more.
    assert off[..., 0].mean() < 5 and off[..., 2].mean() < 5


def test_quality_counts(tmp_path, picture):
    write_image(tmp_path / "low.jpg", picture, 30)
    write_image(tmp_path / "high.jpg", picture, 98)
    assert (tmp_path / "low.jpg").stat().st_size < (tmp_path / "high.jpg").stat().st_size / 2


@pytest.mark.parametrize("name", ["a.xyz", "a"])
def test_a_suffix_that_names_no_format(tmp_path, picture, name):
    with pytest.raises(BadInput, match=f"{name}: cannot be encoded"):
        write_image(tmp_path / name, picture)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
def test_truncated(tmp_path, picture, suffix, share):
    whole = _encoded(suffix, picture[..., ::-1])
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(BadInput, match=f"cut{suffix}"):
        read_image(path)


def test_every_missing_end_of_a_jpeg_or_png_is_noticed(picture, jpeg):
    for whole in (jpeg, _encoded(".png", picture[..., ::-1])):
        for missing in (1, 2, 3, 12, 40, 64, 65, 200):
            with pytest.raises(BadInput, match="x: "):
                decode_image(whole[:-missing], "x")


def test_a_progressive_jpeg(picture):
    whole = _encoded(".jpg", picture[..., ::-1], cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert whole.count(b"\xff\xda") > 1
    assert decode_image(whole, "x").shape == picture.shape
    # Cut within a later scan: OpenCV alone would show a blurred half of it without a word.
    with pytest.raises(BadInput, match="truncated JPEG"):
        decode_image(whole[: whole.rfind(b"\xff\xda") + 40], "x")


@pytest.mark.parametrize(
    "trailer",
    [
        b"\0" * 100,
        b"SEFH\x6b\0\0\0 a Samsung trailer SEFT",
        # A moving picture after the photograph: any two bytes may occur in it.
        b"\0\0\0\x18ftypmp42" + b"\xff\xda\0\x08" * 3,
        b"\xff\xd8\xff\xda a second picture, cut off",
    ],
)
def test_what_a_phone_appends_is_no_fault(jpeg, trailer):
    assert np.array_equal(decode_image(jpeg + trailer, "x"), decode_image(jpeg, "x"))


def test_a_png_with_a_trailer(picture):
    whole = _encoded(".png", picture[..., ::-1])
    assert np.array_equal(decode_image(whole + b"\0" * 200, "x"), picture)


def test_a_thumbnails_end_is_not_the_photographs(picture, jpeg):
    thumbnail = _encoded(".jpg", cv2.resize(picture, (40, 30)))
    whole = jpeg[:2] + _exif(1, thumbnail) + jpeg[2:]
    assert decode_image(whole, "x").shape == picture.shape
    for at in (len(whole) - 2, len(whole) // 2, whole.rfind(b"\xff\xda") + 2, whole.rfind(b"\xff\xda") - 2):
        with pytest.raises(BadInput, match="truncated JPEG"):
            decode_image(whole[:at], "x")


@pytest.mark.parametrize(
    "content",
    [b"", b"a line of text\n", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\x89PNG\r\n\x1a\n", b"\0" * 5000, b"GIF89a"],
)
def test_what_is_no_image(tmp_path, content):
    path = tmp_path / "odd.jpg"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="odd.jpg"):
        read_image(path)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(BadInput, match="absent.png: cannot be read"):
        read_image(tmp_path / "absent.png")
    with pytest.raises(BadInput, match="cannot be read"):
        read_image(tmp_path)


def test_grey_becomes_rgb(picture):
    grey = picture[..., 1]
    for suffix in (".png", ".jpg"):
        read = decode_image(_encoded(suffix, grey), "x")
        assert read.shape == picture.shape and read.dtype == np.uint8
        assert np.array_equal(read[..., 0], read[..., 2])
    assert np.array_equal(decode_image(_encoded(".png", grey), "x")[..., 1], grey)


def test_transparency_is_dropped(picture):
    bgra = np.dstack([picture[..., ::-1], np.full(picture.shape[:2], 7, np.uint8)])
    assert np.array_equal(decode_image(_encoded(".png", bgra), "x"), picture)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bits_become_8(picture, suffix):
    deep = picture[..., ::-1].astype(np.uint16) * 257
    read = decode_image(_encoded(suffix, deep), "x")
    assert read.dtype == np.uint8 and np.abs(read.astype(int) - picture).max() <= 1


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_16_bits_that_hold_fewer_are_refused(picture, suffix, bits):
    assert picture.max() > 200
    deep = picture[..., ::-1].astype(np.uint16) << (bits - 8)
    with pytest.raises(BadInput, match=f"x: uses {bits} of its 16 bits and would be black"):
        decode_image(_encoded(suffix, deep), "x")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_dark_picture_of_8_bits_is_none_of_them(picture, suffix):
    dark = picture // 8
    assert np.array_equal(decode_image(_encoded(suffix, dark[..., ::-1]), "x"), dark)


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, lambda rgb: rgb),
        (2, lambda rgb: rgb[:, ::-1]),
        (3, lambda rgb: rgb[::-1, ::-1]),
        (4, lambda rgb: rgb[::-1]),
        (5, lambda rgb: rgb.swapaxes(0, 1)),
        (6, lambda rgb: np.rot90(rgb, -1)),
        (8, lambda rgb: np.rot90(rgb, 1)),
    ],
)
def test_exif_orientation_is_applied(jpeg, orientation, turned):
    upright = decode_image(jpeg, "x")
    read = decode_image(jpeg[:2] + _exif(orientation) + jpeg[2:], "x")
    assert np.array_equal(read, turned(upright))


def test_a_list_of_images(tmp_path, picture):
    (tmp_path / "b").mkdir()
    for name in ("b/2.JPG", "b/1.png", "a.tif", "notes.txt", "c.json"):
        (tmp_path / name).write_bytes(b"")
    assert [path.relative_to(tmp_path).as_posix() for path in list_images(tmp_path)] == ["a.tif", "b/1.png", "b/2.JPG"]
    assert list_images(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]


def test_no_images_to_list(tmp_path):
    with pytest.raises(BadInput, match="no images in this folder"):
        list_images(tmp_path)
    with pytest.raises(BadInput, match="no such file or folder"):
        list_images(tmp_path / "absent")


def _claims(suffix: str, width: int, height: int) -> bytes:
    """A small file whose header claims a size."""
    if suffix == ".png":
        body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        head = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
        return b"\x89PNG\r\n\x1a\n" + head + struct.pack(">I", 0) + b"IEND\xaeB`\x82"
    if suffix == ".jpg":
        return b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9) + b"\xff\xd9"
    if suffix == ".bmp":
        return b"BM" + struct.pack("<IIIIiiHHI", 54, 0, 54, 40, width, -height, 1, 24, 0) + bytes(20)
    entries = b"".join(struct.pack(">HHII", tag, 4, 1, side) for tag, side in ((256, width), (257, height)))
    return b"MM\0*" + struct.pack(">IH", 8, 2) + entries + bytes(4)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_a_bomb_is_refused_by_its_header(suffix, monkeypatch):
    def decoded(*_):
        raise AssertionError("a bomb was decoded")

    monkeypatch.setattr(cv2, "imdecode", decoded)
    with pytest.raises(BadInput, match="x: 20000 x 15000 pixels, over the limit of 100 megapixels"):
        decode_image(_claims(suffix, 20_000, 15_000), "x")
    with pytest.raises(AssertionError):
        decode_image(_claims(suffix, 10_000, LARGEST_IMAGE // 10_000), "x")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_the_header_tells_the_size(picture, suffix):
    data = _encoded(suffix, picture[..., ::-1])
    assert header_size(data) == (picture.shape[1], picture.shape[0])
    assert all(header_size(data[:end]) in (None, (picture.shape[1], picture.shape[0])) for end in range(0, 400, 7))


def test_formats_whose_header_is_not_read_are_not_decoded(picture):
    with pytest.raises(BadInput, match="not a readable image"):
        decode_image(_encoded(".ppm", picture), "x")


def nv21(rgb):
    """As Android's cameras code a frame: full range, a V and a U of every 2 x 2 pixels."""
    ycrcb = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)
    chroma = cv2.resize(ycrcb[..., 1:], (rgb.shape[1] // 2, rgb.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return ycrcb[..., 0].tobytes() + chroma.tobytes()


def test_a_preview_frame_comes_back_nearly():
    rgb = cv2.GaussianBlur(np.random.default_rng(2).integers(0, 256, (48, 64, 3), np.uint8), (0, 0), 4)
    back = nv21_to_rgb(nv21(rgb), 64, 48)
    assert back.shape == rgb.shape and back.dtype == np.uint8
    assert np.abs(back.astype(int) - rgb).mean() < 2


@pytest.mark.parametrize("shade", [(0, 0, 0), (16, 16, 16), (235, 235, 235), (255, 255, 255), (200, 60, 90)])
def test_a_preview_frame_keeps_its_whole_range(shade):
    rgb = np.full((4, 6, 3), shade, np.uint8)
    assert np.abs(nv21_to_rgb(nv21(rgb), 6, 4).astype(int) - rgb).max() <= 2


def test_a_preview_frame_agrees_with_opencv_but_for_the_range():
    """OpenCV takes luma for 16 to 235 and chroma for 16 to 240: coded so, its picture is ours."""
    rgb = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 256, (32, 64, 3), np.uint8), (0, 0), 6)
    full = np.frombuffer(nv21(rgb), np.uint8).astype(np.float32)
    luma, chroma = full[: 32 * 64], full[32 * 64 :]
    studio = np.rint(np.concatenate([16 + luma * 219 / 255, 128 + (chroma - 128) * 224 / 255])).astype(np.uint8)
    theirs = cv2.cvtColor(studio.reshape(48, 64), cv2.COLOR_YUV2RGB_NV21)
    assert np.abs(nv21_to_rgb(full.astype(np.uint8).tobytes(), 64, 32).astype(int) - theirs).mean() < 2


@pytest.mark.parametrize(("size", "width", "height"), [(23, 4, 4), (25, 4, 4), (0, 4, 4), (6, 3, 2), (3, 1, 2)])
def test_bytes_that_are_no_preview_frame(size, width, height):
    with pytest.raises(BadInput, match=f"{size} bytes is not NV21 of {width} x {height}"):
        nv21_to_rgb(bytes(size), width, height)
