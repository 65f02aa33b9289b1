"""Photographs in and out of files: RGB, 8 bit, and never a half-read one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole

__all__ = ["IMAGE_SUFFIXES", "list_images", "read_image", "write_image"]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")


def list_images(path: Path) -> List[Path]:
    """One photograph, or every photograph below a folder in the order of their names.

    Raises:
        BadInput: no such path, or no photograph in it.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise BadInput(path, "no such file or folder")
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file())
    if not found:
        raise BadInput(path, "no images in this folder", f"put {', '.join(IMAGE_SUFFIXES)} files there")
    return found


# One FF, not a run of them: a plain first byte is what lets the search skip the coded data.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")


def _jpeg_ends(data: bytes) -> bool:
    """Whether a JPEG's own end marker is there; a thumbnail's before it and a phone's trailer after it do not count."""
    at = 2
    while True:
        marker = _JPEG_MARKER.search(data, at)
        if marker is None:
            return False
        at = marker.end()
        if marker.group(1) == b"\xd9":
            return True
        # Every other segment gives its length; coded data follows some, where FF is stuffed and no marker can occur.
        at += int.from_bytes(data[at : at + 2], "big")


def decode_image(data: bytes, where: object) -> np.ndarray:
    """Encoded bytes -> (H, W, 3) uint8 RGB, turned as its EXIF says.

    Raises:
        BadInput: not an image, or a JPEG or PNG that ends too early (OpenCV would fill the rest with grey).
    """
    if data[:2] == b"\xff\xd8" and not _jpeg_ends(data):
        raise BadInput(str(where), "truncated JPEG", "copy it again from the phone")
    if data[:4] == b"\x89PNG" and b"IEND\xaeB`\x82" not in data:
        raise BadInput(str(where), "truncated PNG", "copy it again from the phone")
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error:
        decoded = None
    if decoded is None:
        raise BadInput(str(where), "not a readable image", "remove it or export it again as JPEG or PNG")
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def read_image(path: Path) -> np.ndarray:
    """A photograph's file -> (H, W, 3) uint8 RGB; raises `BadInput` as `decode_image` does."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(path, f"cannot be read ({error.strerror})") from error
    return decode_image(data, path)


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
