"""A contact sheet of pools: some of every pool's cut-outs on their own glass, all at the same scale."""

from __future__ import annotations

import cv2
import numpy as np

from edge_wbc.lab.synthesis.cutouts import SEE_THROUGH, Cutout, Pools

__all__ = ["contact_sheet"]

_GAP, _HEAD = 6, 18


def contact_sheet(pools: Pools, most: int = 12) -> np.ndarray:
    """uint8 RGB (H, W, 3), a row a pool with its name and how many cut-outs it has."""
    rows = []
    glass = pools.background.tolist()
    for subtype, cutouts in pools.cutouts.items():
        # Evenly from all of the pool: its first ones are often of one photograph.
        shown = [cutouts[int(place)] for place in np.linspace(0, len(cutouts) - 1, min(most, len(cutouts)))]
        side = max(max(one.alpha.shape) for one in shown) + _GAP
        row = np.full((side + _HEAD, max(260, side * len(shown)), 3), pools.background, np.uint8)
        cv2.putText(
            row, f"{subtype}: {len(cutouts)}", (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA
        )
        for number, one in enumerate(shown):
            _lay(row[_HEAD:, number * side : (number + 1) * side], one, pools.background)
        rows.append(row)
    width = max(row.shape[1] for row in rows)
    pad = cv2.BORDER_CONSTANT
    return np.vstack([cv2.copyMakeBorder(row, 0, 0, 0, width - row.shape[1], pad, value=glass) for row in rows])


def _lay(tile: np.ndarray, one: Cutout, background: np.ndarray) -> None:
    """Lays a cut-out on the middle of bare glass, as it would lie in a field."""
    height, width = one.alpha.shape
    top, left = (tile.shape[0] - height) // 2, (tile.shape[1] - width) // 2
    share = np.ones((1, 1, 1)) if one.subtype in SEE_THROUGH else one.alpha[..., None] / 255
    tile[top : top + height, left : left + width] = np.rint(background + share * (one.rgb - background.astype(float)))
