"""Named recipes: how a network is trained, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torchvision.transforms import v2

from edge_wbc.core.errors import BadInput

__all__ = ["RECIPES", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """One way to train.

    Attributes:
        epochs, batch, lr, momentum, weight_decay, label_smoothing: as everywhere.
        schedule: "step" multiplies lr by 0.1 every `step` epochs; "cosine" warms up over the first twentieth
            and falls to zero.
        rotate: largest rotation in degrees.
        rescale: (smallest, largest) zoom.
        colour: strength of brightness, contrast, saturation (and a tenth of it of hue) jitter.
        blur: chance of a Gaussian blur.
    """

    epochs: int
    batch: int
    lr: float
    schedule: str
    momentum: float = 0.9
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    step: int = 7
    rotate: float = 0.0
    rescale: tuple[float, float] = (1.0, 1.0)
    colour: float = 0.0
    blur: float = 0.0

    def augment(self) -> nn.Module:
        """(3, S, S) uint8 -> (3, S, S) uint8, drawn anew at each call from torch's global generator."""
        steps: list[nn.Module] = [v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()]
        if self.rotate or self.rescale != (1.0, 1.0):
            steps.append(
                v2.RandomAffine(
                    self.rotate, scale=self.rescale, interpolation=v2.InterpolationMode.BILINEAR, fill=[225, 215, 215]
                )
            )
        if self.colour:
            steps.append(v2.ColorJitter(self.colour, self.colour, self.colour, self.colour / 10))
        if self.blur:
            steps.append(v2.RandomApply([v2.GaussianBlur(5, (0.3, 1.5))], self.blur))
        return v2.Compose(steps)

    def optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        """SGD over all parameters."""
        return torch.optim.SGD(
            network.parameters(), self.lr, self.momentum, weight_decay=self.weight_decay, nesterov=self.momentum > 0
        )

    def scheduler(
        self, optimiser: torch.optim.Optimizer, epochs: int, steps: int
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """The learning rate's course, stepped once a batch; `steps` batches make an epoch."""
        if self.schedule == "step":
            return torch.optim.lr_scheduler.StepLR(optimiser, self.step * steps, 0.1)
        return torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.lr, total_steps=epochs * steps, pct_start=0.05, cycle_momentum=False, final_div_factor=100
        )


RECIPES: dict[str, Recipe] = {
    # A start for any network and any lab.
    "default": Recipe(
        epochs=12,
        batch=32,
        lr=0.02,
        schedule="cosine",
        weight_decay=1e-4,
        label_smoothing=0.05,
        rotate=180,
        rescale=(0.85, 1.15),
        colour=0.2,
        blur=0.2,
    ),
    # From random weights: colours are left as they are, which doubles how fast shapes are learnt.
    "scratch": Recipe(
        epochs=10, batch=32, lr=0.02, schedule="cosine", weight_decay=1e-4, label_smoothing=0.05, rotate=180
    ),
    # Raabin-WBC, "Classification": SGD 0.001, batch 10, 15 epochs, x0.1 every 7; flips and rescaling balance
    # the classes. Its momentum is not published; 0.9 is torchvision's own and assumed here.
    "raabin": Recipe(epochs=15, batch=10, lr=0.001, schedule="step", rescale=(0.8, 1.2)),
}


def recipe_named(name: str) -> Recipe:
    """A recipe of the table; raises `BadInput` for another name."""
    if name not in RECIPES:
        raise BadInput("--recipe", f"unknown recipe {name!r}", f"one of: {', '.join(RECIPES)}")
    return RECIPES[name]
