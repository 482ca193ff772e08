"""The zoo against its papers, and against implementations of other hands.

Parameters and MACs to the digit: of VGG, ResNet and AlexNet from torchvision's models on the meta
device where it has them, else worked out from the papers' widths by the sums that stand here.
"""

from __future__ import annotations

import pytest
import torch
import torchvision

import netcalc as nc
from tests.reference import meta_macs

TORCHVISION = {
    "alexnet-torchvision": "alexnet",
    "vgg11": "vgg11",
    "vgg13": "vgg13",
    "vgg16": "vgg16",
    "vgg19": "vgg19",
    "vgg16@bn=true": "vgg16_bn",
    "resnet18": "resnet18",
    "resnet34": "resnet34",
    "resnet50": "resnet50",
    "resnet101": "resnet101",
    "resnet152": "resnet152",
}


@pytest.mark.parametrize(("net", "name"), TORCHVISION.items())
def test_counts_are_torchvisions(net: str, name: str) -> None:
    with torch.device("meta"):
        model = torchvision.models.get_model(name, weights=None).eval()
        x = torch.empty(1, 3, 224, 224)
    t = nc.analyse(net).totals
    assert t.params == sum(p.numel() for p in model.parameters())
    assert t.buffers == sum(b.numel() for b in model.buffers())
    assert t.macs == meta_macs(model, x)


@pytest.mark.parametrize(
    ("net", "size"),
    [
        ("alexnet-torchvision", 96),
        ("vgg11", 64),
        ("vgg16@bn=true", 64),
        ("resnet18", 64),
        ("resnet50", 64),
    ],
)
def test_agrees_with_torchvision_in_fields_and_values(net: str, size: int) -> None:
    found = nc.verify(nc.analyse(net, input=size), f"torchvision:{TORCHVISION[net]}", device="cpu")
    assert found.ok, found
    assert not found.verification.absent
    assert len([c for c in found.checks if c.group == "values"]) > 8


def test_the_first_bottleneck_stride_is_a_difference() -> None:
    """The paper's v1 has it on the 1x1, torchvision on the 3x3: as many parameters, other MACs."""
    found = nc.verify(
        nc.analyse("resnet50@stride=v1", input=64), "torchvision:resnet50", device="cpu"
    )
    differing = {(c.row, c.quantity) for c in found.differences}
    assert ("conv3_1/sum/body/conv1", "stride") in differing
    assert ("conv3_1/sum/body/conv2", "stride") in differing


@pytest.mark.parametrize(
    ("net", "macs"),
    [("resnet50", 3_857_973_248), ("resnet101", 7_570_194_432), ("resnet152", 11_282_415_616)],
)
def test_resnets_as_the_paper_has_them(net: str, macs: int) -> None:
    """3.8, 7.6 and 11.3 billion in Table 1."""
    assert nc.analyse(f"{net}@stride=v1").totals.macs == macs


@pytest.mark.parametrize(
    ("net", "depth"),
    [
        *(("vgg11", 11), ("vgg13", 13), ("vgg16", 16), ("vgg16@config=C", 16), ("vgg19", 19)),
        *((f"resnet{n}", n) for n in (18, 34, 50, 101, 152)),
        *(("alexnet", 8), ("lenet5", 6)),
    ],
)
def test_depth_is_in_the_name(net: str, depth: int) -> None:
    assert nc.analyse(net).totals.depth == depth


def test_vgg_c() -> None:
    """D with three of its 3x3 convolutions made 1x1, which take an eighth ninths less each."""
    d, c = nc.analyse("vgg16").totals, nc.analyse("vgg16@config=C").totals
    assert d.params - c.params == 8 * (256 * 256 + 2 * 512 * 512)
    assert nc.analyse("vgg11@lrn=true").totals.params == nc.analyse("vgg11").totals.params


def test_alexnet_by_layer() -> None:
    """Krizhevsky et al. 2012: 96 maps of 11x11x3, then two groups in layers 2, 4 and 5."""
    rows = {r.name: r.counts.params for r in nc.analyse("alexnet").rows if r.counts.params}
    assert rows == {
        "conv1": 11 * 11 * 3 * 96 + 96,
        "conv2": 5 * 5 * 48 * 256 + 256,
        "conv3": 3 * 3 * 256 * 384 + 384,
        "conv4": 3 * 3 * 192 * 384 + 384,
        "conv5": 3 * 3 * 192 * 256 + 256,
        "fc6": 6 * 6 * 256 * 4096 + 4096,
        "fc7": 4096 * 4096 + 4096,
        "fc8": 4096 * 1000 + 1000,
    }
    assert sum(rows.values()) == 60_965_224
    maps = [r.outs[0].numel for r in nc.analyse("alexnet").rows if r.type == "Conv2d"]
    assert maps[1:] == [186_624, 64_896, 64_896, 43_264]  # Figure 2's neurons
    assert maps[0] == 55 * 55 * 96 == 290_400  # the figure prints 253,440


def test_nin() -> None:
    t = nc.analyse("nin").totals
    widths = [(11, 3, 96), (5, 96, 256), (3, 256, 384), (3, 384, 1024)]
    first = sum(k * k * i * o + o for k, i, o in widths)
    ones = sum(2 * (o * o + o) for _, _, o in widths[:3]) + 1024 * 1024 + 1024 + 1024 * 1000 + 1000
    assert t.params == first + ones == 7_595_176
    assert t.macs == 1_100_188_800


def test_lenet5_by_layer() -> None:
    """The parameters and connections that the paper gives for each layer."""
    a = nc.analyse("lenet5")
    params: dict[str, int] = {}
    for r in a.rows:
        params[r.node.group()] = params.get(r.node.group(), 0) + r.counts.params
    assert {name: n for name, n in params.items() if n} == {
        "C1": 156,
        "S2": 12,
        "C3": 1516,
        "S4": 32,
        "C5": 48_120,
        "F6": 10_164,
    }
    assert (a.totals.params, a.totals.buffers) == (60_000, 840)
    # connections: multiply-adds and biases of a convolution or linear layer
    connections = {
        name: sum(
            r.counts.macs + sum(t.value for t in r.terms if t.label == "bias additions")
            for r in a.rows
            if r.node.group() == name
        )
        for name in ("C1", "C3", "C5", "F6")
    }
    assert connections == {"C1": 122_304, "C3": 151_600, "C5": 48_120, "F6": 10_164}


@pytest.mark.parametrize("net", ["lenet5", "nin", "alexnet"])
def test_built_from_the_spec(net: str) -> None:
    size = {"lenet5": None, "nin": 96, "alexnet": 99}[net]
    assert nc.verify(nc.analyse(net, input=size), device="cpu").ok
