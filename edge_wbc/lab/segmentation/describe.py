"""What the masks of one cell say: areas, the nucleus's share, its lobes, mean colours; and the masks drawn on it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edge_wbc.core.masks import Masks

__all__ = ["COLUMNS", "count_lobes", "describe", "overlay"]

_COLOURS = [f"{part}_{channel}" for part in ("nucleus", "cytoplasm") for channel in ("red", "green", "blue")]
COLUMNS = (
    *("nucleus_px", "cytoplasm_px", "cell_px", "nucleus_um2", "cytoplasm_um2", "cell_um2", "nucleus_to_cytoplasm"),
    *("lobes", *_COLOURS, "confidence", "reason"),
)
"""What `describe` tells, in order."""

_NECK = 0.75
_LEAST_LOBE = 0.35
_SHOWN = 360
_YELLOW, _GREEN = (255, 225, 0), (0, 190, 70)


def describe(rgb: np.ndarray, masks: Masks, um_per_px: float | None) -> dict[str, Any]:
    """One cell's figures by the names of `COLUMNS`; None for what has no meaning: a scale or a part that is missing.

    Args:
        rgb: (H, W, 3) uint8, the crop; mean colours are of it as it is, 0 to 255.
        um_per_px: micrometres a pixel spans, or None.
    """
    cytoplasm = masks.cell & ~masks.nucleus
    parts = {"nucleus": masks.nucleus, "cytoplasm": cytoplasm, "cell": masks.cell}
    areas = {name: int(np.count_nonzero(part)) for name, part in parts.items()}
    said: dict[str, Any] = {f"{name}_px": area for name, area in areas.items()}
    said |= {f"{name}_um2": area * um_per_px**2 if um_per_px else None for name, area in areas.items()}
    both = areas["nucleus"] and areas["cytoplasm"]
    said["nucleus_to_cytoplasm"] = areas["nucleus"] / areas["cytoplasm"] if both else None
    said["lobes"] = count_lobes(masks.nucleus) if areas["nucleus"] else None
    means = [rgb[parts[part]].mean(0).tolist() if areas[part] else [None] * 3 for part in ("nucleus", "cytoplasm")]
    said |= dict(zip(_COLOURS, means[0] + means[1], strict=True))
    return {**said, "confidence": masks.confidence, "reason": masks.reason}


def count_lobes(nucleus: np.ndarray) -> int:
    """How many lobes a nucleus has: the tops of the distance to its outline that a neck parts from higher ones.

    A neck is narrower than 3/4 of the lobe, and a lobe at least 0.35 as wide as the widest.

    Args:
        nucleus: (H, W) bool.

    Returns:
        0 where it is empty.
    """
    framed = cv2.copyMakeBorder(nucleus.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    most = float(depth.max())
    around = 2 * max(1, round(most / 4)) + 1
    tops = (depth == cv2.dilate(depth, np.ones((around, around), np.uint8))) & (depth >= max(_LEAST_LOBE * most, 1))
    lobes = 0
    for height in np.unique(depth[tops])[::-1]:
        _, pieces = cv2.connectedComponents((depth >= _NECK * height).view(np.uint8))
        own = np.unique(pieces[tops & (depth == height)])
        lobes += sum(bool(depth[pieces == piece].max() == height) for piece in own)
    return lobes


def overlay(rgb: np.ndarray, masks: Masks) -> np.ndarray:
    """The crop with the outlines of nucleus (yellow) and cell (green), a small one enlarged to be seen."""
    times = max(1, round(_SHOWN / max(rgb.shape[:2])))
    shown = cv2.resize(rgb, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
    for part, colour in ((masks.cell, _GREEN), (masks.nucleus, _YELLOW)):
        large = cv2.resize(part.view(np.uint8), None, fx=times, fy=times, interpolation=cv2.INTER_NEAREST)
        outlines, _ = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(shown, outlines, -1, colour, 1)
    return shown
