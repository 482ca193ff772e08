"""Inception v4 and Inception-ResNet v2.

Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
arXiv:1602.07261: Figures 3 to 9 (Inception v4), 15 to 19 (Inception-ResNet v2) and Table 1 (the
widths of both reductions to 17x17). Both as released: average pools leave out their padding, and
the networks end in logits. Dropout, which the paper has at 0.2 in training, is 0 as in timm.
"""

from __future__ import annotations

from netcalc.core.blocks import (
    Branches,
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
from netcalc.core.ops.pointwise import Dropout, ReLU, Scale
from netcalc.core.ops.pool import AvgPool2d, MaxPool2d
from netcalc.zoo import entry
from netcalc.zoo.inception_v3 import CLASSES, INPUT, STEM, conv, forked, module_35, path

FAMILY = "Inception v4 and Inception-ResNet v2"
SOURCE = "Szegedy et al. 2016, arXiv:1602.07261"
AVERAGE = AvgPool2d(3, 1, padding=1, count_include_pad=False)
LARGEST = MaxPool2d(3, 2)

HEAD: dict[str, Layer] = {
    "avgpool": AdaptiveAvgPool2d(1),
    "flatten": Flatten(),
    "dropout": Dropout(0.0),
    "fc": Linear(CLASSES),
}

# Figure 3: the stem, which joins branches three times.
STEM_V4: dict[str, Layer] = {
    "conv_1a": conv(32, 3, stride=2),
    "conv_2a": conv(32, 3, valid=True),
    "conv_2b": conv(64, 3),
    "mixed_3a": branches(
        branch_pool=path(pool=LARGEST),
        branch3x3=path((96, 3), stride=2),
    ),
    "mixed_4a": branches(
        branch3x3=path((64, 1), (96, 3), valid=True),
        branch7x7=path((64, 1), (64, (1, 7)), (64, (7, 1)), (96, 3), valid=True),
    ),
    "mixed_5a": branches(
        branch3x3=path((192, 3), stride=2),
        branch_pool=path(pool=LARGEST),
    ),
}


def module_a() -> Branches:
    """Figure 4, on 35x35."""
    return branches(
        branch1x1=path((96, 1)),
        branch3x3=path((64, 1), (96, 3)),
        branch3x3_twice=path((64, 1), (96, 3), (96, 3)),
        branch_pool=path((96, 1), pool=AVERAGE),
    )


def module_b() -> Branches:
    """Figure 5, on 17x17."""
    return branches(
        branch1x1=path((384, 1)),
        branch7x7=path((192, 1), (224, (1, 7)), (256, (7, 1))),
        branch7x7_twice=path((192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7))),
        branch_pool=path((128, 1), pool=AVERAGE),
    )


def module_c() -> Branches:
    """Figure 6, on 8x8."""
    return branches(
        branch1x1=path((256, 1)),
        branch3x3=forked(256, (384, 1)),
        branch3x3_twice=forked(256, (384, 1), (448, (3, 1)), (512, (1, 3))),
        branch_pool=path((256, 1), pool=AVERAGE),
    )


def reduction_a(k: int, l: int, m: int, n: int) -> Branches:  # noqa: E741  (the figure's letters)
    """Figure 7, from 35x35 to 17x17, with the widths of Table 1."""
    return branches(
        branch3x3=path((n, 3), stride=2),
        branch3x3_twice=path((k, 1), (l, 3), (m, 3), stride=2),
        branch_pool=path(pool=LARGEST),
    )


def reduction_b() -> Branches:
    """Figure 8, from 17x17 to 8x8."""
    return branches(
        branch3x3=path((192, 1), (192, 3), stride=2),
        branch7x7=path((256, 1), (256, (1, 7)), (320, (7, 1)), (320, 3), stride=2),
        branch_pool=path(pool=LARGEST),
    )


@entry("inception_v4", year=2016, source=f"{SOURCE}, Figure 9")
def inception_v4() -> Graph:
    """Inception v4: the stem, 4 modules A, 7 modules B, 3 modules C."""
    layers: dict[str, Layer] = {
        **STEM_V4,
        **{f"mixed_5{letter}": module_a() for letter in "bcde"},
        "mixed_6a": reduction_a(192, 224, 256, 384),
        **{f"mixed_6{letter}": module_b() for letter in "bcdefgh"},
        "mixed_7a": reduction_b(),
        **{f"mixed_7{letter}": module_c() for letter in "bcd"},
        **HEAD,
    }
    return network(chain(layers), input=INPUT)


def residual(body: Branches, channels: int, scale: float, relu: bool = True) -> Layer:
    """A module widened by a 1x1 without BatchNorm, scaled down and added to its input."""
    up = (Conv2d(channels, 1), Scale(scale))
    layers: dict[str, Layer] = {
        "sum": branches(Add(), body=chain(mixed=body, up=up), shortcut=chain())
    }
    return chain({**layers, "relu": ReLU()} if relu else layers)


def block35() -> Layer:
    """Figure 16."""
    body = branches(
        branch1x1=path((32, 1)),
        branch3x3=path((32, 1), (32, 3)),
        branch3x3_twice=path((32, 1), (48, 3), (64, 3)),
    )
    return residual(body, 320, 0.17)


def block17() -> Layer:
    """Figure 17."""
    body = branches(
        branch1x1=path((192, 1)),
        branch7x7=path((128, 1), (160, (1, 7)), (192, (7, 1))),
    )
    return residual(body, 1088, 0.1)


def block8(scale: float = 0.2, relu: bool = True) -> Layer:
    """Figure 19."""
    body = branches(
        branch1x1=path((192, 1)),
        branch3x3=path((192, 1), (224, (1, 3)), (256, (3, 1))),
    )
    return residual(body, 2080, scale, relu)


def residual_reduction_b() -> Branches:
    """Figure 18, from 17x17 to 8x8."""
    return branches(
        branch3x3=path((256, 1), (384, 3), stride=2),
        branch3x3_narrow=path((256, 1), (288, 3), stride=2),
        branch3x3_twice=path((256, 1), (288, 3), (320, 3), stride=2),
        branch_pool=path(pool=LARGEST),
    )


@entry("inception_resnet_v2", year=2016, source=f"{SOURCE}, Figure 15")
def inception_resnet_v2() -> Graph:
    """Inception-ResNet v2 as released: 10, 20 and 10 residual blocks.

    Figure 15 draws 5, 10 and 5, after the stem of Figure 3. The released network starts with the
    stem of Inception v3 and one of its modules; its blocks are 320, 1088 and 2080 wide (the figures
    print 384, 1154 and 2048); the last one is neither scaled nor followed by a ReLU, and a 1x1
    convolution to 1536 ends it.
    """
    layers: dict[str, Layer] = {
        **STEM,
        "mixed_5b": module_35(96, 64, AVERAGE),
        **{f"block35_{i}": block35() for i in range(1, 11)},
        "mixed_6a": reduction_a(256, 256, 384, 384),
        **{f"block17_{i}": block17() for i in range(1, 21)},
        "mixed_7a": residual_reduction_b(),
        **{f"block8_{i}": block8() for i in range(1, 10)},
        "block8_10": block8(1.0, relu=False),
        "conv_7b": conv(1536, 1),
        **HEAD,
    }
    return network(chain(layers), input=INPUT)
