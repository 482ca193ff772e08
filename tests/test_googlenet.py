"""GoogLeNet, the two modules and their variants, held against numbers from outside.

Sources: the paper's Table 1 and text (arXiv:1409.4842), BVLC's reference prototxt (6,998,552 and,
with heads, 13,378,280 parameters), torchvision's models.googlenet, the worked example of the
tutorial (1,089,536 and 346,112).
"""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
import torchvision

import netcalc as nc
from netcalc.core.analyse import Row
from netcalc.published import load as load_published
from netcalc.published.regenerate import regenerate
from netcalc.zoo.googlenet import TABLE_1, Inception, scaling
from tests.reference import meta_macs


def test_totals() -> None:
    t = nc.analyse("googlenet").totals
    assert (t.params, t.weights, t.biases) == (6_998_552, 6_990_272, 8_280)
    assert t.macs == 1_582_671_872
    assert t.flops == 2 * 1_582_671_872
    assert (t.depth, t.depth_with_pools, t.layers) == (22, 27, 58)
    assert t.trainable == t.params
    assert t.buffers == 0
    assert t.param_bytes == 4 * 6_998_552


def test_with_heads() -> None:
    a = nc.analyse("googlenet@aux=true")
    assert a.totals.params == 13_378_280
    assert (a.totals.depth, a.totals.layers) == (22, 64)
    by_head = {h: sum(r.counts.params for r in a.result.under(h)) for h in ("aux1", "aux2")}
    assert by_head == {"aux1": 3_188_840, "aux2": 3_190_888}
    assert {n: x.dims for n, x in a.outputs.items()} == {
        "head/softmax": (1, 1000),
        "aux1": (1, 1000),
        "aux2": (1, 1000),
    }
    assert shape(a, "aux1/pool") == (1, 512, 4, 4)
    assert shape(a, "aux2/pool") == (1, 528, 4, 4)
    assert row(a, "aux1/dropout").node.op == nc.Dropout(0.7)


def test_output_sizes() -> None:
    a = nc.analyse("googlenet")
    stages = {
        "pool1": (64, 56, 56),
        "pool2": (192, 28, 28),
        "inception_3a/concat": (256, 28, 28),
        "inception_3b/concat": (480, 28, 28),
        "inception_4e/concat": (832, 14, 14),
        "inception_5b/concat": (1024, 7, 7),
        "head/pool": (1024, 1, 1),
        "head/fc": (1000,),
    }
    for name, dims in stages.items():
        assert shape(a, name) == (1, *dims)


def test_node_names() -> None:
    names = [r.name for r in nc.analyse("googlenet").rows if r.type != "ReLU"]
    module = (
        "branch1x1/conv branch3x3/reduce branch3x3/conv branch5x5/reduce branch5x5/conv"
        " branch_pool/pool branch_pool/proj concat"
    )
    start = ["conv1", "pool1", "lrn1", "conv2/reduce", "conv2/conv", "lrn2", "pool2"]
    start += [f"inception_3a/{name}" for name in module.split(" ")]
    assert names[: len(start)] == start
    assert names[-5:] == ["head/pool", "head/flatten", "head/dropout", "head/fc", "head/softmax"]


def test_every_convolution_and_hidden_layer_has_its_relu() -> None:
    for net in ("googlenet@aux=true", "googlenet-torchvision@aux=true", "naive", "reduced"):
        a = nc.analyse(net)
        units = {r.node.unit for r in a.rows if r.type == "Conv2d"}
        assert units <= {r.node.unit for r in a.rows if r.type == "ReLU"}


# weights only in K = 1024, MACs in M = 10^6, one decimal at most, ".0" dropped
PAPER_CELLS = (
    "9.2K 118M | 112K 360M | 159.5K 128M | 379K 304M | 366.8K 74M | 438K 88M | 497.5K 100M"
    " | 590.5K 119M | 847K 170M | 1018K 51M | 1409K 71M | 1000K 1M"
)


def test_paper_table_cells() -> None:
    made = regenerate(load_published("googlenet_table1"), nc.analyse("googlenet").result)
    cells = [[c.derived for c in r[-2:]] for r in made.rows if r[-1].derived]
    assert " | ".join(" ".join(pair) for pair in cells) == PAPER_CELLS
    assert made.faithful
    assert not any(made.added)


def test_paper_table_is_what_the_paper_prints_elsewhere() -> None:
    """Every cell that the network is built from comes out as printed; 13 others do not."""
    table = load_published("googlenet_table1")
    made = regenerate(table, nc.analyse("googlenet").result)
    differing = [
        (r[0].printed, column["key"], c.printed)
        for r in made.rows
        for c, column in zip(r, table.columns, strict=True)
        if c.derived != c.printed
    ]
    assert {key for _, key, _ in differing} == {"params", "ops"}
    assert len(differing) == 13
    # 3a's 159K is 159.5 cut off and 4a's 73M is 73.6 cut off: 11 do not follow at all
    assert ("inception (3a)", "params", "159K") in differing
    assert ("inception (4a)", "ops", "73M") in differing


@pytest.mark.parametrize(
    ("net", "size", "faithful"),
    [
        ("googlenet", None, True),
        ("googlenet@aux=true", None, True),
        ("googlenet", 256, False),
        ("googlenet@width=0.5", None, False),
        ("googlenet@head=fc", None, False),
    ],
)
def test_cells_are_compared_only_for_the_papers_network_on_its_input(
    net: str, size: int | None, faithful: bool
) -> None:
    a = nc.analyse(net, input=size)
    assert regenerate(load_published("googlenet_table1"), a.result).faithful == faithful
    assert ("the paper prints: convolution 2.7K and 34M" in a.table()) == faithful
    assert ("the printed cells are not compared" in a.table()) != faithful


def test_rows_are_about_layers_that_are_there() -> None:
    """With linear layers in place of the global pool there is no row for one."""
    made = regenerate(load_published("googlenet_table1"), nc.analyse("googlenet@head=fc").result)
    types = [row[0].derived for row in made.rows]
    assert types[-6:] == [
        *("inception (5b)", "head/flatten", "head/fc1", "head/fc2", "head/fc3", "softmax")
    ]
    assert "avg pool" not in types


def test_a_wrong_width_shows_in_the_paper_table() -> None:
    """The table is worked out from the network, not copied from what is printed."""
    TABLE_1["inception_3a"] = Inception(64, 96, 128, 16, 33, 32)
    try:
        made = regenerate(load_published("googlenet_table1"), nc.analyse("googlenet").result)
    finally:
        TABLE_1["inception_3a"] = Inception(64, 96, 128, 16, 32, 32)
    assert not made.faithful
    assert made.rows[4][8].derived == "33"
    assert made.rows[4][2].derived == "28x28x257"


@pytest.mark.parametrize(("net", "aux"), [("googlenet-torchvision", False), ("", True)])
def test_torchvision(net: str, aux: bool) -> None:
    a = nc.analyse(net or "googlenet-torchvision@aux=true")
    with torch.device("meta"):
        model = torchvision.models.googlenet(weights=None, aux_logits=aux, init_weights=False)
    assert a.totals.params == sum(p.numel() for p in model.parameters())
    assert a.totals.buffers == sum(b.numel() for b in model.buffers())
    model.train(aux)  # torchvision runs its heads in training only
    assert a.totals.macs == meta_macs(model, torch.empty(1, 3, 224, 224, device="meta"))
    if not aux:
        assert (a.totals.params, a.totals.buffers, a.totals.macs) == (
            6_624_904,
            14_617,
            1_498_376_192,
        )
        assert (a.totals.depth, a.totals.depth_with_pools) == (22, 27)


def test_width() -> None:
    assert nc.analyse("googlenet@width=0.5").totals.params == 2_010_560
    # the same count from the polynomial in w that the widths give where they divide evenly
    for w in (Fraction(1, 2), 1, 2, 3):
        expected = 5_956_864 * w**2 + 1_040_688 * w + 1000
        assert nc.analyse(nc.load("googlenet", width=w)).totals.params == expected


def test_width_is_exact_and_rounds_as_said() -> None:
    scale = scaling(Fraction("0.29"))
    assert [scale(c) for c in (100, 16, 1)] == [29, 4, 1]  # 0.29 * 100 is 28.999... in binary
    to_8 = scaling(Fraction("0.5"), 8)
    assert [to_8(c) for c in (16, 24, 40, 3)] == [8, 16, 24, 8]  # 12 is half way: up
    a = nc.analyse("googlenet@width=0.3,round=8")
    widths = [r.outs[0].dims[1] for r in a.rows if r.type == "Conv2d"]
    assert all(isinstance(w, int) and w % 8 == 0 and w >= 8 for w in widths)


def test_head_of_linear_layers() -> None:
    a = nc.analyse("googlenet@head=fc")
    head = a.result.under("head")
    assert sum(r.counts.params for r in head) == 226_403_304
    assert [r.node.op for r in head if r.type == "Linear"] == [
        nc.Linear(4096),
        nc.Linear(4096),
        nc.Linear(1000),
    ]
    derivation = a.explain("head/fc1", "params").section.derivations[0]
    assert derivation.steps == ("1024*7*7*4096",)


def test_batch_scales_work_and_not_parameters() -> None:
    one, eight = nc.analyse("googlenet"), nc.analyse("googlenet", batch=8)
    assert eight.totals.params == one.totals.params
    assert eight.totals.macs == 8 * one.totals.macs
    assert eight.totals.ops == {kind: 8 * n for kind, n in one.totals.ops.items()}


def test_naive_and_reduced() -> None:
    naive, reduced = nc.analyse("naive"), nc.analyse("reduced")
    assert (naive.totals.params, shape(naive, "concat")) == (1_089_536, (1, 672, 32, 32))
    assert (reduced.totals.params, shape(reduced, "concat")) == (346_112, (1, 480, 32, 32))
    assert naive.totals.macs == 1_089_536 * 32 * 32
    assert reduced.totals.macs == 346_112 * 32 * 32


def test_depth_is_22_by_the_papers_own_sum() -> None:
    """One convolution, two in conv2, two in each of nine modules, one linear layer."""
    assert nc.analyse("googlenet").totals.depth == 1 + 2 + 9 * 2 + 1


def row(a: nc.Analysis, name: str) -> Row:
    return next(r for r in a.rows if r.name == name)


def shape(a: nc.Analysis, name: str) -> tuple[int, ...]:
    return tuple(row(a, name).outs[0].dims)
