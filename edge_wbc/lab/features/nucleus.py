"""The nucleus of one white cell, by colour alone (Tavakoli et al. 2021, "Nucleus segmentation")."""

from __future__ import annotations

import cv2
import numpy as np

from edge_wbc.core.colour import balance, magenta

__all__ = ["LEAST_SHARE", "nucleus", "nucleus_of_balanced", "soft_map"]

LEAST_SHARE = 100 / 575**2
"""The paper refuses a nucleus under 100 pixels in Raabin-WBC's crops of 575 x 575; crops here have any size."""

_LEAST_PIECE = 10


def soft_map(balanced: np.ndarray) -> np.ndarray:
    """How much each pixel is nucleus: stained in magenta and saturated, and not merely dark.

    With M and K of CMYK, S of HLS and all differences cut off at 0: min(M, S) - (K - M).

    Args:
        balanced: (H, W, 3) uint8 RGB of `balance`.

    Returns:
        (H, W) uint8.
    """
    brightest = cv2.max(cv2.max(balanced[..., 0], balanced[..., 1]), balanced[..., 2])
    black = cv2.bitwise_not(brightest)
    stain = magenta(balanced)
    saturation = cv2.extractChannel(cv2.cvtColor(balanced, cv2.COLOR_RGB2HLS), 2)
    return cv2.subtract(cv2.min(stain, saturation), cv2.subtract(black, stain))


def nucleus_of_balanced(balanced: np.ndarray, least_share: float = LEAST_SHARE) -> np.ndarray | None:
    """`nucleus` of a crop whose colours `balance` has set already."""
    smooth = cv2.GaussianBlur(soft_map(balanced), (5, 5), 0)
    _, mask = cv2.threshold(smooth, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(mask)
    areas = stats[:, cv2.CC_STAT_AREA]
    areas[0] = 0
    large = (_LEAST_PIECE * areas >= areas.max()) & (areas > 0)
    mask = large[pieces]
    return mask if mask.any() and areas[large].sum() >= least_share * mask.size else None


def nucleus(rgb: np.ndarray, least_share: float = LEAST_SHARE) -> np.ndarray | None:
    """The nucleus in a crop of one cell: balance, soft map, 5 x 5 Gaussian, Otsu, pieces under a tenth dropped.

    Args:
        rgb: (H, W, 3) uint8.
        least_share: of the crop; a smaller nucleus is refused.

    Returns:
        (H, W) bool, or None where there is no nucleus: a grey, black or white crop, or one too small a share.
    """
    return nucleus_of_balanced(balance(rgb), least_share)
