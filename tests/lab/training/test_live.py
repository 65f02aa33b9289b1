"""Curves in TensorBoard: written as the training goes, read back by TensorBoard's own reader."""

from pathlib import Path

import pytest

from edge_wbc.lab.training import live_curves
from edge_wbc.lab.training.curves import Epoch

FIGURES = {
    "lr": 0.1,
    "train_accuracy": 0.5,
    "val_loss": 2.0,
    "val_balanced_accuracy": 0.2,
    "val_auc": 0.7,
    "seconds": 1.0,
}


def epoch(number: int, train_loss: float) -> Epoch:
    return Epoch(epoch=number, train_loss=train_loss, val_accuracy=number / 10, **FIGURES)


def test_figure_9s_four_curves_are_there_after_each_epoch(tmp_path: Path) -> None:
    """After a kill in epoch 3 the curve goes on from the repeated epoch, not twice through it."""
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def lines() -> dict[str, list[tuple[int, float]]]:
        read = EventAccumulator(str(tmp_path / "run"))
        read.Reload()
        return {
            tag: [(event.step, round(event.value, 5)) for event in read.Scalars(tag)] for tag in read.Tags()["scalars"]
        }

    tell = live_curves(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    for number in (1, 2, 3):
        tell(epoch(number, 1 / number))
        assert lines()["cross-entropy/train"][-1] == (number, round(1 / number, 5))
    again = live_curves(tmp_path / "run")
    again(epoch(3, 0.25))
    assert lines() == {
        "cross-entropy/train": [(1, 1.0), (2, 0.5), (3, 0.25)],
        "cross-entropy/validation": [(1, 2.0), (2, 2.0), (3, 2.0)],
        "accuracy/train": [(1, 0.5), (2, 0.5), (3, 0.5)],
        "accuracy/validation": [(1, 0.1), (2, 0.2), (3, 0.3)],
    }
