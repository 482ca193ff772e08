"""Which layers of two networks stand for each other, and what each of their differences is worth.

Expected values are worked out by hand from the tables of papers, or by analysing a network in which
one field is changed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

import netcalc as nc
from netcalc.core import pricing
from netcalc.core.aligning import RUN, aligned, rising
from netcalc.core.blocks import Use
from netcalc.core.compare import Comparison, told
from netcalc.core.ops.base import Op

MODULES = [
    *((16, 32), (32, 96), (16, 48), (24, 64), (24, 64), (32, 64), (32, 128), (32, 128), (48, 128)),
]
"""GoogLeNet's Table 1: #5x5 reduce and #5x5 of the modules 3a to 5b."""

SIZES = [28, 28, 14, 14, 14, 14, 14, 7, 7]
"""The height and width of the maps of these modules."""


def compared(a: Any, b: Any) -> Comparison:
    return nc.compare(a, b).comparison


def told_of(c: Comparison) -> dict[tuple[str, str], tuple[int, int, int]]:
    """For each change and kind of layer: how many layers, parameters, MACs."""
    return {
        (told(d.steps[0], ("A", "B")), d.type): (len(d.steps), d.params, d.macs)
        for d in c.differences
    }


def names(c: Comparison) -> dict[str, str]:
    return {p.a.name: p.b.name for p in c.kept if p.a and p.b}


def wrong(c: Comparison) -> list[str]:
    """What does not add up, of a comparison of networks that share no tensors."""
    found = []
    for quantity in ("params", "macs"):
        before, after = (getattr(r.totals, quantity) for r in c.results)
        if sum(getattr(step, quantity) for step in c.steps) != after - before:
            found.append(f"{quantity} of all steps")
        if sum(getattr(d, quantity) for d in c.differences) != after - before:
            found.append(f"{quantity} of all differences")
        for pair in c.pairs:
            steps = [getattr(step, quantity) for step in c.steps if step.pair is pair]
            mine, theirs = (getattr(counts, quantity) for counts in pair.counts)
            if sum(steps) != theirs - mine:
                found.append(f"{quantity} of {pair.name}")
    shared = [s.pair.name for s in c.steps if any(m.what == "shared weights" for m in s.moves)]
    for side, result in enumerate(c.results):
        rows = [pair[side].name for pair in c.pairs if pair[side]]
        if sorted(rows) != sorted(row.name for row in result.rows):
            found.append("not every layer once")
    return found + shared


# --- GoogLeNet as printed, and as torchvision has it -------------------------------------------


@pytest.fixture(scope="module")
def googlenets() -> Comparison:
    return compared("googlenet", "torchvision:googlenet")


def test_googlenet_against_torchvisions(googlenets: Comparison) -> None:
    fives = [(25 - 9) * r * c for r, c in MODULES]
    macs = [(25 - 9) * r * c * size**2 for (r, c), size in zip(MODULES, SIZES, strict=True)]
    channels = 7_280  # of all 57 convolutions
    assert (sum(fives), sum(macs)) == (380_928, 84_295_680)
    assert told_of(googlenets) == {
        ("kernel 5 -> 3, padding 2 -> 1", "Conv2d"): (9, -380_928, -84_295_680),
        ("only in B", "BatchNorm2d"): (57, 2 * channels, 0),
        ("bias True -> False", "Conv2d"): (57, -channels, 0),
        ("only in A", "LocalResponseNorm"): (2, 0, 0),
        ("only in A", "Softmax"): (1, 0, 0),
        ("kernel 3 -> 2", "MaxPool2d"): (1, 0, 0),
        ("ceil_mode False -> True", "MaxPool2d"): (9, 0, 0),
    }
    assert wrong(googlenets) == []


def test_each_module_is_priced_by_itself(googlenets: Comparison) -> None:
    found = [
        (s.pair.name, -s.params, -s.macs)
        for s in googlenets.steps
        if s.moves and s.moves[0].what == "kernel" and s.params
    ]
    labels = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
    assert found == [
        (f"inception_{label}/branch5x5/conv", 16 * r * c, 16 * r * c * size**2)
        for label, (r, c), size in zip(labels, MODULES, SIZES, strict=True)
    ]


def test_biases_give_way_to_normalisations(googlenets: Comparison) -> None:
    (found,) = googlenets.replacements
    assert (found.before, found.after) == ("bias", "BatchNorm2d")
    assert (len(found.gone), len(found.new)) == (57, 57)
    assert found.worth("params") == (-7_280, 14_560)
    assert found.worth("macs") == (0, 0)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("conv2/reduce", "conv2/conv"),
        ("conv2/conv", "conv3/conv"),
        ("inception_3a/branch5x5/conv", "inception3a/branch3/1/conv"),
        ("inception_5b/branch5x5/conv", "inception5b/branch3/1/conv"),
        ("pool4", "maxpool4"),
        ("head/fc", "fc"),
        ("inception_4e/concat", "inception4e/cat"),
    ],
)
def test_layers_of_other_names_are_found(googlenets: Comparison, mine: str, theirs: str) -> None:
    assert names(googlenets)[mine] == theirs


def test_stages_of_other_names_stand_side_by_side(googlenets: Comparison) -> None:
    stages = {s.name: tuple(c and c.params for c in s.counts) for s in googlenets.stages}
    assert stages["inception_3a / inception3a"] == (163_696, 155_872)
    assert stages["conv2 / conv2, conv3"] == (114_944, 115_200)
    assert stages["head / fc"] == (1_025_000, 1_025_000)
    assert stages["lrn1"] == (0, None)
    assert sum(s[1] - s[0] for s in stages.values() if None not in s) == -373_648
    (head,) = (s for s in googlenets.stages if s.name == "head / fc")
    assert head.names == (("head",), ("avgpool", "flatten", "dropout", "fc"))


def test_text_and_document_say_it() -> None:
    view = nc.compare("googlenet", "torchvision:googlenet")
    text = view.table()
    assert "bias -> BatchNorm2d in 57 layers: -7,280 + 14,560 = +7,280 params" in text
    assert "140 layers in pairs, of which 67 differ; 3 only in A; 57 only in B" in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "kernel 5 -> 3, padding 2 -> 1 9 Conv2d -380,928 -84,295,680" in lines
    assert "kernel 3 -> 2 pool4 -> maxpool4 0 0" in lines
    assert "total -373,648 -84,295,680" in lines
    assert max(map(len, text.splitlines())) <= 80
    document = view.to_dict()
    assert document["replacements"] == [
        {"from": "bias", "to": "BatchNorm2d", "layers": 57, "params": 7_280, "macs": 0}
    ]
    pool = next(d for d in document["differences"] if d["change"] == "kernel 3 -> 2")
    assert (pool["type"], pool["layers"]) == ("MaxPool2d", [["pool4", "maxpool4"]])
    assert pool["params"] == pool["macs"] == 0
    norms = next(d for d in document["differences"] if d["type"] == "BatchNorm2d")
    assert norms["change"] == "only in torchvision:googlenet"
    assert norms["layers"][0] == [None, "conv1/bn"]
    for quantity in ("params", "macs"):
        parts = sum(d[quantity] for d in document["differences"])
        assert parts == document["difference"][quantity]["total"]


# --- any two networks --------------------------------------------------------------------------

PAIRS = [
    ("naive", "reduced"),
    ("googlenet", "googlenet-torchvision"),
    ("googlenet", "googlenet@width=0.5"),
    ("googlenet", "googlenet@aux=true"),
    ("googlenet", "googlenet@head=fc"),
    ("googlenet", "bn_inception"),
    ("vgg16", "vgg16@bn=true"),
    ("vgg16", "resnet18"),
    ("alexnet", "alexnet-torchvision"),
    ("resnet18", "resnet34"),
    ("resnet50", "resnet50@stride=v1"),
    ("inception_v3", "inception_v4"),
    ("inception_v4", "xception"),
    ("nin", "lenet5"),
    ("conv5x5", "conv3x3-twice"),
    ("torchvision:mobilenet_v2", "torchvision:mobilenet_v3_large"),
    ("torchvision:vit_b_16", "torchvision:swin_t"),
    ("torchvision:convnext_tiny", "torchvision:efficientnet_b0"),
    ("torchvision:resnet50", "torchvision:resnext50_32x4d"),
]


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_everything_adds_up_in_both_directions(a: str, b: str) -> None:
    there, back = compared(a, b), compared(b, a)
    assert wrong(there) == wrong(back) == []
    assert {(x, y) for x, y in names(there).items()} == {(y, x) for x, y in names(back).items()}

    def worths(c: Comparison, sign: int) -> list[tuple[str, str, int, int]]:
        side = 0 if sign > 0 else 1
        return sorted(
            (
                str([m if sign > 0 else m.back for m in s.moves]),
                str([row and row.name for row in (s.pair[side], s.pair[1 - side])]),
                sign * s.params,
                sign * s.macs,
            )
            for s in c.steps
        )

    assert worths(there, 1) == worths(back, -1)
    totals = [sum(x.params for s in there.stages if (x := s.counts[i])) for i in (0, 1)]
    assert totals == [r.totals.params for r in there.results]


@pytest.mark.parametrize("a", ["resnet50", "inception_v3", "vgg16", "alexnet-torchvision"])
def test_the_same_network_of_another_make_has_no_difference(a: str) -> None:
    c = compared(a, f"torchvision:{a.removesuffix('-torchvision')}")
    assert c.steps == ()
    assert len(c.kept) == len(c.pairs)
    assert "of which none differ" in nc.compare(*(r.graph for r in c.results)).table()


def test_a_block_more_is_new_as_a_whole() -> None:
    """ResNet-34 under torchvision's names has one to three blocks more in each stage."""
    for other in ("resnet34", "torchvision:resnet34"):
        c = compared("resnet18", other)
        assert {told(s, ("A", "B")) for s in c.steps} == {"only in B"}
        assert len(c.added) == 8 * 7


def test_all_ways_of_a_wrong_price_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = compared("googlenet", "googlenet-torchvision")
    assert wrong(right) == []
    steps = list(right.steps)
    at = next(i for i, s in enumerate(steps) if s.params)
    changed = [steps[at]._replace(params=steps[at].params + 1), steps[at]._replace(macs=1)]
    for step in changed:
        assert wrong(right._replace(steps=(*steps[:at], step, *steps[at + 1 :])))
    assert wrong(right._replace(steps=(*steps[:at], *steps[at + 1 :])))
    assert wrong(right._replace(pairs=right.pairs[1:]))
    worth = pricing.State.worth
    monkeypatch.setattr(
        pricing.State, "worth", lambda self, e: worth(self, e | frozenset({"bias"}))
    )
    assert wrong(compared("googlenet", "googlenet-torchvision"))


# --- one change at a time ----------------------------------------------------------------------

BASE = nc.Conv2d(12, 5, stride=2, padding=2, groups=2)
CHANGES = [
    ("out_channels 12 -> 20", {"out_channels": 20}),
    ("kernel 5 -> 3, padding 2 -> 1", {"kernel": (3, 3), "padding": (1, 1)}),
    ("kernel 5 -> 3", {"kernel": (3, 3)}),
    ("padding 2 -> 0", {"padding": (0, 0)}),
    ("stride 2 -> 1", {"stride": (1, 1)}),
    ("groups 2 -> 4", {"groups": 4}),
    ("bias True -> False", {"bias": False}),
    ("kernel 5 -> (1, 5), padding 2 -> (0, 2)", {"kernel": (1, 5), "padding": (0, 2)}),
]


def around(op: Op, channels: int = 8) -> nc.Graph:
    """A layer between two others; the last does not depend on what it gives."""
    first, last = nc.Conv2d(channels, 1), nc.AdaptiveAvgPool2d(1)
    return nc.network(nc.chain(first=first, one=op, last=last), input=(2, 3, 20, 20))


@pytest.mark.parametrize(("text", "fields"), CHANGES, ids=lambda x: str(x))
def test_one_change_is_worth_what_it_makes(text: str, fields: dict[str, Any]) -> None:
    a, b = around(BASE), around(replace(BASE, **fields))
    c = compared(a, b)
    totals = [r.totals for r in c.results]
    params, macs = totals[1].params - totals[0].params, totals[1].macs - totals[0].macs
    assert told_of(c) == {(text, "Conv2d"): (1, params, macs)}
    assert wrong(c) == []


def test_several_changes_are_taken_one_after_the_other() -> None:
    """From the layer with fewer parameters on: what flows in, then the fields in order.

    Weights: 3*3*4*8 = 288; 6 channels flow in: 3*3*6*8 = 432; 16 come out: 864; a kernel of 5:
    5*5*6*16 = 2,400; a bias of 16. A map has 10*10 positions.
    """

    def net(width: int, op: Op) -> nc.Graph:
        return nc.network(nc.chain(x=nc.Conv2d(width, 1), one=op), input=(1, 2, 10, 10))

    a = net(4, nc.Conv2d(8, 3, padding=1, bias=False))
    b = net(6, nc.Conv2d(16, 5, padding=2))
    found = {
        str(s.moves[0]): (s.params, s.macs) for s in compared(a, b).steps if s.pair.name == "one"
    }
    assert found == {
        "in channels 4 -> 6": (432 - 288, 14_400),
        "out_channels 8 -> 16": (864 - 432, 43_200),
        "kernel 3 -> 5": (2_400 - 864, 153_600),
        "bias False -> True": (16, 0),
    }


@pytest.mark.parametrize(("a", "b"), [(32, 64), (64, 32)])
def test_what_cannot_change_alone_changes_together(a: int, b: int) -> None:
    """A convolution of each channel by itself has 9 weights and a bias for each of them."""

    def net(width: int) -> nc.Graph:
        layers = {"x": nc.Conv2d(width, 1, bias=False), "y": nc.Conv2d(width, 3, groups=width)}
        return nc.network(nc.chain(layers), input=(1, 3, 8, 8))

    steps = [s for s in compared(net(a), net(b)).steps if s.pair.name == "y"]
    (step,) = steps
    assert sorted(move.what for move in step.moves) == ["groups", "in channels", "out_channels"]
    assert (step.params, step.macs) == (10 * (b - a), 9 * 36 * (b - a))


def test_a_normalised_shape_follows_the_features() -> None:
    def net(width: int) -> nc.Graph:
        return nc.network(nc.chain(x=nc.Linear(width), y=nc.LayerNorm(width)), input=(1, 5, 7))

    changes = told_of(compared(net(16), net(24)))
    assert changes == {
        ("out_features 16 -> 24", "Linear"): (1, 8 * 8, 8 * 5 * 7),
        ("in features 16 -> 24, normalized_shape (16,) -> (24,)", "LayerNorm"): (1, 16, 0),
    }


def test_another_input_with_another_stride_is_no_work() -> None:
    """ResNet's stride stands in the 1x1 convolution of a block or in the 3x3 behind it."""
    changes = told_of(compared("resnet50", "resnet50@stride=v1"))
    assert changes["stride 1 -> 2", "Conv2d"] == (3, 0, -3 * 77_070_336)
    assert changes["input size 56x56 -> 28x28, stride 2 -> 1", "Conv2d"] == (1, 0, 0)


def test_another_kind_of_pool_or_activation() -> None:
    def net(pool: Op, act: Op) -> nc.Graph:
        layers = {"x": nc.Conv2d(4, 3), "f": act, "p": pool, "y": nc.Conv2d(8, 3)}
        return nc.network(nc.chain(layers), input=(1, 3, 20, 20))

    a = net(nc.MaxPool2d(2), nc.ReLU())
    b = net(nc.AvgPool2d(2), nc.Pointwise("silu"))
    assert told_of(compared(a, b)) == {
        ("type ReLU -> Pointwise", "ReLU"): (1, 0, 0),
        ("type MaxPool2d -> AvgPool2d", "MaxPool2d"): (1, 0, 0),
    }
    c = net(nc.MaxPool2d(2), nc.Pointwise("leaky_relu", 0.1))
    assert told_of(compared(b, c))[
        "function silu -> leaky_relu, first None -> 0.1", "Pointwise"
    ] == (1, 0, 0)


def test_a_product_of_two_inputs_is_priced_by_both() -> None:
    """8x4 by 4x8 takes 8*4*8 multiply-adds, 8x6 by 6x8 half as many more."""

    def net(width: int) -> nc.Graph:
        layers = {
            "x": nc.Linear(width, bias=False),
            "t": nc.Transpose(1, 2),
            "m": nc.use(nc.MatMul(), "x", "t"),
        }
        return nc.network(nc.chain(layers), input=(1, 8, 3))

    changes = told_of(compared(net(4), net(6)))
    assert changes == {
        ("out_features 4 -> 6", "Linear"): (1, 2 * 3, 8 * 2 * 3),
        ("inputs 1x8x4 and 1x4x8 -> 1x8x6 and 1x6x8", "MatMul"): (1, 0, 8 * 2 * 8),
    }


def test_another_kind_under_the_same_name_is_that() -> None:
    def net(op: Op) -> nc.Graph:
        return nc.network(nc.chain(x=nc.Conv2d(4, 1), y=op), input=(1, 3, 6, 6))

    a, b = net(nc.Conv2d(5, 3)), net(nc.ConvTranspose2d(5, 3))
    assert told_of(compared(a, b)) == {
        ("type Conv2d -> ConvTranspose2d", "Conv2d"): (1, 0, 4 * 5 * 9 * (36 - 16))
    }


def test_what_acts_in_training_alone_is_no_difference() -> None:
    def net(p: float, momentum: float, eps: float) -> nc.Graph:
        norm = nc.BatchNorm2d(eps=eps, momentum=momentum)
        return nc.network(nc.chain(x=nc.Conv2d(4, 1), n=norm, d=nc.Dropout(p)), input=(1, 3, 4, 4))

    assert compared(net(0.4, 0.1, 1e-5), net(0.2, 0.01, 1e-5)).steps == ()
    changed = compared(net(0.4, 0.1, 1e-5), net(0.4, 0.1, 1e-3))
    assert told_of(changed) == {("eps 1e-05 -> 0.001", "BatchNorm2d"): (1, 0, 0)}


def test_tied_weights_have_a_name() -> None:
    """The second layer of b has no weights of its own: 16*16 fewer, and its bias is shared too."""

    def net(tied: bool, width: int = 16) -> nc.Graph:
        tensors = {"weight": "x.weight", "bias": "x.bias"} if tied else {}
        layers = {
            "x": nc.Linear(width),
            "f": nc.ReLU(),
            "y": Use(nc.Linear(width), tensors=tensors),
        }
        return nc.network(nc.chain(layers), input=(1, width))

    c = compared(net(False), net(True))
    assert told_of(c) == {("shared weights", "Linear"): (1, -(16 * 16 + 16), 0)}
    assert compared(net(True), net(True)).steps == ()
    parts = nc.compare(net(False), net(True)).to_dict()["difference"]["params"]["parts"]
    assert [part["why"] for part in parts] == ["shared weights"]
    wider = [s for s in compared(net(True), net(True, 24)).steps if s.params]
    assert {s.pair.name for s in wider} == {"x"}
    assert sum(s.params for s in wider) == 24 * 25 - 16 * 17


# --- whatever layers are called, and in whatever order branches run -----------------------------


def module(order: tuple[str, ...], prefix: str = "", kernel: int = 5) -> nc.Graph:
    """Four branches between two convolutions, in a given order, under other names."""
    blocks = {
        "a": nc.chain({"c": nc.Conv2d(8, 1)}),
        "b": nc.chain({"r": (nc.Conv2d(6, 1), nc.ReLU()), "c": nc.Conv2d(12, 3, padding=1)}),
        "c": nc.chain(
            {
                "r": (nc.Conv2d(6, 1), nc.ReLU()),
                "c": (nc.Conv2d(8, kernel, padding=kernel // 2), nc.ReLU()),
            }
        ),
        "d": nc.chain({"p": nc.MaxPool2d(3, 1, padding=1), "c": nc.Conv2d(8, 1)}),
    }
    renamed = {f"{prefix}{i if prefix else name}": blocks[name] for i, name in enumerate(order)}
    layers = {
        f"{prefix}stem": nc.Conv2d(16, 3),
        f"{prefix}mod": nc.branches(renamed),
        f"{prefix}end": nc.Conv2d(4, 1),
    }
    return nc.network(nc.chain(layers), input=(1, 3, 12, 12))


ORDERS = ["abcd", "dcba", "badc", "cdab", "dbca"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("prefix", ["", "other"])
def test_branches_in_another_order_are_no_difference(order: str, prefix: str) -> None:
    c = compared(module(tuple("abcd")), module(tuple(order), prefix))
    assert c.steps == ()
    assert len(c.kept) == len(c.pairs) == 13


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("prefix", ["", "other"])
def test_one_change_among_them_is_found_alone(order: str, prefix: str) -> None:
    """The kernel of one branch; 8*6 weights for each of 25 - 9 taps, on maps of 10*10."""
    c = compared(module(tuple("abcd")), module(tuple(order), prefix, kernel=3))
    assert told_of(c) == {
        ("kernel 5 -> 3, padding 2 -> 1", "Conv2d"): (1, -16 * 48, -16 * 48 * 100)
    }
    (step,) = c.steps
    assert step.pair.name == "mod/c/c"


def test_layers_that_run_in_another_order() -> None:
    """The same wiring, listed and named otherwise."""
    left, right = {"l1": nc.Conv2d(8, 3), "l2": nc.ReLU()}, {"r1": nc.Conv2d(8, 5, padding=1)}

    def net(*branches: dict[str, Op]) -> nc.Graph:
        layers: dict[str, Any] = {"x": nc.Conv2d(4, 1)}
        for branch in branches:
            before = "x"
            for name, op in branch.items():
                layers[name] = nc.use(op, before)
                before = name
        layers["y"] = nc.use(nc.Concat(), "l2", "r1")
        return nc.network(nc.chain(layers), input=(1, 3, 9, 9))

    c = compared(net(left, right), net(right, left))
    assert c.steps == ()
    assert names(c)["r1"] == "r1"


def test_identical_siblings() -> None:
    """Any of them stands for any; none is left over but the one that is more."""

    def net(count: int, prefix: str) -> nc.Graph:
        block = {"c": nc.Conv2d(4, 3, padding=1), "f": nc.ReLU(), "d": nc.Conv2d(4, 1)}
        blocks = {f"{prefix}{i}": nc.chain(block) for i in range(count)}
        layers = {"s": nc.Conv2d(4, 1), "m": nc.branches(nc.Add(), blocks), "e": nc.ReLU()}
        return nc.network(nc.chain(layers), input=(1, 3, 6, 6))

    same = compared(net(3, "b"), net(3, "z"))
    assert same.steps == ()
    more = compared(net(3, "b"), net(4, "z"))
    assert {told(s, ("A", "B")) for s in more.steps} == {"only in B"}
    assert [p.type for p in more.added] == ["Conv2d", "ReLU", "Conv2d"]
    assert len({p.b.name.split("/")[1] for p in more.added if p.b}) == 1


def numbered(*ops: Op) -> nc.Graph:
    """Layers whose names tell their place, as in a Sequential."""
    return nc.network(
        nc.chain(features=nc.chain({str(i): op for i, op in enumerate(ops)})), input=(1, 3, 32, 32)
    )


def plain(width: int, *extra: Op) -> list[Op]:
    return [nc.Conv2d(width, 3, padding=1), *extra, nc.ReLU()]


def test_names_that_are_numbers_tell_nothing() -> None:
    """With BatchNorm in between, features/3 is the second convolution here and the third there."""
    widths = (8, 8, 16, 16, 16, 32)
    a = numbered(*(op for w in widths for op in plain(w)))
    b = numbered(*(op for w in widths for op in plain(w, nc.BatchNorm2d())))
    assert told_of(compared(a, b)) == {("only in B", "BatchNorm2d"): (6, 2 * sum(widths), 0)}


@pytest.mark.parametrize("at", range(5))
def test_a_layer_put_in_is_found_alone(at: int) -> None:
    widths = [8, 8, 8, 16, 16]
    a = numbered(*(op for w in widths for op in plain(w)))
    widths.insert(at, 8 if at < 3 else widths[at - 1])
    b = numbered(*(op for w in widths for op in plain(w)))
    c = compared(a, b)
    assert sorted(p.type for p in c.added) == ["Conv2d", "ReLU"]
    assert c.removed == ()
    (conv,) = (p for p in c.added if p.type == "Conv2d")
    assert conv.b is not None
    assert not any(step.moves for step in c.steps)
    assert wrong(c) == []


def test_namesakes_stay_together_where_names_agree() -> None:
    """A layer is the wider one of its name, not the one elsewhere that is as wide."""

    def net(*widths: int) -> nc.Graph:
        layers = {f"l{name}": nc.Conv2d(w, 1) for name, w in zip("abcd", widths, strict=True)}
        return nc.network(nc.chain(layers), input=(1, 3, 5, 5))

    c = compared(net(4, 8, 16, 32), net(8, 16, 32, 64))
    assert names(c) == {name: name for name in ("la", "lb", "lc", "ld")}


def test_wiring_is_a_difference() -> None:
    """The same layers, one of which takes its input from elsewhere."""

    def net(source: str) -> nc.Graph:
        layers = {
            "x": nc.Conv2d(3, 1),
            "f": nc.ReLU(),
            "y": nc.Conv2d(3, 3, padding=1),
            "z": nc.use(nc.Add(), "y", source),
        }
        return nc.network(nc.chain(layers), input=(1, 3, 5, 5))

    assert told_of(compared(net("x"), net("f"))) == {
        ("inputs from other layers", "Add"): (1, 0, 0),
    }
    assert compared(net("x"), net("x")).steps == ()


# --- aligning ----------------------------------------------------------------------------------


def every_way(n: int, m: int) -> Iterator[list[tuple[int, int]]]:
    for k in range(min(n, m) + 1):
        for left in combinations(range(n), k):
            for right in combinations(range(m), k):
                yield list(zip(left, right, strict=True))


def value(pairs: list[tuple[int, int]], score: Callable[[int, int], int]) -> int:
    following = sum((i + 1, j + 1) in pairs for i, j in pairs)
    return sum(score(i, j) for i, j in pairs) + RUN * following


def test_aligning_finds_the_best_of_all_ways() -> None:
    draw = random.Random(7)
    for _ in range(120):
        n, m = draw.randint(0, 5), draw.randint(0, 5)
        table = {(i, j): draw.choice([0, 0, 20, 60, 100]) for i in range(n) for j in range(m)}
        score = lambda i, j, table=table: table[i, j]  # noqa: E731
        legal = [w for w in every_way(n, m) if all(table[p] for p in w)]
        found = aligned(range(n), range(m), score)
        assert found in legal
        assert value(found, score) == max(value(way, score) for way in legal)


def test_rising_pairs_are_the_most() -> None:
    draw = random.Random(3)
    for _ in range(200):
        n = draw.randint(0, 7)
        pairs = list(enumerate(draw.sample(range(10), n)))
        found = rising(pairs)
        ways = (list(w) for k in range(n + 1) for w in combinations(pairs, k))
        most = max(len(w) for w in ways if [j for _, j in w] == sorted(j for _, j in w))
        assert set(found) <= set(pairs)
        assert [j for _, j in found] == sorted(j for _, j in found)
        assert len(found) == most


def test_a_thousand_layers_that_are_all_different() -> None:
    def net(kernel: int, widths: tuple[int, ...], prefix: str) -> nc.Analysis:
        layers = {
            f"{prefix}{i}": nc.Conv2d(widths[i % 5], kernel, padding=kernel // 2)
            for i in range(1000)
        }
        return nc.analyse(nc.network(nc.chain(layers), input=(1, 3, 8, 8)))

    a, b = net(3, (8, 16, 24, 8, 8), "l"), net(1, (8, 32, 16, 5, 7), "m")
    c = compared(a, b)  # with every pair looked at, minutes
    assert len(c.kept) >= 900
    assert wrong(c) == []
