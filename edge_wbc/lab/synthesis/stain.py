"""The Romanowsky stain of one smear, drawn from a distribution.

Three dyes absorb: violet (the azure and eosin complex of nuclei), blue (azure alone, in basophilic cytoplasm) and
eosin (pink to orange, in granules and red cells). A part of a cell holds an amount of each, and its colour is what
they let through. Smears differ in dye strength, dye hue, acidity of the buffer (acid favours eosin) and the glass,
so that no colour belongs to one class alone. The vectors were matched by eye to published Giemsa and
May-Gruenwald-Giemsa photographs; they are not measured spectra.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Amounts", "Stain", "random_stain"]

_VIOLET = np.array([0.78, 1.58, 0.46])
_BLUE = np.array([1.00, 0.74, 0.27])
_EOSIN = np.array([0.25, 0.92, 0.98])


@dataclass(frozen=True)
class Amounts:
    """How much violet, blue and eosin a part of a cell binds, in optical density near 1 for a dark part."""

    violet: float
    blue: float
    eosin: float

    def varied(self, rng: np.random.Generator, spread: float) -> Amounts:
        """The same part in another cell: each amount times exp(normal(0, `spread`))."""
        factors = np.exp(rng.normal(0, spread, 3))
        return Amounts(self.violet * factors[0], self.blue * factors[1], self.eosin * factors[2])

    @property
    def vector(self) -> np.ndarray:
        """float32 (3,): violet, blue, eosin."""
        return np.array([self.violet, self.blue, self.eosin], np.float32)


@dataclass(frozen=True)
class Stain:
    """The stain and glass of one smear.

    Attributes:
        dyes: float32 (3, 3), a row each for violet, blue and eosin: optical density in R, G, B per unit amount.
        background: float32 (3,) RGB of bare glass, 0 to 1.
        granules: how strongly granules stand out, 1 for the usual.
        wash: amounts that every cytoplasm takes up alike, from a stain rinsed too little.
        tint: amounts that every granule takes up beside its own dye.
        red: amounts of a red cell at its thickest.
    """

    dyes: np.ndarray
    background: np.ndarray
    granules: float
    wash: Amounts
    tint: Amounts
    red: Amounts

    def colour(self, amounts: np.ndarray) -> np.ndarray:
        """RGB, float32 (..., 3), 0 to 1, of dye amounts (..., 3) on this glass."""
        return np.exp(-(amounts.astype(np.float32) @ self.dyes)) * self.background


def random_stain(rng: np.random.Generator) -> Stain:
    """The stain of a new smear."""
    acid = rng.uniform(-1, 1)
    strengths = np.exp(rng.normal(0, 0.2, 3)) * np.exp(np.array([0.0, -0.3, 0.3]) * acid)
    violet = _VIOLET + rng.uniform(-0.1, 0.25) * (_BLUE - _VIOLET)
    blue = _BLUE + rng.uniform(-0.1, 0.35) * (_VIOLET - _BLUE)
    # Eosin runs from orange-red to a purplish red, but never so far that red cells pass for nuclei.
    eosin = _EOSIN + rng.uniform(0, 0.28) * (_VIOLET - _EOSIN) * np.array([1, 0.4, 0.35])
    dyes = np.stack([violet * strengths[0], blue * strengths[1], eosin * strengths[2]])
    green = rng.uniform(0.74, 0.94)
    background = np.array([green + rng.uniform(-0.03, 0.06), green, green + rng.uniform(-0.10, 0.0)])
    wash = Amounts(rng.uniform(0, 0.18), rng.uniform(0, 0.36), rng.uniform(0, 0.42))
    tint = Amounts(rng.uniform(0, 0.45), rng.uniform(0, 0.2), rng.uniform(0, 0.4))
    red = Amounts(rng.uniform(0, 0.04), rng.uniform(0, 0.08), rng.uniform(0.38, 0.62) / strengths[2])
    return Stain(
        dyes.astype(np.float32),
        np.clip(background, 0, 0.98).astype(np.float32),
        float(rng.uniform(0.5, 1.1)),
        wash,
        tint,
        red,
    )
