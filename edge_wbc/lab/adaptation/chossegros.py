"""The workflow of Chossegros et al.: learn from the source, then fine-tune on at most 100 labels of the target.

Published: EfficientNet-B0 at 224 pixels, an embedding of 128, a head of 512 and the labels (six there, here as many as
the source run has), label smoothing, Adam at 1e-4, 15 epochs, batches of 16 with the sources mixed, colours
transferred to a source reference, learning rate, batch and epochs of the fine-tuning searched with Optuna in 3 folds.
Not published, and chosen here: smoothing 0.1, dropout 0.5, the ranges below, 10 trials on a CPU and 30 on a GPU, flips
as the only variation, the reference of `core.colour`, accuracy as what the search maximises.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import safetensors.torch
import torch
from sklearn.model_selection import StratifiedKFold
from torch import nn

from edge_wbc.core.colour import normalise as normalise_colour
from edge_wbc.core.crops import CropRule
from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.lab.adaptation.fitting import Batch, fit
from edge_wbc.lab.adaptation.published import Setting
from edge_wbc.lab.models import build_network, entry_of, pick_device
from edge_wbc.lab.training.augment import Variation, vary
from edge_wbc.lab.training.judging import predict_logits
from edge_wbc.lab.training.run import TrainedRun, read_weights

if TYPE_CHECKING:
    import optuna

__all__ = ["ChossegrosOptions", "Numbers", "Tuned", "fine_tuned", "searched", "source_crops", "source_network"]

Progress = Callable[[str, int, int], None]
_FOLDS = 3
_FLIPS = Variation()


@dataclass(frozen=True)
class Numbers:
    """What the search moves; as published for the source."""

    lr: float = 1e-4
    batch: int = 16
    epochs: int = 15


@dataclass(frozen=True)
class ChossegrosOptions:
    """What to train and how long.

    Attributes:
        model: without its head; the paper's is efficientnet_b0.
        size: of its crops, in pixels.
        epochs: of the source training.
        trials: of the search; 0 takes the published numbers for the fine-tuning too.
    """

    model: str = "efficientnet_b0"
    size: int = 224
    epochs: int = 15
    trials: int = 30
    smoothing: float = 0.1

    @property
    def network(self) -> str:
        """Its name in the registry."""
        return f"{self.model}+embedding"


@dataclass(frozen=True)
class Crops:
    """Labelled crops: (N, S, S, 3) uint8 in their photographs' colours, (N,) int64 outputs out of `labels`."""

    raw: np.ndarray
    columns: np.ndarray
    labels: int

    def rows(self, rows: np.ndarray) -> Crops:
        """Some of them."""
        return Crops(self.raw[rows], self.columns[rows], self.labels)

    def joined(self, other: Crops) -> Crops:
        """These and others."""
        return Crops(np.concatenate([self.raw, other.raw]), np.concatenate([self.columns, other.columns]), self.labels)


@dataclass(frozen=True)
class Tuned:
    """A fine-tuned network, the numbers it was tuned with, and logits of the labels in folds that left them out."""

    network: nn.Module
    numbers: Numbers
    held_out: np.ndarray | None


def source_crops(run: TrainedRun, part: str, size: int) -> Crops:
    """A source run's crops of a part, scaled to another size.

    Raises:
        BadInput: a pack, which holds no crops.
    """
    if not (run.path / "crops.npy").is_file():
        raise BadInput(run.path, "holds no source crops to learn from", "give the RUN that it was exported from")
    raw, columns = run.crops(part)
    smooth = cv2.INTER_AREA if raw.shape[1] > size else cv2.INTER_LINEAR
    scaled = [crop if len(crop) == size else cv2.resize(crop, (size, size), interpolation=smooth) for crop in raw]
    return Crops(np.stack(scaled), columns, len(run.labels))


def source_network(
    run: TrainedRun | None,
    labels: int,
    options: ChossegrosOptions,
    colour: str,
    keep: Path,
    seed: int,
    progress: Progress | None = None,
) -> nn.Module:
    """The network after the source training, which is kept in a file and read from there the next time.

    Args:
        run: the source; None for ImageNet's weights alone.
        keep: a folder for the file.

    Raises:
        BadInput: the ImageNet weights cannot be had, or `run` is a pack.
    """
    torch.manual_seed(seed)
    try:
        network = build_network(options.network, labels, imagenet=True)
    except OSError as error:
        raise BadInput(
            options.model, f"its ImageNet weights cannot be had ({error})", "choose another --model"
        ) from error
    network = network.to(pick_device())
    if run is None:
        return network
    file = keep / f"source.{colour}.safetensors"
    if file.is_file():
        read_weights(file, network)
        return network
    crops = source_crops(run, "train", options.size)
    numbers = Numbers(epochs=options.epochs)
    network = _trained(network, crops, numbers, options, colour, seed, (), progress and _titled(progress, "source"))
    write_whole(
        file, safetensors.torch.save({name: value.contiguous() for name, value in network.state_dict().items()})
    )
    return network


def fine_tuned(
    network: nn.Module,
    target: Crops,
    source: Crops | None,
    setting: Setting,
    options: ChossegrosOptions,
    colour: str,
    seed: int,
    progress: Progress | None = None,
) -> Tuned:
    """The source network after fine-tuning on the target's labels, with numbers searched on them.

    Args:
        source: crops to mix with the target's, as many as there are labels; where the setting asks for it.
    """
    if setting.tuned == "nothing":
        return Tuned(network.eval(), Numbers(), None)
    numbers, held_out = Numbers(), None

    def tuned(crops: Crops, numbers: Numbers, told: Callable[[int, int], None] | None = None) -> nn.Module:
        copied = copy.deepcopy(network)
        if source is not None:
            chance = np.random.default_rng(seed)
            crops = crops.joined(source.rows(chance.permutation(len(source.raw))[: len(crops.raw)]))
        return _trained(copied, crops, numbers, options, colour, seed, _body(copied, options, setting), told)

    if options.trials:
        numbers, held_out = searched(tuned, target, options.trials, colour, seed, progress)
    return Tuned(tuned(target, numbers, progress and _titled(progress, "fine-tuning")), numbers, held_out)


def searched(
    tuned: Callable[[Crops, Numbers], nn.Module],
    target: Crops,
    trials: int,
    colour: str,
    seed: int,
    progress: Progress | None = None,
) -> tuple[Numbers, np.ndarray]:
    """The numbers with the highest accuracy over 3 folds of the labels, and the logits in those folds.

    The first trial is that of the published numbers.

    Raises:
        BadInput: fewer labels than make 3 folds.
    """
    import optuna

    if len(target.raw) < 2 * _FOLDS:
        raise BadInput("--shots", f"{len(target.raw)} labels make no {_FOLDS} folds", "ask for more, or --trials 0")
    with warnings.catch_warnings():
        # A label with fewer cells than folds is absent from some.
        warnings.simplefilter("ignore", UserWarning)
        splitter = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
        folds = list(splitter.split(target.raw, target.columns))
    logits: dict[int, np.ndarray] = {}

    def accuracy(trial: optuna.Trial) -> float:
        numbers = Numbers(
            trial.suggest_float("lr", 1e-5, 3e-3, log=True),
            trial.suggest_categorical("batch", (8, 16, 32)),
            trial.suggest_int("epochs", 5, 30, step=5),
        )
        found = np.zeros((len(target.raw), target.labels), np.float32)
        right = 0
        for fold, (learned, asked) in enumerate(folds):
            network = tuned(target.rows(learned), numbers)
            found[asked] = predict_logits(network, normalise_colour(target.raw[asked], colour))
            right += int((found[asked].argmax(1) == target.columns[asked]).sum())
            if progress:
                progress(f"search {trial.number + 1}/{trials}", trial.number * _FOLDS + fold + 1, trials * _FOLDS)
        logits[trial.number] = found
        return right / len(target.raw)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial({"lr": Numbers.lr, "batch": Numbers.batch, "epochs": Numbers.epochs})
    study.optimize(accuracy, trials)
    return Numbers(**study.best_params), logits[study.best_trial.number]


def _trained(
    network: nn.Module,
    crops: Crops,
    numbers: Numbers,
    options: ChossegrosOptions,
    colour: str,
    seed: int,
    at_rest: Sequence[nn.Module],
    told: Callable[[int, int], None] | None = None,
) -> nn.Module:
    torch.manual_seed(seed)
    moving = [parameter for parameter in network.parameters() if parameter.requires_grad]
    batch = min(numbers.batch, len(crops.raw))
    # The last, short batch of an epoch is left to the next one: a batch of one has no batch statistics.
    each = len(crops.raw) // batch
    chance = np.random.default_rng(seed)
    order = np.concatenate([chance.permutation(len(crops.raw))[: each * batch] for _ in range(numbers.epochs)])
    smooth = np.eye(crops.labels, dtype=np.float32) * (1 - options.smoothing) + options.smoothing / crops.labels

    def draw(step: int) -> Batch:
        rows = order[step * batch : (step + 1) * batch]
        return vary(crops.raw[rows], chance, _FLIPS, colour), smooth[crops.columns[rows]]

    steps = each * numbers.epochs
    optimiser = torch.optim.Adam(moving, numbers.lr)
    return fit(network, draw, steps, optimiser, at_rest=at_rest, told=told and (lambda step: told(step, steps)))


def _body(network: nn.Module, options: ChossegrosOptions, setting: Setting) -> Sequence[nn.Module]:
    """What stays as it is in the fine-tuning: everything but the head, or nothing."""
    if setting.tuned == "all":
        return ()
    head = network.get_submodule(entry_of(options.network).head)
    network.requires_grad_(False)
    head.requires_grad_(True)
    inside = set(head.modules())
    return [module for module in network.modules() if module not in inside]


def _titled(progress: Progress, title: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(title, done, total)


def rule_of(rule: CropRule, options: ChossegrosOptions, setting: Setting) -> CropRule:
    """The source's crop rule at this network's size and in the setting's colours."""
    return replace(rule, size=options.size, colour="reinhard" if setting.colour else "none")
