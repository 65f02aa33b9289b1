"""Graph cuts (OpenCV's GrabCut) from seeds: found without a hand, or given."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edge_wbc.core.colour import balance, magenta
from edge_wbc.core.easy_gt import A, magenta_map, segment, thresholds
from edge_wbc.core.errors import BadInput
from edge_wbc.core.masks import Masks, no_cell
from edge_wbc.core.whole_cell import not_glass, settle

__all__ = ["Seeds", "find_seeds", "graph_cut"]

_ROUNDS = 1
_SURE, _PALE = 0.7, 0.3
_INSIDE, _OUTSIDE = 0.25, 0.2


@dataclass(frozen=True, eq=False)
class Seeds:
    """Where it is sure what a pixel is, a stroke in each or more: three (H, W) bool, none of them empty."""

    nucleus: np.ndarray
    cytoplasm: np.ndarray
    background: np.ndarray


def graph_cut(rgb: np.ndarray, seeds: Seeds | None = None) -> Masks:
    """Nucleus and whole cell of a crop of one cell, by a cut around each.

    The nucleus is cut out of magenta, green and red of the balanced picture, the cell out of its colours.

    Args:
        rgb: (H, W, 3) uint8.
        seeds: None to find them from Easy-GT's masks.

    Returns:
        Masks of the crop's size, empty and with a reason where there is no cell or no telling which.

    Raises:
        BadInput: not three channels of 8 bits; seeds of another size, or one of them empty.
    """
    stain = magenta_map(rgb)
    if seeds is None:
        first = segment(rgb)
        if not first.nucleus.any():
            return first
        seeds = find_seeds(stain, first)
        if seeds is None:
            reason = "no seeds: no glass beside the cell, or no nucleus darker than the rest of it"
            return no_cell(rgb.shape[0], rgb.shape[1], reason)
    else:
        _check(seeds, stain.shape)
    likely = stain > thresholds(stain).between(A)
    colours = balance(cv2.GaussianBlur(rgb, (3, 3), 0))
    dyes = np.dstack([magenta(colours), colours[..., 1], colours[..., 0]])
    nucleus = _cut(dyes, seeds.nucleus, seeds.cytoplasm | seeds.background, likely)
    sure = seeds.nucleus | seeds.cytoplasm
    return settle(rgb, stain, nucleus, _cut(rgb, sure | nucleus, seeds.background & ~nucleus, not_glass(rgb, nucleus)))


def find_seeds(stain: np.ndarray, masks: Masks) -> Seeds | None:
    """The surest pixels of masks that are not empty: the nucleus's darkest, the cell's palest inside, and far away.

    Args:
        stain: (H, W) uint8 of `magenta_map`.

    Returns:
        Seeds, or None where one kind has no sure pixel.
    """
    dark, pale = stain[masks.nucleus].mean(), stain[~masks.nucleus].mean()
    level = thresholds(stain).between(A)
    radius = float(np.sqrt(np.count_nonzero(masks.cell) / np.pi))
    inside, outside = (
        cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for part in (masks.cell, ~masks.cell)
    )
    nucleus = masks.nucleus & (stain >= level + _SURE * (dark - level))
    rest = ~masks.nucleus & (stain <= level - _PALE * (level - pale))
    seeds = Seeds(nucleus, rest & (inside > _INSIDE * radius), outside > _OUTSIDE * radius)
    return seeds if nucleus.any() and seeds.background.any() else None


def _check(seeds: Seeds, shape: tuple[int, ...]) -> None:
    for name, seed in (("nucleus", seeds.nucleus), ("cytoplasm", seeds.cytoplasm), ("background", seeds.background)):
        if seed.shape != shape:
            fault = f"of {seed.shape[1]} x {seed.shape[0]} for a crop of {shape[1]} x {shape[0]}"
            raise BadInput(f"seeds of the {name}", fault, "draw them on the crop itself")
        if not seed.any():
            raise BadInput(f"seeds of the {name}", "none", "draw a stroke in it")


def _cut(picture: np.ndarray, sure: np.ndarray, never: np.ndarray, likely: np.ndarray) -> np.ndarray:
    """The (H, W) bool foreground of an (H, W, 3) uint8 picture."""
    state = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    state[never] = cv2.GC_BGD
    state[sure] = cv2.GC_FGD
    # Its colour models start from OpenCV's chance, which is each thread's own.
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    whole = (0, 0, 0, 0)  # unused where a mask starts it
    cv2.grabCut(np.ascontiguousarray(picture), state, whole, models[0], models[1], _ROUNDS, cv2.GC_INIT_WITH_MASK)
    return (state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)
