"""Curves in TensorBoard while a training goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge_wbc.lab.training.curves import PANELS, Epoch

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["live_curves"]


def live_curves(folder: Path) -> Callable[[Epoch], None]:
    """What writes each epoch that it is called with into a folder that ``tensorboard --logdir`` shows.

    The folder is made with the first epoch; a training that goes on after a kill overwrites what it repeats.

    Raises:
        ModuleNotFoundError: the package tensorboard is not installed.
    """
    from torch.utils.tensorboard import SummaryWriter

    writers: list[SummaryWriter] = []

    def tell(epoch: Epoch) -> None:
        if not writers:
            writers.append(SummaryWriter(str(folder), purge_step=epoch.epoch))
        for title, lines in PANELS.items():
            for name, value in lines.items():
                writers[0].add_scalar(f"{title}/{name}", getattr(epoch, value), epoch.epoch)
        writers[0].flush()

    return tell
