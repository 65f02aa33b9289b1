"""The run folder's files."""

import os
from pathlib import Path

import numpy as np
import pytest

from edge_wbc.lab.training.run import CropRow, link_crops, read_crops, write_crops


def test_linked_crops_are_the_same_where_links_are_and_where_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, linked, copied = (tmp_path / name for name in ("source", "linked", "copied"))
    for folder in (source, linked, copied):
        folder.mkdir()
    rows = [CropRow("lab", "a.png", "", "monocyte", "", part, "0") for part in ("train", "val", "test")]
    write_crops(source, np.arange(3 * 4 * 4 * 3, dtype=np.uint8).reshape(3, 4, 4, 3), rows)
    for _ in range(2):  # once more over what a killed one left
        link_crops(source, linked)
    assert (linked / "crops.npy").samefile(source / "crops.npy")

    def refuse(*rest: object) -> None:
        raise OSError("another disk")

    monkeypatch.setattr(os, "link", refuse)
    link_crops(source, copied)
    assert not (copied / "crops.npy").samefile(source / "crops.npy")
    for folder in (linked, copied):
        pixels, found = read_crops(folder)
        assert found == rows and (np.asarray(pixels) == read_crops(source)[0]).all()
