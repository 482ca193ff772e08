"""VGG: stacks of 3x3 convolutions between pools that halve.

Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
arXiv:1409.1556, Table 1 (configurations A to E) and Table 2 (parameters in millions). torchvision
has A, B, D and E as vgg11, vgg13, vgg16 and vgg19, with an adaptive pool to 7x7 before the linear
layers, which does nothing to an input of 224; it ends in logits.
"""

from __future__ import annotations

from typing import Literal

from netcalc.core.blocks import (
    Layer,
    chain,
)
from netcalc.core.building import network
from netcalc.core.graph import Graph
from netcalc.core.ops.adaptive import AdaptiveAvgPool2d
from netcalc.core.ops.conv import Conv2d
from netcalc.core.ops.dense import Flatten, Linear
from netcalc.core.ops.norm import BatchNorm2d, LocalResponseNorm
from netcalc.core.ops.pointwise import Dropout, ReLU
from netcalc.core.ops.pool import MaxPool2d
from netcalc.zoo import entry

FAMILY = "VGG"
SOURCE = "Simonyan & Zisserman 2014, arXiv:1409.1556, Table 1"

# The columns of Table 1: the widths of each stack; a 1x1 convolution is written as "256/1".
COLUMNS: dict[str, str] = {
    "A": "64 | 128 | 256 256 | 512 512 | 512 512",
    "B": "64 64 | 128 128 | 256 256 | 512 512 | 512 512",
    "C": "64 64 | 128 128 | 256 256 256/1 | 512 512 512/1 | 512 512 512/1",
    "D": "64 64 | 128 128 | 256 256 256 | 512 512 512 | 512 512 512",
    "E": "64 64 | 128 128 | 256 256 256 256 | 512 512 512 512 | 512 512 512 512",
}


def vgg(column: str, lrn: bool, bn: bool) -> Graph:
    """The network of one column; ``lrn`` normalises after the first convolution (A-LRN)."""
    layers: dict[str, Layer] = {}
    for i, stack in enumerate(COLUMNS[column].split(" | "), 1):
        for j, word in enumerate(stack.split(), 1):
            width, _, kernel = word.partition("/")
            layers[f"conv{i}_{j}"] = _conv(int(width), int(kernel or 3), bn)
            if lrn and i == j == 1:
                layers["lrn"] = LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
        layers[f"pool{i}"] = MaxPool2d(2, 2)
    head: dict[str, Layer] = {
        "avgpool": AdaptiveAvgPool2d(7),
        "flatten": Flatten(),
        "fc6": (Linear(4096), ReLU(), Dropout(0.5)),
        "fc7": (Linear(4096), ReLU(), Dropout(0.5)),
        "fc8": Linear(1000),
    }
    return network(chain({**layers, **head}), input=(1, 3, 224, 224))


def _conv(width: int, kernel: int, bn: bool) -> Layer:
    conv = Conv2d(width, kernel, padding=kernel // 2)
    return (conv, BatchNorm2d(), ReLU()) if bn else (conv, ReLU())


@entry("vgg11", year=2014, source=f"{SOURCE}, column A")
def vgg11(*, lrn: bool = False, bn: bool = False) -> Graph:
    """Configuration A; ``lrn`` makes it A-LRN, ``bn`` torchvision's vgg11_bn."""
    return vgg("A", lrn, bn)


@entry("vgg13", year=2014, source=f"{SOURCE}, column B")
def vgg13(*, bn: bool = False) -> Graph:
    """Configuration B."""
    return vgg("B", False, bn)


@entry("vgg16", year=2014, source=f"{SOURCE}, column D or C")
def vgg16(*, config: Literal["d", "c"] = "d", bn: bool = False) -> Graph:
    """Configuration D, or C with 1x1 convolutions at the end of its later stacks."""
    return vgg(config.upper(), False, bn)


@entry("vgg19", year=2014, source=f"{SOURCE}, column E")
def vgg19(*, bn: bool = False) -> Graph:
    """Configuration E."""
    return vgg("E", False, bn)
