"""What a killed training goes on from."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edge_wbc.core.files import write_whole
from edge_wbc.lab.models import load_weights

__all__ = ["Checkpoint"]


@dataclass(frozen=True)
class Checkpoint:
    """A training's file ``checkpoint.pt`` and what it keeps: the network, its optimiser and the rate's course."""

    path: Path
    network: nn.Module
    optimiser: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler

    def save(self, best: dict[str, Any], history: Sequence[Any]) -> None:
        """Writes it whole, with the best epoch so far and a dataclass for each epoch."""
        stream = io.BytesIO()
        torch.save(
            {
                "network": self.network.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "scheduler": self.scheduler.state_dict(),
                "best": best,
                "history": [asdict(epoch) for epoch in history],
            },
            stream,
        )
        write_whole(self.path, stream.getvalue())

    def load(self, device: torch.device) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Puts everything back and returns best epoch and history; those of a training not begun where it is absent."""
        if not self.path.is_file():
            return {"score": -1.0, "state": {}}, []
        saved = torch.load(self.path, map_location=device, weights_only=True)
        load_weights(self.network, saved["network"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.scheduler.load_state_dict(saved["scheduler"])
        return saved["best"], saved["history"]
