"""ResNets of 18 to 152 layers.

He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition", arXiv:1512.03385, Table 1,
with projection shortcuts where the size changes (option B). ``stride=v1`` puts the stride of a
bottleneck on its first 1x1 convolution, as the paper has it; ``v1.5`` (the default, and
torchvision's) on the 3x3. It ends in logits.
"""

from __future__ import annotations

from typing import Literal

from netcalc.core.blocks import (
    Layer,
    branches,
    chain,
)
from netcalc.core.building import network
from netcalc.core.graph import Graph
from netcalc.core.ops.adaptive import AdaptiveAvgPool2d
from netcalc.core.ops.conv import Conv2d
from netcalc.core.ops.dense import Flatten, Linear
from netcalc.core.ops.merge import Add
from netcalc.core.ops.norm import BatchNorm2d
from netcalc.core.ops.pointwise import ReLU
from netcalc.core.ops.pool import MaxPool2d
from netcalc.zoo import entry

FAMILY = "ResNet"
SOURCE = "He et al. 2015, arXiv:1512.03385, Table 1"

# Table 1: blocks of conv2_x to conv5_x, and whether they are bottlenecks.
DEPTHS: dict[int, tuple[tuple[int, int, int, int], bool]] = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}


def _conv(width: int, kernel: int, stride: int = 1, relu: bool = True) -> Layer:
    conv = Conv2d(width, kernel, stride=stride, padding=kernel // 2, bias=False)
    return (conv, BatchNorm2d(), ReLU()) if relu else (conv, BatchNorm2d())


def block(width: int, stride: int, bottleneck: bool, project: bool, v1: bool) -> Layer:
    """A residual block: two 3x3, or 1x1, 3x3 and a 1x1 of four times the width."""
    if bottleneck:
        first, second = (stride, 1) if v1 else (1, stride)
        body = chain(
            conv1=_conv(width, 1, first),
            conv2=_conv(width, 3, second),
            conv3=_conv(4 * width, 1, relu=False),
        )
    else:
        body = chain(conv1=_conv(width, 3, stride), conv2=_conv(width, 3, relu=False))
    out = 4 * width if bottleneck else width
    shortcut = chain(project=_conv(out, 1, stride, relu=False)) if project else chain()
    return chain(sum=branches(Add(), body=body, shortcut=shortcut), relu=ReLU())


def resnet(depth: int, stride: str) -> Graph:
    """The network of one column of Table 1."""
    counts, bottleneck = DEPTHS[depth]
    layers: dict[str, Layer] = {"conv1": _conv(64, 7, 2), "pool1": MaxPool2d(3, 2, padding=1)}
    for i, count in enumerate(counts):
        for j in range(count):
            first = j == 0
            project = first and (bottleneck or i > 0)
            step = 2 if first and i > 0 else 1
            layers[f"conv{i + 2}_{j + 1}"] = block(
                64 * 2**i, step, bottleneck, project, stride == "v1"
            )
    head: dict[str, Layer] = {
        "avgpool": AdaptiveAvgPool2d(1),
        "flatten": Flatten(),
        "fc": Linear(1000),
    }
    return network(chain({**layers, **head}), input=(1, 3, 224, 224))


@entry("resnet18", year=2015, source=SOURCE)
def resnet18(*, stride: Literal["v1.5", "v1"] = "v1.5") -> Graph:
    """18 layers; without bottlenecks, so that both strides give one network."""
    return resnet(18, stride)


@entry("resnet34", year=2015, source=SOURCE)
def resnet34(*, stride: Literal["v1.5", "v1"] = "v1.5") -> Graph:
    """34 layers; without bottlenecks, so that both strides give one network."""
    return resnet(34, stride)


@entry("resnet50", year=2015, source=SOURCE)
def resnet50(*, stride: Literal["v1.5", "v1"] = "v1.5") -> Graph:
    """50 layers."""
    return resnet(50, stride)


@entry("resnet101", year=2015, source=SOURCE)
def resnet101(*, stride: Literal["v1.5", "v1"] = "v1.5") -> Graph:
    """101 layers."""
    return resnet(101, stride)


@entry("resnet152", year=2015, source=SOURCE)
def resnet152(*, stride: Literal["v1.5", "v1"] = "v1.5") -> Graph:
    """152 layers."""
    return resnet(152, stride)
