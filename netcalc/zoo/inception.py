"""The inception module by itself: the naive form, and the one with 1x1 reductions.

Szegedy et al., "Going Deeper with Convolutions", arXiv:1409.4842, Figure 2 (a) and (b), with the
widths of the worked example that netcalc started from: 256 channels of 32x32, no biases.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from netcalc.core.blocks import (
    Branches,
    Layer,
    branches,
    chain,
)
from netcalc.core.building import network
from netcalc.core.graph import Graph
from netcalc.core.numbers import Num
from netcalc.core.ops.conv import Conv2d
from netcalc.core.ops.pointwise import ReLU
from netcalc.core.ops.pool import MaxPool2d
from netcalc.zoo import entry

FAMILY = "Inception module"
SOURCE = "Szegedy et al. 2014, arXiv:1409.4842"


def conv_relu(out_channels: Num, kernel: int, *, bias: bool = True, **fields: Num) -> Layer:
    """A convolution and its ReLU."""
    return (Conv2d(out_channels, kernel, bias=bias, **fields), ReLU())


def inception(
    c1: Num,
    r3: Num,
    c3: Num,
    r5: Num,
    c5: Num,
    pp: Num,
    *,
    unit: Callable[..., Layer] = conv_relu,
    kernel5: int = 5,
    ceil: bool = False,
) -> Branches:
    """Figure 2 (b): 1x1; 1x1 then 3x3; 1x1 then 5x5; 3x3 max pool then 1x1; concatenated.

    ``unit`` makes a layer of a convolution, ``kernel5`` is the kernel of the third branch.
    """
    return branches(
        branch1x1=chain(conv=unit(c1, 1)),
        branch3x3=chain(reduce=unit(r3, 1), conv=unit(c3, 3, padding=1)),
        branch5x5=chain(reduce=unit(r5, 1), conv=unit(c5, kernel5, padding=kernel5 // 2)),
        branch_pool=chain(pool=MaxPool2d(3, 1, padding=1, ceil_mode=ceil), proj=unit(pp, 1)),
    )


@entry("naive", year=2014, source=f"{SOURCE}, Figure 2 (a)")
def naive(*, c_in: Num = 256, c1: Num = 128, c3: Num = 192, c5: Num = 96) -> Graph:
    """The module without reductions: the pool branch passes all its input channels on."""
    unit = partial(conv_relu, bias=False)
    module = branches(
        branch1x1=chain(conv=unit(c1, 1)),
        branch3x3=chain(conv=unit(c3, 3, padding=1)),
        branch5x5=chain(conv=unit(c5, 5, padding=2)),
        branch_pool=chain(pool=MaxPool2d(3, 1, padding=1)),
    )
    return network(module, input=(1, c_in, 32, 32))


@entry("reduced", year=2014, source=f"{SOURCE}, Figure 2 (b)")
def reduced(
    *,
    c_in: Num = 256,
    c1: Num = 128,
    r3: Num = 64,
    c3: Num = 192,
    r5: Num = 64,
    c5: Num = 96,
    pp: Num = 64,
) -> Graph:
    """The module with 1x1 reductions before the 3x3 and 5x5, and a projection after the pool."""
    module = inception(c1, r3, c3, r5, c5, pp, unit=partial(conv_relu, bias=False))
    return network(module, input=(1, c_in, 32, 32))
