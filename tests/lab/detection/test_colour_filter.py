"""A finder learned from marked fields finds the cells of fields it has not seen."""

from pathlib import Path

import numpy as np
import pytest

from edge_wbc.core.boxes import overlaps
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
    assert recall >= 0.85 and false <= 0.3
    assert model.learned_from == {"from": "drawn"} and 0 < model.threshold < 1
    assert len(told) == 48


def test_a_few_fields_are_drawn_to_the_base(fields: tuple[MarkedField, ...]) -> None:
    base = default_model()
    model = learn_finder(fields[:3], {}, base)
    assert np.array_equal(model.mean, base.mean) and not np.array_equal(model.judge, base.judge)
    recall, false = judged(model, fields[24:])
    assert recall >= max(0.6, judged(base, fields[24:])[0] - 0.06) and false <= 0.5


def test_the_same_fields_give_the_same_finder(fields: tuple[MarkedField, ...]) -> None:
    one, other = (learn_finder(fields[:4], {}, default_model()) for _ in range(2))
    assert np.array_equal(one.judge, other.judge) and one.threshold == other.threshold


def test_fields_that_teach_nothing_are_refused(fields: tuple[MarkedField, ...]) -> None:
    with pytest.raises(BadInput, match="mark the white cells of 2 fields"):
        learn_finder(fields[:1], {})
    bare = tuple(
        MarkedField(field.image, field.name, np.zeros((0, 4), np.int64), np.zeros(0, np.int64)) for field in fields[:3]
    )
    with pytest.raises(BadInput, match="inside or outside|no stained pixel|too few"):
        learn_finder(bare, {})


def test_cells_cut_by_the_border_are_found_and_flagged(fields: tuple[MarkedField, ...]) -> None:
    """The photograph ends a third into a cell that lies whole in it."""
    found: list[bool] = []
    for field in fields[:12]:
        rgb = read_image(field.image)
        seen = [cell.box for cell in find_cells(rgb) if not cell.cut]
        whole = field.boxes[overlaps(field.boxes, np.array(seen).reshape(-1, 4)).max(1, initial=0) > 0.6].tolist()
        if not whole:
            continue
        x0, y0, x1, y1 = max(whole, key=lambda box: box[2] - box[0])
        wide, high = (x1 - x0) // 3, (y1 - y0) // 3
        for side, cut, across in (
            ("left", rgb[:, x0 + wide :], (y0 + y1) / 2),
            ("top", rgb[y0 + high :], (x0 + x1) / 2),
            ("right", rgb[:, : x1 - wide], (y0 + y1) / 2),
            ("bottom", rgb[: y1 - high], (x0 + x1) / 2),
        ):
            if min(cut.shape[:2]) >= 0.5 * min(rgb.shape[:2]):
                cells = [cell.box for cell in find_cells(cut) if cell.cut]
                found.append(any(_touches(box, side, cut.shape, across) for box in cells))
    assert len(found) >= 20 and np.mean(found) >= 0.7


def _touches(box: tuple[int, int, int, int], side: str, shape: tuple[int, ...], across: float) -> bool:
    x0, y0, x1, y1 = box
    at = {"left": x0 == 0, "top": y0 == 0, "right": x1 == shape[1], "bottom": y1 == shape[0]}[side]
    return at and (x0 < across < x1 if side in ("top", "bottom") else y0 < across < y1)
