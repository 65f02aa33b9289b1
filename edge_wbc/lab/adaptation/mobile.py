"""Our own adaptation: few labels or none, in minutes on two cores.

Every crop of the new lab takes part, also those nobody labelled. Labels pull the last layer; answers are shared among
like cells (`spread`); and the network learns the surest of them under heavy variation, then answers anew
(self-training: Lee 2013; with variation: Sohn et al. 2020). Layers before an eighth of the crop's size stay as they
are: they see edges and grains, which are the same in every lab, and cost most. Batch-norm statistics stay as well: read
off a new lab they are those of its neutrophils (docs/adaptation.md has what that cost).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from edge_wbc.lab.adaptation.fitting import Batch, fit
from edge_wbc.lab.adaptation.lab import NewLab
from edge_wbc.lab.adaptation.spread import spread
from edge_wbc.lab.evaluation.embeddings import embed
from edge_wbc.lab.models import last_layer
from edge_wbc.lab.training.augment import vary
from edge_wbc.lab.training.judging import predict_logits
from edge_wbc.lab.training.recipes import RECIPES
from edge_wbc.lab.training.shift import early_blocks

__all__ = ["MobileOptions", "adapt_mobile", "degenerate", "pull_head", "surest"]

Progress = Callable[[str, int, int], None]

VARIATION = RECIPES["shift"].variation
"""How crops are varied while the network learns its own answers: far enough that it cannot learn them by heart."""


@dataclass(frozen=True)
class MobileOptions:
    """How far and how long; chosen by `benchmarks/adaptation.py` on two labs.

    Attributes:
        most: crops that take part at most, drawn by chance where there are more.
        pull: what holds the last layer to the source's, per squared unit of weight, while labels pull at it.
        reach: the share that like cells have in an answer; 0 for none.
        rounds: how often the network answers anew before it learns from its answers.
        steps: batches in all; 0 for no learning behind the last layer.
        batch: labelled crops, and as many unlabelled ones, in each.
        lr: the highest, of AdamW.
        average: decay of the average of the weights.
        surest: share of the cells of each answer that are learned from, the surest ones.
        smoothing: of the labels.
        unlabelled: whether the network learns from its own answers.
    """

    most: int = 600
    pull: float = 0.1
    reach: float = 0.95
    rounds: int = 3
    steps: int = 150
    batch: int = 24
    lr: float = 3e-4
    average: float = 0.97
    surest: float = 0.8
    smoothing: float = 0.05
    unlabelled: bool = True


def adapt_mobile(
    source: nn.Module,
    lab: NewLab,
    shots: np.ndarray,
    options: MobileOptions,
    seed: int,
    progress: Progress | None = None,
) -> tuple[nn.Module, str]:
    """The source network adapted to a lab.

    Args:
        source: in eval mode.
        shots: rows of `lab` whose labels may be used; none for adaptation without labels.

    Returns:
        A network of its own, in eval mode, and ""; or, where no label stands against answers that look degenerate, the
        source and why.
    """
    torch.manual_seed(seed)
    lab, shots = _taking_part(lab, shots, options.most, seed)
    crops = lab.crops()
    scores = _softmax(predict_logits(source, crops))
    network = copy.deepcopy(source)
    if len(shots):
        pull_head(network, _turned(crops[shots]), np.tile(lab.columns[shots], _TURNS), options.pull)
    steps = options.steps // options.rounds
    for turn in range(options.rounds if steps else 0):
        answers = _answers(network, crops, lab.columns, shots, options.reach)
        chance = np.random.default_rng((seed, turn))
        draw = _drawing(lab, shots, answers, options, chance)
        if draw is None:
            break

        def told(step: int, turn: int = turn) -> None:
            if progress:
                progress("adapting", turn * steps + step, options.rounds * steps)

        # Batch norm keeps the statistics it was given, and dropout rests.
        still = list(network.modules())
        moving = _late_parameters(network)
        optimiser = torch.optim.AdamW(moving, options.lr, weight_decay=1e-2)
        course = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, options.lr, total_steps=steps, pct_start=0.1, cycle_momentum=False
        )
        network = fit(network, draw, steps, optimiser, course, at_rest=still, average=options.average, told=told)
    why = "" if len(shots) else degenerate(scores, _softmax(predict_logits(network, crops)))
    return (source, why) if why else (network.requires_grad_(True), "")


def _taking_part(lab: NewLab, shots: np.ndarray, most: int, seed: int) -> tuple[NewLab, np.ndarray]:
    """The shots and as many other cells as may take part, and where in them the shots are."""
    rest = np.setdiff1d(np.arange(len(lab.raw)), shots)
    drawn = np.random.default_rng(seed).permutation(rest)[: max(0, most - len(shots))]
    rows = np.sort(np.concatenate([shots, drawn]))
    return lab.take(rows), np.searchsorted(rows, shots)


def _late_parameters(network: nn.Module) -> list[nn.Parameter]:
    """Those behind the stage at an eighth of the crop's size; the others need no gradient from here on."""
    early = early_blocks(network)[1]
    fixed = {id(parameter) for parameter in early.parameters()}
    parameters = list(network.parameters())
    # Blocks are registered in the order in which they see a crop.
    last = max(at for at, parameter in enumerate(parameters) if id(parameter) in fixed)
    for parameter in parameters[: last + 1]:
        parameter.requires_grad_(False)
    return parameters[last + 1 :]


def _answers(network: nn.Module, crops: np.ndarray, columns: np.ndarray, shots: np.ndarray, reach: float) -> np.ndarray:
    """(N, L) probabilities: what the network says, shared among like cells; the shots' are their labels."""
    seen = _mean_over_turns(embed(network, _turned(crops)))
    head = last_layer(network)
    with torch.no_grad():
        scores = _softmax(head(torch.from_numpy(seen).to(head.weight.device)).cpu().numpy())
    right = np.eye(scores.shape[1], dtype=np.float32)[columns[shots]]
    scores[shots] = right
    if reach:
        scores = spread(seen, scores, reach)
        scores[shots] = right
    return scores


def _drawing(
    lab: NewLab,
    shots: np.ndarray,
    answers: np.ndarray,
    options: MobileOptions,
    chance: np.random.Generator,
) -> Callable[[int], Batch] | None:
    """Batches of labelled crops and of answers; None where there is neither."""
    best = answers.argmax(1)
    rest = np.setdiff1d(np.arange(len(answers)), shots)
    sure = surest(answers, rest, options.surest)
    # An answer that only few cells got may be wrong of all of them: it is not drawn as often as a label.
    parts = ((shots, 1.0), (sure if options.unlabelled else rest[:0], 0.5))
    pools = [(rows, _balanced(best[rows], power)) for rows, power in parts if len(rows)]
    if not pools:
        return None
    # Shared answers are flat, those of rare labels most: learned as they are, rare labels would die out.
    labels = answers.shape[1]
    wanted = np.eye(labels, dtype=np.float32) * (1 - options.smoothing) + np.float32(options.smoothing / labels)

    def draw(step: int) -> Batch:
        rows = np.concatenate([chance.choice(pool, options.batch, p=chances) for pool, chances in pools])
        return vary(lab.raw[rows], chance, VARIATION, lab.rule.colour), wanted[best[rows]]

    return draw


def surest(answers: np.ndarray, rows: np.ndarray, share: float) -> np.ndarray:
    """Of the rows with the same answer the share, rounded up, whose answer is furthest ahead of the next one.

    Args:
        answers: (N, L) probabilities.
        rows: (M,) of them.

    Returns:
        (K,) of the rows, in order.
    """
    best, (second, first) = answers.argmax(1), np.sort(answers, axis=1)[:, -2:].T
    order = rows[np.argsort((second - first)[rows], kind="stable")]
    alike = [order[best[order] == column] for column in range(answers.shape[1])]
    return np.sort(np.concatenate([cells[: math.ceil(share * len(cells))] for cells in alike]))


def _balanced(columns: np.ndarray, power: float) -> np.ndarray:
    """(N,) chances: at power 1 every label is drawn alike, at 0 as often as it occurs."""
    weights = np.bincount(columns)[columns].astype(float) ** -power
    return weights / weights.sum()


def pull_head(network: nn.Module, crops: np.ndarray, columns: np.ndarray, pull: float) -> None:
    """Refits the last layer by logistic regression whose prior is the layer as it was.

    Args:
        crops: (N, S, S, 3) uint8 in the network's colours.
        columns: (N,) the right outputs; every output among them weighs the same.
        pull: times the squared distance from the layer as it was.
    """
    head = last_layer(network)
    device = head.weight.device
    features, targets = torch.from_numpy(embed(network, crops)).to(device), torch.from_numpy(columns).to(device)
    counts = torch.bincount(targets)
    weights = 1 / counts[targets] / (counts > 0).sum()
    before = [parameter.detach().clone() for parameter in head.parameters()]
    optimiser = torch.optim.LBFGS(head.parameters(), lr=1, max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        missed = nn.functional.cross_entropy(head(features), targets, reduction="none")
        moved = sum(((now - was) ** 2).sum() for now, was in zip(head.parameters(), before, strict=True))
        total = (weights * missed).sum() + pull * moved
        total.backward()
        return total

    optimiser.step(loss)


_TURNS = 4


def _turned(crops: np.ndarray) -> np.ndarray:
    """(4 N, S, S, 3): as they are, upside down, left for right, and both; a cell has no upper side."""
    return np.concatenate([crops, crops[:, ::-1], crops[:, :, ::-1], crops[:, ::-1, ::-1]])


def _mean_over_turns(rows: np.ndarray) -> np.ndarray:
    """(4 N, D) -> (N, D)."""
    return rows.reshape(_TURNS, -1, rows.shape[1]).mean(0)


def _softmax(logits: np.ndarray) -> np.ndarray:
    return torch.softmax(torch.from_numpy(logits), 1).numpy()


def degenerate(before: np.ndarray, after: np.ndarray) -> str:
    """Why an adaptation without labels is not to be trusted, or "".

    Args:
        before, after: (N, L) probabilities by source and adapted network.
    """
    said, says = (np.bincount(scores.argmax(1), minlength=scores.shape[1]) / len(scores) for scores in (before, after))
    gone = [column for column in range(len(said)) if said[column] >= 0.05 and says[column] < 0.2 * said[column]]
    if gone:
        return f"{len(gone)} of the labels that the source saw have all but vanished"
    if (before.argmax(1) != after.argmax(1)).mean() > 0.5:
        return "more than half of the answers changed"
    return ""
