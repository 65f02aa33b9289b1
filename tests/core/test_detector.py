"""Fields into squares and maps into boxes, by hand; and what a detector's pack.json may not say."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_wbc.core.detector import CANDIDATES, MARGIN, MOST_BOXES, AnchorMap, cells_of, decode, fit_field, suppress
from edge_wbc.core.detector_pack import CellDetector, DetectorManifest, open_detector, read_detector_pack
from edge_wbc.core.errors import BadInput
from edge_wbc.core.pack import read_pack, write_pack

MAPS = (AnchorMap(4, (8.0, 12.0)), AnchorMap(2, (16.0,)))
MANIFEST = DetectorManifest("ssdlite", 32, MAPS, 0.5, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))


def silent() -> list[np.ndarray]:
    """Outputs of `MAPS` that find nothing, with boxes that are the anchors."""
    each = [(of.cells, of.cells, width * len(of.sides)) for of in MAPS for width in (1, 4)]
    return [np.full(shape, -9.0 if number % 2 == 0 else 0.0, np.float32) for number, shape in enumerate(each)]


@pytest.mark.parametrize("shape, inside", [((64, 48), (24, 32)), ((16, 32), (32, 16)), ((8, 6), (24, 32))])
def test_a_field_lies_top_left_in_its_square(shape: tuple[int, int], inside: tuple[int, int]) -> None:
    square, found, scale = fit_field(np.full((*shape, 3), 200, np.uint8), 32)
    assert found == inside and scale == 32 / max(shape)
    width, height = inside
    assert square.shape == (32, 32, 3) and (square[:height, :width] == 200).all()
    assert (square[height:] == MARGIN).all() and (square[:, width:] == MARGIN).all()


def test_anchors_stand_in_the_middle_of_their_places() -> None:
    boxes, scores = decode(silent(), MAPS, 32)
    assert boxes.shape == (36, 4) and boxes.dtype == scores.dtype == np.float32
    # The second place of the first row, its larger anchor; then the last place of the coarse map.
    assert boxes[3].tolist() == [6, -2, 18, 10] and boxes[35].tolist() == [16, 16, 32, 32]
    assert (boxes == decode(silent()[::-1], MAPS, 32)[0]).all(), "outputs come in any order"


def test_a_logit_and_its_deltas_become_a_box() -> None:
    outputs = silent()
    outputs[0][2, 1, 1] = 2.0
    outputs[1][2, 1, 4:] = [5, -10, 5 * np.log(2), 0]
    boxes, scores = decode(outputs, MAPS, 32)
    best = int(scores.argmax())
    assert best == (2 * 4 + 1) * 2 + 1 and scores[best] == pytest.approx(1 / (1 + np.exp(-2)))
    # Half a side to the right and one side up from (12, 20), twice as wide.
    assert boxes[best].tolist() == pytest.approx([6, 2, 30, 14])


def test_a_hundred_times_larger_is_the_most_a_box_grows() -> None:
    outputs = silent()
    outputs[1][:] = 1e9
    assert np.isfinite(decode(outputs, MAPS, 32)[0]).all()


def test_of_two_boxes_on_one_cell_the_better_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 20, 40, 30], [6, 0, 16, 10]], np.float32)
    kept, scores = suppress(boxes, np.array([0.6, 0.9, 0.005, 0.7], np.float32), (30, 30))
    # The third is too unlikely, the last overlaps the second by a third only.
    assert kept.tolist() == [[1, 0, 11, 10], [6, 0, 16, 10]] and scores.tolist() == pytest.approx([0.9, 0.7])
    clipped, _ = suppress(boxes[2:3], np.ones(1, np.float32), (30, 25))
    assert clipped.tolist() == [[20, 20, 30, 25]]
    assert suppress(boxes[:0], np.zeros(0, np.float32), (30, 30))[0].shape == (0, 4)


def test_no_more_boxes_than_torchvision_keeps() -> None:
    places = np.arange(2 * CANDIDATES, dtype=np.float32)[:, None] * 10
    boxes = np.concatenate([places, places * 0, places + 9, places * 0 + 9], 1)
    kept, _ = suppress(boxes, np.linspace(0.9, 0.1, len(boxes), dtype=np.float32), (10**6, 10))
    assert len(kept) == MOST_BOXES


def test_boxes_become_cells() -> None:
    boxes = np.array([[3.2, 4, 9.6, 9], [0.4, 5, 20, 20], [5, 5, 6, 6], [90, 90, 99, 99]], np.float32)
    cells = cells_of(boxes, np.array([0.9, 0.5, 0.4, 0.8], np.float32), 0.5, 50, 40)
    assert [(cell.box, cell.score, cell.cut) for cell in cells] == [
        ((0, 5, 20, 20), 0.5, True),
        ((3, 4, 10, 9), 0.9, False),
    ]


class Fixed:
    """An interpreter that finds one cell whatever it sees."""

    runtime = "fixed"

    def predict(self, crops: np.ndarray) -> np.ndarray:
        raise AssertionError("a detector is asked for its outputs")

    def outputs(self, pixels: np.ndarray) -> list[np.ndarray]:
        assert pixels.shape == (32, 32, 3) and pixels.dtype == np.uint8
        outputs = silent()
        outputs[2][0, 1, 0] = 3.0
        return outputs


def test_cells_are_in_pixels_of_the_photograph() -> None:
    detector = CellDetector(MANIFEST, Fixed())
    (cell,) = detector.find_cells(np.zeros((80, 160, 3), np.uint8))
    assert cell.box == (80, 0, 160, 80) and cell.score == pytest.approx(0.9526) and cell.cut
    assert detector.find_cells(np.zeros((80, 160, 3), np.uint8), threshold=0.99) == []


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    write_pack(tmp_path / "pack", MANIFEST, {"MODEL_CARD.md": b"card"})
    return tmp_path / "pack"


def test_a_pack_reads_back_and_is_no_classifier(pack: Path) -> None:
    found = read_detector_pack(pack)
    assert found.manifest == MANIFEST and found.files == {"MODEL_CARD.md": b"card"}
    with pytest.raises(BadInput, match="pack: holds a model to detect, not to classify"):
        read_pack(pack)
    with pytest.raises(BadInput, match="holds no tflite-int8 artefact; it holds: none"):
        open_detector(found)


def _set(*path: str, to: Any) -> Callable[[dict], None]:
    def change(data: dict) -> None:
        for name in path[:-1]:
            data = data[name]
        data[path[-1]] = to

    return change


@pytest.mark.parametrize(
    "change, fault",
    [
        (_set("task", to="segment"), "holds a model to segment, not to detect"),
        (_set("schema", to=2), "unknown schema"),
        (_set("labels", to=["neutrophil"]), "does not know"),
        (_set("input", "layout", to="NCHW"), "does not know"),
        (_set("field", "place", to="middle"), "does not know"),
        (_set("suppression", "overlap", to=0.9), "does not know"),
        (_set("normalisation", "in_graph", to=False), "does not know"),
        (_set("outputs", "maps", to=[]), "impossible"),
        (_set("outputs", "maps", to=2 * [{"cells": 2, "sides": [1.0]}]), "impossible"),
        (_set("outputs", "maps", to=[{"cells": 2.5, "sides": [1.0]}]), "not as its schema says"),
        (_set("outputs", "maps", to=[{"cells": 2, "sides": [-1.0]}]), "impossible"),
        (_set("outputs", to=7), "not as its schema says"),
        (_set("threshold", to=1.5), "impossible"),
        (_set("threshold", to="0.5"), "not as its schema says"),
        (_set("input", "size", to=10**6), "impossible"),
    ],
)
def test_a_pack_json_that_lies_is_refused(pack: Path, change: Callable[[dict], None], fault: str) -> None:
    file = pack / "pack.json"
    data = json.loads(file.read_text())
    change(data)
    file.write_text(json.dumps(data))
    with pytest.raises(BadInput, match=fault):
        read_detector_pack(pack)


def test_maps_that_outputs_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch, pack: Path) -> None:
    monkeypatch.setattr("edge_wbc.core.detector_pack.open_interpreter", lambda *_: Fixed())
    found = replace(read_detector_pack(pack), files={"model.int8.tflite": b""})
    assert open_detector(found).manifest is found.manifest
    other = replace(found, manifest=replace(MANIFEST, maps=(AnchorMap(3, (8.0,)),)))
    with pytest.raises(BadInput, match=r"model\.int8\.tflite: its input or outputs do not fit pack\.json"):
        open_detector(other)
