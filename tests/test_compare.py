"""What the difference of two networks is made of, on the worked example."""

from __future__ import annotations

import re
from typing import Any

import pytest

import netcalc as nc
from netcalc.core.pairs import Pair, difference, merge_orders


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return nc.compare("naive", "reduced").to_dict()


def test_totals(document: dict[str, Any]) -> None:
    assert [n["totals"]["params"] for n in document["networks"]] == [1_089_536, 346_112]
    assert [n["outputs"][0]["shape"] for n in document["networks"]] == [
        [1, 672, 32, 32],
        [1, 480, 32, 32],
    ]


def test_by_branch(document: dict[str, Any]) -> None:
    branches = {r["name"]: r["params"] for r in document["rows"]}
    assert branches == {
        "branch1x1": [32_768, 32_768],
        "branch3x3": [442_368, 126_976],
        "branch5x5": [614_400, 169_984],
        "branch_pool": [0, 16_384],
        "concat": [0, 0],
    }


def test_reduced_is_what_is_added_and_what_is_kept(document: dict[str, Any]) -> None:
    d = document["difference"]["params"]
    assert (d["total"], d["added"], d["removed"]) == (-743_424, 49_152, 0)
    assert d["kept"] == [1_089_536, 296_960]
    added = {p["name"]: p["values"][1] for p in d["parts"] if p["values"][0] is None}
    assert added == {
        "branch3x3/reduce": 16_384,
        "branch5x5/reduce": 16_384,
        "branch_pool/proj": 16_384,
    }
    assert d["added"] + d["kept"][1] == 346_112
    assert sum(p["difference"] for p in d["parts"]) == d["total"]


def test_macs_likewise(document: dict[str, Any]) -> None:
    """Every layer sees a 32x32 map, so each number is 1,024 times that of the parameters."""
    params, macs = document["difference"]["params"], document["difference"]["macs"]
    assert macs["total"] == 1024 * params["total"]
    assert macs["added"] == 1024 * params["added"]
    assert [p["difference"] for p in macs["parts"]] == [
        1024 * p["difference"] for p in params["parts"]
    ]


def test_text_says_it() -> None:
    text = " ".join(nc.compare("naive", "reduced").table().split())
    for said in (
        "reduced 346,112 params = 49,152 in 3 Conv2d layers (branch3x3/reduce, branch5x5/reduce,",
        "branch_pool/proj, 16,384 each) only it has + 296,960 in paired layers",
        "together -743,424 (3.15x fewer)",
        "442,368 126,976 -315,392",
        "672x32x32 480x32x32",
    ):
        assert said in text


def test_parts_add_up_for_any_pair() -> None:
    nets = ["naive", "reduced", "googlenet", "googlenet@aux=true", "googlenet-torchvision"]
    for a in nets:
        for b in nets:
            c = nc.compare(a, b).comparison
            for quantity in ("params", "macs"):
                totals = [getattr(r.totals, quantity) for r in c.results]
                assert difference(c.pairs, quantity) == totals[1] - totals[0]
                stages = [getattr(x, quantity) if x else 0 for s in c.stages for x in s.counts]
                assert [sum(stages[::2]), sum(stages[1::2])] == totals
            assert len([p for p in c.pairs if p.a]) == len(c.results[0].rows)
            assert len([p for p in c.pairs if p.b]) == len(c.results[1].rows)


def test_a_lost_layer_is_noticed() -> None:
    c = nc.compare("naive", "reduced").comparison
    lost = [p for p in c.pairs if p.name != "branch3x3/reduce"]
    assert difference(lost, "params") != difference(c.pairs, "params")


def test_a_classifier_stands_for_a_classifier() -> None:
    """Of three linear layers, that which gives as many classes; the two before it are new."""
    c = nc.compare("googlenet", "googlenet@head=fc").comparison
    pair = next(p for p in c.pairs if p.name == "head/fc")
    assert pair.b is not None
    assert pair.b.name == "head/fc3"
    assert pair.changes() == {"in features": "in features 1024 -> 4096"}
    assert {"head/fc1", "head/fc2"} <= {p.name for p in c.added}
    worth = {step.pair.name: step.params for step in c.steps if step.params}
    assert worth == {
        "head/fc": (4096 - 1024) * 1000,
        "head/fc1": 50_176 * 4096 + 4096,
        "head/fc2": 4096 * 4096 + 4096,
    }


def test_many_networks_have_a_line_each() -> None:
    text = nc.compare("naive", "reduced", "googlenet").table()
    assert re.search(r"^googlenet +3x224x224 6,998,552 1,582,671,872 +22 +58$", text, re.M)


TEXTBOOK = ("lenet5", "alexnet", "nin", "vgg16", "googlenet", "inception_v3", "resnet50")


def ratios(unit: str, *nets: str | nc.Graph) -> dict[tuple[str, str], str]:
    """The filled cells of one of the tables of ratios, by row and column."""
    page = nc.compare(*nets).table("markdown")
    table = page.split(f"{unit}: row / column, where at least 1\n\n")[1].split("\n\n")[0]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    columns = lines[0][1:]
    return {
        (name, column): cell
        for name, *cells in lines[2:]
        for column, cell in zip(columns, cells, strict=True)
        if cell
    }


def test_the_textbook_comparison() -> None:
    """GoogLeNet has 8.7 times fewer parameters than AlexNet, 19.8 times fewer than VGG16."""
    params = ratios("params", *TEXTBOOK)
    assert params["alexnet", "googlenet"] == f"{60_965_224 / 6_998_552:.2f}" == "8.71"
    assert params["vgg16", "googlenet"] == f"{138_357_544 / 6_998_552:.2f}" == "19.77"
    assert params["vgg16", "lenet5"] == f"{138_357_544 / 60_000:,.0f}" == "2,306"
    assert ratios("MACs", *TEXTBOOK)["vgg16", "googlenet"] == "9.77"


@pytest.mark.parametrize("unit", ["params", "MACs"])
def test_every_two_networks_have_one_ratio(unit: str) -> None:
    found = ratios(unit, *TEXTBOOK)
    pairs = {frozenset(pair) for pair in found}
    assert len(found) == len(pairs) == 7 * 6 // 2
    assert all(float(cell.replace(",", "")) >= 1 for cell in found.values())


def test_ratios_of_equal_networks_and_of_none() -> None:
    """As many parameters stand in both directions; nothing is a multiple of none."""
    found = ratios("params", "resnet50", "alexnet", "resnet50@stride=v1")
    names = ("resnet50", "resnet50(stride=v1)")
    assert found[names] == found[names[::-1]] == "1.00"
    empty = nc.network(nc.MaxPool2d(2), input=(1, 3, 8, 8), name="empty")
    assert list(ratios("params", "naive", empty, "reduced")) == [("naive", "reduced")]


def test_the_textbook_comparison_fits_80_columns() -> None:
    text = nc.compare(*TEXTBOOK, "bn_inception", "vgg19", "resnet152").table()
    assert text.count("row / column") == 2
    assert "\nA = lenet5\n" in text
    for table in (text, nc.compare(*TEXTBOOK).table()):
        assert max(map(len, table.splitlines())) <= 80


def test_more_than_ten_networks_have_no_ratios() -> None:
    eleven = nc.compare(*TEXTBOOK, "vgg11", "vgg13", "vgg19", "resnet18")
    assert "row / column" not in eleven.table()
    assert len(eleven.to_dict()["networks"]) == 11


def test_pairing_falls_back_step_by_step() -> None:
    """By name, then in order, then by what lies before; each step is needed for one layer."""
    first = nc.network(
        nc.chain(a=nc.chain(x=nc.Linear(2)), b=nc.chain(y=nc.Linear(3)), c=nc.chain(z=nc.ReLU())),
        input=(1, 4),
    )
    second = nc.network(
        nc.chain(a=nc.chain(x=nc.Linear(2)), b=nc.chain(w=nc.Linear(3)), d=nc.chain(q=nc.ReLU())),
        input=(1, 4),
    )
    pairs = nc.compare(first, second).comparison.pairs
    assert [(p.a and p.a.name, p.b and p.b.name) for p in pairs] == [
        *(("a/x", "a/x"), ("b/y", "b/w"), ("c/z", "d/q")),
    ]


def test_what_only_the_first_has_is_told() -> None:
    c = nc.compare("reduced", "naive")
    removed = c.to_dict()["difference"]["params"]["removed"]
    assert removed == 3 * 16_384
    assert "of which 49,152 in layers only it has" in " ".join(c.table().split())


def test_orders_merge() -> None:
    assert merge_orders([["a", "c"], ["a", "b", "c", "d"]]) == ["a", "b", "c", "d"]
    assert merge_orders([["a", "b"], ["x", "y"]]) == ["x", "y", "a", "b"]
    assert Pair(None, nc.analyse("naive").rows[0]).changes() == {}
