"""GoogLeNet as the paper prints it, and as torchvision ships it.

Szegedy et al., "Going Deeper with Convolutions", arXiv:1409.4842: Table 1 (the layers), Figure 3
(where the local response normalisations stand), section 5 (the auxiliary classifiers). As in the
reference implementation, convolutions have biases, pools round up, and the last pool is global.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Literal, NamedTuple

from netcalc.core.blocks import (
    Chain,
    Head,
    Layer,
    chain,
)
from netcalc.core.building import network
from netcalc.core.graph import Graph
from netcalc.core.numbers import Num
from netcalc.core.ops.adaptive import AdaptiveAvgPool2d
from netcalc.core.ops.conv import Conv2d
from netcalc.core.ops.dense import Flatten, Linear
from netcalc.core.ops.norm import BatchNorm2d, LocalResponseNorm
from netcalc.core.ops.pointwise import Dropout, ReLU, Softmax
from netcalc.core.ops.pool import AvgPool2d, MaxPool2d
from netcalc.errors import InputError
from netcalc.zoo import entry
from netcalc.zoo.inception import SOURCE, conv_relu, inception

FAMILY = "GoogLeNet"
INPUT = (1, 3, 224, 224)
CLASSES = 1000


class Inception(NamedTuple):
    """One inception row of Table 1: the six width columns, in the paper's order."""

    c1: int
    r3: int
    c3: int
    r5: int
    c5: int
    pp: int


POOL = "max pool 3x3/2"

# Table 1 below the stem.          #1x1  #3x3  #3x3  #5x5  #5x5  pool
#                                       reduce      reduce       proj
TABLE_1: dict[str, Inception | str] = {
    "inception_3a": Inception(64, 96, 128, 16, 32, 32),
    "inception_3b": Inception(128, 128, 192, 32, 96, 64),
    "pool3": POOL,
    "inception_4a": Inception(192, 96, 208, 16, 48, 64),
    "inception_4b": Inception(160, 112, 224, 24, 64, 64),
    "inception_4c": Inception(128, 128, 256, 24, 64, 64),
    "inception_4d": Inception(112, 144, 288, 32, 64, 64),
    "inception_4e": Inception(256, 160, 320, 32, 128, 128),
    "pool4": POOL,
    "inception_5a": Inception(256, 160, 320, 32, 128, 128),
    "inception_5b": Inception(384, 192, 384, 48, 128, 128),
}
AUX_AFTER = {"inception_4a": "aux1", "inception_4d": "aux2"}
LOSS_WEIGHTS = {"aux1": 0.3, "aux2": 0.3}  # section 5

Scale = Callable[[int], Num]
Unit = Callable[..., Layer]


@entry("googlenet", year=2014, source=f"{SOURCE}, Table 1")
def googlenet(
    *,
    aux: bool = False,
    width: Fraction = Fraction(1),
    round: int = 0,  # noqa: A002  (the argument's name on the command line)
    head: Literal["pool", "fc"] = "pool",
) -> Graph:
    """GoogLeNet of Table 1.

    ``aux`` adds the two training heads on 4a and 4d. ``width`` multiplies every channel and feature
    count but the input's and the classes': max(1, floor(c * width)), or with ``round`` the nearest
    multiple of it, never below it. ``head="fc"`` puts AlexNet's three linear layers in place of the
    global pool.
    """
    scale = scaling(width, round)
    lrn = LocalResponseNorm(5, alpha=1e-4, beta=0.75)
    stem: dict[str, Layer] = {
        "conv1": conv_relu(scale(64), 7, stride=2, padding=3),
        "pool1": MaxPool2d(3, 2, ceil_mode=True),
        "lrn1": lrn,
        "conv2": chain(reduce=conv_relu(scale(64), 1), conv=conv_relu(scale(192), 3, padding=1)),
        "lrn2": lrn,
        "pool2": MaxPool2d(3, 2, ceil_mode=True),
    }
    body = modules(scale, conv_relu, heads=_paper_aux if aux else None)
    end = _pool_head(0.4) if head == "pool" else _fc_head(scale)
    layers = chain({**stem, **body, "head": chain(end, softmax=Softmax(1))})
    weights = LOSS_WEIGHTS if aux else {}
    return network(layers, input=INPUT, paper="googlenet_table1", loss_weights=weights)


@entry("googlenet-torchvision", year=2014, source="torchvision.models.googlenet")
def googlenet_torchvision(*, aux: bool = False) -> Graph:
    """The network that torchvision ships, which differs from the paper's in six ways.

    3x3 convolutions in the "5x5" branches (pytorch/vision#906), BatchNorm (eps 0.001) instead of
    biases, no local response normalisation, a 2x2 fourth pool, dropout 0.2, and heads that pool to
    4x4 adaptively. It ends in logits.
    """
    unit = conv_bn_relu
    stem: dict[str, Layer] = {
        "conv1": unit(64, 7, stride=2, padding=3),
        "pool1": MaxPool2d(3, 2, ceil_mode=True),
        "conv2": chain(reduce=unit(64, 1), conv=unit(192, 3, padding=1)),
        "pool2": MaxPool2d(3, 2, ceil_mode=True),
    }
    body = modules(scaling(), unit, kernel5=3, heads=_torchvision_aux if aux else None, ceil=True)
    body["pool4"] = MaxPool2d(2, 2, ceil_mode=True)
    return network(chain({**stem, **body, "head": chain(_pool_head(0.2))}), input=INPUT)


def modules(
    scale: Scale,
    unit: Unit,
    *,
    kernel5: int = 5,
    ceil: bool = False,
    heads: Callable[[Scale], Chain] | None = None,
) -> dict[str, Layer]:
    """The rows of Table 1 from inception (3a) to (5b), with heads beside 4a and 4d if asked."""
    layers: dict[str, Layer] = {}
    for name, row in TABLE_1.items():
        if isinstance(row, str):
            layers[name] = MaxPool2d(3, 2, ceil_mode=True)
            continue
        widths = [scale(c) for c in row]
        layers[name] = inception(*widths, unit=unit, kernel5=kernel5, ceil=ceil)
        if heads is not None and name in AUX_AFTER:
            layers[AUX_AFTER[name]] = Head(heads(scale))
    return layers


def conv_bn_relu(out_channels: Num, kernel: int, **fields: Num) -> Layer:
    """Torchvision's BasicConv2d."""
    return (Conv2d(out_channels, kernel, bias=False, **fields), BatchNorm2d(eps=0.001), ReLU())


def scaling(width: Fraction = Fraction(1), multiple: int = 0) -> Scale:
    """How channel counts follow from those of the paper."""
    if isinstance(width, Fraction | int) and width <= 0:
        raise InputError(f"width must be positive, got {width}")
    if multiple < 0:
        raise InputError(f"round must be a positive integer (or 0 for none), got {multiple}")
    if not isinstance(width, Fraction | int):
        return lambda c: c * width  # a symbol or an array, where it divides evenly
    if not multiple:
        return lambda c: max(1, c * width // 1)
    return lambda c: max(multiple, (c * width / multiple + Fraction(1, 2)) // 1 * multiple)


def _pool_head(p: float) -> dict[str, Layer]:
    return {
        "pool": AdaptiveAvgPool2d(1),
        "flatten": Flatten(),
        "dropout": Dropout(p),
        "fc": Linear(CLASSES),
    }


def _fc_head(scale: Scale) -> dict[str, Layer]:
    """Three linear layers on the last feature map, as AlexNet and VGG have them."""
    return {
        "flatten": Flatten(),
        "fc1": (Linear(scale(4096)), ReLU(), Dropout(0.5)),
        "fc2": (Linear(scale(4096)), ReLU(), Dropout(0.5)),
        "fc3": Linear(CLASSES),
    }


def _aux(pool: Layer, conv: Layer, scale: Scale) -> Chain:
    """Section 5: pool, 128 1x1 filters, 1024 features, dropout 0.7, the classes."""
    return chain(
        pool=pool,
        conv=conv,
        flatten=Flatten(),
        fc1=(Linear(scale(1024)), ReLU()),
        dropout=Dropout(0.7),
        fc2=Linear(CLASSES),
    )


def _paper_aux(scale: Scale) -> Chain:
    return _aux(AvgPool2d(5, 3), conv_relu(scale(128), 1), scale)


def _torchvision_aux(scale: Scale) -> Chain:
    return _aux(AdaptiveAvgPool2d(4), conv_bn_relu(scale(128), 1), scale)
