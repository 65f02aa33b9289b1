"""The training loop of the detectors, to be read from top to bottom."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from edge_wbc.core.errors import BadInput
from edge_wbc.core.files import write_whole
from edge_wbc.lab.datasets.split import group_numbers, split_parts
from edge_wbc.lab.detection.data import LoadedFields, MarkedFields, augmentation, load_fields
from edge_wbc.lab.detection.detect import detect_loaded
from edge_wbc.lab.detection.measures import detection_measures, froc
from edge_wbc.lab.detection.models import DETECTORS, DetectorEntry, build_detector, set_input
from edge_wbc.lab.models import load_weights, pick_device
from edge_wbc.lab.training.checkpoint import Checkpoint
from edge_wbc.lab.training.curves import Panels, curves_csv, curves_png
from edge_wbc.lab.training.recipes import WARM_UP
from edge_wbc.lab.training.run import claim, read_facts, versions, write_run

__all__ = ["DetectorOptions", "train_detector"]


RESIZE_EVERY = 10


@dataclass(frozen=True)
class DetectorOptions:
    """What to train and how.

    Attributes:
        weights: "imagenet" (public ones; scratch where they cannot be had, said in the log), or "none".
        epochs, batch, lr: of AdamW; the rate warms up and falls to zero along a cosine. Batches are small for many
            steps an epoch: a lab has hundreds of fields, not thousands.
        size: longer side of the field at the detector's input, instead of the table's.
        finds: the kinds of cells it tells apart, which the fields were read with.
        resize: draw the size of the input anew every ten batches, from 3/4 of `size` to 3/2 (Al-Qudah and Suen).
    """

    model: str = "ssdlite320_mobilenet_v2"
    weights: str = "imagenet"
    epochs: int = 16
    batch: int = 8
    lr: float = 1e-3
    size: int | None = None
    seed: int = 0
    finds: tuple[str, ...] = ("white_cell",)
    resize: bool = False


@dataclass(frozen=True)
class DetectorEpoch:
    """What one epoch came to; shares 0 to 1 on the validation part, means over the kinds; seconds of wall time."""

    epoch: int
    lr: float
    train_loss: float
    val_ap50: float
    val_ap50_95: float
    val_recall_at_1_false: float
    seconds: float


PANELS: Panels = {
    "loss": {"train": "train_loss"},
    "validation": {"AP50": "val_ap50", "AP50:95": "val_ap50_95", "recall at 1 false a field": "val_recall_at_1_false"},
}


def train_detector(
    data: MarkedFields,
    out: Path,
    options: DetectorOptions,
    progress: Callable[[str, int, int], None] | None = None,
    log: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Trains a detector on marked fields and writes the run folder; called again after a kill, it goes on.

    A tenth of the smears (of the fields, where no smear is named) is held out to choose the epoch and the threshold.

    Args:
        progress: called with a title, steps done and steps in all.
        log: called with one line about each epoch, and about weights that could not be had.

    Returns:
        The facts of run.json.

    Raises:
        BadInput: data that cannot be trained on, or a run folder begun with other options.
    """
    if min(options.epochs, options.batch, options.lr) <= 0:
        raise BadInput("--epochs, --batch, --lr", "must be positive")
    torch.manual_seed(options.seed)
    network, public = _network(options, log)
    entry = DETECTORS[options.model]
    size = options.size or entry.size
    claim(out, {"data": str(data.path.resolve()), "cells": data.cells, **asdict(options)})
    if (out / "run.json").is_file():
        log(f"{out} is finished already; --out another folder to train anew")
        return read_facts(out)
    # Half as large again as the input, so that what is cut out and enlarged stays sharp.
    loaded = load_fields(data, size * 3 // 2, progress)
    rows = _parts(data, loaded, options.seed, options.finds)
    _write_fields(out / "fields.csv", data, loaded, rows)

    device = pick_device()
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    # A batch of one has no batch statistics: the last, short batch of an epoch is left to the next one.
    steps = max(1, len(rows["train"]) // options.batch)
    groups = _groups(network, entry, public, options.lr)
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        [group["lr"] for group in groups],
        total_steps=options.epochs * steps,
        pct_start=WARM_UP,
        cycle_momentum=False,
    )
    vary = augmentation(size)
    sizes = range(-(-3 * size // 128) * 32, 3 * size // 2 + 1, 32)
    halved = entry.bfloat16 and _knows_bfloat16(device)
    parts = {"network": network, "optimiser": optimiser, "scheduler": scheduler}
    checkpoint = Checkpoint(out / "checkpoint.pt", parts)
    epochs, found = checkpoint.load(device)
    best = found or {"score": -1.0}
    history = [DetectorEpoch(**epoch) for epoch in epochs]
    if history:
        log(f"goes on after epoch {len(history)} of {options.epochs}")

    for epoch in range(len(history) + 1, options.epochs + 1):
        started = time.perf_counter()
        # Each epoch has its own seed, so that a resumed training draws what an uninterrupted one would have.
        torch.manual_seed(options.seed * 1_000_003 + epoch)
        order = rows["train"][torch.randperm(len(rows["train"])).numpy()]
        _train_mode(network, entry, public)
        total = 0.0
        for step in range(1, steps + 1):
            if options.resize and step % RESIZE_EVERY == 1:
                drawn = sizes[int(torch.randint(len(sizes), ()))]
                set_input(network, drawn)
                vary = augmentation(drawn)
            varied = [
                vary(loaded.pixels[row], loaded.boxes[row], loaded.kinds[row])
                for row in order[(step - 1) * options.batch : step * options.batch]
            ]
            seen = [pixels.to(device) for pixels, _, _ in varied]
            truths = [{"boxes": boxes.to(device), "labels": 1 + kinds.to(device)} for _, boxes, kinds in varied]
            with torch.autocast(device.type, torch.bfloat16, enabled=halved):
                losses = network(seen, truths)
            loss = torch.stack([part.float() for part in losses.values()]).sum()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 10.0)
            optimiser.step()
            scheduler.step()
            total += loss.item()
            if progress:
                progress(
                    f"epoch {epoch}/{options.epochs}  loss {total / step:.3f}",
                    (epoch - 1) * steps + step,
                    options.epochs * steps,
                )
        if not np.isfinite(total):
            raise BadInput(out, f"the loss is not a number in epoch {epoch}", "train again at a lower --lr")
        set_input(network, size)
        judged = _judge(network, _chosen(loaded, rows["val"]), size, options.finds)
        ap50, ap50_95, recall = _means(judged)
        history.append(
            DetectorEpoch(
                epoch,
                optimiser.param_groups[0]["lr"],
                total / steps,
                ap50,
                ap50_95,
                recall,
                time.perf_counter() - started,
            )
        )
        log(
            f"epoch {epoch}/{options.epochs}: loss {total / steps:.3f}, validation AP50 {ap50:.3f}, "
            f"AP50:95 {ap50_95:.3f}, recall at 1 false a field {recall:.3f}, {history[-1].seconds:.0f} s"
        )
        if ap50 + ap50_95 >= best["score"]:
            state = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
            best = {"score": ap50 + ap50_95, "epoch": epoch, "metrics": judged, "state": state}
        checkpoint.save(history, best)

    load_weights(network, best["state"])
    first = best["metrics"][options.finds[0]]
    facts = {
        "model": options.model,
        "size": size,
        "finds": list(options.finds),
        "weights": "imagenet" if public else "none",
        "recipe": {
            "epochs": options.epochs,
            "batch": options.batch,
            "lr": options.lr,
            "bfloat16": halved,
            "resize": options.resize,
        },
        "seed": options.seed,
        "best_epoch": best["epoch"],
        "parts": {part: len(row) for part, row in rows.items()},
        "threshold": first["threshold"],
        "metrics": {"val": first if len(options.finds) == 1 else {**first, "kinds": best["metrics"]}},
        "versions": versions(device),
    }
    write_whole(out / "curves.csv", curves_csv(history))
    write_whole(out / "curves.png", curves_png(history, PANELS))
    write_run(out, network, facts)
    checkpoint.path.unlink()
    return facts


def _network(options: DetectorOptions, log: Callable[[str], None]) -> tuple[nn.Module, bool]:
    """The detector to start from, and whether it has public weights."""
    if options.weights == "imagenet":
        try:
            return build_detector(options.model, options.size, True, len(options.finds)), True
        except OSError as error:
            log(f"no public weights for {options.model} ({error}): training from scratch")
    return build_detector(options.model, options.size, kinds=len(options.finds)), False


def _groups(network: nn.Module, entry: DetectorEntry, public: bool, lr: float) -> list[dict[str, Any]]:
    """What learns, and how fast: new layers at `lr`, pretrained ones at a fifth of it, the first of these not at all.

    At the full rate, and with their batch norms fixed, MobileNet-V2's last stages ran into ReLU6's ceiling within
    an epoch, and cells of 100 pixels were never learnt (AP50 0.02 after six epochs, those of 17 pixels 0.97).
    """
    if not public:
        return [{"params": list(network.parameters()), "lr": lr}]
    for name in entry.frozen:
        network.get_submodule(name).requires_grad_(False)
    pretrained = [weight for name in entry.pretrained for weight in network.get_submodule(name).parameters()]
    known = set(pretrained)
    return [
        {"params": [weight for weight in network.parameters() if weight not in known], "lr": lr},
        {"params": [weight for weight in pretrained if weight.requires_grad], "lr": lr / 5},
    ]


def _train_mode(network: nn.Module, entry: DetectorEntry, public: bool) -> None:
    """Train mode, but public batch-norm statistics stay: those of a small batch of fields are worse."""
    network.train()
    if public:
        for name in entry.pretrained:
            for module in network.get_submodule(name).modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()


def _knows_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies in bfloat16 itself; where it does not, it is slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def _parts(data: MarkedFields, loaded: LoadedFields, seed: int, finds: Sequence[str]) -> dict[str, np.ndarray]:
    """Rows of the training and the validation part; no smear and no photograph is in both."""
    smears = [field.smear for field in data.fields]
    groups = group_numbers(smears, loaded.sha256).tolist()
    parts = np.array(split_parts(["field"] * len(smears), groups, seed))
    rows = {"train": np.flatnonzero(parts != "val"), "val": np.flatnonzero(parts == "val")}
    for part, chosen in rows.items():
        for row, kind in enumerate(finds):
            if not any((loaded.kinds[field] == row).any() for field in chosen):
                fault = f"no {kind.replace('_', ' ')} is marked in its {part} part"
                raise BadInput(data.path, fault, "mark more fields")
    return rows


def _write_fields(path: Path, data: MarkedFields, loaded: LoadedFields, rows: dict[str, np.ndarray]) -> None:
    """Which photograph, by its SHA-256, went into which part."""
    part_of = {int(row): part for part, chosen in rows.items() for row in chosen}
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("image", "cells", "smear", "part", "sha256"))
    for row, (field, sha256) in enumerate(zip(data.fields, loaded.sha256, strict=True)):
        writer.writerow((field.name, len(field.boxes), field.smear, part_of[row], sha256))
    write_whole(path, table.getvalue().encode())


def _chosen(loaded: LoadedFields, rows: Sequence[int] | np.ndarray) -> LoadedFields:
    return LoadedFields(*(tuple(getattr(loaded, part.name)[row] for row in rows) for part in fields(loaded)))


def _judge(network: nn.Module, loaded: LoadedFields, size: int, finds: Sequence[str]) -> dict[str, Any]:
    """Kind -> the measures on some fields, at the threshold that is best there."""
    judged = {}
    for row, (kind, found) in enumerate(zip(finds, detect_loaded(network, loaded, size, len(finds)), strict=True)):
        truths = loaded.of(row)
        curve = froc(found, truths)
        judged[kind] = detection_measures(found, truths, curve.best_threshold(sum(map(len, truths)) / len(truths)))
    return judged


def _means(judged: dict[str, Any]) -> tuple[float, float, float]:
    """Over the kinds: AP50, AP50:95, recall at one false box a field."""
    rows = [(got["ap50"], got["ap50_95"], got["recall_at_false_per_field"]["1.0"]) for got in judged.values()]
    ap50, ap50_95, recall = np.mean(rows, axis=0).tolist()
    return ap50, ap50_95, recall
