"""Photographs -> crops, each file read, hashed and decoded once, on every core."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_wbc.core.crops import CropRule, crop_near, crop_single
from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import decode_image
from edge_wbc.core.records import Box
from edge_wbc.lab.datasets.read import Dataset, Item

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


def _cut(job: tuple[Path, Sequence[Box | None], CropRule]) -> tuple[np.ndarray, str]:
    image, boxes, rule = job
    try:
        data = image.read_bytes()
    except OSError as error:
        raise BadInput(image, f"cannot be read ({error.strerror})") from error
    rgb = decode_image(data, image)
    marked = [box for box in boxes if box is not None]
    for box in marked:
        if box[2] > rgb.shape[1] or box[3] > rgb.shape[0]:
            raise BadInput(image, f"box {list(box)} lies outside the {rgb.shape[1]} x {rgb.shape[0]} photograph")
    pixels = crop_near(rgb, marked, rule) if marked else crop_single(rgb, rule)[None]
    return pixels, hashlib.sha256(data).hexdigest()


def _one_thread() -> None:
    cv2.setNumThreads(1)


def load_crops(dataset: Dataset, rule: CropRule, progress: Progress | None = None) -> LoadedCrops:
    """Cuts every labelled cell out of its photograph with the phone's own preprocessing.

    Args:
        progress: called with a title, how many photographs are done, and how many there are.

    Raises:
        BadInput: a photograph that cannot be read; the line names it.
    """
    by_image = [(image, list(items)) for image, items in groupby(dataset.items, key=lambda item: item.image)]
    jobs = [(image, [item.box for item in items], rule) for image, items in by_image]
    pixels: list[np.ndarray] = []
    hashes: list[str] = []
    with _map(len(jobs)) as run:
        for done, ((_, items), (crops, sha256)) in enumerate(zip(by_image, run(_cut, jobs), strict=True), 1):
            pixels.append(crops)
            hashes += [sha256] * len(items)
            if progress:
                progress("cutting crops", done, len(jobs))
    return LoadedCrops(np.concatenate(pixels), tuple(dataset.items), tuple(hashes))


@contextmanager
def _map(jobs: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """`map` over processes, or in this one where starting them costs more than the work."""
    workers = min(os.cpu_count() or 1, jobs // 300)
    if workers < 2:
        yield map
        return
    # Spawned, not forked: a fork copies the locks of torch's threads in whatever state they are.
    executor = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_one_thread)
    try:
        yield partial(executor.map, chunksize=16)
    finally:
        executor.shutdown(cancel_futures=True)
