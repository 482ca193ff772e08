"""Closed formulas, against what is worked out by hand and against the exact rules."""

from __future__ import annotations

import random
from typing import Any

import pytest
import sympy

import netcalc as nc
from netcalc.symbolic.floors import flat
from netcalc.symbolic.writing import python
from tests.commands import netcalc


def same(expression: Any, text: str) -> bool:
    names = {str(s): s for s in sympy.sympify(expression).free_symbols}
    return bool(sympy.expand(expression - sympy.sympify(text, locals=names)) == 0)


def test_the_reduced_module() -> None:
    (params,) = nc.formula("reduced").expressions
    assert same(params, "c_in*(c1 + r3 + r5 + pp) + 9*r3*c3 + 25*r5*c5")
    assert "c_in*(" in str(params)  # collected, as one would write it
    assert nc.formula("reduced").assumptions == ()


def test_the_naive_module() -> None:
    assert same(nc.formula("naive").expressions[0], "c_in*(c1 + 9*c3 + 25*c5)")


def test_googlenet_in_a_width() -> None:
    found = nc.formula("googlenet", ["width=w"])
    assert same(found.expressions[0], "5956864*w**2 + 1040688*w + 1000")
    assert found.assumptions == ("width times every width is a whole number",)
    assert nc.formula("googlenet").symbols == ("width",)


def test_googlenet_on_inputs_that_are_multiples_of_32() -> None:
    found = nc.formula("googlenet", ["input=32*n"], "macs")
    assert same(found.expressions[0], "32278528*n**2 + 1024000")


def test_the_last_feature_map_for_any_input() -> None:
    found = nc.formula("googlenet", ["input=H"], "output", "inception_5b")
    assert found.assumptions == ("valid from H = 31",)
    options = ("--symbols", "input=H", "--quantity", "output", "--at", "inception_5b")
    assert netcalc("formula", "googlenet", *options).out == (
        "output of inception_5b = 1024 x floor((H + 1)/32) x floor((H + 1)/32)\n"
        "  valid from H = 31\n"
    )
    with pytest.raises(nc.SpecError):
        nc.analyse("googlenet", 30)
    for side in (31, 32, 62, 63, 224, 299):
        out = nc.analyse("googlenet", side).result.under("inception_5b")[-1].outs[0]
        assert found.at(H=side) == out.dims[1:] == (1024, (side + 1) // 32, (side + 1) // 32)


def exactly(quantity: str, rows: Any) -> Any:
    if quantity == "output":
        return rows[-1].outs[0].dims[1:]
    if quantity == "activations":
        return sum(x.numel for r in rows for x in r.outs)
    return sum(getattr(r.counts, quantity) for r in rows)


CASES: list[tuple[str, list[str], str, str, int]] = [
    ("reduced", [], "params", "", 1),
    ("reduced", [], "macs", "", 1),
    ("reduced", [], "activations", "branch3x3", 1),
    ("naive", [], "output", "", 1),
    ("vgg11", ["input=n"], "macs", "", 32),
    ("resnet18", ["input=n"], "activations", "", 1),
    ("googlenet", ["input=n"], "macs", "", 31),
    ("inception_v3", ["input=n"], "output", "mixed_7c", 75),
]


@pytest.mark.parametrize(("net", "symbols", "quantity", "path", "least"), CASES)
def test_the_python_function_is_the_exact_rules(
    net: str, symbols: list[str], quantity: str, path: str, least: int
) -> None:
    """1,000 random points for the modules, 60 for whole networks."""
    found = nc.formula(net, symbols or None, quantity, path)
    names: dict[str, Any] = {}
    exec(python(found), names)
    (function,) = (v for v in names.values() if callable(v))
    rng = random.Random(8)
    for _ in range(60 if symbols else 1000):
        point = {name: rng.randrange(least, 500) for name in found.symbols}
        given = {} if symbols else point
        a = nc.analyse(nc.load(net, **given), point["n"] if symbols else None)
        exact = exactly(quantity, a.result.under(path))
        assert function(**point) == exact, point


def test_a_wrong_formula_is_noticed() -> None:
    found = nc.formula("reduced")
    wrong = found._replace(expressions=(found.expressions[0] + 1,))
    names: dict[str, Any] = {}
    exec(python(wrong), names)
    assert names["reduced_params"](256, 128, 64, 192, 64, 96, 64) == 346_112 + 1


def test_from_where_it_is_valid() -> None:
    """The smallest input that is not refused, for networks of several kinds."""
    for net in ("vgg11", "googlenet", "inception_v3", "alexnet"):
        (told,) = nc.formula(net, ["input=n"], "params").assumptions
        least = int(told.rpartition(" ")[2])
        nc.analyse(net, least)
        with pytest.raises(nc.SpecError):
            nc.analyse(net, least - 1)


def test_floors_within_floors() -> None:
    h = sympy.Symbol("h", integer=True, positive=True)
    rng = random.Random(9)
    for _ in range(200):
        expression: Any = h
        for _ in range(rng.randrange(1, 5)):
            k, s, p = rng.randrange(1, 8), rng.randrange(1, 4), rng.randrange(0, 4)
            expression = sympy.floor((expression + 2 * p - k) / sympy.Integer(s)) + 1
        tidy = flat(expression)
        assert len(tidy.atoms(sympy.floor)) <= 1
        for value in (1, 2, 7, 31, 224):
            assert tidy.subs(h, value) == expression.subs(h, value)


def test_break_even() -> None:
    """1,089,536 = 4,896 r + 32,768 at 215.8."""
    done = netcalc("break-even", "naive", "reduced", "--over", "r")
    assert done.code == 0
    assert "r3 = r5 = pp = r" in done.out
    assert "reduced has fewer params than naive up to r = 215\n  1,085,408 against" in done.out
    found = nc.break_even("naive", "reduced", "r")
    for r in (215, 216):
        exact = nc.analyse(f"reduced@r3={r},r5={r},pp={r}").totals.params
        assert found.exact[r] == (1_089_536, exact)
        assert (exact < 1_089_536) == (r == 215)
    assert [span.fewer for span in found.spans] == [1, -1]


def test_break_even_over_a_size_of_both() -> None:
    """9 c^2 against c^2 + 9 c: as many at 9/8."""
    found = nc.break_even("conv3x3", "separable3x3", "c")
    assert found == nc.break_even("conv3x3", "separable3x3", "c=c")
    assert found.exact == {1: (9, 10), 2: (36, 22)}
    with pytest.raises(nc.InputError, match=r"the same arguments \(c\); say which, as --over r=c"):
        nc.break_even("conv3x3", "separable3x3", "r")


def test_break_even_where_nothing_changes() -> None:
    (span,) = nc.break_even("conv5x5", "conv3x3-twice", "c=c").spans
    assert (span.first, span.last, span.fewer) == (1, None, 1)


def test_parameters_of_files_are_symbols(tmp_path: Any) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(
        "parameters: {c: 8, k: 3}\ninput: [1, c, 32, 32]\n"
        "layers: [{conv: {type: Conv2d, out_channels: 2*c, kernel: 3, groups: 2, bias: false}}]\n"
    )
    found = nc.formula(str(file), ["c"])
    assert found.at(c=8) == (16 * 4 * 3 * 3,)
    assert any("is a multiple of 2" in told for told in found.assumptions)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("reduced", "--symbols", "c_in=2*"), "write a symbol as"),
        (("reduced", "--symbols", "c9"), "has no argument 'c9'"),
        (("reduced", "--at", "nowhere"), "has no layer or module 'nowhere'"),
        (("reduced", "--symbols", "c1,c1"), "given twice"),
        (("reduced", "--symbols", "c1=8"), "write a symbol as"),
        (("googlenet", "--symbols", "round=r"), "round must be a number"),
        (("nonet",), "there is no network called 'nonet'"),
    ],
)
def test_bad_input(arguments: tuple[str, ...], message: str) -> None:
    done = netcalc("formula", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_bad_break_even() -> None:
    for over, message in (("2", "takes a symbol"), ("r=q", "has a size 'q'")):
        done = netcalc("break-even", "naive", "reduced", "--over", over)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
