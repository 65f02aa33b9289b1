"""Fields with boxes: what counts as a white cell, and boxes that stay on their cells."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from edge_wbc.core.detector import shrink
from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import write_image
from edge_wbc.core.records import Cell, Field, read_field, write_field
from edge_wbc.lab.detection import load_fields, read_fields
from edge_wbc.lab.detection.data import augmentation


def make(path: Path, cells: tuple[Cell, ...], rgb: np.ndarray | None = None) -> Path:
    rgb = np.full((60, 80, 3), 220, np.uint8) if rgb is None else rgb
    for folder in ("images", "records"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    write_image(path / "images" / "a.png", rgb)
    write_field(path / "records" / "a.json", Field("images/a.png", rgb.shape[1], rgb.shape[0], cells))
    return path


def test_every_drawn_white_cell_is_listed(drawn_lab: Path) -> None:
    records = [read_field(file) for file in sorted((drawn_lab / "records").glob("*.json"))]
    data = read_fields(drawn_lab)
    assert len(data.fields) == len(records) == 36
    assert data.cells == sum(cell.label != "platelet" for record in records for cell in record.cells) == 216
    assert len({field.smear for field in data.fields}) == 12


def test_what_all_votes_call_no_white_cell_is_none(tmp_path: Path) -> None:
    said = (
        {},
        {"a": "artifact"},
        {"a": "artifact", "b": "monocyte"},
        {"a": "platelet", "b": "artifact"},
        {"a": "burst"},
    )
    cells = tuple(Cell((10 * row, 0, 10 * row + 9, 9), votes) for row, votes in enumerate(said))
    data = read_fields(make(tmp_path, cells))
    assert data.fields[0].boxes[:, 0].tolist() == [0, 20, 40]


def test_fields_are_kept_small_and_boxes_with_them(tmp_path: Path) -> None:
    data = read_fields(make(tmp_path, (Cell((20, 10, 40, 30)),)))
    loaded = load_fields(data, 40)
    assert loaded.pixels[0].shape == (30, 40, 3) and loaded.scales == (0.5,)
    assert loaded.boxes[0].tolist() == [[10, 5, 20, 15]]
    assert load_fields(data, 400).pixels[0].shape == (60, 80, 3)
    assert shrink(np.zeros((3, 900, 3), np.uint8), 90)[0].shape == (1, 90, 3)


def test_variation_keeps_boxes_on_their_cells() -> None:
    """A dark square on a light field: wherever it goes, its box goes with it."""
    rgb = np.full((120, 160, 3), 230, np.uint8)
    rgb[40:70, 90:120] = 30
    vary = augmentation(96)
    shapes = set()
    for seed in range(60):
        torch.manual_seed(seed)
        pixels, boxes, kinds = vary(rgb, np.array([[90, 40, 120, 70]], np.float32), np.array([1]))
        assert pixels.dtype == torch.float32 and 0 <= pixels.min() and pixels.max() <= 1
        assert max(pixels.shape[1:]) == 96
        shapes.add(tuple(pixels.shape))
        assert len(boxes) == 1 and kinds.tolist() == [1]
        grey = pixels.mean(0)
        rows, columns = torch.nonzero(grey < 0.7 * grey.min() + 0.3 * grey.max(), as_tuple=True)
        seen = torch.tensor([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        assert (seen - boxes[0]).abs().max() <= 3, seed
    assert len(shapes) > 5


def test_a_field_without_cells_is_varied_too() -> None:
    torch.manual_seed(0)
    for _ in range(10):
        nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
        pixels, boxes, kinds = augmentation(64)(np.full((50, 70, 3), 200, np.uint8), *nothing)
        assert boxes.shape == (0, 4) and kinds.shape == (0,) and max(pixels.shape[1:]) == 64


def test_bad_data_is_named(tmp_path: Path, drawn_lab: Path) -> None:
    with pytest.raises(BadInput, match="no records of fields"):
        read_fields(tmp_path)
    with pytest.raises(BadInput, match="no white cell is marked"):
        read_fields(make(tmp_path / "none", (Cell((0, 0, 9, 9), {"a": "platelet"}),)))
    lost = make(tmp_path / "lost", (Cell((0, 0, 9, 9)),))
    (lost / "images" / "a.png").unlink()
    with pytest.raises(BadInput, match=r"a\.json: names a missing photograph 'images/a\.png'"):
        read_fields(lost)
    small = make(tmp_path / "small", (Cell((0, 0, 80, 60)),))
    write_image(small / "images" / "a.png", np.zeros((30, 40, 3), np.uint8))
    with pytest.raises(BadInput, match=r"a\.png: box \[0, 0, 80, 60\] lies outside the 40 x 30"):
        load_fields(read_fields(small), 64)
    cut = tmp_path / "cut"
    shutil.copytree(small, cut)
    (cut / "images" / "a.png").write_bytes((small / "images" / "a.png").read_bytes()[:60])
    with pytest.raises(BadInput, match="truncated PNG"):
        load_fields(read_fields(cut), 64)
    assert json.loads((small / "records" / "a.json").read_text())["cells"]


def test_kinds_that_are_not_there(drawn_lab: Path) -> None:
    with pytest.raises(BadInput, match="no platelet is marked"):
        read_fields(drawn_lab, ("white_cell", "platelet"))
    with pytest.raises(BadInput, match="is no list of kinds; some of: white_cell, platelet"):
        read_fields(drawn_lab, ("white",))
