"""Inception v3, with and without its training head.

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", arXiv:1512.00567:
Table 1, Figures 4 to 7 and 10 (the modules). As released, and as torchvision ships it, the table's
fifth to seventh rows are a 1x1 convolution to 80 channels, a 3x3 one to 192 and a 3x3/2 max pool;
the modules on 35x35 keep one 5x5 (Figure 4) beside the two 3x3; grids shrink in modules of their
own (Figure 10, with one branch more on 17x17). Average pools count their padding, and it ends in
logits.
"""

from __future__ import annotations

from typing import TypeAlias

from netcalc.core.blocks import (
    Branches,
    Chain,
    Layer,
    branches,
    chain,
    head,
)
from netcalc.core.building import network
from netcalc.core.graph import Graph
from netcalc.core.ops.adaptive import AdaptiveAvgPool2d
from netcalc.core.ops.base import Op
from netcalc.core.ops.conv import Conv2d
from netcalc.core.ops.dense import Flatten, Linear
from netcalc.core.ops.norm import BatchNorm2d
from netcalc.core.ops.pointwise import Dropout, ReLU
from netcalc.core.ops.pool import AvgPool2d, MaxPool2d
from netcalc.zoo import entry

FAMILY = "Inception v3"
INPUT = (1, 3, 299, 299)
CLASSES = 1000
AVERAGE = AvgPool2d(3, 1, padding=1)

Kernel: TypeAlias = int | tuple[int, int]


def conv(channels: int, kernel: Kernel, stride: int = 1, *, valid: bool = False) -> Layer:
    """A convolution with BatchNorm and ReLU; strided or ``valid`` ones have no padding."""
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (0, 0) if valid or stride > 1 else tuple(side // 2 for side in sides)
    unit = Conv2d(channels, kernel, stride=stride, padding=padding, bias=False)
    return (unit, BatchNorm2d(eps=0.001), ReLU())


def path(
    *rows: tuple[int, Kernel], pool: Op | None = None, stride: int = 1, valid: bool = False
) -> Chain:
    """One branch of a figure: a pool, if there is one, and convolutions (channels, kernel).

    ``stride`` and ``valid`` are of the last convolution.
    """
    layers: dict[str, Layer] = {"pool": pool} if pool else {}
    for i, row in enumerate(rows, 1):
        last = i == len(rows)
        layers[f"conv{i}"] = conv(*row, stride if last else 1, valid=valid and last)
    return chain(layers)


def forked(channels: int, *rows: tuple[int, Kernel]) -> Chain:
    """A branch that ends in a 1x3 and a 3x1 convolution side by side."""
    fork = branches(conv1x3=conv(channels, (1, 3)), conv3x1=conv(channels, (3, 1)))
    return chain({**path(*rows).layers, "fork": fork})


# Table 1 down to the first module.
STEM: dict[str, Layer] = {
    "conv_1a": conv(32, 3, stride=2),
    "conv_2a": conv(32, 3, valid=True),
    "conv_2b": conv(64, 3),
    "pool_3a": MaxPool2d(3, 2),
    "conv_3b": conv(80, 1),
    "conv_4a": conv(192, 3, valid=True),
    "pool_5a": MaxPool2d(3, 2),
}


def module_35(c1: int, pp: int, average: Op = AVERAGE) -> Branches:
    """On 35x35: Figure 5, with a 5x5 in the second branch."""
    return branches(
        branch1x1=path((c1, 1)),
        branch5x5=path((48, 1), (64, 5)),
        branch3x3=path((64, 1), (96, 3), (96, 3)),
        branch_pool=path((pp, 1), pool=average),
    )


def module_17(c7: int) -> Branches:
    """On 17x17: Figure 6."""
    return branches(
        branch1x1=path((192, 1)),
        branch7x7=path((c7, 1), (c7, (1, 7)), (192, (7, 1))),
        branch7x7_twice=path((c7, 1), (c7, (7, 1)), (c7, (1, 7)), (c7, (7, 1)), (192, (1, 7))),
        branch_pool=path((192, 1), pool=AVERAGE),
    )


def module_8() -> Branches:
    """On 8x8: Figure 7."""
    return branches(
        branch1x1=path((320, 1)),
        branch3x3=forked(384, (384, 1)),
        branch3x3_twice=forked(384, (448, 1), (384, 3)),
        branch_pool=path((192, 1), pool=AVERAGE),
    )


def to_17() -> Branches:
    """From 35x35 to 17x17: Figure 10."""
    return branches(
        branch3x3=path((384, 3), stride=2),
        branch3x3_twice=path((64, 1), (96, 3), (96, 3), stride=2),
        branch_pool=path(pool=MaxPool2d(3, 2)),
    )


def to_8() -> Branches:
    """From 17x17 to 8x8."""
    return branches(
        branch3x3=path((192, 1), (320, 3), stride=2),
        branch7x7=path((192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3), stride=2),
        branch_pool=path(pool=MaxPool2d(3, 2)),
    )


@entry("inception_v3", year=2015, source="Szegedy et al. 2015, arXiv:1512.00567, Table 1")
def inception_v3(*, aux: bool = False) -> Graph:
    """Inception v3; ``aux`` adds the training head on the last 17x17 module."""
    layers: dict[str, Layer] = {
        **STEM,
        "mixed_5b": module_35(64, 32),
        "mixed_5c": module_35(64, 64),
        "mixed_5d": module_35(64, 64),
        "mixed_6a": to_17(),
        "mixed_6b": module_17(128),
        "mixed_6c": module_17(160),
        "mixed_6d": module_17(160),
        "mixed_6e": module_17(192),
        "aux": head(
            pool=AvgPool2d(5, 3),
            conv1=conv(128, 1),
            conv2=conv(768, 5, valid=True),
            avgpool=AdaptiveAvgPool2d(1),
            flatten=Flatten(),
            fc=Linear(CLASSES),
        ),
        "mixed_7a": to_8(),
        "mixed_7b": module_8(),
        "mixed_7c": module_8(),
        "avgpool": AdaptiveAvgPool2d(1),
        "dropout": Dropout(0.5),
        "flatten": Flatten(),
        "fc": Linear(CLASSES),
    }
    if not aux:
        del layers["aux"]
    return network(chain(layers), input=INPUT)
