"""The zoo against its papers, and against implementations of other hands.

Parameters and MACs to the digit: of VGG, ResNet and AlexNet from torchvision's models on the meta
device where it has them, else worked out from the papers' widths by the sums that stand here.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
import torchvision

import netcalc as nc
from netcalc.zoo import entries
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


BUILT = {
    "lenet5": None,
    "nin": 96,
    "alexnet": 99,
    "bn_inception": 64,
    "bn_inception@widths=printed": 64,
    "bn_inception@stem=separable": 64,
    **dict.fromkeys(
        (
            *("conv5x5", "conv3x3-twice", "conv7x7", "conv1x7-7x1", "conv3x3", "conv1x3-3x1"),
            *("separable3x3", "separable3x3@c=5"),
        )
    ),
}


@pytest.mark.parametrize(("net", "size"), BUILT.items())
def test_built_from_the_spec(net: str, size: int | None) -> None:
    assert nc.verify(nc.analyse(net, input=size), device="cpu").ok


# --- BN-Inception ---------------------------------------------------------------------------------

# arXiv:1502.03167, Figure 5, as printed: the output, #1x1, #3x3 reduce, #3x3, double #3x3 reduce,
# double #3x3, and the projection (0 where it passes through).
FIGURE_5 = {
    "inception_3a": ((256, 28), (64, 64, 64, 64, 96, 32)),
    "inception_3b": ((320, 28), (64, 64, 96, 64, 96, 64)),
    "inception_3c": ((576, 14), (0, 128, 160, 64, 96, 0)),
    "inception_4a": ((576, 14), (224, 64, 96, 96, 128, 128)),
    "inception_4b": ((576, 14), (192, 96, 128, 96, 128, 128)),
    "inception_4c": ((576, 14), (160, 128, 160, 128, 160, 128)),
    "inception_4d": ((576, 14), (96, 128, 192, 160, 192, 128)),
    "inception_4e": ((1024, 7), (0, 128, 192, 192, 256, 0)),
    "inception_5a": ((1024, 7), (352, 192, 320, 160, 224, 128)),
    "inception_5b": ((1024, 7), (352, 192, 320, 192, 224, 128)),
}


def by_hand(c4: int) -> dict[str, tuple[int, int, int]]:
    """Channels, parameters and MACs of each module, with that projection in 4c and 4d.

    Parameters: the weights, and a scale and a shift for each channel of each convolution. In
    modules of stride 2, what precedes the strided 3x3 runs on the map that comes in.
    """
    found, c, size = {}, 192, 28
    for name, ((_, out), (c1, r3, c3, rd, cd, pp)) in FIGURE_5.items():
        if name in ("inception_4c", "inception_4d"):
            pp = c4
        before = c * (c1 + r3 + rd) + 9 * rd * cd
        after = 9 * r3 * c3 + 9 * cd * cd + c * pp
        norms = 2 * (c1 + r3 + c3 + rd + 2 * cd + pp)
        c = c1 + c3 + cd + (pp or c)
        found[name] = (c, before + after + norms, before * size**2 + after * out**2)
        size = out
    return found


@pytest.mark.parametrize(
    ("net", "projection", "params", "macs"),
    [
        ("bn_inception", 96, 11_194_984, 2_018_851_840),
        ("bn_inception@widths=printed", 128, 11_285_224, 2_032_600_064),
    ],
)
def test_bn_inception(net: str, projection: int, params: int, macs: int) -> None:
    a, modules = nc.analyse(net), by_hand(projection)
    assert {
        name: (
            a.result.under(name)[-1].outs[0].dims[1],
            sum(r.counts.params for r in a.result.under(name)),
            sum(r.counts.macs for r in a.result.under(name)),
        )
        for name in FIGURE_5
    } == modules
    stem, head = 3 * 64 * 49, modules["inception_5b"][0] * 1000
    conv2 = 64 * 64 + 9 * 64 * 192
    norms = 2 * (64 + 64 + 192)
    assert a.totals.params == params
    assert params == stem + conv2 + norms + sum(p for _, p, _ in modules.values()) + head + 1000
    assert a.totals.macs == macs
    assert macs == stem * 112**2 + conv2 * 56**2 + sum(m for _, _, m in modules.values()) + head


def test_bn_inceptions_sizes() -> None:
    """Every output that Figure 5 prints; the last convolution of a module may halve the map."""
    outs = {r.name: r.outs[0].dims for r in nc.analyse("bn_inception").rows}
    printed = {f"{name}/concat": (1, c, n, n) for name, ((c, n), _) in FIGURE_5.items()}
    printed |= {
        "conv1": (1, 64, 112, 112),
        "pool1": (1, 64, 56, 56),
        "conv2/conv": (1, 192, 56, 56),
        "pool2": (1, 192, 28, 28),
        "head/pool": (1, 1024, 1, 1),
    }
    assert {name: outs[name] for name in printed} == printed


def test_bn_inception_as_printed_is_wider_than_printed() -> None:
    """Figure 5's 128 for the projections of 4c and 4d contradicts its output column, 576."""
    outs = {r.name: r.outs[0].dims[1] for r in nc.analyse("bn_inception@widths=printed").rows}
    names = [f"inception_4{x}/concat" for x in "bcde"]
    assert [outs[name] for name in names] == [576, 608, 608, 1056]


def test_bn_inceptions_pools() -> None:
    """Figure 5: average, but max in 5b and, without projections, in 3c and 4e; no 1x1 there."""
    rows = {r.name: r for r in nc.analyse("bn_inception").rows}
    pools = {n.split("/")[0]: r.type for n, r in rows.items() if n.endswith("branch_pool/pool")}
    most = [name for name, kind in pools.items() if kind == "MaxPool2d"]
    assert most == ["inception_3c", "inception_4e", "inception_5b"]
    for part in ("branch_pool/proj", "branch1x1/conv"):
        lacking = [name for name in FIGURE_5 if f"{name}/{part}" not in rows]
        assert lacking == ["inception_3c", "inception_4e"]


def test_the_separable_stem_of_bn_inception() -> None:
    """Eight 7x7 filters for each of 3 colours, then a 1x1 from 24 to 64; both normalised."""
    plain, separable = (
        nc.analyse(f"bn_inception@stem={stem}").totals for stem in ("plain", "separable")
    )
    weights = 3 * 8 * 49 + 24 * 64
    assert separable.params - plain.params == weights + 2 * 24 - 3 * 64 * 49
    assert separable.macs - plain.macs == (weights - 3 * 64 * 49) * 112**2
    assert (separable.params, separable.macs) == (11_188_336, 1_934_857_216)


def test_depth_of_bn_inception() -> None:
    """GoogLeNet's 22, one more in each of its 9 modules, and the three of 3c."""
    assert nc.analyse("bn_inception").totals.depth == 22 + 9 + 3


# --- factorised convolutions ----------------------------------------------------------------------

WEIGHTS: dict[str, Callable[[int], int]] = {
    "conv5x5": lambda c: 5 * 5 * c * c,
    "conv3x3-twice": lambda c: 2 * (3 * 3 * c * c),
    "conv7x7": lambda c: 7 * 7 * c * c,
    "conv1x7-7x1": lambda c: 1 * 7 * c * c + 7 * 1 * c * c,
    "conv3x3": lambda c: 3 * 3 * c * c,
    "conv1x3-3x1": lambda c: 1 * 3 * c * c + 3 * 1 * c * c,
    "separable3x3": lambda c: 3 * 3 * c + c * c,
}


@pytest.mark.parametrize("net", WEIGHTS)
@pytest.mark.parametrize("c", [64, 5])
def test_factorised_convolutions(net: str, c: int) -> None:
    a = nc.analyse(f"{net}@c={c}")
    assert a.totals.params == a.totals.weights == WEIGHTS[net](c)
    assert a.totals.macs == 32 * 32 * WEIGHTS[net](c)
    assert [x.dims for x in a.outputs.values()] == [(1, c, 32, 32)]


@pytest.mark.parametrize(
    ("large", "small", "parts"),
    [
        ("conv5x5", "conv3x3-twice", Fraction(25, 18)),
        ("conv7x7", "conv1x7-7x1", Fraction(49, 14)),
        ("conv3x3", "conv1x3-3x1", Fraction(9, 6)),
        ("conv3x3", "separable3x3", Fraction(9 * 64, 9 + 64)),
    ],
)
def test_pairs_of_the_papers(large: str, small: str, parts: Fraction) -> None:
    """28 % and 33 % less, as arXiv:1512.00567 says in its sections 3.1 and 3.2."""
    a, b = nc.compare(large, small).comparison.results
    assert Fraction(a.totals.params, b.totals.params) == parts
    assert Fraction(a.totals.macs, b.totals.macs) == parts
    assert [x.dims for x in a.outputs.values()] == [x.dims for x in b.outputs.values()]
    assert a.inputs == b.inputs


# --- families -------------------------------------------------------------------------------------


def test_a_family_is_a_file() -> None:
    files = {e.build.__module__: e.family for e in entries().values()}
    assert len(set(files.values())) == len(files)
    assert files["netcalc.zoo.inception_v3"] == "Inception v3"
