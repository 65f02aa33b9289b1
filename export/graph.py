"""The network as it ships: pixels in, probabilities out, with everything between inside one graph.

The phone hands over the bytes of a crop and gets probabilities back. Normalisation, temperature and softmax live in the
graph, so that no second implementation of them can drift from the training code.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from edge_wbc.core.errors import BadInput
from export.channels_last import channels_last_form

if TYPE_CHECKING:
    from edge_wbc.lab.training.run import TrainedRun

__all__ = ["DeployableGraph", "Normalise", "graph_of_run", "probabilities"]


class Normalise(nn.Module):
    """Pixels as they are photographed -> what networks are trained on; raises as `DeployableGraph` does.

    Args:
        mean: per-channel mean in units of 0..1, RGB.
        std: per-channel standard deviation in units of 0..1, RGB, each above zero.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        if min(std) <= 0:
            raise ValueError("standard deviations must be above zero")
        # (x/255 - mean)/std as ONE 1x1 depthwise convolution: quantised, it rounds once and keeps an int32 bias with a
        # scale per channel, where a subtraction and a multiplication would round twice in a shared scale.
        centre, spread = torch.tensor(mean, dtype=torch.float64), torch.tensor(std, dtype=torch.float64)
        self.gain: torch.Tensor
        self.shift: torch.Tensor
        self.register_buffer("gain", (1 / (255 * spread)).float().view(3, 1, 1, 1))
        self.register_buffer("shift", (-centre / spread).float())

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Normalised float32 (N, 3, S, S) of `pixels`, float32 (N, S, S, 3) RGB 0..255."""
        return functional.conv2d(pixels.permute(0, 3, 1, 2), self.gain, self.shift, groups=3)


class DeployableGraph(nn.Module):
    """A classifier wrapped for the phone.

    Args:
        network: takes normalised NCHW float32 and returns logits (N, L); it is copied, moved to the CPU and frozen.
        mean: per-channel mean in units of 0..1, RGB.
        std: per-channel standard deviation in units of 0..1, RGB, each above zero.
        temperature: what the logits are divided by, above zero.

    Raises:
        ValueError: a standard deviation or temperature that is not above zero.
    """

    def __init__(
        self, network: nn.Module, mean: Sequence[float], std: Sequence[float], temperature: float = 1.0
    ) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError("the temperature must be above zero")
        self.normalise = Normalise(mean, std)
        self.network = copy.deepcopy(network).cpu().eval()
        self.inverse_temperature = 1.0 / float(temperature)
        self.requires_grad_(False)
        self.eval()

    def channels_last(self) -> DeployableGraph:
        """The same graph in the form that `export.channels_last` gives its network."""
        other = copy.copy(self)
        other._modules = dict(self._modules)
        other.network = channels_last_form(self.network)
        return other

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Probabilities, float32 (N, L) summing to 1, of `pixels`, float32 (N, S, S, 3) RGB 0..255."""
        logits = self.network(self.normalise(pixels))
        if self.inverse_temperature != 1.0:
            logits = logits * self.inverse_temperature
        return torch.softmax(logits, dim=1)


def graph_of_run(run: TrainedRun) -> DeployableGraph:
    """The deployable graph of a trained run.

    Raises:
        BadInput: a weight is NaN or infinite; the line names the run and the tensor.
    """
    for name, tensor in run.network.state_dict().items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise BadInput(run.path, f"tensor {name!r} holds NaN or infinite values", "train again, or use another run")
    return DeployableGraph(run.network, run.mean, run.std, run.temperature)


@torch.inference_mode()
def probabilities(graph: nn.Module, crops: np.ndarray, batch: int = 32) -> np.ndarray:
    """What PyTorch says: float32 (N, L), of `crops`, uint8 (N, S, S, 3) RGB."""
    parts = [
        graph(torch.from_numpy(np.ascontiguousarray(crops[start : start + batch])).float()).numpy()
        for start in range(0, len(crops), batch)
    ]
    return np.concatenate(parts).astype(np.float32)
