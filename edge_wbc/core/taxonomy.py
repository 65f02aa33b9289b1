"""The one table of labels: Raabin's twelve, four more, and every vocabulary that maps to them.

Raabin-WBC section "Data labelling" names the twelve; the five classes are those of its Tables 7 to 9;
the six of Chossegros et al. add erythroblasts; the seven of Yu et al. add atypical lymphocytes and bands;
the seventeen drawn subtypes are those of Al-Qudah and Suen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Dict, Optional, Tuple

from edge_wbc.core.errors import BadInput

__all__ = [
    "CHOSSEGROS_SIX",
    "CLASS_SETS",
    "FIVE_CLASSES",
    "LABELS",
    "MAIN_TYPES",
    "RAABIN_LABELS",
    "SUBTYPES",
    "YU_SEVEN",
    "Label",
    "class_of",
    "five_class",
    "label_from_name",
    "nearest_label",
]

FIVE_CLASSES: Tuple[str, ...] = ("neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil")
CHOSSEGROS_SIX: Tuple[str, ...] = ("basophil", "eosinophil", "erythroblast", "lymphocyte", "monocyte", "neutrophil")


@dataclass(frozen=True)
class Label:
    """What an expert may say of a cell, and how each vocabulary renders it.

    Attributes:
        name: the toolkit's own name.
        five: its name among the five classes, or None when it is none of them.
        six: its name among the six classes of Chossegros et al., or None.
        seven: its name among the seven classes of Yu et al., or None.
        aliases: how public sets spell it, in lower case with single spaces.
        raabin: whether Raabin's experts could choose it.
    """

    name: str
    five: Optional[str] = None
    six: Optional[str] = None
    seven: Optional[str] = None
    aliases: Tuple[str, ...] = ()
    raabin: bool = True


def _white(name: str, five: str, *aliases: str, seven: Optional[str] = None) -> Label:
    return Label(name, five, five, seven or five, aliases)


_TABLE: Tuple[Label, ...] = (
    _white(
        "neutrophil",
        "neutrophil",
        "neut",
        "neu",
        "neutrophils",
        "segmented neutrophil",
        "neutrophil segmented",
        "sne",
        "bne",
        "neutrophile granulocyte",
        "neutrophil granulocyte",
        "ngs",
        "hyper segmented neutrophil",
        "hypo segmented neutrophil",
        seven="neutrophil_granulocyte",
    ),
    _white(
        "band",
        "neutrophil",
        "band neutrophil",
        "band cell",
        "neutrophil band",
        "neutrophil stab",
        "ngb",
        "stab",
        seven="neutrophil_stab",
    ),
    Label("metamyelocyte", aliases=("meta", "mmy", "mmz")),
    _white(
        "small_lymphocyte",
        "lymphocyte",
        "small lymph",
        "lymphocyte",
        "lymph",
        "lym",
        "lymphocytes",
        "ly",
        "lyt",
        "lymphocyte typical",
    ),
    _white(
        "large_lymphocyte",
        "lymphocyte",
        "large lymph",
        "atypical lymphocyte",
        "reactive lymphocyte",
        "lya",
        "lymphocyte atypical",
        seven="atypical_lymphocyte",
    ),
    _white("monocyte", "monocyte", "mono", "mon", "monocytes", "mo", "atypical monocyte"),
    _white("eosinophil", "eosinophil", "eos", "eosinophils", "eo", "eosinophile"),
    _white("basophil", "basophil", "baso", "bas", "basophils", "ba", "basophile"),
    Label("burst", aliases=("smudge", "smudge cell", "basket cell", "basket smudge cell", "ksc")),
    Label("artifact", aliases=("artefact", "art", "debris")),
    Label("not_recognised", aliases=("not recognized", "unknown", "not recognizable")),
    Label("not_labelled", aliases=("not labeled", "unlabeled", "unlabelled")),
    Label("erythroblast", None, "erythroblast", None, ("nrbc", "nucleated rbc", "ebo", "erythroblasts"), False),
    Label("platelet", None, None, None, ("platelets", "thrombocyte", "giant platelet", "activated platelet"), False),
    Label(
        "immature_granulocyte",
        None,
        None,
        None,
        ("ig", "immature granulocytes", "myelocyte", "promyelocyte", "myb", "myo", "pmo", "pmb"),
        False,
    ),
    Label("red_cell", None, None, None, ("rbc", "rbcs", "red blood cell", "red blood cells", "erythrocyte"), False),
)

LABELS: Dict[str, Label] = {label.name: label for label in _TABLE}
RAABIN_LABELS: Tuple[str, ...] = tuple(label.name for label in _TABLE if label.raabin)
YU_SEVEN: Tuple[str, ...] = (
    "monocyte",
    "lymphocyte",
    "basophil",
    "eosinophil",
    "atypical_lymphocyte",
    "neutrophil_granulocyte",
    "neutrophil_stab",
)
# How many classes are told apart -> the toolkit's names of them; Yu's seven fold nothing, so they are labels.
CLASS_SETS: Dict[str, Tuple[str, ...]] = {
    "5": FIVE_CLASSES,
    "6": CHOSSEGROS_SIX,
    "7": tuple(next(label.name for label in _TABLE if label.seven == seven) for seven in YU_SEVEN),
}

# Al-Qudah and Suen's seventeen subtypes -> label; a plasma cell is none of ours, so an expert has to say.
SUBTYPES: Dict[str, str] = {
    "platelet": "platelet",
    "giant_platelet": "platelet",
    "activated_platelet": "platelet",
    "atypical_lymphocyte": "large_lymphocyte",
    "atypical_monocyte": "monocyte",
    "band": "band",
    "basket_cell": "burst",
    "basophil": "basophil",
    "eosinophil": "eosinophil",
    "hyper_segmented_neutrophil": "neutrophil",
    "hypo_segmented_neutrophil": "neutrophil",
    "lymphocyte": "small_lymphocyte",
    "monocyte": "monocyte",
    "plasma_cell": "not_recognised",
    "reactive_lymphocyte": "large_lymphocyte",
    "segmented_neutrophil": "neutrophil",
    "nucleated_rbc": "erythroblast",
}
# Their three main types, the coarser of the two sets of annotations that they train detectors with.
MAIN_TYPES: Dict[str, str] = {
    "platelet": "platelet",
    "giant_platelet": "platelet",
    "activated_platelet": "platelet",
    "atypical_lymphocyte": "wbc",
    "atypical_monocyte": "wbc",
    "band": "wbc",
    "basket_cell": "wbc",
    "basophil": "wbc",
    "eosinophil": "wbc",
    "hyper_segmented_neutrophil": "wbc",
    "hypo_segmented_neutrophil": "wbc",
    "lymphocyte": "wbc",
    "monocyte": "wbc",
    "plasma_cell": "wbc",
    "reactive_lymphocyte": "wbc",
    "segmented_neutrophil": "wbc",
    "nucleated_rbc": "nucleated_rbc",
}


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-/()]+", " ", name.strip().lower()).strip()


_BY_ALIAS: Dict[str, str] = {
    _plain(spelling): label.name for label in _TABLE for spelling in (label.name, *label.aliases)
}


def nearest_label(name: str) -> str:
    """A remedy for a misspelt label: the nearest one, or all of them where none is near."""
    near = get_close_matches(_plain(name), _BY_ALIAS, n=1)
    return f"did you mean {_BY_ALIAS[near[0]]!r}?" if near else f"one of: {', '.join(LABELS)}"


def label_from_name(name: str, where: object = "label") -> str:
    """The toolkit's label for any known spelling, such as ``Neutrophils``, ``Small Lymph`` or ``ig``.

    Raises:
        BadInput: an unknown spelling; the line names `where` and offers the nearest label.
    """
    found = _BY_ALIAS.get(_plain(name))
    if found is None:
        raise BadInput(str(where), f"unknown label {name!r}", nearest_label(name))
    return found


def five_class(label: str) -> Optional[str]:
    """The one of the five classes that a label belongs to, or None (bands are neutrophils; bursts are none)."""
    return label if label in FIVE_CLASSES else LABELS[label].five


def class_of(label: str, classes: str) -> Optional[str]:
    """The class of `CLASS_SETS[classes]` that a label belongs to, or None."""
    known = LABELS[label]
    return {"5": known.five, "6": known.six, "7": known.name if known.seven else None}[classes]
