"""What each subtype of white cell looks like: sizes, nucleus, chromatin, cytoplasm and granules.

Diameters of the five classes are those of Table 1 of Raabin-WBC (bioRxiv 2021.05.02.442287), whose lymphocytes (8 to
15 um) are split here: small ones end at about one and a half red cells, larger ones are drawn as reactive. All other
diameters are textbook orders of magnitude (plasma cells 9 to 20 um, nucleated red cells 8 to 13, reactive
lymphocytes up to 20, burst cells wider than they were). Granule sizes are textbook orders too, enlarged a little so
that they survive a 96-pixel crop; amounts of dye are by eye.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_wbc.lab.synthesis.shapes import Bumps, Range
from edge_wbc.lab.synthesis.stain import Amounts

__all__ = ["LOOKS", "Chromatin", "Cytoplasm", "Granules", "Look", "Vacuoles"]


@dataclass(frozen=True)
class Chromatin:
    """How a nucleus takes the stain.

    Attributes:
        dye: of chromatin of middling density.
        depth: factor on the dye.
        clumps_um: spacing of the dense clumps (heterochromatin).
        clumping: how far clumps and the pale chromatin between differ from the middling density.
        seams: how pale the fine gaps between strands are.
        wedges: clumps at the border like the hours on a clock face, as strong as this.
        nucleoli: the most pale spots.
        soft_um: width of the border.
    """

    dye: Amounts
    depth: Range = (0.75, 1.35)
    clumps_um: Range = (0.8, 1.5)
    clumping: Range = (0.1, 0.3)
    seams: Range = (0.05, 0.5)
    wedges: float = 0.0
    nucleoli: int = 0
    soft_um: Range = (0.1, 0.4)


@dataclass(frozen=True)
class Vacuoles:
    """Empty bubbles: the share of cells with any, how many, radii in um, and the share above the nucleus."""

    share: float
    count: tuple[int, int]
    um: Range
    over: float = 0.0


@dataclass(frozen=True)
class Cytoplasm:
    """How the cytoplasm takes the stain.

    Attributes:
        dye: what it binds, before the film's wash.
        spread: how far cells differ in it.
        grain: strength of its fine texture.
        border: how much deeper (or, negative, paler) it is towards the border.
        hof: how pale the area beside the nucleus is, 0 to 1.
        deepest: the most dye it takes up in all.
        soft_um: width of the cell's border.
        vacuoles: or none.
    """

    dye: Amounts
    spread: float = 0.45
    grain: Range = (0.05, 0.18)
    border: Range = (-0.1, 0.25)
    hof: Range = (0.0, 0.15)
    deepest: float = 0.62
    soft_um: Range = (0.15, 0.4)
    vacuoles: Vacuoles | None = None


@dataclass(frozen=True)
class Granules:
    """One kind of granules.

    Attributes:
        pitch: their spacing, um.
        um: radii.
        share: of the places that hold one.
        dye: what they bind.
        strength: factor on it.
        over: the share that lies above the nucleus.
        gloss: how bright their middles are, 0 to 1.
    """

    pitch: float
    um: Range
    share: Range
    dye: Amounts
    strength: Range = (0.6, 1.2)
    over: Range = (0.0, 0.0)
    gloss: float = 0.0


@dataclass(frozen=True)
class Look:
    """A subtype of white cell.

    Attributes:
        um: the smallest and the largest diameter.
        elongation: the most that it is longer than wide.
        wobble: how irregular its outline is.
        nuclei: shapes of `nuclei.NUCLEI` -> how often.
        chromatin, cytoplasm, granules: its parts.
        bumps: what its outline may have, each as likely.
        bend: how irregular the outline of its nucleus is, as a fraction of the cell's radius.
    """

    um: Range
    elongation: float
    wobble: float
    nuclei: dict[str, float]
    chromatin: Chromatin
    cytoplasm: Cytoplasm
    granules: tuple[Granules, ...] = ()
    bumps: tuple[Bumps | None, ...] = (None,)
    bend: float = 0.05


_FINE = Granules(0.5, (0.12, 0.22), (0.3, 0.85), Amounts(0.26, 0.0, 0.2), (0.3, 1.4), (0.0, 0.08))
_NEUTRAL = Cytoplasm(Amounts(0.05, 0.02, 0.09), 0.45)
_CLOTTED = Chromatin(Amounts(1.0, 0.14, 0.05), (0.75, 1.4), (0.8, 1.5), (0.1, 0.32))
_BLEBS = Bumps((1, 4), (0.12, 0.3), (0.06, 0.22))
_PRESSED = Bumps((1, 4), (0.25, 0.5), (-0.22, -0.06))
_FEET = Bumps((1, 3), (0.3, 0.7), (0.1, 0.35))


def _neutrophil(nucleus: str, um: Range = (12, 16)) -> Look:
    return Look(um, 1.2, 0.03, {nucleus: 1.0}, _CLOTTED, _NEUTRAL, (_FINE,), (None, None, None, _PRESSED))


LOOKS: dict[str, Look] = {
    "segmented_neutrophil": _neutrophil("segmented"),
    "hyper_segmented_neutrophil": _neutrophil("hyper-segmented", (12, 17)),
    "hypo_segmented_neutrophil": _neutrophil("pince-nez"),
    "band": _neutrophil("band"),
    "eosinophil": Look(
        (14, 16), 1.12, 0.02, {"spectacles": 1.0},
        Chromatin(Amounts(0.94, 0.16, 0.05), (0.65, 1.3), (0.8, 1.5), (0.08, 0.28)),
        Cytoplasm(Amounts(0.05, 0.02, 0.22), 0.4),
        (Granules(0.84, (0.34, 0.54), (0.8, 1.0), Amounts(0.05, 0.0, 0.9), (0.75, 1.5), (0.0, 0.2), 0.6),),
        (None, None, Bumps((6, 14), (0.06, 0.12), (0.0, 0.08))),
    ),
    "basophil": Look(
        (14, 16), 1.12, 0.03, {"clover": 0.8, "oval": 0.2},
        Chromatin(Amounts(0.72, 0.10, 0.08), (0.75, 1.3), (1.0, 1.6), (0.05, 0.15)),
        Cytoplasm(Amounts(0.16, 0.06, 0.14)),
        (
            Granules(0.8, (0.22, 0.5), (0.6, 1.0), Amounts(1.02, 0.26, 0.05), (0.85, 1.4), (0.6, 0.95), 0.15),
            Granules(0.6, (0.14, 0.24), (0.1, 0.6), Amounts(0.9, 0.1, 0.1), (0.6, 1.2), (0.5, 0.8)),
        ),
        (None, Bumps((6, 14), (0.06, 0.12), (0.0, 0.08))),
    ),
    "monocyte": Look(
        (14, 20), 1.3, 0.05, {"horseshoe": 0.2, "kidney": 0.25, "bean": 0.25, "folded": 0.2, "oval": 0.1},
        Chromatin(Amounts(0.88, 0.10, 0.06), (0.65, 1.3), (0.5, 0.95), (0.12, 0.32), (0.1, 0.6), soft_um=(0.1, 0.45)),
        Cytoplasm(
            Amounts(0.06, 0.20, 0.03), 0.45, (0.08, 0.24), (-0.2, 0.3), soft_um=(0.2, 0.6),
            vacuoles=Vacuoles(0.45, (1, 14), (0.3, 0.8), 0.3),
        ),
        (Granules(0.6, (0.10, 0.17), (0.05, 0.4), Amounts(0.25, 0.05, 0.12), (0.4, 1.2)),),
        (None, None, _FEET, _PRESSED, _BLEBS),
    ),
    "atypical_monocyte": Look(
        (16, 24), 1.4, 0.06, {"folded": 0.4, "cleft": 0.3, "bean": 0.3},
        Chromatin(Amounts(0.82, 0.10, 0.05), (0.6, 1.2), (0.4, 0.8), (0.08, 0.2), (0.0, 0.3), nucleoli=2),
        Cytoplasm(
            Amounts(0.10, 0.42, 0.05), 0.35, (0.08, 0.24), (0.0, 0.4), soft_um=(0.2, 0.6), deepest=0.75,
            vacuoles=Vacuoles(0.6, (2, 20), (0.3, 1.0), 0.3),
        ),
        (Granules(0.6, (0.10, 0.2), (0.1, 0.5), Amounts(0.4, 0.05, 0.12), (0.5, 1.3)),),
        (None, _FEET, _PRESSED, _BLEBS),
    ),
    "lymphocyte": Look(
        (8, 11), 1.25, 0.035, {"snug": 1.0},
        Chromatin(Amounts(0.98, 0.18, 0.04), (0.8, 1.3), (1.1, 1.8), (0.06, 0.25)),
        Cytoplasm(Amounts(0.03, 0.34, 0.02), 0.45, border=(0.0, 0.4), deepest=0.7),
        (Granules(1.6, (0.16, 0.28), (0.0, 0.12), Amounts(0.5, 0.0, 0.3)),),
        (None, None, _BLEBS),
        0.035,
    ),
    "reactive_lymphocyte": Look(
        (11, 18), 1.35, 0.05, {"oval": 0.6, "cleft": 0.2, "snug": 0.2},
        Chromatin(Amounts(0.92, 0.16, 0.04), (0.75, 1.3), (1.0, 1.8), (0.08, 0.25), nucleoli=1),
        Cytoplasm(Amounts(0.03, 0.40, 0.02), 0.5, (0.03, 0.14), (0.05, 0.7), (0.0, 0.4), 0.85),
        (Granules(1.5, (0.16, 0.3), (0.0, 0.2), Amounts(0.5, 0.0, 0.3)),),
        (None, _PRESSED, _PRESSED, _FEET),
    ),
    "atypical_lymphocyte": Look(
        (12, 20), 1.4, 0.06, {"cleft": 0.5, "oval": 0.3, "snug": 0.2},
        Chromatin(Amounts(0.86, 0.16, 0.04), (0.7, 1.2), (0.5, 1.1), (0.06, 0.2), (0.0, 0.3), nucleoli=3),
        Cytoplasm(
            Amounts(0.04, 0.52, 0.02), 0.4, (0.03, 0.16), (0.1, 0.7), (0.0, 0.4), 0.85,
            vacuoles=Vacuoles(0.2, (1, 6), (0.3, 0.7)),
        ),
        (),
        (None, _PRESSED, _PRESSED, _BLEBS),
    ),
    "plasma_cell": Look(
        (10, 18), 1.55, 0.035, {"aside": 1.0},
        Chromatin(Amounts(0.98, 0.16, 0.04), (0.85, 1.35), (1.1, 1.7), (0.12, 0.25), wedges=0.22),
        Cytoplasm(
            Amounts(0.14, 0.66, 0.03), 0.25, (0.05, 0.16), (0.1, 0.5), (0.5, 0.85), 1.0,
            vacuoles=Vacuoles(0.15, (1, 5), (0.3, 0.6)),
        ),
        (),
        (None, None, _BLEBS),
        0.025,
    ),
    "nucleated_rbc": Look(
        (8, 13), 1.2, 0.03, {"button": 1.0},
        Chromatin(Amounts(1.05, 0.2, 0.04), (0.95, 1.4), (0.9, 1.5), (0.05, 0.2), (0.0, 0.2), 0.15, soft_um=(0.1, 0.3)),
        Cytoplasm(Amounts(0.02, 0.2, 0.24), 0.55, (0.02, 0.1), (0.0, 0.3), (0.0, 0.25), 0.8),
        (),
        (None, None, _PRESSED),
        0.02,
    ),
}  # fmt: skip
