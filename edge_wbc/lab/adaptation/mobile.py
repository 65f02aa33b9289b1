"""Our own adaptation: few labels or none, in minutes on two cores.

Every crop of the new lab takes part, also those nobody labelled: they give batch-norm statistics, and the network's own
confident answers about them are learned again under heavy variation (self-training; Sohn et al. 2020, FixMatch).
Labels first pull the last layer, then join each batch. The weights of source and adapted network are averaged in the
end (Wortsman et al. 2022, WiSE-FT).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from edge_wbc.lab.adaptation.fitting import Batch, fit
from edge_wbc.lab.adaptation.lab import NewLab
from edge_wbc.lab.adaptation.norm import balancing_weights, with_statistics
from edge_wbc.lab.evaluation.embeddings import embed
from edge_wbc.lab.training.augment import Variation, vary
from edge_wbc.lab.training.judging import predict_logits

__all__ = ["MobileOptions", "adapt_mobile", "degenerate", "pull_head", "turned_scores"]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class MobileOptions:
    """How far and how long; chosen on two labs by `benchmarks/adaptation.py`.

    Attributes:
        norm_share: how far batch-norm statistics move towards the new lab's.
        pull: what holds the last layer to the source's, per squared unit of weight, while labels pull at it.
        rounds: how often the network answers anew before it learns from its answers.
        steps: batches in all.
        batch: labelled crops, and as many unlabelled ones, in each.
        lr: the highest, of AdamW.
        average: decay of the average of the weights.
        least_score: answers below it are not learned from.
        share: of the adapted weights in the end; the rest is the source's.
    """

    norm_share: float = 0.3
    pull: float = 0.1
    rounds: int = 3
    steps: int = 150
    batch: int = 24
    lr: float = 3e-4
    average: float = 0.97
    least_score: float = 0.6
    share: float = 1.0
    smoothing: float = 0.05


def adapt_mobile(
    source: nn.Module,
    lab: NewLab,
    shots: np.ndarray,
    variation: Variation,
    options: MobileOptions,
    seed: int,
    progress: Progress | None = None,
) -> nn.Module:
    """The source network adapted to a lab.

    Args:
        source: in eval mode.
        shots: rows of `lab` whose labels may be used; none for adaptation without labels.
        variation: how crops are varied, as when the source was trained.

    Returns:
        A network of its own, in eval mode.
    """
    torch.manual_seed(seed)
    crops = lab.crops()
    scores = _softmax(predict_logits(source, crops))
    network = with_statistics(source, crops, balancing_weights(scores), options.norm_share, seed)
    start = copy.deepcopy(network)
    if len(shots):
        pull_head(network, _turned(crops[shots]), np.tile(lab.columns[shots], _TURNS), options.pull)
    rest = np.setdiff1d(np.arange(len(crops)), shots)
    steps = options.steps // options.rounds
    for turn in range(options.rounds):
        scores = turned_scores(network, crops)
        scores[shots] = np.eye(scores.shape[1], dtype=np.float32)[lab.columns[shots]]
        draw = _drawing(lab, shots, rest, scores, variation, options, np.random.default_rng((seed, turn)))
        if draw is None:
            break
        parameters = list(network.parameters())
        optimiser = torch.optim.AdamW(parameters, options.lr, weight_decay=1e-2)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, options.lr, total_steps=steps, pct_start=0.1, cycle_momentum=False
        )

        def told(step: int, turn: int = turn) -> None:
            if progress:
                progress("adapting", turn * steps + step, options.rounds * steps)

        network = fit(
            network,
            draw,
            steps,
            optimiser,
            scheduler,
            at_rest=list(network.modules()),
            average=options.average,
            told=told,
        )
    return _between(start, network, options.share)


def _drawing(
    lab: NewLab,
    shots: np.ndarray,
    rest: np.ndarray,
    scores: np.ndarray,
    variation: Variation,
    options: MobileOptions,
    chance: np.random.Generator,
) -> Callable[[int], Batch] | None:
    """Batches of labelled crops and of confident answers, each half balanced; None where there is neither."""
    labels = scores.shape[1]
    best = scores.argmax(1)
    sure = rest[scores[rest].max(1) >= options.least_score]
    pools = [_balanced(part, best) for part in (shots, sure) if len(part)]
    if not pools:
        return None
    smooth = np.full((1, labels), options.smoothing / labels, np.float32)

    def draw(step: int) -> Batch:
        rows = np.concatenate([chance.choice(pool, options.batch, p=chances) for pool, chances in pools])
        varied = vary(lab.raw[rows], chance, variation, lab.rule.colour)
        return varied, (1 - options.smoothing) * scores[rows] + smooth

    return draw


def _balanced(rows: np.ndarray, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and their chances: half of each draw as often as labels occur, half every label alike."""
    counts = np.bincount(best[rows])
    even = 1 / counts[best[rows]]
    return rows, 0.5 / len(rows) + 0.5 * even / even.sum()


def pull_head(network: nn.Module, crops: np.ndarray, columns: np.ndarray, pull: float) -> None:
    """Refits the last layer by logistic regression whose prior is the layer as it was.

    Args:
        crops: (N, S, S, 3) uint8 in the network's colours.
        columns: (N,) the right outputs; every output among them weighs the same.
        pull: times the squared distance from the layer as it was.
    """
    head = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
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


def turned_scores(network: nn.Module, crops: np.ndarray) -> np.ndarray:
    """(N, L) float32 probabilities, of the mean logits over four turns of each crop."""
    logits = predict_logits(network, _turned(crops))
    return _softmax(logits.reshape(_TURNS, len(crops), -1).mean(0))


def _softmax(logits: np.ndarray) -> np.ndarray:
    return torch.softmax(torch.from_numpy(logits), 1).numpy()


@torch.no_grad()
def _between(one: nn.Module, other: nn.Module, share: float) -> nn.Module:
    """`share` of the other's weights and the rest of the one's, put into the other."""
    for was, now in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        if now.is_floating_point():
            now.lerp_(was, 1 - share)
    return other


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
