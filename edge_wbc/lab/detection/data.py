"""Fields with marked cells, for detectors: read, decoded once, and varied."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
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


def _is_white(cell: Cell) -> bool:
    return not cell.votes or not NOT_WHITE.issuperset(cell.votes.values())


# What a detector can be trained to find -> whether a marked cell is one.
KINDS: dict[str, Callable[[Cell], bool]] = {
    "white_cell": _is_white,
    "platelet": lambda cell: set(cell.votes.values()) == {"platelet"},
}


@dataclass(frozen=True)
class MarkedField:
    """One field: its photograph and that path within the dataset, its cells' boxes and its smear.

    Attributes:
        boxes: (N, 4) int64.
        kinds: (N,) int64, which of the kinds that were asked for each is, from 0.
    """

    image: Path
    name: str
    boxes: np.ndarray
    kinds: np.ndarray
    smear: str = ""


@dataclass(frozen=True)
class MarkedFields:
    """The fields of a dataset, those without a cell among them."""

    path: Path
    fields: tuple[MarkedField, ...]

    @property
    def cells(self) -> int:
        """How many cells are marked."""
        return sum(len(field.boxes) for field in self.fields)


@dataclass(frozen=True)
class LoadedFields:
    """Fields in memory, all of them decoded: 0.35 MB each at 416 x 288 pixels.

    Attributes:
        pixels: (H, W, 3) uint8 RGB each.
        boxes: (N, 4) float32 each, in those pixels.
        kinds: (N,) int64 each, as `MarkedField` has them.
        scales: pixels here for each pixel of the photograph.
        sha256: of each photograph's file.
    """

    pixels: tuple[np.ndarray, ...]
    boxes: tuple[np.ndarray, ...]
    kinds: tuple[np.ndarray, ...]
    scales: tuple[float, ...]
    sha256: tuple[str, ...]

    def of(self, kind: int) -> list[np.ndarray]:
        """Each field's boxes of one kind."""
        return [boxes[kinds == kind] for boxes, kinds in zip(self.boxes, self.kinds, strict=True)]


def read_fields(path: Path, finds: Sequence[str] = ("white_cell",)) -> MarkedFields:
    """Lists the fields of a dataset folder (``records/*.json``) with their marked cells; no pixel is read here.

    A cell that every vote calls a platelet, an artifact or a red cell is no white cell; one without votes is one.

    Args:
        finds: the kinds of cells wanted, of `KINDS`.

    Raises:
        BadInput: an unknown kind, no records there, a bad record, a missing photograph, or no cell of a kind in all of
            them.
    """
    strangers = [kind for kind in finds if kind not in KINDS]
    if strangers or not finds or len(set(finds)) < len(finds):
        raise BadInput("--finds", f"{','.join(finds)!r} is no list of kinds", f"some of: {', '.join(KINDS)}")
    files = sorted((path / "records").glob("*.json"))
    if not files:
        raise BadInput(path, "no records of fields in it", "a detector learns from records/ beside images/")
    fields = []
    for file in files:
        record = read_field(file)
        image = path / record.image
        if not image.is_file():
            raise BadInput(file, f"names a missing photograph {record.image!r}", "put it back or remove the record")
        marked = [(cell.box, row) for cell in record.cells for row, kind in enumerate(finds) if KINDS[kind](cell)]
        boxes = np.array([box for box, _ in marked], np.int64).reshape(-1, 4)
        fields.append(
            MarkedField(image, record.image, boxes, np.array([row for _, row in marked], int), record.smear.id)
        )
    found = MarkedFields(path, tuple(fields))
    for row, kind in enumerate(finds):
        if not any((field.kinds == row).any() for field in fields):
            fault = f"no {kind.replace('_', ' ')} is marked in its records"
            raise BadInput(path, fault, "mark some, or let `edge-wbc find` do it")
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
    kinds = tuple(field.kinds for field in data.fields)
    return LoadedFields(tuple(pixels), tuple(boxes), kinds, tuple(scales), tuple(hashes))


class _Transpose(v2.Transform):
    """Rows become columns; with both flips that makes all eight ways to lay a slide on a square stage."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if isinstance(inpt, tv_tensors.BoundingBoxes):
            height, width = inpt.canvas_size
            turned = inpt.as_subclass(torch.Tensor)[:, [1, 0, 3, 2]]
            return tv_tensors.BoundingBoxes(turned, format="XYXY", canvas_size=(width, height))
        return tv_tensors.wrap(inpt.as_subclass(torch.Tensor).transpose(-1, -2).contiguous(), like=inpt)


Varied = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def augmentation(size: int) -> Callable[[np.ndarray, np.ndarray, np.ndarray], Varied]:
    """A field, its boxes and their kinds, varied anew at each call from torch's global generator.

    Turned any of eight ways, half of the time cut, some of the time set in a margin, recoloured, blurred.

    Returns:
        From (H, W, 3) uint8, (N, 4) and (N,) to (3, h, w) float32, 0 to 1, the longer side of `size` pixels, the
        (M, 4) float32 boxes whose middle is still in it, and their kinds.
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
            v2.SanitizeBoundingBoxes(min_size=2, labels_getter=lambda parts: parts[2]),
            v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}, scale=True),
        ]
    )

    def vary(pixels: np.ndarray, boxes: np.ndarray, kinds: np.ndarray) -> Varied:
        field = tv_tensors.Image(torch.from_numpy(pixels).permute(2, 0, 1))
        marked = tv_tensors.BoundingBoxes(
            torch.from_numpy(boxes).float().reshape(-1, 4), format="XYXY", canvas_size=pixels.shape[:2]
        )
        image, kept, left = steps(field, marked, torch.from_numpy(kinds))
        return image.as_subclass(torch.Tensor), kept.as_subclass(torch.Tensor), left

    return vary
