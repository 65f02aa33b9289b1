"""Components as breadth-first search finds them, and a choice that never loses a cell."""

from collections import deque

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.lab.curation.duplicates import DedupOptions, choose, components, correlation
from edge_wbc.lab.curation.hashing import Hashes, hash_crops

HASHES_ALONE = DedupOptions(11, 14, 0.0)


def some_hashes(rng: np.random.Generator, count: int) -> Hashes:
    centres = rng.random((max(1, count // 4), 2, 64)) < 0.5
    bits = centres[rng.integers(0, len(centres), count)] ^ (rng.random((count, 2, 64)) < 0.07)
    both = np.packbits(bits, axis=2).view(">u8")[..., 0].astype(np.uint64)
    thumbs = rng.integers(0, 256, (count, 32, 32), np.uint8)
    return Hashes(both[:, 0].copy(), both[:, 1].copy(), thumbs, rng.random(count) < 0.05)


def by_breadth(hashes: Hashes, fields: np.ndarray, smears: list[str], options: DedupOptions) -> np.ndarray:
    """The paper's search: each component grows from its lowest row."""
    count = len(fields)

    def joined(one: int, other: int) -> bool:
        return bool(
            smears[one] == smears[other]
            and fields[one] != fields[other]
            and not hashes.meaningless[[one, other]].any()
            and np.bitwise_count(hashes.ahash[one] ^ hashes.ahash[other]) < options.ahash_below
            and np.bitwise_count(hashes.phash[one] ^ hashes.phash[other]) < options.phash_below
        )

    labels = np.full(count, -1)
    for start in range(count):
        waiting = deque([start] if labels[start] < 0 else [])
        while waiting:
            row = waiting.popleft()
            labels[row] = start
            near = [other for other in range(count) if labels[other] < 0 and joined(row, other)]
            labels[near] = start
            waiting.extend(near)
    return labels


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 70), known=st.floats(0, 1))
def test_components_are_those_of_breadth_first_search(seed: int, count: int, known: float) -> None:
    rng = np.random.default_rng(seed)
    hashes = some_hashes(rng, count)
    fields = np.sort(rng.integers(0, count, count))
    smears = [("", "one", "two")[number] for number in rng.integers(0, 3, count)]
    wanted = by_breadth(hashes, fields, smears, HASHES_ALONE)
    assert np.array_equal(components(hashes, fields, smears, HASHES_ALONE), wanted)
    old = int(known * count)
    before = Hashes(*(rows[:old] for rows in vars(hashes).values()))
    first = components(before, fields[:old], smears[:old], HASHES_ALONE)
    assert np.array_equal(components(hashes, fields, smears, HASHES_ALONE, first), wanted)


def test_pixels_confirm_what_hashes_propose() -> None:
    rng = np.random.default_rng(1)
    scene = cv2.GaussianBlur(rng.integers(0, 256, (140, 140), np.uint8), (0, 0), 6)
    scene = cv2.normalize(scene, None, 0, 255, cv2.NORM_MINMAX)
    crops = [
        scene[10:130, 10:130],
        cv2.GaussianBlur(scene[12:132, 7:127], (0, 0), 1),
        scene[::-1, ::-1][10:130, 10:130],
    ]
    hashes = hash_crops([np.ascontiguousarray(crop) for crop in crops])
    one, again, other = hashes.thumbs
    assert correlation(one, again) == correlation(again, one) > 0.97
    assert correlation(one, one) == 1.0
    assert correlation(one, other) < 0.8
    # As if the hashes said that all three are one.
    same = Hashes(np.zeros(3, np.uint64), np.zeros(3, np.uint64), hashes.thumbs, np.zeros(3, bool))
    assert components(same, np.arange(3), [""] * 3, DedupOptions()).tolist() == [0, 0, 2]
    assert components(same, np.arange(3), [""] * 3, HASHES_ALONE).tolist() == [0, 0, 0]


def test_a_chain_of_more_pairs_than_are_joined_at_once() -> None:
    same = np.zeros(300, np.uint64)
    hashes = Hashes(same, same, np.zeros((300, 32, 32), np.uint8), np.zeros(300, bool))
    assert not components(hashes, np.arange(300), [""] * 300, HASHES_ALONE).any()


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), cells=st.integers(1, 60), fields=st.integers(1, 20), different=st.integers(1, 30)
)
def test_choice_loses_no_cell(seed: int, cells: int, fields: int, different: int) -> None:
    rng = np.random.default_rng(seed)
    where, what = np.sort(rng.integers(0, fields, cells)), rng.integers(0, different, cells)
    _, first, inverse = np.unique(what, return_index=True, return_inverse=True)
    labels, sharp = first[inverse], rng.integers(0, 5, cells).astype(float)
    names = [f"{number:02d}" for number in range(fields)]
    choice = choose(labels, where, sharp, names)
    for label in set(labels.tolist()):
        mine = np.flatnonzero(labels == label)
        in_kept = mine[choice.fields[where[mine]]]
        assert len(in_kept) and len(set(choice.keeper[mine])) == 1
        assert choice.keeper[mine[0]] == in_kept[np.argmax(sharp[in_kept])]  # the first of the sharpest
    assert choice.cells.sum() == len(set(labels.tolist()))
    assert choice.fields[np.setdiff1d(np.arange(fields), where)].all()
    # No kept field could go as well.
    for field in set(where[choice.fields[where]].tolist()):
        elsewhere = set(labels[choice.fields[where] & (where != field)].tolist())
        assert not set(labels[where == field].tolist()) <= elsewhere


def test_the_least_sharp_field_goes_and_the_sharpest_cell_stays() -> None:
    # Field 0 is blurred and holds cells 0, 1; field 1 cells 0, 1, 2; field 2 cell 2 alone, sharper than in field 1.
    labels, where = np.array([0, 1, 0, 1, 4, 4]), np.array([0, 0, 1, 1, 1, 2])
    sharp = np.array([5.0, 6.0, 9.0, 9.0, 7.0, 8.0])
    choice = choose(labels, where, sharp, ["a", "b", "c"])
    assert choice.fields.tolist() == [False, True, False]  # c, of mean 8, goes before b, of mean 8.33
    assert choice.keeper.tolist() == [2, 3, 2, 3, 4, 4]


def test_of_equals_the_first_name_stays() -> None:
    choice = choose(np.zeros(3, int), np.arange(3), np.ones(3), ["a", "b", "c"])
    assert choice.fields.tolist() == [True, False, False]


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
def test_components_do_not_hang_on_the_order_of_rows(order: list[int]) -> None:
    rng = np.random.default_rng(8)
    scene = cv2.GaussianBlur(rng.integers(0, 256, (150, 150), np.uint8), (0, 0), 5)
    scene = cv2.normalize(scene, None, 0, 255, cv2.NORM_MINMAX)
    crops = [np.ascontiguousarray(scene[at : at + 120, at : at + 120]) for at in (0, 6, 12)]
    hashes = hash_crops([crops[number] for number in order])
    values = sorted(
        round(correlation(hashes.thumbs[one], hashes.thumbs[other]), 6) for one, other in ((0, 1), (0, 2), (1, 2))
    )
    straight = hash_crops(crops)
    assert values == sorted(
        round(correlation(straight.thumbs[one], straight.thumbs[other]), 6) for one, other in ((0, 1), (0, 2), (1, 2))
    )
