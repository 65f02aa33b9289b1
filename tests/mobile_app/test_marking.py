"""Boxes drawn by a finger stay in the field whatever is asked of them."""

from hypothesis import given
from hypothesis import strategies as st

from edge_wbc.core.records import Cell
from mobile_app.marking import box_at, cell_at, grown, shifted, side_of
from mobile_app.session.rows import MarkedCell

SIZE = (640, 480)
place = st.floats(-2000, 2000)


def cell(number: int, *box: int) -> MarkedCell:
    return MarkedCell(number, 1, Cell(box), None, None)


def inside(box: tuple) -> bool:
    return 0 <= box[0] <= box[2] - 2 and box[2] <= SIZE[0] and 0 <= box[1] <= box[3] - 2 and box[3] <= SIZE[1]


@given(place, place, st.integers(8, 900))
def test_a_new_box_is_in_the_field_and_round_its_place_where_there_is_room(x: float, y: float, side: int) -> None:
    box = box_at(x, y, side, SIZE)
    assert inside(box)
    if side / 2 <= x <= SIZE[0] - side / 2:
        assert abs((box[0] + box[2]) / 2 - x) <= 1
    assert box[2] - box[0] == min(side, SIZE[0]) and box[3] - box[1] == min(side, SIZE[1])


@given(place, place)
def test_a_moved_box_keeps_its_size(dx: float, dy: float) -> None:
    box = shifted((100, 100, 130, 150), dx, dy, SIZE)
    assert inside(box) and (box[2] - box[0], box[3] - box[1]) == (30, 50)


@given(st.integers(0, 600), st.integers(0, 440), st.integers(8, 40), st.lists(st.sampled_from([1.15, 1 / 1.15])))
def test_sizing_stays_in_the_field_and_never_ends_in_nothing(x: int, y: int, side: int, factors: list) -> None:
    box = (x, y, x + side, y + side)
    for factor in factors:
        after = grown(box, factor, SIZE)
        assert inside(after) and min(after[2] - after[0], after[3] - after[1]) >= 8
        if factor < 1:
            assert after == box or after[2] - after[0] < box[2] - box[0]
        box = after


def test_size_is_that_of_the_other_cells_else_by_the_scale_else_sixty() -> None:
    cells = [cell(1, 0, 0, 40, 50), cell(2, 0, 0, 70, 60), cell(3, 0, 0, 300, 300)]
    assert side_of(cells, 0.1) == 70
    assert side_of([], 0.1) == 150
    assert side_of([], None) == 60


def test_of_two_boxes_the_one_centred_nearer_is_meant() -> None:
    cells = [cell(1, 0, 0, 100, 100), cell(2, 60, 60, 100, 100)]
    assert cell_at(cells, 79, 79).id == 2
    assert cell_at(cells, 61, 61).id == 1
    assert cell_at(cells, 101, 80) is None
    assert cell_at(cells, 101, 80, slack=5).id == 2
