"""Network in Network for ImageNet: every convolution followed by two 1x1 ones, no linear layer.

Lin, Chen & Yan, "Network In Network", arXiv:1312.4400; the ImageNet widths are those of the
authors' released Caffe model. Pools round up, as Caffe's do.
"""

from __future__ import annotations

from netcalc.core.blocks import (
    Layer,
    chain,
)
from netcalc.core.building import network
from netcalc.core.graph import Graph
from netcalc.core.ops.adaptive import AdaptiveAvgPool2d
from netcalc.core.ops.conv import Conv, Conv2d
from netcalc.core.ops.dense import Flatten
from netcalc.core.ops.pointwise import Dropout, ReLU
from netcalc.core.ops.pool import MaxPool2d
from netcalc.zoo import entry

FAMILY = "Network in Network"
CLASSES = 1000


def mlpconv(conv: Conv, last: int | None = None) -> Layer:
    """A convolution and two 1x1 ones of its width (the last one of ``last``), each with a ReLU."""
    width = conv.out_channels
    return chain(
        conv=(conv, ReLU()),
        cccp1=(Conv2d(width, 1), ReLU()),
        cccp2=(Conv2d(last or width, 1), ReLU()),
    )


@entry("nin", year=2013, source="Lin et al. 2013, arXiv:1312.4400 (ImageNet model)")
def nin() -> Graph:
    """Four such blocks; the last has a map for each class, which is averaged."""
    layers: dict[str, Layer] = {
        "block1": mlpconv(Conv2d(96, 11, stride=4)),
        "pool1": MaxPool2d(3, 2, ceil_mode=True),
        "block2": mlpconv(Conv2d(256, 5, padding=2)),
        "pool2": MaxPool2d(3, 2, ceil_mode=True),
        "block3": mlpconv(Conv2d(384, 3, padding=1)),
        "pool3": MaxPool2d(3, 2, ceil_mode=True),
        "dropout": Dropout(0.5),
        "block4": mlpconv(Conv2d(1024, 3, padding=1), CLASSES),
        "avgpool": AdaptiveAvgPool2d(1),
        "flatten": Flatten(),
    }
    return network(chain(layers), input=(1, 3, 224, 224))
