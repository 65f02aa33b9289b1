"""One table of labels: every vocabulary total, every spelling of one label only."""

from __future__ import annotations

import pytest

from edge_wbc.core import taxonomy
from edge_wbc.core.errors import BadInput
from edge_wbc.core.taxonomy import (
    CHOSSEGROS_SIX,
    FIVE_CLASSES,
    LABELS,
    MAIN_TYPES,
    RAABIN_LABELS,
    SUBTYPES,
    YU_SEVEN,
    five_class,
    label_from_name,
)

RAABIN = {
    "neutrophil",
    "band",
    "metamyelocyte",
    "small_lymphocyte",
    "large_lymphocyte",
    "monocyte",
    "eosinophil",
    "basophil",
    "burst",
    "artifact",
    "not_recognised",
    "not_labelled",
}


def test_raabins_twelve_and_four_more():
    assert len(RAABIN_LABELS) == 12 and set(RAABIN_LABELS) == RAABIN
    assert set(LABELS) - RAABIN == {"erythroblast", "platelet", "immature_granulocyte", "red_cell"}


def test_sizes_of_the_vocabularies():
    assert (len(set(FIVE_CLASSES)), len(set(CHOSSEGROS_SIX)), len(set(YU_SEVEN)), len(SUBTYPES)) == (5, 6, 7, 17)


@pytest.mark.parametrize(
    ("member", "vocabulary"), [("five", FIVE_CLASSES), ("six", CHOSSEGROS_SIX), ("seven", YU_SEVEN)]
)
def test_every_class_has_a_label_and_every_label_a_known_class(member, vocabulary):
    used = {getattr(label, member) for label in LABELS.values()} - {None}
    assert used == set(vocabulary)


def test_the_vocabularies_agree():
    assert set(CHOSSEGROS_SIX) == {*FIVE_CLASSES, "erythroblast"}
    for label in LABELS.values():
        assert label.six == (label.five or ("erythroblast" if label.name == "erythroblast" else None))
        assert (label.seven is None) == (label.five is None)
    five_of_seven = {label.seven: label.five for label in LABELS.values() if label.seven}
    assert five_of_seven == {
        "monocyte": "monocyte",
        "lymphocyte": "lymphocyte",
        "basophil": "basophil",
        "eosinophil": "eosinophil",
        "atypical_lymphocyte": "lymphocyte",
        "neutrophil_granulocyte": "neutrophil",
        "neutrophil_stab": "neutrophil",
    }


def test_five_class():
    five = {name: five_class(name) for name in LABELS}
    assert {name for name, found in five.items() if found is None} == {
        "metamyelocyte",
        "burst",
        "artifact",
        "not_recognised",
        "not_labelled",
        "erythroblast",
        "platelet",
        "immature_granulocyte",
        "red_cell",
    }
    assert (five["band"], five["small_lymphocyte"], five["large_lymphocyte"]) == (
        "neutrophil",
        "lymphocyte",
        "lymphocyte",
    )


def test_no_spelling_belongs_to_two_labels():
    spellings = [taxonomy._plain(name) for label in LABELS.values() for name in {label.name, *label.aliases}]
    # A label's own name and an alias may differ by an underscore only.
    per_label = [{taxonomy._plain(name) for name in (label.name, *label.aliases)} for label in LABELS.values()]
    assert sum(map(len, per_label)) == len(set(spellings))
    for label in LABELS.values():
        assert all(alias == taxonomy._plain(alias) for alias in label.aliases), label.name


@pytest.mark.parametrize("label", LABELS)
def test_every_spelling_leads_home(label):
    for spelling in (label, *LABELS[label].aliases):
        assert label_from_name(spelling) == label


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_subtypes_map_to_labels_and_agree_with_the_aliases(subtype):
    assert SUBTYPES[subtype] in LABELS
    if subtype == "plasma_cell":
        with pytest.raises(BadInput):
            label_from_name(subtype)
    else:
        assert label_from_name(subtype) == SUBTYPES[subtype]


def test_every_subtype_has_a_main_type():
    assert list(MAIN_TYPES) == list(SUBTYPES)
    assert [list(MAIN_TYPES.values()).count(name) for name in ("platelet", "wbc", "nucleated_rbc")] == [3, 13, 1]
    assert all((SUBTYPES[name] == "platelet") == (main == "platelet") for name, main in MAIN_TYPES.items())


def test_folders_of_pbc():
    folders = {
        "basophil": "basophil",
        "eosinophil": "eosinophil",
        "erythroblast": "erythroblast",
        "ig": "immature_granulocyte",
        "lymphocyte": "small_lymphocyte",
        "monocyte": "monocyte",
        "neutrophil": "neutrophil",
        "platelet": "platelet",
    }
    assert {folder: label_from_name(folder) for folder in folders} == folders


def test_the_names_of_raabins_table_4():
    order = (
        "Artifact, Band, Basophil, Burst, Eosinophil, Large lymph, Meta, Monocyte, Neutrophil, Small lymph, "
        "Not recognized, Not labeled"
    )
    mapped = [label_from_name(name) for name in order.split(", ")]
    assert mapped[5:7] == ["large_lymphocyte", "metamyelocyte"]
    assert mapped[9:] == ["small_lymphocyte", "not_recognised", "not_labelled"]
    assert set(mapped) == RAABIN and len(mapped) == 12


@pytest.mark.parametrize("spelling", ["Small Lymph", "SMALL_LYMPH", "small-lymph", "  small   lymph ", "small_Lymph"])
def test_case_underscore_and_hyphen_do_not_matter(spelling):
    assert label_from_name(spelling) == "small_lymphocyte"


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [("neutrofil", "neutrophil"), ("Eosinophill", "eosinophil"), ("larg lymph", "large_lymphocyte")],
)
def test_a_misspelt_label_offers_the_nearest(wrong, nearest):
    with pytest.raises(BadInput, match=f"labels.csv: .*{wrong}.*did you mean '{nearest}'"):
        label_from_name(wrong, "labels.csv")


def test_a_label_like_none_lists_them_all():
    with pytest.raises(BadInput) as caught:
        label_from_name("zzzz")
    assert all(name in str(caught.value) for name in LABELS)
    with pytest.raises(BadInput):
        label_from_name("")
