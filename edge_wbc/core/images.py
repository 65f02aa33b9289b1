"""Photographs in and out of files: RGB, 8 bit, and never a half-read one."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole

__all__ = ["IMAGE_SUFFIXES", "LARGEST_IMAGE", "list_images", "nv21_to_rgb", "read_image", "write_image"]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")


def list_images(path: Path) -> List[Path]:
    """One photograph, or every photograph below a folder in the order of their names.

    Of a dataset folder (``records/`` beside ``images/``) those of ``images/``: masks and the like are none.

    Raises:
        BadInput: no such path, or no photograph in it.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise BadInput(path, "no such file or folder")
    if (path / "records").is_dir() and (path / "images").is_dir():
        path = path / "images"
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file())
    if not found:
        raise BadInput(path, "no images in this folder", f"put {', '.join(IMAGE_SUFFIXES)} files there")
    return found


LARGEST_IMAGE = 100_000_000
# One FF, not a run of them: a plain first byte is what lets the search skip the coded data.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
_JPEG_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}


def _jpeg_segments(data: bytes) -> Iterator[Tuple[int, int]]:
    """Marker and place of each segment of a JPEG; a thumbnail's within one and a phone's trailer do not count."""
    at = 2
    while True:
        marker = _JPEG_MARKER.search(data, at)
        if marker is None:
            return
        at = marker.end()
        yield marker.group(1)[0], at
        # Every segment gives its length; coded data follows some, where FF is stuffed and no marker can occur.
        at += int.from_bytes(data[at : at + 2], "big")


def _jpeg_ends(data: bytes) -> bool:
    return any(marker == 0xD9 for marker, _ in _jpeg_segments(data))


def _tiff_size(data: bytes) -> Tuple[int, int]:
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, directory)
    sides = {}
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if tag in (256, 257):
            sides[tag] = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, entry + 8)[0]
    return sides[256], sides[257]


def header_size(data: bytes) -> Optional[Tuple[int, int]]:
    """Width and height that a JPEG, PNG, BMP or TIFF claims, before EXIF turns it; None for anything else."""
    try:
        if data[:2] == b"\xff\xd8":
            at = next(at for marker, at in _jpeg_segments(data) if marker in _JPEG_FRAMES)
            height, width = struct.unpack_from(">HH", data, at + 3)
        elif data[:8] == b"\x89PNG\r\n\x1a\n":
            width, height = struct.unpack_from(">II", data, 16)
        elif data[:2] == b"BM":
            old = struct.unpack_from("<I", data, 14)[0] == 12
            width, height = struct.unpack_from("<HH" if old else "<ii", data, 18)
        elif data[:4] in (b"II*\0", b"MM\0*"):
            width, height = _tiff_size(data)
        else:
            return None
    except (struct.error, StopIteration, KeyError):
        return None
    return width, abs(height)


def decode_image(data: bytes, where: object) -> np.ndarray:
    """Encoded bytes -> (H, W, 3) uint8 RGB, turned as its EXIF says.

    Grey, palette, CMYK and 16-bit pictures become RGB of 8 bit; transparency is dropped.

    Raises:
        BadInput: not a JPEG, PNG, BMP or TIFF; of more than `LARGEST_IMAGE` pixels by its header (it is not
            decoded then); a JPEG or PNG that ends too early (OpenCV would fill the rest with grey); or a picture of
            16 bits whose numbers use 14 or fewer, as scientific cameras write them: it would be black.
    """
    size = header_size(data)
    if size is not None and size[0] * size[1] > LARGEST_IMAGE:
        pixels = f"{size[0]} x {size[1]} pixels"
        raise BadInput(str(where), f"{pixels}, over the limit of {LARGEST_IMAGE // 10**6} megapixels", "scale it down")
    if data[:2] == b"\xff\xd8" and not _jpeg_ends(data):
        raise BadInput(str(where), "truncated JPEG", "copy it again from the phone")
    if data[:4] == b"\x89PNG" and b"IEND\xaeB`\x82" not in data:
        raise BadInput(str(where), "truncated PNG", "copy it again from the phone")
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if size else None
    except cv2.error:
        decoded = None
    if decoded is None:
        raise BadInput(str(where), "not a readable image", "remove it or export it again as JPEG or PNG")
    if data[:2] not in (b"\xff\xd8", b"BM") and decoded.max() < 64:
        deep = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
        if deep is not None and deep.dtype == np.uint16:
            bits = max(1, int(deep.max()).bit_length())
            raise BadInput(str(where), f"uses {bits} of its 16 bits and would be black", "export it again with 8 bits")
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def read_image(path: Path) -> np.ndarray:
    """A photograph's file -> (H, W, 3) uint8 RGB; raises `BadInput` as `decode_image` does."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(path, f"cannot be read ({error.strerror})") from error
    return decode_image(data, path)


def nv21_to_rgb(data: bytes, width: int, height: int) -> np.ndarray:
    """A preview frame of Android's camera -> (height, width, 3) uint8 RGB.

    NV21 is luma, then V and U in turns for every 2 x 2 pixels. Android's uses all of 0 to 255, as its photographs do;
    OpenCV's own conversion takes luma for 16 to 235, so that background would go over to white.

    Raises:
        BadInput: not as many bytes as such a frame has, or an odd side.
    """
    if width % 2 or height % 2 or len(data) != width * height * 3 // 2:
        raise BadInput("camera", f"a frame of {len(data)} bytes is not NV21 of {width} x {height} pixels")
    planes = np.frombuffer(data, np.uint8)
    luma = planes[: width * height].reshape(height, width)
    chroma = planes[width * height :].reshape(height // 2, width // 2, 2)
    colour = cv2.resize(chroma, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(cv2.merge([luma, colour]), cv2.COLOR_YCrCb2RGB)


def write_image(path: Path, rgb: np.ndarray, quality: int = 95) -> None:
    """Writes (H, W, 3) uint8 RGB, whole or not at all; the suffix chooses the format."""
    jpeg = path.suffix.lower() in (".jpg", ".jpeg")
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if jpeg else []
    try:
        ok, data = cv2.imencode(path.suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    except cv2.error:
        ok = False
    if not ok:
        raise BadInput(path, "cannot be encoded", "use .png or .jpg")
    write_whole(path, data.tobytes())
