"""What a network says of held-out crops, while it is trained and at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from edge_wbc.core.colour import normalise
from edge_wbc.lab.evaluation import (
    GUARD_LABEL,
    certainty,
    choose_threshold,
    evaluate,
    fit_temperature,
    guard_measures,
    reliability,
)
from edge_wbc.lab.evaluation.auc import macro_auc
from edge_wbc.lab.models import normalise as normalised
from edge_wbc.lab.training.run import CropRow

__all__ = ["calibrated", "inputs_of", "judge", "predict_logits", "settle", "to_input"]


def to_input(network: nn.Module, crops: np.ndarray | torch.Tensor) -> torch.Tensor:
    """(N, S, S, 3) uint8 -> (N, 3, S, S) float32 as the network expects it, where it is."""
    device = network.get_buffer("mean").device
    return normalised(network, torch.as_tensor(crops).to(device).permute(0, 3, 1, 2))


def settle(network: nn.Module, pixels: np.ndarray, batch: int = 64) -> None:
    """Reads the batch-norm statistics anew, off (N, S, S, 3) uint8 crops.

    The running ones lag behind weights that move fast: MnasNet after one epoch rose from
    0.19 to 0.91 on held-out crops by this alone, and int8 loses less. An average's lag too: of MobileNet-V2 after 60
    steps, 0.24 and 0.68 (two seeds) with averaged statistics, 0.51 and 0.74 with these.
    """
    chunks = np.array_split(pixels, max(1, len(pixels) // batch))
    update_bn((to_input(network, chunk) for chunk in chunks), network)


@torch.inference_mode()
def predict_logits(network: nn.Module, pixels: np.ndarray, batch: int = 64) -> np.ndarray:
    """(N, S, S, 3) uint8 crops -> (N, labels) float32 logits, with the network in eval mode."""
    network.eval()
    chunks = (np.array(pixels[start : start + batch]) for start in range(0, len(pixels), batch))
    return np.concatenate([network(to_input(network, chunk)).cpu().numpy() for chunk in chunks])


def inputs_of(network: nn.Module, layer: nn.Module, pixels: np.ndarray) -> np.ndarray:
    """(N, S, S, 3) uint8 crops -> (N, D) float32, what a layer of the network reads, in eval mode."""
    seen: list[np.ndarray] = []
    hook = layer.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].float().cpu().numpy()))
    try:
        predict_logits(network, pixels)
    finally:
        hook.remove()
    return np.concatenate(seen)


def judge(logits: np.ndarray, targets: np.ndarray, labels: tuple[str, ...]) -> tuple[float, float, float, float]:
    """Cross-entropy over all labels, accuracy and balanced accuracy over the classes, whatever a guard says, and AUC.

    Args:
        logits: (N, len(labels)).
        targets: (N,) int, their columns in `labels`.
    """
    scores = torch.from_numpy(logits).softmax(1).numpy()
    loss = nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(targets)).item()
    measured = evaluate([labels[target] for target in targets], logits, labels)
    return loss, measured["accuracy"], measured["balanced_accuracy"], macro_auc(targets, scores)


def calibrated(
    network: nn.Module,
    pixels: np.ndarray,
    colour: str,
    targets: np.ndarray,
    crops: Sequence[CropRow],
    labels: tuple[str, ...],
) -> dict[str, Any]:
    """Temperature and threshold from the validation part, then the figures of both held-out parts, lab by lab too.

    Beside a guard the figures are of the classes, and those of the guard, by the experts' labels, stand under "guard".

    Args:
        pixels: (N, S, S, 3) uint8 crops in the colours of their photographs; `colour` is the rule's.
    """
    held: dict[str, np.ndarray] = {part: np.array([crop.part == part for crop in crops]) for part in ("val", "test")}
    logits = np.zeros((len(crops), len(labels)), np.float32)
    for rows in held.values():
        logits[rows] = predict_logits(network, normalise(pixels[rows], colour))
    temperature = fit_temperature(logits[held["val"]], targets[held["val"]])
    untempered, scores = (torch.softmax(torch.from_numpy(logits) / by, 1).numpy() for by in (1.0, temperature))
    certain, right = certainty(scores, labels), scores.argmax(1) == targets
    truth, said = np.asarray(labels)[targets], np.array([crop.label for crop in crops])
    guarded = truth == GUARD_LABEL
    val, stray = held["val"] & ~guarded, held["val"] & guarded
    kinds = [certain[stray & (said == kind)] for kind in np.unique(said[stray])]
    threshold = choose_threshold(certain[val], right[val], outside=kinds)
    names = dict.fromkeys(crop.domain for crop in crops)
    if len(names) > 1:
        for part in ("val", "test"):
            held |= {f"{part} {name}": held[part] & [crop.domain == name for crop in crops] for name in names}
    metrics = {}
    for name, rows in held.items():
        # A lab's part may hold strays alone.
        if (white := rows & ~guarded).any():
            metrics[name] = evaluate(truth[rows].tolist(), scores[rows], labels, threshold)
            before, after = (reliability(them[white].max(1), right[white]).error for them in (untempered, scores))
            metrics[name]["calibration"] = {"temperature": temperature, "ece_before": before, "ece": after}
            if GUARD_LABEL in labels:
                metrics[name]["guard"] = guard_measures(said[rows].tolist(), scores[rows], labels, threshold)
    return {"temperature": temperature, "uncertain_below": threshold, "metrics": metrics}
