"""One cell's masks: their picture, and its file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.masks import Masks, masks_of, no_cell, picture_of, read_mask, write_mask


@pytest.fixture
def masks() -> Masks:
    nucleus, cell = np.zeros((12, 20), bool), np.zeros((12, 20), bool)
    nucleus[4:7, 5:9] = True
    cell[2:10, 3:14] = True
    return Masks(nucleus, cell)


def test_a_picture_written_and_read_gives_the_same_masks(tmp_path: Path, masks: Masks) -> None:
    write_mask(tmp_path / "a.png", picture_of(masks))
    picture = read_mask(tmp_path / "a.png", (20, 12))
    assert set(np.unique(picture)) == {0, 128, 255}
    again = masks_of(picture)
    np.testing.assert_array_equal(again.nucleus, masks.nucleus)
    np.testing.assert_array_equal(again.cell, masks.cell)


def test_greys_between_go_to_the_nearest(tmp_path: Path) -> None:
    write_mask(tmp_path / "a.png", np.uint8([[0, 63, 64, 191, 192, 255]]))
    assert read_mask(tmp_path / "a.png", (6, 1)).tolist() == [[0, 0, 128, 128, 255, 255]]


def test_a_mask_of_another_size_is_refused_by_name(tmp_path: Path, masks: Masks) -> None:
    write_mask(tmp_path / "a.png", picture_of(masks))
    with pytest.raises(BadInput, match=r"a\.png: a mask of 20 x 12 for a photograph of 12 x 20"):
        read_mask(tmp_path / "a.png", (12, 20))


def test_an_empty_mask_or_one_of_class_numbers_is_refused(tmp_path: Path) -> None:
    write_mask(tmp_path / "a.png", np.uint8([[0, 1, 2]]))
    with pytest.raises(BadInput, match="neither nucleus"):
        read_mask(tmp_path / "a.png", (3, 1))


def test_no_cell_has_the_crop_s_size_and_says_why() -> None:
    none = no_cell(3, 5, "glass only")
    assert none.nucleus.shape == none.cell.shape == (3, 5)
    assert not none.cell.any() and none.confidence == 0 and none.reason == "glass only"


def test_a_mask_from_another_program_of_one_colour_channel_is_read(tmp_path: Path) -> None:
    colour = np.zeros((3, 4, 3), np.uint8)
    colour[1, 1:3] = 255
    cv2.imwrite(str(tmp_path / "a.png"), colour)
    assert read_mask(tmp_path / "a.png", (4, 3)).sum() == 2 * 255
