"""Inception v3 and v4, Inception-ResNet v2 and Xception, held against models of other hands.

Sources: the papers (arXiv:1512.00567, 1602.07261, 1610.02357), torchvision's inception_v3
(23,834,568 parameters, 27,161,264 with its head), timm's inception_v4, inception_resnet_v2 and
legacy_xception, and parameters and MACs of the released modules, worked out one by one elsewhere.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import nn

import netcalc as nc
from netcalc.core.graph import Graph
from netcalc.pytorch.build import build
from netcalc.pytorch.values import TOLERANCE, compare_values
from netcalc.pytorch.verify import undisturbed
from tests.reference import meta_macs


class WithHead(nn.Module):
    """torchvision's network with its head, which it runs in training mode only."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torchvision.models.inception_v3(weights=None, init_weights=False)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        self.net.training = True  # the flag of this one module: the layers in it stay in eval mode
        return tuple(self.net(x))


def inception_v3() -> nn.Module:
    return torchvision.models.inception_v3(weights=None, aux_logits=False, init_weights=False)


OTHERS: dict[str, Any] = {
    "inception_v3": inception_v3,
    "inception_v3@aux=true": WithHead,
    "inception_v4": lambda: timm.create_model("inception_v4"),
    "inception_resnet_v2": lambda: timm.create_model("inception_resnet_v2"),
    "xception": lambda: timm.create_model("legacy_xception"),
}
SMALLEST = {
    "inception_v3": 75,
    "inception_v3@aux=true": 299,
    "inception_v4": 75,
    "inception_resnet_v2": 75,
    "xception": 7,
}
"""The smallest inputs that leave a value for every window."""

every_net = pytest.mark.parametrize("net", OTHERS)


@functools.cache
def other(net: str) -> nn.Module:
    """The model of another hand; the verifier only reads it."""
    with undisturbed():
        model: nn.Module = OTHERS[net]()
        return model.eval()


def on_meta(net: str) -> nn.Module:
    with torch.device("meta"):
        model: nn.Module = OTHERS[net]()
        return model.eval()


# --- counts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("net", "params", "macs"),
    [
        ("inception_v3", 23_834_568, 5_713_216_096),
        ("inception_v3@aux=true", 27_161_264, 5_718_899_296),
        ("inception_v4", 42_679_816, 12_253_974_624),
        ("inception_resnet_v2", 55_843_464, 13_155_794_016),
        ("xception", 22_855_952, 8_357_403_496),
    ],
)
def test_totals(net: str, params: int, macs: int) -> None:
    t = nc.analyse(net).totals
    assert (t.params, t.macs) == (params, macs)
    model = on_meta(net)
    assert sum(p.numel() for p in model.parameters()) == params
    assert sum(b.numel() for b in model.buffers()) == t.buffers
    assert meta_macs(model, torch.empty(1, 3, 299, 299, device="meta")) == macs


# parameters and MACs of each module, and of all that comes before them
STAGES: dict[str, dict[str, tuple[int, int]]] = {
    "inception_v3": {
        "mixed_5b": (255_904, 312_345_600),
        "mixed_5c": (277_472, 338_688_000),
        "mixed_5d": (285_152, 348_096_000),
        "mixed_6a": (1_153_280, 401_937_408),
        "mixed_6b": (1_297_408, 374_063_104),
        "mixed_6c": (1_691_008, 487_702_528),
        "mixed_6d": (1_691_008, 487_702_528),
        "mixed_6e": (2_141_952, 617_914_368),
        "mixed_7a": (1_698_304, 291_004_416),
        "mixed_7b": (5_044_608, 322_437_120),
        "mixed_7c": (6_076_800, 388_497_408),
        "fc": (2_049_000, 2_048_000),
    },
    "inception_v4": {
        **dict.fromkeys([f"mixed_5{x}" for x in "bcde"], (317_632, 387_609_600)),
        "mixed_6a": (2_306_112, 1_097_164_800),
        **dict.fromkeys([f"mixed_6{x}" for x in "bcdefgh"], (2_936_256, 847_264_768)),
        "mixed_7a": (2_747_392, 511_098_880),
        **dict.fromkeys([f"mixed_7{x}" for x in "bcd"], (4_553_088, 290_979_840)),
        "fc": (1_537_000, 1_536_000),
    },
}
STEMS = {"inception_v3": (172_672, 1_340_779_616), "inception_v4": (605_728, 2_289_943_648)}


@pytest.mark.parametrize("net", STAGES)
def test_each_module(net: str) -> None:
    a = nc.analyse(net)
    for name, numbers in STAGES[net].items():
        assert counts(a, name) == numbers, name
    stem = {r.node.group() for r in a.rows} - set(STAGES[net])
    each = [counts(a, name) for name in stem]
    assert (sum(p for p, _ in each), sum(m for _, m in each)) == STEMS[net]


def counts(a: nc.Analysis, name: str) -> tuple[int, int]:
    rows = [r.counts for r in a.result.under(name)]
    return sum(r.params for r in rows), sum(r.macs for r in rows)


def test_the_training_head() -> None:
    a = nc.analyse("inception_v3@aux=true")
    assert counts(a, "aux")[0] == 3_326_696
    assert {name: x.dims for name, x in a.outputs.items()} == {"fc": (1, 1000), "aux": (1, 1000)}


# --- sizes and depth ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("net", "stages"),
    [
        (
            "inception_v3",  # Table 1
            {
                "conv_1a": (32, 149, 149),
                "conv_2a": (32, 147, 147),
                "conv_2b": (64, 147, 147),
                "pool_3a": (64, 73, 73),
                "conv_4a": (192, 71, 71),
                "pool_5a": (192, 35, 35),
                "mixed_5d/concat": (288, 35, 35),
                "mixed_6e/concat": (768, 17, 17),
                "mixed_7a/concat": (1280, 8, 8),
                "mixed_7c/concat": (2048, 8, 8),
                "fc": (1000,),
            },
        ),
        (
            "inception_v4",  # Figures 3 and 9
            {
                "conv_2b": (64, 147, 147),
                "mixed_3a/concat": (160, 73, 73),
                "mixed_4a/concat": (192, 71, 71),
                "mixed_5a/concat": (384, 35, 35),
                "mixed_5e/concat": (384, 35, 35),
                "mixed_6a/concat": (1024, 17, 17),
                "mixed_6h/concat": (1024, 17, 17),
                "mixed_7a/concat": (1536, 8, 8),
                "mixed_7d/concat": (1536, 8, 8),
                "flatten": (1536,),
            },
        ),
        (
            "inception_resnet_v2",
            {
                "pool_5a": (192, 35, 35),
                "mixed_5b/concat": (320, 35, 35),
                "block35_10/relu": (320, 35, 35),
                "mixed_6a/concat": (1088, 17, 17),
                "block17_20/relu": (1088, 17, 17),
                "mixed_7a/concat": (2080, 8, 8),
                "block8_10/sum/add": (2080, 8, 8),
                "conv_7b": (1536, 8, 8),
            },
        ),
        (
            "xception",  # Figure 5
            {
                "conv1": (32, 149, 149),
                "conv2": (64, 147, 147),
                "block1/add": (128, 74, 74),
                "block2/add": (256, 37, 37),
                "block3/add": (728, 19, 19),
                "block11/add": (728, 19, 19),
                "block12/add": (1024, 10, 10),
                "conv4/pointwise": (2048, 10, 10),
                "flatten": (2048,),
            },
        ),
    ],
)
def test_output_sizes(net: str, stages: dict[str, tuple[int, ...]]) -> None:
    outs = {r.name: r.outs[0].dims for r in nc.analyse(net).rows}
    assert {name: outs[name] for name in stages} == {n: (1, *d) for n, d in stages.items()}


def test_depth_of_inception_v3() -> None:
    """The stem, the longest branch of each module, and the linear layer.

    The paper says 42: that is without the two reductions, and with the sixth convolution that
    Table 1 has before the modules.
    """
    stem, modules, reductions = 5, 3 * 3 + 4 * 5 + 2 * 3, 3 + 4
    assert nc.analyse("inception_v3").totals.depth == stem + modules + reductions + 1 == 48
    assert stem + 1 + modules + 1 == 42


def test_depth_of_xception() -> None:
    """The paper's 36 convolutions, 34 of which are two layers each, and the linear layer."""
    a = nc.analyse("xception")
    separable = sum(r.name.endswith("/depthwise") for r in a.rows)
    assert separable + 2 == 36
    assert a.totals.depth == 2 + 2 * separable + 1


@every_net
def test_the_smallest_input(net: str) -> None:
    size, model = SMALLEST[net], on_meta(net)
    nc.analyse(net, input=size)
    model(torch.empty(1, 3, size, size, device="meta"))
    with pytest.raises(nc.SpecError):
        nc.analyse(net, input=size - 1)
    with pytest.raises(RuntimeError):
        model(torch.empty(1, 3, size - 1, size - 1, device="meta"))


# --- the models of other hands --------------------------------------------------------------------


@every_net
def test_agrees_with_models_of_other_hands(net: str) -> None:
    a = nc.analyse(net, input=max(SMALLEST[net], 71))
    found = nc.verify(a, other(net), device="cpu")
    assert found.ok, found
    assert not found.differences
    assert not found.verification.absent
    compared = [c for c in found.checks if c.group == "values"]
    assert len(compared) == sum(bool(r.stored) for r in a.rows) + len(a.outputs)
    # an output that did not depend on the input would prove nothing
    assert found.verification.facts["spread of the output over inputs"] > 0.01


@pytest.mark.parametrize(
    ("net", "name", "field", "value"),
    [
        ("inception_v3", "mixed_5b/branch_pool/pool", "count_include_pad", False),
        ("inception_v4", "mixed_5b/branch_pool/pool", "count_include_pad", True),
        ("inception_v4", "mixed_6c/branch7x7/conv2_bn", "eps", 1e-5),
        ("inception_resnet_v2", "block35_4/sum/body/up_scale", "factor", 0.18),
        ("xception", "conv1_bn", "eps", 1e-3),
    ],
)
def test_one_changed_field_is_told(net: str, name: str, field: str, value: Any) -> None:
    graph = nc.load(net)
    changed = nc.analyse(with_field(graph, name, field, value), input=75)
    found = nc.verify(changed, other(net), device="meta")
    assert not found.ok
    assert {(c.row, c.quantity) for c in found.differences} == {(name, field)}


def with_field(graph: Graph, name: str, field: str, value: Any) -> Graph:
    def change(op: Any) -> Any:
        return dataclasses.replace(op, **{field: value})

    assert any(n.name == name for n in graph.nodes)
    nodes = tuple(n._replace(op=change(n.op)) if n.name == name else n for n in graph.nodes)
    return dataclasses.replace(graph, nodes=nodes)


def test_values_alone_tell_a_wrong_normalisation() -> None:
    """timm's normalisations call their ReLUs: what they hand on to them is compared."""
    wrong = with_field(nc.load("inception_v4"), "mixed_7d/branch1x1/conv1_bn", "eps", 1e-5)
    with undisturbed():
        built = build(nc.analyse(wrong, input=75).result)
        compared = compare_values(built, other("inception_v4"), ((1, 3, 75, 75),), "cpu")
    first = next(c for c in compared if not c.ok)
    assert first.place == "mixed_7d.branch1x1.conv1_bn"
    assert first.difference > 100 * TOLERANCE
