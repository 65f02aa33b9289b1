"""The Romanowsky stain of one film, drawn from a distribution for each of four recipes.

Three dyes absorb: violet (the azure and eosin complex of nuclei), blue (azure alone, in basophilic cytoplasm) and
eosin (pink to orange, in granules and red cells). A part of a cell holds an amount of each, and its colour is what
they let through.

Known from textbooks (Dacie and Lewis, "Practical Haematology"; Horobin on Romanowsky-Giemsa): an acid buffer favours
eosin and pales the nuclei, an alkaline one turns red cells grey-blue; azure B with eosin Y makes the violet; Giemsa
is rich in azures and is rinsed at pH 6.8 to 7.2; Wright and Leishman are eosinates of polychromed methylene blue,
Wright buffered more acid (6.4 to 6.8, pinker red cells), Leishman with the stronger violet of nuclei and platelets
and the most precipitate; May-Gruenwald (with Giemsa after it) shows granules best. Matched by eye to published
photographs: every number below, the vectors included; they are not measured spectra. Labs of one recipe differ more
than recipes do, so the four overlap widely.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.synthesis.cutouts import SEE_THROUGH, Cutout
from edge_wbc.lab.synthesis.shapes import Range

__all__ = ["STAINS", "Amounts", "Recipe", "Stain", "painted", "random_stain"]

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
class Recipe:
    """What the films of one recipe have in common; each film draws its own numbers from these.

    Attributes:
        acid: of the buffer, -1 (alkaline) to 1 (acid).
        strengths: of violet, blue and eosin, 1 for the usual.
        to_blue: how far the violet leans towards blue.
        to_violet: how far the eosin leans from orange-red towards purplish red.
        granules: how strongly granules stand out, 1 for the usual.
        wash: the most violet, blue and eosin that every cytoplasm takes up alike.
    """

    acid: Range
    strengths: tuple[float, float, float]
    to_blue: Range
    to_violet: Range
    granules: Range
    wash: tuple[float, float, float]


STAINS: dict[str, Recipe] = {
    "giemsa": Recipe((-1.0, 0.6), (1.0, 1.1, 0.95), (-0.1, 0.3), (0.05, 0.28), (0.45, 1.05), (0.10, 0.18, 0.15)),
    "wright": Recipe((-0.4, 1.0), (0.95, 0.95, 1.1), (-0.1, 0.25), (0.0, 0.2), (0.6, 1.15), (0.08, 0.14, 0.18)),
    "leishman": Recipe((-0.7, 0.8), (1.1, 0.95, 1.0), (-0.15, 0.12), (0.05, 0.28), (0.6, 1.15), (0.12, 0.13, 0.15)),
    "may-gruenwald": Recipe((-0.8, 0.8), (1.1, 1.0, 1.05), (-0.1, 0.2), (0.0, 0.22), (0.7, 1.3), (0.10, 0.14, 0.15)),
}


@dataclass(frozen=True)
class Stain:
    """The stain, film and glass of one smear.

    Attributes:
        dyes: float32 (3, 3), a row each for violet, blue and eosin: optical density in R, G, B per unit amount.
        background: uint8 (3,) RGB of bare glass.
        granules: how strongly granules stand out, 1 for the usual.
        wash: amounts that every cytoplasm takes up alike, from a stain rinsed too little.
        tint: amounts that every granule takes up beside its own dye.
        red: amounts of a red cell at its thickest.
        pallor: how empty the middle of this film's red cells is, 0 to 1.
        rims: how dark borders of cells stand out, 0 for not at all.
        glare: the share of the light that strays into dark parts.
        name: the recipe, a name of `STAINS`.
    """

    dyes: np.ndarray
    background: np.ndarray
    granules: float
    wash: Amounts
    tint: Amounts
    red: Amounts
    pallor: float
    rims: float
    glare: float
    name: str

    def light(self, amounts: np.ndarray) -> np.ndarray:
        """The share of the light, float32 (..., 3), 0 to 1, that passes dye amounts (..., 3)."""
        passed = np.minimum(np.exp(-(amounts.astype(np.float32) @ self.dyes)), 1)
        return passed * np.float32(1 - self.glare) + np.float32(self.glare)


def random_stain(rng: np.random.Generator, name: str | None = None) -> Stain:
    """The stain of a new smear, of one recipe or of any.

    Raises:
        BadInput: an unknown recipe.
    """
    known = list(STAINS)
    any_name = known[int(rng.integers(len(known)))]
    name = name or any_name
    if name not in STAINS:
        raise BadInput("stain", f"no recipe {name!r}", f"one of: {', '.join(known)}")
    recipe = STAINS[name]
    acid = rng.uniform(*recipe.acid)
    strengths = np.exp(rng.normal(0, (0.16, 0.2, 0.2)) + np.array([-0.1, -0.3, 0.3]) * acid) * recipe.strengths
    violet = _VIOLET + rng.uniform(*recipe.to_blue) * (_BLUE - _VIOLET)
    blue = _BLUE + rng.uniform(-0.1, 0.35) * (_VIOLET - _BLUE)
    # Eosin runs from orange-red to a purplish red, but never so far that red cells pass for nuclei.
    eosin = _EOSIN + rng.uniform(*recipe.to_violet) * (_VIOLET - _EOSIN) * np.array([1, 0.4, 0.35])
    # Lamps and cameras differ most in how much blue they say that the violet and the blue dye take.
    azure = np.array([rng.uniform(0.75, 1.15), 1, rng.uniform(0.1, 1.3)])
    dyes = np.stack([violet * strengths[0] * azure, blue * strengths[1] * azure, eosin * strengths[2]])
    green = rng.uniform(0.74, 0.96)
    warm = rng.uniform(0.06, 0.28) if rng.uniform() < 0.25 else rng.uniform(0, 0.1)
    background = np.array([green + rng.uniform(-0.03, 0.06), green, green * (1 - warm)])
    wash = Amounts(*(float(part) for part in rng.uniform(0, recipe.wash)))
    tint = Amounts(rng.uniform(0, 0.2), rng.uniform(0, 0.1), rng.uniform(0, 0.2))
    red = Amounts(rng.uniform(0, 0.05), rng.uniform(0, 0.14), rng.uniform(0.18, 0.48) / strengths[2])
    return Stain(
        dyes.astype(np.float32),
        np.rint(255 * np.clip(background, 0, 0.98)).astype(np.uint8),
        float(rng.uniform(*recipe.granules)),
        wash,
        tint,
        red,
        float(1 - 0.7 * rng.uniform() ** 2),
        float(rng.uniform(0, 0.5)),
        float(rng.uniform(0.015, 0.08)),
        name,
    )


def painted(
    subtype: str, stain: Stain, light: np.ndarray, alpha: np.ndarray, nucleus: np.ndarray | None = None
) -> Cutout:
    """A cut-out of what passes the light.

    Args:
        subtype: its pool.
        stain: the smear's stain and glass.
        light: float32 (n, n, 3), the share of light that passes where the cell lies, 0 to 1.
        alpha: float32 (n, n), how much of each pixel the cell covers, 0 to 1.
        nucleus: bool (n, n), or None.
    """
    cover = np.rint(255 * alpha).astype(np.uint8)
    # What lets light through carries its soft border itself; what hides the ground is blended by its alpha.
    seen = 1 - alpha[..., None] * (1 - light) if subtype in SEE_THROUGH else np.where(cover[..., None], light, 1)
    return Cutout(subtype, np.rint(seen * stain.background).astype(np.uint8), cover, nucleus)
