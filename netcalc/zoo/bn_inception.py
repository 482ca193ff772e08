"""BN-Inception, the first Inception v2: GoogLeNet with BatchNorm and two 3x3 in place of each 5x5.

Ioffe & Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
Covariate Shift", arXiv:1502.03167, Figure 5. Every convolution is followed by BatchNorm (which
makes a bias superfluous) and a ReLU; local response normalisation and dropout are gone (section
4.2.1). Pools of stride 2 round up, as in GoogLeNet. The figure does not say whether average pools
count their padding; here they do. The last pool is global.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from netcalc.core.blocks import (
    Branches,
    Layer,
    branches,
    chain,
)
from netcalc.core.building import network
from netcalc.core.graph import Graph
from netcalc.core.ops.adaptive import AdaptiveAvgPool2d
from netcalc.core.ops.base import Op
from netcalc.core.ops.dense import Flatten, Linear
from netcalc.core.ops.pointwise import Softmax
from netcalc.core.ops.pool import AvgPool2d, MaxPool2d
from netcalc.zoo import entry
from netcalc.zoo.googlenet import CLASSES, INPUT
from netcalc.zoo.googlenet import conv_bn_relu as conv

FAMILY = "BN-Inception (Inception v2)"

AVG = AvgPool2d(3, 1, padding=1)
MAX = MaxPool2d(3, 1, padding=1)
SHRINK = MaxPool2d(3, 2, ceil_mode=True)


class Inception(NamedTuple):
    """One inception row of Figure 5: its width columns, in the paper's order.

    Rows of stride 2 have no 1x1 convolutions and pass through what they pool: two zeros.
    """

    c1: int
    r3: int
    c3: int
    rd: int
    cd: int
    pool: Op
    pp: int


# Figure 5 below the stem.         #1x1  #3x3  #3x3  double double pool +
#                                       reduce       3x3    #3x3   proj
#                                                    reduce
FIGURE_5: dict[str, Inception] = {
    "inception_3a": Inception(64, 64, 64, 64, 96, AVG, 32),
    "inception_3b": Inception(64, 64, 96, 64, 96, AVG, 64),
    "inception_3c": Inception(0, 128, 160, 64, 96, SHRINK, 0),
    "inception_4a": Inception(224, 64, 96, 96, 128, AVG, 128),
    "inception_4b": Inception(192, 96, 128, 96, 128, AVG, 128),
    "inception_4c": Inception(160, 128, 160, 128, 160, AVG, 128),
    "inception_4d": Inception(96, 128, 192, 160, 192, AVG, 128),
    "inception_4e": Inception(0, 128, 192, 192, 256, SHRINK, 0),
    "inception_5a": Inception(352, 192, 320, 160, 224, AVG, 128),
    "inception_5b": Inception(352, 192, 320, 192, 224, MAX, 128),
}
# With the 128 printed for their projections, 4c and 4d would be 608 wide; the figure's output
# column says 576, and that is what 96 gives.
CORRECTED = {"inception_4c": 96, "inception_4d": 96}


@entry("bn_inception", year=2015, source="Ioffe & Szegedy 2015, arXiv:1502.03167, Figure 5")
def bn_inception(
    *,
    widths: Literal["corrected", "printed"] = "corrected",
    stem: Literal["plain", "separable"] = "plain",
) -> Graph:
    """BN-Inception of Figure 5.

    ``widths=printed`` has the pool projections of 4c and 4d as printed, which makes 4c, 4d and 4e
    608, 608 and 1056 wide. ``stem=separable`` makes the first convolution a separable one with a
    depth multiplier of 8, as below the figure.
    """
    layers: dict[str, Layer] = {
        "conv1": conv(64, 7, stride=2, padding=3) if stem == "plain" else separable(64, 8),
        "pool1": SHRINK,
        "conv2": chain(reduce=conv(64, 1), conv=conv(192, 3, padding=1)),
        "pool2": SHRINK,
    }
    for name, row in FIGURE_5.items():
        corrected = widths == "corrected" and name in CORRECTED
        layers[name] = module(row._replace(pp=CORRECTED[name]) if corrected else row)
    layers["head"] = chain(
        pool=AdaptiveAvgPool2d(1), flatten=Flatten(), fc=Linear(CLASSES), softmax=Softmax(1)
    )
    return network(chain(layers), input=INPUT)


def module(row: Inception) -> Branches:
    """1x1; 1x1 then 3x3; 1x1 then two 3x3; pool then 1x1; concatenated.

    The last 3x3 of both branches have the stride of the pool.
    """
    stride = 2 if row.pool is SHRINK else 1
    last = {"padding": 1, "stride": stride}
    pooled: dict[str, Layer] = {"pool": row.pool}
    found: dict[str, Layer] = {
        "branch1x1": chain(conv=conv(row.c1, 1)),
        "branch3x3": chain(reduce=conv(row.r3, 1), conv=conv(row.c3, 3, **last)),
        "branch3x3_twice": chain(
            reduce=conv(row.rd, 1),
            conv1=conv(row.cd, 3, padding=1),
            conv2=conv(row.cd, 3, **last),
        ),
        "branch_pool": chain({**pooled, "proj": conv(row.pp, 1)} if row.pp else pooled),
    }
    if not row.c1:
        del found["branch1x1"]
    return branches(found)


def separable(channels: int, multiplier: int) -> Layer:
    """7x7/2 filters, ``multiplier`` for each colour by itself, then a 1x1 across all of them."""
    colours = INPUT[1]
    return chain(
        depthwise=conv(colours * multiplier, 7, stride=2, padding=3, groups=colours),
        pointwise=conv(channels, 1),
    )
