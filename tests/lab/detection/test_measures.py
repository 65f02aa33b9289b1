"""Average precision and FROC against hands, an independent count, and COCO's own program where it is installed."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_wbc.core.boxes import overlaps
from edge_wbc.core.errors import BadInput
from edge_wbc.lab.detection.measures import (
    COCO_IOUS,
    Detections,
    average_precision,
    detection_measures,
    froc,
    match_boxes,
)

CELL = [10, 10, 20, 20]


def boxes(*rows: list[float]) -> np.ndarray:
    return np.array(rows, float).reshape(-1, 4)


def made_fields(seed: int, count: int = 12) -> tuple[list[Detections], list[np.ndarray]]:
    """Fields of 0 to 5 cells; boxes shifted by a few pixels, some doubled, some of nothing, some cells missed."""
    draw = np.random.default_rng(seed)
    found, truths = [], []
    for _ in range(count):
        corner = draw.uniform(0, 80, (draw.integers(0, 6), 2))
        truth = np.hstack([corner, corner + draw.uniform(8, 25, corner.shape)])
        near = truth[draw.random(len(truth)) < 0.9]
        near = np.vstack([near, near[: draw.integers(0, 2)]]) + draw.normal(0, 1.5, (1, 4))
        noise = draw.uniform(0, 80, (draw.integers(0, 4), 2))
        shown = np.vstack([near, np.hstack([noise, noise + draw.uniform(8, 25, noise.shape)])])
        found.append((shown, draw.permutation(len(shown)) / 20 + draw.random() / 1000))
        truths.append(truth)
    return found, truths


def test_overlap_by_hand() -> None:
    got = overlaps(boxes(CELL), boxes(CELL, [15, 10, 25, 20], [20, 10, 30, 20], [0, 0, 40, 40]))
    assert got[0] == pytest.approx([1.0, 50 / 150, 0.0, 100 / 1600])


def test_average_precision_by_hand() -> None:
    """Two cells, three boxes: right, wrong, right. Precision 1 up to recall 0.5, then 2/3: (51 + 50 * 2/3) / 101."""
    truths = [boxes(CELL), boxes([50, 50, 60, 60])]
    found = [(boxes(CELL, [70, 70, 80, 80]), np.array([0.9, 0.8])), (boxes([50, 50, 60, 60]), np.array([0.7]))]
    assert average_precision(found, truths)[0] == pytest.approx((51 + 50 * 2 / 3) / 101)
    # 6 of 10 pixels overlap: IoU 60 / 140 misses 0.5; 8 of 10: 80 / 120 counts up to 0.65.
    shifted = [(boxes([12, 10, 22, 20]), np.array([0.9]))]
    assert average_precision(shifted, [boxes(CELL)], COCO_IOUS).tolist() == [1.0] * 4 + [0.0] * 6


def test_each_cell_is_found_once() -> None:
    truths = [boxes(CELL)]
    twice = [(boxes(CELL, CELL), np.array([0.9, 0.6]))]
    curve = froc(twice, truths)
    assert curve.recall.tolist() == [0, 1, 1] and curve.false_per_field.tolist() == [0, 0, 1]
    assert curve.at(0.95) == (0, 0) and curve.at(0.9) == (1, 0) and curve.at(0.5) == (1, 1)


def test_a_middle_inside_counts_by_the_rule_centre_alone() -> None:
    truths = [boxes([10, 10, 40, 40])]
    small = [(boxes([20, 20, 30, 30]), np.array([0.9]))]
    assert froc(small, truths).recall_at(0) == 1
    assert froc(small, truths, "iou50").recall_at(0) == 0
    # Its middle on the exclusive end lies outside.
    edge = [(boxes([35, 20, 45, 30]), np.array([0.9]))]
    assert froc(edge, truths).recall_at(0) == 0


def test_froc_by_hand() -> None:
    """Two fields, three cells: right .9, wrong .8, right .7, wrong .7 (one score), wrong .1."""
    truths = [boxes(CELL, [50, 50, 60, 60]), boxes(CELL)]
    found = [
        (boxes(CELL, [80, 80, 90, 90], [70, 0, 80, 10]), np.array([0.9, 0.8, 0.1])),
        (boxes(CELL, [80, 80, 90, 90]), np.array([0.7, 0.7])),
    ]
    curve = froc(found, truths)
    assert curve.thresholds.tolist() == [np.inf, 0.9, 0.8, 0.7, 0.1]
    assert curve.recall.tolist() == pytest.approx([0, 1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert curve.false_per_field.tolist() == [0, 0, 0.5, 1, 1.5]
    assert [curve.recall_at(false) for false in (0, 0.5, 1, 9)] == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert [curve.false_at(recall) for recall in (0.3, 0.5, 0.9)] == [0, 1, None]
    # F1 at .9: 2 * (1/3) / (1/3 + 0 + 1) = .5; at .7: 2 * (2/3) / (2/3 + 2/3 + 1) = .571.
    assert curve.best_threshold(1.5) == pytest.approx(0.4)


def test_nothing_found_and_nothing_marked() -> None:
    nothing = [(np.zeros((0, 4)), np.zeros(0))]
    measured = detection_measures(nothing, [boxes(CELL)], 0.5)
    assert measured["ap50"] == measured["recall"] == measured["false_per_field"] == 0
    assert measured["false_per_field_at_recall"]["0.95"] is None
    for measure in (average_precision, froc):
        with pytest.raises(BadInput, match="no marked cell"):
            measure(nothing, [np.zeros((0, 4))])
        with pytest.raises(BadInput, match="1 fields found, 2 marked"):
            measure(nothing, [boxes(CELL)] * 2)
    with pytest.raises(BadInput, match="neither iou50 nor centre"):
        froc(nothing, [boxes(CELL)], "middle")


def counted(found: list[Detections], truths: list[np.ndarray], threshold: float, centres: bool) -> tuple[int, int]:
    """Right and wrong boxes of at least a score, counted one by one as the rule is written."""
    right = wrong = 0
    for (shown, scores), truth in zip(found, truths, strict=True):
        left = [list(row) for row in truth]
        for row in sorted(np.flatnonzero(scores >= threshold), key=lambda at: -scores[at]):
            x, y = (shown[row, 0] + shown[row, 2]) / 2, (shown[row, 1] + shown[row, 3]) / 2
            fits = []
            for cell in left:
                iou = float(overlaps(shown[row][None], boxes(cell))[0, 0])
                if iou >= 0.5 or (centres and cell[0] <= x < cell[2] and cell[1] <= y < cell[3]):
                    fits.append((iou, cell))
            if fits:
                left.remove(max(fits, key=lambda pair: pair[0])[1])
                right += 1
            else:
                wrong += 1
    return right, wrong


@given(st.integers(0, 10_000), st.sampled_from(["iou50", "centre"]), st.floats(0, 0.5))
def test_froc_equals_a_plain_count(seed: int, match: str, threshold: float) -> None:
    found, truths = made_fields(seed)
    right, wrong = counted(found, truths, threshold, match == "centre")
    recall, false = froc(found, truths, match).at(threshold)
    assert recall == pytest.approx(right / sum(map(len, truths)))
    assert false == pytest.approx(wrong / len(truths))


@given(st.integers(0, 10_000))
def test_better_is_not_worse(seed: int) -> None:
    """The curve rises, a looser overlap never lowers precision, and the truths themselves are perfect."""
    found, truths = made_fields(seed)
    curve = froc(found, truths)
    assert (np.diff(curve.recall) >= 0).all() and (np.diff(curve.false_per_field) >= 0).all()
    precisions = average_precision(found, truths, COCO_IOUS)
    assert (precisions >= 0).all() and (precisions <= 1).all()
    perfect = [(truth, np.linspace(1, 0.5, len(truth))) for truth in truths]
    assert average_precision(perfect, truths, COCO_IOUS) == pytest.approx(np.ones(10))
    assert froc(perfect, truths).recall_at(0) == 1


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_equals_cocos_own(seed: int) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    from pycocotools.cocoeval import COCOeval

    found, truths = made_fields(seed, 40)
    images = [{"id": number} for number in range(1, 41)]
    marked = [
        {"image_id": image, "category_id": 1, "iscrowd": 0, "bbox": box, "area": box[2] * box[3]}
        for image, truth in enumerate(truths, 1)
        for box in np.hstack([truth[:, :2], truth[:, 2:] - truth[:, :2]]).tolist()
    ]
    shown = [
        {"image_id": image, "category_id": 1, "bbox": [*box[:2], box[2] - box[0], box[3] - box[1]], "score": score}
        for image, (rows, scores) in enumerate(found, 1)
        for box, score in zip(rows.tolist(), scores.tolist(), strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = {
            "images": images,
            "categories": [{"id": 1}],
            "annotations": [{"id": number, **entry} for number, entry in enumerate(marked, 1)],
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(shown), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    theirs = evaluation.eval["precision"][:, :, 0, 0, -1].mean(1)
    assert average_precision(found, truths, COCO_IOUS) == pytest.approx(theirs, abs=1e-9)


def test_which_box_found_which_cell() -> None:
    truth = boxes([0, 0, 10, 10], [50, 50, 60, 60])
    shown = boxes([1, 0, 11, 10], [80, 80, 90, 90], [0, 0, 10, 10], [48, 48, 64, 64])
    assert match_boxes(shown, np.array([0.5, 0.9, 0.6, 0.7]), truth).tolist() == [-1, -1, 0, 1]
    assert match_boxes(shown, np.array([0.5, 0.9, 0.6, 0.7]), np.zeros((0, 4))).tolist() == [-1] * 4
