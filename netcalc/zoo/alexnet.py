"""AlexNet in its two-GPU form, and the one-tower network that torchvision ships.

Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
NIPS 2012, section 3.5 and Figure 2. The figure says 224, which does not give the 55x55 maps of its
first layer with a kernel of 11, a stride of 4 and no padding; 227 does. Convolutions 2, 4 and 5 see
only the maps on their own GPU: two groups.
"""

from __future__ import annotations

from netcalc.core.blocks import (
    Layer,
    chain,
)
from netcalc.core.building import network
from netcalc.core.graph import Graph
from netcalc.core.ops.adaptive import AdaptiveAvgPool2d
from netcalc.core.ops.conv import Conv2d
from netcalc.core.ops.dense import Flatten, Linear
from netcalc.core.ops.norm import LocalResponseNorm
from netcalc.core.ops.pointwise import Dropout, ReLU
from netcalc.core.ops.pool import MaxPool2d
from netcalc.zoo import entry

FAMILY = "AlexNet"
CLASSES = 1000


def _conv(width: int, kernel: int, stride: int = 1, padding: int = 0, groups: int = 1) -> Layer:
    return (Conv2d(width, kernel, stride=stride, padding=padding, groups=groups), ReLU())


@entry("alexnet", year=2012, source="Krizhevsky et al. 2012, section 3.5")
def alexnet() -> Graph:
    """The paper's network, on inputs of 227.

    Its normalisation adds alpha times the sum of squares over 5 maps; PyTorch divides alpha by 5,
    so alpha is five times the paper's 1e-4 here.
    """
    lrn = LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
    layers: dict[str, Layer] = {
        "conv1": _conv(96, 11, stride=4),
        "lrn1": lrn,
        "pool1": MaxPool2d(3, 2),
        "conv2": _conv(256, 5, padding=2, groups=2),
        "lrn2": lrn,
        "pool2": MaxPool2d(3, 2),
        "conv3": _conv(384, 3, padding=1),
        "conv4": _conv(384, 3, padding=1, groups=2),
        "conv5": _conv(256, 3, padding=1, groups=2),
        "pool5": MaxPool2d(3, 2),
        "flatten": Flatten(),
        "fc6": (Linear(4096), ReLU(), Dropout(0.5)),
        "fc7": (Linear(4096), ReLU(), Dropout(0.5)),
        "fc8": Linear(CLASSES),
    }
    return network(chain(layers), input=(1, 3, 227, 227))


@entry("alexnet-torchvision", year=2014, source="torchvision.models.alexnet (arXiv:1404.5997)")
def alexnet_torchvision() -> Graph:
    """One tower, after Krizhevsky's later paper: narrower, without groups or normalisation."""
    layers: dict[str, Layer] = {
        "conv1": _conv(64, 11, stride=4, padding=2),
        "pool1": MaxPool2d(3, 2),
        "conv2": _conv(192, 5, padding=2),
        "pool2": MaxPool2d(3, 2),
        "conv3": _conv(384, 3, padding=1),
        "conv4": _conv(256, 3, padding=1),
        "conv5": _conv(256, 3, padding=1),
        "pool5": MaxPool2d(3, 2),
        "avgpool": AdaptiveAvgPool2d(6),
        "flatten": Flatten(),
        "dropout6": Dropout(0.5),
        "fc6": (Linear(4096), ReLU()),
        "dropout7": Dropout(0.5),
        "fc7": (Linear(4096), ReLU()),
        "fc8": Linear(CLASSES),
    }
    return network(chain(layers), input=(1, 3, 224, 224))
