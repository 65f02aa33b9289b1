"""Training curves, as CSV and PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from matplotlib.figure import Figure

__all__ = ["Epoch", "curves_csv", "curves_png"]


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to; accuracies 0 to 1, seconds of wall time."""

    epoch: int
    lr: float
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    val_balanced_accuracy: float
    seconds: float


def curves_csv(history: Sequence[Epoch]) -> bytes:
    """One line an epoch."""
    lines = [",".join(asdict(history[0]))] + [",".join(f"{value:.6g}" for value in asdict(e).values()) for e in history]
    return ("\n".join(lines) + "\n").encode()


def curves_figure(history: Sequence[Epoch]) -> Figure:
    """Loss and accuracy over epochs, training and validation."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    epochs = [epoch.epoch for epoch in history]
    for axes, name, values in (
        (loss, "train", [epoch.train_loss for epoch in history]),
        (loss, "validation", [epoch.val_loss for epoch in history]),
        (accuracy, "train", [epoch.train_accuracy for epoch in history]),
        (accuracy, "validation", [epoch.val_accuracy for epoch in history]),
    ):
        axes.plot(epochs, values, marker="o", markersize=3, label=name)
    for axes, title in ((loss, "cross-entropy"), (accuracy, "accuracy")):
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False)
    accuracy.set_ylim(top=1.0)
    return figure


def curves_png(history: Sequence[Epoch]) -> bytes:
    """The figure as PNG."""
    stream = io.BytesIO()
    curves_figure(history).savefig(stream, dpi=120, format="png", metadata={"Software": None})
    return stream.getvalue()
