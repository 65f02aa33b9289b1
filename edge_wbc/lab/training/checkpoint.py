"""What a killed training goes on from."""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping, Sequence
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
    """A training's file ``checkpoint.pt`` and what it keeps.

    Attributes:
        parts: by name: the network, its optimiser, the rate's course, an average of the weights.
    """

    path: Path
    parts: Mapping[str, nn.Module | torch.optim.Optimizer | torch.optim.lr_scheduler.LRScheduler]

    def save(self, history: Sequence[Any], best: Mapping[str, Any] | None = None) -> None:
        """Writes it whole, with a dataclass for each epoch and, where a loop chooses one, the best so far."""
        states = {name: part.state_dict() for name, part in self.parts.items()}
        stream = io.BytesIO()
        torch.save({**states, "history": [asdict(epoch) for epoch in history], "best": best}, stream)
        write_whole(self.path, stream.getvalue())

    def load(self, device: torch.device) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """Puts everything back and returns history and best epoch; those of a training not begun where it is absent."""
        if not self.path.is_file():
            return [], None
        saved = torch.load(self.path, map_location=device, weights_only=True)
        self.restore({name: saved[name] for name in self.parts})
        return saved["history"], saved["best"]

    def restore(self, states: Mapping[str, Any]) -> None:
        """Gives those parts that `states` names the state they had."""
        for name, state in states.items():
            part = self.parts[name]
            if isinstance(part, nn.Module):
                load_weights(part, state)
            else:
                part.load_state_dict(copy.deepcopy(state))
