"""Xception: depthwise separable convolutions in residual blocks.

Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", arXiv:1610.02357,
Figure 5 (every convolution is followed by BatchNorm) and Table 3 (22,855,952 parameters). It ends
in logits, without the dropout of 0.5 that the paper trains with.
"""

from __future__ import annotations

from itertools import pairwise

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
from netcalc.core.ops.norm import BatchNorm2d
from netcalc.core.ops.pointwise import ReLU
from netcalc.core.ops.pool import MaxPool2d
from netcalc.zoo import entry

FAMILY = "Xception"

# Figure 5: the widths into, within and out of each block.
ENTRY = {"block1": (64, 128, 128), "block2": (128, 256, 256), "block3": (256, 728, 728)}
MIDDLE = {f"block{i}": (728, 728, 728, 728) for i in range(4, 12)}
EXIT = {"block12": (728, 728, 1024)}


def separable(c_in: int, c_out: int, *after: ReLU) -> Layer:
    """A 3x3 convolution of each channel by itself, then a 1x1 across channels."""
    return chain(
        depthwise=Conv2d(c_in, 3, padding=1, groups=c_in, bias=False),
        pointwise=(Conv2d(c_out, 1, bias=False), BatchNorm2d(), *after),
    )


def block(*widths: int, halve: bool, relu_first: bool) -> Branches:
    """ReLUs and separable convolutions beside a shortcut.

    With ``halve`` they end in a 3x3/2 max pool, and the shortcut is a 1x1/2 convolution.
    """
    body: dict[str, Layer] = {}
    for i, (c_in, c_out) in enumerate(pairwise(widths), 1):
        if i > 1 or relu_first:
            body[f"relu{i}"] = ReLU()
        body[f"conv{i}"] = separable(c_in, c_out)
    if not halve:
        return branches(Add(), body=chain(body), shortcut=chain())
    project = (Conv2d(widths[-1], 1, stride=2, bias=False), BatchNorm2d())
    return branches(
        Add(),
        body=chain({**body, "pool": MaxPool2d(3, 2, padding=1)}),
        shortcut=chain(project=project),
    )


@entry("xception", year=2016, source="Chollet 2016, arXiv:1610.02357, Figure 5")
def xception() -> Graph:
    """Xception: entry flow, middle flow of eight equal blocks, exit flow."""
    flows = {**ENTRY, **MIDDLE, **EXIT}
    layers: dict[str, Layer] = {
        "conv1": (Conv2d(32, 3, stride=2, bias=False), BatchNorm2d(), ReLU()),
        "conv2": (Conv2d(64, 3, bias=False), BatchNorm2d(), ReLU()),
        **{
            name: block(*widths, halve=name not in MIDDLE, relu_first=name != "block1")
            for name, widths in flows.items()
        },
        "conv3": separable(1024, 1536, ReLU()),
        "conv4": separable(1536, 2048, ReLU()),
        "avgpool": AdaptiveAvgPool2d(1),
        "flatten": Flatten(),
        "fc": Linear(1000),
    }
    return network(chain(layers), input=(1, 3, 299, 299))
