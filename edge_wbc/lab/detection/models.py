"""The registry of detectors: name -> builder and the field's size at its input, in one table.

All are torchvision's own parts. A detector takes a list of (3, H, W)
float32 fields, 0 to 1, and returns its losses while it trains, else boxes and scores in each field's pixels.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torchvision.models as zoo
from torch import nn
from torchvision.models import MobileNet_V2_Weights
from torchvision.models.detection import FasterRCNN, FasterRCNN_ResNet50_FPN_Weights, fasterrcnn_resnet50_fpn
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor
from torchvision.models.detection.ssd import SSD
from torchvision.models.detection.ssdlite import SSDLiteHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import Conv2dNormActivation

from edge_wbc.core.detector import CANDIDATES, LEAST_SCORE, MOST_BOXES, OVERLAP
from edge_wbc.core.errors import BadInput
from edge_wbc.lab.models import IMAGENET_MEAN, IMAGENET_STD

__all__ = ["DETECTORS", "DetectorEntry", "build_detector", "set_input"]


def _mobilenet_features(imagenet: bool) -> nn.Sequential:
    network = zoo.mobilenet_v2(weights=None)
    if imagenet:
        state = MobileNet_V2_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True, weights_only=True)
        network.load_state_dict(state)
    return network.features


class _SsdBackbone(nn.Module):
    """MobileNet-V2 (Sandler et al., section 6.2) read at strides 8, 16, 32 and, through one more block, 64.

    Stride 8 is not in the paper's SSDLite: a white cell of a smartphone field is 17 pixels wide at 320. As there,
    a stage is read inside the block that ends it, after its expansion.
    """

    channels = (192, 576, 1280, 256)

    def __init__(self, imagenet: bool) -> None:
        super().__init__()
        features = _mobilenet_features(imagenet)
        self.stages = nn.ModuleList()
        rest: list[nn.Module] = []
        for place, block in enumerate(features):
            if place in (7, 14):
                expand, *others = block.get_submodule("conv").children()
                self.stages.append(nn.Sequential(*rest, expand))
                rest = others
            else:
                rest.append(block)
        self.stages.append(nn.Sequential(*rest))
        norm = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.03)
        layer = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.ReLU6)
        self.stages.append(
            nn.Sequential(
                layer(1280, 128, kernel_size=1),
                layer(128, 128, kernel_size=3, stride=2, groups=128),
                layer(128, 256, kernel_size=1),
            )
        )

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        maps = OrderedDict()
        for number, stage in enumerate(self.stages):
            pixels = stage(pixels)
            maps[str(number)] = pixels
        return maps


def _ssdlite(size: int, imagenet: bool, classes: int) -> nn.Module:
    """SSDLite; its `backbone` and `head` are the graph to export, anchors and suppression come after it."""
    backbone = _SsdBackbone(imagenet)
    # Two squares a map, a factor of sqrt(2) apart: 16, 23, 32 ... 181 pixels. Cells are about as wide as high.
    anchors = DefaultBoxGenerator(
        [[] for _ in backbone.channels], scales=[16 * 2**step / size for step in range(len(backbone.channels) + 1)]
    )
    norm = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.03)
    head = SSDLiteHead(list(backbone.channels), anchors.num_anchors_per_location(), classes, norm)
    network = SSD(
        backbone,
        anchors,
        (size, size),
        classes,
        head=head,
        score_thresh=LEAST_SCORE,
        nms_thresh=OVERLAP,
        detections_per_img=MOST_BOXES,
        topk_candidates=CANDIDATES,
    )
    # Fields keep their shape, with a margin to the right or below, where torchvision's SSD would squeeze them.
    network.transform = GeneralizedRCNNTransform(
        size, size, list(IMAGENET_MEAN), list(IMAGENET_STD), size_divisible=size
    )
    return network


def _fasterrcnn_mobilenet(size: int, imagenet: bool, classes: int) -> nn.Module:
    """Faster R-CNN on MobileNet-V2 with a feature pyramid at strides 8, 16 and 32, and 64 pooled from it."""
    features = _mobilenet_features(imagenet)
    taps = {"6": "0", "13": "1", "18": "2"}
    backbone = BackboneWithFPN(features, taps, [32, 96, 1280], 128)
    anchors = AnchorGenerator(((16, 23), (32, 45), (64, 90), (128, 181)), ((1.0,),) * 4)
    return FasterRCNN(
        backbone,
        classes,
        min_size=size,
        max_size=size,
        rpn_anchor_generator=anchors,
        rpn_pre_nms_top_n_train=500,
        rpn_post_nms_top_n_train=200,
        rpn_pre_nms_top_n_test=200,
        rpn_post_nms_top_n_test=100,
        box_batch_size_per_image=64,
        box_score_thresh=LEAST_SCORE,
    )


def _fasterrcnn_resnet50(size: int, imagenet: bool, classes: int) -> nn.Module:
    """Raabin-WBC's detector as torchvision ships it; from COCO's weights where they can be had."""
    network = fasterrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, min_size=size, max_size=size, box_score_thresh=LEAST_SCORE
    )
    if imagenet:
        state = FasterRCNN_ResNet50_FPN_Weights.COCO_V1.get_state_dict(
            progress=False, check_hash=True, weights_only=True
        )
        # Those of frozen batch norms, which count no batches.
        counts = {name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}
        network.load_state_dict({**counts, **state})
    network.roi_heads.box_predictor = FastRCNNPredictor(1024, classes)
    return network


@dataclass(frozen=True)
class DetectorEntry:
    """One detector of the registry.

    Attributes:
        build: from the field's size, whether to start from public weights, and how many classes, background too.
        size: longer side of the field at its input, in pixels, unless another is asked for.
        pretrained: modules that start from public weights.
        frozen: those among them that keep these: edges and colours are the same everywhere.
        weights: the public weights it starts from.
        bfloat16: whether it may train in bfloat16; Faster R-CNN would place proposals in it, to the nearest 4 pixels.
        on_phone: whether its graph runs in int8 on the phone's TFLite.
    """

    build: Callable[[int, bool, int], nn.Module]
    size: int
    pretrained: tuple[str, ...]
    frozen: tuple[str, ...]
    weights: zoo.WeightsEnum
    licence: str = "BSD-3-Clause"
    bfloat16: bool = False
    on_phone: bool = False


DETECTORS: dict[str, DetectorEntry] = {
    "ssdlite320_mobilenet_v2": DetectorEntry(
        _ssdlite,
        320,
        tuple(f"backbone.stages.{stage}" for stage in range(3)),
        tuple(f"backbone.stages.0.{block}" for block in range(4)),
        MobileNet_V2_Weights.IMAGENET1K_V1,
        bfloat16=True,
        on_phone=True,
    ),
    "fasterrcnn_mobilenet_v2": DetectorEntry(
        _fasterrcnn_mobilenet,
        480,
        ("backbone.body",),
        tuple(f"backbone.body.{block}" for block in range(4)),
        MobileNet_V2_Weights.IMAGENET1K_V1,
    ),
    "fasterrcnn_resnet50_fpn": DetectorEntry(
        _fasterrcnn_resnet50,
        640,
        ("backbone",),
        ("backbone.body.conv1", "backbone.body.layer1"),
        FasterRCNN_ResNet50_FPN_Weights.COCO_V1,
    ),
}


def build_detector(name: str, size: int | None = None, public: bool = False, kinds: int = 1) -> nn.Module:
    """A detector of the table.

    Args:
        size: longer side of the field at its input, in pixels, instead of the table's.
        public: start from public weights, which torchvision finds under TORCH_HOME or downloads.
        kinds: how many kinds of cells it tells apart.

    Raises:
        BadInput: an unknown name, or a size that is no multiple of 32.
        OSError: the weights are neither on disk nor to be downloaded.
    """
    if name not in DETECTORS:
        raise BadInput("--model", f"unknown detector {name!r}", f"one of: {', '.join(DETECTORS)}")
    entry = DETECTORS[name]
    size = entry.size if size is None else size
    if size < 64 or size % 32:
        raise BadInput("--size", f"{size} is no multiple of 32 from 64 on")
    return entry.build(size, public, 1 + kinds)


def set_input(network: nn.Module, size: int) -> None:
    """Sets the longer side of the fields at a detector's input, a multiple of 32 pixels, until it is set again."""
    transform = network.get_submodule("transform")
    if not isinstance(transform, GeneralizedRCNNTransform):
        raise TypeError(f"{type(transform).__name__} resizes no fields")
    if isinstance(network, SSD):
        transform.size_divisible = size  # its fields are set into squares
    transform.min_size, transform.max_size = (size,), size
