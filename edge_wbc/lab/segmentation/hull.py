"""Tavakoli's nucleus and its convex hull, which they take for cell where nobody drew one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edge_wbc.core.colour import balance
from edge_wbc.core.easy_gt import magenta_map
from edge_wbc.core.masks import Masks, no_cell
from edge_wbc.core.whole_cell import not_glass, settle
from edge_wbc.lab.features.nucleus import nucleus_of_balanced
from edge_wbc.lab.features.tavakoli import convex_hull

__all__ = ["nucleus_and_hull"]


def nucleus_and_hull(rgb: np.ndarray) -> Masks:
    """Nucleus and, as cell, its convex hull in a crop of one cell (Tavakoli et al. 2021).

    The hull without the nucleus, their "ROC", is representative of the cytoplasm's colours; it is not all of it.

    Args:
        rgb: (H, W, 3) uint8.

    Returns:
        Masks of the crop's size, empty and with a reason where there is no cell or no telling which.

    Raises:
        BadInput: not three channels of 8 bits.
    """
    stain = magenta_map(rgb)
    nucleus = nucleus_of_balanced(balance(rgb))
    if nucleus is None:
        return no_cell(rgb.shape[0], rgb.shape[1], "no nucleus: nothing is stained like one")
    masks = settle(rgb, stain, nucleus, not_glass(rgb, nucleus))
    return replace(masks, cell=convex_hull(masks.nucleus)) if masks.nucleus.any() else masks
