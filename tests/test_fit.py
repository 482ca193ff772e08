"""Fitting a budget: what is found fits, nothing larger does, and PyTorch counts the same."""

from __future__ import annotations

import json
import shlex
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import netcalc as nc
from tests.commands import netcalc, process


def costs(net: str, side: Any = None) -> dict[str, int]:
    t = nc.analyse(net, side).totals
    return {"params": t.params, "macs": t.macs}


def googlenet(width: Fraction, multiple: int) -> str:
    return f"googlenet@width={width},round={multiple}"


@pytest.mark.parametrize("multiple", [0, 8])
@pytest.mark.parametrize(("params", "macs"), [(5 * 10**6, 10**9), (3 * 10**6, 2 * 10**9)])
def test_nothing_larger_fits(multiple: int, params: int, macs: int) -> None:
    found = nc.fit("googlenet", max_params=params, max_macs=macs, round=multiple or None)
    budget = {"params": params, "macs": macs}
    assert found.best in found.frontier
    assert len(found.frontier) > 3
    for choice in found.frontier:
        width, side = Fraction(choice.values["width"]), int(choice.values["input"])
        assert costs(googlenet(width, multiple), side) == choice.costs
        assert all(choice.costs[k] <= budget[k] for k in budget)
        for w, s in ((width + Fraction(1, 1000), side), (width, side + 1)):
            larger = costs(googlenet(w, multiple), s)
            assert any(larger[k] > budget[k] for k in budget)
            assert (w, larger) in choice.next.values() or (s, larger) in choice.next.values()
    pairs = [tuple(choice.values.values()) for choice in found.frontier]
    for a in pairs:
        assert not any(b != a and b[0] >= a[0] and b[1] >= a[1] for b in pairs)


def test_the_best_choice_is_the_nearest() -> None:
    """Against every choice of a coarse grid: no other one has a larger smaller ratio."""
    found = nc.fit("googlenet", max_params="5M", max_macs="1G", step="0.05", input_step=16)

    def likeness(width: Any, side: Any) -> Fraction:
        return min(Fraction(width), Fraction(side, 224))

    fitting = [
        likeness(Fraction(w, 20), side)
        for w in range(10, 24)
        for side in range(112, 320, 16)
        for c in [costs(googlenet(Fraction(w, 20), 0), side)]
        if c["params"] <= 5 * 10**6 and c["macs"] <= 10**9
    ]
    assert likeness(*found.best.values.values()) == max(fitting)


def test_the_command_is_verified_in_pytorch() -> None:
    ran = netcalc("fit", "googlenet", "--max-params", "5M", "--max-macs", "1G", "--round", "8")
    assert ran.code == 0
    assert "width 0.834 does not fit: 3,600 parameters too many" in ran.out
    command = ran.out.splitlines()[-1]
    assert command == "netcalc verify googlenet@round=8,width=0.833 --input 214"
    checked = netcalc(*shlex.split(command)[1:], "--device", "meta")
    assert checked.code == 0, checked.out
    assert "verified: " in checked.out


def test_one_knob() -> None:
    side = nc.fit("googlenet", max_macs="1G", vary=["input"])
    assert side.side == 182
    assert costs("googlenet", 182)["macs"] <= 10**9 < costs("googlenet", 183)["macs"]
    assert side.verify == "netcalc verify googlenet --input 182"
    width = nc.fit("googlenet", max_params=5_000_000, vary=["width"])
    assert width.side is None
    assert costs(width.net)["params"] <= 5 * 10**6 < costs("googlenet@width=0.836")["params"]
    size = nc.fit("reduced", max_params=400_000, vary=["c3"])
    assert size.net == "reduced@c3=285"
    assert costs("reduced@c3=285")["params"] <= 400_000 < costs("reduced@c3=286")["params"]
    with_fc = nc.fit("googlenet@head=fc", max_params="50M", vary=["input"])
    assert costs("googlenet@head=fc", with_fc.side)["params"] <= 50 * 10**6
    (larger,) = (value for value, _ in with_fc.best.next.values())
    assert costs("googlenet@head=fc", larger)["params"] > 50 * 10**6


def test_an_input_that_no_budget_bounds_stays() -> None:
    found = nc.fit("googlenet", max_params="5M")
    assert found.side == 224
    assert "no budget bounds input: it stays" in found.table()


def test_a_file(tmp_path: Path) -> None:
    net = tmp_path / "net.yaml"
    net.write_text(
        "input: [1, 3, 32, 32]\nparameters: [c=8]\nlayers:\n"
        "  - a: {type: Conv2d, out_channels: c, kernel: 3}\n"
        "  - b: {type: Conv2d, out_channels: 2*c, kernel: 3}\n"
    )
    found = nc.fit(str(net), max_params=20_000, max_macs="20M", vary=["c", "input"])
    c, side = found.best.values.values()
    assert found.net == f"{net}@c={c}"
    assert costs(found.net, side) == found.best.costs
    for larger in (costs(f"{net}@c={c + 1}", side), costs(found.net, side + 1)):
        assert larger["params"] > 20_000 or larger["macs"] > 20 * 10**6


def test_documents() -> None:
    options = ("--max-params", "5M", "--vary", "width", "--step", "0.01", "--format", "json")
    told = json.loads(netcalc("fit", "googlenet", *options).out)
    assert told["net"] == "googlenet@width=0.83"
    assert told["best"]["params"] == costs("googlenet@width=0.83")["params"]
    assert told["next"][0]["params"] == costs("googlenet@width=0.84")["params"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "a budget is needed: --max-params 5M"),
        (("--max-params", "much"), "max_params must be a number such as 7e6"),
        (("--max-params", "900"), "nothing fits 900 params, however small"),
        (("--max-macs", "1000"), "nothing fits 1,000 macs, however small"),
        (("--max-params", "5M", "--vary", "wdth"), "did you mean width?"),
        (("--max-params", "7M", "--vary", "input"), "no budget bounds the input"),
        (("--max-params", "5M", "--vary", "width,round"), "vary takes an argument"),
        (("--max-params", "5M", "--step", "0"), "step must be a number above 0"),
        (("--max-params", "5M", "--step", "x"), "step must be a number above 0"),
    ],
)
def test_what_is_wrong_is_told(options: tuple[str, ...], told: str) -> None:
    ran = netcalc("fit", "googlenet", *options)
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert told in ran.err


def test_no_torch_is_needed() -> None:
    code = (
        "import sys, netcalc as nc\n"
        "nc.fit('googlenet', max_params='5M', vary=['width'])\n"
        "nc.sweep({'net': 'reduced', 'vary': {'c1': [1, 2]}}, top=1)\n"
        "print(*{'torch', 'rich', 'matplotlib', 'distributed'} & set(sys.modules))\n"
    )
    assert process("-c", code).stdout == "\n"
