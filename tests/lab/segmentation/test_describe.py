"""Figures of masks that are drawn, not segmented."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_wbc.core.masks import Masks, no_cell
from edge_wbc.lab.segmentation.describe import COLUMNS, count_lobes, describe, overlay


def discs(*spots: tuple[int, int, int], side: int = 120) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    for x, y, radius in spots:
        cv2.circle(mask, (x, y), radius, 1, cv2.FILLED)
    return mask.view(bool)


def test_areas_shares_and_colours() -> None:
    rgb = np.zeros((10, 10, 3), np.uint8)
    nucleus, cell = np.zeros((2, 10, 10), bool)
    cell[2:8, 2:8] = True
    nucleus[4:6, 4:7] = True
    rgb[cell], rgb[nucleus] = (200, 150, 100), (80, 40, 120)
    said = describe(rgb, Masks(nucleus, cell, 0.9), 0.5)
    assert tuple(said) == COLUMNS
    assert (said["nucleus_px"], said["cytoplasm_px"], said["cell_px"]) == (6, 30, 36)
    assert (said["nucleus_um2"], said["cytoplasm_um2"], said["cell_um2"]) == (1.5, 7.5, 9.0)
    assert said["nucleus_to_cytoplasm"] == 0.2
    assert [said[f"nucleus_{name}"] for name in ("red", "green", "blue")] == [80, 40, 120]
    assert [said[f"cytoplasm_{name}"] for name in ("red", "green", "blue")] == [200, 150, 100]
    assert said["confidence"] == 0.9 and said["reason"] == ""


def test_what_is_not_there_has_no_figure() -> None:
    said = describe(np.zeros((9, 9, 3), np.uint8), no_cell(9, 9, "glass"), None)
    assert said["cell_px"] == 0 and said["reason"] == "glass"
    missing = [name for name, value in said.items() if value is None]
    assert "cell_um2" in missing and "nucleus_to_cytoplasm" in missing and "lobes" in missing
    assert "nucleus_red" in missing and "cytoplasm_blue" in missing


@pytest.mark.parametrize(
    ("lobes", "spots"),
    [
        (0, []),
        (1, [(60, 60, 25)]),
        (1, [(50, 60, 20), (60, 60, 20)]),
        (2, [(40, 60, 16), (80, 60, 16)]),
        (2, [(45, 60, 18), (76, 60, 18)]),
        (3, [(40, 50, 14), (62, 66, 14), (84, 50, 14)]),
        (4, [(40, 40, 12), (60, 44, 12), (80, 52, 12), (86, 72, 12)]),
        (1, [(50, 60, 20), (90, 60, 4)]),
    ],
)
def test_lobes_are_what_necks_part(lobes: int, spots: list) -> None:
    nucleus = discs(*spots)
    assert count_lobes(nucleus) == lobes
    assert count_lobes(np.rot90(nucleus).copy()) == lobes and count_lobes(nucleus[:, ::-1].copy()) == lobes


@given(st.integers(8, 30))
def test_a_disc_of_any_size_is_one_lobe(radius: int) -> None:
    assert count_lobes(discs((60, 60, radius))) == 1


def test_a_nucleus_at_the_border_and_one_all_over() -> None:
    assert count_lobes(discs((0, 60, 20))) == 1
    assert count_lobes(np.ones((20, 30), bool)) == 1


def test_a_small_crop_is_enlarged_and_outlined() -> None:
    rgb = np.full((40, 60, 3), 128, np.uint8)
    nucleus, cell = np.zeros((2, 40, 60), bool)
    cell[10:30, 10:40] = True
    nucleus[15:20, 15:25] = True
    shown = overlay(rgb, Masks(nucleus, cell))
    assert shown.shape == (240, 360, 3)
    assert (shown == (255, 225, 0)).all(2).any() and (shown == (0, 190, 70)).all(2).any()
    assert (overlay(rgb, no_cell(40, 60, "glass")) == 128).all()
    assert overlay(np.zeros((500, 500, 3), np.uint8), no_cell(500, 500, "glass")).shape == (500, 500, 3)
