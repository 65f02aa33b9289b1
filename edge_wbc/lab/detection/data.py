"""Fields with marked white cells, for detectors: read, decoded once, and varied."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

from edge_wbc.core.detector import MARGIN, shrink
from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import decode_image
from edge_wbc.core.records import Cell, read_field

__all__ = ["LoadedFields", "MarkedField", "MarkedFields", "augmentation", "load_fields", "read_fields"]

NOT_WHITE = frozenset(("artifact", "platelet", "red_cell"))


@dataclass(frozen=True)
class MarkedField:
    """One field: its photograph, that path within the dataset, its (N, 4) int64 white cells' boxes and its smear."""

    image: Path
    name: str
    boxes: np.ndarray
    smear: str = ""


@dataclass(frozen=True)
class MarkedFields:
    """The fields of a dataset, those without a cell among them."""

    path: Path
    fields: tuple[MarkedField, ...]

    @property
    def cells(self) -> int:
        """How many white cells are marked."""
        return sum(len(field.boxes) for field in self.fields)


@dataclass(frozen=True)
class LoadedFields:
    """Fields in memory, all of them decoded: 0.35 MB each at 416 x 288 pixels.

    Attributes:
        pixels: (H, W, 3) uint8 RGB each.
        boxes: (N, 4) float32 each, in those pixels.
        scales: pixels here for each pixel of the photograph.
        sha256: of each photograph's file.
    """

    pixels: tuple[np.ndarray, ...]
    boxes: tuple[np.ndarray, ...]
    scales: tuple[float, ...]
    sha256: tuple[str, ...]


def _is_white(cell: Cell) -> bool:
    return not cell.votes or not NOT_WHITE.issuperset(cell.votes.values())


def read_fields(path: Path) -> MarkedFields:
    """Lists the fields of a dataset folder (``records/*.json``) with their white cells; no pixel is read here.

    A cell that every vote calls a platelet, an artifact or a red cell is none; one without votes is one.

    Raises:
        BadInput: no records there, a bad record, a missing photograph, or no white cell in all of them.
    """
    files = sorted((path / "records").glob("*.json"))
    if not files:
        raise BadInput(path, "no records of fields in it", "a detector learns from records/ beside images/")
    fields = []
    for file in files:
        record = read_field(file)
        image = path / record.image
        if not image.is_file():
            raise BadInput(file, f"names a missing photograph {record.image!r}", "put it back or remove the record")
        boxes = np.array([cell.box for cell in record.cells if _is_white(cell)], np.int64).reshape(-1, 4)
        fields.append(MarkedField(image, record.image, boxes, record.smear.id))
    found = MarkedFields(path, tuple(fields))
    if not found.cells:
        raise BadInput(path, "no white cell is marked in its records", "mark some, or let `edge-wbc find` do it")
    return found


def load_fields(
    data: MarkedFields, longest: int, progress: Callable[[str, int, int], None] | None = None
) -> LoadedFields:
    """Decodes every field once and keeps it at up to `longest` pixels.

    Raises:
        BadInput: a photograph that cannot be read, or a box outside it.
    """
    pixels, boxes, scales, hashes = [], [], [], []
    for done, field in enumerate(data.fields, 1):
        try:
            content = field.image.read_bytes()
        except OSError as error:
            raise BadInput(field.image, f"cannot be read ({error.strerror})") from error
        rgb = decode_image(content, field.image)
        for box in field.boxes:
            if box[2] > rgb.shape[1] or box[3] > rgb.shape[0]:
                raise BadInput(
                    field.image, f"box {box.tolist()} lies outside the {rgb.shape[1]} x {rgb.shape[0]} photograph"
                )
        small, scale = shrink(rgb, longest)
        pixels.append(small)
        boxes.append((field.boxes * scale).astype(np.float32))
        scales.append(scale)
        hashes.append(hashlib.sha256(content).hexdigest())
        if progress:
            progress("reading fields", done, len(data.fields))
    return LoadedFields(tuple(pixels), tuple(boxes), tuple(scales), tuple(hashes))


class _Transpose(v2.Transform):
    """Rows become columns; with both flips that makes all eight ways to lay a slide on a square stage."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if isinstance(inpt, tv_tensors.BoundingBoxes):
            height, width = inpt.canvas_size
            turned = inpt.as_subclass(torch.Tensor)[:, [1, 0, 3, 2]]
            return tv_tensors.BoundingBoxes(turned, format="XYXY", canvas_size=(width, height))
        return tv_tensors.wrap(inpt.as_subclass(torch.Tensor).transpose(-1, -2).contiguous(), like=inpt)


def augmentation(size: int) -> Callable[[np.ndarray, np.ndarray], tuple[torch.Tensor, torch.Tensor]]:
    """A field and its boxes, varied anew at each call from torch's global generator.

    Turned any of eight ways, half of the time cut, some of the time set in a margin, recoloured, blurred.

    Returns:
        From (H, W, 3) uint8 and (N, 4) to (3, h, w) float32, 0 to 1, the longer side of `size` pixels, and the
        (M, 4) float32 boxes whose middle is still in it.
    """
    steps = v2.Compose(
        [
            v2.RandomHorizontalFlip(),
            v2.RandomVerticalFlip(),
            v2.RandomApply([_Transpose()]),
            v2.RandomZoomOut(dict.fromkeys((tv_tensors.Image,), MARGIN), (1.0, 1.4), p=0.3),
            v2.RandomIoUCrop(min_scale=0.4, sampler_options=[0.0, 1.0]),
            v2.Resize(None, max_size=size, antialias=True),
            v2.ColorJitter(0.25, 0.25, 0.25, 0.03),
            v2.RandomApply([v2.GaussianBlur(5, (0.3, 1.5))], 0.2),
            v2.SanitizeBoundingBoxes(min_size=2, labels_getter=None),
            v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}, scale=True),
        ]
    )

    def vary(pixels: np.ndarray, boxes: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        field = tv_tensors.Image(torch.from_numpy(pixels).permute(2, 0, 1))
        marked = tv_tensors.BoundingBoxes(
            torch.from_numpy(boxes).float().reshape(-1, 4), format="XYXY", canvas_size=pixels.shape[:2]
        )
        image, kept = steps(field, marked)
        return image.as_subclass(torch.Tensor), kept.as_subclass(torch.Tensor)

    return vary
