"""Cut-outs from photographs: white cells by their masks, red cells and platelets by their boxes.

Each is lit as its photograph's glass is; all are brought to the glass of their pool, and at the soft edge of what
hides its ground the glass is taken out of its colour, so that on that glass it looks as photographed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.images import read_image
from edge_wbc.core.masks import read_mask
from edge_wbc.core.records import Box
from edge_wbc.lab.datasets.formats import FORMATS
from edge_wbc.lab.datasets.formats.common import Marked, Single, to_field
from edge_wbc.lab.synthesis.cutouts import RED_CELL, SEE_THROUGH, Cutout
from edge_wbc.lab.synthesis.outlines import NotAlone, Shape, glass_around, outline_in

__all__ = ["SUBTYPE_OF", "Cut", "Refused", "Source", "cut", "finished", "marks_in", "turned"]

SUBTYPE_OF: dict[str, str] = {
    "neutrophil": "segmented_neutrophil",
    "band": "band",
    "small_lymphocyte": "lymphocyte",
    "large_lymphocyte": "reactive_lymphocyte",
    "monocyte": "monocyte",
    "eosinophil": "eosinophil",
    "basophil": "basophil",
    "burst": "basket_cell",
    "erythroblast": "nucleated_rbc",
    "platelet": "platelet",
    "red_cell": RED_CELL,
}
"""Label -> the subtype its cells are cut as; what is not here goes into no pool."""

# Diameters in um that a label may have; others are masks of something else, or the scale is wrong.
_PLAUSIBLE_UM = {"red_cell": (5.0, 10.5), "platelet": (1.0, 7.0)}
_WHITE_UM = (5.0, 40.0)
# Platelets are boxed loosely: a few pixels more are much of a small box.
_SHAPES = {"red_cell": Shape(0.95, 1.35, 0.6, 0.3), "platelet": Shape(0.8, 2.5, 0.3, 0.8)}
_BOX_OVERLAP = 0.05  # the share of a box that loosely drawn neighbours may take
_SOFT_PX = 0.8
_MOST_UNMIXED = 0.4


@dataclass(frozen=True)
class Source:
    """A photograph and the cells to cut out of it.

    Attributes:
        image: its file.
        name: for origins, "DATA/NAME".
        labels, boxes: of its cells; None for the one cell of a single-cell photograph.
        mask: of 255 nucleus, 128 cytoplasm, 0 rest; None where there is none.
        um_per_px, stain: as its record says; None and "" where it does not.
    """

    image: Path
    name: str
    labels: tuple[str | None, ...]
    boxes: tuple[Box | None, ...]
    cuts: tuple[bool, ...]
    mask: Path | None = None
    um_per_px: float | None = None
    stain: str = ""


@dataclass(frozen=True, eq=False)
class Cut:
    """A cell as photographed.

    Attributes:
        cutout: its colours as photographed, the glass within them at the edge.
        glass: float64 (3,), its own; None where none was seen.
        origin: photograph and box.
    """

    cutout: Cutout
    glass: np.ndarray | None
    origin: str


@dataclass(frozen=True)
class Refused:
    """A marked cell that was not cut, by subtype or, where no pool takes it, by label."""

    name: str
    reason: str


_UNUSABLE = Refused("unusable", "at fault: `edge-wbc data check` says why")


def marks_in(data: Path) -> list[Source | Refused]:
    """What is marked in DATA: records of fields, labels.csv, Pascal VOC or class folders, masks/ beside them.

    Raises:
        BadInput: no such folder or nothing marked in it.
    """
    if not data.is_dir():
        raise BadInput(data, "no such folder")
    if (data / "records").is_dir():
        kind = "session"
    elif (data / "labels.csv").is_file():
        kind = "csv"
    else:
        kind = "bccd" if next(data.rglob("*.xml"), None) else "folder"
    found: list[Source | Refused] = []
    for entry in FORMATS[kind].read(data):
        if isinstance(entry, Fault):
            found.append(_UNUSABLE)
            continue
        name = f"{data.name}/{entry.name}"
        if isinstance(entry, Single):
            found.append(Source(entry.image, name, (entry.label,), (None,), (False,), entry.mask))
        else:
            found += _marked(entry, name)
    if not any(isinstance(one, Source) for one in found):
        raise BadInput(data, "nothing is marked in it", "give records/, labels.csv beside images/, or VOC annotations")
    return found


def _marked(entry: Marked, name: str) -> Iterable[Source | Refused]:
    height, width = read_image(entry.image).shape[:2]
    field, faults = to_field(entry, width, height)
    found: list[Source | Refused] = [_UNUSABLE for _ in faults]
    if field is not None:
        found.append(
            Source(
                entry.image,
                name,
                tuple(cell.label for cell in field.cells),
                tuple(cell.box for cell in field.cells),
                tuple(cell.cut for cell in field.cells),
                entry.mask,
                field.um_per_px,
                field.smear.stain.strip().lower(),
            )
        )
    return found


def cut(source: Source, um_per_px: float) -> list[Cut | Refused]:
    """The cells of one photograph, in the order they are marked."""
    rgb = read_image(source.image)
    mask = None if source.mask is None else read_mask(source.mask, (rgb.shape[1], rgb.shape[0]))
    boxes = [box for box in source.boxes if box]
    free = np.ones(rgb.shape[:2], bool) if mask is None else cv2.dilate(mask, np.ones((7, 7), np.uint8)) == 0
    for x0, y0, x1, y1 in boxes:
        free[y0:y1, x0:x1] = False
    found: list[Cut | Refused] = []
    for label, box, at_border in zip(source.labels, source.boxes, source.cuts, strict=True):
        subtype = SUBTYPE_OF.get(label or "")
        if label is None or subtype is None:
            found.append(Refused(label or "unlabelled", "no pool takes this label"))
            continue
        try:
            window, cell, nucleus = _outlined(rgb, mask, free, label, box, boxes, at_border)
            _check_size(label, cell, um_per_px)
        except NotAlone as why:
            found.append(Refused(subtype, str(why)))
            continue
        glass = glass_around(rgb[window], free[window] if box else ~_grown(cell))
        where = f"{source.name} {list(box)}" if box else source.name
        found.append(Cut(_cutout(subtype, rgb[window], cell, nucleus), glass, where))
    return found


def _outlined(
    rgb: np.ndarray,
    mask: np.ndarray | None,
    free: np.ndarray,
    label: str,
    box: Box | None,
    boxes: Sequence[Box],
    at_border: bool,
) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray | None]:
    """The window around a cell, its outline there and its nucleus; raises `NotAlone`."""
    height, width = rgb.shape[:2]
    x0, y0, x1, y1 = box or (0, 0, width, height)
    if at_border or (box and (min(x0, y0) <= 0 or x1 >= width or y1 >= height)):
        raise NotAlone("cut by the border")
    shape = _SHAPES.get(label) if box else None
    margin = 6 + round((shape.around if shape else 0.3) * max(x1 - x0, y1 - y0)) if box else 0
    window = np.s_[max(0, y0 - margin) : y1 + margin, max(0, x0 - margin) : x1 + margin]
    here = (x0 - window[1].start, y0 - window[0].start, x1 - window[1].start, y1 - window[0].start)
    if shape and box:
        if sum(_shared(box, other) > _BOX_OVERLAP for other in boxes) > 1:
            raise NotAlone("overlaps another box")
        glass = glass_around(rgb[window], free[window])
        if glass is None:
            raise NotAlone("no glass around it")
        return window, outline_in(rgb[window], here, glass, shape), None
    if mask is None:
        raise NotAlone("no mask")
    cell = _piece(mask[window], here)
    if cell[0].any() or cell[-1].any() or cell[:, 0].any() or cell[:, -1].any():
        raise NotAlone("cut by the border" if box is None else "its mask joins another's")
    nucleus = (mask[window] == 255) & cell
    return window, cell, nucleus if nucleus.any() else None


def _shared(box: Box, other: Box) -> float:
    """The share of a box that another covers."""
    wide, high = min(box[2], other[2]) - max(box[0], other[0]), min(box[3], other[3]) - max(box[1], other[1])
    return max(0, wide) * max(0, high) / ((box[2] - box[0]) * (box[3] - box[1]))


def _piece(mask: np.ndarray, box: Box) -> np.ndarray:
    """The piece of a mask that has most of a box: bool (H, W)."""
    x0, y0, x1, y1 = box
    count, pieces = cv2.connectedComponents((mask > 0).astype(np.uint8), connectivity=4)
    inside = np.bincount(pieces[y0:y1, x0:x1].ravel(), minlength=count)
    inside[0] = 0
    if not inside.any():
        raise NotAlone("no mask")
    return pieces == inside.argmax()


def _check_size(label: str, cell: np.ndarray, um_per_px: float) -> None:
    least, most = _PLAUSIBLE_UM.get(label, _WHITE_UM)
    if not least <= 2 * np.sqrt(cell.sum() / np.pi) * um_per_px <= most:
        raise NotAlone(f"not {least:g} to {most:g} um across")


def _grown(cell: np.ndarray) -> np.ndarray:
    return cv2.dilate(cell.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0


def _cutout(subtype: str, rgb: np.ndarray, cell: np.ndarray, nucleus: np.ndarray | None) -> Cutout:
    """The part of a photograph that a cell with a soft edge covers, its box in the middle."""
    soft = cv2.copyMakeBorder(cell.astype(np.float32), 4, 4, 4, 4, cv2.BORDER_CONSTANT)
    alpha = np.rint(255 * cv2.GaussianBlur(soft, (0, 0), _SOFT_PX)).astype(np.uint8)
    frame: list[np.ndarray] = [cv2.copyMakeBorder(rgb, 4, 4, 4, 4, cv2.BORDER_REPLICATE), alpha]
    if nucleus is not None:
        frame.append(cv2.copyMakeBorder(nucleus.astype(np.uint8), 4, 4, 4, 4, cv2.BORDER_CONSTANT))
    # The rows and columns of the softest edge lie alike around the cell's own, so its middle stays in the middle.
    rows, columns = np.flatnonzero(cell.any(1)) + 4, np.flatnonzero(cell.any(0)) + 4
    part = np.s_[rows[0] - 3 : rows[-1] + 4, columns[0] - 3 : columns[-1] + 4]
    colours, share, *inner = (np.ascontiguousarray(layer[part]) for layer in frame)
    return Cutout(subtype, colours, share, inner[0] > 0 if inner else None)


def finished(one: Cut, background: np.ndarray, scale: float) -> Cutout:
    """A cut-out as it looks on its pool's glass.

    Args:
        one: as cut.
        background: uint8 (3,), the pool's.
        scale: pixels of the pool in a pixel of the photograph.
    """
    glass = background if one.glass is None else one.glass
    lit = one.cutout.rgb * (background / np.maximum(glass, 1)).astype(np.float32)
    share = one.cutout.alpha[..., None].astype(np.float32) / 255
    if one.cutout.subtype in SEE_THROUGH:
        # Its soft border is in its colours already; only beyond it is the glass made even.
        colours = background + np.minimum(1, 4 * share) * (lit - background)
    else:
        colours = np.where(share > 0, background + (lit - background) / np.maximum(share, _MOST_UNMIXED), background)
    height, width = one.cutout.alpha.shape
    matrix = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2]])
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    whole = Cutout(one.cutout.subtype, _bytes(colours), one.cutout.alpha, one.cutout.nucleus)
    return whole if scale == 1 else _warped(whole, background, matrix, size, scale)


def turned(cutout: Cutout, background: np.ndarray, degrees: float) -> Cutout:
    """The same cell turned about its middle, on a picture just large enough for it."""
    height, width = cutout.alpha.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    side = int(np.ceil(np.hypot(height, width)))
    matrix[:, 2] += (side - width) // 2, (side - height) // 2  # whole pixels: half of one would blur
    whole = _warped(cutout, background, matrix, (side, side), 1.0)
    rows, columns = np.flatnonzero(whole.alpha.any(1)), np.flatnonzero(whole.alpha.any(0))
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inner = None if whole.nucleus is None else np.ascontiguousarray(whole.nucleus[part])
    return Cutout(cutout.subtype, np.ascontiguousarray(whole.rgb[part]), np.ascontiguousarray(whole.alpha[part]), inner)


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _warped(cutout: Cutout, background: np.ndarray, matrix: np.ndarray, size: tuple[int, int], scale: float) -> Cutout:
    """A cut-out moved by an affine matrix."""

    def warp(layer: np.ndarray) -> np.ndarray:
        # A smaller picture needs its light gathered first, or it would show every other pixel.
        gathered = cv2.GaussianBlur(layer, (0, 0), 0.4 / scale) if scale < 1 else layer
        return cv2.warpAffine(gathered, matrix, size, flags=cv2.INTER_LINEAR)

    share = cutout.alpha.astype(np.float32)[..., None] / 255
    moved = warp(share)[..., None]
    alpha = _bytes(255 * moved)
    taken = cutout.rgb - background.astype(np.float32)
    if cutout.subtype in SEE_THROUGH:
        colours = warp(taken)
    else:
        # Weighed by alpha on the way, so that no glass mixes into the colours of what hides it.
        colours = warp(taken * share) / np.maximum(moved, 1e-4)
    colours = background + np.where(alpha > 0, colours, 0)
    nucleus = None if cutout.nucleus is None else warp(cutout.nucleus.astype(np.float32)) >= 0.5
    return Cutout(cutout.subtype, _bytes(colours), alpha[..., 0], nucleus)


def by_subtype(cuts: Iterable[Cut]) -> dict[str, list[Cut]]:
    """Cuts by the pool they go into, in order."""
    found: dict[str, list[Cut]] = defaultdict(list)
    for one in cuts:
        found[one.cutout.subtype].append(one)
    return dict(found)
