"""Fitting a budget: what is found fits, nothing larger does, and PyTorch counts the same."""

from __future__ import annotations

import json
import shlex
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision

import netcalc as nc
from tests.commands import netcalc, process
from tests.reference import meta_macs


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


def nearest(net: str, budget: dict[str, int], step: Fraction, input_step: int) -> Any:
    """The smaller and the larger share of the nearest choice of a grid, by looking at all of it."""
    best, n = (Fraction(0), Fraction(0)), 0
    sides = {"from": input_step, "to": 2048, "step": input_step}
    while True:
        n += 1
        rows = nc.sweep({"net": f"{net}width={n * step}", "vary": {"input": sides}})
        for name, limit in budget.items():
            rows = rows[rows[name] <= limit]
        side = Fraction(int(rows["input"].max()), 224) if len(rows) else Fraction(0)
        if side < best[0]:  # a wider network costs more, so its inputs are smaller still
            return best
        best = max(best, (min(side, n * step), max(side, n * step)))


@pytest.mark.parametrize(
    ("net", "budget", "step", "input_step"),
    [
        ("googlenet@", {"macs": 3 * 10**8}, "1/50", 1),
        ("googlenet@", {"macs": 10**9}, "1/50", 7),
        ("googlenet@", {"macs": 2 * 10**8}, "1/64", 1),
        ("googlenet@", {"params": 5 * 10**6, "macs": 10**9}, "1/20", 16),
        ("googlenet@round=16,", {"params": 3 * 10**6, "macs": 2 * 10**9}, "1/25", 32),
    ],
)
def test_the_best_choice_is_the_nearest_of_a_grid(
    net: str, budget: dict[str, int], step: str, input_step: int
) -> None:
    limits: dict[str, Any] = {f"max_{name}": limit for name, limit in budget.items()}
    found = nc.fit(net.rstrip("@,"), **limits, step=step, input_step=input_step)
    shares = Fraction(found.best.values["width"]), Fraction(found.best.values["input"], 224)
    assert (min(shares), max(shares)) == nearest(net, budget, Fraction(step), input_step)


def test_the_marked_choice_of_the_command_line() -> None:
    """0.604 on 134: a share of 134/224. One pixel more, or 0.605, is too much."""
    told = json.loads(netcalc("fit", "googlenet", "--max-macs", "200M", "--format", "json").out)
    assert (told["best"]["width"], told["best"]["input"]) == ("0.604", "134")
    assert costs("googlenet@width=0.604", 134)["macs"] <= 2 * 10**8
    assert costs("googlenet@width=0.605", 134)["macs"] > 2 * 10**8
    assert costs("googlenet@width=0.599", 135)["macs"] > 2 * 10**8  # 135/224 = 0.6026...
    assert {(n["knob"], n["value"]) for n in told["next"]} == {("width", "0.605"), ("input", "135")}


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


GROUPED = """
parameters: {c: 64, g: 8, k: 3, s: 2, d: 1, p: 0}
input: [1, 16, 64, 64]
layers:
  - conv1: {type: Conv2d, out_channels: c, kernel: 3, padding: 1, groups: g}
  - conv2: {type: Conv2d, out_channels: 2*c, kernel: k, stride: s, dilation: d, padding: p}
"""


@pytest.fixture
def grouped(tmp_path: Path) -> str:
    file = tmp_path / "g.yaml"
    file.write_text(GROUPED)
    return str(file)


def legal(net: str, side: int | None = None) -> dict[str, int] | None:
    try:
        return costs(net, side)
    except nc.SpecError:
        return None


@pytest.mark.parametrize(
    ("vary", "limits", "upto"),
    [
        ("c", {"params": 50_000}, 80),
        ("c", {"macs": 10**8}, 120),
        ("d", {"macs": 3 * 10**8}, 40),
        ("k", {"macs": 3 * 10**8}, 70),
        ("g", {"params": 10**6}, 70),
        ("p", {"macs": 2 * 10**8}, 80),
        ("p", {"macs": 75_600_000}, 80),
    ],
)
def test_values_that_cannot_be_are_passed_over(
    grouped: str, vary: str, limits: dict[str, int], upto: int
) -> None:
    """Against one analysis for each value; what is larger does not fit, or cannot be."""
    found = nc.fit(grouped, **{f"max_{k}": v for k, v in limits.items()}, vary=[vary])  # type: ignore[arg-type]
    known = {v: legal(f"{grouped}@{vary}={v}") for v in range(upto)}
    fitting = [v for v, c in known.items() if c and all(c[k] <= n for k, n in limits.items())]
    best = max(fitting)
    assert found.best.values == {vary: best}
    larger = [v for v, c in known.items() if c and v > best]
    if larger:
        assert found.best.next == {vary: (larger[0], known[larger[0]])}
        assert not found.best.refused
    else:
        assert not found.best.next
        assert found.best.refused[vary][0] == best + 1
        assert f"{vary} {best + 1} cannot be: " in " ".join(found.table().split())


def test_values_that_cannot_be_beside_inputs(grouped: str) -> None:
    found = nc.fit(grouped, max_macs="300M", vary=["c", "input"], input_step=4)
    fitting = []
    for c in range(8, 161, 8):
        known = {side: legal(f"{grouped}@c={c}", side) for side in range(4, 161, 4)}
        sides = [side for side, cost in known.items() if cost and cost["macs"] <= 3 * 10**8]
        shares = Fraction(c, 64), Fraction(max(sides), 64)
        fitting.append((min(shares), max(shares)))
    own = [(Fraction(c, 64), Fraction(side, 64)) for c, side in map(values, found.frontier)]
    assert max((min(pair), max(pair)) for pair in own) == max(fitting)
    assert values(found.best) == max(map(values, found.frontier), key=lambda v: (min(v), max(v)))
    assert all(c % 8 == 0 for c, _ in map(values, found.frontier))


def values(choice: Any) -> tuple[int, int]:
    return choice.values["c"], choice.values["input"]


def test_a_budget_that_binds_only_wide_networks_is_kept() -> None:
    """The narrowest network fits on the largest input; what 100M parameters allow does not."""
    found = nc.fit("googlenet", max_params="100M", max_macs="2T")
    width, side = found.best.values.values()
    assert costs(found.net, int(side)) == found.best.costs
    assert found.best.costs["macs"] <= 2 * 10**12 < costs(found.net, int(side) + 1)["macs"]
    wider = f"googlenet@width={width + Fraction(1, 1000)}"
    assert found.best.costs["params"] <= 10**8 < costs(wider)["params"]


def test_every_input_fits() -> None:
    """GoogLeNet has 1.6G MACs on 224 x 224, so 2.2T on 8192 x 8192, the largest looked at."""
    found = nc.fit("googlenet", max_params="7M", max_macs="9T")
    assert found.side == 224
    assert "every input up to 8,192 fits: it stays" in found.table()


def test_steps_of_the_input() -> None:
    for step in (2.5, 0, 8193, True):
        with pytest.raises(nc.InputError, match="a whole number from 1 to 8,192, got"):
            nc.fit("googlenet", max_macs="1G", input_step=step)  # type: ignore[arg-type]


def test_limits_are_told(grouped: str) -> None:
    with pytest.raises(nc.InputError, match="width is looked at up to 1,048,576, which fits"):
        nc.fit("googlenet", max_params=1e30, vary=["width"])  # type: ignore[arg-type]
    with pytest.raises(
        nc.InputError, match=r"no budget bounds s: s 2 costs .* macs fewer than s 1"
    ):
        nc.fit(grouped, max_macs="30M", vary=["s"])
    with pytest.raises(nc.InputError, match=r"k 23 costs .* vary k alone"):
        nc.fit(grouped, max_macs="300M", vary=["k", "input"])
    with pytest.raises(nc.InputError, match="p is 0, of which nothing is a share"):
        nc.fit(grouped, max_macs="300M", vary=["p", "input"])
    with pytest.raises(nc.InputError, match="no budget bounds p; add --max-macs"):
        nc.fit(grouped, max_params="3M", vary=["p"])


def test_documents() -> None:
    options = ("--max-params", "5M", "--vary", "width", "--step", "0.01", "--format", "json")
    told = json.loads(netcalc("fit", "googlenet", *options).out)
    assert told["net"] == "googlenet@width=0.83"
    assert told["best"]["params"] == costs("googlenet@width=0.83")["params"]
    assert told["next"][0]["params"] == costs("googlenet@width=0.84")["params"]


def test_what_there_is_varies() -> None:
    """resnet50 has no width: PyTorch counts 2 G MACs or fewer up to the input that is found."""
    found = nc.fit("resnet50", max_macs="2G")
    assert list(found.best.values) == ["input"]
    side = found.best.values["input"]
    with torch.device("meta"):
        model = torchvision.models.resnet50(weights=None).eval().requires_grad_(False)
    fits, more = (
        meta_macs(model, torch.empty(1, 3, s, s, device="meta")) for s in (side, side + 1)
    )
    assert fits <= 2 * 10**9 < more
    with pytest.raises(nc.UnknownNameError, match=r"has no 'width' that .*use --vary input$"):
        nc.fit("resnet50", max_macs="2G", vary=["width", "input"])


def test_widths_are_decimals_in_every_format() -> None:
    options = ("fit", "googlenet", "--max-params", "5M", "--vary", "width", "--format")
    line = netcalc(*options, "csv").out.splitlines()[1]
    width = line.split(",")[0]
    assert f"| {width} |" in " ".join(netcalc(*options, "markdown").out.split())
    assert costs(f"googlenet@width={width}")["params"] == int(line.split(",")[1])
    assert "/" not in width


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "a budget is needed: --max-params 5M"),
        (("--max-params", "much"), "max_params must be a number such as 7e6"),
        (("--max-params", "900"), "nothing fits 900 params, however small"),
        (("--max-macs", "1000"), "nothing fits 1,000 macs, however small"),
        (("--max-params", "5M", "--vary", "wdth"), "did you mean width?"),
        (("--max-params", "7M", "--vary", "input"), "no budget bounds the input"),
        (("--max-macs", "100T", "--vary", "input"), "the input is looked at up to 8,192, which"),
        (("--max-macs", "1G", "--vary", "input", "--input-step", "10000"), "from 1 to 8,192"),
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
