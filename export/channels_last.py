"""Networks rewritten for runtimes that keep channels last, saying what they said: no transpose is left in a .tflite.

ShuffleNet-V2 loses its channel shuffles. A shuffle moves no number that a convolution could not have put in its place:
each unit hands half of its channels on untouched and reads the other half. So every branch's output stays a tensor of
its own, its channels sorted by the unit that will read them, and that unit reads a slice of each. What is copied falls
from six times half a unit's channels to twice; the weights are the same ones in another order (Ma et al. 2018,
arXiv:1807.11164, section 3.1, says what a unit computes).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn
from torchvision.models import MNASNet, ShuffleNetV2
from torchvision.models.shufflenetv2 import InvertedResidual

__all__ = ["channels_last_form"]

_STAGES = ("stage2", "stage3", "stage4")
_POOL = nn.AdaptiveAvgPool2d(1)
_Slice = tuple[int, int, int]  # of which source, from where, up to where


class _Stage(nn.Module):
    """A stage's branches, and which slices of earlier ones each unit reads.

    Args:
        first: the two branches of the unit that halves the picture.
        units: the second branch of every other unit.
        reads: for each of `units`, and for the stage's output, what is put together.
    """

    def __init__(self, first: Sequence[nn.Module], units: Sequence[nn.Module], reads: Sequence[list[_Slice]]) -> None:
        super().__init__()
        self.first, self.units = nn.ModuleList(first), nn.ModuleList(units)
        self.reads = reads

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        sources = [branch(picture) for branch in self.first]
        for unit, read in zip(self.units, self.reads, strict=False):
            sources.append(unit(_put_together(sources, read)))
        return _put_together(sources, self.reads[-1])


def _put_together(sources: Sequence[torch.Tensor], read: Sequence[_Slice]) -> torch.Tensor:
    return torch.cat([sources[number][:, start:stop] for number, start, stop in read], dim=1)


def _reorder_outputs(convolution: nn.Conv2d, norm: nn.BatchNorm2d, order: Sequence[int]) -> None:
    rows = torch.tensor(order)
    convolution.weight.data = convolution.weight.data[rows]
    for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        assert tensor is not None
        tensor.data = tensor.data[rows]


def _reorder_inputs(branch: nn.Sequential, order: Sequence[int]) -> None:
    """Makes a branch say what it said, of channels that come in another order."""
    first = branch.get_submodule("0")
    assert isinstance(first, nn.Conv2d)
    if first.groups == 1:
        first.weight.data = first.weight.data[:, torch.tensor(order)]
        return
    norm, rest = branch.get_submodule("1"), branch[2:]
    assert isinstance(norm, nn.BatchNorm2d) and isinstance(rest, nn.Sequential)
    _reorder_outputs(first, norm, order)
    _reorder_inputs(nn.Sequential(*rest), order)


def _rewritten(stage: nn.Sequential, order: Sequence[int]) -> tuple[_Stage, list[int]]:
    """The stage for channels that come in `order`, and in which order its own come."""
    units = [unit for unit in stage if isinstance(unit, InvertedResidual)]
    half = units[0].branch2[5].out_channels
    for branch in (units[0].branch1, units[0].branch2):
        _reorder_inputs(branch, order)

    # A channel is (source, place in it). `there` lists them as the shuffles would have ordered them.
    read_by: list[list[tuple[int, int]]] = []
    there = [(source, place) for place in range(half) for source in (0, 1)]
    for number in range(2, len(units) + 1):
        kept, read = there[:half], there[half:]
        read_by.append(read)
        there = [channel for place in range(half) for channel in (kept[place], (number, place))]
    read_by.append(there)

    reader = {channel: unit for unit, channels in enumerate(read_by) for channel in channels}
    sources = [units[0].branch1, *(unit.branch2 for unit in units)]
    places: dict[tuple[int, int], int] = {}
    for source, branch in enumerate(sources):
        by_reader = sorted(range(half), key=lambda place: (reader[source, place], place))
        _reorder_outputs(branch[-3], branch[-2], by_reader)
        places |= {(source, old): new for new, old in enumerate(by_reader)}

    reads: list[list[_Slice]] = []
    for unit, channels in enumerate(read_by):
        now = sorted(range(len(channels)), key=lambda row: (channels[row][0], places[channels[row]]))
        reads.append([])
        for source in sorted({source for source, _ in channels}):
            mine = [places[channel] for channel in channels if channel[0] == source]
            reads[-1].append((source, min(mine), max(mine) + 1))
        if unit < len(units) - 1:
            _reorder_inputs(units[unit + 1].branch2, now)
    return _Stage(sources[:2], sources[2:], reads), now


def _without_shuffles(network: ShuffleNetV2) -> nn.Sequential:
    network = copy.deepcopy(network)
    order: list[int] = list(range(network.stage2[0].branch1[0].in_channels))
    stages = []
    for name in _STAGES:
        stage, order = _rewritten(network.get_submodule(name), order)
        stages.append(stage)
    _reorder_inputs(network.conv5, order)
    # After a ReLU a maximum over zeros is one over minus infinity, and int8 has no minus infinity.
    pool = nn.Sequential(nn.ZeroPad2d(1), nn.MaxPool2d(3, 2))
    return nn.Sequential(network.conv1, pool, *stages, network.conv5, _POOL, nn.Flatten(), network.fc)


def channels_last_form(network: nn.Module) -> nn.Module:
    """The same function of (N, 3, S, S) without what makes a channels-last runtime transpose.

    torchvision's ShuffleNet-V2 loses its shuffles, and it and MnasNet the mean over two axes that the converter does
    not know as a pooling; any other network is returned as it is.

    Args:
        network: in eval mode, and so is what comes back; its weights are copied where their order changes.
    """
    if isinstance(network, ShuffleNetV2):
        return _without_shuffles(network).eval()
    if isinstance(network, MNASNet):
        return nn.Sequential(network.layers, _POOL, nn.Flatten(), network.classifier).eval()
    return network
