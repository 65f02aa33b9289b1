"""Every method on drawn cells whose masks are known, on real ones where there are any, and on what is no cell."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import read_image
from edge_wbc.core.masks import masks_of, read_mask
from edge_wbc.lab.segmentation.graph_cut import Seeds, graph_cut
from edge_wbc.lab.segmentation.hull import nucleus_and_hull
from edge_wbc.lab.segmentation.kmeans import kmeans
from edge_wbc.lab.segmentation.methods import METHODS, find_method

COLOUR_METHODS = ("easy-gt", "kmeans", "graph-cut", "tavakoli")

# Means of nucleus and whole cell over tecom, rounded down: docs/segmentation.md has the exact ones.
ON_TECOM = {
    "easy-gt": (0.955, 0.97),
    "kmeans": (0.955, 0.96),
    "graph-cut": (0.945, 0.97),
    "tavakoli": (0.90, 0.6),
}


def dice(mask: np.ndarray, truth: np.ndarray) -> float:
    return 2 * (mask & truth).sum() / (mask.sum() + truth.sum())


@pytest.mark.parametrize("name", COLOUR_METHODS)
@pytest.mark.parametrize("size", [(120, 120), (180, 130)])
def test_nucleus_and_cell_are_the_drawn_ones(draw_masked: Callable, name: str, size: tuple) -> None:
    rgb, nucleus, cell = draw_masked(*size)
    masks = METHODS[name].segment(rgb)
    assert masks.nucleus.shape == masks.cell.shape == size
    assert dice(masks.nucleus, nucleus) > 0.94
    assert not (masks.nucleus & ~masks.cell).any()
    if name != "tavakoli":
        assert dice(masks.cell, cell) > 0.95


@pytest.mark.parametrize("name", COLOUR_METHODS)
def test_the_same_crop_gives_the_same_masks(draw_masked: Callable, name: str) -> None:
    rgb = draw_masked(seed=3)[0]
    before = rgb.copy()
    first, second = METHODS[name].segment(rgb), METHODS[name].segment(rgb)
    np.testing.assert_array_equal(first.nucleus, second.nucleus)
    np.testing.assert_array_equal(first.cell, second.cell)
    np.testing.assert_array_equal(rgb, before)


@pytest.mark.parametrize("name", COLOUR_METHODS)
@pytest.mark.parametrize("level", [0, 128, 255])
def test_one_colour_has_no_cell_and_says_so(name: str, level: int) -> None:
    masks = METHODS[name].segment(np.full((40, 60, 3), level, np.uint8))
    assert masks.cell.shape == (40, 60) and not masks.cell.any()
    assert masks.reason.startswith("no nucleus") and masks.confidence == 0


@pytest.mark.parametrize("name", COLOUR_METHODS)
def test_two_cells_that_touch_are_left_to_a_person(draw_masked: Callable, name: str) -> None:
    other = (84, 60, 14), (84, 60, 25)
    rgb, _, _ = draw_masked(lobes=[(36, 60, 14)], cell=(36, 60, 25), others=[other], red_cells=[])
    masks = METHODS[name].segment(rgb)
    assert not masks.cell.any() and masks.reason.startswith("two cells")


@pytest.mark.parametrize("name", COLOUR_METHODS)
def test_one_channel_is_refused_by_name(name: str) -> None:
    with pytest.raises(BadInput, match="crop: has 1 channel"):
        METHODS[name].segment(np.zeros((40, 40), np.uint8))


@pytest.mark.parametrize("name", COLOUR_METHODS)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 16), st.integers(1, 16), st.just(3))))
def test_whatever_the_pixels_masks_have_the_crop_s_size(name: str, rgb: np.ndarray) -> None:
    masks = METHODS[name].segment(rgb)
    assert masks.nucleus.shape == masks.cell.shape == rgb.shape[:2]
    assert not (masks.nucleus & ~masks.cell).any()
    assert masks.cell.any() or masks.reason


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(BadInput, match="no method 'watershed'; one of: easy-gt, kmeans"):
        find_method("watershed")


def test_the_hull_holds_the_nucleus_and_what_is_between_its_lobes(draw_masked: Callable) -> None:
    rgb, _, cell = draw_masked(lobes=[(48, 60, 11), (76, 60, 11)])
    masks = nucleus_and_hull(rgb)
    assert masks.cell[60, 62] and not masks.nucleus[60, 62]
    assert masks.cell.sum() < cell.sum()


def test_kmeans_turns_with_the_crop(draw_masked: Callable) -> None:
    rgb = draw_masked(seed=5)[0]
    masks, turned = kmeans(rgb), kmeans(np.rot90(rgb).copy())
    # The middles of clusters are sums of float32 in another order: a pixel on the edge of two may change.
    assert dice(turned.nucleus, np.rot90(masks.nucleus)) > 0.995
    assert dice(turned.cell, np.rot90(masks.cell)) > 0.995


def strokes(nucleus: np.ndarray, cell: np.ndarray) -> Seeds:
    """A few pixels of each part, as a person draws them."""
    marks = []
    for part in (nucleus, cell & ~nucleus, ~cell):
        y, x = np.nonzero(part)
        stroke = np.zeros_like(part)
        stroke[y[::23], x[::23]] = True
        marks.append(stroke)
    return Seeds(*marks)


def test_graph_cut_takes_a_person_s_seeds(draw_masked: Callable) -> None:
    rgb, nucleus, cell = draw_masked()
    seeds = strokes(nucleus, cell)
    masks = graph_cut(rgb, seeds)
    assert dice(masks.nucleus, nucleus) > 0.95 and dice(masks.cell, cell) > 0.95
    assert not masks.nucleus[seeds.cytoplasm].any() and not masks.cell[seeds.background].any()


def test_seeds_of_another_size_or_none_are_refused(draw_masked: Callable) -> None:
    rgb, nucleus, cell = draw_masked()
    with pytest.raises(BadInput, match="seeds of the nucleus: of 60 x 120 for a crop of 120 x 120"):
        graph_cut(rgb, strokes(nucleus[:, :60], cell[:, :60]))
    with pytest.raises(BadInput, match="seeds of the background: none"):
        graph_cut(rgb, Seeds(nucleus, cell & ~nucleus, np.zeros_like(cell)))


@pytest.mark.parametrize("name", ON_TECOM)
def test_real_cells(shared_data: Path, name: str) -> None:
    folder = shared_data / "tecom"
    if not folder.is_dir():
        pytest.skip(f"no masks of real cells at {folder}")
    with (folder / "labels.csv").open() as file:
        names = [row["image"] for row in csv.DictReader(file)][:: 1 if name == "easy-gt" else 5]
    scores = []
    for each in names:
        rgb = read_image(folder / "images" / each)
        truth = masks_of(read_mask(folder / "masks" / each, rgb.shape[1::-1]))
        masks = METHODS[name].segment(rgb)
        scores.append((dice(masks.nucleus, truth.nucleus), dice(masks.cell, truth.cell)))
    nucleus, cell = np.mean(scores, axis=0)
    assert nucleus >= ON_TECOM[name][0] and cell >= ON_TECOM[name][1]
