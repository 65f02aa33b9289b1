"""The papers' tables against each other: what follows from what, and exactly where a paper contradicts itself."""

import numpy as np
import pytest

from edge_wbc.core.taxonomy import CLASS_SETS, FIVE_CLASSES, YU_SEVEN
from edge_wbc.lab.adaptation.published import SETTINGS
from edge_wbc.lab.comparison import published
from edge_wbc.lab.comparison.measures import figures_of
from edge_wbc.lab.comparison.published import CONTRADICTIONS, SOURCES, published_figures
from edge_wbc.lab.comparison.systems import SYSTEMS
from edge_wbc.lab.curation.agreement import agreement, without


def test_yus_table_iii_follows_from_table_ii_but_for_the_cells_that_are_named() -> None:
    table = np.array(published.YU_TABLE_II)
    labels = YU_SEVEN
    truth = np.repeat(labels, table.sum(1)).tolist()
    named = np.concatenate([np.repeat(np.arange(7), row) for row in table])
    found = figures_of(truth, np.eye(7)[named], labels)
    differing = {
        (label, measure)
        for label in labels
        for measure, printed in published.YU_TABLE_III[label].items()
        if abs(100 * found[label, measure].value - printed) > 0.5 + 1e-9
    }
    stab = {("neutrophil_stab", measure) for measure in ("accuracy", "sensitivity", "specificity", "misdiagnosis")}
    assert differing == {("monocyte", "sensitivity"), ("monocyte", "accuracy")} | stab
    assert published.YU_TABLE_III["neutrophil_stab"] == published.YU_TABLE_III["neutrophil_granulocyte"]
    assert found["all", "accuracy"].value == pytest.approx(0.8809, abs=5e-5)
    assert sum(map(sum, published.YU_TABLE_II)) == 1201
    named_cells = {(key[3], key[4]) for key in CONTRADICTIONS if key[:2] == ("Yu", "Table III")}
    assert named_cells == {("monocyte", "sensitivity"), ("monocyte", "accuracy"), ("neutrophil_stab", "*")}


def test_raabins_kappa_follows_from_table_4() -> None:
    labels, table = published.RAABIN_TABLE_4_LABELS, np.array(published.RAABIN_TABLE_4)
    assert table.sum() == 40_762
    seen_labels, seen = without(labels, table, "not_labelled")
    found = agreement(seen)
    assert (found.cells, found.share, found.kappa) == (
        28_302,
        pytest.approx(0.91665, abs=5e-6),
        pytest.approx(0.89212, abs=5e-6),
    )
    _, both = without(labels, table, "not_labelled", "not_recognised")
    found = agreement(both)
    assert (found.cells, found.share, found.kappa) == (
        25_408,
        pytest.approx(0.97780, abs=5e-6),
        pytest.approx(0.96973, abs=5e-6),
    )
    votes = published.RAABIN_TABLE_3["boxes by votes"]
    assert votes[2] == found.cells
    assert sum(votes.values()) == 40_764 and published.RAABIN_TABLE_3["boxes"] == 40_763
    assert table[seen_labels.index("not_recognised")][seen_labels.index("not_recognised")] == 1099


def f1_misfits(rows: published.ClassRow, half: float) -> set[tuple[str, str]]:
    """(row, class) whose F1 no precision and sensitivity within half of a printed unit can give."""
    misfits = set()
    for name, row in rows.items():
        for label, figures in row.items():
            if label == "all":
                continue
            p, s, f1 = (figures[measure] for measure in ("precision", "sensitivity", "f1"))
            low, high = (2 * max(0, p + by) * max(0, s + by) / max(p + s + 2 * by, 1e-9) for by in (-half, half))
            if not low - half - 1e-9 <= f1 <= high + half + 1e-9:
                misfits.add((name, label))
    return misfits


def test_raabins_f1_follow_from_precision_and_sensitivity_but_for_one() -> None:
    assert f1_misfits(published.RAABIN_TABLE_8, 0.005) == {("ResNet18", "lymphocyte")}
    assert ("Raabin", "Table 8", "resnet18", "lymphocyte", "f1") in CONTRADICTIONS
    assert f1_misfits(published.RAABIN_TABLE_9, 0.5) == set()


@pytest.mark.parametrize(("table", "part", "half"), [("8", "test-A", 0.005), ("9", "test-B", 0.5)])
def test_raabins_accuracies_follow_from_sensitivities_and_table_7(table: str, part: str, half: float) -> None:
    counts = {label: count for label, count in published.RAABIN_TABLE_7[part].items() if count}
    rows = getattr(published, f"RAABIN_TABLE_{table}")
    assert len(rows) == 10
    for name, row in rows.items():
        right = sum(count * row[label]["sensitivity"] for label, count in counts.items()) / sum(counts.values())
        assert right == pytest.approx(row["all"]["accuracy"], abs=2 * half + 1e-6), name


def test_the_rotated_row_of_the_course_report_reads_in_one_way_only() -> None:
    printed = published.COURSE["Inception-ResNet-V2"]["neutrophil"]
    read = published.COURSE_ROTATED
    assert sorted(set(printed.values()) - {printed["auc"]}) == sorted(read.values())
    neutrophils, cells = 624, published.COURSE_CELLS["test"]

    def fits(row: dict[str, float]) -> bool:
        """Accuracy and precision follow from sensitivity and specificity at that prevalence."""
        hits = row["sensitivity"] * neutrophils
        passed = row["specificity"] * (cells - neutrophils)
        false = 100 * (cells - neutrophils) - passed
        accuracy, precision = (hits + passed) / cells, 100 * hits / (hits + false)
        return abs(accuracy - row["accuracy"]) < 0.05 and abs(precision - row["precision"]) < 0.2

    from itertools import permutations

    names = ("accuracy", "sensitivity", "specificity", "precision")
    fitting = [order for order in permutations(read.values()) if fits(dict(zip(names, order, strict=True)))]
    assert fitting == [tuple(read[name] for name in names)]
    assert not fits(dict(printed))
    assert fits(dict(published.COURSE["ResNet101V2"]["neutrophil"]))
    assert fits(dict(published.COURSE["Xception"]["neutrophil"]))


def test_chossegros_means_are_those_of_the_sets_but_for_one() -> None:
    misfits = {
        setting.number: round(float(np.mean(list(setting.by_set.values()))), 3)
        for setting in SETTINGS
        if abs(np.mean(list(setting.by_set.values())) - setting.accuracy) > 0.01
    }
    assert misfits == {3: 0.769}
    assert {key[2] for key in CONTRADICTIONS if key[0] == "Chossegros"} == {"setting 3"}


def test_chossegros_figures_stand_beside_their_network_alone() -> None:
    assert published_figures("chossegros", "efficientnet_b0+embedding", "tecom", FIVE_CLASSES) == {
        ("all", "accuracy"): 16.0
    }
    assert (
        published_figures("chossegros", "efficientnet_b0+embedding", "test-A", FIVE_CLASSES)["all", "precision"] == 98.0
    )
    assert published_figures("chossegros", "efficientnet_b0", "test-A", FIVE_CLASSES) == {}


def test_what_stands_beside_a_system_is_its_own_row_and_part() -> None:
    assert published_figures("raabin-8", "resnet18", "test-A", FIVE_CLASSES)["lymphocyte", "f1"] == 99.08
    assert (
        published_figures("raabin-8", "resnet18", "bccd", FIVE_CLASSES)
        == {}
        == published_figures("raabin-9", "resnet18", "test-A", FIVE_CLASSES)
    )
    assert published_figures("raabin-9", "vgg16", "anywhere", FIVE_CLASSES)["all", "accuracy"] == 66
    assert published_figures("yu-1", "tree", "test-A", FIVE_CLASSES) == {("all", "accuracy"): 70.53}
    five = published_figures("yu-3", "yu-vote", "test-A", FIVE_CLASSES)
    assert {label for label, _ in five} == {"monocyte", "basophil", "eosinophil"}
    seven = published_figures("yu-3", "yu-vote", "test-A", CLASS_SETS["7"])
    assert seven["basophil", "sensitivity"] == five["basophil", "sensitivity"] == 100
    assert (seven["large_lymphocyte", "accuracy"], seven["small_lymphocyte", "sensitivity"]) == (90, 61)
    assert seven["band", "misdiagnosis"] == 0 and len({label for label, _ in seven}) == 7
    assert published_figures("course", "xception", "test-A", FIVE_CLASSES)["all", "loss"] == 0.3470
    assert all(not published_figures(table, "efficientnet_lite0", "test-A", FIVE_CLASSES) for table in SOURCES)


def test_every_row_has_a_system() -> None:
    ours = {*published._RAABIN_ROWS, *published._YU_ROWS, *published._COURSE_ROWS}
    missing = ours - set(SYSTEMS)
    if missing:
        pytest.skip(f"not in the registry of networks yet: {', '.join(sorted(missing))}")
    assert set(published._RAABIN_ROWS.values()) == set(published.RAABIN_TABLE_8) == set(published.RAABIN_TABLE_9)
    assert set(published._YU_ROWS.values()) == set(published.YU_TABLE_I)
    assert set(published._COURSE_ROWS.values()) == set(published.COURSE)
