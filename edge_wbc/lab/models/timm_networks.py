"""Networks that torchvision has not, or not as the papers used them: timm's, imported when one is built."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

__all__ = ["from_timm", "resnet101_v2"]


def from_timm(name: str) -> Callable[[], nn.Module]:
    """What builds timm's network of that name, with 1,000 outputs and random weights.

    Its ``inception_v3`` comes without the auxiliary head, as Keras's does; its ``legacy_xception`` is Chollet's, its
    weights Keras's own.
    """

    def build() -> nn.Module:
        import timm

        return timm.create_model(name)

    return build


def resnet101_v2() -> nn.Module:
    """ResNet-101 with pre-activation (He et al. 2016), with a fully connected last layer for timm's 1 x 1 convolution.

    Keras's ResNet101V2 halves the picture in the last block of a stage, timm's in the first, and Keras's convolutions
    next to a sum have a bias: the parameters differ by 0.1%, the weights are others.
    """
    network = from_timm("resnetv2_101")()
    last = network.get_submodule("head.fc")
    assert isinstance(last, nn.Conv2d)
    # Its dropout, in front of that layer, drops nothing.
    network.set_submodule("head.drop", nn.Flatten())
    network.set_submodule("head.fc", nn.Linear(last.in_channels, last.out_channels))
    return network
