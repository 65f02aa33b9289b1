"""Training curves, as CSV and PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from matplotlib.figure import Figure

__all__ = ["PANELS", "Epoch", "curves_csv", "curves_png"]


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to; accuracies 0 to 1, AUC macro one against the rest, seconds of wall time."""

    epoch: int
    lr: float
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    val_balanced_accuracy: float
    val_auc: float
    seconds: float

    def told(self, epochs: int) -> str:
        """It in one line."""
        return (
            f"epoch {self.epoch}/{epochs}: loss {self.train_loss:.3f}, validation accuracy {self.val_accuracy:.3f} "
            f"(balanced {self.val_balanced_accuracy:.3f}, AUC {self.val_auc:.3f}), {self.seconds:.0f} s"
        )


# Title -> name of a line -> what it draws.
Panels = Mapping[str, Mapping[str, str]]
PANELS: Panels = {
    "cross-entropy": {"train": "train_loss", "validation": "val_loss"},
    "accuracy": {"train": "train_accuracy", "validation": "val_accuracy"},
}


def curves_csv(history: Sequence[Any]) -> bytes:
    """One line an epoch; `history` holds dataclasses of numbers."""
    lines = [",".join(asdict(history[0]))] + [",".join(f"{value:.6g}" for value in asdict(e).values()) for e in history]
    return ("\n".join(lines) + "\n").encode()


def curves_figure(history: Sequence[Any], panels: Panels) -> Figure:
    """Figures over epochs, those of one kind in one panel."""
    figure = Figure(figsize=(4 * len(panels), 3.2), layout="constrained")
    epochs = [epoch.epoch for epoch in history]
    for axes, (title, lines) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        for name, value in lines.items():
            axes.plot(epochs, [getattr(epoch, value) for epoch in history], marker="o", markersize=3, label=name)
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(frameon=False)
    # Shares are in the last panel.
    figure.axes[-1].set_ylim(top=1.0)
    return figure


def curves_png(history: Sequence[Any], panels: Panels) -> bytes:
    """The figure as PNG."""
    stream = io.BytesIO()
    curves_figure(history, panels).savefig(stream, dpi=120, format="png", metadata={"Software": None})
    return stream.getvalue()
