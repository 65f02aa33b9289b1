"""The training loop, to be read from top to bottom."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import update_bn
from torch.utils.data import DataLoader, Subset, TensorDataset, WeightedRandomSampler

from edge_wbc.core.crops import CropRule
from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.core.taxonomy import FIVE_CLASSES
from edge_wbc.lab.datasets import Dataset, LoadedCrops, load_crops
from edge_wbc.lab.datasets.split import PARTS, check_enough
from edge_wbc.lab.datasets.splitfile import SPLIT_FILE, draw_split, parts_of
from edge_wbc.lab.evaluation import choose_threshold, evaluate, fit_temperature
from edge_wbc.lab.models import build_network, load_weights, normalise, pick_device
from edge_wbc.lab.training.checkpoint import Checkpoint
from edge_wbc.lab.training.curves import PANELS, Epoch, curves_csv, curves_png
from edge_wbc.lab.training.recipes import Recipe, recipe_named
from edge_wbc.lab.training.run import claim, crop_facts, read_crops, versions, write_crops, write_run

__all__ = ["TrainOptions", "predict_logits", "train"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TrainOptions:
    """What to train and how.

    Attributes:
        weights: "imagenet" (scratch where it cannot be had, said in the log), or "none".
        epochs, batch, lr: instead of the recipe's own, where given.
        size: of the crops, in pixels.
    """

    model: str = "mobilenet_v2"
    recipe: str = "default"
    weights: str = "imagenet"
    epochs: int | None = None
    batch: int | None = None
    lr: float | None = None
    size: int = 96
    seed: int = 0

    def resolved(self) -> Recipe:
        """The recipe with the options' own numbers in it."""
        given = {name: value for name in ("epochs", "batch", "lr") if (value := getattr(self, name)) is not None}
        if any(value <= 0 for value in given.values()):
            raise BadInput("--epochs, --batch, --lr", "must be positive")
        return replace(recipe_named(self.recipe), **given)


def train(
    data: Dataset,
    out: Path,
    options: TrainOptions,
    progress: Progress | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Trains a network on labelled cells and writes the run folder; called again after a kill, it goes on.

    Args:
        progress: called with a title, steps done and steps in all.
        log: called with one line about each epoch, and about weights that could not be had.

    Returns:
        The facts of run.json.

    Raises:
        BadInput: data that cannot be trained on, or a run folder begun with other options.
    """
    recipe = options.resolved()
    rule = CropRule(size=options.size)
    split = _split_facts(data, options.seed)
    claim(
        out,
        {
            "data": str(data.path.resolve()),
            "cells": len(data.items),
            "split": split.get("sha256"),
            **asdict(options),
        },
    )
    if (out / "run.json").is_file():
        log(f"{out} is finished already; --out another folder to train anew")
        facts: dict[str, Any] = json.loads((out / "run.json").read_text())
        return facts
    if not (out / "crops.csv").is_file():
        loaded = load_crops(data, rule, progress)
        write_crops(out, loaded, _parts(data, loaded, options.seed))
    pixels, names, parts = read_crops(out)
    known = set(names)
    labels = tuple(label for label in FIVE_CLASSES if label in known) + tuple(sorted(known - set(FIVE_CLASSES)))
    targets = np.array([labels.index(name) for name in names])
    rows = {part: np.flatnonzero(np.asarray(parts) == part) for part in PARTS}

    device = pick_device()
    torch.manual_seed(options.seed)
    imagenet = options.weights == "imagenet"
    try:
        network = build_network(options.model, len(labels), imagenet)
    except OSError as error:
        log(f"no ImageNet weights for {options.model} ({error}): training from scratch")
        imagenet = False
        network = build_network(options.model, len(labels))
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    chosen, weigh = rows["train"], np.bincount(targets[rows["train"]], minlength=len(labels))
    # A batch of one has no batch statistics: the last, short batch of an epoch is left to the next one.
    steps = max(1, len(chosen) // recipe.batch)
    optimiser = recipe.optimiser(network)
    scheduler = recipe.scheduler(optimiser, recipe.epochs, steps)
    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    augment = recipe.augment()
    checkpoint = Checkpoint(out / "checkpoint.pt", network, optimiser, scheduler)
    best, epochs = checkpoint.load(device)
    history = [Epoch(**epoch) for epoch in epochs]
    if history:
        log(f"goes on after epoch {len(history)} of {recipe.epochs}")

    crops = TensorDataset(
        torch.from_numpy(np.ascontiguousarray(pixels[chosen])).permute(0, 3, 1, 2), torch.from_numpy(targets[chosen])
    )
    for epoch in range(len(history) + 1, recipe.epochs + 1):
        started = time.perf_counter()
        # Each epoch has its own seed, so that a resumed training draws what an uninterrupted one would have.
        torch.manual_seed(options.seed * 1_000_003 + epoch)
        sampler = WeightedRandomSampler((1.0 / weigh[targets[chosen]]).tolist(), steps * recipe.batch)
        network.train()
        total_loss = total_right = 0.0
        for step, (batch, truth) in enumerate(DataLoader(crops, recipe.batch, sampler=sampler), 1):
            varied = torch.stack([augment(crop) for crop in batch])
            truth = truth.to(device)
            logits = network(normalise(network, varied.to(device)))
            loss = criterion(logits, truth)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            scheduler.step()
            total_loss += loss.item()
            total_right += (logits.argmax(1) == truth).float().mean().item()
            if progress:
                progress(
                    f"epoch {epoch}/{recipe.epochs}  loss {total_loss / step:.3f}",
                    (epoch - 1) * steps + step,
                    recipe.epochs * steps,
                )
        if not np.isfinite(total_loss):
            raise BadInput(out, f"the loss is not a number in epoch {epoch}", "train again at a lower --lr")
        _settle(network, crops)
        judged = _judge(network, pixels, targets, rows["val"], labels)
        history.append(
            Epoch(
                epoch,
                optimiser.param_groups[0]["lr"],
                total_loss / steps,
                total_right / steps,
                judged["loss"],
                judged["accuracy"],
                judged["balanced_accuracy"],
                time.perf_counter() - started,
            )
        )
        log(
            f"epoch {epoch}/{recipe.epochs}: loss {history[-1].train_loss:.3f}, validation accuracy "
            f"{judged['accuracy']:.3f} (balanced {judged['balanced_accuracy']:.3f}), {history[-1].seconds:.0f} s"
        )
        if judged["balanced_accuracy"] >= best["score"]:
            state = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
            best = {"score": judged["balanced_accuracy"], "epoch": epoch, "state": state}
        checkpoint.save(best, history)

    load_weights(network, best["state"])
    facts = {
        "model": options.model,
        "labels": list(labels),
        "crop": crop_facts(rule),
        "weights": "imagenet" if imagenet else "none",
        "recipe": {"name": options.recipe, **asdict(recipe)},
        "seed": options.seed,
        "best_epoch": best["epoch"],
        "dropped": data.dropped,
        "split": split,
        "parts": {part: len(rows[part]) for part in PARTS},
        "versions": versions(device),
        **_calibrated(network, pixels, targets, rows, labels),
    }
    write_whole(out / "curves.csv", curves_csv(history))
    write_whole(out / "curves.png", curves_png(history, PANELS))
    write_run(out, network, facts)
    checkpoint.path.unlink()
    return facts


def _parts(data: Dataset, loaded: LoadedCrops, seed: int) -> list[str]:
    """The parts of the dataset's own split.csv, proved first, or parts drawn by seed where it has none."""
    if (data.path / SPLIT_FILE).is_file():
        parts = parts_of(data.path / SPLIT_FILE, data, loaded.sha256)
        empty = [part for part in PARTS if part not in parts]
        if empty:
            raise BadInput(data.path / SPLIT_FILE, f"puts none of these cells into {empty[0]}", "draw it again")
        return parts
    labels = [item.label for item in data.items]
    check_enough(labels)
    rows = draw_split(data, dict(zip((item.name for item in data.items), loaded.sha256, strict=True)), seed)
    return [row.part for row in rows]


def _split_facts(data: Dataset, seed: int) -> dict[str, Any]:
    file = data.path / SPLIT_FILE
    if file.is_file():
        return {"from": SPLIT_FILE, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    return {"from": "seed", "seed": seed}


def _settle(network: nn.Module, crops: TensorDataset, batch: int = 64, batches: int = 10) -> None:
    """Reads the batch-norm statistics anew, off plain crops.

    The running ones lag behind weights that move fast and saw varied crops: MnasNet after one epoch rose from
    0.19 to 0.91 on held-out crops by this alone, and int8 loses less.
    """
    few = Subset(crops, torch.randperm(len(crops))[: batch * batches].tolist())
    device = next(network.parameters()).device
    update_bn((normalise(network, pixels.to(device)) for pixels, _ in DataLoader(few, min(batch, len(few)))), network)


@torch.inference_mode()
def predict_logits(network: nn.Module, pixels: np.ndarray, batch: int = 64) -> np.ndarray:
    """(N, S, S, 3) uint8 crops -> (N, labels) float32 logits, with the network in eval mode."""
    network.eval()
    device = next(network.parameters()).device
    chunks = [torch.from_numpy(np.array(pixels[start : start + batch])) for start in range(0, len(pixels), batch)]
    inputs = (normalise(network, chunk.permute(0, 3, 1, 2).to(device)) for chunk in chunks)
    return np.concatenate([network(batch).cpu().numpy() for batch in inputs])


def _judge(
    network: nn.Module, pixels: np.ndarray, targets: np.ndarray, rows: np.ndarray, labels: tuple[str, ...]
) -> dict[str, float]:
    logits = predict_logits(network, pixels[rows])
    loss = nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(targets[rows])).item()
    measured = evaluate([labels[target] for target in targets[rows]], logits, labels)
    return {"loss": loss, "accuracy": measured["accuracy"], "balanced_accuracy": measured["balanced_accuracy"]}


def _calibrated(
    network: nn.Module, pixels: np.ndarray, targets: np.ndarray, rows: dict[str, np.ndarray], labels: tuple[str, ...]
) -> dict[str, Any]:
    """Temperature and threshold from the validation part, then the figures of both held-out parts."""
    logits = {part: predict_logits(network, pixels[rows[part]]) for part in ("val", "test")}
    temperature = fit_temperature(logits["val"], targets[rows["val"]])
    scores = {part: torch.softmax(torch.from_numpy(value) / temperature, 1).numpy() for part, value in logits.items()}
    right = scores["val"].argmax(1) == targets[rows["val"]]
    threshold = choose_threshold(scores["val"].max(1), right)
    metrics = {
        part: evaluate([labels[target] for target in targets[rows[part]]], value, labels, threshold)
        for part, value in scores.items()
    }
    return {"temperature": temperature, "uncertain_below": threshold, "metrics": metrics}
