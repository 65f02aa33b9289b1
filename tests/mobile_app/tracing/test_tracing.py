"""Whatever is drawn, the nucleus lies in its cell, a hand outlasts the slider, and undoing restores to the pixel."""

from __future__ import annotations

import contextlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core.errors import BadInput
from edge_wbc.core.masks import masks_of
from mobile_app.tracing import tracing as room
from mobile_app.tracing.outline import FOUND, Facts, Outline
from mobile_app.tracing.tracing import TOOLS, Tracing


def cell(side: int, nucleus: int, whole: int) -> np.ndarray:
    rgb = np.full((side, side, 3), (232, 226, 215), np.uint8)
    cv2.circle(rgb, (side // 2, side // 2), whole, (214, 176, 200), -1)
    cv2.circle(rgb, (side // 2, side // 2), nucleus, (104, 52, 140), -1)
    return cv2.GaussianBlur(rgb, (3, 3), 0)


SIDE = 24
CROP = cell(SIDE, 5, 9) - np.random.default_rng(3).integers(0, 30, (SIDE, SIDE, 3), dtype=np.uint8)
places = st.tuples(st.floats(-10, SIDE + 10), st.floats(-10, SIDE + 10))
strokes = st.tuples(st.sampled_from(TOOLS), st.floats(0.1, 9), st.lists(places, min_size=1, max_size=4))
slides = st.lists(st.integers(0, 255), min_size=1, max_size=3)
proposals = st.just("propose")
acts = st.lists(st.one_of(strokes, slides, proposals, st.sampled_from(["undo", "redo", "cancel"])), max_size=25)
wholes = st.booleans()


def do(tracing: Tracing, act: object) -> None:
    if isinstance(act, list):
        tracing.begin()
        for threshold in act:
            tracing.slide(threshold)
        tracing.finish()
    elif isinstance(act, tuple) and len(act) == 3:
        tool, radius, path = act
        tracing.begin()
        for start, end in zip([path[0], *path], path, strict=False):
            tracing.draw(tool, radius, start, end)
        tracing.finish()
    else:
        with contextlib.suppress(BadInput):  # noise is no cell
            tracing.propose()


@settings(deadline=None)
@given(acts, wholes)
def test_nucleus_stays_in_its_cell_and_undoing_restores_exactly(acts: list, whole: bool) -> None:
    tracing = Tracing(CROP, whole=whole)

    def state() -> tuple:
        return tracing.picture.tobytes(), tracing.threshold, tracing.strokes

    done, undone = [state()], []
    for act in acts:
        if act == "undo":
            assert tracing.undo() == (len(done) > 1)
            if len(done) > 1:
                undone.append(done.pop())
        elif act == "redo":
            assert tracing.redo() == bool(undone)
            if undone:
                done.append(undone.pop())
        elif act == "cancel":
            tracing.begin()
            tracing.draw("no_cell", 5, (3, 3), (20, 9))
            tracing.slide(7)
            tracing.cancel()
        else:
            depth = tracing.undoable[0] and len(tracing._done)
            do(tracing, act)
            if len(tracing._done) > depth:
                done.append(state())
                undone.clear()
        assert state() == done[-1]
        masks = masks_of(tracing.picture)
        assert not (masks.nucleus & ~masks.cell).any() and set(np.unique(tracing.picture)) <= {0, 128, 255}
        assert not (whole and masks.nucleus.any())
        assert tracing.undoable == (len(done) > 1, bool(undone))
    while tracing.undo():
        pass
    assert state() == done[0] and tracing.outline("Ann", 0.0) is None  # as if nothing had been done


@settings(deadline=None)
@given(st.lists(st.one_of(strokes, slides, proposals), max_size=12), st.integers(0, 255), wholes)
def test_what_was_kept_is_taken_up_to_the_pixel_and_the_hand_outlasts_the_slider(
    acts: list, threshold: int, whole: bool
) -> None:
    before = Tracing(CROP, whole=whole)
    for act in acts:
        do(before, act)
    kept = before.outline("Ann", 12.0)
    if kept is None:
        return
    after = Tracing(CROP, kept, whole)
    assert (after.picture == kept.picture).all() and after.kept and not after.unsaved
    assert (after.threshold, after.strokes) == (before.threshold, before.strokes)
    after.begin()
    after.draw("nucleus", 2, (5, 5), (5, 5))
    after.draw("no_nucleus", 2, (15, 5), (15, 5))
    after.draw("no_cell", 2, (15, 15), (15, 15))
    after.finish()
    after.begin()
    after.slide(threshold)
    after.finish()
    assert after.picture[5, 5] == (128 if whole else 255) or whole
    assert after.picture[5, 15] != 255 and after.picture[15, 15] == 0


@pytest.mark.parametrize("radius", [0.1, 1, 3.3, 8])
def test_a_brush_is_round_and_reaches_what_it_touches(radius: float) -> None:
    tracing = Tracing(np.full((40, 40, 3), 200, np.uint8))
    tracing.slide(255)
    tracing.begin()
    tracing.draw("cell", radius, (12.2, 20.7), (25.0, 20.7))
    tracing.finish()
    y, x = np.mgrid[:40, :40] + 0.5
    away = np.hypot(np.maximum(np.maximum(12.2 - x, x - 25.0), 0), y - 20.7)
    assert ((tracing.picture == 128) == (away <= max(radius, 0.71))).all() and tracing.picture.any()


def test_tools_say_what_they_say(crop: np.ndarray) -> None:
    tracing = Tracing(crop)
    assert tracing.picture[30, 30] == 255 and tracing.picture[30, 14] == 0  # the slider's start finds the nucleus

    def at(tool: str, x: int = 30, y: int = 30) -> int:
        tracing.begin()
        tracing.draw(tool, 2, (x, y), (x, y))
        tracing.finish()
        return tracing.picture[y, x]

    assert at("no_nucleus") == 0  # no cytoplasm was drawn there
    assert at("cell") == 128
    assert at("nucleus") == 255
    assert at("no_nucleus") == 128
    assert at("no_cell") == 0
    assert at("cell", 14) == 128 and at("cell", 27, 36) == 255  # a nucleus stays one in its cell
    assert tracing.strokes == 7


def test_a_proposal_follows_the_nucleus_that_is_drawn_and_spares_the_hand(crop: np.ndarray) -> None:
    tracing = Tracing(crop)
    y, x = np.mgrid[:60, :60] - 30
    whole = np.hypot(x, y) <= 20
    tracing.begin()
    tracing.draw("no_cell", 3, (30, 14), (30, 14))
    tracing.finish()
    tracing.propose()
    found = tracing.picture > 0
    assert 2 * (found & whole).sum() / (found.sum() + whole.sum()) > 0.95 and not found[14, 30]
    tracing.propose()
    assert tracing.undo() and tracing.undo() and not tracing.undo()  # the same again was no act
    blank = Tracing(np.full((30, 30, 3), 230, np.uint8))
    with pytest.raises(BadInput, match="cell: none is found here"):
        blank.propose()
    assert not blank.unsaved and Tracing(crop, whole=True).picture.max() == 0


def test_a_nucleus_that_shrinks_leaves_cytoplasm_and_a_speck_beside_the_cell_goes(crop: np.ndarray) -> None:
    picture = np.zeros(crop.shape[:2], np.uint8)
    picture[10:50, 10:50] = 128
    picture[15:45, 15:45] = 255
    picture[2:5, 2:5] = 255
    tracing = Tracing(crop, Outline(picture, "", Facts(FOUND, FOUND)))
    assert (tracing.picture == picture).all() and tracing.threshold is None
    tracing.begin()
    tracing.slide(tracing.start)
    tracing.finish()
    assert tracing.picture[16, 16] == 128 and tracing.picture[30, 30] == 255 and tracing.picture[3, 3] == 0
    tracing.undo()
    assert (tracing.picture == picture).all() and tracing.threshold is None


def test_memory_of_undoing_is_bounded_and_what_is_beyond_it_stands(crop: np.ndarray, monkeypatch) -> None:
    monkeypatch.setattr(room, "MEMORY", 5000)
    tracing = Tracing(crop)
    for number in range(40):
        tracing.begin()
        tracing.draw("no_nucleus" if number % 2 else "nucleus", 12, (30, 22), (31, 22))
        tracing.finish()
        assert tracing.held <= 5000
    while tracing.undo():
        assert tracing.held <= 5000
    assert tracing.strokes > 30 and tracing.outline("Ann", 0.0) is not None


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_crops_without_a_cell_have_no_nucleus_and_can_be_drawn_on(grey: int) -> None:
    tracing = Tracing(np.full((30, 40, 3), grey, np.uint8))
    assert not tracing.picture.any() and not tracing.undo()
    do(tracing, ("nucleus", 4, [(20, 15)]))
    assert tracing.picture[15, 20] == 255
    for threshold in (0, 255):
        do(tracing, [threshold])
        assert tracing.picture[15, 20] == 255 and tracing.picture[2, 2] == 0


def test_what_is_no_crop_is_refused_in_words(crop: np.ndarray) -> None:
    with pytest.raises(BadInput, match="crop: has 1 channel"):
        Tracing(crop[..., 0])
    with pytest.raises(BadInput, match="no crop of one cell"):
        Tracing(np.zeros((10, 3000, 3), np.uint8))
    with pytest.raises(BadInput, match="60 x 60"):
        Tracing(crop, Outline(np.zeros((50, 60), np.uint8), "Ann"))


def test_nothing_is_kept_before_something_is_done_and_an_empty_outline_never(crop: np.ndarray) -> None:
    tracing = Tracing(crop)
    assert tracing.picture.any() and tracing.outline("Ann", 0.0) is None
    do(tracing, ("no_cell", 60, [(30, 30)]))
    assert tracing.unsaved and tracing.outline("Ann", 0.0) is None
    tracing.undo()
    do(tracing, ("cell", 3, [(30, 14)]))
    kept = tracing.outline("Ann", 5.0)
    assert kept is not None and (kept.person, kept.at, kept.facts.strokes) == ("Ann", 5.0, 1)
    assert kept.facts.threshold == tracing.start
