"""Formulas of random files against the exact rules, and where they say that they are valid."""

from __future__ import annotations

import contextlib
import random
import re
from fractions import Fraction
from math import floor
from typing import Any

import pytest
import sympy

import netcalc as nc
from netcalc.symbolic.floors import flat
from netcalc.symbolic.formula import symbol
from netcalc.symbolic.writing import latex, python, text
from tests.commands import netcalc
from tests.test_formula import exactly

STRIDES = """parameters: {s: 1, k: 3, c: 8, g: 1}
input: [1, 16, 40, 40]
layers:
"""


def random_file(rng: random.Random) -> str:
    """A chain of convolutions and pools with strides and kernels that are parameters."""
    lines = []
    for i in range(rng.randrange(1, 4)):
        kernel, stride = rng.choice(["1", "2", "3", "k"]), rng.choice(["1", "2", "s", "2*s", "s+1"])
        padding, channels = rng.choice(["0", "1"]), rng.choice(["c", "2*c", "c+2", "c//2", "c%3"])
        conv = f"Conv2d, out_channels: {channels}, padding: {padding}, groups: {rng.choice('12g')}"
        kind = rng.choice([conv, conv, "MaxPool2d", "AvgPool2d, ceil_mode: false"])
        lines.append(f"  - l{i}: {{type: {kind}, kernel: {kernel}, stride: {stride}}}\n")
    lines.append("  - last: {type: MaxPool2d, kernel: 2, stride: 2}\n")
    return STRIDES + "".join(lines)


def called(found: nc.Formula) -> Any:
    names: dict[str, Any] = {}
    exec(python(found), names)
    (function,) = (v for v in names.values() if callable(v))
    return function


def told_legal(line: str, point: dict[str, int]) -> bool:
    """Whether a point is legal by one of the lines that a formula prints."""
    values: dict[str, Any] = {s: Fraction(v) for s, v in point.items()}
    match = re.fullmatch(r"valid (?:from|for) (\w+) = (\d+)(?: to (\d+))?", line)
    if match:
        last = match[3] or (match[2] if line.startswith("valid for") else "inf")
        return int(match[2]) <= point[match[1]] <= float(last)
    match = re.fullmatch(r"valid for (\w+) = ([\d, ]+)", line)
    if match:
        return point[match[1]] in map(int, match[2].split(", "))
    match = re.fullmatch(r"valid (?:from (\w+) = (\d+), )?where (\w+) % (\d+) is (.+)", line)
    if match:
        runs = [list(map(int, re.findall(r"\d+", run))) for run in match[5].split(" or ")]
        rest = point[match[3]] % int(match[4])
        return point[match[3]] >= int(match[2] or 1) and any(r[0] <= rest <= r[-1] for r in runs)
    line = re.sub(r"^(.+) is a multiple of (.+)$", r"(\1) % (\2) == 0", line)
    line = re.sub(r"(?<!\*\*)\b(\d+)\b", r"Fraction(\1)", line)
    return bool(eval(line, {**values, "Fraction": Fraction, "floor": floor}))


def test_random_files_at_random_points(tmp_path: Any) -> None:
    """Numbers and legality, exactly: over 1,000 points, legal or not."""
    rng = random.Random(1)
    file = tmp_path / "net.yaml"
    points = 0
    chosen = ["s,input=n", "s", "input=n", "k", "c,g", "c=c-5", "c=n%3", "g", "s,k"]
    for i in range(72):
        file.write_text(random_file(rng))
        symbols = chosen[i % len(chosen)].split(",")
        quantity = rng.choice(["macs", "params", "activations", "output"])
        found: nc.Formula | None = None
        with contextlib.suppress(nc.InputError):  # then no value is legal, as is seen below
            found = nc.formula(str(file), symbols, quantity)
        for _ in range(30):
            point = {s: rng.randrange(1, 80 if s == "n" else 12) for s in "snkcg"}
            given = {name: eval(e or name, dict(point)) for name, _, e in map(parted, symbols)}
            side = given.pop("input", None)
            try:
                rows = nc.analyse(nc.load(str(file), **given), side).result.rows
            except nc.errors.NetcalcError:
                rows = None
            if found is None:
                assert rows is None
                continue
            own = {s: point[s] for s in found.symbols}
            legal = all(told_legal(line, own) for line in found.assumptions)
            assert legal == (rows is not None), (file.read_text(), own, found)
            if rows is not None:
                points += 1
                assert called(found)(**own) == exactly(quantity, rows), (file.read_text(), own)
    assert points > 1000


def parted(text: str) -> tuple[str, str, str]:
    return text.partition("=")


def test_a_denominator_that_is_a_product(tmp_path: Any) -> None:
    """64 pixels, kernel 3, stride 2s: floor(61/(2s)) + 1 windows, of which a pool of 3 needs 3."""
    file = tmp_path / "h.yaml"
    file.write_text(
        "parameters: {s: 1}\ninput: [1, 16, 64, 64]\nlayers:\n"
        "  - conv: {type: Conv2d, out_channels: 16, kernel: 3, stride: 2*s}\n"
        "  - pool: {type: MaxPool2d, kernel: 3, stride: 2}\n"
    )
    found = nc.formula(str(file), ["s"], "macs")
    assert "61//(2*s)" in python(found)
    assert "floor(61/(2*s))" in text(found)
    assert [called(found)(s) for s in (1, 2, 15)] == [
        (61 // (2 * s) + 1) ** 2 * 16 * 16 * 9 for s in (1, 2, 15)
    ]
    assert found.assumptions == ("valid from s = 1 to 15",)


@pytest.mark.parametrize(
    ("net", "least"), [("googlenet@aux=true", 79), ("googlenet", 31), ("inception_v3", 75)]
)
def test_the_least_input_is_exact(net: str, least: int) -> None:
    assert nc.formula(net, ["input=n"], "macs").assumptions == (f"valid from n = {least}",)
    assert not is_legal(net, least - 1)
    assert all(is_legal(net, side) for side in range(least, least + 100))


def is_legal(net: str, side: int) -> bool:
    try:
        nc.analyse(net, side)
    except nc.SpecError:
        return False
    return True


def test_inputs_that_go_by_their_rest() -> None:
    """The branches of BN-Inception's modules with stride 2 round differently."""
    (told,) = nc.formula("bn_inception", ["input=n"]).assumptions
    assert told == "valid from n = 31, where n % 32 is from 0 to 6 or 31"
    for side in (*range(1, 140), 224, 2047, 2060):
        assert is_legal("bn_inception", side) == told_legal(told, {"n": side})


@pytest.mark.parametrize(
    ("layer", "symbol_", "told"),
    [
        ("kernel: k", "k", ("valid from k = 1 to 40",)),
        ("kernel: 3000", "input=n", ("valid from n = 3000",)),
        ("kernel: 3000000", "input=n", ("n >= 3000000",)),
        ("kernel: 3, groups: k", "k", ("8 is a multiple of k", "16 is a multiple of k")),
        ("kernel: 1", "input=n", ()),
        ("kernel: 50 - k", "k", ("valid from k = 10 to 49",)),
    ],
)
def test_ranges(tmp_path: Any, layer: str, symbol_: str, told: tuple[str, ...]) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(
        "parameters: {k: 16}\ninput: [1, 16, 40, 40]\n"
        f"layers: [{{conv: {{type: Conv2d, out_channels: 8, {layer}}}}}]\n"
    )
    if "3000" in layer:  # on its own input it does not fit
        file.write_text(file.read_text().replace("40, 40", "4000000, 4000000"))
    assert nc.formula(str(file), [symbol_]).assumptions == told


def test_what_no_value_allows_is_refused(tmp_path: Any) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(
        "parameters: {k: 3}\ninput: [1, 16, 40, 40]\nlayers:\n"
        "  - one: {type: MaxPool2d, kernel: k, stride: 1}\n"
        "  - two: {type: MaxPool2d, kernel: 42 - k, stride: 1}\n"
    )
    done = netcalc("formula", str(file), "--symbols", "k")
    assert (done.code, done.err) == (2, "netcalc: two cannot be for any value of k\n")


def test_sums_among_output_sizes_stand_in_parentheses() -> None:
    found = nc.formula("alexnet", ["input=n"], "output", "conv2")
    side = r"\left(\left\lfloor{\frac{n}{8} + \frac{5}{8}}\right\rfloor - 2\right)"
    assert "= 256 x (floor((n + 5)/8) - 2) x (floor((n + 5)/8) - 2)\n" in text(found)
    assert f"256 \\times {side} \\times {side}\n" in latex(found)


@pytest.mark.parametrize("step", ["8", "+8"])
def test_rounded_widths_are_said(step: str) -> None:
    found = nc.formula(f"googlenet@round={step}", ["width=w"])
    assert found.assumptions == ("width times every width is a multiple of 8",)
    for width in (1, 2, 3):
        exact = nc.analyse(f"googlenet@round=8,width={width}").totals.params
        assert found.at(w=width) == (exact,)


def test_arguments_already_given() -> None:
    half = nc.formula("googlenet@width=0.5")
    assert half.symbols == ("n",)
    assert half.at(n=224) == (nc.analyse("googlenet@width=0.5").totals.params,)
    assert nc.formula("reduced@c-in=192").symbols == ("c1", "r3", "c3", "r5", "c5", "pp")
    assert nc.break_even("naive@c-in=192", "reduced@c-in=192", "r").arguments == ("r3", "r5", "pp")


def test_arguments_already_given_to_a_file(tmp_path: Any) -> None:
    file = tmp_path / "g.yaml"
    file.write_text(
        "parameters: [c, g=8]\ninput: [1, 16, 8, 8]\n"
        "layers: [{conv: {type: Conv2d, out_channels: c, kernel: 1, groups: g, bias: false}}]\n"
    )
    found = nc.formula(f"{file}@c=64")
    assert (found.symbols, found.at(g=4)) == (("g",), (16 // 4 * 64,))
    assert nc.formula(f"{file}@g=4", ["c"]).at(c=64) == (16 // 4 * 64,)


def test_names_that_python_does_not_take(tmp_path: Any) -> None:
    file = tmp_path / '3 "x².yaml'
    file.write_text(
        "parameters: {c: 8}\ninput: [1, 4, 8, 8]\n"
        "layers: [{conv: {type: Conv2d, out_channels: c, kernel: 1, bias: false}}]\n"
    )
    assert called(nc.formula(str(file), ["c=lambda"]))(5) == 20
    assert called(nc.formula(str(file), ["c=n%3"]))(5) == 4 * 2
    assert nc.formula(str(file), ["c=n%3"]).assumptions == ("valid where n % 3 is from 1 to 2",)


def test_floors_of_whole_numbers_are_left_out() -> None:
    n = symbol("n")
    assert flat(sympy.floor(2 * n + 3, evaluate=False)) == 2 * n + 3


def test_a_rule_that_needs_a_number_says_so(tmp_path: Any) -> None:
    file = tmp_path / "ceil.yaml"
    file.write_text(
        "parameters: {k: 3}\ninput: [1, 16, 40, 40]\n"
        "layers: [{pool: {type: MaxPool2d, kernel: k, stride: 2, ceil_mode: true}}]\n"
    )
    done = netcalc("formula", str(file), "--symbols", "k")
    assert (done.code, done.out) == (2, "")
    assert done.err == "netcalc: a rule needs a number where a symbol stands: k\n"
