"""A trained SSDLite as it ships: pixels in, two arrays a map out, with everything between inside one graph.

Nothing is joined or reshaped, so convolution, sum and padding are all that an old runtime has to know.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torchvision.models.detection.image_list import ImageList

from edge_wbc.core.detector import AnchorMap
from edge_wbc.core.errors import BadInput
from export.graph import Normalise

if TYPE_CHECKING:
    from edge_wbc.lab.detection import Detector

__all__ = ["DetectorGraph", "anchor_maps", "raw_outputs"]


def _against_background(predictor: nn.Conv2d) -> nn.Conv2d:
    """From logits of background and white cell at each anchor to their difference, whose sigmoid is their softmax."""
    pairs = predictor.out_channels // 2
    layer = nn.Conv2d(predictor.in_channels, pairs, 1)
    assert predictor.bias is not None
    weight, bias = predictor.weight.view(pairs, 2, -1, 1, 1), predictor.bias.view(pairs, 2)
    layer.weight = nn.Parameter((weight[:, 1] - weight[:, 0]).detach())
    layer.bias = nn.Parameter((bias[:, 1] - bias[:, 0]).detach())
    return layer


class DetectorGraph(nn.Module):
    """SSDLite wrapped for the phone.

    Args:
        network: torchvision's SSD with an SSDLite head of two classes; it is copied, moved to the CPU and frozen.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        network = copy.deepcopy(network).cpu().eval()
        self.mean, self.std = tuple(network.transform.image_mean), tuple(network.transform.image_std)
        self.normalise = Normalise(self.mean, self.std)
        self.backbone = network.backbone
        blocks = network.head.classification_head.module_list
        self.scores = nn.ModuleList(nn.Sequential(block[0], _against_background(block[1])) for block in blocks)
        self.boxes = nn.ModuleList(network.head.regression_head.module_list)
        self.requires_grad_(False)
        self.eval()

    @property
    def output_names(self) -> list[str]:
        """What the outputs of `forward` are called, in order."""
        return [f"{what}_{number}" for number in range(len(self.scores)) for what in ("scores", "boxes")]

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What `edge_wbc.core.detector.decode` takes, with a batch axis, of `pixels`, float32 (N, S, S, 3) 0..255."""
        outputs = []
        for features, score, box in zip(
            self.backbone(self.normalise(pixels)).values(), self.scores, self.boxes, strict=True
        ):
            outputs += [score(features).permute(0, 2, 3, 1), box(features).permute(0, 2, 3, 1)]
        return tuple(outputs)


@torch.inference_mode()
def raw_outputs(graph: nn.Module, square: np.ndarray) -> list[np.ndarray]:
    """What PyTorch says of one (S, S, 3) uint8 square, as `Interpreter.outputs` gives it."""
    return [output[0].numpy() for output in graph(torch.from_numpy(square[None]).float())]


@torch.inference_mode()
def anchor_maps(detector: Detector) -> tuple[AnchorMap, ...]:
    """The maps of a detector as its own generator of anchors lays them out.

    Raises:
        BadInput: anchors that are no squares in the middle of their place, which a pack can't describe.
    """
    network: Any = detector.network
    square = torch.zeros(1, 3, detector.size, detector.size)
    features = list(network.backbone(square).values())
    anchors = network.anchor_generator(ImageList(square, [(detector.size, detector.size)]), features)[0]
    maps, start = [], 0
    for each, count in zip(features, network.anchor_generator.num_anchors_per_location(), strict=True):
        cells = each.shape[-1]
        here = anchors[start : start + cells * cells * count]
        start += len(here)
        wide, high = (here[:count, 2] - here[:count, 0]).tolist(), (here[:count, 3] - here[:count, 1]).tolist()
        if not np.allclose(wide, high, atol=1e-3):
            raise BadInput(detector.path, "has anchors that are no squares", "train `ssdlite320_mobilenet_v2`")
        maps.append(AnchorMap(cells, tuple(round(side, 4) for side in wide)))
    return tuple(maps)
