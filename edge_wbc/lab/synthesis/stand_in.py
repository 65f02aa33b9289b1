"""Stand-in until cells draw themselves into pools."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge_wbc.core.taxonomy import SUBTYPES, five_class
from edge_wbc.lab.synthesis.cells import draw_cell
from edge_wbc.lab.synthesis.cutouts import Cutout, Pools
from edge_wbc.lab.synthesis.red_cells import platelets, red_cells
from edge_wbc.lab.synthesis.stain import Stain
from edge_wbc.lab.synthesis.stain import random_stain as old

__all__ = ["STAINS", "draw_pools", "random_stain"]

STAINS = ("giemsa", "wright", "leishman", "may-gruenwald")


def random_stain(rng: np.random.Generator, name: str) -> Stain:
    return old(rng)


def draw_pools(stain: Stain, um_per_px: float, counts: Mapping[str, int], seed: np.random.SeedSequence) -> Pools:
    glass = np.rint(255 * stain.background).astype(np.uint8)
    found = {}
    for part, (name, count) in zip(seed.spawn(len(counts)), counts.items(), strict=True):
        rng = np.random.default_rng(part)
        mine = []
        five = five_class(SUBTYPES[name]) if name in SUBTYPES else None
        if five:
            for _ in range(count):
                sprite = draw_cell(five, stain, um_per_px, rng)
                rgb = np.rint(255 * sprite.rgb).astype(np.uint8)
                mine.append(Cutout(name, rgb, np.rint(255 * sprite.alpha).astype(np.uint8), sprite.nucleus))
        else:
            kind = red_cells if name == "red_cell" else platelets
            for light in kind(stain, um_per_px, rng, count):
                alpha = (light.min(2) < 0.97).astype(np.uint8) * 255
                mine.append(Cutout(name, np.rint(light * glass).astype(np.uint8), alpha))
        found[name] = tuple(mine)
    return Pools(found, um_per_px, "giemsa", glass)
