"""Photographs -> crops, each file read, hashed and decoded once, on every core."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from edge_wbc.core.crops import CropRule, crop_near, crop_single
from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import decode_image
from edge_wbc.core.light import read_light
from edge_wbc.core.records import Box
from edge_wbc.lab.datasets.read import Dataset, Item
from edge_wbc.lab.many import map_in_order

__all__ = ["LoadedCrops", "load_crops"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class LoadedCrops:
    """Crops in memory, row by row with the dataset's items.

    Attributes:
        pixels: (N, S, S, 3) uint8 RGB.
        items: what each row is.
        sha256: of each row's photograph.
    """

    pixels: np.ndarray
    items: tuple[Item, ...]
    sha256: tuple[str, ...]


def _cut(job: tuple[Path, Path | None, Sequence[Box | None], CropRule]) -> tuple[np.ndarray, str]:
    image, light, boxes, rule = job
    try:
        data = image.read_bytes()
    except OSError as error:
        raise BadInput(image, f"cannot be read ({error.strerror})") from error
    rgb = decode_image(data, image)
    if light is not None:
        rgb = read_light(light).even(rgb)
    marked = [box for box in boxes if box is not None]
    for box in marked:
        if box[2] > rgb.shape[1] or box[3] > rgb.shape[0]:
            raise BadInput(image, f"box {list(box)} lies outside the {rgb.shape[1]} x {rgb.shape[0]} photograph")
    pixels = crop_near(rgb, marked, rule) if marked else crop_single(rgb, rule)[None]
    return pixels, hashlib.sha256(data).hexdigest()


def load_crops(
    dataset: Dataset, rule: CropRule, progress: Progress | None = None, cluster: str | None = None
) -> LoadedCrops:
    """Cuts every labelled cell out of its photograph with the phone's own preprocessing.

    Args:
        progress: called with a title, how many photographs are done, and how many there are.
        cluster: the address of a Dask scheduler whose workers see the same files, or None for this machine.

    Raises:
        BadInput: a photograph that cannot be read; the line names it.
    """
    by_image = [(image, list(items)) for image, items in groupby(dataset.items, key=lambda item: item.image)]
    jobs = [(image, items[0].light, [item.box for item in items], rule) for image, items in by_image]
    pixels: list[np.ndarray] = []
    hashes: list[str] = []

    def tell(done: int, total: int) -> None:
        if progress:
            progress("cutting crops", done, total)

    for (_, items), (crops, sha256) in zip(by_image, map_in_order(_cut, jobs, cluster, tell), strict=True):
        pixels.append(crops)
        hashes += [sha256] * len(items)
    return LoadedCrops(np.concatenate(pixels), tuple(dataset.items), tuple(hashes))
