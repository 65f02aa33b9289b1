"""The training loop, to be read from top to bottom."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from edge_wbc.core.colour import normalise
from edge_wbc.core.crops import CropRule
from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.lab.datasets import Dataset
from edge_wbc.lab.datasets.split import PARTS
from edge_wbc.lab.models import build_network, check_size, head_of, load_weights
from edge_wbc.lab.training.augment import vary
from edge_wbc.lab.training.averaging import averaged
from edge_wbc.lab.training.checkpoint import Checkpoint
from edge_wbc.lab.training.curves import PANELS, Epoch, curves_csv, curves_png
from edge_wbc.lab.training.draws import draw_rows, expected_draws, of_course, prepared
from edge_wbc.lab.training.frozen import features_of, freeze_body, head_logits
from edge_wbc.lab.training.judging import calibrated, judge, predict_logits, settle, to_input
from edge_wbc.lab.training.ranks import ALONE, Ranks
from edge_wbc.lab.training.recipes import Recipe, recipe_named
from edge_wbc.lab.training.run import (
    claim,
    column_of,
    link_crops,
    read_crops,
    read_facts,
    versions,
    write_crops,
    write_run,
)
from edge_wbc.lab.training.shift import freeze_norm, mixed_style
from edge_wbc.lab.training.sources import cut_sources, name_domains, output_labels, source_facts, with_labels

__all__ = ["TrainOptions", "predict_logits", "train"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TrainOptions:
    """What to train and how.

    Attributes:
        recipe: a name of the table, or a recipe of one's own.
        weights: "imagenet" (scratch where it cannot be had, said in the log), or "none".
        epochs, batch, lr: instead of the recipe's own, where given.
        size: of the crops, in pixels.
        labels: "5", "6" or "7" leave out what is none of that set of `taxonomy.CLASS_SETS`, which the data were read
            with; "guard" folds what is none of the five classes into one label "artifact", "all" keeps it.
    """

    model: str = "mobilenet_v2"
    recipe: str | Recipe = "default"
    weights: str = "imagenet"
    epochs: int | None = None
    batch: int | None = None
    lr: float | None = None
    size: int = 96
    seed: int = 0
    labels: str = "all"

    def resolved(self) -> Recipe:
        """The recipe with the options' own numbers in it."""
        given = {name: value for name in ("epochs", "batch", "lr") if (value := getattr(self, name)) is not None}
        if any(value <= 0 for value in given.values()):
            raise BadInput("--epochs, --batch, --lr", "must be positive")
        return replace(recipe_named(self.recipe) if isinstance(self.recipe, str) else self.recipe, **given)


def train(
    datasets: Sequence[Dataset],
    out: Path,
    options: TrainOptions,
    progress: Progress | None = None,
    log: Callable[[str], None] = lambda line: None,
    ranks: Ranks = ALONE,
    told: Callable[[Epoch], None] | None = None,
    crops_from: Path | None = None,
) -> dict[str, Any]:
    """Trains a network on labelled cells of one or several labs; called again after a kill, it goes on.

    What the last epoch leaves is kept: the average of the weights where the recipe has one. The rates end near zero,
    and a validation part of the same labs, at 99% for epochs on end, can't tell which epoch another lab would choose;
    it serves the temperature and the threshold instead, the better for not having chosen anything. A paper's recipe
    may choose all the same.

    Args:
        progress: called with a title, steps done and steps in all.
        log: called with one line about each epoch, and about weights that could not be had.
        told: called with each epoch's figures.
        ranks: the processes that train together, each calling this with the same arguments.
        crops_from: a folder that holds these datasets' crops of this size, cut and split, as a run does.

    Returns:
        The facts of run.json.

    Raises:
        BadInput: data that cannot be trained on, or a run folder begun with other options.
    """
    recipe = options.resolved()
    check_size(options.model, options.size)
    if recipe.batch % ranks.count:
        raise BadInput("--batch", f"{recipe.batch} crops can't be shared by {ranks.count} ranks alike")
    if recipe.batch == ranks.count and not recipe.freeze_norm:
        raise BadInput("--batch", "one crop a rank has no batch statistics", f"give it {2 * ranks.count} or more")
    if not ranks.first:
        progress, log = None, lambda line: None
    rule = CropRule(size=options.size, colour=recipe.colour)
    domains = {name: with_labels(data, options.labels) for name, data in name_domains(datasets).items()}
    sources = source_facts(domains, options.seed)
    if ranks.first:
        paths = {name: str(data.path.resolve()) for name, data in domains.items()}
        claim(out, {"data": paths, "domains": sources, **asdict(replace(options, recipe=recipe))})
    ranks.wait()
    if (out / "run.json").is_file():
        log(f"{out} is finished already; --out another folder to train anew")
        return read_facts(out)
    if ranks.first and not (out / "crops.csv").is_file():
        if crops_from:
            link_crops(crops_from, out)
        else:
            write_crops(out, *cut_sources(domains, replace(rule, colour="none"), options.seed, progress))
    ranks.wait()
    pixels, crops = read_crops(out)
    labels = output_labels([crop.label for crop in crops], options.labels)
    targets = np.array([column_of(crop.label, labels) for crop in crops])
    rows = {part: np.flatnonzero([crop.part == part for crop in crops]) for part in PARTS}
    unseen = set(range(len(labels))) - set(targets[rows["train"]])
    if unseen:
        raise BadInput(f"class {labels[min(unseen)]!r}", "is in no training part", "add smears or remove the class")
    if recipe.keep == "auc" and len(set(targets[rows["val"]])) < 2:
        raise BadInput("the validation part", "has one class, and so no AUC to choose an epoch by", "add smears")

    device = ranks.device()
    torch.manual_seed(options.seed)
    network, weights = _start(options, len(labels), log)
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    learner, features = network, None
    if recipe.frozen:
        learner = head_of(network, options.model)
        freeze_body(network, learner)
        tell = partial(progress, "features") if progress else lambda done, total: None
        features = features_of(network, learner, pixels, rule.colour, tell)
    settled = not (recipe.freeze_norm or recipe.frozen)
    average = averaged(network, recipe.average) if recipe.average else None
    judged = average.module if average else network

    # A batch of one has no batch statistics: the last, short batch of an epoch is left to the next one.
    steps = max(1, len(rows["train"]) // recipe.batch)
    draws = steps * recipe.batch
    labs = [crops[row].domain for row in rows["train"]]
    optimiser = recipe.make_optimiser(network)
    scheduler = recipe.make_scheduler(optimiser, recipe.epochs, steps)
    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    halved = device.type == "cuda" and torch.cuda.is_bf16_supported()
    parts = {"network": network, "optimiser": optimiser, "scheduler": scheduler}
    if average:
        parts["average"] = average
    # A network may have 140 million weights: no copy of them that is not needed.
    begun = copy.deepcopy({name: part.state_dict() for name, part in parts.items() if recipe.courses > 1})
    soup = AveragedModel(network, use_buffers=True) if recipe.courses > 1 else None
    checkpoint = Checkpoint(out / "checkpoint.pt", {**parts, "soup": soup} if soup else parts)
    saved, best = checkpoint.load(device)
    history = [Epoch(**epoch) for epoch in saved]
    epochs = recipe.courses * recipe.epochs
    if history:
        log(f"goes on after epoch {len(history)} of {epochs}")
    together = ranks.together(learner)

    for epoch in range(len(history) + 1, epochs + 1):
        started = time.perf_counter()
        if epoch > 1 and (epoch - 1) % recipe.epochs == 0:
            checkpoint.restore(begun)
        # Each epoch and each batch has its own seed, so that a resumed training draws what an uninterrupted one
        # would have. The ranks draw the same rows and share them.
        heard = rows["train"][of_course((epoch - 1) // recipe.epochs, targets[rows["train"]], labs)]
        cells = [(crops[row].domain, crops[row].label) for row in heard]
        expected = expected_draws(targets[heard], cells, draws)
        drawn = heard[draw_rows(expected, draws, np.random.default_rng((options.seed, epoch)))]
        own = drawn.reshape(steps, -1, ranks.count)[..., ranks.rank]
        chance = np.random.default_rng((options.seed, epoch, 0, ranks.rank))
        torch.manual_seed(int(chance.integers(2**62)))

        def batch(step: int, own: np.ndarray = own, epoch: int = epoch) -> tuple[torch.Tensor, torch.Tensor]:
            chance = np.random.default_rng((options.seed, epoch, step + 1, ranks.rank))
            if features is not None:
                return torch.from_numpy(features[own[step]]), torch.from_numpy(targets[own[step]])
            varied = vary(pixels[own[step]], chance, recipe.variation, rule.colour)
            return torch.from_numpy(varied), torch.from_numpy(targets[own[step]])

        totals = torch.zeros(2, device=device)
        with mixed_style(network, recipe.mix_style, chance):
            network.eval()
            learner.train()
            if recipe.freeze_norm:
                freeze_norm(network)
            for step, (varied, truth) in enumerate(prepared(batch, steps, _threads(device)), 1):
                truth = truth.to(device)
                with torch.autocast(device.type, torch.bfloat16, enabled=halved):
                    logits = together(to_input(network, varied) if features is None else varied.to(device))
                    loss = criterion(logits, truth)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                scheduler.step()
                if average:
                    average.update_parameters(network)
                totals += torch.stack([loss.detach(), (logits.argmax(1) == truth).float().mean()])
                if progress and (step % 10 == 0 or step == steps):
                    progress(
                        f"epoch {epoch}/{epochs}  loss {totals[0].item() / step:.3f}",
                        (epoch - 1) * steps + step,
                        epochs * steps,
                    )
        loss_mean, right = (total / steps / ranks.count for total in ranks.summed(totals.tolist()))
        if not np.isfinite(loss_mean):
            raise BadInput(out, f"the loss is not a number in epoch {epoch}", "train again at a lower --lr")
        # Read off varied crops, the statistics serve other labs better than off plain ones, and this lab as well.
        typical = vary(pixels[drawn[:640]], chance, recipe.variation, rule.colour) if settled else None
        if typical is not None:
            settle(judged, typical)
        if soup and epoch % recipe.epochs == 0:
            soup.update_parameters(judged)
        if soup and epoch == epochs:
            judged = soup.module
            if typical is not None:
                settle(judged, typical)
        if ranks.first:
            if features is None:
                logits = predict_logits(judged, normalise(pixels[rows["val"]], rule.colour))
            else:
                logits = head_logits(head_of(judged, options.model), features[rows["val"]])
            figures = judge(logits, targets[rows["val"]], labels)
            seconds = time.perf_counter() - started
            history.append(Epoch(epoch, optimiser.param_groups[0]["lr"], loss_mean, right, *figures, seconds))
            if recipe.keep == "auc" and (best is None or history[-1].val_auc > best["auc"]):
                state = {name: value.detach().cpu().clone() for name, value in judged.state_dict().items()}
                best = {"epoch": epoch, "auc": history[-1].val_auc, "state": state}
            log(history[-1].told(epochs))
            if told is not None:
                told(history[-1])
            checkpoint.save(history, best)

    if ranks.first:
        if best:
            load_weights(judged, best["state"])
        facts = {
            "model": options.model,
            "labels": list(labels),
            "crop": asdict(rule),
            "weights": weights,
            "recipe": {"name": options.recipe if isinstance(options.recipe, str) else "own", **asdict(recipe)},
            "epoch": best["epoch"] if best else epochs,
            "seed": options.seed,
            "parts": {part: len(rows[part]) for part in PARTS},
            "domains": sources,
            "versions": versions(device),
            **calibrated(judged, pixels, rule.colour, targets, crops, labels),
        }
        write_whole(out / "curves.csv", curves_csv(history))
        write_whole(out / "curves.png", curves_png(history, PANELS))
        write_run(out, judged, facts)
        checkpoint.path.unlink()
    ranks.wait()
    return read_facts(out)


def _start(options: TrainOptions, labels: int, log: Callable[[str], None]) -> tuple[nn.Module, str]:
    """The network to start from, and which weights it has."""
    if options.weights == "imagenet":
        try:
            return build_network(options.model, labels, imagenet=True), "imagenet"
        except OSError as error:
            log(f"no ImageNet weights for {options.model} ({error}): training from scratch")
    return build_network(options.model, labels), "none"


def _threads(device: torch.device) -> int:
    """How many batches are prepared at a time: a GPU is done with one before one core has varied the next."""
    return 8 if device.type == "cuda" else 1
