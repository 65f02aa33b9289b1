"""The papers' tables of what systems said, and what is said of nothing."""

import csv
import io

import numpy as np
import pytest

from edge_wbc.lab.comparison.measures import Figure
from edge_wbc.lab.comparison.published import RAABIN_TABLE_7
from edge_wbc.lab.comparison.report import figures_csv, markdown, table_csv
from edge_wbc.lab.comparison.tables import NONE, NOT_RUN, Judged, Printed, Table, overview, paper_tables, text

LABELS = ("neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil")


def said(truth: tuple[str, ...], right: float, seed: int) -> np.ndarray:
    """Scores that name about so many cells rightly."""
    chance = np.random.default_rng(seed)
    best = [LABELS.index(label) if chance.random() < right else int(chance.integers(5)) for label in truth]
    scores = chance.dirichlet(np.ones(5), len(truth)) + np.eye(5)[best]
    return scores / scores.sum(1, keepdims=True)


@pytest.fixture(scope="module")
def tested() -> Judged:
    """Two trainings of a network of Raabin's, one of a baseline, none of a third; no basophil, one monocyte."""
    truth = ("neutrophil",) * 30 + ("lymphocyte",) * 20 + ("eosinophil",) * 9 + ("monocyte",)
    scores = {
        "resnet18": [said(truth, 0.9, 1), said(truth, 0.8, 2)],
        "knn": [said(truth, 0.5, 3)],
        "vgg16": [],
    }
    return Judged("test-A", "here", LABELS, truth, scores)


@pytest.fixture(scope="module")
def tables(tested: Judged) -> dict[str, Table]:
    return {table.slug: table for table in paper_tables(tested)}


def column(table: Table, name: str) -> dict[tuple, object]:
    place = table.head.index(name)
    return {row[: table.words]: row[place] for row in table.rows}


def test_all_tables_of_the_papers(tables: dict[str, Table]) -> None:
    assert set(tables) == {
        "raabin-8-test-A", "raabin-8-classes-test-A", "yu-1-test-A", "yu-2-test-A", "yu-3-test-A",
        "course-classes-test-A", "course-all-test-A", "chossegros-test-A",
    }  # fmt: skip
    for table in tables.values():
        assert {len(row) for row in table.rows} == {len(table.head)}


def test_figures_are_the_means_of_the_trainings(tested: Judged, tables: dict[str, Table]) -> None:
    right = [np.mean(np.asarray(LABELS)[scores.argmax(1)] == tested.truth) for scores in tested.scores["resnet18"]]
    found = column(tables["raabin-8-test-A"], "accuracy")
    mean = found["resnet18",]
    assert isinstance(mean, Figure) and mean.value == pytest.approx(np.mean(right)) and mean.high is not None
    assert found["vgg16",] == NOT_RUN
    alone = found["knn",]
    assert isinstance(alone, Figure) and alone.low is not None and alone.low < alone.value < alone.high
    assert tables["raabin-8-test-A"].head[1:4] == ("neutr P", "neutr S", "neutr F1")


def test_published_figures_stand_in_the_column_beside(tables: dict[str, Table]) -> None:
    table = tables["raabin-8-classes-test-A"]
    assert table.head[3:] == ("precision", "published", "sensitivity", "published", "F1", "published")
    row = next(row for row in table.rows if row[:2] == ("resnet18", "lymphocyte"))
    assert row[4::2] == (Printed(98.84), Printed(99.23), Printed(99.08))
    assert text(row[4]) == "98.84" and text(Printed(100)) == "100" and text(Printed(0.347)) == "0.347"
    assert column(tables["yu-1-test-A"], "published")["knn",] == Printed(82.9)
    # Nothing of the course report's systems is here: no empty column.
    assert "published" not in tables["course-classes-test-A"].head


def test_a_note_says_where_the_cells_differ(tested: Judged, tables: dict[str, Table]) -> None:
    notes = " ".join(tables["raabin-8-test-A"].notes)
    assert "on other cells" in notes and "1034 lymphocyte" in notes and "60 cells of here (30 neutrophil" in notes
    assert "99.08 is printed, P and S give 99.03" in notes
    counts = RAABIN_TABLE_7["test-A"]
    truth = tuple(label for label, count in counts.items() for _ in range(count))
    same = Judged("test-A", "raabin", LABELS, truth, {"mobilenet_v2": [said(truth, 0.9, 0)]})
    notes = " ".join(paper_tables(same)[0].notes)
    assert "as many cells of each class as here" in notes and "99.03" not in notes


def test_an_absent_class_has_dashes_and_means_are_over_what_occurs(tested: Judged, tables: dict[str, Table]) -> None:
    for name in ("precision", "sensitivity", "F1"):
        assert column(tables["raabin-8-classes-test-A"], name)["knn", "basophil"] is None
    assert text(None) == NONE == "–"
    assert not [name for name in tables["raabin-8-test-A"].head if name.startswith("basop")]
    recall = column(tables["chossegros-test-A"], "recall")["knn",]
    classes = [column(tables["raabin-8-classes-test-A"], "sensitivity")["knn", label] for label in LABELS[:4]]
    assert isinstance(recall, Figure)
    assert recall.value == pytest.approx(np.mean([figure.value for figure in classes if isinstance(figure, Figure)]))
    assert recall.low is not None and recall.low <= recall.value <= recall.high


def test_confusion_rows_are_the_truth(tested: Judged, tables: dict[str, Table]) -> None:
    table = tables["yu-2-test-A"]
    rows = {row[:2]: row[2:] for row in table.rows}
    assert sum(rows["knn", "neutrophil"]) == 30 and ("knn", "basophil") not in rows
    guesses = np.asarray(LABELS)[tested.scores["knn"][0].argmax(1)][:30]
    assert rows["knn", "neutrophil"] == tuple(int((guesses == label).sum()) for label in LABELS)
    assert rows["vgg16", NOT_RUN] == (None,) * 5


def test_the_overview_tells_what_was_not_run(tested: Judged) -> None:
    remarks = {"resnet18": "no ImageNet weights", "knn": "", "vgg16": "not run"}
    table = overview([tested], remarks)
    assert [row[-2:] for row in table.rows] == [(2, "no ImageNet weights"), (1, ""), (0, "not run")]
    assert table.rows[2][1] == NOT_RUN
    assert "Student's 95% interval" in table.notes[0] and "Clopper" in table.notes[1]


def test_markdown_and_csv_say_the_same(tested: Judged, tables: dict[str, Table]) -> None:
    page = markdown("a|b", ["told"], list(tables.values()))
    assert page.startswith("# a|b") and "Research use, not for diagnosis" in page
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(lines) == sum(len(table.rows) + 2 for table in tables.values())
    rows = list(csv.DictReader(io.StringIO(table_csv(tables["chossegros-test-A"]).decode())))
    figure = column(tables["chossegros-test-A"], "accuracy")["knn",]
    assert isinstance(figure, Figure) and float(rows[1]["accuracy"]) == figure.value
    assert float(rows[1]["accuracy low"]) == figure.low and rows[2]["accuracy"] == NOT_RUN
    every = list(csv.DictReader(io.StringIO(figures_csv([tested]).decode())))
    mine = [row for row in every if (row["system"], row["class"], row["measure"]) == ("resnet18", "lymphocyte", "f1")]
    assert len(mine) == 1 and mine[0]["published"] == "99.08" and "Table 8" in mine[0]["source"]
    assert not [row for row in every if row["system"] == "vgg16"]
