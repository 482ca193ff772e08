"""The Python API."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import netcalc as nc
from netcalc.core.analyse import analyse as core_analyse
from netcalc.core.graph import Graph, Node
from netcalc.core.ops.base import Op
from netcalc.core.tensor import Tensor
from netcalc.report import expression
from netcalc.report.units import decimal, human, percent, ratio


def test_the_example_of_the_readme() -> None:
    net = nc.load("googlenet")
    a = nc.analyse(net, input=(1, 3, 224, 224))
    assert a.totals.params == 6_998_552
    assert len(a.rows) == len(a.to_frame())
    text = str(a.explain("inception_3a/branch3x3"))
    assert "weights = 3*3*96*128 = 110,592" in text


def test_explanations_of_the_issue() -> None:
    a = nc.analyse("googlenet")
    for path, said in {
        "conv1": "floor((224 + 2*3 - 7) / 2) + 1 = floor(111.5) + 1 = 112",
        "pool1": "ceil((112 + 2*0 - 3) / 2) + 1 = ceil(54.5) + 1 = 56",
        "inception_3a": "12,288 + 129,024 + 15,872 + 6,144 = 163,328 = 159.5K",
        "inception_3a/concat": "64 + 128 + 32 + 32 = 256",
        "conv2": "4,096 + 110,592 = 114,688 = 112K",
    }.items():
        assert said in str(a.explain(path))
    assert "weights = 3*3*256*192 = 442,368" in str(nc.analyse("naive").explain("branch3x3"))
    latex = a.explain("conv1").latex()
    assert r"7 \cdot 7 \cdot 3 \cdot 64 = 9{,}408" in latex
    assert r"\left\lfloor \frac{224 + 2 \cdot 3 - 7}{2} \right\rfloor + 1" in latex


def test_every_step_of_every_network_evaluates_to_its_value() -> None:
    steps = 0
    for net in ("googlenet@aux=true", "googlenet-torchvision", "googlenet@head=fc", "reduced"):
        tree = nc.analyse(net, batch=2).explain("", "params", "macs", "output", "ops").section
        for part in tree.walk():
            for d in part.derivations:
                for step in d.steps:
                    assert expression.evaluate(step) == d.value
                    steps += 1
    assert steps > 2000


def test_sums_are_of_what_stands_below() -> None:
    """A module's number is the sum of its children's, all the way down to the layers."""
    a = nc.analyse("googlenet@aux=true")
    tree = a.explain("", "params").section
    for part in tree.walk():
        for d in part.derivations:
            if part.children and d.label == "weights":
                below = [
                    e.value for c in part.children for e in c.derivations if e.label == "weights"
                ]
                assert sum(below) == d.value
    leaves = [
        d.value
        for p in tree.walk()
        if not p.children
        for d in p.derivations
        if d.label == "weights"
    ]
    assert sum(leaves) == a.totals.weights


def test_frame() -> None:
    frame = nc.analyse("googlenet").to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame["params"].sum() == 6_998_552
    assert frame.loc["inception_3a/branch3x3/conv", "weights"] == 9 * 96 * 128
    assert frame["macs"].dtype == "int64"


def test_notebook() -> None:
    assert "<table>" in nc.analyse("naive")._repr_html_()
    assert "<table>" in nc.compare("naive", "reduced")._repr_html_()
    assert "<table>" in nc.analyse("naive").explain("branch3x3")._repr_html_()


def test_documents_are_plain_json() -> None:
    a = nc.analyse("googlenet@width=0.5,round=8")
    for document in (a.to_dict(), nc.compare(a, "naive").to_dict(), a.explain().to_dict()):
        assert json.loads(json.dumps(document)) == document


def test_your_own_network() -> None:
    net = nc.network(
        nc.chain(
            stem=(nc.Conv2d(8, 3, padding=1, bias=False), nc.BatchNorm2d(), nc.ReLU()),
            block=nc.branches(
                nc.Add(),
                body=nc.chain(conv=nc.Conv2d(8, 3, padding=1)),
                shortcut=nc.chain(),
            ),
            head=nc.chain(pool=nc.AdaptiveAvgPool2d(1), flatten=nc.Flatten(), fc=nc.Linear(10)),
        ),
        input=(1, 3, 32, 32),
        name="tiny",
    )
    a = nc.analyse(net)
    assert [r.name for r in a.rows] == [
        *("stem", "stem_bn", "stem_relu", "block/body/conv", "block/add"),
        *("head/pool", "head/flatten", "head/fc"),
    ]
    assert a.totals.params == 27 * 8 + 16 + (9 * 8 * 8 + 8) + (8 * 10 + 10)
    assert a.totals.macs == 27 * 8 * 1024 + 9 * 64 * 1024 + 80
    assert a.rows[4].node.inputs == (("block/body/conv", 0), ("stem_relu", 0))


def shared(tie: str | None) -> Graph:
    """Two linear layers, the second with a weight of its own, the first's, or a computed one."""
    nodes = (
        Node("first", nc.Linear(4), (("input", 0),), "first"),
        Node("second", nc.Linear(4), (("first", 0),), "second", {"weight": tie}),
    )
    if tie == "own":
        nodes = (nodes[0], nodes[1]._replace(tensors={}))
    return Graph("shared", nodes, {"input": Tensor((1, 4))}, {"second": ("second", 0)})


@pytest.mark.parametrize(
    ("tie", "weights", "layers"), [("own", 32, 2), ("first.weight", 16, 2), (None, 16, 2)]
)
def test_shared_tensors_count_once_and_work_each_time(
    tie: str | None, weights: int, layers: int
) -> None:
    totals = core_analyse(shared(tie)).totals
    assert (totals.weights, totals.biases, totals.macs) == (weights, 8, 32)
    assert totals.layers == layers


def test_frozen_parameters_are_told() -> None:
    net = nc.network(nc.chain(fc=nc.Linear(3)), input=(1, 5))
    frozen = net.nodes[0]._replace(frozen=frozenset({"weight"}))
    totals = core_analyse(Graph("f", (frozen,), net.inputs, net.outputs)).totals
    assert (totals.params, totals.trainable) == (18, 3)


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: nc.network(nc.chain(a=nc.ReLU(), b=nc.Add()), input=(1, 2)), "b: Add takes 2 or"),
        (lambda: nc.network(nc.chain({"a/": nc.ReLU()}), input=(1, 2)), "'a/' is no name"),
        (lambda: nc.network(nc.chain(a=3), input=(1, 2)), "a: 3 is not a layer"),  # type: ignore[arg-type]
        (
            lambda: nc.network(nc.chain(a=(nc.ReLU(), nc.ReLU()), a_relu=nc.ReLU()), input=(1, 2)),
            "a_relu: two layers",
        ),
        (lambda: nc.analyse("naive", input={"image": (1, 2)}), "naive has no input 'image'"),
        (lambda: nc.analyse("naive").table("pdf"), "there is no format 'pdf'"),
        (lambda: nc.analyse("naive").explain("nowhere"), "has no layer or module 'nowhere'"),
        (lambda: nc.analyse("naive").explain("", "speed"), "cannot explain 'speed'"),
    ],
)
def test_mistakes_are_netcalc_errors(build: object, told: str) -> None:
    with pytest.raises(nc.NetcalcError) as raised:
        build()  # type: ignore[operator]
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_numbers_for_people() -> None:
    assert [human(n) for n in (7, 999, 1000, 999_499, 999_500, 6_998_552, 1_582_671_872)] == [
        *("7", "999", "1.00 k", "999 k", "1.00 M", "7.00 M", "1.58 G")
    ]
    assert human(27_994_208, "B") == "28.0 MB"
    assert [human(n) for n in (9_995, 9_994, 99_950, 99_949)] == [
        *("10.0 k", "9.99 k", "100 k", "99.9 k")
    ]
    assert (decimal(1, 2, 0), decimal(-1, 2, 0), decimal(1, 3, 2)) == ("1", "-1", "0.33")
    assert (percent(1, 3), percent(0, 0)) == ("33.3%", "-")
    assert (ratio(2, 1), ratio(1, 3), ratio(1, 1), ratio(0, 1)) == (
        *("2.00x fewer", "3.00x more", "equal", "-"),
    )


def test_layers_print_as_they_are_written() -> None:
    op: Op = nc.Conv2d(64, 7, stride=2, padding=3)
    assert str(op) == "Conv2d(out_channels=64, kernel=7, stride=2, padding=3)"
    assert str(nc.MaxPool2d((3, 2), 2)) == "MaxPool2d(kernel=(3, 2), stride=2)"
    assert str(nc.Conv2d(8, 3, bias=False)) == "Conv2d(out_channels=8, kernel=3, bias=False)"
