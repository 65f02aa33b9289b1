"""Named recipes: how a network is trained, in numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.training.augment import Variation

__all__ = ["RECIPES", "Recipe"]

WARM_UP = 0.0500001
"""A twentieth of the steps; not exactly, for OneCycleLR divides by 20 steps' twentieth less one."""


@dataclass(frozen=True)
class Recipe:
    """One way to train.

    Attributes:
        epochs, batch, lr, weight_decay, label_smoothing: as everywhere; the batch is that of all ranks together.
        schedule: "step" multiplies lr by 0.1 every `step` epochs; "cosine" warms up over the first twentieth
            and falls to zero; "constant".
        optimiser: "sgd", with `momentum`, "adam" or "adamw".
        variation: how each crop is varied each time it is seen.
        colour: of the crop rule: how colours are normalised after they were varied, and on the phone.
        average: the decay of an exponential moving average of the weights, which is then what is judged and
            written; 0 for none.
        courses: how often training begins again from the same weights, with other draws and every second
            time without one of the labs; what the courses end with is averaged (model soup, Wortsman et al. 2022).
        freeze_norm: keep the batch-norm statistics of ImageNet instead of learning one lab's.
        mix_style: chance that an early stage mixes the styles of a batch's crops (Zhou et al. 2021).
        frozen: train the head alone, on features of crops as they are, which are computed once.
        keep: "last" keeps what the last epoch leaves, "auc" the epoch with the highest `macro_auc` of the validation
            part; of one course.
    """

    epochs: int
    batch: int
    lr: float
    schedule: str
    momentum: float = 0.9
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    step: int = 7
    optimiser: str = "sgd"
    variation: Variation = field(default_factory=Variation)
    colour: str = "none"
    average: float = 0.0
    courses: int = 1
    freeze_norm: bool = False
    mix_style: float = 0.0
    frozen: bool = False
    keep: str = "last"

    def __post_init__(self) -> None:
        if self.keep == "auc" and self.courses > 1:
            raise ValueError("an average of courses has no best epoch")

    def make_optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        """Over all parameters that learn."""
        return _OPTIMISERS[self.optimiser](self, [each for each in network.parameters() if each.requires_grad])

    def make_scheduler(
        self, optimiser: torch.optim.Optimizer, epochs: int, steps: int
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """The learning rate's course, stepped once a batch; `steps` batches make an epoch."""
        if self.schedule == "step":
            return torch.optim.lr_scheduler.StepLR(optimiser, self.step * steps, 0.1)
        if self.schedule == "constant":
            return torch.optim.lr_scheduler.ConstantLR(optimiser, 1.0)
        return torch.optim.lr_scheduler.OneCycleLR(
            optimiser,
            self.lr,
            total_steps=epochs * steps,
            pct_start=WARM_UP,
            cycle_momentum=False,
            final_div_factor=100,
        )


_OPTIMISERS: dict[str, Callable[[Recipe, list[nn.Parameter]], torch.optim.Optimizer]] = {
    "sgd": lambda how, learning: torch.optim.SGD(
        learning, how.lr, how.momentum, weight_decay=how.weight_decay, nesterov=how.momentum > 0
    ),
    "adam": lambda how, learning: torch.optim.Adam(learning, how.lr, weight_decay=how.weight_decay),
    "adamw": lambda how, learning: torch.optim.AdamW(learning, how.lr, weight_decay=how.weight_decay),
}


RECIPES: dict[str, Recipe] = {
    # A start for any network and any lab.
    "default": Recipe(
        epochs=12,
        batch=32,
        lr=0.02,
        schedule="cosine",
        weight_decay=1e-4,
        label_smoothing=0.05,
        variation=Variation(rotate=180, zoom=(0.85, 1.15), hue=0.05, optics=0.4),
    ),
    # For labs never seen: colours by what each part of a crop is, all that labs differ in varied, several courses
    # averaged (docs/domain-shift.md has what each brought).
    "shift": Recipe(
        epochs=6,
        batch=32,
        lr=0.007,
        schedule="cosine",
        weight_decay=1e-4,
        label_smoothing=0.05,
        variation=Variation(
            rotate=180, zoom=(0.85, 1.2), shift=0.05, stretch=0.04, stain=0.4, hue=0.08, optics=1.0, after=1.0
        ),
        colour="stain",
        average=0.99,
        courses=4,
    ),
    # From random weights: colours are left as they are, which doubles how fast shapes are learnt.
    "scratch": Recipe(
        epochs=10,
        batch=32,
        lr=0.02,
        schedule="cosine",
        weight_decay=1e-4,
        label_smoothing=0.05,
        variation=Variation(rotate=180),
    ),
    # Raabin-WBC, "Classification": SGD 0.001, batch 10, 15 epochs, x0.1 every 7; flips and rescaling balance
    # the classes. Its momentum is not published; 0.9 is torchvision's own and assumed here.
    "raabin": Recipe(epochs=15, batch=10, lr=0.001, schedule="step", variation=Variation(zoom=(0.8, 1.2))),
    # Course report: Adam 1e-4, 30 epochs, the epoch with the best validation AUC. Its batch is not published.
    "course": Recipe(epochs=30, batch=32, lr=1e-4, schedule="constant", optimiser="adam", keep="auc"),
    # Chossegros et al., the source training, as `adapt` has it: Adam 1e-4, 15 epochs, batches of 16, colours set by a
    # reference. Their smoothing is not published.
    "chossegros": Recipe(
        epochs=15, batch=16, lr=1e-4, schedule="constant", optimiser="adam", label_smoothing=0.1, colour="reinhard"
    ),
    # Yu et al.: frozen networks with a head of their own (NETWORK+yu). Nothing else of it is published.
    "yu": Recipe(epochs=30, batch=32, lr=1e-3, schedule="cosine", optimiser="adam", frozen=True),
}


def recipe_named(name: str) -> Recipe:
    """A recipe of the table; raises `BadInput` for another name."""
    if name not in RECIPES:
        raise BadInput("--recipe", f"unknown recipe {name!r}", f"one of: {', '.join(RECIPES)}")
    return RECIPES[name]
