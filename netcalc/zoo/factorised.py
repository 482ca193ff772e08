"""Convolutions, and cheaper ones that see as far: each pair has the same input and output.

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", arXiv:1512.00567:
section 3.1 (two 3x3 for a 5x5; Figures 1 and 5) and section 3.2 (a row, then a column, for a
square; Figures 3, 6 and 7). Chollet, "Xception: Deep Learning with Depthwise Separable
Convolutions", arXiv:1610.02357, section 2, after Sifre's thesis of 2014 (a 3x3 of each channel by
itself, then a 1x1).

All have as many output as input channels and no biases, so that parameters stand to each other as
25 to 9 + 9, 49 to 7 + 7, 9 to 3 + 3, and 9c to 9 + c.
"""

from __future__ import annotations

from netcalc.core.blocks import (
    Layer,
    chain,
)
from netcalc.core.building import network
from netcalc.core.graph import Graph
from netcalc.core.numbers import Num
from netcalc.core.ops.conv import Conv2d
from netcalc.core.ops.pointwise import ReLU
from netcalc.zoo import entry

FAMILY = "Factorised convolutions"
RETHINKING = "Szegedy et al. 2015, arXiv:1512.00567"


def conv(c: Num, height: int, width: int) -> Layer:
    """A convolution that keeps the size, and its ReLU."""
    padding = (height // 2, width // 2)
    return (Conv2d(c, (height, width), padding=padding, bias=False), ReLU())


def on_map(c: Num, **layers: Layer) -> Graph:
    """Layers on c channels of 32x32."""
    return network(chain(layers), input=(1, c, 32, 32))


@entry("conv5x5", year=2015, source=f"{RETHINKING}, section 3.1")
def conv5x5(*, c: Num = 64) -> Graph:
    """A 5x5: 25 c^2 weights."""
    return on_map(c, conv5x5=conv(c, 5, 5))


@entry("conv3x3-twice", year=2015, source=f"{RETHINKING}, Figures 1 and 5")
def conv3x3_twice(*, c: Num = 64) -> Graph:
    """Two 3x3, which see as far as a 5x5: 18 c^2 weights."""
    return on_map(c, conv3x3_1=conv(c, 3, 3), conv3x3_2=conv(c, 3, 3))


@entry("conv7x7", year=2015, source=f"{RETHINKING}, section 3.2")
def conv7x7(*, c: Num = 64) -> Graph:
    """A 7x7: 49 c^2 weights."""
    return on_map(c, conv7x7=conv(c, 7, 7))


@entry("conv1x7-7x1", year=2015, source=f"{RETHINKING}, Figure 6")
def conv1x7_7x1(*, c: Num = 64) -> Graph:
    """A row of 7, then a column, which see as far as a 7x7: 14 c^2 weights."""
    return on_map(c, conv1x7=conv(c, 1, 7), conv7x1=conv(c, 7, 1))


@entry("conv3x3", year=2015, source=f"{RETHINKING}, section 3.2")
def conv3x3(*, c: Num = 64) -> Graph:
    """A 3x3: 9 c^2 weights."""
    return on_map(c, conv3x3=conv(c, 3, 3))


@entry("conv1x3-3x1", year=2015, source=f"{RETHINKING}, Figure 3")
def conv1x3_3x1(*, c: Num = 64) -> Graph:
    """A row of 3, then a column, which see as far as a 3x3: 6 c^2 weights."""
    return on_map(c, conv1x3=conv(c, 1, 3), conv3x1=conv(c, 3, 1))


@entry("separable3x3", year=2016, source="Chollet 2016, arXiv:1610.02357, section 2")
def separable3x3(*, c: Num = 64) -> Graph:
    """A 3x3 of each channel by itself, then a 1x1 across channels: 9 c + c^2 weights.

    Nothing stands between the two, as in Xception.
    """
    depthwise = Conv2d(c, 3, padding=1, groups=c, bias=False)
    return on_map(c, depthwise=depthwise, pointwise=conv(c, 1, 1))
