"""LeNet-5 as the paper describes it, its subsampling, partial connections and RBF output included.

LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied to Document Recognition", Proc.
IEEE 86(11), 1998, section II.B. The squashing function is a plain tanh here; the paper scales it.
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
from netcalc.core.ops.conv import Conv2d
from netcalc.core.ops.dense import Flatten, Linear
from netcalc.core.ops.move import Select
from netcalc.core.ops.pointwise import Tanh
from netcalc.core.ops.pool import AvgPool2d
from netcalc.core.ops.rbf import EuclideanRBF
from netcalc.zoo import entry

FAMILY = "LeNet-5"

# Table I: which maps of S2 each of the 16 maps of C3 sees.
TABLE_I: tuple[tuple[int, ...], ...] = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)


def subsampling(maps: int) -> Layer:
    """The mean of 2x2 squares, times a coefficient and plus a bias of each map, squashed."""
    return chain(pool=AvgPool2d(2, 2), scale=(Conv2d(maps, 1, groups=maps), Tanh()))


def partial() -> Branches:
    """C3: a 5x5 convolution for each map, of the maps that Table I connects it with."""
    maps: dict[str, Layer] = {
        f"map{i}": chain(select=Select(seen), conv=Conv2d(1, 5)) for i, seen in enumerate(TABLE_I)
    }
    return branches(maps)


@entry("lenet5", year=1998, source="LeCun et al. 1998, section II.B")
def lenet5() -> Graph:
    """Seven layers on digits of 32x32; the output's 84 centres of each digit are fixed."""
    layers: dict[str, Layer] = {
        "C1": (Conv2d(6, 5), Tanh()),
        "S2": subsampling(6),
        "C3": chain(maps=partial(), squash=Tanh()),
        "S4": subsampling(16),
        "C5": (Conv2d(120, 5), Tanh()),
        "flatten": Flatten(),
        "F6": (Linear(84), Tanh()),
        "output": EuclideanRBF(10),
    }
    return network(chain(layers), input=(1, 1, 32, 32))
