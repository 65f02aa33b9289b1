"""A finder learned from marked fields finds the cells of fields it has not seen."""

from pathlib import Path

import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.finder import find_cells
from edge_wbc.core.finder_model import FinderModel, default_model
from edge_wbc.core.images import read_image
from edge_wbc.lab.detection import froc, read_fields
from edge_wbc.lab.detection.colour_filter import learn_finder
from edge_wbc.lab.detection.data import MarkedField


@pytest.fixture(scope="module")
def fields(drawn_lab: Path) -> tuple[MarkedField, ...]:
    return read_fields(drawn_lab).fields


def judged(model: FinderModel, fields: tuple[MarkedField, ...]) -> tuple[float, float]:
    found = []
    for field in fields:
        cells = find_cells(read_image(field.image), model)
        found.append((np.array([cell.box for cell in cells]).reshape(-1, 4), np.array([cell.score for cell in cells])))
    return froc(found, [field.boxes for field in fields]).at(0.0)


def test_learned_anew_it_finds_fields_of_other_smears(fields: tuple[MarkedField, ...]) -> None:
    told: list[str] = []
    model = learn_finder(fields[:24], {"from": "drawn"}, progress=lambda title, done, total: told.append(title))
    recall, false = judged(model, fields[24:])
    assert recall >= 0.95 and false <= 0.3
    assert model.learned_from == {"from": "drawn"} and 0 < model.threshold < 1
    assert len(told) == 48


def test_a_few_fields_are_drawn_to_the_base(fields: tuple[MarkedField, ...]) -> None:
    base = default_model()
    model = learn_finder(fields[:3], {}, base)
    assert np.array_equal(model.mean, base.mean) and not np.array_equal(model.judge, base.judge)
    recall, false = judged(model, fields[24:])
    assert recall >= 0.9 and false <= 0.5


def test_the_same_fields_give_the_same_finder(fields: tuple[MarkedField, ...]) -> None:
    one, other = (learn_finder(fields[:4], {}, default_model()) for _ in range(2))
    assert np.array_equal(one.judge, other.judge) and one.threshold == other.threshold


def test_fields_that_teach_nothing_are_refused(fields: tuple[MarkedField, ...]) -> None:
    with pytest.raises(BadInput, match="mark the white cells of 2 fields"):
        learn_finder(fields[:1], {})
    bare = tuple(MarkedField(field.image, field.name, np.zeros((0, 4), np.int64)) for field in fields[:3])
    with pytest.raises(BadInput, match="inside or outside|no stained pixel|too few"):
        learn_finder(bare, {})
