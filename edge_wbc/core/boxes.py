"""Boxes against boxes: x0, y0, x1, y1 in pixels, end exclusive."""

from __future__ import annotations

import numpy as np

__all__ = ["overlaps"]


def overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N, 4) and (M, 4) boxes -> (N, M) float64 intersection over union."""
    boxes, others = np.reshape(boxes, (-1, 4)).astype(float), np.reshape(others, (-1, 4)).astype(float)
    low, high = np.maximum(boxes[:, None, :2], others[None, :, :2]), np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(2)
    areas, other_areas = (boxes[:, 2:] - boxes[:, :2]).prod(1), (others[:, 2:] - others[:, :2]).prod(1)
    return both / np.maximum(areas[:, None] + other_areas[None, :] - both, 1e-9)
